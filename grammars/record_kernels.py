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
    CONTROL,
    DEAD,
    DISTANCE,
    DUMMY,
    EDGE_PTR,
    EDGES,
    FAR,
    GROW_WORK,
    QUOTE,
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
    Arena,
)
from .cell_kernels import insert, push
from .scope_kernels import holds
from .text_kernels import edge_from, length, may_end_text, next_node, pass_on, reaches, spread


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
        begin = spread(arena, n, item - TEXTS, text)
        if begin == GROW_WORK:
            return GROW_WORK
        if begin >= 0 and reaches(arena, node, begin, bytes_only):
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
        begin = spread(arena, n, item - TEXTS, text)
        if begin == GROW_WORK:
            return GROW_WORK
        if begin < 0 or begin == arena[CAP_WORK] or not reaches(arena, node, begin, True):
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
def _cost(symbol: int) -> int:
    """Bytes of the shortest spelling of a symbol."""
    if symbol < CONTROL:
        return 1
    c = symbol - CONTROL
    return 2 if c >= 32 or 8 <= c <= 10 or 12 <= c <= 13 else 6


@njit(cache=True, boundscheck=False)
def _is_next(arena: Arena, cells: int, text: int, symbol: int) -> bool:
    """Whether some text of the set goes on with the symbol after `text`."""
    s_data, s_parent = arena[S_DATA], arena[S_PARENT]
    while cells != 0 and arena[s_data + cells] >= TEXTS:
        item = arena[s_data + cells]
        cells = arena[s_parent + cells]
        other = item - TEXTS
        if item == DUMMY or length(arena, other) <= length(arena, text):
            continue
        while length(arena, other) > length(arena, text) + 1:
            other = arena[s_parent + other]
        if arena[s_data + other] == symbol and arena[s_parent + other] == text:
            return True
    return False


@njit(cache=True, boundscheck=False)
def _deviation(arena: Arena, node: int, text: int, cells: int, own: bool) -> int:
    """Bytes of the shortest way from the node (by its own edges at first, if so asked) to the end of its rule that
    leaves all texts of the set with the next symbol, `text` being what has been read; FAR if there is none."""
    best = FAR
    edges, reps = arena[EDGES], arena[REPRESENTATIVES]
    arena[X_STACK] = node
    top = 1
    while top > 0:
        top -= 1
        here = arena[X_STACK + top]
        for e in range(arena[arena[EDGE_PTR] + here], arena[arena[EDGE_PTR] + here + 1]):
            rest = arena[arena[DISTANCE] + arena[edges + 3 * e + 2]]
            first, last = arena[reps + arena[edges + 3 * e]], arena[reps + arena[edges + 3 * e + 1] + 1] - 1
            for symbol in range(first, last + 1):
                if _cost(symbol) + rest < best and not _is_next(arena, cells, text, symbol):
                    best = _cost(symbol) + rest
        if not own:
            top = pass_on(arena, top, here)
    return best


@njit(cache=True, boundscheck=False)
def record_distance(arena: Arena, node: int, s: int) -> int:
    """Shortest completion in bytes of a configuration with a RECORD on top: of a text that is not in the set."""
    text, cells = arena[arena[S_DATA] + s], set_below(arena, s)
    plain = arena[arena[DISTANCE] + node]
    rest = arena[arena[S_DISTANCE] + s]
    s_data, s_parent = arena[S_DATA], arena[S_PARENT]
    best = FAR
    touched = False
    here = cells
    while here != 0 and text != UNTRACKED:
        item = arena[s_data + here]
        here = arena[s_parent + here]
        if item < TEXTS:
            break
        if item == DUMMY:
            continue
        # Along this text: where it is left, by a symbol that no text of the set has there, or by an end.
        path, total = item - TEXTS, 0
        while length(arena, path) > length(arena, text):
            path = arena[s_parent + path]
        if path != text:
            continue
        if not touched:
            best = _deviation(arena, node, text, cells, True)
            touched = True
        at, place = node, text
        while place != item - TEXTS:
            path = item - TEXTS
            while arena[s_parent + path] != place:
                path = arena[s_parent + path]
            symbol = arena[s_data + path]
            total += _cost(symbol)
            at = edge_from(arena, at, symbol) if place == text else next_node(arena, at, symbol)
            if at < 0:
                break
            place = path
            if place != item - TEXTS and may_end_text(arena, at) and not _among(arena, cells, place):
                best = min(best, total)
            best = min(best, total + _deviation(arena, at, place, cells, False))
    return min(FAR, (best if touched else plain) + rest)


@njit(cache=True, boundscheck=False)
def _among(arena: Arena, cells: int, text: int) -> bool:
    while cells != 0:
        if arena[arena[S_DATA] + cells] == TEXTS + text:
            return True
        cells = arena[arena[S_PARENT] + cells]
    return False


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
