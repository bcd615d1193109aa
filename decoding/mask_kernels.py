"""Numba kernels of the masker: which tokens keep an automaton alive.

Walks go over a *sibling trie* (see `sibling_trie`): one int32 array of four-cell nodes in which the children of a node
lie side by side, so that looking at all bytes that may follow reads memory in sequence; in depth-first arrays every
sibling would be a cache miss. `walk` sets bits; `differential_walk` corrects the mask of a state p into that of a
state q where the two differ and skips a subtree as soon as both reach the same state; `retest` clears the tokens of a
list that do not survive.

All return the largest shortest-completion distance (bytes) over the tokens set, or a code of the engine (GROW ...)
after which the caller enlarges the arena, restores the row and calls again.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..grammars import arena as layout
from ..grammars import engine_kernels as k

Int32Array = NDArray[np.int32]
Arena = NDArray[np.int32]
PackedTrie = NDArray[np.int32]
SiblingTrie = NDArray[np.int32]
Row = NDArray[np.uint32]

# Header of a packed trie: number of nodes, then offsets of its sections.
NODES, BYTE, SIZE, DEPTH, TOKEN_START, TOKENS = range(6)
TRIE_HEADER = 8

# Cells of a node of a sibling trie: byte + 256 * number of tokens, position of the first token, of the first child,
# number of children. Node 0 is the root.
_CELLS = 4


def pack_trie(
    byte: Int32Array, size: Int32Array, depth: Int32Array, token_start: Int32Array, tokens: Int32Array
) -> PackedTrie:
    """One int32 array of a trie's depth-first arrays, so that a kernel takes one argument."""
    sections = [byte, size, depth, token_start, tokens]
    header = np.zeros(TRIE_HEADER, np.int32)
    header[NODES] = len(byte)
    header[BYTE : TOKENS + 1] = TRIE_HEADER + np.cumsum([0] + [len(s) for s in sections[:-1]])
    return np.concatenate([header, *sections]).astype(np.int32, copy=False)


@njit(cache=True, boundscheck=False)
def sibling_trie(trie: PackedTrie) -> SiblingTrie:
    """The same trie with the children of every node side by side."""
    n = trie[NODES]
    size, starts = trie[SIZE], trie[TOKEN_START]
    tokens = trie[starts + n]
    result = np.empty(_CELLS * (n + 1) + tokens, np.int32)
    first_token = _CELLS * (n + 1)
    result[first_token:] = trie[trie[TOKENS] : trie[TOKENS] + tokens]
    place = np.empty(n, np.int32)
    free = 1
    for v in range(-1, n):
        node = 0 if v < 0 else _CELLS * place[v]
        end = n if v < 0 else v + trie[size + v]
        begin = free
        w = v + 1
        while w < end:
            place[w] = free
            free += 1
            w += trie[size + w]
        count = 0 if v < 0 else trie[starts + v + 1] - trie[starts + v]
        result[node] = (0 if v < 0 else trie[trie[BYTE] + v]) + 256 * count
        result[node + 1] = first_token if v < 0 else first_token + trie[starts + v]
        result[node + 2] = _CELLS * begin
        result[node + 3] = free - begin
    return result


@njit(cache=True, boundscheck=False)
def _walk_from(arena: Arena, trie: SiblingTrie, stack: Int32Array, row: Row, q: int, begin: int, end: int) -> int:
    """`walk` below the nodes from begin to end."""
    classes, transitions, width = arena[layout.CLASSES], arena[layout.TRANSITIONS], np.int64(arena[layout.N_CLASSES])
    reach = 0
    d = 0
    stack[0], stack[1], stack[2] = begin, end, q
    while d >= 0:
        v = stack[d]
        if v == stack[d + 1]:
            d -= 4
            continue
        stack[d] = v + _CELLS
        c = arena[classes + (trie[v] & 255)]
        p = stack[d + 2]
        r = arena[transitions + p * width + c]
        if r == layout.UNKNOWN:
            r = k.step_class(arena, p, c)
        if r < 0:
            if r < layout.DEAD:
                return r
            continue
        count = trie[v] >> 8
        if count > 0:
            for e in range(trie[v + 1], trie[v + 1] + count):
                t = trie[e]
                row[t >> 5] |= np.uint32(1) << np.uint32(t & 31)
            reach = max(reach, arena[arena[layout.Q_DISTANCE] + r])
        if trie[v + 3] > 0:
            d += 4
            stack[d], stack[d + 1], stack[d + 2] = trie[v + 2], trie[v + 2] + _CELLS * trie[v + 3], r
    return reach


@njit(cache=True, boundscheck=False)
def walk(arena: Arena, trie: SiblingTrie, stack: Int32Array, row: Row, q: int) -> int:
    """Set in `row` the bit of every token of `trie` that leads from q to a live state. `stack` int32 [4 * depths]."""
    return _walk_from(arena, trie, stack, row, q, trie[2], trie[2] + _CELLS * trie[3])


@njit(cache=True, boundscheck=False)
def walk_apart(
    arena: Arena,
    trie: SiblingTrie,
    packed: PackedTrie,
    leads: NDArray[np.bool_],
    stack: Int32Array,
    row: Row,
    q: int,
) -> int:
    """Make the bits right of the tokens whose first byte is not among the `leads`: cleared, then set as in `walk`."""
    v, n = 0, packed[NODES]
    while v < n:
        size = packed[packed[SIZE] + v]
        if not leads[packed[packed[BYTE] + v]]:
            for e in range(packed[packed[TOKEN_START] + v], packed[packed[TOKEN_START] + v + size]):
                t = packed[packed[TOKENS] + e]
                row[t >> 5] &= ~(np.uint32(1) << np.uint32(t & 31))
        v += size
    return walk_rest(arena, trie, leads, stack, row, q)


