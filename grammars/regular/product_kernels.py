"""Numba kernel of deterministic automata that run in step (the product construction), and its hash of states."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..kernel import kernel


@njit(cache=True, inline="never")
def mixed(h: np.uint64, value: int) -> np.uint64:
    h = (h ^ np.uint64(value + 2)) * np.uint64(0x9E3779B97F4A7C15)
    return h ^ (h >> np.uint64(29))


@kernel
def product(
    flat: NDArray[np.int32], offsets: NDArray[np.int64], cells: int, needed: int, most: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Automata in step from their states 0: rows of the product, and the states of the parts in each of its states.

    Row s of automaton i is `flat[offsets[i] + s * cells :][:cells]`; -1 stands for one that has left. The product stops
    where one of the first `needed` automata has left, and where all have. Empty if it has more than `most` states.
    """
    parts = offsets.size
    capacity = 64
    order = np.zeros((capacity, parts), np.int32)
    rows = np.empty((capacity, cells), np.int32)
    slots = np.full(4 * capacity, -1, np.int32)
    target = np.empty(parts, np.int32)
    count, state = 1, 0
    h = np.uint64(1)
    for _ in range(parts):
        h = mixed(h, 0)
    slots[np.int64(h & np.uint64(slots.size - 1))] = 0
    while state < count:
        for c in range(cells):
            stops, left = False, True
            h = np.uint64(1)
            for i in range(parts):
                s = order[state, i]
                t = flat[offsets[i] + s * cells + c] if s >= 0 else np.int32(-1)
                target[i] = t
                if t >= 0:
                    left = False
                elif i < needed:
                    stops = True
                h = mixed(h, t)
            if stops or left:
                rows[state, c] = -1
                continue
            at = np.int64(h & np.uint64(slots.size - 1))
            while slots[at] >= 0 and not (order[slots[at]] == target).all():
                at = (at + 1) & (slots.size - 1)
            if slots[at] < 0:
                if count == most:
                    return rows[:0], order[:0]
                if count == capacity:
                    capacity *= 2
                    more_order, more_rows = np.empty((capacity, parts), np.int32), np.empty((capacity, cells), np.int32)
                    more_order[:count], more_rows[:count] = order, rows
                    order, rows = more_order, more_rows
                    slots = np.full(4 * capacity, -1, np.int32)
                    for n in range(count):
                        h = np.uint64(1)
                        for i in range(parts):
                            h = mixed(h, order[n, i])
                        at = np.int64(h & np.uint64(slots.size - 1))
                        while slots[at] >= 0:
                            at = (at + 1) & (slots.size - 1)
                        slots[at] = n
                    h = np.uint64(1)
                    for i in range(parts):
                        h = mixed(h, target[i])
                    at = np.int64(h & np.uint64(slots.size - 1))
                    while slots[at] >= 0:
                        at = (at + 1) & (slots.size - 1)
                slots[at] = count
                order[count] = target
                count += 1
            rows[state, c] = slots[at]
        state += 1
    return rows[:count].copy(), order[:count].copy()
