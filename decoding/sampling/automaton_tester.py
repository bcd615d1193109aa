"""Tests by a grammar's automaton: a token costs its bytes, and a mask is to be had where enough tokens are tested."""

from __future__ import annotations

import weakref

import numpy as np
from numpy.typing import NDArray

from ...grammars import Grammar, GrammarError, Network
from ...grammars.warmup import warm_up
from ..errors import WrongVocabulary
from ..masker import Masker
from ..vocabulary import Vocabulary
from .first_kernels import BAD_STATE, BAD_TOKEN, first_allowed
from .head_kernels import within
from .masker_tester import MaskerTester
from .tester import paired

_impossible: weakref.WeakKeyDictionary[Masker, NDArray[np.uint32]] = weakref.WeakKeyDictionary()


class AutomatonTester(MaskerTester):
    """Tests of tokens by the automaton of a masker, whose states these are.

    All pairs of one call are tested in one kernel. One tester may be shared by threads.
    """

    cost = 0.0

    def __init__(self, masker: Masker) -> None:
        warm_up("automaton tester", _use_kernel)
        super().__init__(masker)
        self._eos = np.zeros(self.vocabulary.size, np.bool_)
        self._eos[list(self.vocabulary.eos_token_ids)] = True

    def impossible(self) -> NDArray[np.uint32] | None:
        """See `Tester.impossible`: tokens with a byte that no edge of the automaton reads."""
        known = _impossible.get(self.masker)
        if known is None:
            known = _impossible[self.masker] = _with_foreign_bytes(self.masker)
        return known if len(known) else None

    def test(self, states: NDArray[np.int64], tokens: NDArray[np.int64]) -> NDArray[np.bool_]:
        """See `Tester.test`. Raises WrongVocabulary for an id outside the vocabulary, GrammarError for an integer that
        is no state."""
        states, tokens = paired(states, tokens)
        if not within(tokens, self.vocabulary.size):
            outside = tokens[(tokens < 0) | (tokens >= self.vocabulary.size)]
            raise WrongVocabulary(f"token id {outside[0]} is outside the vocabulary of {self.vocabulary.size}")
        allowed: NDArray[np.bool_] = self.first(states, tokens.reshape(-1, 1)) == 0
        return allowed

    def first(self, states: NDArray[np.int64], candidates: NDArray[np.int64]) -> NDArray[np.int64]:
        """See `Tester.first`: all rows in one call. Raises as `test` does."""
        places = np.zeros(len(candidates), np.int64)
        self.move_on(states, candidates, np.arange(len(candidates)), places)
        return places

    def move_on(
        self,
        states: NDArray[np.int64],
        candidates: NDArray[np.int64],
        rows: NDArray[np.int64],
        places: NDArray[np.int64],
    ) -> None:
        """Move `places` (int64 [n], written) in the given rows on to the next allowed candidate at or after it."""
        states, candidates = paired(states, candidates)
        vocabulary = self.vocabulary
        result = self.masker.automaton.run(
            first_allowed, vocabulary.data, vocabulary.offsets, self._eos, states, candidates, rows, places
        )
        if result == BAD_TOKEN:
            raise WrongVocabulary(f"token id {candidates.max()} is outside the vocabulary of {vocabulary.size}")
        if result == BAD_STATE:
            known = self.masker.automaton.states
            raise GrammarError(f"one of the states {states.min()} to {states.max()} is not among the {known} there are")


def _with_foreign_bytes(masker: Masker) -> NDArray[np.uint32]:
    """Tokens with a byte that the grammar has nowhere, as a mask; empty where there are none."""
    program, vocabulary = masker.grammar.program, masker.vocabulary
    read = np.zeros(program.byte_classes + 1, np.int64)
    of_bytes = program.edges[program.edges[:, 0] < program.byte_classes]
    np.add.at(read, of_bytes[:, 0], 1)
    np.add.at(read, np.minimum(of_bytes[:, 1] + 1, program.byte_classes), -1)
    foreign = np.cumsum(read)[program.classes[:256]] == 0
    if program.text.any() or not foreign.any():  # characters of JSON strings may be spelled by escapes
        return np.empty(0, np.uint32)
    before = np.concatenate([[0], np.cumsum(foreign[vocabulary.data])])
    bits = np.zeros(32 * masker.words, np.bool_)
    bits[: vocabulary.size] = before[vocabulary.offsets[1:]] > before[vocabulary.offsets[:-1]]
    return np.packbits(bits, bitorder="little").view(np.uint32)


def _use_kernel() -> None:
    """Call the kernel once."""

    def emit(network: Network, a: int, b: int) -> None:
        network.literal(a, b"a", b)

    vocabulary = Vocabulary.from_bytes([b"a", None], eos_token_ids=[1])
    tester = AutomatonTester(Masker(Grammar(emit, "warm-up"), vocabulary))
    tester.test(np.array([tester.start]), np.array([0]))
