"""Deterministic automata over classes of code points, and the operations that keep a language regular.

Strings of a JSON Schema with patterns, lengths, enumerations and formats are intersections, unions and complements
of these; what comes out is emitted into a byte network through an encoder (UTF-8, or the JSON spelling of
characters).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..characters import FULL, Classifier, Ranges, from_characters, partition, union
from ..errors import BudgetExceeded, EmptyLanguage
from ..network import Network
from .minimize_kernels import minimized
from .products import in_common, in_step

Rows = list[list[int]]
MAX_STATES = 20_000
MAX_PRODUCT = 20 * MAX_STATES
MAX_PARTS = 64

Bools = NDArray[np.bool_]
AddCharacters = Callable[[Network, int, Ranges, int], None]


@dataclass(frozen=True, eq=False)
class CharacterAutomaton:
    """A minimal deterministic automaton over code points; state 0 is the start.

    Attributes:
        classes: partition of U+0000..U+10FFFF, a tuple of sets of code points.
        table: int32 [states, classes], the next state; -1 where no string of the language goes on.
        accepting: bool [states].
    """

    classes: tuple[Ranges, ...]
    table: NDArray[np.int32]
    accepting: NDArray[np.bool_]

    @classmethod
    def from_rows(
        cls, classes: tuple[Ranges, ...], rows: Rows | NDArray[np.int32], accepting: list[bool] | NDArray[np.bool_]
    ) -> CharacterAutomaton:
        """The minimal automaton of these transitions (rows of next states, -1 for none; state 0 is the start)."""
        table, accepts = minimized(np.asarray(rows, np.int32), np.asarray(accepting, np.bool_))
        columns: dict[bytes, list[int]] = {}
        for c, column in enumerate(np.ascontiguousarray(table.T)):
            columns.setdefault(column.tobytes(), []).append(c)
        if len(columns) < len(classes):  # classes that no state tells apart become one
            groups = list(columns.values())
            classes = tuple(union(*(classes[c] for c in group)) for group in groups)
            table = np.ascontiguousarray(table[:, [group[0] for group in groups]])
        return cls(classes, table, accepts)

    @classmethod
    def nothing(cls) -> CharacterAutomaton:
        """The automaton that matches no string."""
        return cls.from_rows((FULL,), [[-1]], [False])

    @classmethod
    def everything(cls) -> CharacterAutomaton:
        """The automaton that matches every string."""
        return cls.from_rows((FULL,), [[0]], [True])

    @classmethod
    def from_strings(cls, strings: Iterable[str]) -> CharacterAutomaton:
        """The automaton of exactly these strings: suffixes merged while the trie is built (Daciuk and others 2000)."""
        words = sorted(set(strings))
        if not words:
            return cls.nothing()
        cells, parts = partition(tuple(from_characters(c) for c in sorted({c for word in words for c in word})))
        cell_of = {chr(cells[part[0]][0][0]): part[0] for part in parts}
        numbers: dict[tuple[object, ...], int] = {}
        frozen: list[tuple[bool, dict[int, int]]] = []
        path: list[tuple[bool, dict[int, int]]] = [(False, {})]  # the states of the last word, which may still grow

        def freeze(depth: int, word: str) -> None:
            """Give a number to the states of the word beyond the depth; equal states get the same."""
            while len(path) > depth + 1:
                accepts, targets = path.pop()
                number = numbers.setdefault((accepts, *targets.items()), len(frozen))
                if number == len(frozen):
                    frozen.append((accepts, targets))
                path[-1][1][cell_of[word[len(path) - 1]]] = number

        previous = ""
        for word in words:
            shared = 0
            while shared < len(previous) and word.startswith(previous[shared], shared):
                shared += 1
            freeze(shared, previous)
            path.extend((False, {}) for _ in word[shared:])
            path[-1] = (True, path[-1][1])
            previous = word
        freeze(0, previous)
        states = [path[0], *reversed(frozen)]  # targets are frozen before their sources
        table = np.full((len(states), len(cells)), -1, np.int32)
        for s, (_, targets) in enumerate(states):
            for cell, number in targets.items():
                table[s, cell] = len(frozen) - number
        return cls(cells, table, np.array([accepts for accepts, _ in states], np.bool_))

    @property
    def states(self) -> int:
        """How many states there are."""
        return len(self.accepting)

    @cached_property
    def _rows(self) -> Rows:
        rows: Rows = self.table.tolist()
        return rows

    @cached_property
    def _class_of(self) -> Classifier:
        return Classifier(self.classes)

    def matches(self, text: str) -> bool:
        """Whether the whole text is in the language."""
        state = 0
        for c in text:
            state = self._rows[state][self._class_of(ord(c))]
            if state < 0:
                return False
        return bool(self.accepting[state])

    def is_empty(self) -> bool:
        """Whether no string is in the language."""
        return not self.accepting.any()

    def minimized(self) -> CharacterAutomaton:
        """The smallest automaton of the language; what the operations return is minimal already."""
        return self.from_rows(self.classes, self.table, self.accepting)

    # operations

    def intersect(self, other: CharacterAutomaton) -> CharacterAutomaton:
        """Strings in both languages."""
        return self._product(other, lambda a, b: a & b, 2)

    def union(self, other: CharacterAutomaton) -> CharacterAutomaton:
        """Strings in at least one of the languages."""
        return self._product(other, lambda a, b: a | b, 0)

    def difference(self, other: CharacterAutomaton) -> CharacterAutomaton:
        """Strings in this language and not in the other."""
        return self._product(other, lambda a, b: a & ~b, 1)

    def complement(self) -> CharacterAutomaton:
        """Strings that are not in the language."""
        return self.everything().difference(self)

    def equivalent(self, other: CharacterAutomaton) -> bool:
        """Whether both have the same language."""
        return self._product(other, lambda a, b: a != b, 0).is_empty()

    def _product(
        self, other: CharacterAutomaton, accepts: Callable[[Bools, Bools], Bools], needed: int
    ) -> CharacterAutomaton:
        """Both run in step; strings outside the first `needed` of them need not be followed."""
        classes, rows, order = in_step([self.classes, other.classes], [self.table, other.table], needed, MAX_PRODUCT)
        ends_a, ends_b = np.append(self.accepting, False), np.append(other.accepting, False)
        return self.from_rows(classes, rows, accepts(ends_a[order[:, 0]], ends_b[order[:, 1]]))

    def split(self, others: list[CharacterAutomaton]) -> list[tuple[tuple[int, ...], CharacterAutomaton]]:
        """The language in disjoint parts, none empty: (the indices of the others that hold the part, the part)."""
        machines = [self, *others]
        every_class = [machine.classes for machine in machines]
        classes, rows, order = in_step(every_class, [machine.table for machine in machines], 1, MAX_STATES)
        accepting = [[*machine.accepting.tolist(), False] for machine in machines]
        parts: dict[tuple[int, ...], set[int]] = {}
        for index, (state, *states) in enumerate(order.tolist()):
            if accepting[0][state]:
                holders = tuple(i for i, s in enumerate(states) if accepting[i + 1][s])
                parts.setdefault(holders, set()).add(index)
                if len(parts) > MAX_PARTS:
                    raise BudgetExceeded(f"{len(others)} languages overlap in more than {MAX_PARTS} ways")
        columns = in_common(tuple(every_class))[1]

        def part(holders: tuple[int, ...], ends: set[int]) -> CharacterAutomaton:
            inside = np.zeros(len(order), np.bool_)
            inside[list(ends)] = True
            if len(holders) == 1:  # often all of the other language, whose automaton is at hand
                other, here = others[holders[0]], order[:, holders[0] + 1]
                goes_on = np.where(here[:, None] >= 0, other.table[here][:, columns[holders[0] + 1]], -1) >= 0
                if not (goes_on & (rows < 0)).any() and (((here >= 0) & other.accepting[here]) == inside).all():
                    return other
            return self.from_rows(classes, rows, inside)

        return [(holders, part(holders, ends)) for holders, ends in parts.items()]

    # lengths, in characters

    def shortest(self) -> int:
        """Length of the shortest string. Raises EmptyLanguage when there is none."""
        frontier, seen, length = {0}, {0}, 0
        while frontier:
            if any(self.accepting[s] for s in frontier):
                return length
            frontier = {t for s in frontier for t in self._rows[s] if t >= 0} - seen
            seen |= frontier
            length += 1
        raise EmptyLanguage("no string matches, so there is no shortest one")

    def longest(self) -> int | None:
        """Length of the longest string; None if there is no bound. Raises EmptyLanguage when nothing matches."""
        if self.is_empty():
            raise EmptyLanguage("no string matches, so there is no longest one")
        waiting = [0] * self.states
        targets = [{t for t in row if t >= 0} for row in self._rows]
        for target in targets:
            for t in target:
                waiting[t] += 1
        length = [0] * self.states
        ready = [s for s, count in enumerate(waiting) if not count]
        for s in ready:  # a topological order, as far as there is one
            for t in targets[s]:
                length[t] = max(length[t], length[s] + 1)
                waiting[t] -= 1
                if not waiting[t]:
                    ready.append(t)
        return max(length) if len(ready) == self.states else None

    def length_between(self, minimum: int, maximum: int | None) -> CharacterAutomaton:
        """Strings of at least `minimum` and at most `maximum` characters (None: no bound)."""
        if self.is_empty():
            return self
        longest = self.longest()
        if self.shortest() >= minimum and (maximum is None or (longest is not None and longest <= maximum)):
            return self
        last = minimum if maximum is None else maximum
        if longest is not None:
            last = min(last, longest)
            if longest < minimum:
                return self.nothing()
        if (last + 1) * self.states > 20 * MAX_STATES:
            raise BudgetExceeded(f"an automaton of {self.states} states with lengths up to {last} is too large")
        rows = [[i + 1] for i in range(last)] + [[last if maximum is None else -1]]
        if maximum is not None and maximum < minimum:
            return self.nothing()
        counter = CharacterAutomaton((FULL,), np.array(rows, np.int32), np.arange(last + 1) >= minimum)
        return self.intersect(counter)

    # into a byte network

    @cached_property
    def edges(self) -> list[tuple[int, int, Ranges]]:
        """(state, next state, characters) of all transitions, one for each pair of states."""
        known: dict[tuple[int, ...], Ranges] = {}
        edges = []
        states, cells = np.nonzero(self.table >= 0)
        targets = self.table[states, cells]
        order = np.lexsort((cells, targets, states))
        states, targets, groups = states[order], targets[order], cells[order].tolist()
        first = np.flatnonzero(np.diff(states, prepend=-1) | np.diff(targets, prepend=-1))
        borders = [*first.tolist(), len(groups)]
        for s, t, (begin, end) in zip(states[first].tolist(), targets[first].tolist(), pairwise(borders), strict=True):
            key = tuple(groups[begin:end])
            ranges = known.get(key)
            if ranges is None:
                ranges = known[key] = union(*(self.classes[c] for c in key))
            edges.append((s, t, ranges))
        return edges

    def emit(self, net: Network, a: int, b: int, add_characters: AddCharacters) -> None:
        """Add the language between nodes a and b of a network; the encoder adds the bytes of one character."""
        nodes = [net.node() for _ in self._rows]
        leads_on = {s for s, _, _ in self.edges}
        for s, accepts in enumerate(self.accepting.tolist()):
            if accepts and s not in leads_on and s:
                nodes[s] = b
            elif accepts:
                net.epsilon(nodes[s], b)
        net.epsilon(a, nodes[0])
        for s, t, ranges in self.edges:
            add_characters(net, nodes[s], ranges, nodes[t])
