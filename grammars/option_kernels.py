"""Numba kernels that begin the items of a scope: which of them may come, and with what on the stack."""

from __future__ import annotations

from .arena import (
    ANOTHER,
    COUNTED,
    DUMMY,
    FURTHER,
    OPTION_PTR,
    OPTIONS,
    RECORD,
    RECORDED,
    S_DATA,
    S_PARENT,
    S_RETURN,
    Arena,
)
from .cell_kernels import add, insert, push
from .kernel import kernel
from .record_kernels import is_exhausted
from .scope_kernels import (
    LEAST,
    MOST,
    has_room,
    holds,
    is_required,
    may_go_on,
    may_go_on_by_name,
    scope_of,
    size,
)


@kernel
def begin_option(arena: Arena, n: int, option: int, s: int) -> int:
    """Begin an item of the scope whose frame is on top of s, if it may come; new length of the worklist or a code."""
    code, start, behind = arena[option], arena[option + 1], arena[option + 2]
    ret, cells, parent = arena[arena[S_RETURN] + s], arena[arena[S_DATA] + s], arena[arena[S_PARENT] + s]
    scope = scope_of(arena, ret)
    if code == FURTHER:
        possible = _is_possible(arena, n, scope, cells, behind)
        return add(arena, n, start, s) if possible > 0 else n if possible == 0 else possible
    if code != ANOTHER:
        required = False
        if code >= 0:
            if holds(arena, cells, code):
                return n
            required = is_required(arena, scope, code)
        if not has_room(arena, scope, cells, required):
            return n
        if code != COUNTED or arena[scope + MOST] >= 0 or size(arena, cells) < arena[scope + LEAST]:
            cells = insert(arena, n, cells, code if code >= 0 else DUMMY)
            if cells < 0:
                return cells
        s = push(arena, ret, cells, parent)
        if s < 0:
            return s
    t = push(arena, behind, 0, s)
    if code == RECORDED and t >= 0:
        t = push(arena, RECORD, 0, t)
    return t if t < 0 else add(arena, n, start, t)


@kernel
def _is_possible(arena: Arena, n: int, scope: int, cells: int, before: int) -> int:
    """1 if one of the items that may begin at the node `before` is possible, 0 if none is; or GROW_WORK."""
    if not may_go_on(arena, scope, cells):
        return 0
    exhausted = 0
    for e in range(arena[arena[OPTION_PTR] + before], arena[arena[OPTION_PTR] + before + 1]):
        option = arena[OPTIONS] + 4 * e
        if arena[option] == RECORDED:
            exhausted = is_exhausted(arena, n, arena[option + 1], cells)
            if exhausted <= 0:
                return exhausted if exhausted < 0 else 1
        elif arena[option] == ANOTHER or arena[option] == COUNTED:
            return 1
    return may_go_on_by_name(arena, scope, cells) if exhausted else 1
