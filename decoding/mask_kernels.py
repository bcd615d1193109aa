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
def walk(arena: Arena, trie: SiblingTrie, stack: Int32Array, row: Row, q: int) -> int:
    """Set in `row` the bit of every token of `trie` that leads from q to a live state. `stack` int32 [4 * depths]."""
    classes, transitions, width = arena[k.CLASSES], arena[k.TRANSITIONS], np.int64(arena[k.N_CLASSES])
    reach = 0
    d = 0
    stack[0], stack[1], stack[2] = trie[2], trie[2] + _CELLS * trie[3], q
    while d >= 0:
        v = stack[d]
        if v == stack[d + 1]:
            d -= 4
            continue
        stack[d] = v + _CELLS
        c = arena[classes + (trie[v] & 255)]
        p = stack[d + 2]
        r = arena[transitions + p * width + c]
        if r == k.UNKNOWN:
            r = k.step_class(arena, p, c)
        if r < 0:
            if r < k.DEAD:
                return r
            continue
        count = trie[v] >> 8
        if count > 0:
            for e in range(trie[v + 1], trie[v + 1] + count):
                t = trie[e]
                row[t >> 5] |= np.uint32(1) << np.uint32(t & 31)
            reach = max(reach, arena[arena[k.Q_DISTANCE] + r])
        if trie[v + 3] > 0:
            d += 4
            stack[d], stack[d + 1], stack[d + 2] = trie[v + 2], trie[v + 2] + _CELLS * trie[v + 3], r
    return reach


@njit(cache=True, boundscheck=False)
def differential_walk(arena: Arena, trie: SiblingTrie, stack: Int32Array, row: Row, q: int, p: int) -> int:
    """Turn `row`, the mask of p, into the mask of q. `stack` int32 [4 * depths]."""
    classes, transitions, width = arena[k.CLASSES], arena[k.TRANSITIONS], np.int64(arena[k.N_CLASSES])
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
            a = r if r != k.UNKNOWN else k.step_class(arena, a, c)
            if a < k.DEAD:
                return a
        if b >= 0:
            r = arena[transitions + b * width + c]
            b = r if r != k.UNKNOWN else k.step_class(arena, b, c)
            if b < k.DEAD:
                return b
        if a == b:
            continue
        count = trie[v] >> 8
        if count > 0:
            if a >= 0:
                reach = max(reach, arena[arena[k.Q_DISTANCE] + a])
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
            if r < k.DEAD:
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
    return k.DEAD if begin == end else k.advance(arena, q, data, begin, end)


@njit(cache=True, boundscheck=False)
def content_hash(row: Row) -> int:
    """64-bit hash of a row; 0 for a row without a bit."""
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


@njit(cache=True, boundscheck=False)
def _loops_on_characters(arena: Arena, q: int, target: int) -> int:
    """1 if every well-formed multi-byte UTF-8 character leads from q to `target`, 0 if not, or a code of the engine."""
    for kind in range(7):
        if kind == 0:
            first, last, lo, hi, more = 0xC2, 0xDF, 0x80, 0xBF, 0
        elif kind == 1:
            first, last, lo, hi, more = 0xE0, 0xE0, 0xA0, 0xBF, 1
        elif kind == 2:
            first, last, lo, hi, more = 0xE1, 0xEF, 0x80, 0xBF, 1
        elif kind == 3:
            first, last, lo, hi, more = 0xED, 0xED, 0x80, 0x9F, 1
        elif kind == 4:
            first, last, lo, hi, more = 0xF0, 0xF0, 0x90, 0xBF, 2
        elif kind == 5:
            first, last, lo, hi, more = 0xF1, 0xF3, 0x80, 0xBF, 2
        else:
            first, last, lo, hi, more = 0xF4, 0xF4, 0x80, 0x8F, 2
        previous = -9
        for lead in range(first, last + 1):
            if kind == 2 and lead == 0xED:
                continue
            p = k.step(arena, q, lead)
            if p < k.DEAD:
                return p
            if p < 0:
                return 0
            if p == previous:
                continue
            previous = p
            r = _common_target(arena, p, lo, hi)
            for _ in range(more):
                if r < 0:
                    break
                r = _common_target(arena, r, 0x80, 0xBF)
            if r < k.DEAD:
                return r
            if r != target:
                return 0
    return 1


@njit(cache=True, boundscheck=False)
def _common_target(arena: Arena, p: int, lo: int, hi: int) -> int:
    """The one state that all bytes of lo..hi lead to from p; DEAD if there is none; or a code of the engine."""
    target = k.UNKNOWN
    b = lo
    while b <= hi:
        c = arena[arena[k.CLASSES] + b]
        r = k.step_class(arena, p, c)
        if r < k.DEAD:
            return r
        if target == k.UNKNOWN:
            target = r
        elif r != target:
            return k.DEAD
        while b <= hi and arena[arena[k.CLASSES] + b] == c:
            b += 1
    return target


WALK, LOOP, NEAR = 0, 1, 2


