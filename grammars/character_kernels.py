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
    FOLLOW,
    LOOK,
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
from .kernel import kernel, linked
from .text_kernels import recorded_character


@kernel
def clear(arena: Arena) -> None:
    """Forget what was seen."""
    arena[X_COVER], arena[X_TARGET], arena[X_MIXED], arena[X_DISTANCE], arena[X_WAYS] = 0, -1, 0, FAR, 0


@linked(LOOK)
def _look_digits(arena: Arena, node: int, base: int, shift: int, lo: int, hi: int) -> int:
    """Numbers lo..hi of 1 + shift / 6 digits to base 64: symbols base + first digit, then 0x80 + each further one."""
    ptr, edges, reps = arena[EDGE_PTR], arena[EDGES], arena[REPRESENTATIVES]
    rest = (1 << shift) - 1
    covered = -1  # edges that come in rising order do not overlap
    for e in range(arena[ptr + node], arena[ptr + node + 1]):
        first = max(lo >> shift, arena[reps + arena[edges + 3 * e]] - base)
        last = min(hi >> shift, arena[reps + arena[edges + 3 * e + 1] + 1] - 1 - base)
        if first > last:
            continue
        if first <= covered:
            arena[X_MIXED] = 1
        covered = last
        target = arena[edges + 3 * e + 2]
        if shift == 0:
            if arena[X_TARGET] < 0:
                arena[X_TARGET] = target
            elif arena[X_TARGET] != target:
                arena[X_MIXED] = 1
            size = last - first + 1
            arena[X_COVER] += size
            arena[X_WAYS] = min(FAR, arena[X_WAYS] + min(FAR // 1024, arena[arena[WAYS] + target]) * size)
            arena[X_DISTANCE] = min(arena[X_DISTANCE], arena[arena[DISTANCE] + target])
            continue
        for part in range(min(3, last - first + 1)):  # the first digit, the last, and all between them at once
            d = first if part == 0 else last if part == 1 else first + 1
            begin = lo & rest if d == lo >> shift else 0
            end = hi & rest if d == hi >> shift else rest
            before, ways = arena[X_COVER], arena[X_WAYS]
            _look_digits(arena, target, 0x80, shift - 6, begin, end)
            if part == 2:
                arena[X_COVER] += (last - first - 2) * (arena[X_COVER] - before)
                arena[X_WAYS] += min(FAR // 1024, arena[X_WAYS] - ways) * (last - first - 2)
    return 0


@kernel
def look(arena: Arena, node: int, lo: int, hi: int) -> None:
    """Add what the node does on the characters lo..hi (no surrogates among them) to the X cells."""
    if lo <= 0x1F:
        _look_digits(arena, node, CONTROL, 0, lo, min(hi, 0x1F))
    for first, last in ((0x20, 0x21), (0x23, 0x5B), (0x5D, 0x7F)):
        if lo <= last and hi >= first:
            _look_digits(arena, node, 0, 0, max(lo, first), min(hi, last))
    if lo <= 0x22 <= hi:
        _look_digits(arena, node, CONTROL + 32, 0, 0, 0)
    if lo <= 0x5C <= hi:
        _look_digits(arena, node, CONTROL + 33, 0, 0, 0)
    if lo <= 0x7FF and hi >= 0x80:
        _look_digits(arena, node, 0xC0, 6, max(lo, 0x80), min(hi, 0x7FF))
    if lo <= 0xFFFF and hi >= 0x800:
        _look_digits(arena, node, 0xE0, 12, max(lo, 0x800), min(hi, 0xFFFF))
    if hi >= 0x10000:
        _look_digits(arena, node, 0xF0, 18, max(lo, 0x10000), hi)


@linked(FOLLOW)
def _follow_digits(arena: Arena, n: int, node: int, s: int, base: int, shift: int, c: int) -> int:
    """Add what comes after the number c, whose digits are spelled as in `_look_digits`; new length, or a code."""
    k = arena[arena[CLASSES] + base + (c >> shift)]
    edges = arena[EDGES]
    for e in range(arena[arena[EDGE_PTR] + node], arena[arena[EDGE_PTR] + node + 1]):
        if arena[edges + 3 * e] <= k <= arena[edges + 3 * e + 1]:
            target = arena[edges + 3 * e + 2]
            if shift == 0:
                n = add(arena, n, target, s)
            else:
                n = _follow_digits(arena, n, target, s, 0x80, shift - 6, c & ((1 << shift) - 1))
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
        return _follow_digits(arena, n, node, s, CONTROL, 0, c)
    if c == 0x22 or c == 0x5C:
        return _follow_digits(arena, n, node, s, CONTROL + (32 if c == 0x22 else 33), 0, 0)
    if c < 0x80:
        return _follow_digits(arena, n, node, s, 0, 0, c)
    if c < 0x800:
        return _follow_digits(arena, n, node, s, 0xC0, 6, c)
    if c < 0x10000:
        return _follow_digits(arena, n, node, s, 0xE0, 12, c)
    return _follow_digits(arena, n, node, s, 0xF0, 18, c)
