"""Sets of code points as sorted tuples of inclusive ranges, and the partition that a group of such sets induces.

`Ranges` is what the regex front end, the JSON spelling of strings and the UTF-8 encoder hand to each other: plain
tuples, hashable, disjoint, never touching (adjacent ranges are merged), so that equal sets are equal values.
Surrogates (U+D800..U+DFFF) are ordinary members here, because a Python str can hold them; the encoder drops them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import lru_cache

Ranges = tuple[tuple[int, int], ...]

LAST = 0x10FFFF
NOTHING: Ranges = ()
FULL: Ranges = ((0, LAST),)


def from_pairs(pairs: Iterable[tuple[int, int]]) -> Ranges:
    """The set covered by inclusive (low, high) pairs in any order, overlapping or not."""
    merged: list[tuple[int, int]] = []
    low, high = -1, -2
    for first, last in sorted(pairs):
        if first > high + 1 or high < low:
            if low <= high:
                merged.append((low, high))
            low, high = first, last
        elif last > high:
            high = last
    if low <= high:
        merged.append((low, high))
    return tuple(merged)


def from_characters(characters: Iterable[str]) -> Ranges:
    """The set of the given one-character strings."""
    return from_pairs((ord(c), ord(c)) for c in characters)


def union(*sets: Ranges) -> Ranges:
    """Code points in at least one of the sets."""
    present = [ranges for ranges in sets if ranges]
    if len(present) < 2:
        return present[0] if present else NOTHING
    return from_pairs(pair for ranges in present for pair in ranges)


def complement(ranges: Ranges) -> Ranges:
    """Code points of U+0000..U+10FFFF outside the set."""
    result = []
    low = 0
    for first, last in ranges:
        if first > low:
            result.append((low, first - 1))
        low = last + 1
    if low <= LAST:
        result.append((low, LAST))
    return tuple(result)


def intersect(a: Ranges, b: Ranges) -> Ranges:
    """Code points in both sets."""
    result = []
    i = j = 0
    while i < len(a) and j < len(b):
        low, high = max(a[i][0], b[j][0]), min(a[i][1], b[j][1])
        if low <= high:
            result.append((low, high))
        if a[i][1] < b[j][1]:
            i += 1
        else:
            j += 1
    return tuple(result)


def subtract(a: Ranges, b: Ranges) -> Ranges:
    """Code points of `a` that are not in `b`."""
    return intersect(a, complement(b))


def contains(ranges: Ranges, code_point: int) -> bool:
    """Whether the code point is in the set; O(log n)."""
    i = bisect_right(ranges, (code_point, LAST + 1)) - 1
    return i >= 0 and code_point <= ranges[i][1]


def size(ranges: Ranges) -> int:
    """How many code points the set holds."""
    return sum(last - first + 1 for first, last in ranges)


def members(ranges: Ranges) -> Iterable[int]:
    """The code points in ascending order."""
    for first, last in ranges:
        yield from range(first, last + 1)


@lru_cache(maxsize=1024)
def partition(sets: tuple[Ranges, ...]) -> tuple[tuple[Ranges, ...], tuple[tuple[int, ...], ...]]:
    """Coarsest partition of all code points in which every given set is a union of cells.

    Returns (cells, parts): `cells` are disjoint and cover U+0000..U+10FFFF; `parts[i]` are the indices of the cells
    whose union is `sets[i]`. One sweep over the range borders; O(n log n) in the number of ranges.
    """
    toggles: dict[int, int] = {0: 0}
    for i, ranges in enumerate(sets):
        bit = 1 << i
        for first, last in ranges:
            toggles[first] = toggles.get(first, 0) ^ bit
            toggles[last + 1] = toggles.get(last + 1, 0) ^ bit
    toggles.pop(LAST + 1, None)
    borders = sorted(toggles)
    pieces: dict[int, list[tuple[int, int]]] = {}
    inside = 0
    for low, after in zip(borders, [*borders[1:], LAST + 1], strict=True):
        inside ^= toggles[low]
        cell = pieces.setdefault(inside, [])
        if cell and cell[-1][1] == low - 1:
            cell[-1] = (cell[-1][0], after - 1)
        else:
            cell.append((low, after - 1))
    parts: list[list[int]] = [[] for _ in sets]
    for index, signature in enumerate(pieces):
        while signature:
            low_bit = signature & -signature
            parts[low_bit.bit_length() - 1].append(index)
            signature ^= low_bit
    return tuple(tuple(cell) for cell in pieces.values()), tuple(tuple(part) for part in parts)


class Classifier:
    """Finds the cell of a partition that a code point is in, by bisection."""

    def __init__(self, cells: Sequence[Ranges]) -> None:
        flat = sorted((first, index) for index, cell in enumerate(cells) for first, _ in cell)
        self._starts = [first for first, _ in flat]
        self._cells = [index for _, index in flat]

    def __call__(self, code_point: int) -> int:
        """Index of the cell that holds the code point."""
        return self._cells[bisect_right(self._starts, code_point) - 1]