@njit(cache=True, boundscheck=False)
def classify(arena: Arena, q: int, out: Int32Array) -> int:
    """How to make the mask of q: LOOP when it loops to itself on many bytes, NEAR when most bytes lead to one other
    state, else WALK; or a code of the engine.

    `out` int32 [10]: the other state; for LOOP the 256-bit set of bytes that loop (8 cells), and whether all
    multi-byte characters do.
    """
    for i in range(10):
        out[i] = 0
    classes, row = arena[k.CLASSES], arena[k.TRANSITIONS] + np.int64(q) * arena[k.N_CLASSES]
    for c in range(arena[k.N_CLASSES]):
        if arena[row + c] == k.UNKNOWN:
            r = k.step_class(arena, q, c)
            if r < k.DEAD:
                return r
    loops, votes, candidate = 0, 0, -1
    for b in range(0x20, 0x7F):
        r = arena[row + arena[classes + b]]
        loops += r == q
        if r >= 0:
            if votes == 0:
                candidate, votes = r, 1
            elif candidate == r:
                votes += 1
            else:
                votes -= 1
    if loops >= 16:
        for b in range(256):
            if arena[row + arena[classes + b]] == q:
                out[1 + (b >> 5)] |= np.int32(1) << np.int32(b & 31)
        whole = _loops_on_characters(arena, q, q)
        if whole < 0:
            return whole
        out[9] = whole
        return LOOP
    if candidate < 0:
        return WALK
    count = 0
    for b in range(0x20, 0x7F):
        count += arena[row + arena[classes + b]] == candidate
    out[0] = candidate
    return NEAR if count >= 16 else WALK


@njit(cache=True, boundscheck=False)
def _round(arena: Arena, q: int, loop: Int32Array) -> int:
    """The stack whose top frame counts the rounds of q; DEAD unless all of q's configurations that can read a byte of
    `loop` (or any byte above 127) are in the same round of the same counted loop."""
    frame = k.DEAD
    o = arena[arena[k.Q_OFFSET] + q]
    for i in range(o, o + arena[arena[k.Q_LENGTH] + q]):
        a, s = arena[arena[k.I_NODE] + i], arena[arena[k.I_STACK] + i]
        reads = False
        for e in range(arena[arena[k.EDGE_PTR] + a], arena[arena[k.EDGE_PTR] + a + 1]):
            first, last = arena[arena[k.EDGES] + 3 * e], arena[arena[k.EDGES] + 3 * e + 1]
            for c in range(first, last + 1):
                b = arena[arena[k.REPRESENTATIVES] + c]
                if b >= 0x80 or (loop[b >> 5] >> (b & 31)) & 1:
                    reads = True
        if not reads:
            continue
        if s == 0 or arena[arena[k.S_RETURN] + s] >= 0:
            return k.DEAD
        if frame == k.DEAD:
            frame = s
        elif (
            arena[arena[k.S_RETURN] + s] != arena[arena[k.S_RETURN] + frame]
            or arena[arena[k.S_DATA] + s] != arena[arena[k.S_DATA] + frame]
        ):
            return k.DEAD
    return frame


@njit(cache=True, boundscheck=False)
def room(arena: Arena, q: int, loop: Int32Array, characters: bool) -> int:
    """How many more rounds the counted loop that q is in allows, a round being one character of `loop`.

    DEAD where that cannot be told from one step: the bytes of the loop do not all lead to the same state, or
    configurations of several rounds or loops are mixed; or a code of the engine.
    """
    frame = _round(arena, q, loop)
    if frame < 0:
        return k.DEAD
    ret, count = arena[arena[k.S_RETURN] + frame], arena[arena[k.S_DATA] + frame]
    maximum = arena[arena[k.REPEATS] + 4 * (-1 - ret) + 3]
    if count < 0 or maximum < 0:
        return k.FAR
    if maximum - count <= 1:
        return maximum - count
    target = k.UNKNOWN
    previous = -1
    for b in range(256):
        if (loop[b >> 5] >> (b & 31)) & 1:
            c = arena[arena[k.CLASSES] + b]
            if c == previous:
                continue
            previous = c
            r = k.step_class(arena, q, c)
            if r < k.DEAD:
                return r
            if target == k.UNKNOWN:
                target = r
            elif r != target:
                return k.DEAD
    if target < 0:
        return k.DEAD
    if characters:
        whole = _loops_on_characters(arena, q, target)
        if whole <= 0:
            return k.DEAD if whole == 0 else whole
    after = _round(arena, target, loop)
    if after < 0 or arena[arena[k.S_RETURN] + after] != ret or arena[arena[k.S_DATA] + after] != count + 1:
        return k.DEAD
    return maximum - count


@njit(cache=True, boundscheck=False)
def differ_in_count_only(arena: Arena, q: int, loose: int) -> int:
    """1 if every byte leads from q and from `loose` to the same state, or to two that differ in counts alone, so that
    only texts longer than the rounds left tell them apart; else 0; or a code of the engine."""
    seen_a, seen_b = k.UNKNOWN, k.UNKNOWN
    for c in range(arena[k.N_CLASSES]):
        a = k.step_class(arena, q, c)
        if a < k.DEAD:
            return a
        b = k.step_class(arena, loose, c)
        if b < k.DEAD:
            return b
        if a == b or (a == seen_a and b == seen_b):
            continue
        if a < 0 or b < 0:
            return 0
        seen_a, seen_b = a, b
        a = k.relax(arena, a)
        if a < 0:
            return a
        b = k.relax(arena, b)
        if b < 0:
            return b
        if a != b:
            return 0
    return 1
