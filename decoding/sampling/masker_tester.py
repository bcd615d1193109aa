"""Tests by a masker of any making, token by token."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..masker import DEAD, Masker
from .tester import Tester, paired

PRICE = 16.0
"""Evaluations that a new mask counts for, about the ratio of their times as samplers ask for them: over 131,072 tokens
and open schemas 16 us (median; mean 54) for a mask, and 5 us for a call that tests one or a few tokens. A constant, so
that runs repeat exactly."""


class MaskerTester(Tester):
    """Tests by `Masker.accept`; states are the masker's. What was asked is remembered there."""

    cost = 0.1

    def __init__(self, masker: Masker) -> None:
        self.masker = masker
        self.vocabulary = masker.vocabulary
        self.start = masker.start

    def test(self, states: NDArray[np.int64], tokens: NDArray[np.int64]) -> NDArray[np.bool_]:
        """See `Tester.test`. Raises WrongVocabulary for an id outside the vocabulary."""
        states, tokens = paired(states, tokens)
        pairs = zip(states.tolist(), tokens.tolist(), strict=True)
        return np.fromiter((self.masker.accept(q, token) != DEAD for q, token in pairs), np.bool_, len(states))

    def accept(self, state: int, token: int) -> int:
        """See `Tester.accept`."""
        return self.masker.accept(state, token)

    def is_accepting(self, state: int) -> bool:
        """See `Tester.is_accepting`."""
        return self.masker.is_accepting(state)

    def price(self, state: int) -> float:
        """0 where the mask is known, else `PRICE`: an estimate."""
        return 0.0 if self.masker.remembers(state) else PRICE

    def fill(self, state: int, row: NDArray[np.uint32]) -> None:
        """As `Masker.fill`."""
        self.masker.fill(state, row)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.masker.grammar!r}>"