@njit(cache=True, boundscheck=False)
def walk_rest(arena: Arena, trie: SiblingTrie, leads: NDArray[np.bool_], stack: Int32Array, row: Row, q: int) -> int:
    """`walk` over the tokens whose first byte is not among the `leads`."""
    reach = 0
    for i in range(trie[3]):
        node = trie[2] + _CELLS * i
        if not leads[trie[node] & 255]:
            result = _walk_from(arena, trie, stack, row, q, node, node + _CELLS)
            if result < 0:
                return result
            reach = max(reach, result)
    return reach


@njit(cache=True, boundscheck=False)
def walk_loop(
    arena: Arena, trie: SiblingTrie, tails: SiblingTrie, leads: NDArray[np.bool_], stack: Int32Array, row: Row, q: int
) -> int:
    """`walk` from a state q that loops, where `row` has the tokens that stay in the loop: by the tails of those that
    begin in it, and over all others."""
    reach = walk(arena, tails, stack, row, q)
    if reach < 0:
        return reach
    result = walk_rest(arena, trie, leads, stack, row, q)
    return result if result < 0 else max(reach, result)


@njit(cache=True, boundscheck=False)
def differential_walk(arena: Arena, trie: SiblingTrie, stack: Int32Array, row: Row, q: int, p: int) -> int:
    """Turn `row`, the mask of p, into the mask of q. `stack` int32 [4 * depths]."""
    classes, transitions, width = arena[layout.CLASSES], arena[layout.TRANSITIONS], np.int64(arena[layout.N_CLASSES])
    reach = 0
    d = 0
    stack[0], stack[1], stack[2], stack[3] = trie[2], trie[2] + _CELLS * trie[3], q, p
    while d >= 0:
        v = stack[d]
        if v == stack[d + 1]:
            d -= 4
            continue
        stack[d] = v + _CELLS
        c = arena[classes + (trie[v] & 255)]
        a, b = stack[d + 2], stack[d + 3]
        if a >= 0:
            r = arena[transitions + a * width + c]
            a = r if r != layout.UNKNOWN else k.step_class(arena, a, c)
            if a < layout.DEAD:
                return a
        if b >= 0:
            r = arena[transitions + b * width + c]
            b = r if r != layout.UNKNOWN else k.step_class(arena, b, c)
            if b < layout.DEAD:
                return b
        if a == b:
            continue
        count = trie[v] >> 8
        if count > 0:
            if a >= 0:
                reach = max(reach, arena[arena[layout.Q_DISTANCE] + a])
            if a < 0 or b < 0:
                for e in range(trie[v + 1], trie[v + 1] + count):
                    t = trie[e]
                    row[t >> 5] ^= np.uint32(1) << np.uint32(t & 31)
        if trie[v + 3] > 0:
            d += 4
            stack[d], stack[d + 1] = trie[v + 2], trie[v + 2] + _CELLS * trie[v + 3]
            stack[d + 2], stack[d + 3] = a, b
    return reach


@njit(cache=True, boundscheck=False)
def retest(
    arena: Arena,
    data: NDArray[np.uint8],
    offsets: Int32Array,
    candidates: Int32Array,
    row: Row,
    q: int,
) -> int:
    """Clear in `row` the bit of every candidate token that is set there but does not survive from q."""
    for i in range(candidates.size):
        t = candidates[i]
        bit = np.uint32(1) << np.uint32(t & 31)
        if row[t >> 5] & bit:
            r = k.advance(arena, q, data, offsets[t], offsets[t + 1])
            if r < layout.DEAD:
                return r
            if r < 0:
                row[t >> 5] &= ~bit
    return 0


@njit(cache=True, boundscheck=False)
def clear_tokens(row: Row, tokens: Int32Array, begin: int, end: int) -> None:
    """Clear the bits of tokens[begin:end]."""
    for i in range(begin, end):
        t = tokens[i]
        row[t >> 5] &= ~(np.uint32(1) << np.uint32(t & 31))


@njit(cache=True, boundscheck=False)
def accept(arena: Arena, data: NDArray[np.uint8], offsets: Int32Array, q: int, token: int) -> int:
    """State after the bytes of `token`; DEAD for a token without bytes; or a code of the engine."""
    begin, end = offsets[token], offsets[token + 1]
    return layout.DEAD if begin == end else k.advance(arena, q, data, begin, end)


@njit(cache=True, boundscheck=False)
def same_rows(a: Row, b: Row) -> bool:
    """Whether two rows of the same length are equal."""
    difference = np.uint32(0)
    for i in range(a.size):
        difference |= a[i] ^ b[i]
    return difference == 0


@njit(cache=True, boundscheck=False)
def content_hash(row: Row) -> int:
    """64-bit hash of a row."""
    prime = np.uint64(0x9E3779B97F4A7C15)
    a = b = c = d = np.uint64(0)  # four chains, so that multiplications overlap
    n = row.size & ~3
    for i in range(0, n, 4):
        a = (a ^ row[i]) * prime
        b = (b ^ row[i + 1]) * prime
        c = (c ^ row[i + 2]) * prime
        d = (d ^ row[i + 3]) * prime
        a ^= a >> np.uint64(31)
        b ^= b >> np.uint64(31)
        c ^= c >> np.uint64(31)
        d ^= d >> np.uint64(31)
    for i in range(n, row.size):
        a = (a ^ row[i]) * prime
        a ^= a >> np.uint64(31)
    return np.int64(a ^ (b * np.uint64(3)) ^ (c * np.uint64(5)) ^ (d * np.uint64(7)))
