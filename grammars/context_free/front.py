"""Grammars from Lark's grammar language and from GBNF: `lark`, `ebnf`, and the ready ones of the `library`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..budget import Budget
from ..errors import GrammarError, Unsupported
from ..grammar import Grammar
from ..predicate import Judge
from . import ebnf_reader
from .compiler import compile_rules
from .definitions import Module, Resolver
from .longest import Tokens
from .modules import Loader, library_text
from .symbols import Seq


def lark(
    text: str,
    *,
    start: str = "start",
    lexing: str = "dynamic",
    imports: Mapping[str, str] | None = None,
    holes: Mapping[str, Grammar] | None = None,
    budget: Budget | None = None,
) -> Grammar:
    """Texts of a grammar in Lark's language.

    Args:
        text: rules, terminals, regular expressions, templates, `%ignore`, `%import common.X`, `%override`, `%extend`;
            `%hole name` declares a name that `holes` gives (it may also be left undeclared).
        start: the rule to begin with.
        lexing: "dynamic": a text is in the language when some way to split it into terminals is a derivation, with
            ignored text between any two and at both ends; what Lark's Earley parser accepts with
            `lexer="dynamic_complete"`. "longest": a terminal goes on as
            long as any terminal can, and strings in quotes such as "if" are never read as another terminal such as
            NAME, as Lark's `lexer="basic"` has it; "contextual": only terminals that may stand at a place compete
            there, as with Lark's LALR parser (`longest.py` tells the differences). Both need an `%ignore`d character
            that ends every terminal, as a space does, and no other grammar can hold them.
        imports: texts of further modules, by name, for `%import name.rule`.
        holes: grammars by name of a rule or terminal, which read their own texts there.
        budget: limits; `Budget()` unless given.

    Any context-free grammar is taken: left recursive, ambiguous, nullable. Aliases, `?`, `!` and priorities change
    trees, which nobody builds here, and never the language. Regular expressions stand for all texts that they match,
    whatever they would prefer. Rules that nothing reaches and rules that match nothing are named by a warning of the
    logger `bytebound.grammars`.

    Raises GrammarError with `.line`, `.column` and a caret, Unsupported for `%declare` and lookarounds in terminals,
    EmptyLanguage where no text matches, BudgetExceeded.
    """
    _check(text, "lark")
    if lexing not in ("dynamic", "longest", "contextual"):
        raise GrammarError(f"lexing={lexing!r} is not one of 'dynamic', 'longest', 'contextual'")
    given = _holes(holes)
    module = Loader(imports or {}, given).load(text)
    longest = lexing != "dynamic"
    if longest and given:
        raise Unsupported(f"lexing={lexing!r} cannot tell where a hole ends; use lexing='dynamic'", keyword="holes")
    resolver = Resolver(lark=True, longest=longest)
    ignored = resolver.ignore(module)
    root = Seq((ignored, resolver.rule(module, start, 0)))
    resolver.finish()
    tokens = None
    if longest:
        resolver.reserve(module)
        expressions = [root, *resolver.rules.values()]
        tokens = Tokens(expressions, resolver.literals, ignored, contextual=lexing == "contextual")
    unused = [n for n in module.definitions if n not in resolver.used and not n.strip("_")[:1].isupper()]
    return compile_rules(resolver.rules, root, unused, given, tokens, f"lark grammar, {start}", budget)


def ebnf(
    text: str, *, root: str = "root", holes: Mapping[str, Grammar] | None = None, budget: Budget | None = None
) -> Grammar:
    """Texts of a grammar in GBNF, the EBNF of llama.cpp and XGrammar: `root ::= "yes" | [a-z]+ ("," root)?`.

    Args:
        text: rules `name ::= ...` of strings, character classes, `.`, groups, `|`, `*`, `+`, `?`, `{m,n}`; comments
            from # to the end of the line. A rule may take several lines.
        root: the rule to begin with.
        holes: grammars by name of a rule that the text does not define.
        budget: limits; `Budget()` unless given.

    Raises GrammarError with `.line`, `.column` and a caret, Unsupported for tokens, lookahead and the macros of
    XGrammar, EmptyLanguage where no text matches, BudgetExceeded.
    """
    _check(text, "ebnf")
    given = _holes(holes)
    source = ebnf_reader.open_text(text)
    module = Module(source)
    for definition in ebnf_reader.read(source):
        module.define(definition)
    module.holes.update(name for name in given if name not in module.definitions)
    resolver = Resolver(lark=False)
    start = resolver.rule(module, root, 0)
    resolver.finish()
    unused = [name for name in module.definitions if name not in resolver.used]
    return compile_rules(resolver.rules, start, unused, given, None, f"ebnf grammar, {root}", budget)


def library(name: str, **options: Any) -> Grammar:
    """A ready grammar: "json", "arithmetic", "python" (expressions and simple statements), "smiles".

    `options` are those of `lark`; "python" has `lexing="longest"`. Raises GrammarError for another name.
    """
    if name == "python":
        options = {"lexing": "longest", **options}
    return lark(library_text(name), **options)


def _check(text: object, function: str) -> None:
    if not isinstance(text, str):
        raise GrammarError(f"{function}() takes the text of a grammar as a str, not {type(text).__name__}")


def _holes(holes: Mapping[str, Grammar] | None) -> dict[str, Grammar]:
    given = dict(holes or {})
    for name, grammar in given.items():
        if isinstance(grammar, Judge):
            grammar._refuse(f"holes[{name!r}]")
        if not isinstance(grammar, Grammar):
            raise GrammarError(f"holes[{name!r}] is a {type(grammar).__name__}, not a Grammar")
    return given
