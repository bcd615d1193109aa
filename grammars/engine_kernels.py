"""Numba kernels of the engine: lazy determinisation of a recursive transition network.

A configuration is a pair (node, stack); a state of the automaton is a hash-consed set of configurations, so it is an
integer and equality is identity. Stacks are hash-consed linked lists of frames (return, data, parent): `return >= 0`
is the node that a call goes on at, `return = -1 - r` is the counted loop r with `data` finished rounds. Transitions
are computed one (state, byte class) at a time and remembered, as RE2 does for regular expressions, one level up.

Everything lives in one int32 array, the *arena*, since a numba call costs a quarter of a microsecond with one array
argument and more with each further one. The first HEADER cells hold counters, capacities and the offsets of the
sections. A kernel that finds a section full returns GROW (or GROW_WORK), having changed nothing but caches that stay
right; `engine.py` then enlarges the arena and calls again.

Counters far from both bounds have *aliases*: FREE (enough rounds, the maximum out of sight) and LOW (the minimum out
of sight). An alias state behaves as the true one for the next HORIZON bytes, which is all that a token mask can see.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Arena = NDArray[np.int32]

DEAD, UNKNOWN, GROW, GROW_WORK = -1, -2, -3, -4
LOW, FREE = -1, -2  # counts that stand for "far below the minimum" and "between the bounds, far from the maximum"
FAR = (1 << 30) - 1

# Counters and capacities in the header.
N_STATES, N_ITEMS, N_STACKS, STAMP, N_CLASSES, HORIZON = range(6)
CAP_STATES, CAP_ITEMS, CAP_STACKS, CAP_WORK, STATE_SLOTS, STACK_SLOTS, SEEN_SLOTS = range(6, 13)
# Offsets of the sections. The program (constant):
CLASSES, REPRESENTATIVES, DISTANCE, FINAL, BARE, EDGE_PTR, EDGES, EPSILON_PTR, EPSILONS = range(16, 25)
CALL_PTR, CALLS, REPEAT_PTR, REPEATS = range(25, 29)
# Stack frames, states, their configurations, transitions (grow):
S_RETURN, S_DATA, S_PARENT, S_DISTANCE, S_ALIAS, STACK_TABLE = range(29, 35)
Q_OFFSET, Q_LENGTH, Q_ACCEPTING, Q_DISTANCE, Q_ALIAS, STATE_TABLE = range(35, 41)
I_NODE, I_STACK, TRANSITIONS = range(41, 44)
# Work space: the worklist, the configurations kept, the set of those seen.
W_NODE, W_STACK, K_NODE, K_STACK, SEEN = range(44, 49)
HEADER = 64


@njit(cache=True, boundscheck=False, inline="always")
def _mix(h: int, x: int) -> int:
    return ((h ^ np.uint64(x)) * np.uint64(0x9E3779B97F4A7C15)) ^ (h >> np.uint64(29))


@njit(cache=True, boundscheck=False)
def _add(arena: Arena, n: int, node: int, stack: int) -> int:
    """Append (node, stack) to the worklist of length n unless seen in this closure; new length, or GROW_WORK."""
    slots = arena[SEEN_SLOTS]
    seen = arena[SEEN]
    stamp = arena[STAMP]
    h = np.int64(_mix(_mix(np.uint64(3), node), stack) & np.uint64(slots - 1))
    while arena[seen + 3 * h] == stamp:
        if arena[seen + 3 * h + 1] == node and arena[seen + 3 * h + 2] == stack:
            return n
        h = (h + 1) & (slots - 1)
    if n >= arena[CAP_WORK]:
        return GROW_WORK
    arena[seen + 3 * h] = stamp
    arena[seen + 3 * h + 1] = node
    arena[seen + 3 * h + 2] = stack
    arena[arena[W_NODE] + n] = node
    arena[arena[W_STACK] + n] = stack
    return n + 1


@njit(cache=True, boundscheck=False)
def _frame_distance(arena: Arena, ret: int, data: int, parent: int) -> int:
    """Shortest completion in bytes of what comes after the current rule, given its frame."""
    if ret >= 0:
        total = np.int64(arena[arena[DISTANCE] + ret])
    else:
        loop = arena[REPEATS] + 4 * (-1 - ret)
        rounds = 0 if data == FREE else arena[loop + 2] - 1 - max(0, data)
        total = max(0, rounds) * np.int64(arena[arena[DISTANCE] + arena[loop]])
        total += arena[arena[DISTANCE] + arena[loop + 1]]
    return min(FAR, total + arena[arena[S_DISTANCE] + parent])


@njit(cache=True, boundscheck=False)
def _push(arena: Arena, ret: int, data: int, parent: int) -> int:
    """The stack with this frame on top of `parent`, or GROW."""
    slots = arena[STACK_SLOTS]
    table = arena[STACK_TABLE]
    s_return, s_data, s_parent = arena[S_RETURN], arena[S_DATA], arena[S_PARENT]
    h = np.int64(_mix(_mix(_mix(np.uint64(17), ret), data), parent) & np.uint64(slots - 1))
    while True:
        s = arena[table + h]
        if s < 0:
            break
        if arena[s_return + s] == ret and arena[s_parent + s] == parent and arena[s_data + s] == data:
            return s
        h = (h + 1) & (slots - 1)
    s = arena[N_STACKS]
    if s >= arena[CAP_STACKS]:
        return GROW
    arena[N_STACKS] = s + 1
    arena[table + h] = s
    arena[s_return + s] = ret
    arena[s_data + s] = data
    arena[s_parent + s] = parent
    arena[arena[S_DISTANCE] + s] = _frame_distance(arena, ret, data, parent)
    arena[arena[S_ALIAS] + s] = UNKNOWN
    return s


@njit(cache=True, boundscheck=False)
def _sort_kept(arena: Arena, k: int) -> None:
    """Shell sort of the kept configurations by (node, stack): the canonical order of a set."""
    kn, ks = arena[K_NODE], arena[K_STACK]
    gap = 1
    while gap < k // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(gap, k):
            a, s = arena[kn + i], arena[ks + i]
            j = i - gap
            while j >= 0 and (arena[kn + j] > a or (arena[kn + j] == a and arena[ks + j] > s)):
                arena[kn + j + gap] = arena[kn + j]
                arena[ks + j + gap] = arena[ks + j]
                j -= gap
            arena[kn + j + gap] = a
            arena[ks + j + gap] = s
        gap //= 3


@njit(cache=True, boundscheck=False)
def _intern(arena: Arena, k: int, accepting: int) -> int:
    """The state that is the set of the k kept configurations; a new one if need be. DEAD, or GROW."""
    if k == 0 and accepting == 0:
        return DEAD
    _sort_kept(arena, k)
    kn, ks = arena[K_NODE], arena[K_STACK]
    hashed = _mix(np.uint64(7), accepting)
    for i in range(k):
        hashed = _mix(_mix(hashed, arena[kn + i]), arena[ks + i])
    slots = arena[STATE_SLOTS]
    table = arena[STATE_TABLE]
    items, stacks = arena[I_NODE], arena[I_STACK]
    h = np.int64(hashed & np.uint64(slots - 1))
    while True:
        q = arena[table + h]
        if q < 0:
            break
        if arena[arena[Q_LENGTH] + q] == k and arena[arena[Q_ACCEPTING] + q] == accepting:
            o = arena[arena[Q_OFFSET] + q]
            i = 0
            while i < k and arena[items + o + i] == arena[kn + i] and arena[stacks + o + i] == arena[ks + i]:
                i += 1
            if i == k:
                return q
        h = (h + 1) & (slots - 1)
    q = arena[N_STATES]
    o = arena[N_ITEMS]
    if q >= arena[CAP_STATES] or o + k > arena[CAP_ITEMS]:
        return GROW
    arena[N_STATES] = q + 1
    arena[N_ITEMS] = o + k
    arena[table + h] = q
    arena[arena[Q_OFFSET] + q] = o
    arena[arena[Q_LENGTH] + q] = k
    arena[arena[Q_ACCEPTING] + q] = accepting
    arena[arena[Q_ALIAS] + q] = UNKNOWN
    distance = 0 if accepting else FAR
    for i in range(k):
        a, s = arena[kn + i], arena[ks + i]
        arena[items + o + i] = a
        arena[stacks + o + i] = s
        rest = arena[arena[DISTANCE] + a] + arena[arena[S_DISTANCE] + s]
        distance = min(distance, rest)
    arena[arena[Q_DISTANCE] + q] = distance
    row = arena[TRANSITIONS] + np.int64(q) * arena[N_CLASSES]
    for c in range(arena[N_CLASSES]):
        arena[row + c] = UNKNOWN
    return q


@njit(cache=True, boundscheck=False)
def _closure(arena: Arena, n: int) -> int:
    """State of the n configurations of the worklist, closed under everything that reads nothing."""
    wn, ws, kn, ks = arena[W_NODE], arena[W_STACK], arena[K_NODE], arena[K_STACK]
    edge_ptr, eps_ptr, call_ptr = arena[EDGE_PTR], arena[EPSILON_PTR], arena[CALL_PTR]
    repeat_ptr, final = arena[REPEAT_PTR], arena[FINAL]
    accepting = 0
    k = 0
    i = 0
    while i < n:
        a, s = arena[wn + i], arena[ws + i]
        i += 1
        if arena[edge_ptr + a + 1] > arena[edge_ptr + a]:
            arena[kn + k] = a
            arena[ks + k] = s
            k += 1
        if arena[final + a]:
            if s == 0:
                accepting = 1
            else:
                ret, parent = arena[arena[S_RETURN] + s], arena[arena[S_PARENT] + s]
                if ret >= 0:
                    n = _add(arena, n, ret, parent)
                else:
                    n = _next_round(arena, n, ret, arena[arena[S_DATA] + s], parent)
                if n < 0:
                    return n
        for e in range(arena[eps_ptr + a], arena[eps_ptr + a + 1]):
            n = _add(arena, n, arena[arena[EPSILONS] + e], s)
            if n < 0:
                return n
        for e in range(arena[call_ptr + a], arena[call_ptr + a + 1]):
            start, ret = arena[arena[CALLS] + 2 * e], arena[arena[CALLS] + 2 * e + 1]
            t = s if arena[arena[BARE] + ret] else _push(arena, ret, 0, s)  # a tail call needs no frame
            if t < 0:
                return t
            n = _add(arena, n, start, t)
            if n < 0:
                return n
        for e in range(arena[repeat_ptr + a], arena[repeat_ptr + a + 1]):
            loop = arena[REPEATS] + 4 * e
            if arena[loop + 2] == 0:
                n = _add(arena, n, arena[loop + 1], s)
                if n < 0:
                    return n
            t = _push(arena, -1 - e, FREE if arena[loop + 2] == 0 and arena[loop + 3] < 0 else 0, s)
            if t < 0:
                return t
            n = _add(arena, n, arena[loop], t)
            if n < 0:
                return n
    return _intern(arena, k, accepting)


@njit(cache=True, boundscheck=False)
def _next_round(arena: Arena, n: int, ret: int, count: int, parent: int) -> int:
    """A round of the counted loop -1 - ret has ended: leave it, begin another, or both."""
    loop = arena[REPEATS] + 4 * (-1 - ret)
    minimum, maximum = arena[loop + 2], arena[loop + 3]
    leave, again = True, True
    if count == LOW:
        leave = False
    elif count != FREE:
        count += 1
        leave = count >= minimum
        again = maximum < 0 or count < maximum
        if maximum < 0 and leave:
            count = FREE
    if leave:
        n = _add(arena, n, arena[loop + 1], parent)
        if n < 0:
            return n
    if again:
        t = _push(arena, ret, count, parent)
        if t < 0:
            return t
        n = _add(arena, n, arena[loop], t)
    return n


@njit(cache=True, boundscheck=False)
def initial(arena: Arena, node: int) -> int:
    """The state before the first byte."""
    arena[STAMP] += 1
    return _closure(arena, _add(arena, 0, node, 0))


@njit(cache=True, boundscheck=False)
def step_class(arena: Arena, q: int, c: int) -> int:
    """State after a byte of class c, computed once and remembered; DEAD, or GROW / GROW_WORK."""
    row = arena[TRANSITIONS] + np.int64(q) * arena[N_CLASSES]
    known = arena[row + c]
    if known != UNKNOWN:
        return known
    arena[STAMP] += 1
    lo, hi = 0, arena[N_CLASSES] - 1  # classes around c that lead to the same configurations
    n = 0
    o = arena[arena[Q_OFFSET] + q]
    edge_ptr, edges = arena[EDGE_PTR], arena[EDGES]
    for i in range(o, o + arena[arena[Q_LENGTH] + q]):
        a, s = arena[arena[I_NODE] + i], arena[arena[I_STACK] + i]
        for e in range(arena[edge_ptr + a], arena[edge_ptr + a + 1]):
            first, last = arena[edges + 3 * e], arena[edges + 3 * e + 1]
            if first > c:
                hi = min(hi, first - 1)
            elif last < c:
                lo = max(lo, last + 1)
            else:
                lo, hi = max(lo, first), min(hi, last)
                n = _add(arena, n, arena[edges + 3 * e + 2], s)
                if n < 0:
                    return n
    target = DEAD
    if n > 0:
        target = _closure(arena, n)
        if target < DEAD:
            return target
    for d in range(lo, hi + 1):
        arena[row + d] = target
    return target


@njit(cache=True, boundscheck=False)
def step(arena: Arena, q: int, byte: int) -> int:
    """State after `byte`, from a live state q."""
    return step_class(arena, q, arena[arena[CLASSES] + byte])


@njit(cache=True, boundscheck=False)
def advance(arena: Arena, q: int, data: NDArray[np.uint8], begin: int, end: int) -> int:
    """State after data[begin:end]."""
    classes, transitions, width = arena[CLASSES], arena[TRANSITIONS], np.int64(arena[N_CLASSES])
    for i in range(begin, end):
        c = arena[classes + data[i]]
        known = arena[transitions + q * width + c]
        if known == UNKNOWN:
            known = step_class(arena, q, c)
        if known < 0:
            return known
        q = known
    return q


@njit(cache=True, boundscheck=False)
def forced(arena: Arena, q: int, out: NDArray[np.uint8]) -> int:
    """Write the bytes that every completion of q begins with; their number (at most out.size), or GROW."""
    n = 0
    while n < out.size and not arena[arena[Q_ACCEPTING] + q]:
        only, following = -1, DEAD
        for c in range(arena[N_CLASSES]):
            r = step_class(arena, q, c)
            if r < DEAD:
                return r
            if r >= 0:
                if only >= 0:
                    return n
                only, following = c, r
        byte = arena[arena[REPRESENTATIVES] + only]
        if byte < 255 and arena[arena[CLASSES] + byte + 1] == only:
            return n  # the class holds several bytes
        out[n] = byte
        n += 1
        q = following
    return n


@njit(cache=True, boundscheck=False)
def _alias_stack(arena: Arena, s: int, relaxed: bool) -> int:
    """The stack with every count that is far from both its bounds replaced by FREE or LOW; `relaxed`: all by FREE."""
    s_alias, s_return, s_data, s_parent = arena[S_ALIAS], arena[S_RETURN], arena[S_DATA], arena[S_PARENT]
    wn = arena[W_NODE]
    n = 0
    while s != 0 and (relaxed or arena[s_alias + s] == UNKNOWN):
        if n >= arena[CAP_WORK]:
            return GROW_WORK
        arena[wn + n] = s
        n += 1
        s = arena[s_parent + s]
    t = 0 if s == 0 else arena[s_alias + s]
    for i in range(n - 1, -1, -1):
        s = arena[wn + i]
        ret, count = arena[s_return + s], arena[s_data + s]
        if ret < 0 and relaxed:
            count = FREE
        elif ret < 0 and count >= 0:
            loop = arena[REPEATS] + 4 * (-1 - ret)
            minimum, maximum = arena[loop + 2], arena[loop + 3]
            if count < minimum:
                if minimum - count > arena[HORIZON]:
                    count = LOW
            elif maximum - count > arena[HORIZON]:
                count = FREE
        t = _push(arena, ret, count, t)
        if t < 0:
            return t
        if not relaxed:
            arena[s_alias + s] = t
    return t


@njit(cache=True, boundscheck=False)
def _with_aliases(arena: Arena, q: int, relaxed: bool) -> int:
    """The state of q's configurations on alias stacks."""
    o, length = arena[arena[Q_OFFSET] + q], arena[arena[Q_LENGTH] + q]
    changed = False
    n = 0
    for i in range(o, o + length):  # kept at once: _alias_stack needs the worklist
        a, s = arena[arena[I_NODE] + i], arena[arena[I_STACK] + i]
        t = _alias_stack(arena, s, relaxed)
        if t < 0:
            return t
        changed = changed or t != s
        j = 0
        while j < n and (arena[arena[K_NODE] + j] != a or arena[arena[K_STACK] + j] != t):
            j = j + 1 if changed else n
        if j >= n:
            arena[arena[K_NODE] + n] = a
            arena[arena[K_STACK] + n] = t
            n += 1
    return _intern(arena, n, arena[arena[Q_ACCEPTING] + q]) if changed else q


