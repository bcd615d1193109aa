"""Numba kernels on recorded texts: items without a name of which none may come twice.

While such an item is read, a frame RECORD on the stack holds its symbols so far, as a list of cells with the last one
on top; below it are the frame of the call and that of the scope, whose set has a DUMMY for the item. At the end the
DUMMY gives way to the text, unless the set holds it already. A configuration is dropped as soon as all that it could
still become is in the set (`is_spent`), so that no text is begun in vain.
"""

from __future__ import annotations

from numba import njit

from .arena import (
    BACKSLASH,
    CAP_WORK,
    CELL,
    CLASSES,
    CONTROL,
    DEAD,
    DUMMY,
    EDGE_PTR,
    EDGES,
    EPSILON_PTR,
    EPSILONS,
    FAR,
    FINAL,
    GROW_WORK,
    QUOTE,
    RECORD,
    REPRESENTATIVES,
    S_DATA,
    S_DISTANCE,
    S_PARENT,
    S_RETURN,
    TEXTS,
    UNTRACKED,
    W_STACK,
    WAYS,
    X_STACK,
    X_STACK_SIZE,
    Arena,
)
from .cell_kernels import insert, push
from .scope_kernels import holds


@njit(cache=True, boundscheck=False)
def recorded(arena: Arena, s: int, symbol: int) -> int:
    """The stack after a symbol, with it recorded if s has a RECORD on top; or GROW."""
    if s == 0 or arena[arena[S_RETURN] + s] != RECORD:
        return s
    text = arena[arena[S_DATA] + s]
    if text == UNTRACKED:
        return s
    text = push(arena, CELL, symbol, text)
    return text if text < 0 else push(arena, RECORD, text, arena[arena[S_PARENT] + s])


@njit(cache=True, boundscheck=False)
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


@njit(cache=True, boundscheck=False)
def _spread(arena: Arena, n: int, text: int, prefix: int) -> int:
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


@njit(cache=True, boundscheck=False)
def pass_on(arena: Arena, top: int, node: int) -> int:
    """Put the targets of a node's epsilons on the small stack in the header; its new height. The rules whose texts are
    recorded have few of them in a row (`schema/distinct.py`)."""
    for e in range(arena[arena[EPSILON_PTR] + node], arena[arena[EPSILON_PTR] + node + 1]):
        if top < X_STACK_SIZE:
            arena[X_STACK + top] = arena[arena[EPSILONS] + e]
            top += 1
    return top


@njit(cache=True, boundscheck=False)
def edge_from(arena: Arena, node: int, symbol: int) -> int:
    """The node behind a symbol by an edge of the node; -1 if there is none."""
    c = arena[arena[CLASSES] + symbol]
    edges = arena[EDGES]
    for e in range(arena[arena[EDGE_PTR] + node], arena[arena[EDGE_PTR] + node + 1]):
        if arena[edges + 3 * e] <= c <= arena[edges + 3 * e + 1]:
            return arena[edges + 3 * e + 2]
    return -1


@njit(cache=True, boundscheck=False)
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


@njit(cache=True, boundscheck=False)
def ends(arena: Arena, node: int) -> bool:
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


@njit(cache=True, boundscheck=False)
def _reaches(arena: Arena, node: int, begin: int, bytes_only: bool) -> bool:
    """Whether the symbols of the worklist from `begin` on lead from the node (by its own edges at first, if so asked)
    to the end of the rule."""
    end = arena[CAP_WORK]
    if begin == end:
        return not bytes_only and ends(arena, node)
    if bytes_only:
        node = edge_from(arena, node, arena[arena[W_STACK] + begin])
        begin += 1
    while begin < end and node >= 0:
        node = next_node(arena, node, arena[arena[W_STACK] + begin])
        begin += 1
    return node >= 0 and ends(arena, node)


@njit(cache=True, boundscheck=False)
def set_below(arena: Arena, s: int) -> int:
    """The set of the scope that a RECORD on top of s belongs to."""
    call = arena[arena[S_PARENT] + s]
    return arena[arena[S_DATA] + arena[arena[S_PARENT] + call]]


