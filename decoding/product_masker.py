"""Masks of an automaton over lexemes (`grammars/scoped.py`), exact.

A mask is put together along the trie of the vocabulary: what the lexeme at hand may become is looked up among the
parts that are known for the vocabulary (`lexemes.py`), and where tokens go on behind it, the automaton is asked what
may come there, for those nodes only. Few tokens do, since tokenizers part words from symbols.
"""

from __future__ import annotations

import threading

import numpy as np

from ..grammars.scoped import DIGITS, EVERY, LETTERS, NOTHING, Scoped, Shape
from ..grammars.warmup import warm_up
from .closing import greedy_tokens
from .errors import DeadEnd
from .lexeme_kernels import add_row, set_tokens
from .lexemes import BLANKS, Nodes, Tokens
from .masker import DEAD, FINISHED, Masker, Row
from .masker_warmup import use_kernels
from .tables import shared_tables
from .vocabulary import Vocabulary

_IN_WORDS = LETTERS | DIGITS
_NONE = np.empty(0, np.int32)


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
            found: list[Tokens] = []
            self._read(found, state, (0,))
            sparse = [tokens for tokens in found if tokens.dtype == np.int32]
            set_tokens(row, np.concatenate(sparse) if sparse else _NONE)
            for tokens in found:
                if tokens.dtype == np.uint32:
                    add_row(row, tokens)
            if not row.any():
                raise DeadEnd("the text can go on only with bytes that no token of this vocabulary spells")
            if len(self._rows) > self._limit:
                self._rows.clear()
            self._rows[state] = row
        return row

    def _read(self, found: list[Tokens], state: int, nodes: Nodes, skip: frozenset[int] = NOTHING) -> None:
        """Find the tokens below the nodes that leave the automaton alive, but for those that go on with one of the
        bytes to skip."""
        automaton, lexemes = self.automaton, self.lexemes
        spread = lexemes.spread(nodes)
        blank = not spread.keys().isdisjoint(BLANKS)
        shape = automaton.shape(state, EVERY if blank else spread.keys())
        if blank and shape.blanks:
            part = lexemes.blanks(nodes, shape.blanks)
            found.append(part.tokens)
            for _, behind in part.leaving:
                if skip:
                    self._lexeme(found, state, shape, behind, NOTHING)
                else:
                    nodes += behind
        self._lexeme(found, state, shape, nodes, skip)

    def _lexeme(self, found: list[Tokens], state: int, shape: Shape, nodes: Nodes, skip: frozenset[int]) -> None:
        """The same where no white space comes first."""
        automaton, lexemes = self.automaton, self.lexemes
        if not skip >= LETTERS:
            if shape.words:
                part = lexemes.of_words(nodes, shape.words)
                found.append(part.tokens)
                for text, leaving in part.leaving:
                    self._end(found, automaton.advance(state, text), leaving, _IN_WORDS)
            if shape.fresh:
                part = lexemes.of_name(nodes, shape.fresh, shape.begun)
                found.append(part.tokens)
                for text, leaving in part.leaving:
                    if text.decode().lower() not in shape.words:
                        self._end(found, automaton.advance(state, text), leaving, _IN_WORDS)
        if shape.digits and not skip >= DIGITS:
            part = lexemes.of_digits(nodes, shape.digits)
            found.append(part.tokens)
            for text, leaving in part.leaving:
                reached = automaton.advance(state, text)
                self._lexeme(found, reached, automaton.shape(reached, lexemes.spread(leaving).keys()), leaving, DIGITS)
        if shape.content is not None:
            quote = shape.content.quote
            part = lexemes.of_content(nodes, shape.content)
            found.append(part.tokens)
            for text, leaving in part.leaving:
                reached = automaton.step(automaton.advance(state, text), quote)
                self._follow(found, reached, lexemes.spread(leaving)[quote])
        spread = lexemes.spread(nodes)
        following: dict[int, Nodes] = {}
        for byte in spread.keys() & shape.starts - skip:
            reached = automaton.step(state, byte)
            following[reached] = following.get(reached, ()) + spread[byte]
        for reached, behind in following.items():
            self._follow(found, reached, behind)
        if shape.own is not EVERY:
            self._end(found, state, nodes, shape.own)

    def _follow(self, found: list[Tokens], state: int, nodes: Nodes) -> None:
        """Find the tokens that end at the nodes or below, where the state is alive."""
        if state != DEAD:
            found.append(self.lexemes.ending(nodes))
            inner = self.lexemes.inner(nodes)
            if inner:
                self._read(found, state, inner)

    def _end(self, found: list[Tokens], state: int, nodes: Nodes, own: frozenset[int]) -> None:
        """Find the tokens below the nodes that end the lexeme there: those that do not go on with its own bytes."""
        if state != DEAD and not self.lexemes.spread(nodes).keys() <= own:
            ended = self.automaton.ended(state)
            if ended != DEAD:
                self._read(found, ended, nodes, own)

    def __repr__(self) -> str:
        return f"<ProductMasker of {self.grammar!r} over {self.vocabulary.size} tokens, {len(self._rows)} masks>"
