"""Kernel that opens rows of logits for `HostUntested`: maxima and sums of masses of all blocks.

Two passes over a row, one row after the other, so that it is in the cache by the second. Draws from the same row share
what is found.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from .untested_kernels import BLOCK, exp, exponentials, strike_out, sum_and_maximum, sum_of


@njit(cache=True, nogil=True)
def _bounds(bits: Any, begin: Any, end: Any) -> Any:
    """The largest of some floats, given as integers of their size in which it is the largest too, and their largest
    absolute value, above that of infinity where one is NaN. Comparisons of floats would not become vector code."""
    integer = bits.dtype.type
    low = ~(np.int64(-1) << np.int64(8 * bits.itemsize - 1))
    highest, farthest = integer(-low), integer(0)
    for i in range(np.uint64(begin), np.uint64(end)):
        word = bits[i]
        highest = max(highest, integer(word ^ (word >> np.int64(63)) & low))
        farthest = max(farthest, integer(word & low))
    return integer(highest ^ (highest >> np.int64(63)) & low), farthest


@njit(cache=True, nogil=True, fastmath={"reassoc"})
def _sum(flat: Any, begin: Any, end: Any, top: Any) -> Any:
    """Sum of the masses of flat[begin:end]; unsigned bounds, so that no check for negative ones hinders vector code."""
    total = 0.0
    for i in range(np.uint64(begin), np.uint64(end)):
        total += exp(np.float64(flat[i]) - top)
    return total


@njit(cache=True, nogil=True)
def open_rows(
    flat: Any,
    bits: Any,
    height: Any,
    stride: Any,
    size: Any,
    width: Any,
    rows: Any,
    bases: Any,
    tops: Any,
    maxima: Any,
    sums: Any,
    gone: Any,
    totals: Any,
    wholes: Any,
    impossible: Any,
) -> Any:
    """For each draw i, from the logits of row rows[i] at flat[rows[i] * stride :], write where they begin, the largest
    logit, NaN where one is, and the largest mass and the sum of each block of tokens, and the mass of all columns and
    that of all tokens. Those whose bit is set in `impossible`, which may be empty, are gone from the beginning.

    height: how many rows of logits there are. bits: `flat` as integers. Rows whose largest
    logit is not finite get no masses; returns how many these are."""
    blocks = sums.shape[1]
    largest = np.empty(blocks + 1, bits.dtype)  # that of the columns beyond the tokens is last
    logits = largest.view(flat.dtype)
    infinity = np.full(1, np.inf, flat.dtype).view(bits.dtype)[0]
    opened, wrong = np.full(height, -1), 0
    scratch, words = np.empty(BLOCK), BLOCK // 32
    for i in range(len(rows)):
        base = bases[i] = rows[i] * stride
        gone[i] = 0
        gone[i, : len(impossible)] = impossible
        twin = opened[rows[i]]
        if twin >= 0:
            tops[i], totals[i], wholes[i] = tops[twin], totals[twin], wholes[twin]
            maxima[i], sums[i] = maxima[twin], sums[twin]
            continue
        opened[rows[i]] = i
        top, farthest = -np.inf, bits.dtype.type(0)
        for j in range(blocks + 1):
            begin, end = base + j * BLOCK, base + min(size, j * BLOCK + BLOCK)
            if j == blocks:
                begin, end = base + size, base + width
            if begin < end:
                largest[j], far = _bounds(bits, begin, end)
                top, farthest = max(top, np.float64(logits[j])), max(farthest, far)
        if farthest > infinity:
            top = np.nan
        tops[i] = top
        if not np.isfinite(top):
            wrong += 1
            continue
        beyond, whole = _sum(flat, base + size, base + width, top), 0.0
        for j in range(blocks):
            maxima[i, j] = exp(np.float64(logits[j]) - top)
            sums[i, j] = 0.0
            if maxima[i, j] == 0.0:
                continue
            some = False
            for word in impossible[j * words : (j + 1) * words]:
                some |= word != 0
            begin, end = j * BLOCK, min(size, j * BLOCK + BLOCK)
            if some:
                exponentials(flat, base + begin, base + end, top, scratch)
                whole += sum_and_maximum(scratch, end - begin)[0]
                strike_out(impossible, begin, end, scratch)
                sums[i, j], maxima[i, j] = sum_and_maximum(scratch, end - begin)
            else:
                sums[i, j] = _sum(flat, base + begin, base + end, top)
                whole += sums[i, j]
        totals[i] = whole + beyond
        wholes[i] = sum_of(sums[i])
    return wrong
