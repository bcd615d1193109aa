"""Numba kernels on hash-consed stacks, and the worklist of a closure.

A stack is a linked list of frames (return, data, parent), each kept once, so that equality is identity. `return >= 0`
is the node that a call goes on at; `SPECIAL < return < 0` is the counted loop -1 - return with `data` finished rounds;
others are named in `arena.py`.

A kernel that finds a section of the arena full returns GROW (or GROW_WORK), having changed nothing but caches that stay
right; `engine.py` then enlarges the arena and calls again.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from .arena import (
    BEFORE,
    CAP_STACKS,
    CAP_WORK,
    CELL,
    DISTANCE,
    FAR,
    FREE,
    GROW,
    GROW_WORK,
    N_STACKS,
    PUSH,
    REPEATS,
    S_ALIAS,
    S_DATA,
    S_DISTANCE,
    S_PARENT,
    S_RETURN,
    SCOPE,
    SEEN,
    SEEN_SLOTS,
    SPECIAL,
    STACK_SLOTS,
    STACK_TABLE,
    STAMP,
    UNKNOWN,
    W_NODE,
    W_STACK,
    Arena,
)
from .kernel import kernel, linked
from .scope_kernels import BEHIND, first_step, longer, owed, scope_of


@njit(cache=True, boundscheck=False, inline="always")
def mix(h: int, x: int) -> int:
    return ((h ^ np.uint64(x)) * np.uint64(0x9E3779B97F4A7C15)) ^ (h >> np.uint64(29))


@njit(cache=True, boundscheck=False, inline="always")
def frame_slot(arena: Arena, ret: int, data: int, parent: int) -> int:
    """Where the search for a stack with this frame on top begins in its hash table."""
    h = mix(mix(mix(np.uint64(17), ret), data), parent)
    return np.int64(h & np.uint64(arena[STACK_SLOTS] - 1))


@kernel
def add(arena: Arena, n: int, node: int, stack: int) -> int:
    """Append (node, stack) to the worklist of length n unless seen in this closure; new length, or GROW_WORK."""
    slots = arena[SEEN_SLOTS]
    seen = arena[SEEN]
    stamp = arena[STAMP]
    h = np.int64(mix(mix(np.uint64(3), node), stack) & np.uint64(slots - 1))
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


@kernel
def _frame_distance(arena: Arena, ret: int, data: int, parent: int) -> int:
    """Shortest completion in bytes of what comes after the current rule, given its frame."""
    if ret >= 0:
        total = np.int64(arena[arena[DISTANCE] + ret])
        before = arena[arena[BEFORE] + ret]
        if before > 2:
            total += longer(arena, parent, before - 2)
        elif before:
            total = np.int64(first_step(arena, parent, before == 1))
    elif ret <= SPECIAL:
        if ret == CELL:
            return 1 + (arena[arena[S_DISTANCE] + parent] if parent != 0 else 0)
        total = np.int64(0)
        if CELL < ret <= SCOPE:
            scope = scope_of(arena, ret)
            total += arena[arena[DISTANCE] + arena[scope + BEHIND]] + owed(arena, scope, data)
    else:
        loop = arena[REPEATS] + 4 * (-1 - ret)
        rounds = 0 if data == FREE else arena[loop + 2] - 1 - max(0, data)
        total = max(0, rounds) * np.int64(arena[arena[DISTANCE] + arena[loop]])
        total += arena[arena[DISTANCE] + arena[loop + 1]]
    return min(FAR, total + arena[arena[S_DISTANCE] + parent])


@linked(PUSH)
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


@kernel
def insert(arena: Arena, n: int, cells: int, item: int) -> int:
    """The set with one more item, which it does not hold yet (a DUMMY it may); or GROW, GROW_WORK. The worklist, of
    length n, lends its free end."""
    s_data, s_parent = arena[S_DATA], arena[S_PARENT]
    wn, free = arena[W_NODE], arena[CAP_WORK]
    rest = cells
    while rest != 0 and arena[s_data + rest] > item:
        free -= 1
        if free <= n:
            return GROW_WORK
        arena[wn + free] = arena[s_data + rest]
        rest = arena[s_parent + rest]
    result = push(arena, CELL, item, rest)
    while result >= 0 and free < arena[CAP_WORK]:
        result = push(arena, CELL, arena[wn + free], result)
        free += 1
    return result
