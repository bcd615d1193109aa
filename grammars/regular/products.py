"""Several deterministic automata run in step (the product construction), as rows of next states (-1: none)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..characters import Ranges, partition
from ..errors import BudgetExceeded
from .product_kernels import product

Int32Array = NDArray[np.int32]
Classes = tuple[Ranges, ...]


def in_step(
    classes: list[Classes], tables: list[Int32Array], needed: int, max_states: int
) -> tuple[Classes, Int32Array, Int32Array]:
    """All automata run from their states 0; -1 stands for one that has left its language.

    The product stops where one of the first `needed` automata has left, and where all have. Returns (classes, rows,
    states): the states of the parts for each state of the product.

    Raises:
        BudgetExceeded: more than `max_states` states.
    """
    cells, columns = in_common(tuple(classes))
    by_cell = [table[:, column].reshape(-1) for table, column in zip(tables, columns, strict=True)]
    offsets = np.cumsum([0, *map(len, by_cell[:-1])])
    rows, order = product(np.concatenate(by_cell), offsets, len(cells), needed, max_states)
    if not len(rows):
        sizes = ", ".join(str(len(table)) for table in tables)
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
