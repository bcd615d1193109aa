"""Automata written down as a step function over states of any kind, and one language after another.

For formats with lengths and memory that a pattern spells out only at length.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

from ..characters import Ranges, complement, from_characters, partition, union
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


def joined(first: CharacterAutomaton, separator: str, *seconds: CharacterAutomaton) -> CharacterAutomaton:
    """A string of the first language, the separator, a string of one of the others.

    No string of the first language may go on with the separator, and no two of the others begin with one character.
    """
    machines = (first, *seconds)
    cells, parts = partition((from_characters(separator), *(own for machine in machines for own in machine.classes)))
    place = iter(parts[1:])
    rows: list[list[int]] = []
    begins = [-1] * len(cells)
    second = sum(machine.states for machine in machines)  # the state after the separator
    for machine in machines:
        column = [0] * len(cells)
        for i in range(len(machine.classes)):
            for cell in next(place):
                column[cell] = i
        shift = len(rows)
        rows += [[row[i] + shift if row[i] >= 0 else -1 for i in column] for row in machine.table.tolist()]
        if machine is first:
            for s, ends in enumerate(first.accepting.tolist()):
                if ends:
                    assert rows[s][parts[0][0]] < 0, "the first language goes on where the others begin"
                    rows[s][parts[0][0]] = second
        else:
            assert not machine.accepting[0] and not any(a >= 0 <= b for a, b in zip(begins, rows[shift], strict=True))
            begins = [max(a, b) for a, b in zip(begins, rows[shift], strict=True)]
    ends = [end for machine in seconds for end in machine.accepting.tolist()]
    return CharacterAutomaton.from_rows(cells, [*rows, begins], [False] * first.states + ends + [False])
