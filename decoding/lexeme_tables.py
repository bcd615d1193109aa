"""Tables over bytes of what may stand within a lexeme, for `lexeme_kernels.walk_lexeme`."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from ..grammars.scoped import DIGITS, LETTERS
from ..grammars.utf8 import follow
from . import lexeme_kernels as lk

_IN_WORDS = LETTERS | DIGITS


def run_table(longest: int, first: int, others: int) -> NDArray[np.int32]:
    """A run of bytes of the set `others`, the first one of the set `first`; state n has n bytes behind it."""
    table = np.full((longest + 1, 256), lk.LEAVE, np.int32)
    table[:, _listed(_IN_WORDS)] = table[:, 128:] = lk.STOP
    for n in range(longest):
        table[n, _listed(others if n else first)] = n + 1
    table[0, table[0] == lk.LEAVE] = lk.STOP
    return table.reshape(-1)


def _listed(values: int) -> list[int]:
    return [byte for byte in range(256) if values >> byte & 1]


@cache
def content_table(quote: int, refused: bytes) -> tuple[dict[str, int], NDArray[np.int32]]:
    """States are what is pending of a character, numbered."""
    states = {"": 0}
    rows: list[NDArray[np.int32]] = []
    for before in (order := [""]):
        row = np.full(256, lk.STOP, np.int32)
        for byte in range(256):
            after = follow(before, byte)
            if after is not None and byte not in refused:
                if after not in states:
                    states[after] = len(states)
                    order.append(after)
                row[byte] = states[after]
        if not before:
            row[quote] = lk.LEAVE
        rows.append(row)
    return states, np.concatenate(rows)
