"""From rules over symbols to a compiled grammar: analyses, automata, emission."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace

from ..arena import FAR
from ..budget import Budget
from ..characters import subtract
from ..compiled import load_kernels
from ..errors import EmptyLanguage
from ..grammar import Grammar
from ..network import Network, Rule
from ..utf8 import SURROGATES
from .analysis import Clock, called, closed_under, reachable
from .automata import automaton, with_counted
from .emission import Emission, Terminals, terminal_rule
from .inlining import inlined
from .longest import Tokens
from .nonempty import include_nonempty
from .nonempty import is_nullable as program_is_nullable
from .symbols import Call, Chars, Expr, Hole, Rules, Symbol, Terminal
from .terminals import is_nullable

_LOGGER = logging.getLogger("bytebound.grammars")
_START = "the start"  # no name of a rule


def compile_rules(
    rules: Rules,
    root: Expr,
    unused: list[str],
    holes: Mapping[str, Grammar],
    tokens: Tokens | None,
    name: str,
    budget: Budget | None,
) -> Grammar:
    """The grammar of the strings of `root`.

    unused: rules to be named in a warning. tokens: where terminals are to be as long as they can. Raises EmptyLanguage
    and BudgetExceeded.
    """
    load_kernels()  # before the clock starts
    clock = Clock(budget or Budget())
    rules = {**rules, _START: root}
    used = reachable(_START, {rule: called(expression) for rule, expression in rules.items()})
    rules = {rule: expression for rule, expression in rules.items() if rule in used}
    productive = closed_under(rules, _matches_something, clock)
    barren = sorted(used - productive - {_START})
    if _START not in productive:
        names = ", ".join(barren[:8]) + (", ..." if len(barren) > 8 else "")
        raise EmptyLanguage(f"no text matches the grammar: {names} cannot end, for want of an option without itself")
    for what, which in (("are not reachable from the start", unused), ("match nothing", barren)):
        if which:
            _LOGGER.warning("%s: rules that %s: %s", name, what, ", ".join(which))

    def empty(symbol: Symbol) -> bool:
        if isinstance(symbol, Terminal):
            return tokens is None and is_nullable(symbol.pattern)
        return isinstance(symbol, Hole) and program_is_nullable(holes[symbol.name].program)

    nullable = closed_under(rules, empty, clock)
    rules = with_counted(inlined(rules, _START, clock), nullable, empty)

    def may_be_empty(symbol: Symbol) -> bool:
        return symbol.name in nullable if isinstance(symbol, Call) else empty(symbol)

    automata = {rule: automaton(expression, may_be_empty, clock) for rule, expression in rules.items()}

    def filling(network: Network, hole: str) -> Rule:
        """The rule of a hole, one in a network."""
        key = ("hole", hole)
        if key not in network.memo:
            network.memo[key] = include_nonempty(network, holes[hole].program)
        rule: Rule = network.memo[key]
        return rule

    def emit(terminals: Terminals) -> Callable[[Network, int, int], None]:
        def add(network: Network, a: int, b: int) -> None:
            Emission(network, automata, terminals, filling, clock).add(a, _START, b)
            if _START in nullable:
                network.epsilon(a, b)

        return add

    try:
        if tokens is None:
            return Grammar(emit(terminal_rule), name, budget=budget)
        program = Grammar(emit(tokens.rule), name, budget=budget).program
        padded = Grammar(emit(tokens.padded_rule), name, budget=budget).program
        return Grammar(replace(program, distance=padded.distance), name, budget=budget)
    except EmptyLanguage:  # a terminal matches nothing, or the shortest text is beyond what is counted
        raise EmptyLanguage(f"no text matches the grammar, or none of less than {FAR:,} bytes") from None


def _matches_something(symbol: Symbol) -> bool:
    return not isinstance(symbol, Chars) or bool(subtract(symbol.ranges, (SURROGATES,)))
