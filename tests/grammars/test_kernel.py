"""Compilation of kernels: once for all integer types, called by address where linked, loaded by later processes."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest
from bytebound.grammars import arena as layout
from bytebound.grammars import json_schema, regex
from bytebound.grammars.kernel import _linked, kernel, link, linked
from numba import njit, types


@kernel
def _sum(cells, first, second):
    return cells[0] + first + second


@njit
def _callers(cells):
    return _sum(cells, 1, cells[1]) + _sum(cells, cells[0], np.uint8(200)) + _sum(cells, np.int64(1) << 40, True)


def test_all_integer_types_share_one_compilation() -> None:
    cells = np.array([-3, 5], np.int32)
    assert _callers(cells) == (-3 + 1 + 5) + (-3 - 3 + 200) + (-3 + (1 << 40) + 1)
    assert _sum(cells, np.int32(2), np.uint16(3)) == _sum(cells, 2, 3) == 2
    kinds = {signature[1:] for signature in _sum.signatures}
    assert kinds == {(types.int64, types.int64), (types.int64, types.boolean)}


def test_the_engine_s_kernels_are_compiled_once() -> None:
    schema = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
    assert json_schema(schema, cache=False).matches(b'["\\u0061", "b"]')
    for dispatcher, signature in _linked.values():
        assert dispatcher.signatures == [signature.args]


def test_addresses_are_in_every_arena_also_after_it_grew() -> None:
    engine = regex("(a|b)*a(a|b){12}").automaton
    places = sorted(_linked)
    before = [engine.arena[place : place + 2].copy() for place in places]
    assert len({tuple(cells) for cells in before}) == len(places) and all(cells.any() for cells in before)
    small = engine.arena.size
    for i in range(1 << 13):
        engine.advance(engine.start, f"{i:013b}".replace("0", "a").replace("1", "b").encode())
    assert engine.arena.size > small
    assert all((engine.arena[place : place + 2] == cells).all() for place, cells in zip(places, before, strict=True))


def test_threads_link_and_step_at_once() -> None:
    found: list[bool] = []

    def work() -> None:
        arena = np.zeros(layout.HEADER, np.int32)
        link(arena)
        found.append(arena.any() and regex("[a-z]+@[a-z]+").matches("some@body"))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 8


def test_a_second_process_compiles_nothing() -> None:
    code = """
from bytebound.grammars import engine_kernels, regex
from bytebound.grammars.kernel import _linked
assert regex('[a-z]+@[a-z]+').matches('some@body')
kernels = [dispatcher for dispatcher, _ in _linked.values()] + [engine_kernels.advance, engine_kernels.initial]
assert all(k.stats.cache_hits and not k.stats.cache_misses for k in kernels), [k.stats for k in kernels]
"""
    assert regex("[a-z]+@[a-z]+").matches("some@body")  # whatever is needed is compiled here
    subprocess.run([sys.executable, "-c", code], check=True, timeout=100)


@pytest.mark.parametrize("place", [layout.PUSH, layout.PUSH + 1, layout.HEADER, 0])
def test_a_place_that_is_taken_or_none_is_an_error(place: int) -> None:
    with pytest.raises(ValueError, match="cannot have its address"):
        linked(place)(lambda arena: 0)
