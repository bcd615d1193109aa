"""Numba kernels on recorded texts: how they grow, and whether a rule reads what is left of one.

A text is a list of cells, its last symbol on top, kept once like stacks. The frame RECORD on a stack holds the text so
far; see `record_kernels.py`.
"""

from __future__ import annotations

from numba import njit

from .arena import (
    CAP_WORK,
    CELL,
    CLASSES,
    CONTROL,
    EDGE_PTR,
    EDGES,
    EPSILON_PTR,
    EPSILONS,
    FINAL,
    GROW_WORK,
    RECORD,
    S_DATA,
    S_DISTANCE,
    S_PARENT,
    S_RETURN,
    UNTRACKED,
    W_STACK,
    X_STACK,
    X_STACK_SIZE,
    Arena,
)
from .cell_kernels import push
from .kernel import kernel


@kernel
def recorded(arena: Arena, s: int, symbol: int) -> int:
    """The stack after a symbol, with it recorded if s has a RECORD on top; or GROW."""
    if s == 0 or arena[arena[S_RETURN] + s] != RECORD:
        return s
    text = arena[arena[S_DATA] + s]
    if text == UNTRACKED:
        return s
    text = push(arena, CELL, symbol, text)
    return text if text < 0 else push(arena, RECORD, text, arena[arena[S_PARENT] + s])


@kernel
def recorded_character(arena: Arena, s: int, c: int) -> int:
    """The stack after a character, in the symbols of a network; or GROW."""
    if s == 0 or arena[arena[S_RETURN] + s] != RECORD:
        return s
    if c < 0x20:
        return recorded(arena, s, CONTROL + c)
    if c == 0x22 or c == 0x5C:
        return recorded(arena, s, CONTROL + (32 if c == 0x22 else 33))
    if c < 0x80:
        return recorded(arena, s, c)
    if c < 0x800:
        shift, lead = 6, 0xC0
    elif c < 0x10000:
        shift, lead = 12, 0xE0
    else:
        shift, lead = 18, 0xF0
    s = recorded(arena, s, lead | (c >> shift))
    while shift > 0 and s >= 0:
        shift -= 6
        s = recorded(arena, s, 0x80 | ((c >> shift) & 63))
    return s


@njit(cache=True, boundscheck=False, inline="always")
def length(arena: Arena, text: int) -> int:
    """Number of symbols of a text."""
    return arena[arena[S_DISTANCE] + text] if text > 0 else 0


@kernel
def spread(arena: Arena, n: int, text: int, prefix: int) -> int:
    """Write the symbols of `text` behind `prefix` to the free end of the worklist and return where they begin there;
    -1 where it has another beginning, or GROW_WORK."""
    extra = length(arena, text) - length(arena, prefix)
    if extra < 0:
        return -1
    place = arena[CAP_WORK]
    if place - extra <= n:
        return GROW_WORK
    s_data, s_parent = arena[S_DATA], arena[S_PARENT]
    for _ in range(extra):
        place -= 1
        arena[arena[W_STACK] + place] = arena[s_data + text]
        text = arena[s_parent + text]
    return place if text == prefix else -1


@kernel
def pass_on(arena: Arena, top: int, node: int) -> int:
    """Put the targets of a node's epsilons on the small stack in the header; its new height. The rules whose texts are
    recorded have few of them in a row (`schema/distinct.py`)."""
    for e in range(arena[arena[EPSILON_PTR] + node], arena[arena[EPSILON_PTR] + node + 1]):
        if top < X_STACK_SIZE:
            arena[X_STACK + top] = arena[arena[EPSILONS] + e]
            top += 1
    return top


@kernel
def edge_from(arena: Arena, node: int, symbol: int) -> int:
    """The node behind a symbol by an edge of the node; -1 if there is none."""
    c = arena[arena[CLASSES] + symbol]
    edges = arena[EDGES]
    for e in range(arena[arena[EDGE_PTR] + node], arena[arena[EDGE_PTR] + node + 1]):
        if arena[edges + 3 * e] <= c <= arena[edges + 3 * e + 1]:
            return arena[edges + 3 * e + 2]
    return -1


@kernel
def next_node(arena: Arena, node: int, symbol: int) -> int:
    """The node behind a symbol, epsilons before it included; -1 if there is none."""
    arena[X_STACK] = node
    top = 1
    while top > 0:
        top -= 1
        here = arena[X_STACK + top]
        target = edge_from(arena, here, symbol)
        if target >= 0:
            return target
        top = pass_on(arena, top, here)
    return -1


@kernel
def may_end_text(arena: Arena, node: int) -> bool:
    """Whether the rule may end at a node."""
    arena[X_STACK] = node
    top = 1
    while top > 0:
        top -= 1
        here = arena[X_STACK + top]
        if arena[arena[FINAL] + here]:
            return True
        top = pass_on(arena, top, here)
    return False


@kernel
def reaches(arena: Arena, node: int, begin: int, bytes_only: bool) -> bool:
    """Whether the symbols of the worklist from `begin` on lead from the node (by its own edges at first, if so asked)
    to the end of the rule."""
    end = arena[CAP_WORK]
    if begin == end:
        return not bytes_only and may_end_text(arena, node)
    if bytes_only:
        node = edge_from(arena, node, arena[arena[W_STACK] + begin])
        begin += 1
    while begin < end and node >= 0:
        node = next_node(arena, node, arena[arena[W_STACK] + begin])
        begin += 1
    return node >= 0 and may_end_text(arena, node)
