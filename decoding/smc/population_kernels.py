"""Kernels of `Population` and `survivors`: what happens to the weights of a few particles, without a call for each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from ..sampling.copies_kernels import add


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
    """How often each live particle draws: its share of weight times lookahead by the rate, rounded, at least once."""
    whole = log_sum(log_weights + lookahead)
    copies = np.empty(len(live), np.int64)
    for i in range(len(live)):
        p = live[i]
        copies[i] = max(1.0, np.rint(rate * np.exp(log_weights[p] + lookahead[p] - whole)))
    return copies


@njit(cache=True, nogil=True)
def branch(live: Any, offsets: Any, tokens: Any, logs: Any, rows: Any, log_weights: Any) -> Any:
    """The children of the live particles, those of the i-th at offsets[i] to offsets[i + 1], and then the particles
    without a row, which are finished.

    Returns parents, tokens (-1 for the finished), log weights, and the number of particles without children."""
    size = len(tokens) + len(rows) - len(live)
    parents, into, weights = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size)
    n, deaths = 0, 0
    for i in range(len(live)):
        deaths += offsets[i] == offsets[i + 1]
        for c in range(offsets[i], offsets[i + 1]):
            parents[n], into[n], weights[n] = live[i], tokens[c], log_weights[live[i]] + logs[c]
            n += 1
    for p in range(len(rows)):
        if rows[p] < 0:
            parents[n], into[n], weights[n] = p, -1, log_weights[p]
            n += 1
    return parents, into, weights, deaths


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
        left = add(left, heavy[j])
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


@njit(cache=True, nogil=True)
def thin(log_weights: Any, tokens: Any, ends: Any, n: Any, least: Any, uniforms: Any) -> Any:
    """Which of the priorities survive, rising, and the logarithms of the probabilities with which they do: see
    `Population`. tokens: -1 or one of `ends` for what is finished. least: share of the mean weight of n particles below
    which a live one survives by chance. uniforms: two."""
    size = len(tokens)
    live, done, alive = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64)
    of_live, of_done = 0, 0
    for i in range(size):
        if log_weights[i] == -np.inf:
            continue
        alive[of_live + of_done] = i
        ended = tokens[i] < 0
        for end in ends:
            ended |= tokens[i] == end
        if ended:
            done[of_done] = i
            of_done += 1
        else:
            live[of_live] = i
            of_live += 1
    weights = log_weights[alive[: of_live + of_done]]
    if len(weights) <= n:
        return alive[: len(weights)], np.zeros(len(weights))
    log_c = max(_threshold(weights, n), log_sum(weights) + np.log(least / n))
    wanted = 0.0
    for i in live[:of_live]:
        wanted += np.exp(min(0.0, log_weights[i] - log_c))
    kept, survival = np.empty(size, np.int64), np.zeros(size)
    count = 0
    for group, most, uniform in (
        (live[:of_live], max(1, min(n, np.int64(np.rint(wanted)))), uniforms[0]),
        (done[:of_done], n, uniforms[1]),
    ):
        if len(group) <= most:
            kept[count : count + len(group)] = group
            count += len(group)
        else:
            chosen, logs = select(log_weights, group, most, uniform)
            kept[count : count + len(chosen)] = chosen
            survival[count : count + len(chosen)] = logs
            count += len(chosen)
    order = np.argsort(kept[:count])
    return kept[:count][order], survival[:count][order]
