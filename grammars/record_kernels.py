"""Numba kernels on recorded texts: items without a name of which none may come twice.

While such an item is read, a frame RECORD on the stack holds its symbols so far, as a list of cells with the last one
on top; below it are the frame of the call and that of the scope, whose set has a DUMMY for the item. At the end the
DUMMY gives way to the text, unless the set holds it already. A configuration is dropped as soon as all that it could
still become is in the set (`is_spent`), so that no text is begun in vain.
"""

from __future__ import annotations

from .arena import (
    BACKSLASH,
    CONTROL,
    DEAD,
    DUMMY,
    EDGE_PTR,
    EDGES,
    FAR,
    GROW_WORK,
    QUOTE,
    REPRESENTATIVES,
    S_DATA,
    S_PARENT,
    S_RETURN,
    TEXTS,
    UNTRACKED,
    W_STACK,
    WAYS,
    Arena,
)
from .cell_kernels import insert, push
from .kernel import kernel
from .scope_kernels import holds
from .text_kernels import length, reaches, spread


@kernel
def set_below(arena: Arena, s: int) -> int:
    """The set of the scope that a RECORD on top of s belongs to."""
    call = arena[arena[S_PARENT] + s]
    return arena[arena[S_DATA] + arena[arena[S_PARENT] + call]]


@kernel
def _character(arena: Arena, begin: int) -> int:
    """The character that the symbols of the worklist from `begin` on spell; -1 for the end of a string."""
    c = arena[arena[W_STACK] + begin]
    if c >= CONTROL:
        return 0x22 if c == QUOTE else 0x5C if c == BACKSLASH else c - CONTROL
    if c < 0x80:
        return -1 if c == 0x22 or c == 0x5C else c
    more = 1 if c < 0xE0 else 2 if c < 0xF0 else 3
    c &= 0x3F >> more
    for i in range(more):
        c = c << 6 | (arena[arena[W_STACK] + begin + 1 + i] & 63)
    return c


@kernel
def _taken(arena: Arena, n: int, node: int, text: int, cells: int, bytes_only: bool, lo: int, hi: int) -> int:
    """How many texts of a set begin with `text` and go on from the node to the end of its rule (by its own edges at
    first, if so asked, and then, unless lo < 0, with one of the characters lo..hi); or GROW_WORK."""
    count = 0
    s_data, s_parent = arena[S_DATA], arena[S_PARENT]
    while cells != 0:
        item = arena[s_data + cells]
        cells = arena[s_parent + cells]
        if item < TEXTS:
            break
        if item == DUMMY:
            continue
        begin = spread(arena, n, item - TEXTS, text)
        if begin == GROW_WORK:
            return GROW_WORK
        if begin >= 0 and reaches(arena, node, begin, bytes_only):
            count += lo < 0 or lo <= _character(arena, begin) <= hi
    return count


@kernel
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


@kernel
def is_spent(arena: Arena, n: int, node: int, s: int) -> int:
    """1 if all that may still come of a configuration with a RECORD on top is in the set, 0 if not; or GROW_WORK."""
    cells, text = set_below(arena, s), arena[arena[S_DATA] + s]
    if text == UNTRACKED:
        return 0
    ways = ways_on(arena, node)
    if ways >= length(arena, cells):  # the set holds a DUMMY as well
        return 0
    count = _taken(arena, n, node, text, cells, True, -1, -1)
    return count if count < 0 else 1 if count >= ways else 0


@kernel
def is_exhausted(arena: Arena, n: int, rule: int, cells: int) -> int:
    """1 if a set holds all texts of the rule that begins at a node, 0 if not; or GROW_WORK."""
    ways = arena[arena[WAYS] + rule]
    if ways > length(arena, cells):
        return 0
    count = _taken(arena, n, rule, 0, cells, False, -1, -1)
    return count if count < 0 else 1 if count >= ways else 0


@kernel
def is_spent_in(arena: Arena, n: int, node: int, s: int, lo: int, hi: int, ways: int) -> int:
    """Like `is_spent`, where the next character is one of lo..hi, with `ways` ways to go on."""
    cells, text = set_below(arena, s), arena[arena[S_DATA] + s]
    if text == UNTRACKED or ways >= length(arena, cells):
        return 0
    count = _taken(arena, n, node, text, cells, True, lo, hi)
    return count if count < 0 else 1 if count >= ways else 0


@kernel
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
