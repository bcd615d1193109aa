"""Kernels that bring several draws of one row together into one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def add(a: Any, b: Any) -> Any:
    """log(exp(a) + exp(b))."""
    high, low = max(a, b), min(a, b)
    return high + np.log1p(np.exp(low - high)) if low > -np.inf else high


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
def _merge(tokens: Any, log_weights: Any) -> Any:
    """Bring equal tokens together, their weights added up, at the beginning; returns how many are left."""
    order, n = np.argsort(tokens, kind="mergesort"), -1
    old_tokens, old_weights = tokens.copy(), log_weights.copy()
    for i in order:
        if n >= 0 and tokens[n] == old_tokens[i]:
            log_weights[n] = add(log_weights[n], old_weights[i])
        else:
            n += 1
            tokens[n], log_weights[n] = old_tokens[i], old_weights[i]
    return n + 1


@njit(cache=True, nogil=True)
def together(copies: Any, evaluations: Any, offsets: Any, tokens: Any, logs: Any, uniforms: Any) -> Any:
    """Draws, of which each takes `copies` in succession, with their children (tokens, logs; those of draw d at
    offsets[d] to offsets[d + 1]): one draw of each, the mean. Its children are merged, and its token is one of them by
    weight and the uniform number. Returns tokens, log weights, evaluations, and offsets, tokens, logs of children."""
    n = len(copies)
    chosen, totals, spent = np.empty(n, np.int64), np.empty(n), np.zeros(n, np.int64)
    begins, into, weights = np.zeros(n + 1, np.int64), np.empty(len(tokens), np.int64), np.empty(len(tokens))
    draw, size = 0, 0
    for i in range(n):
        first = size
        for d in range(draw, draw + copies[i]):
            spent[i] += evaluations[d]
            for c in range(offsets[d], offsets[d + 1]):
                into[size], weights[size] = tokens[c], logs[c] - np.log(copies[i])
                size += 1
        draw += copies[i]
        if copies[i] > 1:
            size = first + _merge(into[first:size], weights[first:size])
        chosen[i], totals[i], begins[i + 1] = -1, -np.inf, size
        for c in range(first, size):
            totals[i] = add(totals[i], weights[c])
        reached = 0.0
        for c in range(first, size):
            chosen[i] = into[c]
            reached += np.exp(weights[c] - totals[i])
            if uniforms[i] < reached:
                break
    return chosen, totals, spent, begins, into[:size], weights[:size]
