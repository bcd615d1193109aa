"""Constraints as text: the JSON in which requests to vLLM name what they want.

A specification is an object with exactly one kind, and options of it:

    {"json_schema": SCHEMA, "property_order": "any", "whitespace": "compact"}
    {"json_object": true}    {"regex": "...", "dialect": "ecma", "flags": "i"}    {"choice": ["yes", "no"]}
    {"lark": "..."}    {"ebnf": "..."}    {"named": "orders"}
    {"sql": {"schema": {"city": {"name": "TEXT"}}, "dialect": "sqlite", "statements": ["select"]}}

`named` is a constraint that whoever runs the server has registered: the door for SQL of a live database, and for
predicates, neither of which a stranger's request may bring along; of a pydantic class its `model_json_schema()` is a
`json_schema`. Compiling is bounded by `LIMITS`.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import threading
from collections.abc import Callable
from typing import Any

from ... import grammars
from ...decoding import Tester
from ...grammars import Budget, GrammarError
from ...grammars.predicate import Judge
from ...grammars.scoped import Scoped
from .tables import schema_of

VARIABLE = "BYTEBOUND_CONSTRAINTS"
"""Environment variable with the name of a module: the constraints in it are registered under their names."""
LIMITS = Budget(nodes=1 << 20, seconds=2.0, states=1 << 20, memory=1 << 28, configurations=1 << 16)
"""What a request's grammar may cost."""
MAX_CHARACTERS = 1 << 20
"""Length of a specification in characters."""
MAX_GRAMMAR_CHARACTERS = 1 << 17
"""Length of a pattern or grammar in them."""

_OPTIONS: dict[str, tuple[str, ...]] = {
    "json_schema": ("property_order", "whitespace", "formats", "unknown_formats"),
    "json_object": ("property_order", "whitespace"),
    "regex": ("dialect", "flags"),
    "choice": (),
    "lark": ("start", "lexing"),
    "ebnf": ("root",),
    "sql": (),
    "named": (),
}
_LENGTHS = dict.fromkeys(("regex", "lark", "ebnf", "sql"), MAX_GRAMMAR_CHARACTERS)
_SQL = ("schema", "dialect", "statements")
_SQL_STATES = 1 << 18
_registered: dict[str, Any] = {}
_lock = threading.Lock()


def register(name: str, constraint: Any) -> None:
    """Make a Grammar, pydantic class, Predicate, Conjunction or Tester known to requests as {"named": name}.

    It holds for this process. Where the engine runs in others, put the constraints into a module and name it in the
    environment variable BYTEBOUND_CONSTRAINTS (`--constraints MODULE` of the command): each process imports it.
    """
    if isinstance(constraint, type) and hasattr(constraint, "model_json_schema"):
        constraint = grammars.pydantic(constraint)
    if not isinstance(constraint, grammars.Grammar | Judge | Tester):
        raise GrammarError(f"a constraint is a grammar, a pydantic class or a predicate, not {constraint!r}")
    with _lock:
        _registered[name] = constraint


@functools.lru_cache(maxsize=1)
def load(module: str) -> None:
    """Register the constraints of a module; "" is none. Raises ImportError where there is no such module."""
    if module:
        for name, value in vars(importlib.import_module(module)).items():
            if isinstance(value, grammars.Grammar | Judge | Tester):
                register(name, value)


def constraint_of(specification: Any) -> Any:
    """The constraint of a specification: an object, or its JSON text.

    Returns a Grammar, one of SQL, or what was registered. Equal specifications give the same object while it is
    remembered.
    Raises GrammarError and its kin for what cannot be compiled.
    """
    if isinstance(specification, str):
        specification = parsed(specification)
    if not isinstance(specification, dict):
        raise GrammarError(f'a specification is a JSON object such as {{"regex": "..."}}, not {_shown(specification)}')
    kinds = [kind for kind in specification if kind in _OPTIONS]
    if len(kinds) != 1:
        known = ", ".join(_OPTIONS)
        raise GrammarError(f"a specification has exactly one of {known}; this one has {', '.join(kinds) or 'none'}")
    options = {name: value for name, value in specification.items() if name != kinds[0]}
    allowed = _OPTIONS[kinds[0]]
    for name, value in options.items():
        if name not in allowed:
            meant = f": {kinds[0]} takes {', '.join(allowed)}" if allowed else f": {kinds[0]} takes no options"
            raise GrammarError(f"unknown option {name!r}{meant}", keyword=name)
        if not isinstance(value, str):
            raise GrammarError(f"option {name!r} is text, not {_shown(value)}", keyword=name)
    if kinds[0] == "named":
        return _named(specification["named"])
    try:
        text = json.dumps(specification[kinds[0]])
    except (TypeError, ValueError, RecursionError) as error:
        raise GrammarError(f"the specification cannot be written as JSON: {error}") from None
    return _compiled(kinds[0], _bounded(text, _LENGTHS.get(kinds[0], MAX_CHARACTERS)), tuple(sorted(options.items())))


