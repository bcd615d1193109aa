"""The automaton of one rule over its symbols: deterministic and minimal, so that options which begin alike, or end
alike, are one as long as they are alike.

Rules lose the empty string here: in an automaton a call reads something, and where the called rule is nullable there is
a way past the call. The only place of a language's own empty string is the start of the whole grammar. After that a
rule calls itself before it reads anything exactly when a call of itself leaves its start state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..characters import Ranges, partition, union
from ..errors import BudgetExceeded
from ..regular.minimize_kernels import minimized
from .analysis import Clock
from .symbols import Alt, Call, Chars, Counted, Expr, Rep, Rules, Seq, Symbol, size

# A repetition that would take more symbols than this, written out, is counted by the network.
_WRITTEN_OUT = 16
_ROUNDS = 4
_MAX_STATES = 100_000
_MAX_CELLS = 4_000_000  # of a table that is minimised

Edges = list[dict[Symbol, list[int]]]


@dataclass
class RuleAutomaton:
    """States 0, 1, ...; 0 is the start, does not accept, and is deterministic unless determinising took too much."""

    edges: Edges
    accepting: list[bool]

    def calls(self, state: int) -> list[str]:
        """Rules that are called or repeated from a state."""
        return [s.name for s in self.edges[state] if isinstance(s, Call | Counted)]


def with_counted(rules: Rules, nullable: set[str], empty: Callable[[Symbol], bool]) -> Rules:
    """The same rules with long repetitions as `Counted` symbols, whose bodies are rules of their own.

    `nullable` holds the names of nullable rules, to which those of bodies are added; `empty` tells of other symbols.
    """
    result: Rules = {}
    known: dict[Expr, str] = {}

    def is_nullable(expression: Expr) -> bool:
        match expression:
            case Seq(items):
                return all(map(is_nullable, items))
            case Alt(options):
                return any(map(is_nullable, options))
            case Rep(body, minimum):
                return not minimum or is_nullable(body)
            case Call(name):
                return name in nullable
            case Counted():
                raise AssertionError(expression)
        return empty(expression)

    def changed(expression: Expr) -> Expr:
        match expression:
            case Seq(items):
                return Seq(tuple(map(changed, items)))
            case Alt(options):
                return Alt(tuple(map(changed, options)))
            case Rep(inner, minimum, maximum):
                body = changed(inner)
                if isinstance(inner, Rep) and inner.minimum <= 1:  # rounds of rounds are rounds, without a gap
                    most = None if maximum is None or inner.maximum is None else maximum * inner.maximum
                    return changed(Rep(inner.body, minimum * inner.minimum, most))
                rounds = max(minimum, maximum or 0)
                if rounds <= 1 or (rounds <= _ROUNDS and size(body) * rounds <= _WRITTEN_OUT):
                    return Rep(body, minimum, maximum)
                name = known.setdefault(body, f"{len(known) + 1} repeated")
                result[name] = body
                if is_nullable(inner):
                    nullable.add(name)
                    minimum = 0
                counted = Counted(name, minimum, minimum if maximum is None and minimum else maximum)
                if maximum is None:
                    return Seq((counted, Rep(body, 0, None)))
                return counted
        return expression

    for name, expression in rules.items():
        result[name] = changed(expression)
    return result


def automaton(expression: Expr, nullable: Callable[[Symbol], bool], clock: Clock) -> RuleAutomaton:
    """The automaton of the strings of an expression that are not empty."""
    builder = _Builder(nullable)
    start, end = builder.state(), builder.state()
    builder.add(expression, start, end)
    edges, accepting = _split_characters(builder.edges), {end}
    return _minimal(*_determinized(edges, builder.epsilons, start, accepting, clock))


class _Builder:
    """Thompson's construction (1968) over symbols."""

    def __init__(self, nullable: Callable[[Symbol], bool]) -> None:
        self.edges: list[list[tuple[Symbol, int]]] = []
        self.epsilons: list[list[int]] = []
        self._nullable = nullable

    def state(self) -> int:
        self.edges.append([])
        self.epsilons.append([])
        if len(self.edges) > _MAX_STATES:
            raise BudgetExceeded(f"a rule of the grammar needs more than {_MAX_STATES} states, written out")
        return len(self.edges) - 1

    def add(self, expression: Expr, a: int, b: int) -> None:
        match expression:
            case Seq(items):
                for item in items:
                    middle = self.state()
                    self.add(item, a, middle)
                    a = middle
                self.epsilons[a].append(b)
            case Alt(options):
                for option in options:
                    self.add(option, a, b)
            case Rep(body, minimum, maximum):
                for i in range(max(minimum, maximum or 0)):
                    if i >= minimum:
                        self.epsilons[a].append(b)
                    middle = self.state()
                    self.add(body, a, middle)
                    a = middle
                if maximum is None:
                    loop = self.state()
                    self.epsilons[a].append(loop)
                    again = self.state()
                    self.add(body, loop, again)
                    self.epsilons[again].append(loop)
                    a = loop
                self.epsilons[a].append(b)
            case Counted(name, minimum, maximum):
                self.edges[a].append((Counted(name, max(1, minimum), maximum), b))
                if not minimum:
                    self.epsilons[a].append(b)
            case _:
                if not (isinstance(expression, Chars) and not expression.ranges):
                    self.edges[a].append((expression, b))
                if self._nullable(expression):
                    self.epsilons[a].append(b)


