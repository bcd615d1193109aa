"""What a step sampler asks of a constraint: tests of single tokens, and a mask where one is to be had.

States are integers as those of `Masker`: `DEAD` (-1) after a token that is not allowed, `FINISHED` (-2) after EOS,
and otherwise whatever the tester numbers. One tester serves any number of rows, particles and threads.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from ...grammars.errors import GrammarError, Unsupported
from ..vocabulary import Vocabulary


class Tester(ABC):
    """Tests of tokens by a constraint over a vocabulary.

    The rule that all implementations keep: a token is allowed in a state when its bytes may follow; an EOS token when
    the text so far is complete; other control tokens and ids without bytes never.
    """

    vocabulary: Vocabulary
    start: int
    """State before the first token."""
    cost: float = 1.0
    """Of one evaluation, relative to other testers: a conjunction asks the cheaper ones first."""

    @abstractmethod
    def test(self, states: NDArray[np.int64], tokens: NDArray[np.int64]) -> NDArray[np.bool_]:
        """For each i, whether `tokens[i]` is allowed in `states[i]`; int64 [n] both, bool [n] back.

        Each pair counts as one evaluation of the constraint.
        """

    @abstractmethod
    def accept(self, state: int, token: int) -> int:
        """State after `token`: DEAD when it is not allowed, FINISHED after EOS."""

    @abstractmethod
    def is_accepting(self, state: int) -> bool:
        """Whether the text so far is complete."""

    def first(self, states: NDArray[np.int64], candidates: NDArray[np.int64]) -> NDArray[np.int64]:
        """For each row of `candidates` (int64 [n, k]; -1 ends a row) the place of the first one allowed in
        `states[i]`, the number of candidates where none is. Candidates are tested in order, none after the first hit:
        the row's evaluations are its result plus one, or the number of candidates.
        """
        places = np.zeros(len(states), np.int64)
        open_rows = np.flatnonzero((candidates >= 0).any(1))
        while len(open_rows):
            tokens = candidates[open_rows, places[open_rows]]
            refused = open_rows[~self.test(states[open_rows], tokens)]
            places[refused] += 1
            refused = refused[places[refused] < candidates.shape[1]]
            open_rows = refused[candidates[refused, places[refused]] >= 0]
        return places

    def impossible(self) -> NDArray[np.uint32] | None:
        """Tokens known to be allowed in no state at all, as a mask (bits as in `fill`, set for these; those of control
        tokens may be); None where nothing is known. To know costs no evaluation."""
        return None

    def price(self, state: int) -> float:
        """How many evaluations `fill` costs in this state: 0 where the mask is known, infinity where none exists."""
        return np.inf

    def fill(self, state: int, row: NDArray[np.uint32]) -> None:
        """Write the mask of `state` (as `Masker.fill`). Raises Unsupported where no mask exists, DeadEnd where nothing
        is allowed."""
        raise Unsupported(f"{type(self).__name__} has no mask: its constraint can only be tested token by token")


def paired(states: NDArray[np.int64], tokens: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Both as kernels take them: int64, contiguous, and writeable, since they would be compiled anew for other arrays.

    Raises GrammarError where the lengths differ.
    """
    if len(states) != len(tokens):
        raise GrammarError(f"{len(states)} states do not go with {len(tokens)} rows of tokens")
    return _plain(states), _plain(tokens)


def _plain(values: NDArray[np.int64]) -> NDArray[np.int64]:
    values = np.ascontiguousarray(values, np.int64)
    return values if values.flags.writeable else values.copy()
