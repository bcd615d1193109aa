"""Masks of an automaton over lexemes (`grammars/scoped.py`), exact.

A mask is put together along the trie of the vocabulary: what the lexeme at hand may become is looked up among the
parts that are known for the vocabulary (`lexemes.py`), and where tokens go on behind it, the automaton is asked what may
come there, for those nodes only. Few tokens do, since tokenizers part words from symbols.
"""

from __future__ import annotations

import threading

import numpy as np

from ..grammars.scoped import DIGITS, LETTERS, NOTHING, Scoped, Shape
from ..grammars.warmup import warm_up
from .closing import greedy_tokens
from .errors import DeadEnd
from .lexeme_kernels import add_row, set_tokens
from .lexemes import Nodes, Part
from .masker import DEAD, FINISHED, Masker, Row
from .masker_warmup import use_kernels
from .tables import shared_tables
from .vocabulary import Vocabulary

_IN_WORDS = LETTERS | DIGITS


class ProductMasker(Masker):
    """A `Masker` of a `Scoped` constraint: `Masker(constraint, vocabulary)` makes one. States are the automaton's."""

    def __init__(self, grammar: Scoped, vocabulary: Vocabulary, *, memory: int = 1 << 28) -> None:
        warm_up("masker", use_kernels)
        self.grammar = grammar  # type: ignore[assignment]
        self.vocabulary = vocabulary
        self.automaton = grammar.automaton  # type: ignore[assignment]
        self.tables = shared_tables(vocabulary)
        self.lexemes = self.tables.lexemes
        self.words = self.tables.words
        self._eos = frozenset(vocabulary.eos_token_ids)
        self._lock = threading.RLock()
        self._limit = max(16, memory // (4 * self.words))
        self._following: dict[int, int] = {}
        self._rows: dict[int, Row] = {}
        self.only_eos = np.zeros(self.words, np.uint32)
        for token in self._eos:
            self.only_eos[token >> 5] |= np.uint32(1 << (token & 31))
        self.start = self.automaton.start

    def fill(self, state: int, row: Row, remaining: int | None = None) -> None:
        """See `Masker.fill`."""
        mask = self._rows.get(state)
        if mask is None:
            mask = self._mask(state)
        self._write(mask, row)

    def forced_tokens(self, state: int) -> list[int]:
        """See `Masker.forced_tokens`."""
        return greedy_tokens(self.tables.trie, self.automaton.forced_bytes(state)) if state >= 0 else []

    def remembers(self, state: int) -> bool:
        """See `Masker.remembers`."""
        return state in self._rows or state == FINISHED

    def _advance(self, state: int, token: int) -> int:
        text = self.vocabulary.token_bytes(token)
        return self.automaton.advance(state, text) if text else DEAD

    def _mask(self, state: int) -> Row:
        """The mask of a state, made and remembered."""
        if state == FINISHED:
            return self.only_eos
        if self.automaton.is_dead(state):
            raise DeadEnd("no token is allowed in the dead state: a token was accepted that the grammar forbids")
        with self._lock:
            row = self.only_eos.copy() if self.automaton.is_accepting(state) else np.zeros(self.words, np.uint32)
            self._read(row, state, (0,))
            if not row.any():
                raise DeadEnd("the text can go on only with bytes that no token of this vocabulary spells")
            if len(self._rows) > self._limit:
                self._rows.clear()
            self._rows[state] = row
        return row

    def _read(self, row: Row, state: int, nodes: Nodes, skip: frozenset[int] = NOTHING) -> None:
        """Add the tokens below the nodes that leave the automaton alive; but for those that go on with one of the bytes
        to skip."""
        automaton, lexemes = self.automaton, self.lexemes
        shape = automaton.shape(state)
        if shape.blanks:
            part = lexemes.blanks(nodes, shape.blanks)
            self._add(row, part)
            if part.leaving:
                nodes_behind = part.leaving[0][1]
                if skip:
                    self._lexeme(row, state, shape, nodes_behind, NOTHING)
                else:
                    nodes += nodes_behind
        self._lexeme(row, state, shape, nodes, skip)

    def _lexeme(self, row: Row, state: int, shape: Shape, nodes: Nodes, skip: frozenset[int]) -> None:
        automaton, lexemes = self.automaton, self.lexemes
        spread = lexemes.spread(nodes)
        if not skip >= LETTERS:
            if shape.words:
                part = lexemes.of_words(nodes, shape.words)
                self._add(row, part)
                for text, leaving in part.leaving:
                    self._end(row, automaton.advance(state, text), leaving, _IN_WORDS)
            if shape.fresh:
                part = lexemes.of_name(nodes, shape.fresh, shape.begun)
                self._add(row, part)
                for text, leaving in part.leaving:
                    if text.decode().lower() not in shape.words:
                        self._end(row, automaton.advance(state, text), leaving, _IN_WORDS)
        if shape.digits and not skip >= DIGITS:
            part = lexemes.of_digits(nodes, shape.digits)
            self._add(row, part)
            for text, leaving in part.leaving:
                reached_state = automaton.advance(state, text)
                self._lexeme(row, reached_state, automaton.shape(reached_state), leaving, DIGITS)
        if shape.content is not None:
            part = lexemes.of_content(nodes, shape.content)
            self._add(row, part)
            for text, leaving in part.leaving:
                quoted = lexemes.spread(leaving)[shape.content.quote]
                self._follow(row, automaton.step(automaton.advance(state, text), shape.content.quote), quoted)
        reached: dict[int, Nodes] = {}
        for byte in shape.starts & spread.keys():
            if byte not in skip:
                following = automaton.step(state, byte)
                reached[following] = reached.get(following, ()) + spread[byte]
        for following, behind in reached.items():
            self._follow(row, following, behind)
        self._end(row, state, nodes, shape.own)

    def _follow(self, row: Row, state: int, nodes: Nodes) -> None:
        """Add the tokens that end at the nodes or below, where the state is alive."""
        if state != DEAD:
            set_tokens(row, self.lexemes.ending(nodes))
            inner = self.lexemes.inner(nodes)
            if inner:
                self._read(row, state, inner)

    def _end(self, row: Row, state: int, nodes: Nodes, own: frozenset[int]) -> None:
        """Add the tokens below the nodes that end the lexeme there: those that do not go on with its own bytes."""
        if state != DEAD and not self.lexemes.spread(nodes).keys() <= own:
            ended = self.automaton.ended(state)
            if ended != DEAD:
                self._read(row, ended, nodes, own)

    def _add(self, row: Row, part: Part) -> None:
        if part.tokens.dtype == np.int32:
            set_tokens(row, part.tokens)
        else:
            add_row(row, part.tokens)

    def __repr__(self) -> str:
        return f"<ProductMasker of {self.grammar!r} over {self.vocabulary.size} tokens, {len(self._rows)} masks>"
