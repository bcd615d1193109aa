"""Kernel that opens rows of logits for `HostUntested`: maxima and sums of masses of all blocks.

One pass over a row: the masses of a block are summed in units of the largest logit so far, and the sum is brought to
the units of the row at the end. Draws from the same row share what is found.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from .untested_kernels import BLOCK, exp, exponentials, strike_out, sum_and_maximum, sum_of

_NEAR = 300.0  # units that are farther off might hold masses which are zero in the units of the row: sum anew


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
    blocks, words = sums.shape[1], BLOCK // 32
    largest = np.empty(blocks + 1, bits.dtype)  # that of the columns beyond the tokens is last
    logits = largest.view(flat.dtype)
    infinity = np.full(1, np.inf, flat.dtype).view(bits.dtype)[0]
    opened, wrong = np.full(height, -1), 0
    scratch, units = np.empty(BLOCK), np.empty(blocks)
    holed = np.zeros(blocks, np.bool_)
    for w in range(len(impossible)):
        holed[w // words] |= impossible[w] != 0
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
        if size < width:
            largest[blocks], farthest = _bounds(bits, base + size, base + width)
            top = np.float64(logits[blocks])
        for j in range(blocks):
            begin, end = base + j * BLOCK, base + min(size, j * BLOCK + BLOCK)
            largest[j], far = _bounds(bits, begin, end)
            farthest = max(farthest, far)
            units[j] = top = max(top, np.float64(logits[j]))
            sums[i, j] = _sum(flat, begin, end, top)
        if farthest > infinity:
            top = np.nan
        tops[i] = top
        if not np.isfinite(top):
            wrong += 1
            continue
        exponentials(logits, 0, blocks, top, maxima[i])
        whole = _sum(flat, base + size, base + width, top)
        for j in range(blocks):
            if units[j] != top:
                begin, end = base + j * BLOCK, base + min(size, j * BLOCK + BLOCK)
                if maxima[i, j] == 0.0:
                    sums[i, j] = 0.0
                elif units[j] > top - _NEAR:
                    sums[i, j] *= exp(units[j] - top)
                else:
                    sums[i, j] = _sum(flat, begin, end, top)
            whole += sums[i, j]
            if holed[j]:
                begin, end = j * BLOCK, min(size, j * BLOCK + BLOCK)
                exponentials(flat, base + begin, base + end, top, scratch)
                strike_out(impossible, begin, end, scratch)
                sums[i, j], maxima[i, j] = sum_and_maximum(scratch, end - begin)
        totals[i], wholes[i] = whole, sum_of(sums[i])
    return wrong
