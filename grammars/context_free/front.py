"""Grammars from Lark's grammar language and from GBNF: `lark`, `ebnf`, and the ready ones of the `library`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from ..arena import FAR
from ..budget import Budget
from ..characters import subtract
from ..errors import EmptyLanguage, GrammarError, Unsupported
from ..grammar import Grammar
from ..network import Network, Rule
from ..utf8 import SURROGATES
from . import ebnf_reader
from .analysis import Clock, called, closed_under, reachable
from .automata import RuleAutomaton, automaton, with_counted
from .definitions import Module, Resolver, is_nullable
from .emission import Emission
from .inlining import inlined
from .modules import Loader, library_text
from .nonempty import include_nonempty
from .nonempty import is_nullable as program_is_nullable
from .symbols import Call, Chars, Expr, Hole, Rules, Seq, Symbol, Terminal

_LOGGER = logging.getLogger("bytebound.grammars")
_START = "the start"  # no name of a rule


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
            `lexer="dynamic_complete"`. There is no other yet: "longest" is refused.
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
    if lexing not in ("dynamic", "longest"):
        raise GrammarError(f"lexing={lexing!r} is not one of 'dynamic', 'longest'")
    if lexing == "longest":
        why = "tokens of the longest match depend on what follows them; use lexing='dynamic'"
        raise Unsupported(f"lexing='longest' is not supported yet: {why}", keyword="lexing")
    given = _holes(holes)
    module = Loader(imports or {}, given).load(text)
    resolver = Resolver(is_terminal=True)
    ignored = resolver.ignore(module)
    root = resolver.rule(module, start, 0)
    resolver.finish()
    unused = [n for n in module.definitions if n not in resolver.used and not n.strip("_")[:1].isupper()]
    return _compile(resolver.rules, Seq((ignored, root)), unused, given, f"lark grammar, {start}", budget)


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
    resolver = Resolver(is_terminal=False)
    start = resolver.rule(module, root, 0)
    resolver.finish()
    unused = [name for name in module.definitions if name not in resolver.used]
    return _compile(resolver.rules, start, unused, given, f"ebnf grammar, {root}", budget)


def library(name: str, **options: Any) -> Grammar:
    """A ready grammar: "json", "arithmetic", "python" (expressions and simple statements), "smiles".

    `options` are those of `lark`. Raises GrammarError for another name.
    """
    return lark(library_text(name), **options)


def _check(text: object, function: str) -> None:
    if not isinstance(text, str):
        raise GrammarError(f"{function}() takes the text of a grammar as a str, not {type(text).__name__}")


def _holes(holes: Mapping[str, Grammar] | None) -> dict[str, Grammar]:
    given = dict(holes or {})
    for name, grammar in given.items():
        if not isinstance(grammar, Grammar):
            raise GrammarError(f"holes[{name!r}] is a {type(grammar).__name__}, not a Grammar")
    return given


def _compile(
    rules: Rules, root: Expr, unused: list[str], holes: Mapping[str, Grammar], name: str, budget: Budget | None
) -> Grammar:
    clock = Clock(budget or Budget())
    rules = {**rules, _START: root}
    targets = {rule: called(expression) for rule, expression in rules.items()}
    used = reachable(_START, targets)
    productive = closed_under(rules, _matches_something, clock)
    if _START not in productive:
        endless = ", ".join(sorted(used - productive - {_START}))
        raise EmptyLanguage(f"no text matches the grammar: {endless} cannot end, for want of an option without itself")
    barren = sorted(used - productive)
    for what, names in (("are not reachable from the start", unused), ("match nothing", barren)):
        if names:
            _LOGGER.warning("%s: rules that %s: %s", name, what, ", ".join(names))
    rules = {rule: expression for rule, expression in rules.items() if rule in used}

    def empty(symbol: Symbol) -> bool:
        if isinstance(symbol, Terminal):
            return is_nullable(symbol.pattern)
        return isinstance(symbol, Hole) and program_is_nullable(holes[symbol.name].program)

    nullable = closed_under(rules, empty, clock)
    rules = with_counted(inlined(rules, _START, clock), nullable)
    automata: dict[str, RuleAutomaton] = {}

    def may_be_empty(symbol: Symbol) -> bool:
        return symbol.name in nullable if isinstance(symbol, Call) else empty(symbol)

    for rule, expression in rules.items():
        automata[rule] = automaton(expression, may_be_empty, clock)
    fillings: dict[str, Callable[[Network], Rule]] = {
        hole: lambda net, hole=hole: _filling(net, hole, holes[hole]) for hole in holes  # type: ignore[misc]
    }

    def emit(network: Network, a: int, b: int) -> None:
        Emission(network, automata, fillings, clock).add(a, _START, b)
        if _START in nullable:
            network.epsilon(a, b)

    try:
        return Grammar(emit, name, budget=budget)
    except EmptyLanguage:  # terminals that match nothing aside, its shortest text is beyond what is counted
        raise EmptyLanguage(f"no text shorter than {FAR:,} bytes matches the grammar") from None


def _matches_something(symbol: Symbol) -> bool:
    return not isinstance(symbol, Chars) or bool(subtract(symbol.ranges, (SURROGATES,)))


def _filling(net: Network, name: str, grammar: Grammar) -> Rule:
    """The rule of a hole, one in a network."""
    key = ("hole", name)
    if key not in net.memo:
        net.memo[key] = include_nonempty(net, grammar.program)
    rule: Rule = net.memo[key]
    return rule
