"""Probability mass below the nodes of a vocabulary's trie, by next byte.

Tokens below a node are an interval of the sorted vocabulary, so a mass is one log-sum-exp over an interval: shifted by
its maximum, in float64, and never a difference of cumulative sums, which would lose small masses.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

ROOT = -1
GONE = -2
REFUSED = 1  # the verdict on a token that does not count


@njit(cache=True)
def child(byte: Ints, size: Ints, v: int, wanted: int) -> int:
    """The child of node v (or ROOT) for a byte, GONE where there is none."""
    u = v + 1
    end = len(byte) if v == ROOT else v + size[v]
    while u < end:
        if byte[u] == wanted:
            return u
        if byte[u] > wanted:
            break
        u += size[u]
    return GONE


@njit(cache=True)
def byte_masses(
    logprobs: Floats,
    verdicts: NDArray[np.uint8],
    order: Ints,
    byte: Ints,
    size: Ints,
    token_start: Ints,
    v: int,
    out: Floats,
) -> None:
    """Write into `out[0:256]` the log mass of the tokens below node v (or ROOT) by the byte that comes next.

    logprobs: [vocabulary]. verdicts: [vocabulary], tokens with REFUSED do not count; or empty, all count.
    """
    out[:256] = -np.inf
    u = v + 1
    end = len(byte) if v == ROOT else v + size[v]
    every = len(verdicts) == 0
    while u < end:
        low, high = token_start[u], token_start[u + size[u]]
        top = -np.inf
        for i in range(low, high):
            token = order[i]
            if logprobs[token] > top and (every or verdicts[token] != REFUSED):
                top = logprobs[token]
        if top > -np.inf:
            total = 0.0
            for i in range(low, high):
                token = order[i]
                if every or verdicts[token] != REFUSED:
                    total += np.exp(logprobs[token] - top)
            out[byte[u]] = top + np.log(total)
        u += size[u]


def log_sum(values: Floats) -> float:
    """log of the sum of exponentials; -inf for nothing."""
    top = float(np.max(values, initial=-np.inf))
    return top if top == -np.inf else top + float(np.log(np.exp(values - top).sum()))
