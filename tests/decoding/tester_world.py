"""A small vocabulary with all kinds of tokens, and constraints over it: what the tests of testers share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from bytebound import grammars
from bytebound.decoding import Vocabulary
from bytebound.grammars import (
    Grammar,
)

DEAD, FINISHED = -1, -2
# Letters, their doubles and joins, halves of é, a byte that is never UTF-8, EOS twice, a control token, an unused id.
TOKENS = [b"a", b"b", b"ab", b"a", None, b"ba", b"\xc3", b"\xa9", b"\xff", None, None, b"", b"bb", "é".encode()]
EOS = (4, 9)
VOCABULARY = Vocabulary.from_bytes(TOKENS, eos_token_ids=EOS)
ALL = np.arange(len(TOKENS))


def few_b(data: bytes) -> bool:
    return data.count(b"b") <= 2


def even(data: bytes) -> bool:
    return len(data) % 2 == 0


async def no_doubles(data: bytes) -> bool:
    return b"bb" not in data


def short(texts: list[str]) -> list[bool]:
    return [len(text) <= 3 for text in texts]


def utf8(data: bytes, whole: bool) -> bool:
    """Whether the bytes are UTF-8, or could become it, where é is the only character with a first half in use."""
    for tail in (b"",) if whole else (b"", b"\xa9"):
        try:
            (data + tail).decode()
            return True
        except UnicodeDecodeError:
            continue
    return False


Truth = Callable[[bytes, bool], bool]
LETTERS, ENDS_IN_A = grammars.regex("[abé]{1,4}"), grammars.regex("(a|b|é)*a")


def of_grammar(grammar: Grammar) -> Truth:
    automaton = grammar.automaton

    def truth(data: bytes, whole: bool) -> bool:
        state = automaton.advance(automaton.start, data)
        return automaton.is_accepting(state) if whole else state >= 0

    return truth


def both(*truths: Truth) -> Truth:
    return lambda data, whole: all(truth(data, whole) for truth in truths)


def few_b_truth(data: bytes, whole: bool) -> bool:
    return few_b(data)


def even_truth(data: bytes, whole: bool) -> bool:
    return not whole or even(data)


def short_truth(data: bytes, whole: bool) -> bool:
    return utf8(data, whole) and len(data.decode(errors="ignore")) <= 3
