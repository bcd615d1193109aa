"""Soft constraints: log scores of complete texts, which bend the target, and of prefixes, which only guide.

The law sampled from is p(x) 1{x in the constraint} * product of exp(complete_i(x)). A prefix score (a twist, Naesseth
et al. 2019; Lew et al. 2023) says how promising a prefix is; it decides what is resampled and cancels in the end, so it
may be a guess. A costly prefix score is asked for at boundaries only, and carried on from the last one in between.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DecodingError

Floats = NDArray[np.float64]


class Potential:
    """A log score of complete texts, of prefixes, or both.

    Args:
        complete: text -> log score of a complete text; -inf forbids it.
        prefix: prefix -> log score of the promise of a prefix; -inf promises that `complete` is -inf for all that
            begin so: the particle dies.
        boundary: where `prefix` is asked: after a token in which one of these bytes occurs, about the text up to and
            with the last of them (bytes); or where this function of the prefix is true (a function); everywhere (None).
        text: whether the functions take str instead of bytes. A character that a prefix ends within is left out of
            it; bytes that are no UTF-8 become U+FFFD.
        batched: whether `complete` and `prefix` take a list and return as many scores.

    Scores are natural logarithms. NaN and +inf raise DecodingError.
    """

    def __init__(
        self,
        complete: Callable[[Any], Any] | None = None,
        prefix: Callable[[Any], Any] | None = None,
        boundary: Callable[[Any], bool] | bytes | None = None,
        *,
        text: bool = False,
        batched: bool = False,
    ) -> None:
        if complete is None and prefix is None:
            raise DecodingError("a potential needs a score: complete= for whole texts, prefix= for beginnings, or both")
        if boundary is not None and prefix is None:
            raise DecodingError("boundary= says where a prefix score is asked, but there is no prefix=")
        self.has_prefix = prefix is not None
        self._complete, self._prefix, self._boundary = complete, prefix, boundary
        self._text, self._batched = text, batched

    def complete(self, texts: Sequence[bytes]) -> Floats:
        """Log scores of complete texts, float64 [n]; zeros without a `complete` score."""
        if self._complete is None or not texts:
            return np.zeros(len(texts))
        return self._ask(self._complete, [t.decode(errors="replace") if self._text else t for t in texts])

    def prefix(self, prefixes: Sequence[bytes], tokens: Sequence[bytes], before: Floats) -> Floats:
        """Log scores of prefixes, float64 [n].

        tokens: the last token of each; before: float64 [n], the scores before it, carried on away from boundaries.
        """
        if self._prefix is None or not prefixes:
            return before
        scores = before.copy()
        asked: list[int] = []
        values: list[str | bytes] = []
        for i, (prefix, token) in enumerate(zip(prefixes, tokens, strict=True)):
            if isinstance(self._boundary, bytes):
                behind = max(token.rfind(byte) for byte in self._boundary) + 1 if self._boundary else 0
                if not behind:
                    continue
                prefix = prefix[: len(prefix) - len(token) + behind]
            value = _whole_characters(prefix) if self._text else prefix
            if callable(self._boundary) and not self._boundary(value):
                continue
            asked.append(i)
            values.append(value)
        if asked:
            scores[asked] = self._ask(self._prefix, values)
        return scores

    def _ask(self, function: Callable[[Any], Any], values: Sequence[str | bytes]) -> Floats:
        answers = function(list(values)) if self._batched else [function(value) for value in values]
        scores = np.asarray(answers, np.float64).reshape(-1)
        if len(scores) != len(values):
            raise DecodingError(f"a batched potential returned {len(scores)} scores for {len(values)} texts")
        wrong = np.flatnonzero(np.isnan(scores) | (scores == np.inf))
        if len(wrong):
            raise DecodingError(
                f"a potential returned {scores[wrong[0]]} for {values[wrong[0]]!r}: a log score is a number, or -inf"
            )
        return scores


def _whole_characters(prefix: bytes) -> str:
    return codecs.getincrementaldecoder("utf-8")("replace").decode(prefix)
