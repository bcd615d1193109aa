"""Masks of grammars whose parts have maskers of their own (`grammars/mixed.py`), exact.

A mask is that of the parts which the text may be in, and of the tokens that begin in one and go on behind it: those are
found by walking the part to the nodes of the trie at which it may end, and from there the parts that follow. Only nodes
before a byte with which something can follow are looked at.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from ..grammars.automaton import DEAD
from ..grammars.engine import Engine
from ..grammars.mixed import Mixed
from ..grammars.mixed_automaton import MixedAutomaton
from .closing import greedy_tokens
from .lexeme_kernels import set_tokens
from .masker import Masker, Row
from .mixed_closing import MixedCompletions
from .product_masker import ProductMasker
from .trie_levels import Nodes
from .vocabulary import Vocabulary


class MixedMasker(ProductMasker):
    """A `Masker` of a `Mixed` grammar: `Masker(grammar, vocabulary)` makes one. States are its own automaton's."""

    def __init__(self, grammar: Mixed, vocabulary: Vocabulary, *, memory: int = 1 << 28) -> None:
        share = memory // (len(grammar.parts) + 1)
        self.maskers = [Masker(part, vocabulary, memory=share) for part in grammar.parts]
        """Of the parts."""
        self.mixed = MixedAutomaton(grammar.edges, [masker.automaton for masker in self.maskers])
        self._set_up(grammar, self.mixed, vocabulary, share)
        self.completions = completions = MixedCompletions(self.mixed, self.maskers)
        self._tails = completions.tails
        self._levels = self.tables.levels
        self._borders: dict[int, tuple[NDArray[np.bool_], NDArray[np.bool_]]] = {}

    def bare_mask(self, state: int) -> Row:
        """See `Masker.bare_mask`."""
        row = np.zeros(self.words, np.uint32)
        with self._lock:
            for edge, q in self.mixed.ways(state):
                row |= self.masker_of(edge).bare_mask(q)
                following = self.mixed.entered(self.mixed.edges[edge][2])
                if following == DEAD or not self.mixed.ways(following):
                    continue
                ends = self._ends(self.masker_of(edge), q, following)
                if len(ends):
                    for _, nodes in self._levels.walk(self.mixed, following, ends):
                        set_tokens(row, self._levels.tokens(nodes))
        return row

    def masker_of(self, edge: int) -> Masker:
        """The masker of an edge's part."""
        return self.maskers[self.mixed.edges[edge][1]]

    def _ends(self, masker: Masker, q: int, following: int) -> Nodes:
        """The nodes at which a part that is in state q may end, and have the `following` state begin."""
        automaton = masker.automaton
        least = (lambda state: automaton.distance(state) + 1) if isinstance(automaton, Engine) else None
        found, keep = self._border(following)
        root = np.array([self._levels.root])
        ends = [
            nodes[found[nodes]]
            for state, nodes in self._levels.walk(automaton, q, root, keep, least)
            if automaton.is_accepting(state)
        ]
        return np.concatenate(ends) if ends else np.empty(0, np.int64)

    def _border(self, state: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """The nodes before which a state may begin, and those on the way to them."""
        known = self._borders.get(state)
        if known is None:
            values = [byte for byte in range(256) if self.mixed.step(state, byte) != DEAD]
            known = self._borders[state] = self._levels.before(values)
        return known

    def _leap(self, state: int) -> int:
        return self._rest + max(
            (self._growth(self.masker_of(edge), q) for edge, q in self.mixed.ways(state)), default=0
        )

    @functools.cached_property
    def _rest(self) -> int:
        """Tokens that what follows a part may add."""
        tails = [len(greedy_tokens(self.tables.trie, text)) for text in self._tails.values()]
        return max(tails) + max(self._growth(masker, masker.start) for masker in self.maskers)

    @staticmethod
    def _growth(masker: Masker, q: int) -> int:
        return masker._leap(q) if isinstance(masker, ProductMasker) else masker.reach_of(q)
