"""Classes of the keys that an object does not name: by the patterns of patternProperties that they match."""

from __future__ import annotations

from functools import lru_cache

from ..characters import partition
from ..errors import BudgetExceeded
from ..regular import CharacterAutomaton
from .plan import KeySet
from .strings import StringSet, automaton

MAX_KEY_CLASSES = 64
MAX_STATES = 20_000


@lru_cache(maxsize=1024)
def key_classes(
    names: frozenset[str], patterns: tuple[str, ...], keys: tuple[StringSet, ...] | None
) -> list[tuple[frozenset[str], KeySet]]:
    """The keys outside `names` and allowed by `keys`, by which of the patterns they match."""
    if not patterns and keys is None:
        return [(frozenset(), KeySet(names))]
    whole = CharacterAutomaton.everything()
    if keys is not None:
        whole = CharacterAutomaton.nothing()
        for strings in keys:
            whole = whole.union(automaton(strings))
    if names:
        whole = whole.difference(CharacterAutomaton.from_strings(sorted(names)))
    if not patterns:
        return [] if whole.is_empty() else [(frozenset(), KeySet(names, whole))]
    parts = _classified(whole, [automaton(StringSet(patterns=(pattern,))) for pattern in patterns])
    return [(frozenset(patterns[i] for i in matched), KeySet(names, part)) for matched, part in parts]


def _classified(
    whole: CharacterAutomaton, machines: list[CharacterAutomaton]
) -> list[tuple[tuple[int, ...], CharacterAutomaton]]:
    """The strings of `whole` by the machines that accept them: all run in step, then one automaton for each answer."""
    everyone = [whole, *machines]
    cells, parts = partition(tuple(ranges for machine in everyone for ranges in machine.classes))
    columns = []  # for every machine the class of each cell
    at = 0
    for machine in everyone:
        column = [0] * len(cells)
        for i in range(len(machine.classes)):
            for cell in parts[at + i]:
                column[cell] = i
        at += len(machine.classes)
        columns.append(column)
    tables = [[*machine.table.tolist(), [-1] * len(machine.classes)] for machine in everyone]
    known: list[dict[int, list[int]]] = [{} for _ in everyone]  # rows by cell instead of by class
    start = (0,) * len(everyone)
    number = {start: 0}
    order = [start]
    rows: list[list[int]] = []
    for state in order:  # grows while it is read
        by_cell = []
        for i, s in enumerate(state):
            if s not in known[i]:
                known[i][s] = [tables[i][s][c] for c in columns[i]]
            by_cell.append(known[i][s])
        row = []
        for target in zip(*by_cell, strict=True):
            if target[0] < 0:
                row.append(-1)
                continue
            index = number.setdefault(target, len(order))
            if index == len(order):
                order.append(target)
            row.append(index)
        rows.append(row)
        if len(order) > MAX_STATES:
            raise BudgetExceeded("the patterns of patternProperties need too large an automaton together")
    accepting = [[*machine.accepting.tolist(), False] for machine in everyone]
    answers: dict[tuple[int, ...], list[int]] = {}
    for index, (outer, *inner) in enumerate(order):
        if accepting[0][outer]:
            matched = tuple(i for i, s in enumerate(inner) if accepting[i + 1][s])
            answers.setdefault(matched, []).append(index)
    if len(answers) > MAX_KEY_CLASSES:
        why = "the patterns of patternProperties overlap in too many ways"
        raise BudgetExceeded(why, keyword="patternProperties")
    found = []
    for matched, members in answers.items():
        ends = [False] * len(order)
        for index in members:
            ends[index] = True
        found.append((matched, CharacterAutomaton.from_rows(cells, rows, ends)))
    return found
