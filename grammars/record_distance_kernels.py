"""Numba kernels on the distances of recorded texts: the shortest way to one that the scope does not hold yet.

Such a text leaves all those of the set at some symbol, or ends before them (`record_kernels.py`).
"""

from __future__ import annotations

from .arena import (
    DISTANCE,
    DUMMY,
    EDGE_PTR,
    EDGES,
    FAR,
    REPRESENTATIVES,
    S_DATA,
    S_DISTANCE,
    S_PARENT,
    TEXTS,
    UNTRACKED,
    X_STACK,
    Arena,
)
from .kernel import kernel
from .network_kernels import cost
from .record_kernels import set_below
from .text_kernels import edge_from, length, may_end_text, next_node, pass_on


@kernel
def _next_text(arena: Arena, cells: int, text: int, symbol: int) -> int:
    """`text` and the symbol, if some text of the set begins like that; else 0."""
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
            return other
    return 0


@kernel
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
                if cost(symbol, symbol) + rest < best and _next_text(arena, cells, text, symbol) == 0:
                    best = cost(symbol, symbol) + rest
        if not own:
            top = pass_on(arena, top, here)
    return best


@kernel
def record_distance(arena: Arena, node: int, s: int) -> int:
    """Shortest completion in bytes of a configuration with a RECORD on top: of a text that is not in the set."""
    text, rest = arena[arena[S_DATA] + s], arena[arena[S_DISTANCE] + s]
    if text == UNTRACKED:
        return min(FAR, arena[arena[DISTANCE] + node] + rest)
    return min(FAR, _shortest_new(arena, node, text, set_below(arena, s), True) + rest)


@kernel
def distance_after(arena: Arena, node: int, s: int, symbol: int) -> int:
    """Shortest completion in bytes of the text of the RECORD on top of s alone, after one more symbol; FAR: none."""
    text, cells = arena[arena[S_DATA] + s], set_below(arena, s)
    target = edge_from(arena, node, symbol)
    if target < 0:
        return FAR
    longer = 0 if text == UNTRACKED else _next_text(arena, cells, text, symbol)
    return _shortest_new(arena, target, longer, cells, False) if longer else arena[arena[DISTANCE] + target]


@kernel
def _shortest_new(arena: Arena, node: int, text: int, cells: int, own: bool) -> int:
    """Bytes of the shortest way from the node (by its own edges at first, if so asked) to the end of its rule that
    makes `text` one that is not in the set; FAR if there is none."""
    s_data, s_parent = arena[S_DATA], arena[S_PARENT]
    best = FAR
    touched = False
    here = cells
    while here != 0:
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
            best = _deviation(arena, node, text, cells, own)
            if not own and may_end_text(arena, node) and not _among(arena, cells, text):
                best = 0
            touched = True
        at, place = node, text
        while place != item - TEXTS:
            path = item - TEXTS
            while arena[s_parent + path] != place:
                path = arena[s_parent + path]
            symbol = arena[s_data + path]
            total += cost(symbol, symbol)
            at = edge_from(arena, at, symbol) if own and place == text else next_node(arena, at, symbol)
            if at < 0:
                break
            place = path
            if place != item - TEXTS and may_end_text(arena, at) and not _among(arena, cells, place):
                best = min(best, total)
            best = min(best, total + _deviation(arena, at, place, cells, False))
    return min(FAR, best) if touched else arena[arena[DISTANCE] + node]


@kernel
def _among(arena: Arena, cells: int, text: int) -> bool:
    while cells != 0:
        if arena[arena[S_DATA] + cells] == TEXTS + text:
            return True
        cells = arena[arena[S_PARENT] + cells]
    return False
