"""Verdicts on many tokens at once, by what the tokenizer's pattern does with texts of their shape.

Whether a token may follow a window is decided by where the text is split into pretokens, which depends on the kinds of
its characters alone, and by pairs of neighbours within a pretoken (`merges.py`). So one token of each shape, which is a
string of classes of characters that the pattern treats alike, is tried, and pairs decide on the rest; what that leaves
open is asked of the encoder. Which characters are alike is found by trying them in a list of texts: a pattern
that told apart what none of these does would be taken for a simpler one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..vocabulary import Vocabulary
from .characters import kind
from .encoder import Encoder, completions

UNKNOWN, NO, YES = 0, 1, 2
_SPLIT, _JOINED, _SPLIT_BEFORE, _JOINED_BEFORE, _ODD = 1, 2, 4, 8, 16  # of a shape after a window; see _status
_BEFORE = {0: 0, _SPLIT: _SPLIT_BEFORE, _JOINED: _JOINED_BEFORE, _ODD: _ODD}
_LEFT = ("", "a", "A", "1", "11", " ", "\n", ".", " .", "'", "中", "\u0301")
_RIGHT = ("", "a", "A", "1", " ", "\n", ".", "'", "中")
_LEFT_OF_OTHERS, _RIGHT_OF_OTHERS = ("", "a", "A", "1", " ", "."), ("", "a", "1", "中")
_APOSTROPHES = ("'", "’")
_RUNS = re.compile(r"([^\d\s])\1{2,}")


class Classes:
    """Classes of characters, each by one of its members: kinds that are split alike in all texts tried."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._by_kind: dict[str, str] = {}
        self._by_cuts: dict[tuple[str, tuple[frozenset[int], ...]], str] = {}
        self._ascii: dict[int, str] = {}

    def of(self, character: str) -> str:
        """The first member seen of the character's class."""
        name = kind(character)
        found = self._by_kind.get(name)
        if found is None:
            lefts, rights = (_LEFT, _RIGHT) if character.isascii() else (_LEFT_OF_OTHERS, _RIGHT_OF_OTHERS)
            around = [left + character + right for left in lefts for right in rights]
            around += [end + 3 * character + end for end in ("", "a", " ", "1")]
            cuts = tuple(frozenset(self._encoder.cuts(text)) for text in around)
            key = "" if character.isascii() else name[:2], cuts  # of others the category counts, too
            found = self._by_kind[name] = self._by_cuts.setdefault(key, character)
        return found

    def shape(self, text: str) -> str:
        """Classes of a text's characters; runs longer than two of anything but digits and whitespace are two, and
        letters that only matter after an apostrophe are like others in a text without one."""
        plain = not any(mark in text for mark in _APOSTROPHES)
        if plain and text.isascii():
            if not self._ascii:
                self._ascii = {i: self.of(_letterless(chr(i))) for i in range(128)}
            names = text.translate(self._ascii)
        else:
            names = "".join(self.of(_letterless(c) if plain else c) for c in text)
        return _RUNS.sub(r"\1\1", names) if len(names) > 2 else names


def _letterless(character: str) -> str:
    if character.isascii() and character.isalpha():
        return "A" if character.isupper() else "a"
    return character


