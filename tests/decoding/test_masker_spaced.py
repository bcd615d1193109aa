"""Masks made in two parts, of tokens with and without a space before them: every bit against brute force."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from bytebound.decoding import Masker, Vocabulary
from bytebound.decoding.spaced import halves
from bytebound.grammars import lark

GRAMMAR = """
start: sum
sum: item | sum "+" item
item: NAME | NAME "(" [sum ("," sum)*] ")" | "(" sum ")"
NAME: /[a-z_][a-z_0-9]*/
%ignore /[ \\n]+/
"""


def vocabulary(spaced: bool) -> Vocabulary:
    pieces = ["".join(p) for n in (1, 2) for p in itertools.product("abxyz019_+(), \n", repeat=n)]
    words = ["alpha", "beta", "x1", "f(x", "))", "),", "+y", "é", "9x", "a b", "b +", "x )", ") +", "  x"]
    leads = ["", " ", " (", "  "] if spaced else [""]
    tokens = dict.fromkeys((lead + word).encode() for lead in leads for word in [*pieces, *words])
    kept = [token for token in tokens if spaced or not token.startswith(b" ")]
    kept += [b"\xc3", b" "] + [b" \xc3", b" a"] * spaced  # " a" twice
    return Vocabulary.from_bytes([*kept, None], eos_token_ids=[len(kept)])


@pytest.mark.parametrize("spaced", [True, False])
@pytest.mark.parametrize("lexing", ["dynamic", "longest"])
def test_every_bit(spaced: bool, lexing: str) -> None:
    grammar, tokens = lark(GRAMMAR, lexing=lexing), vocabulary(spaced)
    masker, other, rng = Masker(grammar, tokens), lark(GRAMMAR, lexing=lexing).automaton, random.Random(1)
    texts = [tokens.token_bytes(i) for i in range(tokens.size)]
    row = np.empty(masker.words, np.uint32)
    for _ in range(12):
        state, place = masker.start, other.start
        for _ in range(12):
            masker.fill(state, row)
            bits = np.unpackbits(row.view(np.uint8), bitorder="little")[: tokens.size].astype(bool).tolist()
            live = [len(text) > 0 and other.advance(place, text) >= 0 for text in texts]
            live[-1] = other.is_accepting(place)
            assert bits == live
            token = rng.choice([i for i, alive in enumerate(live[:-1]) if alive])
            state, place = masker.accept(state, token), other.advance(place, texts[token])
    assert bool(masker.of_parts) == spaced


def test_the_halves_hold_all_tokens() -> None:
    tokens = vocabulary(True)
    parts = halves(tokens.trie)
    assert parts is not None
    others, spaced = parts
    assert sorted([*others.order.tolist(), *spaced.order.tolist()]) == sorted(tokens.trie.order.tolist())
    assert all(len(tokens.token_bytes(i)) > 1 and tokens.token_bytes(i)[:1] == b" " for i in spaced.order.tolist())
    for part in parts:
        assert part._is_consistent()
        assert part.size[part.depth == 0].sum() == len(part)
    assert halves(vocabulary(False).trie) is None
