"""The structured-output backend: masks of our grammars in vLLM's EngineCore, made while the forward pass runs.

Implements the two interfaces of `vllm.v1.structured_output.backend_types` (0.32). A request's state is the list of its
automaton states, one for each token, so rolling back after speculation is cutting the list.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from vllm.v1.structured_output.backend_types import (
    StructuredOutputBackend,
    StructuredOutputGrammar,
    StructuredOutputOptions,
)

from ... import grammars
from ...decoding import Masker
from ...decoding.masker import DEAD, FINISHED
from ...grammars import BudgetExceeded, ByteboundError
from . import counts
from .rest import Rest
from .slot import grammar_of
from .specification import forget
from .vocabulary import vocabulary_of

logger = logging.getLogger(__name__)

_REMEMBERED = 256  # grammars whose masks are kept
_MEMORY = 1 << 26  # bytes of masks of each


class Backend(StructuredOutputBackend):  # type: ignore[misc]
    """Compiles requests' grammars; `vocab_size` is the width of the logits."""

    def __init__(self, vllm_config: Any, tokenizer: Any, vocab_size: int) -> None:
        super().__init__(vllm_config, tokenizer, vocab_size)
        self.vocabulary = vocabulary_of(self.vllm_config)
        self._rows = np.empty((0, 0), np.uint32)
        self._address = 0  # of the rows; to ask numpy for it takes longer than a mask
        self._masker_of = functools.lru_cache(_REMEMBERED)(
            lambda grammar: Masker(grammar, self.vocabulary, memory=_MEMORY)
        )
        # Kernels and tables are made now, not while the first request waits.
        masker = Masker(grammars.regex("[a-z]*"), self.vocabulary)
        masker.allowed(masker.start)

    def compile_grammar(
        self, request_type: StructuredOutputOptions, grammar_spec: str, stop_token_ids: set[int] | None = None
    ) -> Matcher:
        """The matcher of one request. vLLM calls this in a thread, and fails the request alone where it raises."""
        began = time.perf_counter()
        grammar = grammar_of(request_type.name.lower(), grammar_spec)
        rest = grammar if isinstance(grammar, Rest) else Rest(grammar, b"", None)
        matcher = Matcher(self._masker_of(rest.grammar), self._rows_of, stop_token_ids or set(), rest, self._forget)
        counts.add("compilations")
        counts.add("compile_seconds", time.perf_counter() - began)
        return matcher

    def allocate_token_bitmask(self, max_num_seqs: int) -> torch.Tensor:
        """int32 [max_num_seqs, words], all allowed."""
        self._rows = np.full((max_num_seqs, (self.vocabulary.size + 31) // 32), 0xFFFFFFFF, np.uint32)
        bitmask = torch.from_numpy(self._rows.view(np.int32))
        self._address = bitmask.data_ptr()
        return bitmask

    def destroy(self) -> None:
        """Nothing is held that must be given back."""

    def _forget(self) -> None:
        """Drop all that is compiled: an automaton that has used up its budget would fail all that ask for its
        grammar."""
        forget()
        self._masker_of.cache_clear()

    def _rows_of(self, bitmask: torch.Tensor) -> NDArray[np.uint32]:
        """The memory of a bitmask; that of our own without asking torch for it."""
        if bitmask.data_ptr() == self._address:
            return self._rows
        rows: NDArray[np.uint32] = bitmask.numpy().view(np.uint32)
        return rows


class Matcher(StructuredOutputGrammar):  # type: ignore[misc]
    """One request's place in its grammar.

    Args:
        masker: of its grammar.
        rows: gives the memory of a bitmask, uint32 [requests, words].
        stops: ids that end this request. Those of control tokens are allowed where EOS is; those of text stay text.
        rest: where in its text it begins, and the tokens it has for it.
        forget: drops what is compiled.

    Where a mask cannot be made (a budget runs out, or no token spells what must come) the row is left free, and the
    token that comes is refused: vLLM then ends this request with an error, and no other.
    """

    def __init__(self, masker: Masker, rows: Any, stops: set[int], rest: Rest, forget: Callable[[], None]) -> None:
        self._masker = masker
        self._forget = forget
        self._rows = rows
        self._states = [masker.automaton.advance(masker.start, rest.after) if rest.after else masker.start]
        self._most = rest.max_tokens
        if self._most is not None:
            masker.fill(self._states[0], np.empty(masker.words, np.uint32), self._most)  # raises where it does not fit
        vocabulary = masker.vocabulary
        self._stops = sorted(
            stop
            for stop in stops.difference(vocabulary.eos_token_ids)
            if 0 <= stop < vocabulary.size and vocabulary.special[stop]
        )
        self._failed = False

    def accept_tokens(self, request_id: str, tokens: list[int]) -> bool:
        """Go on by tokens; False where one is not allowed. What follows the end is ignored."""
        for token in tokens:
            if self._states[-1] == FINISHED:
                break
            state = self._after(self._states[-1], token)
            if state == DEAD:
                logger.error("request %s: token %d is not allowed by %r", request_id, token, self._masker.grammar)
                return False
            self._states.append(state)
        return True

    def validate_tokens(self, tokens: list[int]) -> list[int]:
        """The longest prefix of `tokens` that is allowed; the state stays."""
        state = self._states[-1]
        for i, token in enumerate(tokens):
            state = DEAD if state == FINISHED else self._after(state, token)
            if state == DEAD:
                return tokens[:i]
        return tokens

    def rollback(self, num_tokens: int) -> None:
        """Take back the latest tokens."""
        if num_tokens:
            del self._states[-num_tokens:]

    def fill_bitmask(self, bitmask: torch.Tensor, batch_index: int) -> None:
        """Write the mask of the state into a row."""
        row = self._rows(bitmask)[batch_index]
        state = self._states[-1]
        try:
            self._masker.fill(state, row, None if self._most is None else self._most + 1 - len(self._states))
            if self._stops and self._masker.is_accepting(state):
                for stop in self._stops:
                    row[stop >> 5] |= np.uint32(1 << (stop & 31))
        except ByteboundError as error:
            self._fail(error)
            row[:] = 0xFFFFFFFF

    def is_terminated(self) -> bool:
        """Whether EOS has come."""
        return self._states[-1] == FINISHED

    def reset(self) -> None:
        """Begin anew."""
        del self._states[1:]
        self._failed = False

    def _after(self, state: int, token: int) -> int:
        if self._failed or not 0 <= token < self._masker.vocabulary.size:
            return DEAD
        if token in self._stops:
            return FINISHED if self._masker.is_accepting(state) else DEAD
        try:
            return self._masker.accept(state, token)
        except ByteboundError as error:
            self._fail(error)
            return DEAD

    def _fail(self, error: ByteboundError) -> None:
        logger.error("%r cannot go on, so its request ends: %s", self._masker.grammar, error)
        self._failed = True
        if isinstance(error, BudgetExceeded):
            self._forget()
