"""Kernels of automata against plain definitions of what they compute, on random automata."""

from __future__ import annotations

import random

import numpy as np
from bytebound.grammars.regular.minimize_kernels import minimized
from bytebound.grammars.regular.product_kernels import product

Rows = list[list[int]]


def random_rows(random_: random.Random, states: int, cells: int) -> Rows:
    share, forward = random_.random(), random_.random() < 0.3

    def target(s: int) -> int:
        first = s + 1 if forward else 0
        return random_.randrange(first, states) if first < states and random_.random() < share else -1

    return [[target(s) for _ in range(cells)] for s in range(states)]


def languages(rows: Rows, accepting: list[bool]) -> list[int]:
    """A number for each state, equal where the languages are (Moore's refinement); 0 for the empty one."""
    block = [int(a) for a in accepting]
    for _ in rows:
        keys = [(block[s], *(block[t] if t >= 0 else 0 for t in row)) for s, row in enumerate(rows)]
        numbers = {(0,) * (len(rows[0]) + 1): 0}
        block = [numbers.setdefault(key, len(numbers)) for key in keys]
    return block


def test_minimized() -> None:
    random_ = random.Random(7)
    for _ in range(3000):
        states, cells = random_.randint(1, 12), random_.randint(1, 4)
        rows, likely = random_rows(random_, states, cells), random_.random()
        accepting = [random_.random() < likely for _ in rows]
        table, accepts = minimized(np.array(rows, np.int32), np.array(accepting))
        shifted = [[t + states if t >= 0 else -1 for t in row] for row in table.tolist()]
        number = languages([*rows, *shifted], [*accepting, *accepts.tolist()])
        assert number[0] == number[states]
        assert len(set(number[states:])) == len(table) and (0 not in number[states:] or len(table) == 1)


def test_products() -> None:
    random_ = random.Random(11)
    for _ in range(1000):
        parts, cells = random_.randint(1, 4), random_.randint(1, 3)
        needed = random_.randint(0, parts)
        tables = [random_rows(random_, random_.randint(1, 8), cells) for _ in range(parts)]
        flat = np.array([t for rows in tables for row in rows for t in row], np.int32)
        offsets = np.cumsum([0, *(len(rows) * cells for rows in tables[:-1])])
        rows, order = product(flat, offsets, cells, needed, 1 << 20)
        found = list(map(tuple, order.tolist()))
        assert found[0] == (0,) * parts and len(set(found)) == len(found)
        reached = {0}
        for state, row in zip(found, rows.tolist(), strict=True):
            for cell, target in enumerate(row):
                after = tuple(rows_[s][cell] if s >= 0 else -1 for rows_, s in zip(tables, state, strict=True))
                stops = -1 in after[:needed] or set(after) == {-1}
                assert target == -1 if stops else found[target] == after
                reached.add(max(target, 0))
        assert len(reached) == len(found)
        if len(found) > 1:
            assert not len(product(flat, offsets, cells, needed, len(found) - 1)[0])
            assert len(product(flat, offsets, cells, needed, len(found))[0]) == len(found)
