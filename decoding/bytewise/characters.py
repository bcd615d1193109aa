"""Kinds of characters, and the tokens of letters on which merges alone decide, since no pattern splits them."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .encoder import Encoder

Bools = NDArray[np.bool_]


def letter_tokens(encoder: Encoder, data: Sequence[bytes], texts: Sequence[str | None]) -> tuple[Bools, Bools]:
    """From the bytes and the texts (None where they are none) of all tokens, two sets as bool [vocabulary].

    The first: tokens on which merges alone decide after a letter, since nothing is ever split there; without pretokens
    these are all that the merge list makes and the normalizer leaves alone. The second: tokens of letters, perhaps
    after one other character, that a text may begin with, being its first pretoken.
    """
    none = np.zeros(len(data), np.bool_)
    if any(text.isalpha() for text in encoder.added):
        return none, none
    if not encoder.splits:
        if encoder.normalizes or encoder.added:
            return none, none
        whole: Bools = np.array([bool(text) for text in texts]) & ~_fallback(encoder, data, texts)
        return whole & encoder.merges.made, none
    if any(encoder.cuts(text) != {0} for text in ("abcd", "Abcd", "ABcd", "ABCd")):
        return none, none
    letters: dict[str, bool] = {}
    openers: dict[str, bool] = {}

    def joins(character: str) -> bool:
        """Whether a character is a letter that is never split from ASCII letters, nor from another such letter."""
        name = kind(character)
        if name not in letters:
            around = ("ab{}", "AB{}", "Ab{}ab", "{}ab", "ab{0}{0}ab", "AB{}ab")
            letters[name] = character.isalpha() and all(encoder.cuts(text.format(character)) == {0} for text in around)
        return letters[name] and character.isalpha()

    def opens(character: str) -> bool:
        """Whether a character is one that letters follow in the same pretoken at the beginning of a text."""
        if character not in openers:
            plain = character.isascii() and character != "'" and not any(character in text for text in encoder.added)
            openers[character] = plain and all(encoder.cuts(character + end) == {0} for end in ("a", "A", "ab", "Abc"))
        return openers[character]

    plain, alone = none.copy(), none.copy()
    for i, text in enumerate(texts):
        if text and all(map(joins, text[1:])) and encoder.leaves_alone(text):
            plain[i] = joins(text[0])
            alone[i] = plain[i] or (len(text) > 1 and opens(text[0]))
    return plain, alone if encoder.whole_words else alone & encoder.merges.made


def _fallback(encoder: Encoder, data: Sequence[bytes], texts: Sequence[str | None]) -> Bools:
    """Tokens of one ASCII character that is encoded to another token."""
    single = [i for i, text in enumerate(texts) if text and len(data[i]) == 1]
    doubled = np.zeros(len(data), np.bool_)
    for i, ids in zip(single, encoder.encode([texts[i] or "" for i in single]), strict=True):
        doubled[i] = ids != [i]
    return doubled


def decoded(data: bytes) -> str | None:
    """The text of some bytes, None where they are no valid UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


@functools.cache
def kind(character: str) -> str:
    """Characters that patterns of tokenizers treat alike are of one kind: of one category and region of Unicode."""
    if not character.isascii():
        return unicodedata.category(character) + chr(ord(character) >> 9)
    if character.isdigit():
        return "0"
    if character.isalpha() and character.lower() not in "stmdlrve":
        return "A" if character.isupper() else "a"
    return character
