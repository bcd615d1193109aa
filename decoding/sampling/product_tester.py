"""Several constraints at once: a token is allowed where all of their testers allow it.

Each part alone never leads into a dead end, but the product may: every part can still be completed, yet no text
completes all of them. Such a state allows no token; a particle there has weight zero, which is right, since no complete
text begins so. What it costs is efficiency.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...grammars import GrammarError
from ..errors import DeadEnd, WrongVocabulary
from ..masker import DEAD, FINISHED
from .automaton_tester import AutomatonTester
from .tester import Tester, paired

_REMEMBERED_STEPS = 1 << 20
_OFFSET = 2  # state q is row q + 2 of the table of parts' states: FINISHED and DEAD have rows too


class ProductTester(Tester):
    """The conjunction of testers over one vocabulary; a state is a tuple of theirs.

    The cheapest part is asked first (`Tester.cost`; equal ones in the order given), each next one only about what those
    before it allow.

    Args:
        testers: at least one. Raises GrammarError for none, WrongVocabulary where vocabularies differ.
    """

    def __init__(self, testers: Sequence[Tester]) -> None:
        if not testers:
            raise GrammarError("a ProductTester needs at least one tester")
        self.testers = tuple(sorted(testers, key=lambda tester: tester.cost))
        """Cheapest first."""
        self.vocabulary = self.testers[0].vocabulary
        if any(tester.vocabulary.fingerprint != self.vocabulary.fingerprint for tester in self.testers):
            raise WrongVocabulary("testers of different vocabularies cannot be joined")
        self.cost = self.testers[-1].cost
        self._lock = threading.Lock()
        self._states: dict[tuple[int, ...], int] = {}
        self._following: dict[tuple[int, int], int] = {}
        self._table = np.empty((64, len(self.testers)), np.int64)
        self._table[FINISHED + _OFFSET], self._table[DEAD + _OFFSET] = FINISHED, DEAD
        self.start = self._intern(tuple(tester.start for tester in self.testers))

    def test(self, states: NDArray[np.int64], tokens: NDArray[np.int64]) -> NDArray[np.bool_]:
        """See `Tester.test`. Raises what the parts raise, GrammarError for an integer that is no state."""
        states, tokens = paired(states, tokens)
        return self._test(0, self._parts(states), tokens)

    def _test(self, begin: int, parts: NDArray[np.int64], tokens: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Test by the testers from `begin` on; `parts` int64 [n, testers]."""
        result = np.zeros(len(tokens), np.bool_)
        left = np.arange(len(tokens))
        for part, tester in enumerate(self.testers[begin:], begin):
            if len(left):
                left = left[tester.test(parts[left, part], tokens[left])]
        result[left] = True
        return result

    def impossible(self) -> NDArray[np.uint32] | None:
        """See `Tester.impossible`: what is impossible for one part."""
        rows = [row for row in (tester.impossible() for tester in self.testers) if row is not None]
        return np.bitwise_or.reduce(rows) if rows else None

    def first(self, states: NDArray[np.int64], candidates: NDArray[np.int64]) -> NDArray[np.int64]:
        """See `Tester.first`. An automaton among the parts skips what it does not allow in one call for all rows."""
        lead = self.testers[0]
        if not isinstance(lead, AutomatonTester):
            return super().first(states, candidates)
        states, candidates = paired(states, candidates)
        parts = self._parts(states)
        leads = parts[:, 0].copy()
        places = np.zeros(len(candidates), np.int64)
        rows = np.arange(len(candidates))
        while len(rows):
            lead.move_on(leads, candidates, rows, places)
            rows = rows[places[rows] < candidates.shape[1]]
            rows = rows[candidates[rows, places[rows]] >= 0]
            rows = rows[~self._test(1, parts[rows], candidates[rows, places[rows]])]
            places[rows] += 1
        return places

    def accept(self, state: int, token: int) -> int:
        """See `Tester.accept`. Parts after one that refuses the token are not asked."""
        following = self._following.get((state, token))
        if following is None:
            reached: list[int] = []
            for tester, part in zip(self.testers, self._parts(np.array([state]))[0].tolist(), strict=True):
                reached.append(tester.accept(part, token))
                if reached[-1] == DEAD:
                    break
            following = DEAD if reached[-1] == DEAD else self._intern(tuple(reached))
            if len(self._following) > _REMEMBERED_STEPS:
                self._following.clear()
            self._following[state, token] = following
        return following

    def is_accepting(self, state: int) -> bool:
        """See `Tester.is_accepting`."""
        parts = self._parts(np.array([state]))[0].tolist()
        return all(tester.is_accepting(part) for tester, part in zip(self.testers, parts, strict=True))

    def price(self, state: int) -> float:
        """The sum of the parts' prices: infinity where one has no mask."""
        parts = self._parts(np.array([state]))[0].tolist()
        return sum(tester.price(part) for tester, part in zip(self.testers, parts, strict=True))

    def fill(self, state: int, row: NDArray[np.uint32]) -> None:
        """Write the mask of `state`: what all parts allow. Raises DeadEnd where that is nothing, Unsupported where a
        part has no mask."""
        parts = self._parts(np.array([state]))[0].tolist()
        self.testers[0].fill(parts[0], row)
        other = np.empty_like(row)
        for tester, part in zip(self.testers[1:], parts[1:], strict=True):
            tester.fill(part, other)
            row &= other
        if not row.any():
            raise DeadEnd("no token is allowed by all constraints: together they cannot be completed from here")

    def _parts(self, states: NDArray[np.int64]) -> NDArray[np.int64]:
        """The parts' states, int64 [n, testers]."""
        if len(states) and not FINISHED <= states.min() <= states.max() < len(self._states):
            raise GrammarError(
                f"one of the states {states.min()} to {states.max()} is not among the {len(self._states)} there are"
            )
        return self._table[states + _OFFSET]

    def _intern(self, parts: tuple[int, ...]) -> int:
        if parts[0] == FINISHED:  # then all are: EOS finishes every part, and nothing else any
            return FINISHED
        with self._lock:
            known = self._states.get(parts)
            if known is not None:
                return known
            state = len(self._states)
            if state + _OFFSET == len(self._table):
                self._table = np.concatenate([self._table, np.empty_like(self._table)])
            self._table[state + _OFFSET] = parts
            self._states[parts] = state
            return state

    def __repr__(self) -> str:
        return f"<ProductTester of {', '.join(map(repr, self.testers))}>"
