"""Numba kernels that trim and minimise partial deterministic automata given as rows of next states (-1: none).

What leads nowhere is removed. States on no way to a cycle are merged from the ends upwards in linear time (Revuz
1992), the others by refining the partition that this leaves, smaller parts first (Hopcroft 1971).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..kernel import kernel
from .product_kernels import mixed, product


@kernel
def _same(rows: NDArray[np.int32], accepting: NDArray[np.bool_], block: NDArray[np.int32], a: int, b: int) -> bool:
    """Whether two states accept alike and lead to the same classes; `block[-1]` is the class of no transition."""
    equal = accepting[a] == accepting[b]
    for c in range(rows.shape[1]):
        equal = equal and block[rows[a, c]] == block[rows[b, c]]
    return equal


@kernel
def _hash(rows: NDArray[np.int32], accepting: NDArray[np.bool_], block: NDArray[np.int32], s: int) -> np.uint64:
    h = mixed(np.uint64(3), accepting[s])
    for c in range(rows.shape[1]):
        h = mixed(h, block[rows[s, c]])
    return h


@kernel
def _sources(rows: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """For each state the states that lead to it (as often as they do): pointers [states + 1], and the states."""
    pointers = np.zeros(rows.shape[0] + 1, np.int64)
    for s in range(rows.shape[0]):
        for c in range(rows.shape[1]):
            if rows[s, c] >= 0:
                pointers[rows[s, c]] += 1
    for s in range(rows.shape[0]):
        pointers[s + 1] += pointers[s]
    found = np.empty(pointers[rows.shape[0]], np.int32)
    for s in range(rows.shape[0]):
        for c in range(rows.shape[1]):
            if rows[s, c] >= 0:
                pointers[rows[s, c]] -= 1
                found[pointers[rows[s, c]]] = s
    return pointers, found


@kernel
def minimized(rows: NDArray[np.int32], accepting: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """The smallest automaton of the same language, numbered breadth first; state 0 stays the start, and remains even
    if nothing matches."""
    n, cells = rows.shape
    pointers, sources = _sources(rows)
    live = accepting.copy()
    stack = np.empty(n, np.int32)
    depth = 0
    for s in range(n):
        if live[s]:
            stack[depth] = s
            depth += 1
    while depth:
        depth -= 1
        v = stack[depth]
        for i in range(pointers[v], pointers[v + 1]):
            if not live[sources[i]]:
                live[sources[i]] = True
                stack[depth] = sources[i]
                depth += 1
    if not live[0]:
        return np.full((1, cells), -1, np.int32), np.zeros(1, np.bool_)
    rows = rows.copy()
    waiting = np.zeros(n, np.int64)
    for s in range(n):
        for c in range(cells):
            if rows[s, c] >= 0:
                if live[s] and live[rows[s, c]]:
                    waiting[s] += 1
                else:
                    rows[s, c] = -1
    pointers, sources = _sources(rows)
    block = np.full(n + 1, -1, np.int32)
    count = 0
    size = 16
    while size < 2 * n:
        size *= 2
    slots = np.full(size, -1, np.int32)
    ready = stack
    head = tail = 0
    for s in range(n):
        if live[s] and not waiting[s]:
            ready[tail] = s
            tail += 1
    while head < tail:  # a state is ready when all it leads to have their class
        s = ready[head]
        head += 1
        at = np.int64(_hash(rows, accepting, block, s) & np.uint64(size - 1))
        while slots[at] >= 0 and not _same(rows, accepting, block, slots[at], s):
            at = (at + 1) & (size - 1)
        if slots[at] < 0:
            slots[at] = s
            block[s] = count
            count += 1
        else:
            block[s] = block[slots[at]]
        for i in range(pointers[s], pointers[s + 1]):
            waiting[sources[i]] -= 1
            if not waiting[sources[i]]:
                ready[tail] = sources[i]
                tail += 1
    _refine(rows, accepting, live & (waiting > 0), block, count, pointers, sources)
    number = np.full(n + 1, -1, np.int32)
    order = stack
    order[0], number[block[0]] = 0, 0
    count = 1
    head = 0
    result = np.full((n, cells), -1, np.int32)
    while head < count:
        s = order[head]
        for c in range(cells):
            if rows[s, c] >= 0:
                b = block[rows[s, c]]
                if number[b] < 0:
                    number[b] = count
                    order[count] = rows[s, c]
                    count += 1
                result[head, c] = number[b]
        head += 1
    return result[:count].copy(), accepting[order[:count]]


@kernel
def _refine(
    rows: NDArray[np.int32],
    accepting: NDArray[np.bool_],
    cyclic: NDArray[np.bool_],
    block: NDArray[np.int32],
    first: int,
    pointers: NDArray[np.int64],
    sources: NDArray[np.int32],
) -> None:
    """Coarsest stable partition of the cyclic states given the classes of all others; numbers from `first` on.

    When a class splits, its largest part keeps the number, so only what leads to the smaller parts is looked at again.
    """
    members = np.flatnonzero(cyclic).astype(np.int32)
    m = members.size
    if not m:
        return
    n = rows.shape[0]
    place = np.empty(n, np.int32)  # of a state among the members, which are sorted by class
    begins, ends = np.zeros(m + 1, np.int32), np.zeros(m + 1, np.int32)  # by class, less `first`
    ends[0] = m
    classes = 1
    for i in range(m):
        place[members[i]] = i
        block[members[i]] = first
    touched, next_touched = members.copy(), np.empty(m, np.int32)
    is_touched = np.zeros(n, np.bool_)
    amount = m
    size = 16
    while size < 2 * m:
        size *= 2
    slots = np.full(size, -1, np.int32)
    used = np.empty(m, np.int64)  # slots to be emptied
    last, before = np.empty(m, np.int32), np.empty(n, np.int32)  # of a group its last state; of a state the one before
    sizes = np.empty(m, np.int32)
    of_class = np.full(m + 1, -1, np.int32)  # the last group of a class
    previous = np.empty(m, np.int32)  # of a group, the one before in the same class
    looked = np.empty(m, np.int32)
    while amount:
        groups = n_looked = 0
        for k in range(amount):
            s = touched[k]
            is_touched[s] = False
            h = mixed(_hash(rows, accepting, block, s), block[s])
            at = np.int64(h & np.uint64(size - 1))
            while slots[at] >= 0:
                other = last[slots[at]]
                if block[other] == block[s] and _same(rows, accepting, block, other, s):
                    break
                at = (at + 1) & (size - 1)
            g = slots[at]
            if g < 0:
                g = groups
                slots[at], used[g], last[g], sizes[g] = g, at, -1, 0
                own = block[s] - first
                if of_class[own] < 0:
                    looked[n_looked] = own
                    n_looked += 1
                previous[g], of_class[own] = of_class[own], g
                groups += 1
            before[s], last[g] = last[g], s
            sizes[g] += 1
        for g in range(groups):
            slots[used[g]] = -1
        amount = 0
        for k in range(n_looked):
            own = looked[k]
            at = begins[own]
            largest, g = -1, of_class[own]
            while g >= 0:  # the groups one after another, in front of those members that were not looked at
                s = last[g]
                while s >= 0:
                    there, other = place[s], members[at]
                    members[at], members[there] = s, other
                    place[s], place[other] = at, there
                    at += 1
                    s = before[s]
                if largest < 0 or sizes[g] > sizes[largest]:
                    largest = g
                g = previous[g]
            start, stop = begins[own], ends[own]
            keeps_rest = stop - at >= sizes[largest]  # those that were not looked at are all alike
            at = start
            g = of_class[own]
            of_class[own] = -1
            while at < stop:
                end = at + sizes[g] if g >= 0 else stop
                if (g == largest and not keeps_rest) or (g < 0 and keeps_rest):
                    begins[own], ends[own] = at, end
                else:
                    begins[classes], ends[classes] = at, end
                    for i in range(at, end):
                        v = members[i]
                        block[v] = first + classes
                        for j in range(pointers[v], pointers[v + 1]):
                            u = sources[j]
                            if cyclic[u] and not is_touched[u]:
                                is_touched[u] = True
                                next_touched[amount] = u
                                amount += 1
                    classes += 1
                at = end
                g = previous[g] if g >= 0 else -1
        touched, next_touched = next_touched, touched


def use_kernels() -> None:
    """Call every kernel of automata once."""
    rows = np.zeros((1, 1), np.int32)
    product(rows.reshape(-1), np.zeros(1, np.int64), 1, 0, 2)
    minimized(rows, np.ones(1, np.bool_))
