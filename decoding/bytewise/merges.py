"""Byte-pair encoding by its merges: which tokens a merge list can make, and which may stand side by side.

A sequence of tokens is what byte-pair encoding makes of its own bytes exactly when each token is, and each pair of
neighbours is. A pair (l, r) is not where a merge across its junction comes first: walking the right spine of l's
derivation and the left spine of r's together in order of rank, the two tokens that touch have a merge of a rank below
the next step of either spine (Hayase et al. 2025, section 3.1). Ties go to the leftmost merge, as in `tokenizers`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int64]

NEVER = 1 << 40  # rank of what does not merge


@dataclasses.dataclass(frozen=True, eq=False)
class Merges:
    """A merge list over n token ids, ready for pair tests.

    `made[i]`: whether merging the symbols of token i, `symbols[symbols_at[i]:symbols_at[i + 1]]`, yields it.
    `steady[i]`: whether the ranks of these merges never fall, as in every list that was learned from text. The right
    spine of token i is its last symbol, what that is merged into, and so on up to i:
    `right_token[right_at[i]:right_at[i + 1]]`, each with the rank of the merge that ends it (NEVER for i itself) in
    `right_rank`; likewise the left spine. `slots` is an open-addressing table from a pair of tokens to its rank and
    result: int64 [size, 3] of key, rank, result, with key -1 where it is free.
    """

    made: NDArray[np.bool_]
    steady: NDArray[np.bool_]
    right_at: Ints
    right_token: Ints
    right_rank: Ints
    left_at: Ints
    left_token: Ints
    left_rank: Ints
    slots: Ints
    symbols: Ints
    symbols_at: Ints
    partners: Ints
    """What a token may merge with on its right, `partners[partners_at[i]:partners_at[i + 1]]`."""
    partners_at: Ints

    @classmethod
    def build(cls, symbols: Sequence[Sequence[int]], pairs: Sequence[tuple[int, int, int]]) -> Merges:
        """From the base symbols of each id, as ids (none for ids that are no tokens of the merge list), and the merges
        (left, right, result) in order of rank."""
        lengths = np.fromiter(map(len, symbols), np.int64, len(symbols))
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        flat = np.fromiter((s for token in symbols for s in token), np.int64, int(offsets[-1]))
        merges = np.array(pairs, np.int64).reshape(-1, 3)
        slots = _table(merges)
        partners = merges[np.argsort(merges[:, 0], kind="stable"), 1]
        partners_at = np.searchsorted(np.sort(merges[:, 0]), np.arange(len(symbols) + 1)).astype(np.int64)
        made, steady, at, token, rank, left_at, left_token, left_rank = _spines(flat, offsets, slots)
        spines = made, steady, at, token, rank, left_at, left_token, left_rank
        return cls(*spines, slots, flat, offsets, partners, partners_at)

    def follows(self, left: int, right: NDArray[np.int64]) -> NDArray[np.bool_]:
        """For each id of `right` (int64 [n]), whether it may stand after the token `left`; bool [n]."""
        near = np.zeros(len(self.made), np.bool_)  # tokens that anything on the left's right spine may merge with
        for token in self.right_token[self.right_at[left] : self.right_at[left + 1]].tolist():
            near[self.partners[self.partners_at[token] : self.partners_at[token + 1]]] = True
        return _pairs(
            near,
            self.made,
            self.steady,
            self.right_at,
            self.right_token,
            self.right_rank,
            self.left_at,
            self.left_token,
            self.left_rank,
            self.slots,
            self.symbols,
            self.symbols_at,
            left,
            right,
        )


@njit(cache=True)
def _slot(slots: Ints, left: int, right: int) -> int:
    """Where the pair is in the table, or where it would go."""
    key = (left << 32) | right
    i = ((key * 0x2545F4914F6CDD1D) >> 20) & (len(slots) - 1)
    while slots[i, 0] != key and slots[i, 0] != -1:
        i = (i + 1) & (len(slots) - 1)
    return i


@njit(cache=True)
def _table(pairs: Ints) -> Ints:
    size = 16
    while size < 2 * len(pairs) + 2:
        size *= 2
    slots = np.full((size, 3), -1, np.int64)
    for rank in range(len(pairs)):
        i = _slot(slots, pairs[rank, 0], pairs[rank, 1])
        slots[i, 0] = (pairs[rank, 0] << 32) | pairs[rank, 1]
        slots[i, 1], slots[i, 2] = rank, pairs[rank, 2]  # of a merge that is listed twice the last one counts
    return slots


@njit(cache=True)
def _spines(
    flat: Ints, offsets: Ints, slots: Ints
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Ints, Ints, Ints, Ints, Ints, Ints]:
    """Merge each token's symbols, and note what its last and its first symbol are merged into."""
    n, most = len(offsets) - 1, 1
    for token in range(n):
        most = max(most, offsets[token + 1] - offsets[token])
    made, steady = np.zeros(n, np.bool_), np.ones(n, np.bool_)
    ends = np.zeros((2, n + 1), np.int64)
    tokens, ranks = np.zeros((2, len(flat) + n), np.int64), np.zeros((2, len(flat) + n), np.int64)
    work, rank = np.empty(most, np.int64), np.empty(most, np.int64)
    for token in range(n):
        length = offsets[token + 1] - offsets[token]
        begin = ends[:, token].copy()
        used = begin.copy()
        if length > 0:
            for i in range(length):
                work[i] = flat[offsets[token] + i]
            for i in range(length - 1):
                rank[i] = _rank(slots, work[i], work[i + 1])
            tokens[0, used[0]], tokens[1, used[1]] = work[length - 1], work[0]
            latest = 0
            while length > 1:
                best = 0
                for i in range(1, length - 1):
                    if rank[i] < rank[best]:
                        best = i
                if rank[best] == NEVER:
                    break
                steady[token] &= rank[best] >= latest
                latest = rank[best]
                result = slots[_slot(slots, work[best], work[best + 1]), 2]
                if best == length - 2:
                    ranks[0, used[0]] = latest
                    used[0] += 1
                    tokens[0, used[0]] = result
                if best == 0:
                    ranks[1, used[1]] = latest
                    used[1] += 1
                    tokens[1, used[1]] = result
                work[best] = result
                for i in range(best + 1, length - 1):
                    work[i], rank[i - 1] = work[i + 1], rank[i]
                length -= 1
                rank[best] = _rank(slots, work[best], work[best + 1]) if best < length - 1 else NEVER
                if best > 0:
                    rank[best - 1] = _rank(slots, work[best - 1], work[best])
            if length == 1 and work[0] == token:
                made[token] = True
                for side in range(2):
                    ranks[side, used[side]] = NEVER
                    used[side] += 1
            else:
                used = begin
        ends[0, token + 1], ends[1, token + 1] = used[0], used[1]
    return (
        made,
        steady,
        ends[0].copy(),
        tokens[0, : ends[0, n]].copy(),
        ranks[0, : ends[0, n]].copy(),
        ends[1].copy(),
        tokens[1, : ends[1, n]].copy(),
        ranks[1, : ends[1, n]].copy(),
    )


