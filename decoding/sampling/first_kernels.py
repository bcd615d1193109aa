"""Numba kernel of the automaton's tester: the first allowed token of each row of candidates."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ...grammars import arena as layout
from ...grammars import engine_kernels as k

FINISHED = -2
BAD_TOKEN, BAD_STATE = 1, 2


@njit(cache=True, boundscheck=False)
def first_allowed(
    arena: layout.Arena,
    data: NDArray[np.uint8],
    offsets: NDArray[np.int32],
    eos: NDArray[np.bool_],
    states: NDArray[np.int64],
    candidates: NDArray[np.int64],
    rows: NDArray[np.int64],
    places: NDArray[np.int64],
) -> int:
    """For each i of `rows` move places[i] on to the first of candidates[i] that is allowed in states[i].

    It stops at the first negative candidate, or at the end. `candidates` [n, k], `states`, `places` [n], `eos` [size].
    Returns 0, BAD_TOKEN or BAD_STATE, or a code of the engine, after which the call is repeated: it goes on from
    `places`.
    """
    for i in rows:
        q = states[i]
        if q < FINISHED or q >= arena[layout.N_STATES]:
            return BAD_STATE
        complete = q == FINISHED or (q >= 0 and arena[arena[layout.Q_ACCEPTING] + q] != 0)
        while places[i] < candidates.shape[1]:
            t = candidates[i, places[i]]
            if t < 0:
                break
            if t >= eos.size:
                return BAD_TOKEN
            begin, end = offsets[t], offsets[t + 1]
            if begin == end:
                if eos[t] and complete:
                    break
            elif q >= 0:
                following = k.advance(arena, q, data, begin, end)
                if following < layout.DEAD:
                    return following
                if following >= 0:
                    break
            places[i] += 1
    return 0
