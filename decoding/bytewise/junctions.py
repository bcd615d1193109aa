"""Verdicts on tokens that are shared by all windows which the tokenizer's pattern cannot tell apart.

After a window that is the beginning of one pretoken whatever follows ("stable"), what the pattern does depends on the
kinds of its characters alone, and byte-pair encoding on whether its last token and the next one may be neighbours
(`merges.py`). So a verdict that was found after " house" by asking the encoder holds after " man", too.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..vocabulary import Vocabulary
from .characters import kind
from .encoder import Encoder

_FIRST = "asAS01 \t\n\r'’.,(_-/\xa0ßЖ中の\u0301☃"
_SECOND = ("", "a", "A", "l", "1", "11", " ", "\n", ".", "'s")
_RUNS = re.compile(r"([aA])\1+")
_COMBINING = (0xCC, 0xCD)  # first bytes of the marks that compose with ASCII characters

Cuts = tuple[frozenset[int], ...]


class Junctions:
    """Tables of verdicts by kind of window."""

    def __init__(self, encoder: Encoder, vocabulary: Vocabulary) -> None:
        self._encoder = encoder
        self._size = vocabulary.size
        self._stable: dict[str, Cuts | None] = {}
        self._tables: dict[tuple[Cuts, bool], NDArray[np.uint8]] = {}
        data = [vocabulary.token_bytes(i) for i in range(vocabulary.size)]
        self._alike = np.ones(vocabulary.size, np.bool_)
        if encoder.normalizes:
            self._alike[:] = [not token or token[0] not in _COMBINING for token in data]
        self._data = data
        self._words = frozenset(data) if encoder.whole_words else frozenset()

    def table(self, text: str, whole: Callable[[], bool]) -> NDArray[np.uint8] | None:
        """uint8 [2, vocabulary], to be read and written: verdicts on each token where it may not be, and where it may
        be a neighbour of the window's last one; for windows that spell the text. None where they are not shared.
        `whole`: whether the window is the tokenization of its text."""
        encoder = self._encoder
        if not encoder.splits or not encoder.composes_only or (encoder.normalizes and not text.isascii()):
            return None
        key = _RUNS.sub(r"\1", "".join(map(_letterless, text)))
        if key not in self._stable:
            self._stable[key] = self._continuations(text)
        followed = self._stable[key]
        if followed is None or any(_meets(text, added) for added in encoder.added):
            return None
        entry = followed, whole()
        if entry not in self._tables:
            self._tables[entry] = np.zeros((2, self._size), np.uint8)
        return self._tables[entry]

    def alike(self, text: str, tokens: NDArray[np.int64]) -> NDArray[np.bool_]:
        """For each token, whether the verdict on it after a text may be shared, bool [n]: not where the two may compose
        to another character, nor, where whole words are tokens, where the two are one."""
        alike = self._alike[tokens]
        if self._words:
            head = text.encode()
            alike &= [head + self._data[i] not in self._words for i in tokens.tolist()]
        found: NDArray[np.bool_] = alike
        return found

    def _continuations(self, text: str) -> Cuts | None:
        """Where texts that follow are split, counted from the end of this text: windows that agree in that are alike.
        None where this text is split, too, with any of them."""
        if text[-1].isspace() or "'" in text or "’" in text:
            return None
        ends = ("", *(first + second for first in _FIRST for second in _SECOND))
        cuts = [self._encoder.cuts(text + end) for end in ends]
        if any({cut for cut in found if cut < len(text)} != {0} for found in cuts):
            return None
        return tuple(frozenset(cut - len(text) for cut in found if cut) for found in cuts)


def _meets(text: str, added: str) -> bool:
    """Whether an added token may begin in the text."""
    return added in text or any(text.endswith(added[:n]) for n in range(1, len(added)))


def _letterless(character: str) -> str:
    """Kind of a character in a text without apostrophes, after which alone patterns tell letters apart."""
    if character.isascii() and character.isalpha():
        return "A" if character.isupper() else "a"
    return kind(character)
