"""Kernels of `HostUntested`: masses of tokens in blocks, in float64.

The logits of row r lie at flat[bases[r] :]. A mass is exp(logit - top), where top is the row's largest logit, and 0
where that is below exp(-708), the smallest that float64 holds with full precision. Nothing is stored for a token but
one bit, `gone`: a row keeps the largest mass and the sum of masses of each block of BLOCK tokens, of those that are
not gone, and a block is summed anew when one of its tokens goes. So nothing is ever subtracted from a sum.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

BLOCK = 512
_WORDS = BLOCK // 32
_LOWEST = -708.0

_LOG2_E = 1.0 / math.log(2.0)
_TO_INTEGER = 1.5 * 2.0**52  # adding it rounds to an integer, which then stands in the lowest bits
# 2^r = 1 + r (C1 + C2 r + ...) to 3e-16 for |r| <= 1 / 2: minimax, by the algorithm of Remez.
_C1, _C2, _C3, _C4 = 0.6931471805599516, 0.24022650695910472, 0.05550410866434658, 0.009618129107380715
_C5, _C6, _C7 = 0.001333355824648072, 0.00015403530800818256, 1.525264774769592e-05
_C8, _C9, _C10 = 1.321523563477604e-06, 1.0210506458816145e-07, 7.111758687557852e-09


@njit(cache=True, nogil=True, fastmath={"contract"})
def exp(x: Any) -> Any:
    """exp(x) for x <= 0, to a relative error of 6e-16 + 2e-16 |x|, the latter by rounding in x itself, without branches
    so that a loop over it becomes vector code; 0 below -708."""
    shifted = x * _LOG2_E + _TO_INTEGER
    r = x * _LOG2_E - (shifted - _TO_INTEGER)
    square = r * r  # even and odd powers apart: two short chains of instructions keep more of them in flight
    even = _C10 * square + _C8
    odd = _C9 * square + _C7
    even = even * square + _C6
    odd = odd * square + _C5
    even = even * square + _C4
    odd = odd * square + _C3
    even = even * square + _C2
    odd = odd * square + _C1
    y = odd * r + (even * square + 1.0)
    bits = np.float64(y).view(np.int64) + (np.float64(shifted).view(np.int64) << np.int64(52))  # y times 2^k
    return 0.0 if x < _LOWEST else np.int64(bits).view(np.float64)


@njit(cache=True, nogil=True, fastmath={"reassoc"})
def sum_and_maximum(masses: Any, n: Any) -> Any:
    total, highest = 0.0, np.int64(0)
    for i in range(np.uint64(n)):
        total += masses[i]
    bits = masses.view(np.int64)  # in the order of the masses, as none is negative; integers become vector code
    for i in range(np.uint64(n)):
        highest = max(highest, bits[i])
    return total, np.int64(highest).view(np.float64)


@njit(cache=True, nogil=True)
def exponentials(flat: Any, begin: Any, end: Any, top: Any, masses: Any) -> None:
    origin = np.uint64(begin)
    for i in range(np.uint64(end) - origin):
        masses[i] = exp(np.float64(flat[origin + i]) - top)


@njit(cache=True, nogil=True)
def _multiply(word: Any, begin: Any, end: Any, masses: Any) -> None:
    first = np.uint64(begin)
    for i in range(np.uint64(end) - first):
        masses[first + i] *= np.float64(np.int64(1) - (np.int64(word) >> np.int64(i) & np.int64(1)))


@njit(cache=True, nogil=True)
def strike_out(bits: Any, begin: Any, end: Any, masses: Any) -> None:
    """Set masses [end - begin] of tokens from `begin` (of a block) on to zero whose bit is set: by a product, because a
    branch would not become vector code."""
    for w in range(begin >> 5, (end + 31) >> 5):
        if bits[w]:
            _multiply(bits[w], 32 * w - begin, min(end, 32 * w + 32) - begin, masses)


@njit(cache=True, nogil=True)
def fill(flat: Any, base: Any, size: Any, j: Any, top: Any, gone: Any, masses: Any) -> Any:
    """Write the masses of block j of a row, 0 for tokens that are gone; returns how many tokens the block has."""
    first = j * BLOCK
    n = min(size, first + BLOCK) - first
    words = gone[first >> 5 : (first + n + 31) >> 5]
    some = False
    for w in range(len(words)):
        some |= words[w] != np.uint32(0xFFFFFFFF)
    if not some:
        masses[:n] = 0.0
        return n
    exponentials(flat, base + first, base + first + n, top, masses)
    strike_out(gone, first, first + n, masses)
    return n


@njit(cache=True, nogil=True)
def largest(flat: Any, base: Any, size: Any, j: Any, gone: Any) -> Any:
    """The largest logit of block j among tokens that are not gone, its token, and the largest logit of the others; -inf
    and -1 where there is none."""
    best, place, second = -np.inf, -1, -np.inf
    for i in range(j * BLOCK, min(size, j * BLOCK + BLOCK)):
        if flat[base + i] > second and not gone[i >> 5] >> np.uint32(i & 31) & np.uint32(1):
            second = np.float64(flat[base + i])
            if second > best:
                best, second, place = second, best, i
    return best, place, second


@njit(cache=True, nogil=True)
def refresh(flat: Any, base: Any, size: Any, j: Any, top: Any, gone: Any, maxima: Any, sums: Any, masses: Any) -> None:
    """Bring the maximum and the sum of block j up to date."""
    n = fill(flat, base, size, j, top, gone, masses)
    sums[j], maxima[j] = sum_and_maximum(masses, n)


@njit(cache=True, nogil=True)
def sum_of(sums: Any) -> Any:
    total = 0.0
    for j in range(len(sums)):
        total += sums[j]
    return total


@njit(cache=True, nogil=True)
def rest(flat: Any, bases: Any, size: Any, tops: Any, maxima: Any, sums: Any, gone: Any, rows: Any) -> Any:
    """The mass that is left in each of the rows. (All kernels for rows begin with what `HostUntested` holds.)"""
    left = np.empty(len(rows))
    for i in range(len(rows)):
        left[i] = sum_of(sums[rows[i]])
    return left


@njit(cache=True, nogil=True)
def peek(flat: Any, bases: Any, size: Any, tops: Any, maxima: Any, sums: Any, gone: Any, rows: Any, count: Any) -> Any:
    """The heaviest tokens that are left, heaviest first, and their masses; -1 and 0 after the last one with mass."""
    tokens, masses = np.empty((len(rows), count), np.int64), np.empty((len(rows), count))
    for i in range(len(rows)):
        r = rows[i]
        heads, spent = maxima[r].copy(), 0
        tokens[i, :], masses[i, :] = -1, 0.0
        for k in range(tokens.shape[1]):
            j = np.argmax(heads)
            if heads[j] == 0.0:
                break
            logit, token, following = largest(flat, bases[r], size, j, gone[r])
            tokens[i, k], masses[i, k] = token, exp(logit - tops[r])
            heads[j] = exp(following - tops[r])
            gone[r, token >> 5] |= np.uint32(1) << np.uint32(token & 31)
            spent += 1
        for token in tokens[i, :spent]:
            gone[r, token >> 5] &= ~(np.uint32(1) << np.uint32(token & 31))
    return tokens, masses


@njit(cache=True, nogil=True)
def remove(
    flat: Any,
    bases: Any,
    size: Any,
    tops: Any,
    maxima: Any,
    sums: Any,
    gone: Any,
    rows: Any,
    tokens: Any,
    counts: Any,
) -> Any:
    """Take out the first counts[i] of tokens[i]; returns the mass that is left."""
    scratch, left = np.zeros(BLOCK), np.empty(len(rows))
    for i in range(len(rows)):
        r = rows[i]
        for k in range(counts[i]):
            token = tokens[i, k]
            gone[r, token >> 5] |= np.uint32(1) << np.uint32(token & 31)
            sums[r, token // BLOCK] = -1.0
        for j in range(sums.shape[1]):
            if sums[r, j] < 0.0:
                refresh(flat, bases[r], size, j, tops[r], gone[r], maxima[r], sums[r], scratch)
        left[i] = sum_of(sums[r])
    return left


@njit(cache=True, nogil=True)
def restrict(
    flat: Any,
    bases: Any,
    size: Any,
    tops: Any,
    maxima: Any,
    sums: Any,
    gone: Any,
    rows: Any,
    bits: Any,
) -> Any:
    """Leave exactly the tokens whose bit is set, whatever was taken out before; returns their mass."""
    scratch, left = np.zeros(BLOCK), np.empty(len(rows))
    for i in range(len(rows)):
        r = rows[i]
        for j in range(sums.shape[1]):
            changed = False
            for w in range(j * _WORDS, min(gone.shape[1], j * _WORDS + _WORDS)):
                inside = np.uint32(0xFFFFFFFF) if size - 32 * w >= 32 else np.uint32((1 << (size - 32 * w)) - 1)
                word = ~bits[i, w] & inside
                changed |= word != gone[r, w]
                gone[r, w] = word
            if changed:
                refresh(flat, bases[r], size, j, tops[r], gone[r], maxima[r], sums[r], scratch)
        left[i] = sum_of(sums[r])
    return left
