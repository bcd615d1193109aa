"""Automata of rules as a byte network, left recursion turned into loops.

Rules that call each other before they read anything (a component S of the left calls) become, for each member A that
something else calls, one network rule by the left-corner transform (Rosenkrantz and Lewis 1970, restricted to the
recursive symbols as by Moore 2000): it begins with whatever a member of S begins with that is no call of a member;
once a C of S is read (`done` of C), it goes on behind any call of C with which a member of S begins, and `done` of A
may end it. Direct left recursion, `e: e "+" t | t`, becomes the loop `t ("+" t)*`, and a call of A in A from which
nothing more follows is a jump to its beginning, so that `e: e "+" e | t` is a loop too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..network import Network, Rule
from ..regular import parse
from ..utf8 import add_characters
from .analysis import Clock, components
from .automata import RuleAutomaton
from .symbols import Call, Chars, Counted, Hole, Symbol, Terminal
from .terminals import is_nullable

Terminals = Callable[[Network, str], Rule]


class Emission:
    """Adds the rules of a grammar to a network, those that are called only.

    Args:
        automata: of all rules, by name.
        terminals: gives the rule of a terminal in a network, by its pattern.
        holes: gives the rule of the strings of a hole that are not empty, by its name.
    """

    def __init__(
        self,
        network: Network,
        automata: Mapping[str, RuleAutomaton],
        terminals: Terminals,
        holes: Terminals,
        clock: Clock,
    ) -> None:
        self._net = network
        self._automata = {name: RuleAutomaton([*a.edges], [*a.accepting]) for name, a in automata.items()}
        self._terminals = terminals
        self._holes = holes
        self._clock = clock
        self._component: dict[str, frozenset[str]] = {}
        for names in components({name: list(dict.fromkeys(a.calls(0))) for name, a in automata.items()}):
            if len(names) > 1 or names[0] in automata[names[0]].calls(0):
                self._component |= dict.fromkeys(names, frozenset(names))
        for name in self._component:
            self._unroll(name)
        self._rules: dict[str, Rule] = {}
        self._waiting: list[str] = []

    def add(self, a: int, name: str, b: int) -> None:
        """Add the strings of a rule that are not empty between two nodes."""
        self._net.call(a, self._rule(name), b)
        while self._waiting:
            self._clock.check()
            waiting = self._waiting.pop()
            if waiting in self._component:
                self._loops(waiting)
            else:
                self._plain(waiting)

    def _rule(self, name: str) -> Rule:
        if name not in self._rules:
            self._rules[name] = self._net.rule()
            self._waiting.append(name)
        return self._rules[name]

    def _unroll(self, name: str) -> None:
        """Let the first round of a repetition with which a left recursive rule begins be a call."""
        automaton = self._automata[name]
        members = self._component[name]
        for symbol, targets in list(automaton.edges[0].items()):
            if not (isinstance(symbol, Counted) and symbol.name in members):
                continue
            row = automaton.edges[0] = dict(automaton.edges[0])
            del row[symbol]
            call = row[Call(symbol.name)] = list(row.get(Call(symbol.name), []))
            least, most = symbol.minimum - 1, None if symbol.maximum is None else symbol.maximum - 1
            if least == 0:
                call += targets
            if most != 0:
                call.append(len(automaton.edges))
                automaton.edges.append({Counted(symbol.name, max(1, least), most): targets})
                automaton.accepting.append(False)

    def _plain(self, name: str) -> None:
        """A rule that is not left recursive."""
        automaton, rule = self._automata[name], self._rules[name]
        nodes = [rule.start] + [self._behind(automaton, s, rule.end) for s in range(1, len(automaton.edges))]
        for state, row in enumerate(automaton.edges):
            if automaton.accepting[state] and nodes[state] != rule.end:
                self._net.epsilon(nodes[state], rule.end)
            for symbol, targets in row.items():
                for target in targets:
                    self._edge(nodes[state], symbol, nodes[target])

    def _behind(self, automaton: RuleAutomaton, state: int, end: int) -> int:
        """The node of a state; `end` where nothing but the end of the rule follows."""
        return end if automaton.accepting[state] and not automaton.edges[state] else self._net.node()

    def _loops(self, goal: str) -> None:
        net, rule, members = self._net, self._rules[goal], sorted(self._component[goal])
        done = {name: net.node() for name in members}
        net.epsilon(done[goal], rule.end)
        for name in members:
            automaton = self._automata[name]
            nodes = [self._behind(automaton, s, done[name]) for s in range(len(automaton.edges))]
            for symbol, targets in automaton.edges[0].items():
                for target in targets:
                    if isinstance(symbol, Call) and symbol.name in done:
                        net.epsilon(done[symbol.name], nodes[target])
                    else:
                        self._edge(rule.start, symbol, nodes[target])
            for state, row in enumerate(automaton.edges):
                if automaton.accepting[state] and nodes[state] != done[name]:
                    net.epsilon(nodes[state], done[name])
                for symbol, targets in row.items():
                    for target in targets:
                        if symbol == Call(goal) and name == goal and nodes[target] == done[goal]:
                            net.epsilon(nodes[state], rule.start)
                        else:
                            self._edge(nodes[state], symbol, nodes[target])

    def _edge(self, a: int, symbol: Symbol, b: int) -> None:
        net = self._net
        match symbol:
            case Chars(ranges):
                add_characters(net, a, ranges, b)
            case Terminal(pattern):
                net.call(a, self._terminals(net, pattern), b)
            case Call(name):
                net.call(a, self._rule(name), b)
            case Counted(name, minimum, maximum):
                net.repeat(a, self._rule(name), b, minimum, maximum)
            case Hole(name):
                net.call(a, self._holes(net, name), b)


def terminal_rule(net: Network, pattern: str) -> Rule:
    """The rule of the strings of a regular expression that are not empty; one in a network."""
    key = ("terminal", pattern)
    rule: Rule | None = net.memo.get(key)
    if rule is None:
        rule = net.memo[key] = net.rule()
        if is_nullable(pattern):
            pattern = rf"(?!\Z)(?:{pattern})"
        parse(pattern).emit(net, rule.start, rule.end, add_characters)
    return rule
