"""Numba kernels on states with recorded texts: the same state without them, and what they still forbid.

Inside a string that must differ from others every character makes a new state. Its mask is that of the loose state, in
which no text is known, but for the few tokens that spell a known text to its end, or a whole further one (see
`decoding/recorded.py`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .arena import (
    CAP_WORK,
    CELL,
    DEAD,
    DUMMY,
    GROW_WORK,
    I_NODE,
    I_STACK,
    K_NODE,
    K_STACK,
    Q_ACCEPTING,
    Q_LENGTH,
    Q_OFFSET,
    RECORD,
    S_DATA,
    S_PARENT,
    S_RETURN,
    SCOPE,
    TEXTS,
    UNTRACKED,
    W_NODE,
    Arena,
)
from .cell_kernels import push
from .configuration_kernels import intern
from .engine_kernels import step
from .kernel import kernel
from .record_kernels import set_below, ways_on
from .scope_kernels import LEAST, MOST, scope_of
from .text_kernels import length

FEW = 1 << 16


@kernel
def _loose_set(arena: Arena, scope: int, cells: int) -> int:
    """The set with a DUMMY for each text, of which no more are kept than matter; or GROW."""
    count = 0
    while cells != 0 and arena[arena[S_DATA] + cells] >= TEXTS:
        count += 1
        cells = arena[arena[S_PARENT] + cells]
    if arena[scope + MOST] < 0:
        count = min(count, arena[scope + LEAST] + 1)
    for _ in range(count):
        cells = push(arena, CELL, DUMMY, cells)
        if cells < 0:
            return cells
    return cells


@kernel
def _loose_stack(arena: Arena, s: int) -> int:
    """The stack without what was recorded; or GROW, GROW_WORK."""
    n = 0
    while s != 0:
        if n >= arena[CAP_WORK]:
            return GROW_WORK
        arena[arena[W_NODE] + n] = s
        n += 1
        s = arena[arena[S_PARENT] + s]
    t = 0
    for i in range(n - 1, -1, -1):
        s = arena[arena[W_NODE] + i]
        ret, data = arena[arena[S_RETURN] + s], arena[arena[S_DATA] + s]
        if ret == RECORD:
            data = UNTRACKED
        elif CELL < ret <= SCOPE:
            data = _loose_set(arena, scope_of(arena, ret), data)
            if data < 0:
                return data
        t = push(arena, ret, data, t)
        if t < 0:
            return t
    return t


@kernel
def loosen(arena: Arena, q: int) -> int:
    """The state q with all recorded texts forgotten: allows all that q allows, perhaps more; or GROW, GROW_WORK."""
    o, count = arena[arena[Q_OFFSET] + q], arena[arena[Q_LENGTH] + q]
    changed = False
    n = 0
    for i in range(o, o + count):
        a, s = arena[arena[I_NODE] + i], arena[arena[I_STACK] + i]
        t = _loose_stack(arena, s)
        if t < 0:
            return t
        changed = changed or t != s
        j = 0
        while j < n and (arena[arena[K_NODE] + j] != a or arena[arena[K_STACK] + j] != t):
            j += 1
        if j == n:
            arena[arena[K_NODE] + n] = a
            arena[arena[K_STACK] + n] = t
            n += 1
    return intern(arena, n, arena[arena[Q_ACCEPTING] + q]) if changed else q


@kernel
def _has_text(arena: Arena, q: int) -> bool:
    """Whether a whole text is known in a state, or one has begun that can become few things only."""
    o = arena[arena[Q_OFFSET] + q]
    for i in range(o, o + arena[arena[Q_LENGTH] + q]):
        s = arena[arena[I_STACK] + i]
        top = s
        if top != 0 and arena[arena[S_RETURN] + top] < CELL:  # in an escape
            top = arena[arena[S_PARENT] + top]
        begun = top != 0 and arena[arena[S_RETURN] + top] == RECORD and arena[arena[S_DATA] + top] > 0
        if begun and ways_on(arena, arena[arena[I_NODE] + i]) < FEW:
            return True
        while s != 0:
            if CELL < arena[arena[S_RETURN] + s] <= SCOPE:
                cells = arena[arena[S_DATA] + s]
                while cells != 0 and arena[arena[S_DATA] + cells] >= TEXTS:
                    if arena[arena[S_DATA] + cells] != DUMMY:
                        return True
                    cells = arena[arena[S_PARENT] + cells]
            s = arena[arena[S_PARENT] + s]
    return False


@kernel
def whole_texts(
    arena: Arena,
    data: NDArray[np.uint8],
    offsets: NDArray[np.int32],
    tokens: NDArray[np.int32],
    q: int,
    out: NDArray[np.int32],
) -> int:
    """Write those of the tokens to `out` that lead from the loose state q over a whole recorded text, or into one that
    can become few things only; their number, or a code of the engine."""
    count = 0
    for i in range(tokens.size):
        t, r = tokens[i], q
        for j in range(offsets[t], offsets[t + 1]):
            r = step(arena, r, data[j])
            if r < DEAD:
                return r
            if r == DEAD:
                break
            if _has_text(arena, r):  # at every byte: the scope may be left again within the token
                out[count] = t
                count += 1
                break
    return count


@kernel
def rests(arena: Arena, q: int, out: NDArray[np.int32]) -> int:
    """Write to `out` how each known text goes on after what is being recorded in q, as its length and its symbols.

    Returns the number of cells written, or out.size + 1 where they do not suffice. An escape that has begun is written
    as a text of length -1 where there is a known text that goes on."""
    n = 0
    o = arena[arena[Q_OFFSET] + q]
    s_data, s_parent, s_return = arena[S_DATA], arena[S_PARENT], arena[S_RETURN]
    for i in range(o, o + arena[arena[Q_LENGTH] + q]):
        s = arena[arena[I_STACK] + i]
        escaped = False
        if s != 0 and arena[s_return + s] < CELL:
            escaped = True
            s = arena[s_parent + s]
        if s == 0 or arena[s_return + s] != RECORD:
            continue
        text, cells = arena[s_data + s], set_below(arena, s)
        while cells != 0 and arena[s_data + cells] >= TEXTS:
            item = arena[s_data + cells]
            cells = arena[s_parent + cells]
            extra = 0 if item == DUMMY else length(arena, item - TEXTS) - length(arena, text)
            if item == DUMMY or extra < 0:
                continue
            if n + 1 + extra > out.size:
                return out.size + 1
            other = item - TEXTS
            for j in range(extra):
                out[n + extra - j] = arena[s_data + other]
                other = arena[s_parent + other]
            if other == text:
                out[n] = -1 if escaped else extra
                n += 1 if escaped else 1 + extra
    return n
