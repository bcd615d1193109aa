"""Numba kernels on configurations: hash-consed stacks and states, and closure under all that reads nothing.

A configuration is a pair (node, stack); a state of the automaton is a hash-consed set of configurations, so it is an
integer and equality is identity. Stacks are hash-consed linked lists of frames (return, data, parent): `return >= 0`
is the node that a call goes on at, `return = -1 - r` is the counted loop r with `data` finished rounds.

A kernel that finds a section of the arena (`arena.py`) full returns GROW (or GROW_WORK), having changed nothing but
caches that stay right; `engine.py` then enlarges the arena and calls again.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from .arena import (
    BARE,
    CALL_PTR,
    CALLS,
    CAP_ITEMS,
    CAP_STACKS,
    CAP_STATES,
    CAP_WORK,
    DEAD,
    DISTANCE,
    EDGE_PTR,
    EPSILON_PTR,
    EPSILONS,
    FAR,
    FINAL,
    FREE,
    GROW,
    GROW_WORK,
    I_NODE,
    I_STACK,
    K_NODE,
    K_STACK,
    LOW,
    N_CLASSES,
    N_ITEMS,
    N_STACKS,
    N_STATES,
    Q_ACCEPTING,
    Q_ALIAS,
    Q_DISTANCE,
    Q_LENGTH,
    Q_OFFSET,
    REPEAT_PTR,
    REPEATS,
    S_ALIAS,
    S_DATA,
    S_DISTANCE,
    S_PARENT,
    S_RETURN,
    SEEN,
    SEEN_SLOTS,
    STACK_SLOTS,
    STACK_TABLE,
    STAMP,
    STATE_SLOTS,
    STATE_TABLE,
    TRANSITIONS,
    UNKNOWN,
    W_NODE,
    W_STACK,
    Arena,
)


@njit(cache=True, boundscheck=False, inline="always")
def _mix(h: int, x: int) -> int:
    return ((h ^ np.uint64(x)) * np.uint64(0x9E3779B97F4A7C15)) ^ (h >> np.uint64(29))


@njit(cache=True, boundscheck=False, inline="always")
def frame_slot(arena: Arena, ret: int, data: int, parent: int) -> int:
    """Where the search for a stack with this frame on top begins in its hash table."""
    h = _mix(_mix(_mix(np.uint64(17), ret), data), parent)
    return np.int64(h & np.uint64(arena[STACK_SLOTS] - 1))


@njit(cache=True, boundscheck=False)
def set_slot(arena: Arena, nodes: int, stacks: int, k: int, accepting: int) -> int:
    """Where the search for a state begins in its hash table: k configurations, their nodes and stacks at the given
    places of the arena."""
    h = _mix(np.uint64(7), accepting)
    for i in range(k):
        h = _mix(_mix(h, arena[nodes + i]), arena[stacks + i])
    return np.int64(h & np.uint64(arena[STATE_SLOTS] - 1))


@njit(cache=True, boundscheck=False)
def add(arena: Arena, n: int, node: int, stack: int) -> int:
    """Append (node, stack) to the worklist of length n unless seen in this closure; new length, or GROW_WORK."""
    slots = arena[SEEN_SLOTS]
    seen = arena[SEEN]
    stamp = arena[STAMP]
    h = np.int64(_mix(_mix(np.uint64(3), node), stack) & np.uint64(slots - 1))
    while arena[seen + 3 * h] == stamp:
        if arena[seen + 3 * h + 1] == node and arena[seen + 3 * h + 2] == stack:
            return n
        h = (h + 1) & (slots - 1)
    if n >= arena[CAP_WORK]:
        return GROW_WORK
    arena[seen + 3 * h] = stamp
    arena[seen + 3 * h + 1] = node
    arena[seen + 3 * h + 2] = stack
    arena[arena[W_NODE] + n] = node
    arena[arena[W_STACK] + n] = stack
    return n + 1


@njit(cache=True, boundscheck=False)
def _frame_distance(arena: Arena, ret: int, data: int, parent: int) -> int:
    """Shortest completion in bytes of what comes after the current rule, given its frame."""
    if ret >= 0:
        total = np.int64(arena[arena[DISTANCE] + ret])
    else:
        loop = arena[REPEATS] + 4 * (-1 - ret)
        rounds = 0 if data == FREE else arena[loop + 2] - 1 - max(0, data)
        total = max(0, rounds) * np.int64(arena[arena[DISTANCE] + arena[loop]])
        total += arena[arena[DISTANCE] + arena[loop + 1]]
    return min(FAR, total + arena[arena[S_DISTANCE] + parent])


@njit(cache=True, boundscheck=False)
def push(arena: Arena, ret: int, data: int, parent: int) -> int:
    """The stack with this frame on top of `parent`, or GROW."""
    slots = arena[STACK_SLOTS]
    table = arena[STACK_TABLE]
    s_return, s_data, s_parent = arena[S_RETURN], arena[S_DATA], arena[S_PARENT]
    h = frame_slot(arena, ret, data, parent)
    while True:
        s = arena[table + h]
        if s < 0:
            break
        if arena[s_return + s] == ret and arena[s_parent + s] == parent and arena[s_data + s] == data:
            return s
        h = (h + 1) & (slots - 1)
    s = arena[N_STACKS]
    if s >= arena[CAP_STACKS]:
        return GROW
    arena[N_STACKS] = s + 1
    arena[table + h] = s
    arena[s_return + s] = ret
    arena[s_data + s] = data
    arena[s_parent + s] = parent
    arena[arena[S_DISTANCE] + s] = _frame_distance(arena, ret, data, parent)
    arena[arena[S_ALIAS] + s] = UNKNOWN
    return s


@njit(cache=True, boundscheck=False)
def _sort_kept(arena: Arena, k: int) -> None:
    """Shell sort of the kept configurations by (node, stack): the canonical order of a set."""
    kn, ks = arena[K_NODE], arena[K_STACK]
    gap = 1
    while gap < k // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(gap, k):
            a, s = arena[kn + i], arena[ks + i]
            j = i - gap
            while j >= 0 and (arena[kn + j] > a or (arena[kn + j] == a and arena[ks + j] > s)):
                arena[kn + j + gap] = arena[kn + j]
                arena[ks + j + gap] = arena[ks + j]
                j -= gap
            arena[kn + j + gap] = a
            arena[ks + j + gap] = s
        gap //= 3


@njit(cache=True, boundscheck=False)
def intern(arena: Arena, k: int, accepting: int) -> int:
    """The state that is the set of the k kept configurations; a new one if need be. DEAD, or GROW."""
    if k == 0 and accepting == 0:
        return DEAD
    _sort_kept(arena, k)
    kn, ks = arena[K_NODE], arena[K_STACK]
    slots = arena[STATE_SLOTS]
    table = arena[STATE_TABLE]
    items, stacks = arena[I_NODE], arena[I_STACK]
    h = set_slot(arena, kn, ks, k, accepting)
    while True:
        q = arena[table + h]
        if q < 0:
            break
        if arena[arena[Q_LENGTH] + q] == k and arena[arena[Q_ACCEPTING] + q] == accepting:
            o = arena[arena[Q_OFFSET] + q]
            i = 0
            while i < k and arena[items + o + i] == arena[kn + i] and arena[stacks + o + i] == arena[ks + i]:
                i += 1
            if i == k:
                return q
        h = (h + 1) & (slots - 1)
    q = arena[N_STATES]
    o = arena[N_ITEMS]
    if q >= arena[CAP_STATES] or o + k > arena[CAP_ITEMS]:
        return GROW
    arena[N_STATES] = q + 1
    arena[N_ITEMS] = o + k
    arena[table + h] = q
    arena[arena[Q_OFFSET] + q] = o
    arena[arena[Q_LENGTH] + q] = k
    arena[arena[Q_ACCEPTING] + q] = accepting
    arena[arena[Q_ALIAS] + q] = UNKNOWN
    distance = 0 if accepting else FAR
    for i in range(k):
        a, s = arena[kn + i], arena[ks + i]
        arena[items + o + i] = a
        arena[stacks + o + i] = s
        rest = arena[arena[DISTANCE] + a] + arena[arena[S_DISTANCE] + s]
        distance = min(distance, rest)
    arena[arena[Q_DISTANCE] + q] = distance
    row = arena[TRANSITIONS] + np.int64(q) * arena[N_CLASSES]
    for c in range(arena[N_CLASSES]):
        arena[row + c] = UNKNOWN
    return q


@njit(cache=True, boundscheck=False)
def closure(arena: Arena, n: int) -> int:
    """State of the n configurations of the worklist, closed under everything that reads nothing."""
    wn, ws, kn, ks = arena[W_NODE], arena[W_STACK], arena[K_NODE], arena[K_STACK]
    edge_ptr, eps_ptr, call_ptr = arena[EDGE_PTR], arena[EPSILON_PTR], arena[CALL_PTR]
    repeat_ptr, final = arena[REPEAT_PTR], arena[FINAL]
    accepting = 0
    k = 0
    i = 0
    while i < n:
        a, s = arena[wn + i], arena[ws + i]
        i += 1
        if arena[edge_ptr + a + 1] > arena[edge_ptr + a]:
            arena[kn + k] = a
            arena[ks + k] = s
            k += 1
        if arena[final + a]:
            if s == 0:
                accepting = 1
            else:
                ret, parent = arena[arena[S_RETURN] + s], arena[arena[S_PARENT] + s]
                if ret >= 0:
                    n = add(arena, n, ret, parent)
                else:
                    n = _next_round(arena, n, ret, arena[arena[S_DATA] + s], parent)
                if n < 0:
                    return n
        for e in range(arena[eps_ptr + a], arena[eps_ptr + a + 1]):
            n = add(arena, n, arena[arena[EPSILONS] + e], s)
            if n < 0:
                return n
        for e in range(arena[call_ptr + a], arena[call_ptr + a + 1]):
            start, ret = arena[arena[CALLS] + 2 * e], arena[arena[CALLS] + 2 * e + 1]
            t = s if arena[arena[BARE] + ret] else push(arena, ret, 0, s)  # a tail call needs no frame
            if t < 0:
                return t
            n = add(arena, n, start, t)
            if n < 0:
                return n
        for e in range(arena[repeat_ptr + a], arena[repeat_ptr + a + 1]):
            loop = arena[REPEATS] + 4 * e
            if arena[loop + 2] == 0:
                n = add(arena, n, arena[loop + 1], s)
                if n < 0:
                    return n
            t = push(arena, -1 - e, FREE if arena[loop + 2] == 0 and arena[loop + 3] < 0 else 0, s)
            if t < 0:
                return t
            n = add(arena, n, arena[loop], t)
            if n < 0:
                return n
    return intern(arena, k, accepting)


@njit(cache=True, boundscheck=False)
def _next_round(arena: Arena, n: int, ret: int, count: int, parent: int) -> int:
    """A round of the counted loop -1 - ret has ended: leave it, begin another, or both."""
    loop = arena[REPEATS] + 4 * (-1 - ret)
    minimum, maximum = arena[loop + 2], arena[loop + 3]
    leave, again = True, True
    if count == LOW:
        leave = False
    elif count != FREE:
        count += 1
        leave = count >= minimum
        again = maximum < 0 or count < maximum
        if maximum < 0 and leave:
            count = FREE
    if leave:
        n = add(arena, n, arena[loop + 1], parent)
        if n < 0:
            return n
    if again:
        t = push(arena, ret, count, parent)
        if t < 0:
            return t
        n = add(arena, n, arena[loop], t)
    return n