@njit(cache=True, boundscheck=False)
def alias(arena: Arena, q: int) -> int:
    """A state with the same token mask as q, as long as no token is longer than HORIZON bytes; or GROW."""
    known = arena[arena[Q_ALIAS] + q]
    if known != UNKNOWN:
        return known
    r = _with_aliases(arena, q, False)
    if r >= 0:
        arena[arena[Q_ALIAS] + q] = r
        arena[arena[Q_ALIAS] + r] = r
    return r


@njit(cache=True, boundscheck=False)
def relax(arena: Arena, q: int) -> int:
    """The state q with the bounds of all counters forgotten: allows all that q allows, perhaps more; or GROW."""
    return _with_aliases(arena, q, True)


@njit(cache=True, boundscheck=False)
def includes(arena: Arena, q: int, p: int) -> int:
    """1 if every configuration of p is one of q, so that q allows all that p allows; else 0."""
    i, end = arena[arena[Q_OFFSET] + q], arena[arena[Q_OFFSET] + q] + arena[arena[Q_LENGTH] + q]
    o = arena[arena[Q_OFFSET] + p]
    for j in range(o, o + arena[arena[Q_LENGTH] + p]):
        a, s = arena[arena[I_NODE] + j], arena[arena[I_STACK] + j]
        while i < end and (arena[arena[I_NODE] + i] != a or arena[arena[I_STACK] + i] != s):
            i += 1
        if i == end:
            return 0
    return 1


