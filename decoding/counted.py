"""Masks of counted loops near their bounds, from those of the same loops without bounds.

A `maxLength` or `minLength` within the length of a token: both states differ in nothing but that count, and are one as
soon as the loop is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..grammars import alias_kernels as aliases
from ..grammars.arena import DEAD, Arena
from . import loop_kernels as loops
from . import mask_kernels as mk

if TYPE_CHECKING:
    from .masker import Masker


def counted_mask(masker: Masker, q: int) -> tuple[mk.Row, int] | None:
    """The mask of q without EOS and a bound on the shortest completion after it; None where q is in no counted loop, or
    its rounds cannot be counted."""
    loose, begun = _loop_without_bounds(masker, q)
    return None if loose == DEAD else _counted(masker, q, loose, begun, masker.scratch[1:10].copy())


def _loop_without_bounds(masker: Masker, q: int) -> tuple[int, bool]:
    """The self-loop that q would be in if its innermost counter had no bounds, or DEAD, and whether q is past its
    first round; leaves the signature of the loop in `masker.scratch`."""
    run, out = masker.automaton.run, masker.scratch
    loose = run(aliases.relax, q)
    if loose == q:
        return DEAD, False
    if run(loops.classify, loose, out) == loops.LOOP:
        return loose, True
    first = int(out[0])  # before the first round, the loop's exit is not open yet
    if first >= 0 and run(loops.classify, first, out) == loops.LOOP and run(aliases.includes, first, loose):
        return first, False
    return DEAD, False


def _counted(
    masker: Masker, q: int, loose: int, begun: bool, signature: NDArray[np.int32]
) -> tuple[mk.Row, int] | None:
    """The mask of a counted loop near a bound, from that of the same loop without bounds; None where the rounds
    cannot be counted.

    Both states differ in nothing but that count, and are one as soon as the loop is left: so what is too long goes,
    and tokens are tested whose tail comes before the loop may end or when it has to."""
    piece = masker.tables.slice(signature)
    if piece is None:
        return None
    rounds = masker.automaton.run(loops.room, q, signature[:8], bool(signature[8]))
    if rounds == DEAD:
        return None
    owed = max(int(not begun), masker.automaton.run(loops.owed, q, signature[:8]))
    base = masker.raw_mask(loose).copy()
    if rounds < len(piece.longer_than):
        mk.clear_tokens(base, piece.inside_tokens, 0, int(piece.longer_than[rounds]))
    early = np.searchsorted(piece.early_rounds, owed)
    late = np.searchsorted(piece.late_rounds, -rounds)
    tokens = np.concatenate([piece.early_tokens[:early], piece.late_tokens[:late]])
    vocabulary, tables, stack = masker.vocabulary, masker.tables, masker.stack
    apart = owed > 0 or rounds < tables.depths

    def correct(arena: Arena, row: mk.Row) -> int:
        result: int = 0
        if apart:
            result = mk.walk_apart(arena, tables.siblings, tables.trie, piece.leads, stack, row, q)
            if result < 0:
                return result
        result = mk.retest(arena, vocabulary.data, vocabulary.offsets, tokens, row, q)
        return result

    row, _ = masker.fill_in(base, correct)
    further = masker.automaton.distance(q) - masker.automaton.distance(loose)
    return row, masker.reach[loose] + max(0, further)
