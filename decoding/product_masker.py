"""Masks of an automaton over lexemes (`grammars/scoped.py`), exact.

A mask is put together along the trie of the vocabulary: what the lexeme at hand may become is looked up among the
parts that are known for the vocabulary (`lexemes.py`), and where tokens go on behind it, the automaton is asked what
may come there, for those nodes only. Few tokens do, since tokenizers part words from symbols.
"""

from __future__ import annotations

import functools
import re
import threading

import numpy as np

from ..grammars.automaton import Automaton
from ..grammars.scoped import Scoped
from ..grammars.warmup import warm_up
from .closing import greedy_tokens
from .errors import CannotClose, DeadEnd
from .lexeme_budget import keep_in_time
from .lexeme_closing import SEARCH, Completions
from .lexeme_kernels import add_row, set_tokens
from .lexeme_parts import Tokens
from .lexeme_walk import Walk
from .masker import DEAD, FINISHED, Masker, Row
from .masker_warmup import use_kernels
from .tables import shared_tables
from .vocabulary import Vocabulary

_NONE = np.empty(0, np.int32)

_LONG_SEARCH = 20 * SEARCH
_REMEMBERED = 1 << 16
_BLANK = re.compile(rb" (?=[(),;.=*])")


class ProductMasker(Masker):
    """A `Masker` of a `Scoped` constraint: `Masker(constraint, vocabulary)` makes one. States are the automaton's."""

    def __init__(self, grammar: Scoped, vocabulary: Vocabulary, *, memory: int = 1 << 28) -> None:
        self._set_up(grammar, grammar.automaton, vocabulary, memory)
        self.scoping = grammar.automaton
        self._made: dict[tuple[frozenset[int], bool], tuple[Row, list[Tokens]]] = {}
        self._walk = Walk(grammar.automaton, self.tables.lexemes)
        self.completions = Completions(grammar.automaton, functools.cache(self._cased))

    def _set_up(self, grammar: Scoped, automaton: Automaton, vocabulary: Vocabulary, memory: int) -> None:
        """What does not depend on how masks are made."""
        warm_up("masker", use_kernels)
        self.grammar = grammar  # type: ignore[assignment]
        self.vocabulary = vocabulary
        self.automaton = automaton  # type: ignore[assignment]
        self.tables = shared_tables(vocabulary)
        self.words = self.tables.words
        self._eos = frozenset(vocabulary.eos_token_ids)
        self._lock = threading.RLock()
        self._limit = max(16, memory // (4 * self.words))
        self._following: dict[int, int] = {}
        self._rows: dict[int, Row] = {}
        self._nothing = np.zeros(self.words, np.uint32)
        self._rests: dict[int, list[int]] = {}  # of completions that were in time, behind their first token
        self.only_eos = np.zeros(self.words, np.uint32)
        for token in self._eos:
            self.only_eos[token >> 5] |= np.uint32(1 << (token & 31))
        self.start = self.automaton.start

    def fill(self, state: int, row: Row, remaining: int | None = None) -> None:
        """See `Masker.fill`."""
        mask = self._rows.get(state)
        if mask is None:
            mask = self._mask(state)
        if remaining is not None:
            mask = self._within(state, mask, remaining)
        self._write(mask, row)

    def closing_tokens(self, state: int, steps: int = SEARCH) -> list[int] | None:
        """Tokens that complete the text, not always the fewest; None where none are known."""
        if state == FINISHED:
            return []
        texts = self.completions.completion(state, steps), self.completions.behind_new_name(state)
        ways = [self._rests.get(state), *(self._spelled_closely(state, text) for text in texts if text is not None)]
        return min((way for way in ways if way is not None), key=len, default=None)

    def _spelled_closely(self, state: int, text: bytes) -> list[int] | None:
        """The tokens of a completion, without blanks before symbols where that takes fewer."""
        tokens = self.spelled(text)
        close = _BLANK.sub(b"", text)
        if close != text:
            fewer = self.spelled(close)
            if fewer is not None and (tokens is None or len(fewer) < len(tokens)):
                end = self.automaton.advance(state, close)
                if end != DEAD and self.automaton.is_accepting(end):
                    return fewer
        return tokens

    def spelled(self, text: bytes) -> list[int] | None:
        """The greedy tokenization of a text, None where tokens do not spell the text."""
        tokens = greedy_tokens(self.tables.trie, text)
        offsets = self.vocabulary.offsets
        return tokens if sum(int(offsets[token + 1] - offsets[token]) for token in tokens) == len(text) else None

    def _cased(self, word: str) -> bytes:
        """The word in small or in capital letters, whichever takes fewer tokens."""
        both = (word.encode(), word.upper().encode()) if word.isascii() else (word.encode(),)

        def price(text: bytes) -> tuple[bool, int]:
            tokens = greedy_tokens(self.tables.trie, b" " + text)
            return len(self.vocabulary.text(tokens)) < len(text), len(tokens)

        return min(both, key=price)

    def _within(self, state: int, mask: Row, remaining: int) -> Row:
        """The part of a mask after which the text can be completed in time.

        Far from the end that is all of it: what one token may add is taken to be less than `leap`. Near it, tokens are
        looked at by the states that they lead to, see `lexeme_budget.py`. Raises CannotClose where no completion is
        found in time.
        """
        if state == FINISHED:
            return mask
        with self._lock:
            closing = self.closing_tokens(state) or self.closing_tokens(state, _LONG_SEARCH)
            if closing is not None and len(closing) + self.scoping.leap(state) <= remaining:
                return mask
            row = np.zeros_like(mask)
            if remaining > 0:
                if closing is not None and 0 < len(closing) <= remaining:
                    if len(self._rests) > _REMEMBERED:
                        self._rests.clear()
                    self._rests[self.accept(state, closing[0])] = closing[1:]
                keep_in_time(self, state, mask, closing or [], remaining - 1, row)
            if self.is_accepting(state):
                row |= self.only_eos
        if not row.any():
            advice = "no short completion is known" if closing is None else f"{len(closing)} tokens would do"
            raise CannotClose(
                f"{max(0, remaining)} tokens are left, in which the text cannot be completed: {advice}; give more "
                "tokens (max_new_tokens)"
            )
        return row

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
            row = self._row_of(state, self.automaton.is_accepting(state))
            if row is self._nothing:
                raise DeadEnd("the text can go on only with bytes that no token of this vocabulary spells")
            if len(self._rows) > self._limit:
                self._rows.clear()
            self._rows[state] = row
        return row

    def bare_mask(self, state: int) -> Row:
        """See `Masker.bare_mask`."""
        known = self._rows.get(state)
        if known is not None:
            return known & ~self.only_eos
        with self._lock:
            return self._row_of(state, False)

    def _row_of(self, state: int, accepting: bool) -> Row:
        """The mask of a state, with EOS where it is `accepting`; one row for all that are made of the same parts."""
        found = self._walk.tokens(state)
        key = frozenset(found), accepting
        made = self._made.get(key)
        if made is None:
            if len(self._made) > self._limit:
                self._made.clear()
            row = self.only_eos.copy() if accepting else np.zeros(self.words, np.uint32)
            sparse = [tokens for tokens in found.values() if tokens.dtype == np.int32]
            set_tokens(row, np.concatenate(sparse) if sparse else _NONE)
            for tokens in found.values():
                if tokens.dtype == np.uint32:
                    add_row(row, tokens)
            row = row if row.any() else self._nothing
            made = self._made[key] = row, list(found.values())  # kept, so that no others get their identities
        return made[0]

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} of {self.grammar!r} over {self.vocabulary.size} tokens, {len(self._rows)} masks>"
        )
