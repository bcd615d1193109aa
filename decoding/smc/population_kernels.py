"""Kernels of `Population` and `survivors`: what happens to the weights of a few particles, without a call for each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def _add(a: Any, b: Any) -> Any:
    """log(exp(a) + exp(b))."""
    high, low = max(a, b), min(a, b)
    return high + np.log1p(np.exp(low - high)) if low > -np.inf else high


@njit(cache=True, nogil=True)
def log_sum(logs: Any) -> Any:
    """log(sum(exp(logs))), -inf for nothing or only zeros."""
    top, total = -np.inf, 0.0
    for value in logs:
        top = max(top, value)
    if top == -np.inf:
        return top
    for value in logs:
        total += np.exp(value - top)
    return top + np.log(total)


@njit(cache=True, nogil=True)
def multiply(log_weights: Any, lookahead: Any, live: Any, rate: Any) -> Any:
    """How often each live particle draws: its share of weight times lookahead by the rate, rounded, at least once.
    Returns the particle of each draw, and its share of the particle's log weight."""
    whole = log_sum(log_weights + lookahead)
    counts, n = np.empty(len(live), np.int64), 0
    for i in range(len(live)):
        p = live[i]
        counts[i] = max(1.0, np.rint(rate * np.exp(log_weights[p] + lookahead[p] - whole)))
        n += counts[i]
    drawn, shares = np.empty(n, np.int64), np.empty(n)
    n = 0
    for i in range(len(live)):
        for _ in range(counts[i]):
            drawn[n], shares[n] = live[i], log_weights[live[i]] - np.log(counts[i])
            n += 1
    return drawn, shares


@njit(cache=True, nogil=True)
def _merge(tokens: Any, log_weights: Any) -> Any:
    """Bring equal tokens together, their weights added up, at the beginning; returns how many are left."""
    order, n = np.argsort(tokens, kind="mergesort"), -1
    old_tokens, old_weights = tokens.copy(), log_weights.copy()
    for i in order:
        if n >= 0 and tokens[n] == old_tokens[i]:
            log_weights[n] = _add(log_weights[n], old_weights[i])
        else:
            n += 1
            tokens[n], log_weights[n] = old_tokens[i], old_weights[i]
    return n + 1


@njit(cache=True, nogil=True)
def branch(drawn: Any, shares: Any, offsets: Any, tokens: Any, logs: Any, rows: Any, log_weights: Any) -> Any:
    """The children of all draws, those of draw d at offsets[d] to offsets[d + 1], and then the particles without a row,
    which are finished. drawn: rising. Equal children of a particle are merged.

    Returns parents, tokens (-1 for the finished), log weights, and the number of draws without children."""
    size = len(tokens) + len(rows)
    parents, into, weights = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size)
    n, first, deaths = 0, 0, 0
    for d in range(len(drawn)):
        if d and drawn[d] != drawn[d - 1]:
            first = n
        deaths += offsets[d] == offsets[d + 1]
        for c in range(offsets[d], offsets[d + 1]):
            parents[n], into[n], weights[n] = drawn[d], tokens[c], shares[d] + logs[c]
            n += 1
        last = d + 1 == len(drawn) or drawn[d + 1] != drawn[d]
        if last and d and drawn[d - 1] == drawn[d]:
            n = first + _merge(into[first:n], weights[first:n])
    for p in range(len(rows)):
        if rows[p] < 0:
            parents[n], into[n], weights[n] = p, -1, log_weights[p]
            n += 1
    return parents[:n], into[:n], weights[:n], deaths


@njit(cache=True, nogil=True)
def single(tokens: Any, log_weights: Any) -> Any:
    """Draws as their only children: offsets, tokens and log weights, without those of weight zero."""
    offsets, kept, n = np.zeros(len(tokens) + 1, np.int64), np.empty(len(tokens), np.int64), 0
    for i in range(len(tokens)):
        if tokens[i] >= 0 and log_weights[i] > -np.inf:
            kept[n] = i
            n += 1
        offsets[i + 1] = n
    return offsets, tokens[kept[:n]], log_weights[kept[:n]]


@njit(cache=True, nogil=True)
def inherit(rows: Any, parents: Any, states: Any) -> Any:
    """The rows of particles with these parents, -1 where the state is that of the end; and which are live."""
    new, live, n = np.empty(len(parents), np.int64), np.empty(len(parents), np.int64), 0
    for i in range(len(parents)):
        new[i] = rows[parents[i]] if states[i] >= 0 else -1
        if new[i] >= 0:
            live[n] = i
            n += 1
    return new, live[:n]


@njit(cache=True, nogil=True)
def _threshold(weights: Any, n: Any) -> Any:
    """log c with sum(min(1, w / c)) = n for more than n finite log weights.

    With the k heaviest kept, c is what the others weigh on average per slot left; the right k is the first one whose
    next weight is below c. Sums are of what is left, never differences.
    """
    place = len(weights) - n
    parted = np.partition(weights, place)
    heavy = np.sort(parted[place:])  # rising, so that entry j is followed by j heavier ones
    # Where the others vanish beside the n heaviest in floating point, the lightest of these is the threshold.
    left, found = log_sum(parted[:place]), heavy[0]
    for j in range(n):
        left = _add(left, heavy[j])
        log_c = left - np.log(j + 1.0)  # the n - 1 - j heaviest are kept, j + 1 slots are left
        if heavy[j] < log_c:
            found = log_c
    return found


@njit(cache=True, nogil=True)
def select(log_weights: Any, alive: Any, n: Any, uniform: Any) -> Any:
    """Which n of the log weights at the places `alive` (more than n) survive, rising, and the logarithms of the
    probabilities with which they do; see `survivors`."""
    weights = log_weights[alive]
    log_c = _threshold(weights, n)
    total, slots = 0.0, n
    for i in range(len(weights)):
        if weights[i] < log_c:
            total += np.exp(weights[i] - log_c)
        else:
            slots -= 1
    step = total / max(1, slots)  # 1, up to rounding
    kept, survival, size, reached, done = np.empty(n, np.int64), np.zeros(n), 0, 0.0, 0
    for i in range(len(weights)):
        if weights[i] >= log_c:
            kept[size] = alive[i]
            size += 1
            continue
        reached += np.exp(weights[i] - log_c)
        if done < slots and (uniform + done) * step < reached:
            kept[size], survival[size] = alive[i], weights[i] - log_c
            size += 1
            done += 1
    return kept[:size], survival[:size]
