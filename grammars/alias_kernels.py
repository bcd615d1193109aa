"""Numba kernels for counters that a mask cannot see the bounds of.

Counters far from both bounds have *aliases*: FREE (enough rounds, the maximum out of sight) and LOW (the minimum out
of sight). An alias state behaves as the true one for the next HORIZON bytes, which is all that a token mask can see;
so a `maxLength` of 65,536 has the masks of a plain loop except near its ends.
"""

from __future__ import annotations

from .arena import (
    CAP_WORK,
    FREE,
    GROW_WORK,
    HORIZON,
    I_NODE,
    I_STACK,
    K_NODE,
    K_STACK,
    LOW,
    Q_ACCEPTING,
    Q_ALIAS,
    Q_LENGTH,
    Q_OFFSET,
    REPEATS,
    S_ALIAS,
    S_DATA,
    S_PARENT,
    S_RETURN,
    SPECIAL,
    UNKNOWN,
    W_NODE,
    Arena,
)
from .cell_kernels import push
from .configuration_kernels import intern
from .kernel import kernel


@kernel
def _alias_stack(arena: Arena, s: int, relaxed: bool) -> int:
    """The stack with every count that is far from both its bounds replaced by FREE or LOW; `relaxed`: only that on top,
    and by FREE wherever it is."""
    s_alias, s_return, s_data, s_parent = arena[S_ALIAS], arena[S_RETURN], arena[S_DATA], arena[S_PARENT]
    if relaxed:
        if s == 0 or arena[s_return + s] >= 0 or arena[s_return + s] <= SPECIAL:
            return s
        return push(arena, arena[s_return + s], FREE, arena[s_parent + s])
    wn = arena[W_NODE]
    n = 0
    while s != 0 and arena[s_alias + s] == UNKNOWN:
        if n >= arena[CAP_WORK]:
            return GROW_WORK
        arena[wn + n] = s
        n += 1
        s = arena[s_parent + s]
    t = 0 if s == 0 else arena[s_alias + s]
    for i in range(n - 1, -1, -1):
        s = arena[wn + i]
        ret, count = arena[s_return + s], arena[s_data + s]
        if ret >= 0 or ret <= SPECIAL:
            pass
        elif count >= 0:
            loop = arena[REPEATS] + 4 * (-1 - ret)
            minimum, maximum = arena[loop + 2], arena[loop + 3]
            if count < minimum:
                if minimum - count > arena[HORIZON]:
                    count = LOW
            elif maximum - count > arena[HORIZON]:
                count = FREE
        t = push(arena, ret, count, t)
        if t < 0:
            return t
        arena[s_alias + s] = t
    return t


@kernel
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
    return intern(arena, n, arena[arena[Q_ACCEPTING] + q]) if changed else q


@kernel
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


@kernel
def relax(arena: Arena, q: int) -> int:
    """The state q with the bounds of its innermost counters forgotten: allows all that q allows, perhaps more; or
    GROW."""
    return _with_aliases(arena, q, True)


@kernel
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
