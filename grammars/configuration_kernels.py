"""Numba kernels on configurations: states as hash-consed sets of them, and closure under all that reads nothing.

A configuration is a pair (node, stack); a state of the automaton is a hash-consed set of configurations, so it is an
integer and equality is identity.
"""

from __future__ import annotations

import numpy as np

from .arena import (
    BARE,
    CALL_PTR,
    CALLS,
    CAP_ITEMS,
    CAP_STATES,
    CELL,
    CLOSURE,
    DEAD,
    DISTANCE,
    EDGE_PTR,
    EPSILON_PTR,
    EPSILONS,
    ESCAPE,
    FAR,
    FINAL,
    FREE,
    GROW,
    I_NODE,
    I_STACK,
    INTERN,
    K_NODE,
    K_STACK,
    LOW,
    N_CLASSES,
    N_ITEMS,
    N_STATES,
    OPTION_PTR,
    OPTIONS,
    Q_ACCEPTING,
    Q_ALIAS,
    Q_DISTANCE,
    Q_LENGTH,
    Q_OFFSET,
    RECORD,
    REPEAT_PTR,
    REPEATS,
    S_DATA,
    S_DISTANCE,
    S_PARENT,
    S_RETURN,
    SCOPE,
    SCOPED,
    SCOPED_PTR,
    STATE_SLOTS,
    STATE_TABLE,
    TRANSITIONS,
    UNKNOWN,
    W_NODE,
    W_STACK,
    Arena,
)
from .cell_kernels import add, mix, push
from .escape_kernels import escape_distance
from .kernel import kernel, linked
from .option_kernels import begin_option
from .record_distance_kernels import record_distance
from .record_kernels import finish_record, is_spent
from .scope_kernels import BEHIND, may_end, scope_of


@kernel
def set_slot(arena: Arena, nodes: int, stacks: int, k: int, accepting: int) -> int:
    """Where the search for a state begins in its hash table: k configurations, their nodes and stacks at the given
    places of the arena."""
    h = mix(np.uint64(7), accepting)
    for i in range(k):
        h = mix(mix(h, arena[nodes + i]), arena[stacks + i])
    return np.int64(h & np.uint64(arena[STATE_SLOTS] - 1))


@kernel
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


@linked(INTERN)
def intern(arena: Arena, k: int, accepting: int) -> int:
    """The state that is the set of the k kept configurations; a new one if need be. DEAD, or GROW."""
    if k == 0 and accepting == 0:
        return DEAD
    _sort_kept(arena, k)
    kn, ks = arena[K_NODE], arena[K_STACK]
    slots = arena[STATE_SLOTS]
    table = arena[STATE_TABLE]
    items, stacks = arena[I_NODE], arena[I_STACK]
    h = set_slot(arena, kn, ks, k, accepting)
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
        ret = 0 if s == 0 else arena[arena[S_RETURN] + s]
        if ret == ESCAPE:
            distance = min(distance, escape_distance(arena, a, s))
        elif ret == RECORD:
            distance = min(distance, record_distance(arena, a, s))
        else:
            distance = min(distance, arena[arena[DISTANCE] + a] + arena[arena[S_DISTANCE] + s])
    arena[arena[Q_DISTANCE] + q] = distance
    row = arena[TRANSITIONS] + np.int64(q) * arena[N_CLASSES]
    for c in range(arena[N_CLASSES]):
        arena[row + c] = UNKNOWN
    return q


@linked(CLOSURE)
def closure(arena: Arena, n: int) -> int:
    """State of the n configurations of the worklist, closed under everything that reads nothing."""
    wn, ws, kn, ks = arena[W_NODE], arena[W_STACK], arena[K_NODE], arena[K_STACK]
    edge_ptr, eps_ptr, call_ptr = arena[EDGE_PTR], arena[EPSILON_PTR], arena[CALL_PTR]
    repeat_ptr, final = arena[REPEAT_PTR], arena[FINAL]
    scoped_ptr, option_ptr = arena[SCOPED_PTR], arena[OPTION_PTR]
    accepting = 0
    k = 0
    i = 0
    while i < n:
        a, s = arena[wn + i], arena[ws + i]
        i += 1
        top = 0 if s == 0 else arena[arena[S_RETURN] + s]
        escaped = top == ESCAPE
        spent = 0
        if top == RECORD and arena[edge_ptr + a + 1] > arena[edge_ptr + a]:
            spent = is_spent(arena, n, a, s)
            if spent < 0:
                return spent
        if spent:
            pass
        elif escaped or arena[edge_ptr + a + 1] > arena[edge_ptr + a]:
            arena[kn + k] = a
            arena[ks + k] = s
            k += 1
        if escaped:
            continue
        if arena[final + a]:
            if s == 0:
                accepting = 1
            else:
                ret, parent = arena[arena[S_RETURN] + s], arena[arena[S_PARENT] + s]
                if ret >= 0:
                    n = add(arena, n, ret, parent)
                elif ret == RECORD:
                    frame = finish_record(arena, n, s)
                    if frame >= 0:
                        n = add(arena, n, arena[arena[S_RETURN] + parent], frame)
                    elif frame != DEAD:
                        return frame
                elif CELL < ret <= SCOPE:
                    scope = scope_of(arena, ret)
                    if may_end(arena, scope, arena[arena[S_DATA] + s]):
                        n = add(arena, n, arena[scope + BEHIND], parent)
                else:
                    n = _next_round(arena, n, ret, arena[arena[S_DATA] + s], parent)
                if n < 0:
                    return n
        for e in range(arena[eps_ptr + a], arena[eps_ptr + a + 1]):
            n = add(arena, n, arena[arena[EPSILONS] + e], s)
            if n < 0:
                return n
        for e in range(arena[call_ptr + a], arena[call_ptr + a + 1]):
            start, ret = arena[arena[CALLS] + 2 * e], arena[arena[CALLS] + 2 * e + 1]
            t = s if arena[arena[BARE] + ret] else push(arena, ret, 0, s)  # a tail call needs no frame
            if t < 0:
                return t
            n = add(arena, n, start, t)
            if n < 0:
                return n
        for e in range(arena[repeat_ptr + a], arena[repeat_ptr + a + 1]):
            loop = arena[REPEATS] + 4 * e
            if arena[loop + 2] == 0:
                n = add(arena, n, arena[loop + 1], s)
                if n < 0:
                    return n
            t = push(arena, -1 - e, FREE if arena[loop + 2] == 0 and arena[loop + 3] < 0 else 0, s)
            if t < 0:
                return t
            n = add(arena, n, arena[loop], t)
            if n < 0:
                return n
        for e in range(arena[scoped_ptr + a], arena[scoped_ptr + a + 1]):
            t = push(arena, SCOPE - arena[arena[SCOPED] + 2 * e + 1], 0, s)
            if t < 0:
                return t
            n = add(arena, n, arena[arena[SCOPED] + 2 * e], t)
            if n < 0:
                return n
        for e in range(arena[option_ptr + a], arena[option_ptr + a + 1]):
            n = begin_option(arena, n, arena[OPTIONS] + 4 * e, s)
            if n < 0:
                return n
    return intern(arena, k, accepting)


@kernel
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
        n = add(arena, n, arena[loop + 1], parent)
        if n < 0:
            return n
    if again:
        t = push(arena, ret, count, parent)
        if t < 0:
            return t
        n = add(arena, n, arena[loop], t)
    return n
