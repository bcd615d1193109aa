"""Masks of grammars whose parts have maskers of their own (`grammars/mixed.py`), exact.

A mask is that of the parts which the text may be in, and of the tokens that begin in one and go on behind it: those are
found by walking the part to the nodes of the trie at which it may end, and from there the parts that follow. Only nodes
before a byte with which something can follow are looked at.

Within a budget each part gets what the shortest way from its end to that of the text leaves, so it closes as it would
alone.
"""

from __future__ import annotations

import contextlib
import functools

import numpy as np
from numpy.typing import NDArray

from ..grammars.automaton import DEAD
from ..grammars.engine import Engine
from ..grammars.errors import Unsupported
from ..grammars.mixed import Mixed
from ..grammars.mixed_automaton import MixedAutomaton, Way
from .closing import shortest_tokens, tokens_to_close
from .errors import CannotClose, DeadEnd
from .lexeme_closing import SEARCH
from .lexeme_kernels import set_tokens
from .masker import FINISHED, Masker, Row
from .product_masker import ProductMasker
from .trie_levels import Nodes
from .vocabulary import Vocabulary

_MOST = 1 << 16
_MOST_PLACES = 20_000
Crossing = tuple[int, NDArray[np.int32]]
"""A state, and the tokens that lead to it from within an earlier part."""


class MixedMasker(ProductMasker):
    """A `Masker` of a `Mixed` grammar: `Masker(grammar, vocabulary)` makes one. States are its own automaton's.

    Raises Unsupported where SQL is followed, in a large vocabulary, by what begins with letters or with anything.
    """

    def __init__(self, grammar: Mixed, vocabulary: Vocabulary, *, memory: int = 1 << 28) -> None:
        share = memory // (len(grammar.parts) + 1)
        self.maskers = [Masker(part, vocabulary, memory=share) for part in grammar.parts]
        """Of the parts."""
        self.mixed = MixedAutomaton(grammar.edges, [masker.automaton for masker in self.maskers])
        self._parts = grammar.parts
        self._set_up(grammar, self.mixed, vocabulary, share)
        self._levels = self.tables.levels
        self._borders: dict[int, tuple[NDArray[np.bool_], NDArray[np.bool_]]] = {}
        self._crossings: dict[Way, list[Crossing]] = {}
        for edge, (_, part, target) in enumerate(self.mixed.edges):
            if part >= 0 and isinstance(self.maskers[part], ProductMasker):
                self._check_border(edge, self.mixed.entered(target))

    def bare_mask(self, state: int) -> Row:
        """See `Masker.bare_mask`; made anew."""
        row = np.zeros(self.words, np.uint32)
        with self._lock:
            for way in self.mixed.ways(state):
                row |= self._masker_of(way).bare_mask(way[1])
                for _, tokens in self._crossing(way):
                    set_tokens(row, tokens)
        return row

    def _row_of(self, state: int, accepting: bool) -> Row:
        row = self.bare_mask(state)
        if accepting:
            row |= self.only_eos
        return row if row.any() else self._nothing

    def closing_tokens(self, state: int, steps: int = SEARCH) -> list[int] | None:
        """See `ProductMasker.closing_tokens`: those of each part by itself."""
        if state == FINISHED or self.is_accepting(state):
            return []
        found = []
        for way in self.mixed.ways(state) if state != DEAD else ():
            tail = self._tails.get(self.mixed.edges[way[0]][2])
            tokens = None if tail is None else _closing_tokens(self._masker_of(way), way[1], steps)
            if tail is not None and tokens is not None:
                found.append(tokens + tail)
        return min(found, key=len, default=None)

    def _within(self, state: int, mask: Row, remaining: int) -> Row:
        if state == FINISHED:
            return mask
        row, part = np.zeros_like(mask), np.empty_like(mask)
        if self.is_accepting(state):
            row |= self.only_eos
        with self._lock:
            for way in self.mixed.ways(state):
                masker, tail = self._masker_of(way), self._tails.get(self.mixed.edges[way[0]][2])
                if tail is not None:
                    with contextlib.suppress(CannotClose, DeadEnd):  # one is raised below where no way is left
                        masker.fill(way[1], part, remaining - len(tail))
                        row |= part & ~self.only_eos
                for reached, tokens in self._crossing(way):
                    needed = self.closing_tokens(reached) if remaining <= self._far else []
                    if needed is not None and len(needed) < remaining:
                        set_tokens(row, tokens)
        if not row.any():
            closing = self.closing_tokens(state)
            advice = "no short completion is known" if closing is None else f"{len(closing)} tokens would do"
            raise CannotClose(
                f"{max(0, remaining)} tokens are left, in which the text cannot be completed: {advice}; give more "
                "tokens (max_new_tokens)"
            )
        return row

    def _masker_of(self, way: Way) -> Masker:
        return self.maskers[self.mixed.edges[way[0]][1]]

    def _crossing(self, way: Way) -> list[Crossing]:
        """The tokens that go on behind the part; remembered."""
        known = self._crossings.get(way)
        if known is None:
            following = self.mixed.entered(self.mixed.edges[way[0]][2])
            known = []
            if following != DEAD and self.mixed.ways(following):
                ends = self._ends(self._masker_of(way), way[1], following)
                if len(ends):
                    walk = self._levels.walk(self.mixed, following, ends)
                    known = [(state, self._levels.tokens(nodes)) for state, nodes in walk]
            if len(self._crossings) > self._limit:
                self._crossings.clear()
            self._crossings[way] = known
        return known

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

    def _check_border(self, edge: int, following: int) -> None:
        """Raises Unsupported where SQL would have to be read at too many places, in masks that take seconds."""
        if following != DEAD and self.mixed.ways(following):
            places = int(self._border(following)[1].sum())
            if places > _MOST_PLACES:
                name = self._parts[self.mixed.edges[edge][1]].name
                raise Unsupported(
                    f"what follows {name} may begin at {places} places within tokens of this vocabulary, and the text "
                    f"might end at each of them; more than {_MOST_PLACES} would make masks slow: put a text such as "
                    "'</sql>', ';;' or a line break behind it"
                )

    @functools.cached_property
    def _tails(self) -> dict[int, list[int]]:
        """By node, tokens that lead to the end from there; nodes from which none are known are left out."""
        alone = [_closing_tokens(masker, masker.start, 20 * SEARCH) for masker in self.maskers]
        tails: dict[int, list[int]] = {1: []}
        changed = True
        while changed:
            changed = False
            for a, part, b in self.mixed.edges:
                tokens = alone[part] if part >= 0 else []
                if tokens is not None and b in tails:
                    longer = tokens + tails[b]
                    if a not in tails or len(longer) < len(tails[a]):
                        tails[a], changed = longer, True
        return tails

    @functools.cached_property
    def _far(self) -> int:
        """Tokens that complete any text of which one token began the last part: a guess on the safe side."""
        begun = max(
            masker.scoping.leap(masker.start) if isinstance(masker, ProductMasker) else masker.reach_of(masker.start)
            for masker in self.maskers
        )
        return begun + 2 * max(map(len, self._tails.values()))


def _closing_tokens(masker: Masker, q: int, steps: int) -> list[int] | None:
    if isinstance(masker, ProductMasker):
        return masker.closing_tokens(q, steps)
    return None if tokens_to_close(masker, q) is None else shortest_tokens(masker, q, _MOST)
