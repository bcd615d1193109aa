"""`sql`: statements of a dialect that a database can prepare, as a grammar that decoders take."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..context_free import lark
from ..errors import GrammarError, Unsupported
from ..grammar import Grammar
from ..scoped import Scoped
from .dialects import Dialect
from .dialects import dialect as dialect_of
from .machine import Machine
from .options import first_bytes
from .schema import Schema
from .scope import ScopeAutomaton
from .terminals import NAMES, Terminals

STATEMENTS = ("select", "insert", "update", "delete")
_RULES = {
    "select": "do_main query",
    "insert": "insert_statement",
    "update": "update_statement",
    "delete": "delete_statement",
}
_STACKS = 1 << 18
_ACTION = re.compile(r"\b(?:do|if)_\w+")


class SqlGrammar(Scoped):
    """Statements over a schema: a context-free grammar and a scope automaton that run in step; `sql` makes one.

    Like a grammar it has masks (`decoding.Masker`) and joins others with `+`, `|`, `sequence` and `tags` (`mixed.py`);
    like a predicate it joins them with `&`.
    It may be pickled and copied: what is kept is the schema and the options, not the states made so far.
    """

    def __init__(
        self,
        schema: Schema,
        grammar: Callable[[], Grammar],
        automaton: ScopeAutomaton,
        name: str,
        options: Mapping[str, Any],
    ) -> None:
        super().__init__(grammar, automaton, name)
        self.schema = schema
        """Tables and columns."""
        self.options = options
        """What `sql` was called with beside the schema."""

    def __reduce__(self) -> tuple[Any, ...]:
        return functools.partial(sql, self.schema, **self.options), ()


def sql(
    source: Any,
    *,
    dialect: str = "sqlite",
    statements: Iterable[str] = ("select",),
    forward_columns: bool = True,
    whitespace: int = 8,
) -> SqlGrammar:
    """One statement of a dialect over the tables of a database, read-only unless asked otherwise.

    Args:
        source: a connection of sqlite3 or DuckDB, an engine, connection or inspector of SQLAlchemy, a mapping
            `{"table": {"column": "type"}}`, or a Schema. It is read once.
        dialect: "sqlite", "postgres", "mysql" or "duckdb".
        statements: some of "select", "insert", "update", "delete".
        forward_columns: let a list of columns, which is written before FROM, name columns of a subquery in FROM
            that no table has, as `x.total` in `SELECT x.total FROM (SELECT sum(a) AS total FROM t) AS x`. Without it
            the list names nothing but columns that tables and common table expressions have.
        whitespace: the longest run of spaces, tabs and line breaks.

    Only tables, columns and aliases that exist and are in scope are named, and none that is ambiguous. What stands in
    a list of columns before FROM must be bound there: FROM goes on until it is. Columns of results are counted. In
    typed dialects (all but sqlite) operators and functions get what they take, and columns beside aggregates are
    grouped.

    Not generated, though databases take it: comments, right joins with USING in SQLite and full joins beyond it,
    RANGE and GROUPS frames with offsets, subqueries within aggregates, correlated subqueries in FROM (but LATERAL),
    recursive common table expressions of another form than first UNION second, where the second begins FROM itself,
    aliases in WHERE, GROUP BY and HAVING, row values, exponents, implicit aliases of columns, more than 8 tables in one
    FROM, nesting beyond 8 queries; in typed dialects also grouping by expressions, comparisons between numbers and
    strings, and columns of types such as JSON outside `*`. What else depends on the dialect: docs/enforced.md.

    Raises GrammarError for a source without tables, Unsupported for other dialects and statements.
    """
    kinds = tuple(dict.fromkeys((statements,) if isinstance(statements, str) else statements))
    for kind in kinds:
        if kind not in STATEMENTS:
            raise Unsupported(f"statements={kind!r} is not supported; there are {', '.join(STATEMENTS)}")
    if not kinds:
        raise GrammarError("statements= names no kind of statement; 'select' is one")
    schema = Schema.read(source)
    words = dialect_of(dialect)
    start = f'start: ({" | ".join(_RULES[kind] for kind in kinds)}) [";"]\n'
    rules = Terminals(words, schema, forward_columns)
    syntax = start + words.syntax + (words.writing if kinds != ("select",) else "")
    automaton = ScopeAutomaton(_machine(syntax, words.quote), rules, "start", whitespace=whitespace)
    grammar = functools.partial(context_free, words, syntax)
    options = {
        "dialect": dialect,
        "statements": kinds,
        "forward_columns": forward_columns,
        "whitespace": whitespace,
    }
    return SqlGrammar(schema, grammar, automaton, f"SQL of {dialect}, {'/'.join(kinds)}", options)


@functools.lru_cache(maxsize=16)
def _shared_machine(syntax: str, quote: str) -> Machine:
    return Machine(syntax, functools.partial(first_bytes, quote))


def _machine(syntax: str, quote: str) -> Machine:
    """The parser, which databases share; another one when it has met very many stacks."""
    machine = _shared_machine(syntax, quote)
    if len(machine.stacks) > _STACKS:
        _shared_machine.cache_clear()
        machine = _shared_machine(syntax, quote)
    return machine


def context_free(words: Dialect, syntax: str) -> Grammar:
    """The syntax alone, with any names; of rules with actions."""
    quote = words.quote
    double = ' | /"(?:[^"\\x00]|"")*"/' if words.name in ("sqlite", "mysql") else ""
    escape = "\\\\\\\\" if words.name == "mysql" else ""
    names = "".join(f"{name}: WORD | QUOTED\n" for name in sorted(NAMES) if re.search(rf"\b{name}\b", syntax))
    terminals = (
        f"WORD: /[A-Za-z_][A-Za-z0-9_]*/\nQUOTED: /{quote}(?:[^{quote}\\x00]|{quote}{quote})*{quote}/\n"
        f"STRING: /'(?:[^'{escape}\\x00]|'')*'/{double}\nDATED: STRING\nNUMBER: /[0-9]+(?:\\.[0-9]+)?/\n"
        "INTEGER: /[0-9]+/\nPOSITION: INTEGER\nFRAME: INTEGER\n%ignore /[ \\t\\r\\n]+/\n"
    )
    return lark(_ACTION.sub("", syntax) + terminals + names)
