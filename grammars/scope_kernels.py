"""Numba kernels on scopes: what may still be read, and what is owed, given the set of what has been read.

A scope is a body of a network (members of an object in any order, items of an array that must differ) run with a frame
on the stack whose data is the set of the items read so far: a sorted list of cells, largest on top, hash-consed like
stacks. Named items are their numbers, recorded texts are TEXTS + their cells, DUMMY stands for any one more.

The cells of a scope in SCOPES: node behind it, least and most items (-1: no bound), number of named items, place of the
first of them in SCOPE_ITEMS, number of required ones, bytes of the shortest item without a name (FAR: none), whether
such items are counted, for builders only the start of a rule as long as its shortest text, and the place and number of
its LENGTHS. Named items, cheapest first, have three cells: number, whether required, bytes. Lengths are that of the
shortest recorded text, those that one takes at most after 0, 1, ... others, and then how much more after each further.
"""

from __future__ import annotations

from numba import njit

from .arena import (
    FAR,
    LENGTHS,
    S_DATA,
    S_DISTANCE,
    S_PARENT,
    S_RETURN,
    SCOPE,
    SCOPE_CELLS,
    SCOPE_ITEMS,
    SCOPES,
    TEXTS,
    Arena,
)
from .kernel import kernel

BEHIND, LEAST, MOST, NAMED, FIRST, REQUIRED, CHEAPEST, COUNTING, SHORTEST, LENGTHS_AT, LENGTHS_N = range(11)


@njit(cache=True, boundscheck=False, inline="always")
def scope_of(arena: Arena, ret: int) -> int:
    """Where the cells of the scope of a frame with this return are."""
    return arena[SCOPES] + SCOPE_CELLS * (SCOPE - ret)


@kernel
def holds(arena: Arena, cells: int, item: int) -> bool:
    """Whether a set holds an item."""
    s_data, s_parent = arena[S_DATA], arena[S_PARENT]
    while cells != 0 and arena[s_data + cells] > item:
        cells = arena[s_parent + cells]
    return cells != 0 and arena[s_data + cells] == item


@kernel
def is_required(arena: Arena, scope: int, item: int) -> bool:
    """Whether a named item is required."""
    if arena[scope + REQUIRED]:
        row = arena[SCOPE_ITEMS] + 3 * arena[scope + FIRST]
        for i in range(arena[scope + NAMED]):
            if arena[row + 3 * i] == item:
                return arena[row + 3 * i + 1] != 0
    return False


@kernel
def missing(arena: Arena, scope: int, cells: int) -> int:
    """How many required items a set lacks."""
    lacks = arena[scope + REQUIRED]
    if lacks:
        row = arena[SCOPE_ITEMS] + 3 * arena[scope + FIRST]
        for i in range(arena[scope + NAMED]):
            if arena[row + 3 * i + 1] and holds(arena, cells, arena[row + 3 * i]):
                lacks -= 1
    return lacks


@njit(cache=True, boundscheck=False, inline="always")
def size(arena: Arena, cells: int) -> int:
    """Number of items of a set (the distance of a cell is its place in the list)."""
    return arena[arena[S_DISTANCE] + cells] if cells != 0 else 0


@kernel
def has_room(arena: Arena, scope: int, cells: int, required: bool) -> bool:
    """Whether one more item leaves room for all that are required."""
    most = arena[scope + MOST]
    if most < 0:
        return True
    return size(arena, cells) + missing(arena, scope, cells) + (0 if required else 1) <= most


@kernel
def may_go_on(arena: Arena, scope: int, cells: int) -> bool:
    """Whether a further item is possible; of recorded ones, whether there is room for one."""
    if arena[scope + CHEAPEST] < FAR and (not arena[scope + COUNTING] or has_room(arena, scope, cells, False)):
        return True
    return may_go_on_by_name(arena, scope, cells)


