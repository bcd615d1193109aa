"""Numba kernels that look at the shape of a state: does it loop on itself, count rounds, or stay near a loop?

`classify` decides how a state's mask is made. `room` and `owed` say how a counted loop near its bounds differs from the
same loop without bounds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..grammars import arena as layout
from ..grammars import engine_kernels as k
from ..grammars.kernel import kernel

Int32Array = NDArray[np.int32]
Arena = NDArray[np.int32]

WALK, LOOP, NEAR = 0, 1, 2


@kernel
def _common_target(arena: Arena, p: int, lo: int, hi: int) -> int:
    """The one state that all bytes of lo..hi lead to from p; DEAD if there is none; or a code of the engine."""
    target = layout.UNKNOWN
    b = lo
    while b <= hi:
        c = arena[arena[layout.CLASSES] + b]
        r = k.step_class(arena, p, c)
        if r < layout.DEAD:
            return r
        if target == layout.UNKNOWN:
            target = r
        elif r != target:
            return layout.DEAD
        while b <= hi and arena[arena[layout.CLASSES] + b] == c:
            b += 1
    return target


@kernel
def _loops_on_characters(arena: Arena, q: int, target: int) -> int:
    """1 if every well-formed multi-byte UTF-8 character leads from q to `target`, 0 if not, or a code of the engine."""
    for kind in range(7):
        if kind == 0:
            first, last, lo, hi, more = 0xC2, 0xDF, 0x80, 0xBF, 0
        elif kind == 1:
            first, last, lo, hi, more = 0xE0, 0xE0, 0xA0, 0xBF, 1
        elif kind == 2:
            first, last, lo, hi, more = 0xE1, 0xEF, 0x80, 0xBF, 1
        elif kind == 3:
            first, last, lo, hi, more = 0xED, 0xED, 0x80, 0x9F, 1
        elif kind == 4:
            first, last, lo, hi, more = 0xF0, 0xF0, 0x90, 0xBF, 2
        elif kind == 5:
            first, last, lo, hi, more = 0xF1, 0xF3, 0x80, 0xBF, 2
        else:
            first, last, lo, hi, more = 0xF4, 0xF4, 0x80, 0x8F, 2
        previous = -9
        for lead in range(first, last + 1):
            if kind == 2 and lead == 0xED:
                continue
            p = k.step(arena, q, lead)
            if p < layout.DEAD:
                return p
            if p < 0:
                return 0
            if p == previous:
                continue
            previous = p
            r = _common_target(arena, p, lo, hi)
            for _ in range(more):
                if r < 0:
                    break
                r = _common_target(arena, r, 0x80, 0xBF)
            if r < layout.DEAD:
                return r
            if r != target:
                return 0
    return 1


@kernel
def classify(arena: Arena, q: int, out: Int32Array) -> int:
    """How to make the mask of q: LOOP when it loops to itself on many bytes, NEAR when most bytes lead to one other
    state, else WALK; or a code of the engine.

    `out` int32 [10]: the other state; for LOOP the 256-bit set of bytes that loop (8 cells), and whether all
    multi-byte characters do.
    """
    for i in range(10):
        out[i] = 0
    classes, row = arena[layout.CLASSES], arena[layout.TRANSITIONS] + np.int64(q) * arena[layout.N_CLASSES]
    for c in range(arena[layout.N_CLASSES]):
        if arena[row + c] == layout.UNKNOWN:
            r = k.step_class(arena, q, c)
            if r < layout.DEAD:
                return r
    loops, votes, candidate = 0, 0, -1
    for b in range(0x20, 0x7F):
        r = arena[row + arena[classes + b]]
        loops += r == q
        if r >= 0:
            if votes == 0:
                candidate, votes = r, 1
            elif candidate == r:
                votes += 1
            else:
                votes -= 1
    if loops >= 16:
        for b in range(256):
            if arena[row + arena[classes + b]] == q:
                out[1 + (b >> 5)] |= np.int32(1) << np.int32(b & 31)
        whole = _loops_on_characters(arena, q, q)
        if whole < 0:
            return whole
        out[9] = whole
        return LOOP
    if candidate < 0:
        return WALK
    count = 0
    for b in range(0x20, 0x7F):
        count += arena[row + arena[classes + b]] == candidate
    out[0] = candidate
    return NEAR if count >= 16 else WALK


@kernel
def _round(arena: Arena, q: int, loop: Int32Array) -> int:
    """The stack whose top frame counts the rounds of q; DEAD unless all of q's configurations that can read a byte of
    `loop` (or any byte above 127) are in the same round of the same counted loop."""
    frame = layout.DEAD
    o = arena[arena[layout.Q_OFFSET] + q]
    for i in range(o, o + arena[arena[layout.Q_LENGTH] + q]):
        a, s = arena[arena[layout.I_NODE] + i], arena[arena[layout.I_STACK] + i]
        reads = False
        for e in range(arena[arena[layout.EDGE_PTR] + a], arena[arena[layout.EDGE_PTR] + a + 1]):
            first, last = arena[arena[layout.EDGES] + 3 * e], arena[arena[layout.EDGES] + 3 * e + 1]
            for c in range(first, last + 1):
                b = arena[arena[layout.REPRESENTATIVES] + c]
                if b >= layout.CONTROL:
                    continue
                if b >= 0x80 or (loop[b >> 5] >> (b & 31)) & 1:
                    reads = True
        if not reads:
            continue
        if s == 0 or arena[arena[layout.S_RETURN] + s] >= 0 or arena[arena[layout.S_RETURN] + s] <= layout.SPECIAL:
            return layout.DEAD
        if frame == layout.DEAD:
            frame = s
        elif (
            arena[arena[layout.S_RETURN] + s] != arena[arena[layout.S_RETURN] + frame]
            or arena[arena[layout.S_DATA] + s] != arena[arena[layout.S_DATA] + frame]
        ):
            return layout.DEAD
    return frame


@kernel
def room(arena: Arena, q: int, loop: Int32Array, characters: bool) -> int:
    """How many more rounds the counted loop that q is in allows, a round being one character of `loop`.

    DEAD where that cannot be told from one step: the bytes of the loop do not all lead to the same state, or
    configurations of several rounds or loops are mixed; or a code of the engine.
    """
    frame = _round(arena, q, loop)
    if frame < 0:
        return layout.DEAD
    ret, count = arena[arena[layout.S_RETURN] + frame], arena[arena[layout.S_DATA] + frame]
    maximum = arena[arena[layout.REPEATS] + 4 * (-1 - ret) + 3]
    if count < 0 or maximum < 0:
        return layout.FAR
    if maximum - count <= 1:
        return maximum - count
    target = layout.UNKNOWN
    previous = -1
    for b in range(256):
        if (loop[b >> 5] >> (b & 31)) & 1:
            c = arena[arena[layout.CLASSES] + b]
            if c == previous:
                continue
            previous = c
            r = k.step_class(arena, q, c)
            if r < layout.DEAD:
                return r
            if target == layout.UNKNOWN:
                target = r
            elif r != target:
                return layout.DEAD
    if target < 0:
        return layout.DEAD
    if characters:
        whole = _loops_on_characters(arena, q, target)
        if whole <= 0:
            return layout.DEAD if whole == 0 else whole
    after = _round(arena, target, loop)
    if after < 0 or arena[arena[layout.S_RETURN] + after] != ret or arena[arena[layout.S_DATA] + after] != count + 1:
        return layout.DEAD
    return maximum - count


@kernel
def owed(arena: Arena, q: int, loop: Int32Array) -> int:
    """How many more rounds the counted loop that q is in (see `room`) needs before it may end."""
    frame = _round(arena, q, loop)
    count = arena[arena[layout.S_DATA] + frame]
    if count == layout.FREE:
        return 0
    if count == layout.LOW:
        return layout.FAR
    return max(0, arena[arena[layout.REPEATS] + 4 * (-1 - arena[arena[layout.S_RETURN] + frame]) + 2] - count)
