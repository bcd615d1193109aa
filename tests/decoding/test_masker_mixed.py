"""Masks of grammars with SQL in them against brute force over every token, with tokens across the borders of parts."""

from __future__ import annotations

import copy
import pickle
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from bytebound.decoding import CannotClose, Masker, Vocabulary
from bytebound.decoding.mixed_masker import MixedMasker
from bytebound.grammars import Unsupported, after, json_schema, regex, repeat, sequence, sql, tags, until

TABLES = {"city": {"name": "text", "people": "integer"}, "lake": {"name": "text", "depth": "integer"}}
WORDS = """
    SELECT FROM name people city lake depth , . ( ) = < > * ; 1 'x ' "q" WHERE AND <sql> </sql> <s ql> </ sql> > </sql>
    <json> {"a":1} </json> { } "a" : think hm x => = Ask é UNION
"""
PIECES = WORDS.split()
BLANKS = ["", "", "", " ", " ", "\n"]


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    rng = random.Random(5)
    words = {bytes([i]) for i in range(256)} | {b" " * n for n in range(2, 5)}
    words |= {
        b"> SELECT",
        b";</sql>",
        b"1</sql>x<sql>SELECT",
        b"city</",
        b"lakex",
        b"\n</sql>",
        b"<sql>SEL",
        b"\xc3\xa9 ",
    }
    while len(words) < 800:
        text = "".join(rng.choice(BLANKS) + rng.choice(PIECES) for _ in range(rng.choice((1, 2, 2, 3, 4))))
        words.add(text.encode()[: rng.choice((40, 40, 6))])
    tokens: list[bytes | None] = [*sorted(words), None]
    return Vocabulary.from_bytes(tokens, eos_token_ids=[len(tokens) - 1])


def _sql() -> Any:
    return sql(TABLES)