def _split_characters(edges: list[list[tuple[Symbol, int]]]) -> list[list[tuple[Symbol, int]]]:
    """The same edges with sets of characters of which none overlap."""
    sets = list(dict.fromkeys(s.ranges for out in edges for s, _ in out if isinstance(s, Chars)))
    if len(sets) < 2:
        return edges
    cells, parts = partition(tuple(sets))
    cells_of = {ranges: [Chars(cells[c]) for c in part] for ranges, part in zip(sets, parts, strict=True)}

    def split(symbol: Symbol) -> list[Symbol]:
        return [*cells_of[symbol.ranges]] if isinstance(symbol, Chars) else [symbol]

    return [[(part, target) for symbol, target in out for part in split(symbol)] for out in edges]


def _determinized(
    edges: list[list[tuple[Symbol, int]]], epsilons: list[list[int]], start: int, ends: set[int], clock: Clock
) -> tuple[Edges, list[bool]]:
    """Subset construction; where it makes too many states, only what reads nothing is removed."""

    def closed(states: list[int]) -> tuple[int, ...]:
        seen = set(states)
        queue = list(seen)
        for s in queue:
            for t in epsilons[s]:
                if t not in seen:
                    seen.add(t)
                    queue.append(t)
        return tuple(sorted(s for s in seen if edges[s] or s in ends))

    for limit in (2 * len(edges) + 64, None):
        first = closed([start])
        numbers = {first: 0}
        queue = [first]
        result: Edges = []
        for subset in queue:
            clock.check()
            targets: dict[Symbol, list[int]] = {}
            for s in subset:
                for symbol, t in edges[s]:
                    targets.setdefault(symbol, []).append(t)
            row: dict[Symbol, list[int]] = {}
            for symbol, found in targets.items():
                for part in [found] if limit else [[t] for t in found]:
                    key = closed(part)
                    if key not in numbers:
                        numbers[key] = len(queue)
                        queue.append(key)
                    row.setdefault(symbol, []).append(numbers[key])
            result.append(row)
            if limit and len(queue) > limit:
                break
        else:
            break
    accepting = [not ends.isdisjoint(subset) for subset in queue]
    if accepting[0]:  # the empty string is taken away: a start that nothing leads back to
        shifted: Edges = [{s: [t + 1 for t in targets] for s, targets in row.items()} for row in result]
        return [shifted[0], *shifted], [False, *accepting]
    return result, accepting


def _minimal(edges: Edges, accepting: list[bool]) -> RuleAutomaton:
    alphabet = list(dict.fromkeys(symbol for row in edges for symbol in row))
    deterministic = all(len(targets) == 1 for row in edges for targets in row.values())
    if not deterministic or len(alphabet) * len(edges) > _MAX_CELLS or not alphabet:
        return RuleAutomaton(edges, accepting)
    number = {symbol: i for i, symbol in enumerate(alphabet)}
    rows = np.full((len(edges), len(alphabet)), -1, np.int32)
    for s, row in enumerate(edges):
        for symbol, (target,) in row.items():
            rows[s, number[symbol]] = target
    table, accepts = minimized(rows, np.array(accepting, np.bool_))
    smaller: Edges = [{} for _ in table]
    for s, c in zip(*(axis.tolist() for axis in np.nonzero(table >= 0)), strict=True):
        smaller[s][alphabet[c]] = [int(table[s, c])]
    return RuleAutomaton([_joined(row) for row in smaller], accepts.tolist())


def _joined(row: dict[Symbol, list[int]]) -> dict[Symbol, list[int]]:
    """The same edges with one set of characters for each target."""
    sets: dict[int, list[Ranges]] = {}
    result: dict[Symbol, list[int]] = {}
    for symbol, targets in row.items():
        if isinstance(symbol, Chars):
            sets.setdefault(targets[0], []).append(symbol.ranges)
        else:
            result[symbol] = targets
    for target, ranges in sets.items():
        result.setdefault(Chars(union(*ranges)), []).append(target)
    return result
