"""Kernels of `HeadTail` and `Masked`: the book-keeping between tests, in as few calls as may be.

`rows` are numbers of draws; candidates and what goes with them have a row for each of these, all other arrays an entry
for each draw.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def within(numbers: Any, end: Any) -> Any:
    """Whether no number is negative, or not below the end."""
    outside = 0
    for number in numbers:
        outside += number < 0 or number >= end
    return outside == 0


@njit(cache=True, nogil=True)
def unknown(prices: Any, left: Any, rows: Any) -> Any:
    """Write the rows without a known mask to the beginning of `rows`; returns how many they are. `left` is infinity."""
    n = 0
    for i in range(len(prices)):
        left[i] = np.inf
        if prices[i] > 0.0:
            rows[n] = i
            n += 1
    return n


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
) -> Any:
    """After tests of candidates [rows, k], places[i] of which were refused before one was allowed: the draws' token and
    its mass; returns how many were tried."""
    tried = np.empty(len(rows), np.int64)
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
    return tried


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
    copies: Any,
    prices: Any,
    size: Any,
    tau: Any,
    beta: Any,
    kappa: Any,
    counts: Any,
    chances: Any,
    guesses: Any,
) -> Any:
    """How many tests the tail of each draw gets, at most `size`, with which chance it gets them, and, where that is
    below 1, which share of it is allowed by a guess; see `HeadTail`. The tests and the variance they leave are worth
    the same, so a mask is used where its price is below twice their number. `totals`: the masses of what rows began
    with. `copies`: how many draws each stands for.

    Returns the draws by what follows: those for which the mask is to be used, because no allowed token was found or the
    tests would cost more (their token is taken back); those whose tail is tested; and those of them by chance only."""
    n = len(tokens)
    masked, tested, rare = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    of_masked, of_tested, of_rare = 0, 0, 0
    for i in range(n):
        counts[i], chances[i] = 0, 1.0
        if left[i] <= 0.0:
            continue
        wanted = np.inf
        if tokens[i] >= 0:
            rest, found, tests = left[i] / totals[i], masses[i] / totals[i], evaluations[i]
            # Not more than what was found: heavy tokens that were refused say nothing of the weight of allowed ones.
            typical = min((1.0 - rest) / tests, found)
            rate = min(1.0, (found + typical / 2.0) / (1.0 - rest + typical))
            wanted = max(1.0, np.ceil(rest * np.sqrt((1.0 - rate) / (tau * rate))))
            counts[i] = np.int64(min(wanted, max(1.0, beta * tests), np.float64(size)))
            wanted *= copies[i]
        if tokens[i] < 0 or 2.0 * wanted > prices[i]:
            tokens[i], masses[i] = -1, 0.0
            masked[of_masked] = i
            of_masked += 1
            continue
        tested[of_tested] = i
        of_tested += 1
        expected = np.float64(counts[i])
        if counts[i] == 1 and left[i] < kappa * (masses[i] + left[i]):
            expected = left[i] / (kappa * (masses[i] + left[i]))
        expected *= copies[i]
        counts[i] = np.int64(min(max(1.0, np.rint(expected)), np.float64(size)))
        if expected < 1.0:
            chances[i] = expected
            guesses[i] = min(rate, masses[i] / (left[i] / chances[i] - left[i]))
            rare[of_rare] = i
            of_rare += 1
    return masked[:of_masked], tested[:of_tested], rare[:of_rare]


@njit(cache=True, nogil=True)
def roulette(tested: Any, rare: Any, chances: Any, guesses: Any, uniforms: Any, left: Any, masses: Any) -> Any:
    """Those of the rows in `tested` that are not in `rare` (rising, both), or whose uniform number is below their
    chance. The guess of what is allowed of the tail is added to the mass of a rare row, and taken back, divided by the
    chance, where it is tested."""
    n, k = 0, 0
    for i in tested:
        if k < len(rare) and rare[k] == i:
            k += 1
            guess = guesses[i] * left[i]
            if uniforms[k - 1] >= chances[i]:
                masses[i] += guess
                continue
            masses[i] = max(0.0, masses[i] - (guess / chances[i] - guess))
        tested[n] = i
        n += 1
    return tested[:n]


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


@njit(cache=True, nogil=True)
def pick(rows: Any, candidates: Any, weights: Any, uniforms: Any, tokens: Any) -> None:
    """For each of the rows a candidate in proportion to the weights (not all zero), never one without weight."""
    for i in range(len(rows)):
        total, reached, last = 0.0, 0.0, 0
        for k in range(weights.shape[1]):
            total += weights[i, k]
        for k in range(weights.shape[1]):
            if weights[i, k] > 0.0:
                last = k
                reached += weights[i, k]
                if uniforms[i] * total < reached:
                    break
        tokens[rows[i]] = candidates[i, last]


@njit(cache=True, nogil=True)
def count(rows: Any, masses: Any, counts: Any) -> None:
    """Add how many of masses [rows, k] are above zero to the rows' counts."""
    for i in range(len(rows)):
        for k in range(masses.shape[1]):
            counts[rows[i]] += masses[i, k] > 0.0


@njit(cache=True, nogil=True)
def accumulate(counts: Any, places: Any) -> Any:
    """Turn the counts of n rows [n + 1] into offsets, also in `places` [n]; returns the sum."""
    total = 0
    for i in range(len(places)):
        places[i] = total
        total += counts[i]
        counts[i] = places[i]
    counts[len(places)] = total
    return total


@njit(cache=True, nogil=True)
def place(rows: Any, tokens: Any, masses: Any, totals: Any, places: Any, into: Any, logarithms: Any) -> None:
    """Write tokens [rows, k] with mass, and the logarithms of their probabilities, where the rows' places are, which
    move on."""
    for i in range(len(rows)):
        r = rows[i]
        whole = np.log(totals[r])
        for k in range(tokens.shape[1]):
            if masses[i, k] > 0.0:
                into[places[r]], logarithms[places[r]] = tokens[i, k], np.log(masses[i, k]) - whole
                places[r] += 1


@njit(cache=True, nogil=True)
def take_logarithms(masses: Any, totals: Any) -> None:
    """Turn masses into logarithms of probabilities, -inf where there is none."""
    for i in range(len(masses)):
        masses[i] = np.log(masses[i]) - np.log(totals[i]) if masses[i] > 0.0 else -np.inf
