"""The trie of a vocabulary as flat arrays: tokens sorted by their bytes, nodes in depth-first order.

Because the tokens are sorted, the tokens below a node are an interval of the order, and because the nodes are in
preorder, a subtree is an interval of the nodes: a walk is one loop over `v`, going to `v + 1` to descend and to
`v + size[v]` to leave a subtree out. Sorting (a bottom-up merge sort on eight-byte prefixes) and building run in numba.
"""

from __future__ import annotations

import dataclasses
import zipfile
from pathlib import Path

import numba
import numpy as np
from numpy.typing import NDArray

from ..grammars.cache import write_atomically

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int32]


@dataclasses.dataclass(frozen=True, eq=False)
class Trie:
    """A byte trie over the text tokens of a vocabulary; n nodes, m tokens. All arrays are int32 and C-contiguous.

    There is no root entry: the nodes of depth 0 are those reached by the first byte of a token, the first of them is
    node 0, the next one `size[0]`, and so on. Tokens without bytes are in no node.
    """

    byte: Ints
    """[n] byte on the edge into the node, 0 to 255."""
    size: Ints
    """[n] number of nodes in the subtree, the node included."""
    depth: Ints
    """[n] bytes before the node's own: 0 for a first byte."""
    height: Ints
    """[n] bytes on the longest path below the node, 0 for a leaf."""
    token_start: Ints
    """[n + 1] tokens ending at v are `order[token_start[v]:token_start[v + 1]]`; those in the subtree of v go on up to
    `token_start[v + size[v]]`."""
    order: Ints
    """[m] ids of the tokens, sorted by bytes; ids with the same bytes are adjacent, in order of id."""

    @classmethod
    def build(cls, data: Bytes, offsets: Ints) -> Trie:
        """Build from the bytes of all ids: id i has `data[offsets[i]:offsets[i + 1]]` (uint8, int32[ids + 1])."""
        order = _sorted_tokens(data, offsets, np.flatnonzero(np.diff(offsets)).astype(np.int32))
        byte, size, depth, height, token_start = _build(data, offsets, order)
        return cls(byte, size, depth, height, token_start, order)

    def __len__(self) -> int:
        """Number of nodes."""
        return len(self.byte)

    def __repr__(self) -> str:
        return f"Trie({len(self.byte):,} nodes, {len(self.order):,} tokens)"

    def save(self, path: Path) -> bool:
        """Write to an .npz file; False where that is not possible."""
        arrays = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return write_atomically(path, lambda stream: np.savez(stream, **arrays))

    @classmethod
    def load(cls, path: Path) -> Trie | None:
        """Read what `save` wrote; None where there is no such file or it is damaged."""
        try:
            # Opened here, because np.load leaves its file open where the content is no zip file.
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
                trie = cls(*(stored[field.name] for field in dataclasses.fields(cls)))
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
            return None
        return trie if trie._is_consistent() else None

    def _is_consistent(self) -> bool:
        arrays = [getattr(self, field.name) for field in dataclasses.fields(self)]
        return (
            all(a.dtype == np.int32 and a.ndim == 1 and a.flags.c_contiguous for a in arrays)
            and len({len(a) for a in arrays[:4]}) == 1
            and len(self.token_start) == len(self.byte) + 1
            and self.token_start[-1] == len(self.order)
        )


@numba.njit(cache=True)
def _precedes(data: Bytes, offsets: Ints, keys: NDArray[np.uint64], a: int, b: int) -> bool:
    """Whether token a comes before token b: by bytes, a prefix first, then by id."""
    if keys[a] != keys[b]:
        return bool(keys[a] < keys[b])
    length_a, length_b = offsets[a + 1] - offsets[a], offsets[b + 1] - offsets[b]
    for i in range(8, min(length_a, length_b)):
        x, y = data[offsets[a] + i], data[offsets[b] + i]
        if x != y:
            return bool(x < y)
    return a < b if length_a == length_b else bool(length_a < length_b)


@numba.njit(cache=True)
def _sorted_tokens(data: Bytes, offsets: Ints, ids: Ints) -> Ints:
    """Sort int32 ids by their bytes; keys hold the first eight bytes, so that most comparisons are of one integer."""
    keys = np.zeros(len(offsets) - 1, np.uint64)
    for i in range(len(ids)):
        token = ids[i]
        key = np.uint64(0)
        for j in range(8):
            position = offsets[token] + j
            byte = data[position] if position < offsets[token + 1] else 0
            key = (key << np.uint64(8)) | np.uint64(byte)
        keys[token] = key
    source, target = ids.copy(), np.empty_like(ids)
    n, width = len(ids), 1
    while width < n:
        for low in range(0, n, 2 * width):
            middle, high = min(low + width, n), min(low + 2 * width, n)
            a, b = low, middle
            for k in range(low, high):
                if b >= high or (a < middle and not _precedes(data, offsets, keys, source[b], source[a])):
                    target[k] = source[a]
                    a += 1
                else:
                    target[k] = source[b]
                    b += 1
        source, target = target, source
        width *= 2
    return source


@numba.njit(cache=True)
def _shared_prefix(data: Bytes, offsets: Ints, a: int, b: int) -> int:
    """Number of bytes that tokens a and b begin with in common."""
    limit = min(offsets[a + 1] - offsets[a], offsets[b + 1] - offsets[b])
    i = 0
    while i < limit and data[offsets[a] + i] == data[offsets[b] + i]:
        i += 1
    return i


@numba.njit(cache=True)
def _build(data: Bytes, offsets: Ints, order: Ints) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """The node arrays for tokens in sorted order: each token adds the nodes past what it shares with the one before."""
    n, deepest = 0, 0
    shared = np.zeros(len(order), np.int32)
    for i in range(len(order)):
        if i > 0:
            shared[i] = _shared_prefix(data, offsets, order[i - 1], order[i])
        length = offsets[order[i] + 1] - offsets[order[i]]
        n += length - shared[i]
        deepest = max(deepest, length)
    byte, depth = np.empty(n, np.int32), np.empty(n, np.int32)
    size, height = np.ones(n, np.int32), np.zeros(n, np.int32)
    parent, path = np.empty(n, np.int32), np.empty(deepest + 1, np.int32)
    token_start = np.empty(n + 1, np.int32)
    v = 0
    for i in range(len(order)):
        begin = offsets[order[i]]
        for d in range(shared[i], offsets[order[i] + 1] - begin):
            byte[v], depth[v], token_start[v] = data[begin + d], d, i
            parent[v] = path[d - 1] if d > 0 else -1
            path[d] = v
            v += 1
    token_start[n] = len(order)
    for v in range(n - 1, -1, -1):
        if parent[v] >= 0:
            size[parent[v]] += size[v]
            height[parent[v]] = max(height[parent[v]], height[v] + 1)
    return byte, size, depth, height, token_start
