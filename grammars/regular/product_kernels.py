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
def _slot(order: NDArray[np.int32], slots: NDArray[np.int32], states: NDArray[np.int32]) -> int:
    """Where these states of the parts are in the hash table, or belong if they are new."""
    h = np.uint64(1)
    for i in range(states.size):
        h = mixed(h, states[i])
    at = np.int64(h & np.uint64(slots.size - 1))
    while slots[at] >= 0:
        i = 0
        while i < states.size and order[slots[at], i] == states[i]:
            i += 1
        if i == states.size:
            break
        at = (at + 1) & (slots.size - 1)
    return at


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
    target = np.zeros(parts, np.int32)
    count, state = 1, 0
    slots[_slot(order, slots, target)] = 0
    while state < count:
        for c in range(cells):
            stops, left = False, True
            for i in range(parts):
                s = order[state, i]
                target[i] = flat[offsets[i] + s * cells + c] if s >= 0 else np.int32(-1)
                if target[i] >= 0:
                    left = False
                elif i < needed:
                    stops = True
            if stops or left:
                rows[state, c] = -1
                continue
            at = _slot(order, slots, target)
            if slots[at] < 0:
                if count == most:
                    return rows[:0], order[:0]
                if count == capacity:
                    capacity *= 2
                    more_order, more_rows = np.empty((capacity, parts), np.int32), np.empty((capacity, cells), np.int32)
                    slots = np.full(4 * capacity, -1, np.int32)
                    for n in range(count):
                        for i in range(parts):
                            more_order[n, i] = order[n, i]
                        for i in range(cells):
                            more_rows[n, i] = rows[n, i]
                        slots[_slot(more_order, slots, more_order[n])] = n
                    order, rows = more_order, more_rows
                    at = _slot(order, slots, target)
                slots[at] = count
                for i in range(parts):
                    order[count, i] = target[i]
                count += 1
            rows[state, c] = slots[at]
        state += 1
    return rows[:count].copy(), order[:count].copy()
