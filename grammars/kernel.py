"""How kernels are compiled: as seldom as possible, since numba compiles all that a function calls along with it.

A `kernel` is compiled once for all integer types of its callers. A `linked` kernel is not compiled into its callers at
all: they call it through its address, which the engine writes into the header of the arena (`arena.py`), so it may also
call itself. Addresses are those of one process; no code that numba stores holds one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from .arena import HEADER, LINKS, Arena

_ARENA = types.Array(types.int32, 1, "C")
_linked: dict[int, tuple[Any, Any]] = {}  # by place in the header: the kernel and its signature


def kernel(function: Callable[..., Any]) -> Any:
    """Decorator: compile with numba, keep the code on disk, and take integers of all types as 64-bit ones.

    Numba alone would compile a function anew for every mixture of integer types and constants in its calls.
    """
    dispatcher = njit(cache=True, boundscheck=False, no_cfunc_wrapper=True)(function)
    compile_for = dispatcher.compile

    def compile_widened(signature: Any) -> Any:
        return compile_for(tuple(map(_widened, signature)) if isinstance(signature, tuple) else signature)

    dispatcher.compile = compile_widened
    return dispatcher


def _widened(argument: Any) -> Any:
    plain = types.unliteral(argument)
    return types.int64 if isinstance(plain, types.Integer) and plain != types.uint64 else plain


def linked(place: int) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Decorator: what kernels call in place of `function`, a kernel that takes the arena and integers and returns an
    integer, and whose address is in two cells of the header from `place` on. Python cannot call it."""

    def decorate(function: Callable[..., int]) -> Callable[..., int]:
        if place in _linked or place % 2 or not LINKS <= place < HEADER:
            raise ValueError(f"{function.__name__} cannot have its address at cell {place} of the arena")
        parameters = list(inspect.signature(function).parameters.values())
        signature = types.int64(_ARENA, *[types.int64] * (len(parameters) - 1))
        _linked[place] = kernel(function), signature

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            convention = context.call_conv
            arena = context.make_array(_ARENA)(context, builder, values[0])
            cell = builder.gep(arena.data, [ir.Constant(ir.IntType(64), place)])
            address = builder.load(builder.bitcast(cell, ir.IntType(64).as_pointer()), align=4)
            kind = convention.get_function_type(signature.return_type, signature.args)
            callee = builder.inttoptr(address, kind.as_pointer())
            status, result = convention.call_function(builder, callee, signature.return_type, signature.args, values)
            with cgutils.if_unlikely(builder, status.is_error):
                convention.return_status_propagate(builder, status)
            return result

        def call(typing_context: Any, *arguments: Any) -> Any:
            return signature, generate

        call.__name__ = call.__qualname__ = function.__name__
        context = inspect.Parameter("typing_context", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        call.__signature__ = inspect.Signature([context, *parameters])  # type: ignore[attr-defined]
        stand_in: Callable[..., int] = intrinsic(call)
        return stand_in

    return decorate


def link(arena: Arena) -> None:
    """Write the addresses of all linked kernels into the header of an arena."""
    arena[LINKS:HEADER] = _cells(len(_linked))


@cache
def _cells(kernels: int) -> Arena:
    """What the header holds from LINKS on; compiles the kernels, or loads what was compiled."""
    cells = np.zeros(HEADER - LINKS, np.int32)
    for place, (dispatcher, signature) in _linked.items():
        dispatcher.compile(signature)
        compiled = dispatcher.overloads[signature.args]
        address = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
        cells[place - LINKS : place - LINKS + 2] = np.array([address]).view(np.int32)
    return cells
