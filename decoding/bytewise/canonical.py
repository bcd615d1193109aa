"""Which token sequences the tokenizer itself could have begun a text with.

A sequence is canonical when it is a prefix of encode(text) for some text that the tokenizer spells in full (Hayase et
al. 2025, section 3). Text is split into pretokens, and within one a sequence is canonical exactly when every pair of
neighbours is (`merges.py`). Where pretokens end depends on the tokenizer's pattern, and near the end of the text also
on what follows; so the tokenizer's own encoder is asked, for a window that starts at a place where it always splits, or
after any token where it never does, and with texts that follow (witnesses). These are all texts of up to two
characters for small alphabets, and otherwise a fixed list with characters of each kind that patterns in use tell apart:
with a pattern that looks further ahead, a sequence could be taken for not canonical that is.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..vocabulary import Vocabulary
from .characters import decoded, kind, letter_tokens
from .encoder import Encoder, completions
from .junctions import Junctions
from .shapes import Classes, Shapes

Window = tuple[int, ...]

_UNKNOWN, _NO, _YES = 0, 1, 2
_CHARACTERS = "asdtmlrveiAS01 \t\n\r'’.,(_-/\xa0ßЖ中の\u0301☃"
_WORDS = ["ll", "re", "ve", "LL", " a", "  a", "   a", "\na", "\n ", " \n", "  \n", "\r\n", "\n\n", "  ☃", "000", ".\n"]
_SMALL = 12  # characters of an alphabet whose texts of up to two are all tried
_KEPT = 512  # windows whose verdicts are kept
_ENDS = ("", "a", "A", "l", "1", " ", "\n", "'s", ".")  # of texts by which a split after whitespace is judged
_CONTINUATIONS = bytes(range(0x80, 0xC0))
_MANY = 64  # tokens from which they are decided on by shape first
_RUN = 8  # tokens of whitespace that are enough to tell what may come next
_LONGEST = 4  # characters at the end of a text on which it may depend which witnesses matter


class Canonical:
    """Tests of canonicality for one tokenizer.

    A window is the part of a sequence that matters to what may come next, as a tuple of ids: `extend` makes it from the
    one before, () stands for the beginning of a text.
    """

    def __init__(self, encoder: Encoder, vocabulary: Vocabulary) -> None:
        self.encoder = encoder
        self.vocabulary = vocabulary
        self._bytes = [vocabulary.token_bytes(i) for i in range(vocabulary.size)]
        self._texts = [decoded(data) for data in self._bytes]
        self._verdicts: dict[Window, NDArray[np.uint8]] = {(): np.zeros(vocabulary.size, np.uint8)}
        self._breaks: dict[tuple[str, str], bool] = {}  # by kinds of characters
        self._apart: dict[str, NDArray[np.int8]] = {}  # by what comes before, by number of an initial: see _split_off
        self._useful: dict[str, list[str]] = {}
        alphabet = sorted({c for text in self._texts if text is not None for c in text})
        self._few = len(alphabet) <= _SMALL
        if self._few:
            words = [*alphabet, *map("".join, itertools.product(alphabet, repeat=2))]
        else:
            words = [*_CHARACTERS, *_WORDS]
        spelled = encoder.encode(words)
        self._witnesses = [w for w, ids in zip(words, spelled, strict=True) if encoder.spells(ids) == w.encode()]
        self._initials = self._first_characters()
        kinds = [c and kind(c) for c in self._initials]
        number = {kind: n for n, kind in enumerate(dict.fromkeys(kinds))}
        self._initial_kinds = np.array([number[kind] for kind in kinds])
        self._kinds = list(dict(zip(kinds, self._initials, strict=True)).values())  # a character of each kind
        self._letters, self._alone = letter_tokens(encoder, self._bytes, self._texts)
        self._junctions = Junctions(encoder, vocabulary)
        self._classes = Classes(encoder)
        self._shapes = Shapes(encoder, vocabulary, self._texts, self._classes, self._useful_witnesses)

    def extend(self, window: Window, token: int) -> Window:
        """The window after one more token."""
        before = self._text(window)
        if before is None:  # inside a character
            return (*window, token)
        if not self.encoder.splits:  # only pairs matter
            return (token,)
        first = self._initials[token]
        if before and first and self._parts(before, first):
            return (token,)
        return self._shorter((*window, token))

    def _shorter(self, ids: Window) -> Window:
        """The end of a window that is a long run of one whitespace character: where such a run is split depends on its
        end, and what is merged in it on pairs, so that its beginning does not matter."""
        if len(ids) <= 2 * _RUN:
            return ids
        text = self._text(ids)
        if text is None or not text.isspace() or text != text[0] * len(text):
            return ids
        end = ids[-_RUN:]
        longer = not self.encoder.whole_words or len(self.vocabulary.text(end)) > self.vocabulary.max_token_bytes
        return end if longer else ids

    def follows(self, window: Window, tokens: NDArray[np.int64]) -> NDArray[np.bool_]:
        """For each id of `tokens` (int64 [n]), whether the sequence is still canonical with it; bool [n]."""
        verdicts = self.verdicts(window)
        unknown = tokens[verdicts[tokens] == _UNKNOWN]
        if len(unknown):
            self._decide(window, unknown, verdicts)
        canonical: NDArray[np.bool_] = verdicts[tokens] == _YES
        return canonical

    def verdicts(self, window: Window) -> NDArray[np.uint8]:
        """What is known after a window, not to be written to: uint8 [vocabulary], 0 unknown, 1 no, 2 canonical."""
        verdicts = self._verdicts.get(window)
        if verdicts is None:
            if len(self._verdicts) >= _KEPT:  # the oldest go; that of the beginning serves all that is split off
                for old in itertools.islice(list(self._verdicts), 1, _KEPT // 2):
                    del self._verdicts[old]
            verdicts = self._verdicts[window] = np.zeros(self.vocabulary.size, np.uint8)
        return verdicts

    def splits_between(self, before: bytes, after: bytes) -> bool:
        """Whether every text is split between these bytes, so that how the text before is encoded is settled."""
        last, first = decoded(before[-4:].lstrip(_CONTINUATIONS)), after[:4].decode(errors="ignore")[:1]
        return bool(last and first and after.startswith(first.encode())) and self._cuts_between(str(last)[-1], first)

    def is_whole(self, window: Window) -> bool:
        """Whether a canonical sequence that ends with this window is the tokenization of its text, so that EOS may
        follow."""
        text = self._text(window)
        return text is not None and (not window or self.encoder.encode([text])[0] == list(window))

    def _decide(self, window: Window, tokens: NDArray[np.int64], verdicts: NDArray[np.uint8]) -> None:
        rest = tokens
        before = self._text(window)
        if before and self.encoder.splits:
            apart = self._split_off(before, rest)
            if apart.any():
                closed = self.is_whole(window)  # nothing that follows can change how the window is split
                verdicts[rest[apart]] = np.where(self.follows((), rest[apart]) & closed, _YES, _NO)
                rest = rest[~apart]
        if not window:
            verdicts[rest[self._alone[rest]]] = _YES
            rest = rest[~self._alone[rest]]
        elif len(rest) and self._by_merges(window, before):
            plain = self._letters[rest]
            if plain.any():
                verdicts[rest[plain]] = np.where(self.encoder.merges.follows(window[-1], rest[plain]), _YES, _NO)
                rest = rest[~plain]
        if len(rest) >= _MANY and before is not None and not self._few:
            found = self._shapes.decide(window, before, rest, self.is_whole(window))
            verdicts[rest[found > 0]] = found[found > 0]
            rest = rest[found == 0]
        if len(rest):
            verdicts[rest] = self._shared(window, before, rest)

    def _shared(self, window: Window, before: str | None, tokens: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Verdicts on tokens, by encoding where none are known from like windows; uint8 [n]."""
        table = self._junctions.table(before, lambda: self.is_whole(window)) if before else None
        if table is None:
            return np.where(self._by_encoding(window, tokens.tolist()), _YES, _NO).astype(np.uint8)
        assert before is not None
        beside = self.encoder.merges.follows(window[-1], tokens).astype(np.int64)
        alike = self._junctions.alike(before, tokens)
        found: NDArray[np.uint8] = np.where(alike, table[beside, tokens], _UNKNOWN).astype(np.uint8)
        asked = found == _UNKNOWN
        if asked.any():
            found[asked] = np.where(self._by_encoding(window, tokens[asked].tolist()), _YES, _NO)
            table[beside[asked & alike], tokens[asked & alike]] = found[asked & alike]
        return found

    def _split_off(self, before: str, tokens: NDArray[np.int64]) -> NDArray[np.bool_]:
        """For each token, whether a window that spells `before` is split from it, whatever follows."""
        name = before if before[-1].isspace() else kind(_plain_end(before))
        if len(self._apart) >= _KEPT:
            self._apart.clear()
        table = self._apart.setdefault(name, np.full(len(self._kinds), -1, np.int8))
        numbers = self._initial_kinds[tokens]
        for n in np.unique(numbers[table[numbers] < 0]).tolist():
            first = self._kinds[n]
            table[n] = bool(first) and self._parts(before, first)
        split: NDArray[np.bool_] = table[numbers] == 1
        return split

    def _parts(self, before: str, first: str) -> bool:
        """Whether a window is split from a character after it, and is itself split as with nothing after it."""
        if not before[-1].isspace():
            return self._cuts_between(_plain_end(before), first)
        cuts = {*self._cuts(before), len(before)}
        return all(
            {cut for cut in self.encoder.cuts(before + first + end) if cut <= len(before)} == cuts for end in _ENDS
        )

    def _by_merges(self, window: Window, before: str | None) -> bool:
        """Whether merges alone decide on the tokens of `_letters` after this window."""
        if before is None:
            return False
        if not self.encoder.splits:
            return bool(self._letters[window[-1]])
        end = before[-_LONGEST:]
        return end[-1].isalpha() and end.isascii() and "'" not in end

    def _by_encoding(self, window: Window, tokens: list[int]) -> NDArray[np.bool_]:
        """Ask the encoder: with nothing after, then with every witness that matters."""
        found = np.zeros(len(tokens), np.bool_)
        head = b"".join(self._bytes[i] for i in window)
        open_: list[tuple[int, str, Sequence[str]]] = []
        whole: list[tuple[int, str]] = []
        for n, token in enumerate(tokens):
            data = head + self._bytes[token]
            if not self._bytes[token] or not self._junction(window, token):
                continue
            try:
                whole.append((n, data.decode()))
            except UnicodeDecodeError as error:
                if error.reason != "unexpected end of data":
                    continue
                base, tail = data[: error.start].decode(), data[error.start :]
                open_.append((n, base, completions(tail)))
        for (n, text), ids in zip(whole, self.encoder.encode([text for _, text in whole]), strict=True):
            found[n] = ids == [*window, tokens[n]]
            if not found[n]:
                open_.append((n, text, self._useful_witnesses(text)))
        self._try(open_, window, tokens, found)
        return found

    def _junction(self, window: Window, token: int) -> bool:
        """False where the last two tokens meet inside a character, and so inside a pretoken, and would merge there."""
        if not window or (self._bytes[token][0] & 0xC0) != 0x80 or not self.encoder.merges.made[token]:
            return True
        return bool(self.encoder.merges.follows(window[-1], np.array([token]))[0])

    def _try(
        self,
        texts: list[tuple[int, str, Sequence[str]]],
        window: Window,
        tokens: list[int],
        found: NDArray[np.bool_],
    ) -> None:
        """For each (n, text, ends), whether the text and one of the ends is encoded to the window and `tokens[n]`
        first: into `found[n]`. One end of each is tried, then two more of those that are left, then four, and so on."""
        begin, step = 0, 1
        while texts := [entry for entry in texts if begin < len(entry[2]) and not found[entry[0]]]:
            asked = [(n, text + end) for n, text, ends in texts for end in ends[begin : begin + step]]
            for (n, text), ids in zip(asked, self.encoder.encode([text for _, text in asked]), strict=True):
                same = ids[: len(window) + 1] == [*window, tokens[n]]
                found[n] = found[n] or (same and self.encoder.spells(ids) == text.encode())
            begin, step = begin + step, 2 * step

    def _useful_witnesses(self, text: str) -> list[str]:
        """Witnesses after which the text is split another way than with nothing after it."""
        if self._few:
            return self._witnesses
        if not self.encoder.splits:
            return []
        key = "".join(map(self._classes.of, text[-_LONGEST:]))
        if key not in self._useful:
            plain = self._cuts(text)
            useful = [w for w in self._witnesses if {c for c in self._cuts(text + w) if c < len(text)} != plain]
            if self.encoder.whole_words:  # what is a word of its own may be none with another character
                useful += [w for w in self._witnesses if len(w) == 1 and w not in useful]
            self._useful[key] = useful
        return self._useful[key]

    def _cuts(self, text: str) -> set[int]:
        return {cut for cut in self.encoder.cuts(text) if cut < len(text)}

    def _cuts_between(self, last: str, first: str) -> bool:
        """Whether every text is split between these two characters, as far as texts around them tell."""
        key = kind(last), kind(first)
        known = self._breaks.get(key)
        if known is None:
            known = not last.isspace() and all(
                len(left) + 1 in self.encoder.cuts(left + last + first + right)
                for left in ("", " a", "'", "1", " .", "A")
                for right in ("", "a", "e", "l", " ", "\n", "'", "1", ".")
            )
            self._breaks[key] = known
        return known

    def _text(self, ids: Window) -> str | None:
        """The text of ids, None where it is no valid UTF-8."""
        return decoded(b"".join(self._bytes[i] for i in ids))

    def _first_characters(self) -> list[str]:
        """The first character of each token, "" where it does not begin with a whole one."""
        firsts = []
        for data in self._bytes:
            head = data[:4].decode(errors="ignore")[:1]
            firsts.append(head if head and data.startswith(head.encode()) else "")
        return firsts


def _plain_end(text: str) -> str:
    """The last character of a text; another letter for one that is not near an apostrophe, after which alone patterns
    tell letters apart."""
    last = text[-1]
    if last.isascii() and last.isalpha() and not {"'", "’"} & set(text[-_LONGEST:]):
        return "B" if last.isupper() else "b"
    return last
