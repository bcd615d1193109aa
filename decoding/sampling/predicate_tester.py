"""Tests by a Python predicate: states are prefixes, and no prefix is judged twice."""

from __future__ import annotations

import threading
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from ...grammars import GrammarError
from ...grammars.callback import Callback
from ...grammars.predicate import Predicate
from ..errors import WrongVocabulary
from ..masker import DEAD, FINISHED
from ..vocabulary import Vocabulary
from .tester import Tester, paired


class PredicateTester(Tester):
    """Tests of tokens by a predicate, all texts of a call in one evaluation of it.

    A state is a text, however it was tokenized; 0 is the empty one. Texts of states are kept as long as the tester;
    answers are remembered up to a number, beyond which the older half is forgotten.

    Args:
        predicate: what judges.
        vocabulary: tokens and their bytes.
        remember: number of answers to remember.

    One tester may be shared by threads if the functions may; they are called without a lock.
    """

    def __init__(self, predicate: Predicate, vocabulary: Vocabulary, *, remember: int = 1 << 16) -> None:
        self.predicate = predicate
        self.vocabulary = vocabulary
        self.cost = predicate.cost
        self.start = 0
        self.asked = 0
        """Pairs that were asked for by `test` so far."""
        self.evaluations = 0
        """Texts that the functions were called with so far; what was remembered is not among them."""
        self._texts = [b""]
        self._states = {b"": 0}
        self._eos = frozenset(vocabulary.eos_token_ids)
        self._remember = max(1, remember)
        self._answers: dict[tuple[bool, bytes], bool] = {}  # by whether `complete` was asked, and the text
        self._lock = threading.Lock()

    def test(self, states: NDArray[np.int64], tokens: NDArray[np.int64]) -> NDArray[np.bool_]:
        """See `Tester.test`. Raises PredicateError where the predicate fails, WrongVocabulary for an id outside the
        vocabulary, GrammarError for an integer that is no state."""
        states, tokens = paired(states, tokens)
        with self._lock:
            self.asked += len(states)
        result = np.zeros(len(states), np.bool_)
        asked: list[int] = []
        texts: list[bytes] = []
        ends: list[bool] = []
        for i, (state, token) in enumerate(zip(states.tolist(), tokens.tolist(), strict=True)):
            end = self._is_eos(token)
            if state == FINISHED:
                result[i] = end
            elif state != DEAD and (end or (added := self.vocabulary.token_bytes(token))):
                text = self.text(state)
                asked.append(i)
                texts.append(text if end else text + added)
                ends.append(end)
        result[asked] = self._judge(texts, ends)
        return result

    def accept(self, state: int, token: int) -> int:
        """See `Tester.accept`. Raises as `test` does; evaluates only what was not asked before."""
        end = self._is_eos(token)
        if state < 0:
            return FINISHED if end and state == FINISHED else DEAD
        text, added = self.text(state), self.vocabulary.token_bytes(token)
        if not (end or added) or not self._judge([text + added], [end])[0]:
            return DEAD
        if end:
            return FINISHED
        text += added
        with self._lock:
            if text not in self._states:
                self._states[text] = len(self._texts)
                self._texts.append(text)
            return self._states[text]

    def is_accepting(self, state: int) -> bool:
        """See `Tester.is_accepting`."""
        return state == FINISHED or (state != DEAD and self._judge([self.text(state)], [True])[0])

    def text(self, state: int) -> bytes:
        """The text of a state. Raises GrammarError for an integer that is none."""
        if not 0 <= state < len(self._texts):
            raise GrammarError(f"{state} is not a state of this tester, which has {len(self._texts)} so far")
        return self._texts[state]

    def _is_eos(self, token: int) -> bool:
        if not 0 <= token < self.vocabulary.size:
            raise WrongVocabulary(f"token id {token} is outside the vocabulary of {self.vocabulary.size}")
        return token in self._eos

    def _judge(self, texts: list[bytes], ends: list[bool]) -> list[bool]:
        """For each text, whether it may go on, or where it is to end, whether it may."""
        predicate = self.predicate
        views = [predicate.view(text, whole=end) for text, end in zip(texts, ends, strict=True)]
        result = [view is not None for view in views]
        for function, of_ends in ((predicate.prefix, False), (predicate.complete, True)):
            if function is not None:
                left = [i for i, end in enumerate(ends) if result[i] and (end or not of_ends)]
                answers = self._answer(function, of_ends, [views[i] or b"" for i in left])
                for i, answer in zip(left, answers, strict=True):
                    result[i] = answer
        return result

    def _answer(self, function: Callback, of_ends: bool, views: list[bytes]) -> list[bool]:
        """Answers of one of the functions, those that are not remembered in one call."""
        known = {view: self._answers.get((of_ends, view)) for view in views}
        missing = [view for view, answer in known.items() if answer is None]
        if missing:
            known.update(zip(missing, function(missing), strict=True))
            with self._lock:
                self.evaluations += len(missing)
                self._answers.update(((of_ends, view), bool(known[view])) for view in missing)
                if len(self._answers) > self._remember:
                    for key in list(
                        islice(self._answers, max(len(self._answers) // 2, len(self._answers) - self._remember))
                    ):
                        del self._answers[key]
        return [bool(known[view]) for view in views]

    def __repr__(self) -> str:
        return f"<PredicateTester of {self.predicate!r}, {self.evaluations} evaluations>"