@njit(cache=True, boundscheck=False)
def taken(arena: Arena, n: int, node: int, text: int, cells: int, bytes_only: bool) -> int:
    """How many texts of a set begin with `text` and go on from the node to the end of its rule; or GROW_WORK."""
    count = 0
    s_data, s_parent = arena[S_DATA], arena[S_PARENT]
    while cells != 0:
        item = arena[s_data + cells]
        cells = arena[s_parent + cells]
        if item < TEXTS:
            break
        if item == DUMMY:
            continue
        begin = _spread(arena, n, item - TEXTS, text)
        if begin == GROW_WORK:
            return GROW_WORK
        if begin >= 0 and _reaches(arena, node, begin, bytes_only):
            count += 1
    return count


@njit(cache=True, boundscheck=False)
def ways_on(arena: Arena, node: int) -> int:
    """How many texts the node may go on with by its own edges; at most FAR."""
    total = 0
    edges, reps = arena[EDGES], arena[REPRESENTATIVES]
    for e in range(arena[arena[EDGE_PTR] + node], arena[arena[EDGE_PTR] + node + 1]):
        width = arena[reps + arena[edges + 3 * e + 1] + 1] - arena[reps + arena[edges + 3 * e]]
        total += width * arena[arena[WAYS] + arena[edges + 3 * e + 2]]
        if total >= FAR:
            return FAR
    return total


@njit(cache=True, boundscheck=False)
def is_spent(arena: Arena, n: int, node: int, s: int) -> int:
    """1 if all that may still come of a configuration with a RECORD on top is in the set, 0 if not; or GROW_WORK."""
    cells, text = set_below(arena, s), arena[arena[S_DATA] + s]
    if text == UNTRACKED:
        return 0
    ways = ways_on(arena, node)
    if ways >= length(arena, cells):  # the set holds a DUMMY as well
        return 0
    count = taken(arena, n, node, text, cells, True)
    return count if count < 0 else 1 if count >= ways else 0


@njit(cache=True, boundscheck=False)
def is_exhausted(arena: Arena, n: int, rule: int, cells: int) -> int:
    """1 if a set holds all texts of the rule that begins at a node, 0 if not; or GROW_WORK."""
    ways = arena[arena[WAYS] + rule]
    if ways > length(arena, cells):
        return 0
    count = taken(arena, n, rule, 0, cells, False)
    return count if count < 0 else 1 if count >= ways else 0


@njit(cache=True, boundscheck=False)
def is_spent_in(arena: Arena, n: int, node: int, s: int, lo: int, hi: int, ways: int) -> int:
    """Like `is_spent`, where the next character is one of lo..hi, with `ways` ways to go on."""
    cells, text = set_below(arena, s), arena[arena[S_DATA] + s]
    if text == UNTRACKED or ways >= length(arena, cells):
        return 0
    count = 0
    s_data, s_parent = arena[S_DATA], arena[S_PARENT]
    while cells != 0:
        item = arena[s_data + cells]
        cells = arena[s_parent + cells]
        if item < TEXTS:
            break
        if item == DUMMY:
            continue
        begin = _spread(arena, n, item - TEXTS, text)
        if begin == GROW_WORK:
            return GROW_WORK
        if begin < 0 or begin == arena[CAP_WORK] or not _reaches(arena, node, begin, True):
            continue
        c = arena[arena[W_STACK] + begin]
        if c >= CONTROL:
            c = 0x22 if c == QUOTE else 0x5C if c == BACKSLASH else c - CONTROL
        elif c < 0x80:
            c = -1 if c == 0x22 or c == 0x5C else c  # the end of the string is no character of it
        else:
            more = 1 if c < 0xE0 else 2 if c < 0xF0 else 3
            c &= 0x3F >> more
            for i in range(more):
                c = c << 6 | (arena[arena[W_STACK] + begin + 1 + i] & 63)
        count += lo <= c <= hi
    return 1 if count >= ways else 0


@njit(cache=True, boundscheck=False)
def finish_record(arena: Arena, n: int, s: int) -> int:
    """The frame of the scope with the text of the RECORD on top of s in its set, DEAD if that holds it already; or
    GROW, GROW_WORK."""
    text = arena[arena[S_DATA] + s]
    frame = arena[arena[S_PARENT] + arena[arena[S_PARENT] + s]]
    if text == UNTRACKED:
        return frame
    cells = arena[arena[S_PARENT] + arena[arena[S_DATA] + frame]]  # without the DUMMY
    if holds(arena, cells, TEXTS + text):
        return DEAD
    cells = insert(arena, n, cells, TEXTS + text)
    return cells if cells < 0 else push(arena, arena[arena[S_RETURN] + frame], cells, arena[arena[S_PARENT] + frame])
