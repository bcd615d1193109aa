"""Masks in two parts: of the tokens that begin with a space, and of all others.

A third of the words in most vocabularies begin with a space. Where an expression may begin, in a program or a formula,
a word may come at once or after a space, so neither part of the vocabulary dies out: a state that is near the loop of
a word (see `masker.py`) still walks all words behind the space. Here these are a vocabulary of their own, without
their space, and the state after the space is near a loop again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from . import loop_kernels as loops
from . import mask_kernels as mk
from .tables import Tables
from .trie import Trie

if TYPE_CHECKING:
    from .masker import Masker

SPACE = 0x20
Row = NDArray[np.uint32]


def halves(trie: Trie) -> tuple[Trie, Trie] | None:
    """The trie without what is below the space, and what is below it; None where that is nothing."""
    roots = np.flatnonzero((trie.depth == 0) & (trie.byte == SPACE))
    if not len(roots) or trie.size[roots[0]] == 1:
        return None
    v = int(roots[0])
    end = v + int(trie.size[v])
    first, last = int(trie.token_start[v + 1]), int(trie.token_start[end])
    size, height = trie.size.copy(), trie.height.copy()
    size[v], height[v] = 1, 0
    keep, below = np.r_[0 : v + 1, end : len(trie)], slice(v + 1, end)
    starts = np.r_[trie.token_start[: v + 1], trie.token_start[end:] - (last - first)].astype(np.int32)
    order = np.r_[trie.order[:first], trie.order[last:]].astype(np.int32)
    others = Trie(trie.byte[keep], size[keep], trie.depth[keep], height[keep], starts, order)
    depth, starts = trie.depth[below] - np.int32(1), trie.token_start[v + 1 : end + 1] - np.int32(first)
    spaced = Trie(trie.byte[below], trie.size[below], depth, trie.height[below], starts, trie.order[first:last])
    return others, spaced


def spaced_mask(masker: Masker, q: int, target: int) -> tuple[Row, int] | None:
    """The mask of a state near the loop of `target`, and its reach (see `Masker.fill_in`); None where it is no use to
    look at spaces by themselves."""
    automaton = masker.automaton
    after = automaton.step(q, SPACE)
    if after < 0 or after == automaton.step(target, SPACE):
        return None
    if automaton.run(loops.classify, after, masker.scratch) == loops.WALK or masker.tables.halves is None:
        return None
    row, reach = _mask(masker, masker.tables.halves, 0, q)
    row = row.copy()
    further, other_reach = _mask(masker, masker.tables.halves, 1, after)
    row |= further
    return row, max(reach, other_reach)


def _mask(masker: Masker, parts: tuple[Tables, Tables], part: int, q: int) -> tuple[Row, int]:
    """The mask of a state over a part of the vocabulary, as `Masker._build` makes it."""
    tables = parts[part]
    automaton, stack, out = masker.automaton, masker.stack, masker.scratch
    kind = automaton.run(loops.classify, q, out)
    if kind == loops.LOOP:
        return _loop_mask(masker, tables, q, out[1:10])
    if kind == loops.NEAR:
        target = int(out[0])
        if automaton.run(loops.classify, target, out) == loops.LOOP:
            known = masker.of_parts.get((part, target))
            if known is None:
                made, reach = _loop_mask(masker, tables, target, out[1:10])
                known = masker.of_parts[part, target] = masker.intern(made), reach
            base, base_reach = known
            row, reach = masker.fill_in(
                base, lambda arena, row: mk.differential_walk(arena, tables.siblings, stack, row, q, target)
            )
            return row, max(reach, base_reach)
    return masker.fill_in(masker.nothing, lambda arena, row: mk.walk(arena, tables.siblings, stack, row, q))


def _loop_mask(masker: Masker, tables: Tables, q: int, loop: NDArray[np.int32]) -> tuple[Row, int]:
    piece = tables.slice(loop, eager=True)
    if piece is None:
        return masker.fill_in(masker.nothing, lambda arena, row: mk.walk(arena, tables.siblings, masker.stack, row, q))
    tails, leads = piece.tails, piece.leads
    row, reach = masker.fill_in(
        piece.inside, lambda arena, row: mk.walk_loop(arena, tables.siblings, tails, leads, masker.stack, row, q)
    )
    return row, max(reach, masker.automaton.distance(q))
