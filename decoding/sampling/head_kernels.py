"""Kernels of `HeadTail`: the book-keeping between its tests.

`rows` are numbers of draws; candidates and what goes with them have a row for each of these, all other arrays an entry
for each draw.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def afford(rows: Any, prices: Any, evaluations: Any, tokens: Any) -> None:
    """Leave out candidates (-1) whose tests would cost more than what is left of the price of the mask."""
    for i in range(len(rows)):
        for k in range(tokens.shape[1]):
            if k >= prices[rows[i]] - evaluations[rows[i]]:
                tokens[i, k] = -1


@njit(cache=True, nogil=True)
def settle(
    rows: Any,
    candidates: Any,
    weights: Any,
    places: Any,
    evaluations: Any,
    tokens: Any,
    masses: Any,
    tried: Any,
) -> None:
    """After tests of candidates [rows, k], places[i] of which were refused before one was allowed: the draws' token and
    its mass, and how many were tried."""
    for i in range(len(rows)):
        count = 0
        while count < candidates.shape[1] and candidates[i, count] >= 0:
            count += 1
        place = places[i]
        if place < count:
            tokens[rows[i]], masses[rows[i]] = candidates[i, place], weights[i, place]
            count = place + 1
        tried[i] = count
        evaluations[rows[i]] += count


@njit(cache=True, nogil=True)
def unsettled(rows: Any, rest: Any, prices: Any, evaluations: Any, tokens: Any, left: Any) -> Any:
    """Move the rows that have no token yet, mass that is left, and tests that are worth their price, to the beginning;
    returns how many they are. `rest` is the mass left, written to `left` too."""
    count = 0
    for i in range(len(rows)):
        r = rows[i]
        left[r] = rest[i]
        if tokens[r] < 0 and rest[i] > 0.0 and evaluations[r] < prices[r]:
            rows[count] = r
            count += 1
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def plan(
    tokens: Any,
    masses: Any,
    left: Any,
    totals: Any,
    evaluations: Any,
    prices: Any,
    size: Any,
    tau: Any,
    beta: Any,
    kappa: Any,
    counts: Any,
    chances: Any,
) -> None:
    """How many tests the tail of each draw gets, at most `size`, and with which chance it gets them; see `HeadTail`.
    The count is -1 where the mask is to be used: no allowed token was found, or the tests would cost more."""
    for i in range(len(tokens)):
        counts[i], chances[i] = 0, 1.0
        if left[i] <= 0.0:
            continue
        if tokens[i] < 0:
            counts[i] = -1
            continue
        rest, found, tests = left[i] / totals[i], masses[i] / totals[i], evaluations[i]
        # Not more than what was found: heavy tokens that were refused say nothing of the weight of allowed ones.
        typical = min((1.0 - rest) / tests, found)
        rate = min(1.0, (found + typical / 2.0) / (1.0 - rest + typical))
        wanted = max(1.0, np.ceil(rest * rest * (1.0 - rate) / (tau * rate)))
        counts[i] = np.int64(min(wanted, max(1.0, beta * tests), np.float64(size)))
        if wanted > prices[i]:
            counts[i] = -1
        elif counts[i] == 1 and left[i] < kappa * masses[i]:
            chances[i] = left[i] / (kappa * masses[i])


@njit(cache=True, nogil=True)
def pairs(rows: Any, states: Any, tokens: Any, evaluations: Any) -> Any:
    """The tests of tokens [rows, k] (-1 for none), row by row: states and tokens, int64 both; counts them."""
    which, what = np.empty(tokens.size, np.int64), np.empty(tokens.size, np.int64)
    n = 0
    for i in range(len(rows)):
        before = n
        for k in range(tokens.shape[1]):
            if tokens[i, k] >= 0:
                which[n], what[n] = states[rows[i]], tokens[i, k]
                n += 1
        evaluations[rows[i]] += n - before
    return which[:n], what[:n]


@njit(cache=True, nogil=True)
def credit(rows: Any, candidates: Any, weights: Any, hits: Any, chances: Any) -> Any:
    """After the tests of `pairs`: weights [rows, k] of what is allowed, divided by the chance of a test, 0 for what is
    not. Returns the places of rows that had a hit."""
    some = np.empty(len(rows), np.int64)
    n, hit = 0, 0
    for i in range(len(rows)):
        found = False
        for k in range(candidates.shape[1]):
            weight = 0.0
            if candidates[i, k] >= 0:
                if hits[n]:
                    weight = weights[i, k] / chances[rows[i]]
                n += 1
            weights[i, k] = weight
            found |= weight > 0.0
        if found:
            some[hit] = i
            hit += 1
    return some[:hit]


@njit(cache=True, nogil=True)
def choose(rows: Any, places: Any, candidates: Any, weights: Any, uniforms: Any, tokens: Any, masses: Any) -> None:
    """Add the weights in the rows at these places to the draws' masses, and in proportion to them take a candidate
    instead of the token of the head."""
    for n in range(len(places)):
        i = places[n]
        r = rows[i]
        reached = masses[r]
        for k in range(candidates.shape[1]):
            masses[r] += weights[i, k]
        mark = uniforms[n] * masses[r]
        for k in range(candidates.shape[1]):
            if mark < reached:
                break
            if weights[i, k] > 0.0:
                tokens[r] = candidates[i, k]
                reached += weights[i, k]
