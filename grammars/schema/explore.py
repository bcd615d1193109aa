"""Automata written down as a step function over states of any kind, and one language after another.

For formats with lengths and memory that a pattern spells out only at length.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

from ..characters import Ranges, complement, partition, union
from ..regular import CharacterAutomaton

State = TypeVar("State", bound=Hashable)


def explored(
    classes: Sequence[Ranges],
    start: State,
    step: Callable[[State, int], State | None],
    accepts: Callable[[State], bool],
) -> CharacterAutomaton:
    """The automaton of the states reached from the start; `step(state, i)` reads a character of `classes[i]`.

    The classes are disjoint; characters outside them lead nowhere, as does a step that returns None.
    """
    numbers, order = {start: 0}, [start]
    rows: list[list[int]] = []
    columns = range(len(classes))
    for state in order:  # grows while it is read
        row = []
        for i in columns:
            target = step(state, i)
            if target is None:
                row.append(-1)
                continue
            number = numbers.setdefault(target, len(order))
            if number == len(order):
                order.append(target)
            row.append(number)
        row.append(-1)
        rows.append(row)
    others = complement(union(*classes))
    return CharacterAutomaton.from_rows((*classes, others), rows, [accepts(state) for state in order])


def joined(first: CharacterAutomaton, separator: str, second: CharacterAutomaton) -> CharacterAutomaton:
    """A string of the first language, the separator, a string of the second.

    No string of the first language may go on with the separator: where one ends there, the other one begins.
    """
    mark = ((ord(separator), ord(separator)),)
    cells, parts = partition((mark, *first.classes, *second.classes))
    rows = []
    here = parts[0][0]
    tables = (first.table.tolist(), second.table.tolist())
    own_parts = (parts[1 : 1 + len(first.classes)], parts[1 + len(first.classes) :])
    for machine, table, own, shift in zip((first, second), tables, own_parts, (0, first.states), strict=True):
        column = [0] * len(cells)
        for i, part in enumerate(own):
            for cell in part:
                column[cell] = i
        for row in table:
            rows.append([row[i] + shift if row[i] >= 0 else -1 for i in column])
        if machine is first:
            for s, ends in enumerate(first.accepting.tolist()):
                if ends:
                    assert rows[s][here] < 0, "the first language goes on where the second one begins"
                    rows[s][here] = first.states
    return CharacterAutomaton.from_rows(cells, rows, [False] * first.states + second.accepting.tolist())
