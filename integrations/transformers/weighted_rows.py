"""Rows of one call of `generate` whose tokens were drawn with weights: what `reject` remembers of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ...decoding import DecodingError, Draws, Tester, TokenRejected
from ...decoding.masker import DEAD, FINISHED
from .prefixes import Prefixes, to_array

Integers = NDArray[np.int64]


class WeightedRows:
    """Tokens drawn for n rows, and their weights.

    Args:
        prompts: tokens [n, length] of the first call, left padding included.
        testers: of the constraints; each serves as many rows, one after the other.
        numbers: [n] number of each row's prompt, rising.
        padding: ids with which the host goes on after it has stopped a row.
    """

    def __init__(self, prompts: torch.Tensor, testers: Sequence[Tester], numbers: Integers, padding: set[int]) -> None:
        n = len(prompts)
        self.prompts = numbers
        self.constraints = np.arange(n) // (n // len(testers))
        self.evaluations = np.zeros(n, np.int64)
        self._testers = testers
        self._padding = list(padding)
        self._ends = list(testers[0].vocabulary.eos_token_ids)
        starts = [(number, testers[number].start) for number in self.constraints.tolist()]
        self._prefixes = Prefixes(prompts, starts, self._accept)
        self._tokens = np.full((n, 32), -1, np.int64)  # by row and place, -1 where none was drawn
        self._logs = np.zeros((n, 32))
        self._counts = np.zeros(n, np.int64)  # tokens drawn
        self._open = np.ones(n, np.bool_)  # rows that go on
        self._dead = np.zeros(n, np.bool_)

    @property
    def has_begun(self) -> bool:
        """Whether rows with tokens behind the prompt were seen."""
        return self._prefixes.longest > 0

    @property
    def prompt_length(self) -> int:
        """Tokens of the prompt, padding included."""
        return self._prefixes.length

    def follows(self, tokens: torch.Tensor) -> bool:
        """Whether these rows [n, prompt and generated] may go on from what was drawn; see Prefixes."""
        return self._prefixes.follows(tokens)

    def generated(self, tokens: torch.Tensor) -> Integers:
        """The part of rows [n, prompt and generated] after the prompt. Raises DecodingError for other prompts."""
        length = self._prefixes.length
        if tokens.shape[0] != len(self.prompts) or not torch.equal(
            tokens[:, :length].to(self._prefixes.prompts.device), self._prefixes.prompts
        ):
            raise DecodingError("these sequences are not those that the processor has seen last")
        return to_array(tokens[:, length:])

    def follow(self, generated: Integers) -> Integers:
        """[n] states after the tokens. Raises TokenRejected where they are not the ones drawn."""
        length = generated.shape[1]
        differ = (generated != self._tokens[:, :length]) & (np.arange(length) < self._counts[:, None])
        for i in np.flatnonzero(differ.any(1)).tolist():
            place = int(differ[i].argmax())
            if len(generated) == 1 or not np.isin(generated[i, place:], self._padding).all():
                raise TokenRejected(
                    f"row {i}: token {generated[i, place]} stands where token {self._tokens[i, place]} was drawn; "
                    "another logits processor has replaced it, or rows were moved (call reset() before new prompts)"
                )
            self._counts[i], self._open[i] = place, False  # the host stopped this row by a rule of its own
        return np.array(self._prefixes.states(generated), np.int64)

    def waiting(self, length: int) -> Integers:
        """Rows that need a draw after `length` tokens."""
        return np.flatnonzero(self._open & (self._counts == length))

    def add(self, rows: Integers, draws: Draws) -> None:
        """Take the next token of some rows; a dead one ends."""
        length = int(self._counts[rows[0]])
        if length == self._tokens.shape[1]:
            self._tokens = np.concatenate([self._tokens, np.full_like(self._tokens, -1)], axis=1)
            self._logs = np.concatenate([self._logs, np.zeros_like(self._logs)], axis=1)
        dead = draws.tokens < 0
        tokens = np.where(dead, self._ends[0], draws.tokens)
        self._tokens[rows, length] = tokens
        self._logs[rows, length] = np.where(dead, -np.inf, draws.log_weights)
        self._counts[rows] += 1
        self._open[rows] = ~np.isin(tokens, self._ends)
        self._dead[rows] = dead
        self.evaluations[rows] += draws.evaluations

    def forced(self, length: int) -> Integers:
        """[n] the token drawn after `length` others, -1 for rows that have ended before."""
        if length >= self._tokens.shape[1]:
            return np.full(len(self.prompts), -1, np.int64)
        return np.where(length < self._counts, self._tokens[:, length], -1)

    def lost(self) -> Integers:
        """Prompts all of whose rows are dead."""
        if not self._dead.any():
            return np.empty(0, np.int64)
        return np.setdiff1d(self.prompts, self.prompts[~self._dead])

    def log_weights(self, generated: Integers | None = None) -> NDArray[np.float64]:
        """[n] log weights of the rows as they are in `generated`, or as far as they were drawn."""
        counts = self._counts
        if generated is not None:
            self.follow(generated)
            counts = np.minimum(self._counts, generated.shape[1])
        places = np.arange(self._tokens.shape[1])
        weights = np.where(places < counts[:, None], self._logs, 0.0).sum(1)
        for i in np.flatnonzero(weights > -np.inf).tolist():
            number = int(self.constraints[i])
            state = self._testers[number].start
            for token in self._tokens[i, : counts[i]].tolist():
                state = self._accept(number, state, token)
            if state == DEAD or not (state == FINISHED or self._testers[number].is_accepting(state)):
                weights[i] = -np.inf
        return weights

    def _accept(self, number: int, state: int, token: int) -> int:
        if state in (DEAD, FINISHED):
            return state
        tester = self._testers[number]
        return tester.accept(state, token) if token < tester.vocabulary.size else DEAD
