"""Thompson construction: a syntax tree as a graph of nodes that read a character, branch, or test a condition.

Every node is built after what follows it, and bodies of loops always read something (`syntax.repeat`), so epsilon
edges form no cycle. Lookarounds keep their bodies in the same graph: an ahead body ends in FREE (the rest of the
text is free), a behind body in a HALT node of its own, whose truth is what the lookbehind says.
"""

from __future__ import annotations

from typing import NamedTuple

from ..characters import FULL, Ranges
from ..errors import BudgetExceeded
from .syntax import Characters, Choice, Look, Node, Repeat, Sequence

FINISH, FREE, READ, SPLIT, TEST, HALT = range(6)
ACCEPT, ACCEPT_ANY = 0, 1  # the first two nodes: nothing may follow; anything may follow


class Condition(NamedTuple):
    """A lookaround: `entry` is where its body starts, `exit` its HALT node (lookbehind) or -1."""

    ahead: bool
    negative: bool
    entry: int
    exit: int


class Nfa:
    """The graph. `kind[v]`; `ranges[v]` of READ nodes; `targets[v]`; `condition[v]` is an index for TEST nodes.

    `conditions` are ordered so that those inside a lookaround's body come before it.
    """

    def __init__(self, max_nodes: int, pattern: str) -> None:
        self.kind = [FINISH, FREE]
        self.ranges: list[Ranges] = [(), ()]
        self.targets: list[tuple[int, ...]] = [(), ()]
        self.condition = [-1, -1]
        self.conditions: list[Condition] = []
        self._max_nodes = max_nodes
        self._pattern = pattern
        self._asked = 2
        self._known: dict[tuple[object, ...], int] = {}
        self._sets: dict[int, int] = {}
        self._set_values: dict[Ranges, int] = {}

    def _add(self, kind: int, targets: tuple[int, ...], ranges: Ranges = (), condition: int = -1) -> int:
        """A node; the same one for the same set and targets, so that equal ends of branches are written once."""
        if self._asked >= self._max_nodes:
            raise BudgetExceeded(f"{self._pattern} takes more than {self._max_nodes} nodes, repetitions written out")
        self._asked += 1
        if kind == READ or (kind == SPLIT and targets):
            number = self._sets.get(id(ranges))
            if number is None:  # a large set is hashed once
                number = self._sets[id(ranges)] = self._set_values.setdefault(ranges, len(self._set_values))
            known = self._known.setdefault((kind, number, *targets), len(self.kind))
            if known < len(self.kind):
                return known
        self.kind.append(kind)
        self.targets.append(targets)
        self.ranges.append(ranges)
        self.condition.append(condition)
        return len(self.kind) - 1

    def build(self, node: Node, after: int) -> int:
        """Add the tree so that it goes on at node `after`; returns where it starts."""
        match node:
            case Characters(ranges):
                return self._add(READ, (after,), ranges)
            case Sequence(items):
                for item in reversed(items):
                    after = self.build(item, after)
                return after
            case Choice(options):
                return self._add(SPLIT, tuple(self.build(option, after) for option in options))
            case Repeat(body, minimum, maximum):
                return self._loop(body, minimum, maximum, after)
            case Look():
                return self._add(TEST, (after,), condition=self._look(node))

    def _loop(self, body: Node, minimum: int, maximum: int | None, after: int) -> int:
        if maximum is None:
            if not minimum and after in (ACCEPT, ACCEPT_ANY) and isinstance(body, Characters) and body.ranges == FULL:
                return ACCEPT_ANY
            turn = self._add(SPLIT, ())
            start = self.build(body, turn)
            self.targets[turn] = (start, after)
            if not minimum:
                return turn
            minimum -= 1
        else:
            start = after
            for _ in range(maximum - minimum):
                start = self._add(SPLIT, (self.build(body, start), after))
        for _ in range(minimum):
            start = self.build(body, start)
        return start

    def _look(self, look: Look) -> int:
        if look.ahead:
            end, entry = -1, self.build(look.body, ACCEPT_ANY)
        else:
            end = self._add(HALT, ())
            entry = self.build(look.body, end)
        self.conditions.append(Condition(look.ahead, look.negative, entry, end))
        return len(self.conditions) - 1

    def character_sets(self) -> tuple[tuple[Ranges, ...], list[int]]:
        """The distinct sets that READ nodes test, and for every node the index of its set (-1 for other nodes)."""
        known: dict[int, int] = {}
        by_value: dict[Ranges, int] = {}
        which = [-1] * len(self.kind)
        for v, kind in enumerate(self.kind):
            if kind == READ:
                ranges = self.ranges[v]
                index = known.get(id(ranges))
                if index is None:
                    index = known[id(ranges)] = by_value.setdefault(ranges, len(by_value))
                which[v] = index
        return tuple(by_value), which
