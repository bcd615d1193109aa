"""Numba kernels on the characters that a node of a network reads, decoded: in UTF-8, or as symbols of their own.

`look` tells what a node does on a range of characters: how many of them it reads (X_COVER), whether all of those lead
to one node (X_TARGET, X_MIXED), the shortest way to the end of the rule from there (X_DISTANCE), and, in a rule whose
texts are recorded, how many ways there are (X_WAYS). `follow` adds what comes after one character to the
worklist.
"""

from __future__ import annotations

from .arena import (
    CLASSES,
    CONTROL,
    DISTANCE,
    EDGE_PTR,
    EDGES,
    FAR,
    REPRESENTATIVES,
    WAYS,
    X_COVER,
    X_DISTANCE,
    X_MIXED,
    X_TARGET,
    X_WAYS,
    Arena,
)
from .cell_kernels import add
from .kernel import kernel
from .text_kernels import recorded_character


@kernel
def clear(arena: Arena) -> None:
    """Forget what was seen."""
    arena[X_COVER], arena[X_TARGET], arena[X_MIXED], arena[X_DISTANCE], arena[X_WAYS] = 0, -1, 0, FAR, 0


@kernel
def _look1(arena: Arena, node: int, base: int, lo: int, hi: int) -> None:
    """The symbols base + lo .. base + hi."""
    ptr, edges, reps = arena[EDGE_PTR], arena[EDGES], arena[REPRESENTATIVES]
    begin, end = arena[ptr + node], arena[ptr + node + 1]
    lo, hi = base + lo, base + hi
    covered = -1  # edges that come in rising order do not overlap
    for e in range(begin, end):
        first = max(lo, arena[reps + arena[edges + 3 * e]])
        last = min(hi, arena[reps + arena[edges + 3 * e + 1] + 1] - 1)
        if first > last:
            continue
        if first <= covered:
            arena[X_MIXED] = 1
        covered = last
        target = arena[edges + 3 * e + 2]
        if arena[X_TARGET] < 0:
            arena[X_TARGET] = target
        elif arena[X_TARGET] != target:
            arena[X_MIXED] = 1
        arena[X_COVER] += last - first + 1
        arena[X_WAYS] = min(FAR, arena[X_WAYS] + min(FAR // 1024, arena[arena[WAYS] + target]) * (last - first + 1))
        arena[X_DISTANCE] = min(arena[X_DISTANCE], arena[arena[DISTANCE] + target])


@kernel
def _look2(arena: Arena, node: int, base: int, lo: int, hi: int) -> None:
    """Numbers lo..hi of two digits to base 64: symbols base + first digit, then 0x80 + second."""
    ptr, edges, reps = arena[EDGE_PTR], arena[EDGES], arena[REPRESENTATIVES]
    covered = -1
    for e in range(arena[ptr + node], arena[ptr + node + 1]):
        first = max(lo >> 6, arena[reps + arena[edges + 3 * e]] - base)
        last = min(hi >> 6, arena[reps + arena[edges + 3 * e + 1] + 1] - 1 - base)
        if first > last:
            continue
        if first <= covered:
            arena[X_MIXED] = 1
        covered = last
        target = arena[edges + 3 * e + 2]
        for part in range(min(3, last - first + 1)):  # the first digit, the last, and all between them at once
            d = first if part == 0 else last if part == 1 else first + 1
            begin = lo & 63 if d == lo >> 6 else 0
            end = hi & 63 if d == hi >> 6 else 63
            before, ways = arena[X_COVER], arena[X_WAYS]
            _look1(arena, target, 0x80, begin, end)
            if part == 2:
                arena[X_COVER] += (last - first - 2) * (arena[X_COVER] - before)
                arena[X_WAYS] += min(FAR // 1024, arena[X_WAYS] - ways) * (last - first - 2)


@kernel
def _look3(arena: Arena, node: int, base: int, lo: int, hi: int) -> None:
    """Numbers of three digits to base 64."""
    ptr, edges, reps = arena[EDGE_PTR], arena[EDGES], arena[REPRESENTATIVES]
    covered = -1
    for e in range(arena[ptr + node], arena[ptr + node + 1]):
        first = max(lo >> 12, arena[reps + arena[edges + 3 * e]] - base)
        last = min(hi >> 12, arena[reps + arena[edges + 3 * e + 1] + 1] - 1 - base)
        if first > last:
            continue
        if first <= covered:
            arena[X_MIXED] = 1
        covered = last
        target = arena[edges + 3 * e + 2]
        for part in range(min(3, last - first + 1)):  # the first digit, the last, and all between them at once
            d = first if part == 0 else last if part == 1 else first + 1
            begin = lo & 4095 if d == lo >> 12 else 0
            end = hi & 4095 if d == hi >> 12 else 4095
            before, ways = arena[X_COVER], arena[X_WAYS]
            _look2(arena, target, 0x80, begin, end)
            if part == 2:
                arena[X_COVER] += (last - first - 2) * (arena[X_COVER] - before)
                arena[X_WAYS] += min(FAR // 1024, arena[X_WAYS] - ways) * (last - first - 2)


@kernel
def _look4(arena: Arena, node: int, base: int, lo: int, hi: int) -> None:
    """Numbers of four digits to base 64."""
    ptr, edges, reps = arena[EDGE_PTR], arena[EDGES], arena[REPRESENTATIVES]
    covered = -1
    for e in range(arena[ptr + node], arena[ptr + node + 1]):
        first = max(lo >> 18, arena[reps + arena[edges + 3 * e]] - base)
        last = min(hi >> 18, arena[reps + arena[edges + 3 * e + 1] + 1] - 1 - base)
        if first > last:
            continue
        if first <= covered:
            arena[X_MIXED] = 1
        covered = last
        target = arena[edges + 3 * e + 2]
        for part in range(min(3, last - first + 1)):  # the first digit, the last, and all between them at once
            d = first if part == 0 else last if part == 1 else first + 1
            begin = lo & 262143 if d == lo >> 18 else 0
            end = hi & 262143 if d == hi >> 18 else 262143
            before, ways = arena[X_COVER], arena[X_WAYS]
            _look3(arena, target, 0x80, begin, end)
            if part == 2:
                arena[X_COVER] += (last - first - 2) * (arena[X_COVER] - before)
                arena[X_WAYS] += min(FAR // 1024, arena[X_WAYS] - ways) * (last - first - 2)


@kernel
def look(arena: Arena, node: int, lo: int, hi: int) -> None:
    """Add what the node does on the characters lo..hi (no surrogates among them) to the X cells."""
    if lo <= 0x1F:
        _look1(arena, node, CONTROL, lo, min(hi, 0x1F))
    for first, last in ((0x20, 0x21), (0x23, 0x5B), (0x5D, 0x7F)):
        if lo <= last and hi >= first:
            _look1(arena, node, 0, max(lo, first), min(hi, last))
    if lo <= 0x22 <= hi:
        _look1(arena, node, CONTROL + 32, 0, 0)
    if lo <= 0x5C <= hi:
        _look1(arena, node, CONTROL + 33, 0, 0)
    if lo <= 0x7FF and hi >= 0x80:
        _look2(arena, node, 0xC0, max(lo, 0x80), min(hi, 0x7FF))
    if lo <= 0xFFFF and hi >= 0x800:
        _look3(arena, node, 0xE0, max(lo, 0x800), min(hi, 0xFFFF))
    if hi >= 0x10000:
        _look4(arena, node, 0xF0, max(lo, 0x10000), hi)


@kernel
def _follow1(arena: Arena, n: int, node: int, s: int, symbol: int) -> int:
    c = arena[arena[CLASSES] + symbol]
    edges = arena[EDGES]
    for e in range(arena[arena[EDGE_PTR] + node], arena[arena[EDGE_PTR] + node + 1]):
        if arena[edges + 3 * e] <= c <= arena[edges + 3 * e + 1]:
            n = add(arena, n, arena[edges + 3 * e + 2], s)
            if n < 0:
                return n
    return n


@kernel
def _follow2(arena: Arena, n: int, node: int, s: int, lead: int, c: int) -> int:
    k = arena[arena[CLASSES] + lead]
    edges = arena[EDGES]
    for e in range(arena[arena[EDGE_PTR] + node], arena[arena[EDGE_PTR] + node + 1]):
        if arena[edges + 3 * e] <= k <= arena[edges + 3 * e + 1]:
            n = _follow1(arena, n, arena[edges + 3 * e + 2], s, 0x80 | (c & 63))
            if n < 0:
                return n
    return n


@kernel
def _follow3(arena: Arena, n: int, node: int, s: int, lead: int, c: int) -> int:
    k = arena[arena[CLASSES] + lead]
    edges = arena[EDGES]
    for e in range(arena[arena[EDGE_PTR] + node], arena[arena[EDGE_PTR] + node + 1]):
        if arena[edges + 3 * e] <= k <= arena[edges + 3 * e + 1]:
            n = _follow2(arena, n, arena[edges + 3 * e + 2], s, 0x80 | ((c >> 6) & 63), c)
            if n < 0:
                return n
    return n


@kernel
def _follow4(arena: Arena, n: int, node: int, s: int, lead: int, c: int) -> int:
    k = arena[arena[CLASSES] + lead]
    edges = arena[EDGES]
    for e in range(arena[arena[EDGE_PTR] + node], arena[arena[EDGE_PTR] + node + 1]):
        if arena[edges + 3 * e] <= k <= arena[edges + 3 * e + 1]:
            n = _follow3(arena, n, arena[edges + 3 * e + 2], s, 0x80 | ((c >> 12) & 63), c)
            if n < 0:
                return n
    return n


@kernel
def follow(arena: Arena, n: int, node: int, s: int, c: int) -> int:
    """Add what comes after the character c, read at the node; new length of the worklist, or a code."""
    s = recorded_character(arena, s, c)
    if s < 0:
        return s
    if c < 0x20:
        return _follow1(arena, n, node, s, CONTROL + c)
    if c == 0x22 or c == 0x5C:
        return _follow1(arena, n, node, s, CONTROL + (32 if c == 0x22 else 33))
    if c < 0x80:
        return _follow1(arena, n, node, s, c)
    if c < 0x800:
        return _follow2(arena, n, node, s, 0xC0 | (c >> 6), c)
    if c < 0x10000:
        return _follow3(arena, n, node, s, 0xE0 | (c >> 12), c)
    return _follow4(arena, n, node, s, 0xF0 | (c >> 18), c)