class Shapes:
    """Verdicts for one tokenizer. `useful`: the texts that change how a text is split when they follow it."""

    def __init__(
        self,
        encoder: Encoder,
        vocabulary: Vocabulary,
        texts: Sequence[str | None],
        classes: Classes,
        useful: Callable[[str], Sequence[str]],
    ) -> None:
        self._encoder = encoder
        self._classes = classes
        self._useful = useful
        self._data = [vocabulary.token_bytes(i) for i in range(vocabulary.size)]
        self._words = frozenset(self._data) if encoder.whole_words else frozenset()
        self._texts = texts
        self._shape: NDArray[np.int64] | None = None  # by token: the number of its shape, -1 for none
        self._samples: list[tuple[str, ...]] = []  # by shape: a token's text, or texts that begin with the token
        self._whole: list[bool] = []  # by shape: whether its tokens are whole characters
        self._tails: dict[bytes, tuple[str, ...]] = {}  # a character of each class that begins with some bytes
        self._statuses: dict[str, NDArray[np.int16]] = {}

    def decide(self, window: Sequence[int], text: str, tokens: NDArray[np.int64], whole: bool) -> NDArray[np.uint8]:
        """uint8 [n]: UNKNOWN, NO or YES for each of `tokens` after a window that spells `text`; `whole`: whether the
        window is the tokenization of that."""
        out = np.zeros(len(tokens), np.uint8)
        encoder = self._encoder
        if not encoder.splits or not encoder.composes_only or (encoder.normalizes and not text.isascii()):
            return out
        if any(mark in text for mark in _APOSTROPHES) or any(_meets(text, added) for added in encoder.added):
            return out
        shapes = self._shapes()[tokens]
        status = self._status(text, np.unique(shapes[shapes >= 0]))[shapes]
        made = encoder.merges.made[tokens]
        beside = np.zeros(len(tokens), np.bool_)
        near = np.flatnonzero(status & (_JOINED | _JOINED_BEFORE))
        if window and len(near):
            beside[near] = encoder.merges.follows(window[-1], tokens[near])
        alone = made | encoder.whole_words  # as a pretoken
        joinable = whole or (len(window) == 1 and self._encoder.cuts(text) == {0})
        word = np.zeros(len(tokens), np.bool_)
        if self._words:
            head = text[max((c for c in encoder.cuts(text) if c < len(text)), default=0) :].encode()
            word[near] = [head + self._data[i] in self._words for i in tokens[near].tolist()]
        split, joined = (status & _SPLIT) > 0, (status & _JOINED) > 0
        yes = split & alone & whole | joined & beside & joinable & ~word
        open_ = (status & _ODD > 0) | (status & _SPLIT_BEFORE > 0) & alone | (status & _JOINED_BEFORE > 0) & beside
        open_ |= joined & beside & (word | (not joinable))
        out[~open_] = NO
        out[yes] = YES
        out[shapes < 0] = UNKNOWN
        return out

    def _status(self, text: str, wanted: NDArray[np.int64]) -> NDArray[np.int16]:
        """By shape, for those wanted: whether with nothing after the token it is split from the window or joined to it,
        and whether it may be with a text that follows; ODD where the window itself would be split another way."""
        key = self._classes.shape(text)
        if key not in self._statuses:
            self._statuses[key] = np.full(len(self._samples) + 1, -1, np.int16)  # one more, for tokens without a shape
        found = self._statuses[key]
        before = {c for c in self._encoder.cuts(text) if c < len(text)} if text else set()
        for n in wanted[found[wanted] < 0].tolist():
            found[n] = 0
            for sample in self._samples[n]:
                plain = self._class(text, sample, "", before)
                later = {self._class(text, sample, end, before) for end in self._useful(text + sample)}
                if self._whole[n] and plain != _ODD:
                    found[n] |= plain
                else:
                    later.add(plain)
                for status in later:
                    found[n] |= _BEFORE[status]
        return found

    def _class(self, text: str, sample: str, end: str, before: set[int]) -> int:
        """SPLIT, JOINED, ODD, or 0 where the token itself is split."""
        cuts = self._encoder.cuts(text + sample + end)
        stop = len(text) + len(sample)
        if {c for c in cuts if c < len(text)} != before:
            return _ODD
        if any(len(text) < c < stop for c in cuts):
            return 0
        return _SPLIT if len(text) in cuts else _JOINED

    def _shapes(self) -> NDArray[np.int64]:
        if self._shape is None:
            numbers: dict[tuple[bool, tuple[str, ...]], int] = {}
            self._shape = np.full(len(self._texts), -1, np.int64)
            added = self._encoder.added
            unlike = re.compile("|".join(map(re.escape, added))) if added else None
            for i, data in enumerate(self._data):
                if not data or i in self._encoder.added_ids:
                    continue
                samples = self._sampled(self._texts[i], data)
                if not samples or any(unlike.search(text) for text in samples if unlike):
                    continue
                name = self._texts[i] is not None, tuple(map(self._classes.shape, samples))
                if name not in numbers:
                    numbers[name] = len(numbers)
                    self._whole.append(name[0])
                    self._samples.append(samples)
                self._shape[i] = numbers[name]
        return self._shape

    def _sampled(self, text: str | None, data: bytes) -> tuple[str, ...]:
        """The text of a token, or a text of each class that begins with its bytes; none where the tokenizer might
        change it."""
        normalizes = self._encoder.normalizes
        if text is not None:
            keeps = not normalizes or (self._encoder.leaves_alone(text) and not _composes(text[0]))
            return (text,) if keeps else ()
        try:
            data.decode()
        except UnicodeDecodeError as error:
            if error.reason != "unexpected end of data":
                return ()
            base, tail = data[: error.start].decode(), data[error.start :]
        if tail not in self._tails:
            ends = completions(tail)
            by_class = {self._classes.of(end): end for end in ends}
            self._tails[tail] = () if normalizes and any(map(_composes, ends)) else tuple(by_class.values())
        return tuple(base + end for end in self._tails[tail])


def _composes(character: str) -> bool:
    """Whether a character may be composed with one before it."""
    return kind(character)[:1] == "M" and not character.isascii()


def _meets(text: str, added: str) -> bool:
    """Whether an added token may begin in the text."""
    return added in text or any(text.endswith(added[:n]) for n in range(1, len(added)))
