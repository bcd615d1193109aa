"""Numba kernels on lexemes: which tokens stay within one, by a small table over bytes, and where they leave it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..grammars.kernel import kernel
from .mask_kernels import _CELLS, Int32Array, Row, SiblingTrie

STOP, LEAVE = -1, -2


@kernel
def walk_lexeme(
    trie: SiblingTrie, stack: Int32Array, table: Int32Array, root: int, start: int, row: Row, leaving: Int32Array
) -> int:
    """Set the bits of the tokens below a node of the trie whose bytes all lead on in `table` (int32 [256 * states]).

    A byte that leads to STOP ends the walk there, one that leads to LEAVE notes its parent, once, with its depth below
    `root`, in `leaving` (int32 [2 * n]). Returns how many were noted, of which only as many were written as fit.
    `stack` int32 [4 * depths].
    """
    count, d = 0, 0
    if trie[root + 3] == 0:
        return 0
    stack[0], stack[1], stack[2], stack[3] = trie[root + 2], trie[root + 2] + _CELLS * trie[root + 3], start, root
    while d >= 0:
        v = stack[d]
        if v == stack[d + 1]:
            d -= 4
            continue
        stack[d] = v + _CELLS
        state = stack[d + 2]
        following = table[256 * (state & 0xFFFF) + (trie[v] & 255)]
        if following == STOP:
            continue
        if following == LEAVE:
            if state < 0x10000:
                stack[d + 2] = state | 0x10000
                if 2 * count + 1 < leaving.size:
                    leaving[2 * count], leaving[2 * count + 1] = stack[d + 3], d // 4
                count += 1
            continue
        n = trie[v] >> 8
        for e in range(trie[v + 1], trie[v + 1] + n):
            t = trie[e]
            row[t >> 5] |= np.uint32(1) << np.uint32(t & 31)
        if trie[v + 3] > 0:
            d += 4
            stack[d], stack[d + 1] = trie[v + 2], trie[v + 2] + _CELLS * trie[v + 3]
            stack[d + 2], stack[d + 3] = following, v
    return count


@kernel
def set_tokens(row: Row, tokens: Int32Array) -> None:
    """Set the bits of some tokens."""
    for i in range(tokens.size):
        t = tokens[i]
        row[t >> 5] |= np.uint32(1) << np.uint32(t & 31)


@kernel
def add_row(row: Row, other: NDArray[np.uint32]) -> None:
    """Set the bits of another row."""
    for i in range(row.size):
        row[i] |= other[i]
