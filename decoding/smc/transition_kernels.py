"""A numba kernel of the lookahead: where every token of a vocabulary leads from one state of an automaton."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ...grammars import arena as layout
from ...grammars import engine_kernels as k
from .. import mask_kernels as mk


@njit(cache=True, boundscheck=False)
def destinations(
    arena: layout.Arena, trie: mk.PackedTrie, stack: NDArray[np.int32], out: NDArray[np.int32], q: int
) -> int:
    """Write into out[e] the state after the e-th token of the trie's order, DEAD where it is not allowed; 0, or a code
    of the engine. `out` int32 [tokens], `stack` int32 [depths + 2]."""
    out[:] = layout.DEAD
    stack[0] = q
    v, n = 0, trie[mk.NODES]
    while v < n:
        d = trie[trie[mk.DEPTH] + v]
        r = k.step(arena, stack[d], trie[trie[mk.BYTE] + v])
        if r < layout.DEAD:
            return r
        if r < 0:
            v += trie[trie[mk.SIZE] + v]
            continue
        for e in range(trie[trie[mk.TOKEN_START] + v], trie[trie[mk.TOKEN_START] + v + 1]):
            out[e] = r
        stack[d + 1] = r
        v += 1
    return 0
