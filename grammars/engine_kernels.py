"""Numba kernels of the engine: lazy determinisation of a recursive transition network.

Transitions are computed one (state, byte class) at a time and remembered, as RE2 does for regular expressions, one
level up: states are sets of configurations with stacks (`configuration_kernels.py`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .arena import (
    BEGINS,
    CLASSES,
    CONTROL,
    DEAD,
    EDGE_PTR,
    EDGES,
    ESCAPE,
    I_NODE,
    I_STACK,
    N_CLASSES,
    N_STACKS,
    N_STATES,
    Q_ACCEPTING,
    Q_LENGTH,
    Q_OFFSET,
    RECORD,
    REPRESENTATIVES,
    S_DATA,
    S_PARENT,
    S_RETURN,
    STACK_SLOTS,
    STACK_TABLE,
    STAMP,
    STATE_SLOTS,
    STATE_TABLE,
    TEXT,
    TRANSITION,
    TRANSITIONS,
    UNKNOWN,
    VOID,
    Arena,
)
from .cell_kernels import add, frame_slot
from .configuration_kernels import closure, set_slot
from .escape_kernels import begin_escape, go_on_escape
from .kernel import kernel, linked
from .text_kernels import recorded


@kernel
def initial(arena: Arena, node: int) -> int:
    """The state before the first byte."""
    arena[STAMP] += 1
    return closure(arena, add(arena, 0, node, 0))


@linked(TRANSITION)
def _transition(arena: Arena, q: int, c: int) -> int:
    """State after a byte of class c, computed and remembered; DEAD, or GROW / GROW_WORK."""
    row = arena[TRANSITIONS] + np.int64(q) * arena[N_CLASSES]
    arena[STAMP] += 1
    lo, hi = 0, arena[N_CLASSES] - 1  # classes around c that lead to the same configurations
    n = 0
    o = arena[arena[Q_OFFSET] + q]
    edge_ptr, edges, begins = arena[EDGE_PTR], arena[EDGES], arena[BEGINS]
    backslash = arena[arena[CLASSES] + 0x5C]
    blocked = False
    for beginning in range(2):  # a token begins only where none goes on: the longest match
        if n > 0 or blocked:
            break
        for i in range(o, o + arena[arena[Q_LENGTH] + q]):
            a, s = arena[arena[I_NODE] + i], arena[arena[I_STACK] + i]
            if arena[begins + a] != beginning:
                continue
            if s != 0 and arena[arena[S_RETURN] + s] == ESCAPE:
                lo = hi = c
                n = go_on_escape(arena, n, a, s, arena[arena[REPRESENTATIVES] + c])
                if n < 0:
                    return n
                continue
            if arena[arena[TEXT] + a]:
                if c == backslash:
                    n = begin_escape(arena, n, a, s)
                    if n < 0:
                        return n
                    lo = hi = c
                elif c < backslash:
                    hi = min(hi, backslash - 1)
                else:
                    lo = max(lo, backslash + 1)
            for e in range(arena[edge_ptr + a], arena[edge_ptr + a + 1]):
                first, last = arena[edges + 3 * e], arena[edges + 3 * e + 1]
                if first > c:
                    hi = min(hi, first - 1)
                elif last < c:
                    lo = max(lo, last + 1)
                else:
                    lo, hi = max(lo, first), min(hi, last)
                    if arena[begins + arena[edges + 3 * e + 2]] == VOID:
                        blocked = True
                        continue
                    t = s
                    if s != 0 and arena[arena[S_RETURN] + s] == RECORD:
                        lo = hi = c
                        t = recorded(arena, s, arena[arena[REPRESENTATIVES] + c])
                        if t < 0:
                            return t
                    n = add(arena, n, arena[edges + 3 * e + 2], t)
                    if n < 0:
                        return n
    target = DEAD
    if n > 0:
        target = closure(arena, n)
        if target < DEAD:
            return target
    for d in range(lo, hi + 1):
        arena[row + d] = target
    return target


@kernel
def step_class(arena: Arena, q: int, c: int) -> int:
    """State after a byte of class c, computed once and remembered; DEAD, or GROW / GROW_WORK."""
    known = arena[arena[TRANSITIONS] + np.int64(q) * arena[N_CLASSES] + c]
    return known if known != UNKNOWN else _transition(arena, q, c)


@kernel
def step(arena: Arena, q: int, byte: int) -> int:
    """State after `byte`, from a live state q."""
    return step_class(arena, q, arena[arena[CLASSES] + byte])


@kernel
def advance(arena: Arena, q: int, data: NDArray[np.uint8], begin: int, end: int) -> int:
    """State after data[begin:end]."""
    classes, transitions, width = arena[CLASSES], arena[TRANSITIONS], np.int64(arena[N_CLASSES])
    for i in range(begin, end):
        c = arena[classes + data[i]]
        known = arena[transitions + q * width + c]
        if known == UNKNOWN:
            known = step_class(arena, q, c)
        if known < 0:
            return known
        q = known
    return q


@kernel
def _may_read_raw(arena: Arena, q: int) -> bool:
    """Whether something else than the backslash of an escape may come next, at a state within a JSON string."""
    o = arena[arena[Q_OFFSET] + q]
    for i in range(o, o + arena[arena[Q_LENGTH] + q]):
        a, s = arena[arena[I_NODE] + i], arena[arena[I_STACK] + i]
        if s != 0 and arena[arena[S_RETURN] + s] == ESCAPE:
            return False
        for e in range(arena[arena[EDGE_PTR] + a], arena[arena[EDGE_PTR] + a + 1]):
            if arena[arena[REPRESENTATIVES] + arena[arena[EDGES] + 3 * e]] < CONTROL:
                return True
    return False


@kernel
def forced(arena: Arena, q: int, out: NDArray[np.uint8], escapes: bool) -> int:
    """Write the bytes that every completion of q begins with; their number (at most out.size), or GROW.

    Without `escapes`, completions count only if they escape no character that may be raw."""
    n = 0
    backslash = arena[arena[CLASSES] + 0x5C]
    while n < out.size and not arena[arena[Q_ACCEPTING] + q]:
        only, following = -1, DEAD
        for c in range(arena[N_CLASSES]):
            r = step_class(arena, q, c)
            if r < DEAD:
                return r
            if r >= 0 and (escapes or c != backslash or not _may_read_raw(arena, q)):
                if only >= 0:
                    return n
                only, following = c, r
        byte = arena[arena[REPRESENTATIVES] + only]
        if byte < 255 and arena[arena[CLASSES] + byte + 1] == only:
            return n  # the class holds several bytes
        out[n] = byte
        n += 1
        q = following
    return n


@kernel
def rehash(arena: Arena) -> None:
    """Build both hash tables of an arena that is new or has taken in what a smaller one held."""
    for h in range(arena[STACK_SLOTS]):
        arena[arena[STACK_TABLE] + h] = -1
    for h in range(arena[STATE_SLOTS]):
        arena[arena[STATE_TABLE] + h] = -1
    mask = arena[STACK_SLOTS] - 1
    for s in range(1, arena[N_STACKS]):
        ret, data = arena[arena[S_RETURN] + s], arena[arena[S_DATA] + s]
        h = frame_slot(arena, ret, data, arena[arena[S_PARENT] + s])
        while arena[arena[STACK_TABLE] + h] >= 0:
            h = (h + 1) & mask
        arena[arena[STACK_TABLE] + h] = s
    mask = arena[STATE_SLOTS] - 1
    for q in range(arena[N_STATES]):
        o, k = arena[arena[Q_OFFSET] + q], arena[arena[Q_LENGTH] + q]
        h = set_slot(arena, arena[I_NODE] + o, arena[I_STACK] + o, k, arena[arena[Q_ACCEPTING] + q])
        while arena[arena[STATE_TABLE] + h] >= 0:
            h = (h + 1) & mask
        arena[arena[STATE_TABLE] + h] = q
