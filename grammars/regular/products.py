"""Several deterministic automata run in step (the product construction), as rows of next states (-1: none)."""

from __future__ import annotations

from functools import lru_cache

from ..characters import Ranges, partition
from ..errors import BudgetExceeded
from .minimize import Rows

Classes = tuple[Ranges, ...]


def in_step(
    classes: list[Classes], tables: list[Rows], needed: int, max_states: int
) -> tuple[Classes, Rows, list[tuple[int, ...]]]:
    """All automata run from their states 0; -1 stands for one that has left its language.

    The product stops where one of the first `needed` automata has left, and where all have. Returns (classes, rows,
    states): the states of the parts for each state of the product.

    Raises:
        BudgetExceeded: more than `max_states` states.
    """
    cells, columns = in_common(tuple(classes))
    tables = [[*rows, [-1] * len(own)] for rows, own in zip(tables, classes, strict=True)]
    by_cell: list[dict[int, list[int]]] = [{} for _ in tables]
    start = (0,) * len(tables)
    left = (-1,) * len(tables)
    number = {start: 0}
    order = [start]
    rows: Rows = []
    for state in order:  # grows while it is read
        following = []
        for table, column, known, s in zip(tables, columns, by_cell, state, strict=True):
            if s not in known:
                known[s] = [table[s][c] for c in column]
            following.append(known[s])
        row = []
        for target in zip(*following, strict=True):
            if target == left or -1 in target[:needed]:
                row.append(-1)
                continue
            index = number.setdefault(target, len(order))
            if index == len(order):
                order.append(target)
            row.append(index)
        rows.append(row)
        if len(order) > max_states:
            sizes = ", ".join(str(len(table) - 1) for table in tables)
            raise BudgetExceeded(f"combining automata of {sizes} states is too large")
    return cells, rows, order


@lru_cache(maxsize=512)
def in_common(classes: tuple[Classes, ...]) -> tuple[Classes, list[list[int]]]:
    """A partition finer than all of these, and for each of them the classes that its cells are in."""
    if all(own == classes[0] for own in classes):
        return classes[0], [list(range(len(classes[0])))] * len(classes)
    cells, parts = partition(tuple(ranges for own in classes for ranges in own))
    columns = []
    places = iter(parts)
    for own in classes:
        column = [0] * len(cells)
        for i in range(len(own)):
            for cell in next(places):
                column[cell] = i
        columns.append(column)
    return cells, columns
