"""How kernels are compiled: as seldom as possible, since numba compiles all that a function calls along with it.

A `kernel` is compiled once for all integer types of its callers. A `linked` kernel is not compiled into its callers at
all: they call it through its address, which the engine writes into the header of the arena (`arena.py`). Addresses are
those of one process, and no code that numba stores holds one.
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

from .arena import Arena

_ARENA = types.Array(types.int32, 1, "C")
_linked: dict[int, tuple[Any, Any]] = {}  # by place in the header: the kernel and its signature


def _widened(argument: Any) -> Any:
    plain = types.unliteral(argument)
    return types.int64 if isinstance(plain, types.Integer) and plain != types.uint64 else plain


def kernel(function: Callable[..., Any]) -> Any:
    """Decorator: compile with numba, keep the code on disk, and take integers of all kinds as 64-bit ones.

    Without it numba would compile a function anew for every mixture of integer types and constants in its calls.
    """
    dispatcher = njit(cache=True, boundscheck=False)(function)
    compile_for = dispatcher.compile
    dispatcher.compile = lambda signature: compile_for(
        tuple(map(_widened, signature)) if isinstance(signature, tuple) else signature
    )
    return dispatcher


def linked(place: int) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Decorator: a function for use in kernels that runs the kernel whose address is at `place` of the header.

    The kernel takes the arena and integers, and returns an integer.
    """

    def decorate(function: Callable[..., int]) -> Callable[..., int]:
        arguments = function.__code__.co_argcount - 1
        signature = types.int64(_ARENA, *[types.int64] * arguments)
        _linked[place] = kernel(function), signature

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            conventions = context.call_conv
            kind = conventions.get_function_type(signature.return_type, signature.args)
            header = context.make_array(_ARENA)(context, builder, values[0]).data
            cell = builder.gep(header, [ir.Constant(ir.IntType(64), place)])
            pointer = builder.bitcast(cell, ir.IntType(64).as_pointer())
            address = builder.inttoptr(builder.load(pointer, align=4), kind.as_pointer())
            status, result = conventions.call_function(builder, address, signature.return_type, signature.args, values)
            with cgutils.if_unlikely(builder, status.is_error):
                conventions.return_status_propagate(builder, status)
            return result

        def call(typing_context: Any, *arguments: Any) -> Any:
            return signature, generate

        own = inspect.signature(function)
        context = inspect.Parameter("typing_context", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        call.__signature__ = own.replace(parameters=[context, *own.parameters.values()])  # type: ignore[attr-defined]
        return intrinsic(call)

    return decorate


def link(arena: Arena) -> None:
    """Write the addresses into the header of an arena."""
    for place, (dispatcher, signature) in _linked.items():
        arena[place : place + 2] = np.array([_address(dispatcher, signature)]).view(np.int32)


@cache
def _address(dispatcher: Any, signature: Any) -> int:
    dispatcher.compile(signature)
    compiled = dispatcher.overloads[signature.args]
    return int(compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name))