def parsed(text: str) -> Any:
    """The JSON value of a text. Raises GrammarError with line and column."""
    try:
        return json.loads(_bounded(text, MAX_CHARACTERS))
    except json.JSONDecodeError as error:
        raise GrammarError(f"no JSON: {error.msg}", line=error.lineno, column=error.colno) from None
    except RecursionError:
        raise GrammarError("the JSON is nested too deeply") from None


def is_bnf(text: str) -> bool:
    """Whether a grammar is written in GBNF (`root ::= ...`), and not in Lark's language (`start: ...`)."""
    return any("::=" in line.partition("#")[0] for line in text.splitlines())


@functools.lru_cache(maxsize=256)
def _compiled(kind: str, text: str, options: tuple[tuple[str, str], ...]) -> grammars.Grammar | Scoped:
    return _MAKERS[kind](json.loads(text), **dict(options))


def forget() -> None:
    """Drop compiled grammars, after one whose automaton has used up its budget."""
    _compiled.cache_clear()


def _json_schema(schema: Any, **options: Any) -> grammars.Grammar:
    if isinstance(schema, str):
        schema = parsed(schema)
    return grammars.json_schema(schema, budget=LIMITS, **options)


def _json_object(value: Any, **options: Any) -> grammars.Grammar:
    if value is not True:
        raise GrammarError("json_object is true, or left out")
    return grammars.json_schema({"type": "object"}, budget=LIMITS, **options)


def _regex(pattern: Any, **options: str) -> grammars.Grammar:
    return grammars.regex(pattern, budget=LIMITS, **options)


def _choice(options: Any) -> grammars.Grammar:
    if not isinstance(options, list):
        raise GrammarError(f"choice is a list of texts, not {_shown(options)}")
    return grammars.choice(options)


def _lark(text: Any, **options: Any) -> grammars.Grammar:
    return grammars.lark(text, budget=LIMITS, **options)


def _ebnf(text: Any, **options: Any) -> grammars.Grammar:
    return grammars.ebnf(text, budget=LIMITS, **options)


def _sql(fields: Any) -> Scoped:
    if not isinstance(fields, dict) or "schema" not in fields:
        raise GrammarError(
            f'sql is an object with a "schema", as {{"schema": {{"t": {{"a": "INT"}}}}}}, not {_shown(fields)}'
        )
    for name in fields:
        if name not in _SQL:
            raise GrammarError(f"unknown field {name!r}: sql takes {', '.join(_SQL)}", keyword=name)
    statements = fields.get("statements", ["select"])
    if not isinstance(statements, list):
        raise GrammarError(f"statements is a list of texts, not {_shown(statements)}", keyword="statements")
    for text in (fields.get("dialect", "sqlite"), *statements):
        if not isinstance(text, str):
            raise GrammarError(f"dialect and statements are texts, not {_shown(text)}")
    grammar = grammars.sql(schema_of(fields["schema"]), dialect=fields.get("dialect", "sqlite"), statements=statements)
    automaton: Any = grammar.automaton
    automaton.limit = _SQL_STATES
    return grammar


_MAKERS: dict[str, Callable[..., grammars.Grammar | Scoped]] = {
    "json_schema": _json_schema,
    "json_object": _json_object,
    "regex": _regex,
    "choice": _choice,
    "lark": _lark,
    "ebnf": _ebnf,
    "sql": _sql,
}


def _named(name: Any) -> Any:
    load(os.environ.get(VARIABLE, ""))
    if not isinstance(name, str) or name not in _registered:
        known = ", ".join(map(repr, sorted(_registered))) or "none"
        raise GrammarError(f"no constraint named {_shown(name)} is registered; there are {known}")
    return _registered[name]


def _bounded(text: str, most: int) -> str:
    if len(text) > most:
        raise GrammarError(f"the specification has {len(text):,} characters; at most {most:,} are read")
    return text


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
