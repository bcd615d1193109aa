"""The masker: which tokens a grammar allows next, as a bitmask over the vocabulary.

A mask is made once per new state, walking only the part of the vocabulary where something can differ, and remembered;
a later visit copies a row. How a state's mask is made (`_build`):

  - states that differ only in counters far from their bounds share one mask (`Engine.alias`);
  - a state that loops on itself is served by the vocabulary's slice for that loop (`slices.py`);
  - a state most of whose bytes lead to one such loop takes the loop's mask and corrects it where the two differ;
  - where words may come at once or after a space, the tokens that begin with one are looked at apart (`spaced.py`);
  - a counted loop near its bound takes the mask of the loop without bounds and takes away what is too long;
  - a text that must differ from others takes the mask without that condition, and tests few tokens (`recorded.py`);
  - anything else walks the trie of the vocabulary, which dies out fast where little is allowed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..grammars import Grammar
from ..grammars import arena as layout
from ..grammars import loosening_kernels as loosening
from ..grammars.engine import Engine
from ..grammars.errors import GrammarError
from ..grammars.mixed import Mixed
from ..grammars.predicate import Judge
from ..grammars.scoped import Scoped
from ..grammars.warmup import warm_up
from . import loop_kernels as loops
from . import mask_kernels as mk
from .closing import greedy_tokens, restrict
from .counted import counted_mask
from .errors import DeadEnd, WrongVocabulary
from .masker_warmup import use_kernels
from .recorded import recorded_mask
from .spaced import spaced_mask
from .tables import shared_tables
from .vocabulary import Vocabulary

Row = NDArray[np.uint32]

DEAD = layout.DEAD
FINISHED = -2
_REMEMBERED_STEPS = 1 << 20
_UINT32, _INT32 = np.dtype(np.uint32), np.dtype(np.int32)


class Masker:
    """Token masks of a grammar over a vocabulary.

    States are integers: keep one per sequence, copy it to fork, keep the old one to roll back. `start` is the state
    before the first token, `DEAD` (-1) the one after a token that was not allowed, `FINISHED` (-2) the one after an
    end-of-sequence token.

    Args:
        grammar: what the text must match; of one with a second automaton (`grammars.sql`) it is a `ProductMasker`,
            of one with parts that have one a `MixedMasker`.
        vocabulary: tokens and their bytes.
        memory: bytes of masks to remember; beyond it they are forgotten and made again.

    One masker may be shared by threads. A mask is right for exactly this vocabulary.

    Raises GrammarError for what is no grammar, Unsupported for a constraint that has no mask, WrongVocabulary for what
    is no Vocabulary. Methods raise GrammarError for an integer that is not a state of this masker.
    """

    finished = FINISHED

    def __new__(cls, grammar: Grammar | Scoped, vocabulary: Vocabulary, *, memory: int = 1 << 28) -> Masker:
        if cls is Masker and isinstance(grammar, Scoped):
            if isinstance(grammar, Mixed):
                from .mixed_masker import MixedMasker as cls
            else:
                from .product_masker import ProductMasker as cls
        return super().__new__(cls)

    def __init__(self, grammar: Grammar | Scoped, vocabulary: Vocabulary, *, memory: int = 1 << 28) -> None:
        warm_up("masker", use_kernels)
        if isinstance(grammar, Judge):
            grammar.refuse_mask()
        if not isinstance(grammar, Grammar):
            raise GrammarError(
                f"Masker takes a Grammar, not {type(grammar).__name__}: make one with grammars.json_schema(schema), "
                "grammars.regex(pattern) and others"
            )
        if not isinstance(vocabulary, Vocabulary):
            raise WrongVocabulary(
                f"Masker takes a Vocabulary, not {type(vocabulary).__name__}: use Vocabulary.from_tokenizer(tokenizer)"
            )
        self.grammar = grammar
        self.vocabulary = vocabulary
        self.automaton = Engine(grammar.program, horizon=max(1, vocabulary.max_token_bytes), budget=grammar.budget)
        self.start = self.automaton.start
        self.reach: dict[int, int] = {}  # by alias, see reach_of
        self._lock = self.automaton.lock
        self.tables = shared_tables(vocabulary)
        self.words = self.tables.words
        self._eos = frozenset(vocabulary.eos_token_ids)
        self._data, self._offsets = vocabulary.data, vocabulary.offsets
        self._following: dict[int, int] = {}  # by state and token
        self._largest = self.start  # of the states known to exist
        self._rows: dict[int, Row] = {}  # by state, with the EOS bits of accepting states
        self._raw: dict[int, Row] = {}  # by alias, without
        self.nothing = np.zeros(self.words, np.uint32)
        self._contents: dict[int, Row] = {mk.content_hash(self.nothing): self.nothing}
        self._buffer = np.empty(self.words, np.uint32)
        self._records = int(grammar.program.ways.max(initial=0)) >= loosening.FEW  # fewer texts are walked as they are
        self.of_parts: dict[tuple[int, int], tuple[Row, int]] = {}  # of loops over parts of the vocabulary, spaced.py
        self.whole_texts: dict[int, NDArray[np.int32]] = {}  # by loose state, see recorded.py
        self._limit = max(16, memory // (4 * self.words))
        self.stack = np.empty(4 * (self.tables.depths + 2), np.int32)
        self.scratch = np.empty(10, np.int32)
        self.only_eos = np.zeros(self.words, np.uint32)
        for token in self._eos:
            self.only_eos[token >> 5] |= np.uint32(1 << (token & 31))

    def fill(self, state: int, row: Row, remaining: int | None = None) -> None:
        """Write the mask of `state` into `row` (uint32 [words]; bit i & 31 of cell i >> 5 is token i).

        With `remaining`, the number of tokens that may still be produced, tokens after which the text could not be
        completed in time are left out (see `closing.py`). Raises DeadEnd where nothing is allowed, CannotClose where
        nothing is in time, WrongVocabulary for a row of another size or type (int32 is taken too, bit for bit).
        """
        mask = self._rows.get(state)
        if mask is None:
            mask = self._mask(state)
        if remaining is not None:
            mask = restrict(self, state, mask, remaining)
        self._write(mask, row)

    def _write(self, mask: Row, row: Row) -> None:
        try:
            if row.dtype == _UINT32 or row.dtype == _INT32:
                row[:] = mask
                return
        except (AttributeError, ValueError):
            pass
        given = f"{row.dtype} {list(row.shape)}" if isinstance(row, np.ndarray) else type(row).__name__
        raise WrongVocabulary(f"a mask of {self.vocabulary.size} tokens needs a row uint32 [{self.words}], not {given}")

    def accept(self, state: int, token: int) -> int:
        """State after `token`: DEAD when it is not allowed, FINISHED after EOS. Raises WrongVocabulary for an id
        outside the vocabulary."""
        following = self._following.get(state << 32 | token)
        return following if following is not None else self._accept(state, token)

    def _accept(self, state: int, token: int) -> int:
        if not 0 <= token < self.vocabulary.size:
            raise WrongVocabulary(f"token id {token} is outside the vocabulary of {self.vocabulary.size}")
        if token in self._eos:
            following = FINISHED if self.is_accepting(state) else DEAD
        elif state < 0:
            following = DEAD
        else:
            following = self._advance(state, token)
        if len(self._following) > _REMEMBERED_STEPS:
            self._following.clear()
        self._following[state << 32 | token] = following
        return following

    def _advance(self, state: int, token: int) -> int:
        """State after a token that is no EOS, from a state that is neither DEAD nor FINISHED."""
        if state > self._largest:
            self.automaton.is_dead(state)  # refuses what is no state, which a kernel would read out of bounds
            self._largest = state
        following: int = self.automaton.run(mk.accept, self._data, self._offsets, state, token)
        return following

    def is_accepting(self, state: int) -> bool:
        """Whether the text so far is a full match (EOS is then allowed)."""
        return state == FINISHED or self.automaton.is_accepting(state)

    def allowed(self, state: int, remaining: int | None = None) -> NDArray[np.int64]:
        """Ids of the tokens allowed in `state`, rising."""
        row = np.empty(self.words, np.uint32)
        self.fill(state, row, remaining)
        return np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little"))

    def forced_tokens(self, state: int) -> list[int]:
        """Tokens that spell the bytes forced from here, longest first; empty when nothing is forced.

        Any tokens that spell them are legal, and a model may prefer others, or escapes in JSON strings: a draft.
        """
        if state < 0:
            return []
        return greedy_tokens(self.tables.trie, self.automaton.drafted_bytes(state))

    def remembers(self, state: int) -> bool:
        """Whether the mask of `state` is known, so that `fill` only copies it."""
        if state in self._rows or state == FINISHED:
            return True
        twin = self.automaton.alias(state)
        return twin in self._rows or twin in self._raw

    def reach_of(self, state: int) -> int:
        """A bound in bytes on the shortest completion after any one allowed token."""
        twin = self.automaton.alias(state)
        if twin not in self.reach:
            self.raw_mask(twin)
        return self.reach[twin]

    def loose(self, state: int) -> int:
        """The state with what was recorded of texts that must differ forgotten, where that pays; else the state."""
        return self.automaton.run(loosening.loosen, state) if self._records else state

    def _mask(self, state: int) -> Row:
        """The remembered mask of a state, made if need be."""
        if state == FINISHED:
            return self.only_eos
        if self.automaton.is_dead(state):
            raise DeadEnd("no token is allowed in the dead state: a token was accepted that the grammar forbids")
        with self._lock:
            self._forget()
            twin = self.automaton.alias(state)
            mask = self._rows.get(twin)
            if mask is None:
                mask = self.raw_mask(twin)
                if self.automaton.is_accepting(twin):
                    mask = self.intern(mask | self.only_eos)
                if mask is self.nothing:  # not remembered: it is an error however often it is asked for
                    raise DeadEnd(
                        "the grammar can go on only with bytes that no token of this vocabulary spells"
                        if not self.is_accepting(state)
                        else "the text is complete, but this vocabulary has no end-of-sequence token to say so"
                    )
                self._rows[twin] = mask
            self._rows[state] = mask
        return mask

    def _forget(self) -> None:
        if len(self._contents) > self._limit:
            self._contents = {mk.content_hash(self.nothing): self.nothing}
            self._raw.clear()
            self._rows.clear()
            self.whole_texts.clear()
            self.of_parts.clear()

    def bare_mask(self, state: int) -> Row:
        """The mask of a live state without EOS, which may be empty; not to be written to."""
        with self._lock:
            self._forget()
            return self.raw_mask(self.automaton.alias(state))

    def raw_mask(self, q: int) -> Row:
        """The mask of a state that is its own alias, without EOS; remembered."""
        mask = self._raw.get(q)
        if mask is None:
            with self._lock:  # all masks are made in one buffer
                built, self.reach[q] = self._build(q)
                mask = self._raw[q] = self.intern(built)
        return mask

    def intern(self, mask: Row) -> Row:
        """One row for all states with the same mask; a copy of `mask` where it is new."""
        key = mk.content_hash(mask)
        known = self._contents.get(key)
        if known is not None and mk.same_rows(known, mask):
            return known
        return self._contents.setdefault(key, mask.copy()) if known is None else mask.copy()

    def _build(self, q: int) -> tuple[Row, int]:
        """The mask of q without EOS, and a bound on the shortest completion after it."""
        automaton, tables, stack, out = self.automaton, self.tables, self.stack, self.scratch
        loose = self.loose(q)
        if loose != q:
            return recorded_mask(self, q, loose)
        kind = automaton.run(loops.classify, q, out)
        if kind == loops.LOOP:
            piece = tables.slice(out[1:10])
            if piece is not None:
                tails, leads = piece.tails, piece.leads
                row, reach = self.fill_in(
                    piece.inside,
                    lambda arena, row: mk.walk_loop(arena, tables.siblings, tails, leads, stack, row, q),
                )
                return row, max(reach, automaton.distance(q))
        if kind == loops.NEAR:
            target = int(out[0])
            counted = counted_mask(self, q)
            if counted is not None:
                return counted
            if automaton.run(loops.classify, target, out) == loops.LOOP:
                made = spaced_mask(self, q, target)
                if made is not None:
                    return made
                row, reach = self.fill_in(
                    self.raw_mask(target),
                    lambda arena, row: mk.differential_walk(arena, tables.siblings, stack, row, q, target),
                )
                return row, max(reach, self.reach[target])
        return self.fill_in(self.nothing, lambda arena, row: mk.walk(arena, tables.siblings, stack, row, q))

    def fill_in(self, base: Row, kernel: Callable[[layout.Arena, Row], int]) -> tuple[Row, int]:
        """Let a kernel work on a copy of `base`, a fresh one whenever the arena had to grow. The row that is returned
        is written anew by the next call."""
        row = self._buffer
        while True:
            row[:] = base
            result = kernel(self.automaton.arena, row)
            if result >= DEAD:
                return row, result
            self.automaton.grow(result)

    def __repr__(self) -> str:
        return f"<Masker of {self.grammar!r} over {self.vocabulary.size} tokens, {len(self._rows)} masks>"
