"""Rows of one call of `generate` whose tokens were drawn with weights: what `reject` remembers of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ...decoding import DecodingError, Draws, Tester, TokenRejected
from ...decoding.masker import DEAD, FINISHED
from .prefixes import to_array

Integers = NDArray[np.int64]


class WeightedRows:
    """Tokens drawn for n rows, and their weights.

    Args:
        prompts: tokens [n, length] of the first call, left padding included.
        testers: of the constraints; each serves as many rows, one after the other.
        numbers: [n] number of each row's prompt, rising.
        padding: ids with which the host goes on after it has stopped a row.
    """

    def __init__(self, prompts: Integers, testers: Sequence[Tester], numbers: Integers, padding: set[int]) -> None:
        n, self.length = prompts.shape
        self.prompts = numbers
        self.constraints = np.arange(n) // (n // len(testers))
        self.evaluations = np.zeros(n, np.int64)
        self.longest = 0
        """Tokens behind the prompt, as far as they were seen."""
        self._prompts = prompts.tobytes()
        self._testers = testers
        self._padding = padding
        self._ends = frozenset(testers[0].vocabulary.eos_token_ids)
        self._eos = testers[0].vocabulary.eos_token_ids[0]
        self._tokens = np.full((n, 32), -1, np.int64)  # by row and place; after those drawn, those the host adds
        self._logs = np.zeros((n, 32))
        self._states = np.full((n, 33), DEAD, np.int64)  # by row and tokens before
        self._states[:, 0] = [testers[number].start for number in self.constraints.tolist()]
        self._counts = np.zeros(n, np.int64)  # tokens drawn
        self._open = np.ones(n, np.bool_)  # rows that go on
        self._dead = np.zeros(n, np.bool_)

    def follows(self, tokens: Integers) -> bool:
        """Whether rows [n, prompt and generated] begin with these prompts and are longer than before by one at most."""
        return (
            len(tokens) == len(self.prompts)
            and self.length <= tokens.shape[1] <= self.length + self.longest + 1
            and tokens[:, : self.length].tobytes() == self._prompts
        )

    def of_sequences(self, tokens: torch.Tensor) -> Integers:
        """The part of rows [n, prompt and generated] after the prompt; raises DecodingError where the prompts are
        others."""
        array = to_array(tokens)
        if len(array) != len(self.prompts) or array[:, : self.length].tobytes() != self._prompts:
            raise DecodingError("these sequences are not those that the processor has seen last")
        return array[:, self.length :]

    def follow(self, generated: Integers) -> None:
        """See the rows [n, tokens] after the prompt. Raises TokenRejected where they are not the ones drawn."""
        length = generated.shape[1]
        self.longest = max(self.longest, length) if length else 0
        if generated.tobytes() != self._tokens[:, :length].tobytes():  # equal until rows end
            self._compare(generated)

    def _compare(self, generated: Integers) -> None:
        """Check the tokens up to where each row has ended, and end rows that the host has stopped."""
        length = generated.shape[1]
        drawn = self._tokens[:, :length]
        differ = (generated[:, : drawn.shape[1]] != drawn) & (np.arange(drawn.shape[1]) < self._counts[:, None])
        for i in np.flatnonzero(differ.any(1)).tolist():
            place = int(differ[i].argmax())
            if len(generated) == 1 or not self._padding.issuperset(generated[i, place:].tolist()):
                raise TokenRejected(
                    f"row {i}: token {generated[i, place]} stands where token {self._tokens[i, place]} was drawn; "
                    "another logits processor has replaced it, or rows were moved (call reset() before new prompts)"
                )
            self._counts[i], self._open[i] = place, False  # the host stopped this row by a rule of its own
        for i in np.flatnonzero(self._counts < length).tolist():  # so that the next comparison finds no difference
            place = int(self._counts[i])
            self._tokens[i, place:length] = generated[i, place : self._tokens.shape[1]]
            self._tokens[i, length:] = generated[i, -1]

    def waiting(self, length: int) -> Integers:
        """Rows that need a draw after `length` tokens."""
        return np.flatnonzero(self._open & (self._counts == length))

    def states(self, rows: Integers, length: int) -> Integers:
        """States of rows after `length` of the tokens drawn."""
        states: Integers = self._states[rows, length]
        return states

    def add(self, rows: Integers, draws: Draws) -> None:
        """Take the next token of some rows; a dead one ends."""
        length = int(self._counts[rows[0]])
        if length == self._tokens.shape[1]:
            self._tokens = np.concatenate([self._tokens, np.full_like(self._tokens, -1)], axis=1)
            self._logs = np.concatenate([self._logs, np.zeros_like(self._logs)], axis=1)
            self._states = np.concatenate([self._states, np.full_like(self._tokens[:, length:], DEAD)], axis=1)
        for row, token, weight in zip(rows.tolist(), draws.tokens.tolist(), draws.log_weights.tolist(), strict=True):
            if token < 0:
                self._dead[row], self._open[row] = True, False
                self._tokens[row, length], self._logs[row, length] = self._eos, -np.inf
                continue
            self._tokens[row, length], self._logs[row, length] = token, weight
            self._open[row] = token not in self._ends
            tester = self._testers[self.constraints[row]]
            self._states[row, length + 1] = tester.accept(int(self._states[row, length]), token)
        self._counts[rows] += 1
        self.evaluations[rows] += draws.evaluations

    def forced(self, length: int) -> Integers:
        """[n] the token drawn after `length` others, an EOS for rows that have ended before."""
        if length >= self._tokens.shape[1]:
            return np.full(len(self.prompts), self._eos)
        return np.where(length < self._counts, self._tokens[:, length], self._eos)

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
        weights: NDArray[np.float64] = np.where(places < counts[:, None], self._logs, 0.0).sum(1)
        for i in np.flatnonzero(weights > -np.inf).tolist():
            state = int(self._states[i, counts[i]])
            if state == DEAD or not (state == FINISHED or self._testers[self.constraints[i]].is_accepting(state)):
                weights[i] = -np.inf
        return weights
