"""Kernels of `HostUntested` that draw tokens: one in proportion to the masses, and several by systematic sampling."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from .untested_kernels import BLOCK, exp, fill, largest, refresh, sum_of


@njit(cache=True, nogil=True)
def _place(
    flat: Any, base: Any, size: Any, top: Any, sums: Any, gone: Any, step: Any, uniform: Any, count: Any, tokens: Any
) -> None:
    """Lay the masses end to end and write the tokens on which the places (uniform + i) * step fall, i < count, where no
    mass is above the step. Rounding neither yields a token twice nor one without mass."""
    scratch = np.zeros(BLOCK)
    done, reached = 0, 0.0
    for j in range(len(sums)):
        if uniform * step + done * step < reached + sums[j]:
            sofar = reached
            for i in range(fill(flat, base, size, j, top, gone, scratch)):
                sofar += scratch[i]
                if scratch[i] > 0.0 and done < count and uniform * step + done * step < sofar:
                    tokens[done] = j * BLOCK + i
                    done += 1
            if done == count:
                return
        reached += sums[j]
    for j in range(len(sums) - 1, -1, -1):  # rounding has put the last place behind the end
        if sums[j] > 0.0:
            for i in range(fill(flat, base, size, j, top, gone, scratch)):
                if scratch[i] > 0.0:
                    tokens[done] = j * BLOCK + i
            break
    if done and tokens[done] == tokens[done - 1]:
        tokens[done] = -1


@njit(cache=True, nogil=True)
def draw(
    flat: Any,
    bases: Any,
    size: Any,
    tops: Any,
    maxima: Any,
    sums: Any,
    gone: Any,
    rows: Any,
    uniforms: Any,
) -> Any:
    """One token of each of the rows in proportion to the masses that are left, and its mass; -1 and 0 where none is."""
    tokens, masses = np.full(len(rows), -1), np.zeros(len(rows))
    for i in range(len(rows)):
        r = rows[i]
        left = sum_of(sums[r])
        if left > 0.0:
            _place(flat, bases[r], size, tops[r], sums[r], gone[r], left, uniforms[i], 1, tokens[i : i + 1])
            masses[i] = exp(np.float64(flat[bases[r] + tokens[i]]) - tops[r])
    return tokens, masses


@njit(cache=True, nogil=True)
def systematic(
    flat: Any,
    bases: Any,
    size: Any,
    tops: Any,
    maxima: Any,
    sums: Any,
    gone: Any,
    rows: Any,
    counts: Any,
    uniforms: Any,
) -> Any:
    """Choose counts[i] tokens among those that are left of each of the rows; see `Untested.systematic`."""
    scratch, most = np.zeros(BLOCK), 0
    for i in range(len(rows)):
        most = max(most, counts[i])
    tokens, weights = np.full((len(rows), most), -1), np.zeros((len(rows), most))
    for i in range(len(rows)):
        r, certain = rows[i], 0
        base, left = bases[r], sum_of(sums[r])
        while certain < counts[i]:
            j = np.argmax(maxima[r])
            if maxima[r, j] == 0.0 or maxima[r, j] * (counts[i] - certain) < left:
                break
            logit, token, _ = largest(flat, base, size, j, gone[r])
            tokens[i, certain], weights[i, certain] = token, exp(logit - tops[r])
            certain += 1
            gone[r, token >> 5] |= np.uint32(1) << np.uint32(token & 31)
            refresh(flat, base, size, j, tops[r], gone[r], maxima[r], sums[r], scratch)
            left = sum_of(sums[r])
        count = counts[i] - certain
        if count and left > 0.0:
            _place(flat, base, size, tops[r], sums[r], gone[r], left / count, uniforms[i], count, tokens[i, certain:])
            for k in range(certain, counts[i]):
                weights[i, k] = left / count if tokens[i, k] >= 0 else 0.0
    return tokens, weights