CASES: dict[str, Callable[[], Any]] = {
    "begin and end": lambda: "<sql>" + _sql() + "</sql>",
    "reason first": lambda: sequence(until("<sql>"), _sql(), "</sql>"),
    "tags": lambda: tags([("<sql>", _sql(), "</sql>"), ("<json>", json_schema({"type": "object"}), "</json>")]),
    "one trigger": lambda: tags(
        [("<sql>", _sql(), "</sql>"), ("<sx>", None, "</sx>")], triggers=["<s"], at_least=1, at_most=2, without=["hm"]
    ),
    "first only": lambda: tags([("<sql>", _sql(), "")], at_least=1, stop_after_first=True),
    "after": lambda: after("=>", _sql()),
    "options": lambda: _sql() | regex("[a-zA-Z ]{0,12}"),
    "followed by words": lambda: _sql() + "x" + _sql(),
    "followed by itself": lambda: repeat(_sql(), 2, 3),
    "followed by anything": lambda: _sql() + regex("(?s).*"),
    "letters beyond ASCII": lambda: sequence(_sql(), "é", _sql()),
    "optional parts": lambda: sequence(
        regex("(think )*"), repeat(sequence(_sql(), regex(" *;;")), 0, None), regex("x?")
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_against_brute_force(case: str, vocabulary: Vocabulary) -> None:
    masker, oracle = Masker(CASES[case](), vocabulary), CASES[case]().automaton
    assert isinstance(masker, MixedMasker)
    rng = random.Random(3)
    texts = [vocabulary.token_bytes(token) for token in range(vocabulary.size - 1)]
    checked = 0
    for _ in range(3):
        state, prefix = masker.start, b""
        for _ in range(11):
            place = oracle.advance(oracle.start, prefix)
            allowed = set(masker.allowed(state).tolist())
            for token, text in enumerate(texts):
                assert (token in allowed) == (oracle.advance(place, text) >= 0), (prefix, text)
            assert (vocabulary.size - 1 in allowed) == oracle.is_accepting(place)
            checked += len(allowed)
            longer = [token for token in allowed if token < len(texts) and len(texts[token]) > 2]
            tagged = [token for token in longer if b"<s" in texts[token] or b"=>" in texts[token]]
            roll = rng.random()
            token = rng.choice(sorted((tagged if roll < 0.3 else longer if roll < 0.9 else []) or allowed))
            if token == vocabulary.size - 1:
                break
            state, prefix = masker.accept(state, token), prefix + texts[token]
    assert checked > 150


def test_a_token_crosses_borders(vocabulary: Vocabulary) -> None:
    grammar = tags([("<sql>", _sql(), "</sql>")])
    masker = Masker(grammar, vocabulary)
    ids = {vocabulary.token_bytes(token): token for token in range(vocabulary.size - 1)}
    state = masker.automaton.advance(masker.start, b"so <sql>SELECT name FROM city LIMIT ")
    assert ids[b"1</sql>x<sql>SELECT"] in masker.allowed(state)
    assert ids[b"> SELECT"] in masker.allowed(masker.automaton.advance(masker.start, b"so <sql"))
    state = masker.automaton.advance(masker.start, b"<sql>SELECT name FROM city")
    assert ids[b";</sql>"] in masker.allowed(state)
    assert ids[b";</sql>"] not in masker.allowed(masker.automaton.advance(masker.start, b"<sql>SELECT name"))


def test_free_text_has_one_mask(vocabulary: Vocabulary) -> None:
    masker = Masker(tags([("<sql>", _sql(), "</sql>")]), vocabulary)
    state = masker.automaton.advance(masker.start, b"first I think about it")
    assert state == masker.automaton.advance(state, b", and again") == masker.start
    assert not masker.remembers(state)
    masker.allowed(state)
    assert masker.remembers(state)


@pytest.mark.parametrize("case", ["tags", "one trigger", "optional parts"])
def test_pickled_and_copied(case: str, vocabulary: Vocabulary) -> None:
    grammar = CASES[case]()
    grammar.matches("<sql>SELECT name FROM city</sql>")
    prefixes = (b"", b"<", b"<sql>SELECT lake.name FROM ", b"SELECT name FROM city ")
    expected = Masker(grammar, vocabulary)
    for other in (pickle.loads(pickle.dumps(grammar)), copy.deepcopy(grammar)):
        masker = Masker(other, vocabulary)
        for prefix in prefixes:
            states = [m.automaton.advance(m.start, prefix) for m in (masker, expected)]
            if min(states) >= 0:
                assert np.array_equal(masker.allowed(states[0]), expected.allowed(states[1]))


@pytest.mark.parametrize("case", ["begin and end", "reason first", "tags", "one trigger", "after", "optional parts"])
@pytest.mark.parametrize("budget", [14, 26])
def test_closes_within_a_budget(case: str, budget: int, vocabulary: Vocabulary) -> None:
    grammar = CASES[case]()
    masker = Masker(grammar, vocabulary)
    rng = random.Random(budget)
    for _ in range(2):
        state, text = masker.start, b""
        for left in range(budget, -1, -1):
            allowed = masker.allowed(state, left)
            if left == 0 or (len(allowed) and allowed[-1] == vocabulary.size - 1 and rng.random() < 0.1):
                assert allowed[-1] == vocabulary.size - 1
                break
            token = int(rng.choice([token for token in allowed if token < vocabulary.size - 1] or [-1]))
            if token < 0:
                break
            state, text = masker.accept(state, token), text + vocabulary.token_bytes(token)
        assert grammar.matches(text), text


def test_too_little_to_close(vocabulary: Vocabulary) -> None:
    masker = Masker(CASES["begin and end"](), vocabulary)
    with pytest.raises(CannotClose, match="1 tokens are left"):
        masker.allowed(masker.start, 1)


def test_what_follows_must_be_told_apart(vocabulary: Vocabulary) -> None:
    rng = random.Random(1)
    words = {bytes([byte]) for byte in range(256)}
    words |= {bytes(rng.choice(b"abcdefgh") for _ in range(8)) for _ in range(10_000)}
    large = Vocabulary.from_bytes([*sorted(words), None], eos_token_ids=[len(words)])
    with pytest.raises(Unsupported, match=r"what follows SQL.*'</sql>'"):
        Masker(_sql() + regex("(?s).*"), large)
    Masker(_sql() + regex("(?s)\n.*"), large)