@njit(cache=True, boundscheck=False)
def rehash(arena: Arena) -> None:
    """Rebuild both hash tables after the arena has moved to a larger one."""
    for h in range(arena[STACK_SLOTS]):
        arena[arena[STACK_TABLE] + h] = -1
    for h in range(arena[STATE_SLOTS]):
        arena[arena[STATE_TABLE] + h] = -1
    mask = arena[STACK_SLOTS] - 1
    for s in range(1, arena[N_STACKS]):
        x = _mix(_mix(np.uint64(17), arena[arena[S_RETURN] + s]), arena[arena[S_DATA] + s])
        h = np.int64(_mix(x, arena[arena[S_PARENT] + s]) & np.uint64(mask))
        while arena[arena[STACK_TABLE] + h] >= 0:
            h = (h + 1) & mask
        arena[arena[STACK_TABLE] + h] = s
    mask = arena[STATE_SLOTS] - 1
    for q in range(arena[N_STATES]):
        x = _mix(np.uint64(7), arena[arena[Q_ACCEPTING] + q])
        o = arena[arena[Q_OFFSET] + q]
        for i in range(o, o + arena[arena[Q_LENGTH] + q]):
            x = _mix(_mix(x, arena[arena[I_NODE] + i]), arena[arena[I_STACK] + i])
        h = np.int64(x & np.uint64(mask))
        while arena[arena[STATE_TABLE] + h] >= 0:
            h = (h + 1) & mask
        arena[arena[STATE_TABLE] + h] = q