@kernel
def may_go_on_by_name(arena: Arena, scope: int, cells: int) -> bool:
    """Whether a further named item is possible."""
    row = arena[SCOPE_ITEMS] + 3 * arena[scope + FIRST]
    room = has_room(arena, scope, cells, False)
    for i in range(arena[scope + NAMED]):
        if (room or arena[row + 3 * i + 1]) and not holds(arena, cells, arena[row + 3 * i]):
            return True
    return False


@kernel
def may_end(arena: Arena, scope: int, cells: int) -> bool:
    """Whether the scope may end with this set."""
    return size(arena, cells) >= arena[scope + LEAST] and missing(arena, scope, cells) == 0


@kernel
def another(arena: Arena, scope: int, before: int) -> int:
    """Bytes that an item without a name takes at most, after so many recorded ones."""
    cheapest, count = arena[scope + CHEAPEST], arena[scope + LENGTHS_N]
    if count == 0 or cheapest >= FAR:
        return cheapest
    lengths = arena[LENGTHS] + arena[scope + LENGTHS_AT]
    beyond = max(0, before - (count - 3)) * arena[lengths + count - 1]
    return min(FAR, cheapest + arena[lengths + 1 + min(before, count - 3)] - arena[lengths] + beyond)


@kernel
def longer(arena: Arena, frame: int, needs: int) -> int:
    """Bytes that so many recorded items take at most beyond their shortest texts, which may be taken."""
    scope = scope_of(arena, arena[arena[S_RETURN] + frame])
    before, total = texts(arena, arena[arena[S_DATA] + frame]), 0
    for i in range(needs):
        total += another(arena, scope, before + i) - arena[scope + CHEAPEST]
    return min(FAR, total)


@kernel
def texts(arena: Arena, cells: int) -> int:
    """How many members of a set are recorded texts."""
    count = 0
    while cells != 0 and arena[arena[S_DATA] + cells] >= TEXTS:
        count += 1
        cells = arena[arena[S_PARENT] + cells]
    return count


@kernel
def owed(arena: Arena, scope: int, cells: int) -> int:
    """Bytes of the shortest further items, a comma before each, with which the scope may end."""
    total, count = 0, size(arena, cells)
    row = arena[SCOPE_ITEMS] + 3 * arena[scope + FIRST]
    if arena[scope + REQUIRED]:
        for i in range(arena[scope + NAMED]):
            if arena[row + 3 * i + 1] and not holds(arena, cells, arena[row + 3 * i]):
                total += 1 + arena[row + 3 * i + 2]
                count += 1
    lacks = arena[scope + LEAST] - count
    before = texts(arena, cells) if lacks > 0 else 0
    i = 0
    while lacks > 0 and total < FAR:
        cheapest = another(arena, scope, before)
        while i < arena[scope + NAMED] and (arena[row + 3 * i + 1] or holds(arena, cells, arena[row + 3 * i])):
            i += 1
        if i < arena[scope + NAMED] and arena[row + 3 * i + 2] <= cheapest:
            total += 1 + arena[row + 3 * i + 2]
            i += 1
        else:
            total += 1 + cheapest
            before += 1
        lacks -= 1
    return min(total, FAR)


@kernel
def first_step(arena: Arena, frame: int, at_opening: bool) -> int:
    """What the shortest completion from before an item takes beyond that from behind one: without its comma, if items
    are owed; at the opening nothing, else, elsewhere the cheapest item."""
    scope = scope_of(arena, arena[arena[S_RETURN] + frame])
    cells = arena[arena[S_DATA] + frame]
    if owed(arena, scope, cells) > 0:
        return -1
    if at_opening:
        return 0
    best = another(arena, scope, texts(arena, cells))
    if arena[scope + COUNTING] and not has_room(arena, scope, cells, False):
        best = FAR
    row = arena[SCOPE_ITEMS] + 3 * arena[scope + FIRST]
    for i in range(arena[scope + NAMED]):
        if not holds(arena, cells, arena[row + 3 * i]) and has_room(arena, scope, cells, arena[row + 3 * i + 1] != 0):
            return min(best, arena[row + 3 * i + 2])
    return best
