"""Masks of items that must differ and of members in any order, against brute force over every token."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from bytebound.decoding import Masker, Vocabulary
from bytebound.grammars import json_schema

STRINGS = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
MIXED = {
    "type": "array",
    "items": {"anyOf": [{"enum": [True, None, 1, "ab"]}, {"type": "string", "pattern": "^a+$"}, {"type": "integer"}]},
    "uniqueItems": True,
    "minItems": 2,
}
NESTED = {"type": "object", "properties": {"x": STRINGS, "y": {"type": "string"}}, "required": ["y"]}
SHORT = {"type": "array", "items": {"type": "string", "maxLength": 1}, "uniqueItems": True, "maxItems": 3}
CASES: list[tuple[Any, dict[str, str]]] = [
    (STRINGS, {}),
    (MIXED, {}),
    (SHORT, {"whitespace": "compact"}),
    (NESTED, {"property_order": "any"}),
    ({"type": "object", "minProperties": 3}, {}),
    ({"type": "object", "minProperties": 3, "properties": {"a": {}, "ab": {}}}, {"property_order": "any"}),
]


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    rng = random.Random(3)
    pieces = [b"a", b"b", b"ab", b'"', b'",', b'", "', b'"a"', b',"', b"\\", b"\\u0061", b"u00", b"61", b"true"]
    pieces += [b" null", b"1", b"12", b".0", b", ", b"]", b"[", b" ", b"{", b"}", b'":', b": 1", b'{"', b'"y"', b'"x":']
    pieces += ["é".encode()]
    words = {bytes([i]) for i in range(256)}
    while len(words) < 2500:
        words.add(b"".join(rng.choices(pieces, k=rng.randint(1, 5)))[:12])
    tokens: list[bytes | None] = [*sorted(words), None]
    return Vocabulary.from_bytes(tokens, eos_token_ids=[len(tokens) - 1])


@pytest.mark.parametrize(("schema", "options"), CASES)
def test_against_brute_force(schema: Any, options: dict[str, str], vocabulary: Vocabulary) -> None:
    grammar = json_schema(schema, cache=False, **options)
    masker, oracle = Masker(grammar, vocabulary), grammar.automaton
    rng = random.Random(1)
    row = np.empty(masker.words, np.uint32)
    for _ in range(4):
        state, prefix = masker.start, b""
        for _ in range(12):
            masker.fill(state, row)
            bits = np.unpackbits(row.view(np.uint8), bitorder="little")[: vocabulary.size].astype(bool)
            place = oracle.advance(oracle.start, prefix)
            for token in range(vocabulary.size - 1):
                alive = not oracle.is_dead(oracle.advance(place, vocabulary.token_bytes(token)))
                assert bits[token] == alive, (prefix, vocabulary.token_bytes(token))
            assert bits[-1] == oracle.is_accepting(place)
            allowed = np.flatnonzero(bits[:-1])
            if not len(allowed):
                break
            marks = [t for t in allowed if any(b in vocabulary.token_bytes(int(t)) for b in b'",]')]
            token = int(rng.choice(marks if marks and rng.random() < 0.6 else allowed))
            state, prefix = masker.accept(state, token), prefix + vocabulary.token_bytes(token)


@pytest.mark.parametrize(("schema", "options"), CASES)
def test_closes_in_time(schema: Any, options: dict[str, str], vocabulary: Vocabulary) -> None:
    grammar = json_schema(schema, cache=False, **options)
    masker = Masker(grammar, vocabulary)
    rng = random.Random(2)
    for budget in (14, 20, 40):
        state, text = masker.start, b""
        for left in range(budget, 0, -1):
            token = int(rng.choice(masker.allowed(state, left)))
            text += vocabulary.token_bytes(token)
            state = masker.accept(state, token)
            if state == masker.finished:
                break
        assert masker.is_accepting(state), text
        assert grammar.matches(text)