@njit(cache=True)
def _rank(slots: Ints, left: int, right: int) -> int:
    i = _slot(slots, left, right)
    return slots[i, 1] if slots[i, 0] != -1 else NEVER


@njit(cache=True)
def _apart(slots: Ints, symbols: Ints, symbols_at: Ints, left: int, right: int) -> bool:
    """Whether merging the symbols of both tokens yields the two: by doing it."""
    middle = symbols_at[left + 1] - symbols_at[left]
    length = middle + symbols_at[right + 1] - symbols_at[right]
    work = np.empty(length, np.int64)
    work[:middle] = symbols[symbols_at[left] : symbols_at[left + 1]]
    work[middle:] = symbols[symbols_at[right] : symbols_at[right + 1]]
    while length > 2:
        best, lowest = 0, NEVER
        for i in range(length - 1):
            rank = _rank(slots, work[i], work[i + 1])
            if rank < lowest:
                best, lowest = i, rank
        if lowest == NEVER:
            return False
        work[best] = slots[_slot(slots, work[best], work[best + 1]), 2]
        for i in range(best + 1, length - 1):
            work[i] = work[i + 1]
        length -= 1
    return work[0] == left and work[1] == right and _rank(slots, left, right) == NEVER


@njit(cache=True)
def _pairs(
    near: NDArray[np.bool_],
    made: NDArray[np.bool_],
    steady: NDArray[np.bool_],
    right_at: Ints,
    right_token: Ints,
    right_rank: Ints,
    left_at: Ints,
    left_token: Ints,
    left_rank: Ints,
    slots: Ints,
    symbols: Ints,
    symbols_at: Ints,
    left: int,
    candidates: Ints,
) -> NDArray[np.bool_]:
    out = np.zeros(len(candidates), np.bool_)
    if not made[left]:
        return out
    for n in range(len(candidates)):
        token = candidates[n]
        if not made[token]:
            continue
        if not (steady[left] and steady[token]):
            out[n] = _apart(slots, symbols, symbols_at, left, token)
            continue
        touched = False
        for j in range(left_at[token], left_at[token + 1]):
            touched |= near[left_token[j]]
        if not touched:
            out[n] = True
            continue
        i, j = right_at[left], left_at[token]
        while True:
            junction = _rank(slots, right_token[i], left_token[j])
            if junction < right_rank[i] and junction <= left_rank[j]:
                break
            if right_rank[i] == NEVER and left_rank[j] == NEVER:
                out[n] = True
                break
            if right_rank[i] <= left_rank[j]:
                i += 1
            else:
                j += 1
    return out
