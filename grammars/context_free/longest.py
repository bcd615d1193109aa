"""Terminals of the longest match: `lexing="longest"` and `lexing="contextual"`.

A lexer takes the longest terminal; here a terminal begins only where none goes on. Each terminal is a deterministic
automaton whose start is marked (`Network.mark`), and the engine takes an edge of a marked node only in a state in
which no other node can read the byte. So all derivations of a text agree on where its terminals begin. By itself that
lets only terminals compete that may stand at a place, as Lark's contextual lexer does; for "longest", an end of a
terminal at which any terminal of the grammar can go on leads nowhere with what these can read. Strings in quotes are
taken out of other terminals (a keyword is no name), like reject productions of scannerless parsing (Visser 1997).

Differences from Lark: a terminal that went on but cannot end is not taken back ("1.x" is no INT "." NAME beside a
FLOAT); keywords are reserved everywhere, also for "contextual"; a text that two regular expressions match is read as
either; alternatives in an expression are all tried; priorities of terminals are refused.

No state may be a dead end. That is certain where some ignored character c ends every terminal: then any derivation
can be completed with a c between all terminals. `Tokens` finds c, or refuses the grammar. The distances to the end of
a text count such separators, so that they are bounds.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..arena import BEGIN, VOID
from ..characters import Ranges, intersect, subtract, union
from ..errors import GrammarError, Unsupported
from ..network import Network, Rule
from ..regular import CharacterAutomaton, parse
from ..regular.automaton import MAX_PRODUCT
from ..regular.products import in_step
from ..utf8 import add_characters
from .symbols import Expr, Rep, Terminal, symbols


class Tokens:
    """The terminals of a grammar as tokens.

    Args:
        expressions: all rules.
        literals: patterns of terminals that are strings in quotes.
        ignored: what may follow any terminal.
        contextual: whether only terminals that may stand at a place compete.

    Raises Unsupported where nothing ignored separates all terminals, GrammarError for a terminal that may be empty.
    """

    def __init__(self, expressions: Iterable[Expr], literals: set[str], ignored: Expr, contextual: bool) -> None:
        found = {s.pattern for expression in expressions for s in symbols(expression) if isinstance(s, Terminal)}
        self._automata = {pattern: parse(pattern).automaton() for pattern in sorted(found)}
        if not isinstance(ignored, Rep) or not isinstance(ignored.body, Terminal):
            raise _refused("nothing is ignored")
        self._ignored = ignored.body.pattern
        for pattern, automaton in self._automata.items():
            if automaton.accepting[0]:
                raise GrammarError(f"the terminal {pattern} matches the empty string: with lexing='longest' it may not")
        words = parse("|".join(sorted(literals))).automaton() if literals else CharacterAutomaton.nothing()
        tokens = words
        for pattern, automaton in self._automata.items():
            if pattern not in literals and pattern != self._ignored:
                self._automata[pattern] = automaton.difference(words)
                tokens = tokens.union(automaton)
        self._all = tokens.union(self._automata[self._ignored])
        self._contextual = contextual
        self._padding = self._separator(tokens, self._all)
        _check_bytes(tokens, self._all)

    def _separator(self, tokens: CharacterAutomaton, everything: CharacterAutomaton) -> int:
        """How many bytes are sure to end any terminal."""
        between = self._automata[self._ignored]
        begins = _following(tokens, 0)
        good = [
            bool(between.accepting[s]) and not intersect(_following(between, s), begins) for s in range(between.states)
        ]
        farthest = _steps(between, good)
        if farthest is None:
            raise _refused("what is ignored may swallow the terminal behind it")
        for c in _candidates(between):
            column = _column(everything, c)
            goes_on = CharacterAutomaton.from_rows(
                everything.classes, everything.table, everything.table[:, column] >= 0
            )
            after = int(between.table[0, _column(between, c)])
            if after >= 0 and good[after] and tokens.intersect(goes_on).is_empty():
                return max(len(chr(c).encode()), 4 * farthest)
        raise _refused("no ignored character ends all of its terminals")

    def rule(self, net: Network, pattern: str) -> Rule:
        """The rule of a terminal; one in a network."""
        return self._rule(net, pattern, padded=False)

    def padded_rule(self, net: Network, pattern: str) -> Rule:
        """The same nodes, with a separator behind the terminal: what distances are measured on."""
        return self._rule(net, pattern, padded=True)

    def _rule(self, net: Network, pattern: str, padded: bool) -> Rule:
        key = ("token", pattern)
        if key in net.memo:
            known: Rule = net.memo[key]
            return known
        rule = net.memo[key] = net.rule()
        net.mark(rule.start, BEGIN)
        automaton = self._automata[pattern]
        nodes = [net.node() for _ in range(automaton.states)]
        padding = [net.node() for _ in range(self._padding)]
        for node, after in zip(padding, [*padding[1:], rule.end], strict=True):
            if padded:
                net.edge(node, 0, 255, after)
        for state in np.flatnonzero(automaton.accepting).tolist():
            net.epsilon(nodes[state], padding[0] if padded else rule.end)
        for state, target, ranges in automaton.edges:
            add_characters(net, nodes[state], ranges, nodes[target])
            if state == 0:
                add_characters(net, rule.start, ranges, nodes[target])
        if not self._contextual:
            self._add_voids(net, automaton, nodes)
        return rule

    def _add_voids(self, net: Network, automaton: CharacterAutomaton, nodes: list[int]) -> None:
        """Ends of the terminal lead nowhere with characters that make it, or another, longer."""
        whole = self._all
        every_class = [automaton.classes, whole.classes]
        _, _, pairs = in_step(every_class, [automaton.table, whole.table], 1, MAX_PRODUCT)
        ends = [(s, u) for s, u in pairs.tolist() if s >= 0 and automaton.accepting[s]]
        void = net.memo.get("void")
        if void is None:
            void = net.memo["void"] = net.node()
            net.mark(void, VOID)
        for state, u in ends:
            for low, high in subtract(_following(whole, u), _following(automaton, state)):
                for first, last in ((low, min(high, 0x7F)), (_lead(max(low, 0x80)), _lead(high) if high > 0x7F else 0)):
                    if first <= last:
                        net.edge(nodes[state], first, last, void)


def _refused(why: str) -> Unsupported:
    rule = "lexing='longest' needs an ignored character, such as a space, that ends every terminal"
    return Unsupported(f"{rule}; here {why}: use lexing='dynamic'", keyword="lexing")


def _following(automaton: CharacterAutomaton, state: int) -> Ranges:
    """Characters that can be read in a state."""
    return union(*(automaton.classes[c] for c in np.flatnonzero(automaton.table[state] >= 0).tolist()))


def _column(automaton: CharacterAutomaton, character: int) -> int:
    """The class of a character."""
    return next(i for i, ranges in enumerate(automaton.classes) if intersect(ranges, ((character, character),)))


def _candidates(between: CharacterAutomaton) -> list[int]:
    """Characters that may be a separator by themselves: white space first."""
    firsts = [ranges[0][0] for ranges in between.classes if ranges]
    return list(dict.fromkeys([*map(ord, " \n\t,;"), *firsts]))


def _lead(character: int) -> int:
    """The first byte of a character beyond ASCII."""
    return (
        0xC0 | character >> 6
        if character < 0x800
        else 0xE0 | character >> 12
        if character < 0x10000
        else 0xF0 | (character >> 18)
    )


def _check_bytes(tokens: CharacterAutomaton, everything: CharacterAutomaton) -> None:
    """Raises Unsupported where the first byte of a character does not tell whether a terminal goes on or another
    begins."""
    begins = subtract(_following(tokens, 0), ((0, 0x7F),))
    for state in np.flatnonzero(everything.accepting).tolist():
        goes_on = subtract(_following(everything, state), ((0, 0x7F),))
        leads = {b for low, high in goes_on for b in range(_lead(low), _lead(high) + 1)}
        others = subtract(begins, goes_on)
        if any(b in leads for low, high in others for b in range(_lead(low), _lead(high) + 1)):
            raise _refused("terminals that begin with characters beyond ASCII are too much like those that go on")


def _steps(automaton: CharacterAutomaton, good: list[bool]) -> int | None:
    """The most characters that any accepting state is away from a good one; None where one has no way there."""
    distance = {state: 0 for state, is_good in enumerate(good) if is_good}
    changed = True
    while changed:
        changed = False
        for state, target, _ in automaton.edges:
            if target in distance and distance[target] + 1 < distance.get(state, 1 << 30):
                distance[state] = distance[target] + 1
                changed = True
    ends = [state for state in range(automaton.states) if automaton.accepting[state]]
    return max(distance[s] for s in ends) if all(s in distance for s in ends) else None
