"""Masks of a grammar and a second automaton that run in step (`grammars/scoped.py`), exact.

The grammar's mask comes from its masker, fast and remembered. Of the tokens that it allows, the automaton is asked in
the order of their bytes: tokens with a common beginning are decided together where it dies, and those that lie wholly
in bytes that it does not care about are not asked for at all. Rows are remembered by pair of states.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..grammars.errors import Unsupported
from ..grammars.scoped import Scoped
from ..grammars.warmup import warm_up
from .closing import greedy_tokens
from .errors import DeadEnd
from .masker import DEAD, FINISHED, Masker, Row
from .masker_warmup import use_kernels
from .vocabulary import Vocabulary

_FEW = 4
Order = NDArray[np.int64]


class ProductMasker(Masker):
    """A `Masker` of a `Scoped` constraint: `Masker(constraint, vocabulary)` makes one.

    `fill` with `remaining` raises Unsupported: nobody knows the shortest completion of both.
    """

    def __init__(self, grammar: Scoped, vocabulary: Vocabulary, *, memory: int = 1 << 28) -> None:
        warm_up("masker", use_kernels)
        self.base = Masker(grammar.grammar, vocabulary, memory=memory // 2)
        self.grammar = grammar  # type: ignore[assignment]
        self.vocabulary = vocabulary
        self.second = grammar.automaton
        self.tables = self.base.tables
        self.words = self.base.words
        self.only_eos = self.base.only_eos
        self._eos = frozenset(vocabulary.eos_token_ids)
        self._lock = self.base._lock
        self._limit = max(16, memory // (8 * self.words))
        self._pairs: list[tuple[int, int]] = []
        self._states: dict[tuple[int, int], int] = {}
        self._following: dict[int, int] = {}
        self._rows: dict[int, Row] = {}
        order = vocabulary.trie.order.astype(np.int64)
        self._order = order
        self._lengths = np.diff(vocabulary.offsets)[order].astype(np.int64)
        self._begins = vocabulary.offsets[order].astype(np.int64)
        self._tails: dict[bytes, NDArray[np.int64]] = {}
        self.start = self._pair(self.base.start, self.second.start)

    def fill(self, state: int, row: Row, remaining: int | None = None) -> None:
        """See `Masker.fill`."""
        if remaining is not None:
            raise Unsupported(
                f"{self.grammar.name} cannot be closed within a number of tokens, because the shortest completion is "
                "not known: leave out max_new_tokens= of the constraint, and check whether the text is complete"
            )
        mask = self._rows.get(state)
        if mask is None:
            mask = self._pair_mask(state)
        self._write(mask, row)

    def is_accepting(self, state: int) -> bool:
        """See `Masker.is_accepting`."""
        if state < 0:
            return state == FINISHED
        first, second = self._pairs[state]
        return self.base.is_accepting(first) and self.second.is_accepting(second)

    def forced_tokens(self, state: int) -> list[int]:
        """See `Masker.forced_tokens`."""
        if state < 0:
            return []
        first, second = self._pairs[state]
        forced = max(self.base.automaton.forced_bytes(first), self.second.forced_bytes(second), key=len)
        return greedy_tokens(self.tables.trie, forced)

    def remembers(self, state: int) -> bool:
        """See `Masker.remembers`."""
        return state in self._rows or state == FINISHED

    def _advance(self, state: int, token: int) -> int:
        first, second = self._pairs[state]
        text = self.vocabulary.token_bytes(token)
        reached = self.base.accept(first, token) if text else DEAD
        advanced = self.second.advance(second, text) if reached != DEAD else DEAD
        return self._pair(reached, advanced) if advanced != DEAD else DEAD

    def _pair(self, first: int, second: int) -> int:
        with self._lock:
            known = self._states.get((first, second))
            if known is None:
                known = self._states[first, second] = len(self._pairs)
                self._pairs.append((first, second))
            return known

    def _pair_mask(self, state: int) -> Row:
        """The mask of a pair of states, made and remembered."""
        if state == FINISHED:
            return self.only_eos
        if not 0 <= state < len(self._pairs):
            raise DeadEnd("no token is allowed in the dead state: a token was accepted that the grammar forbids")
        with self._lock:
            first, second = self._pairs[state]
            row = np.empty(self.words, np.uint32)
            self.base.fill(first, row)
            bits = np.unpackbits(row.view(np.uint8), bitorder="little")[: self.vocabulary.size].view(np.bool_)
            allowed = bits[self._order]
            kept = np.zeros(len(bits), np.bool_)
            self._walk(second, np.flatnonzero(allowed), kept)
            if self.is_accepting(state):
                kept[list(self._eos)] = True
            packed = np.zeros(4 * self.words, np.uint8)
            found = np.packbits(kept, bitorder="little")
            packed[: len(found)] = found
            mask = packed.view(np.uint32)
            if not mask.any():
                raise DeadEnd("the text can go on only with bytes that no token of this vocabulary spells")
            if len(self._rows) > self._limit:
                self._rows.clear()
            self._rows[state] = mask
        return mask

    def _walk(self, start: int, places: Order, kept: NDArray[np.bool_]) -> None:
        """Mark the tokens at `places` (of the order by bytes) that leave the automaton alive."""
        automaton, data = self.second, self.vocabulary.data
        stack = [(start, places, 0)]
        while stack:
            state, places, depth = stack.pop()
            free, longest = automaton.free_bytes(state)
            if free and len(places) > _FEW:
                left = self._lengths[places] - depth
                inside = (self._tail(free)[places] >= left) & (left <= longest)
                kept[self._order[places[inside]]] = True
                places = places[~inside]
            if len(places) <= _FEW:
                for place in places.tolist():
                    begin, length = int(self._begins[place]), int(self._lengths[place])
                    rest = data[begin + depth : begin + length].tobytes()
                    if automaton.advance(state, rest) != DEAD:
                        kept[self._order[place]] = True
                continue
            ended = self._lengths[places] == depth
            kept[self._order[places[ended]]] = True
            places = places[~ended]
            following = data[self._begins[places] + depth]
            cuts = np.flatnonzero(np.diff(following)) + 1
            for group, byte in zip(
                np.split(places, cuts),
                following[np.concatenate([[0], cuts])].tolist() if len(places) else [],
                strict=False,
            ):
                reached = automaton.step(state, byte)
                if reached != DEAD:
                    stack.append((reached, group, depth + 1))

    def _tail(self, free: bytes) -> NDArray[np.int64]:
        """For each text token, in order, how many bytes at its end are all among `free`."""
        known = self._tails.get(free)
        if known is None:
            outside = np.ones(256, np.bool_)
            outside[list(free)] = False
            marks = np.concatenate([[-1], np.flatnonzero(outside[self.vocabulary.data])])
            ends = self._begins + self._lengths
            last = marks[np.searchsorted(marks, ends - 1, side="right") - 1]
            known = self._tails[free] = np.minimum(ends - 1 - last, self._lengths)
        return known

    def __repr__(self) -> str:
        return f"<ProductMasker of {self.grammar!r} over {self.vocabulary.size} tokens, {len(self._rows)} masks>"
