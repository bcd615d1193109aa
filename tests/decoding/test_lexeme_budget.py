"""SQL near the end of a budget: nothing that cannot be completed in time, and nearly all that can."""

from __future__ import annotations

import functools
import lzma
import random
from pathlib import Path

import pytest
from bytebound.decoding import CannotClose, Masker, Vocabulary
from bytebound.decoding.lexeme_budget import Words
from bytebound.grammars import sql

TABLES = {
    "stadium": {"stadium_id": "integer", "name": "text", "capacity": "integer"},
    "concert": {"concert_id": "integer", "concert_name": "text", "stadium_id": "integer", "year": "integer"},
}
SMALL = {"t": {"a": "integer", "b": "text"}, "u": {"c": "integer", "a": "integer"}}
WORDS = " SELECT| FROM| WHERE| a| b| u|,| 1| 'x'| =| (|)| count| AS| x|.| *| AND| T1|T1| ORDER| BY|(|'|1|*| |x|c|e|r"


@functools.cache
def small() -> Vocabulary:
    words = {word.encode() for word in (WORDS + "|" + WORDS.lower()).split("|")} | {
        b" values",
        b"values",
        b"select",
        b"union",
    }
    tokens: list[bytes | None] = [*sorted(words), None]
    return Vocabulary.from_bytes(tokens, eos_token_ids=[len(tokens) - 1])


@pytest.mark.parametrize("dialect", ["sqlite", "duckdb"])
def test_brute_force(dialect: str) -> None:
    """All texts of few tokens: those allowed can be completed, and those refused are few."""
    vocabulary = small()
    masker = Masker(sql(SMALL, dialect=dialect), vocabulary)
    automaton, eos = masker.automaton, vocabulary.eos_token_ids[0]
    texts = [vocabulary.token_bytes(token) for token in range(vocabulary.size) if token != eos]

    @functools.cache
    def completes(state: int, most: int) -> bool:
        if automaton.is_accepting(state):
            return True
        following = {automaton.advance(state, text) for text in texts} if most else set()
        return any(reached >= 0 and completes(reached, most - 1) for reached in following)

    rng = random.Random(3)
    could = refused = 0
    for _ in range(6):
        state = masker.start
        for _ in range(rng.randrange(2, 8)):
            if not masker.bare_mask(state).any():
                break
            alive = [token for token in masker.allowed(state).tolist() if token != eos]
            for left in (1, 2, 3):
                try:
                    allowed = set(masker.allowed(state, left).tolist())
                except CannotClose:
                    allowed = set()
                for token in alive:
                    reached = masker.accept(state, token)
                    if token in allowed:
                        assert completes(reached, left - 1), (texts[token], left)
                    elif completes(reached, left - 1):
                        refused += 1
                    could += completes(reached, left - 1)
            state = masker.accept(state, rng.choice(alive))
    assert could > 100 and refused <= 0.03 * could, (could, refused)


def unpacked(masker: Masker, state: int, left: int | None = None) -> set[int]:
    return set(masker.allowed(state, left).tolist())


@pytest.mark.parametrize(
    "prefix",
    [
        b" SELECT name FROM",
        b" SELECT name FROM stadium WHERE",
        b" SELECT name FROM stadium WHERE name = 'Pa",
        b" SELECT name FROM stadium WHERE name IN ('a', ",
        b" SELECT count(",
        b" SELECT max(capacity) AS",
        b" SELECT max(capacity) AS highest_c",
        b" SELECT T1.name FROM stadium AS",
        b" SELECT name FROM stadium GROUP BY name HAVING",
        b" SELECT name FROM stadium ORDER",
    ],
)
def test_nothing_is_refused_with_40_tokens_left(prefix: bytes, shared: Path) -> None:
    vocabulary = real(shared, "gpt2")
    masker = Masker(sql(TABLES, dialect="sqlite"), vocabulary)
    state = masker.automaton.advance(masker.start, prefix)
    refused = {vocabulary.token_bytes(token) for token in unpacked(masker, state) - unpacked(masker, state, 40)}
    assert refused <= ({b"(", b" ("} if prefix.endswith(b" FROM") else set())  # a subquery before the table of `name`


CASES = {"gpt2": (("sqlite", "select"), ("duckdb", "insert")), "qwen25": (("postgres", "select"), ("mysql", "update"))}
_LOADED: dict[str, Vocabulary] = {}


def real(shared: Path, name: str) -> Vocabulary:
    if name not in _LOADED:
        from tokenizers import Tokenizer
        from transformers import PreTrainedTokenizerFast

        packed = (shared / "tokenizers" / name / "tokenizer.json.xz").read_bytes()
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(lzma.decompress(packed).decode()))
        _LOADED[name] = Vocabulary.from_tokenizer(tokenizer, eos_token_ids=[0])
    return _LOADED[name]


def test_new_names_near_the_end(shared: Path) -> None:
    vocabulary = real(shared, "gpt2")
    masker = Masker(sql(TABLES, dialect="sqlite"), vocabulary)
    state = masker.automaton.advance(masker.start, b" SELECT")
    full, near = unpacked(masker, state), unpacked(masker, state, 40)
    assert len(full - near) < 0.01 * len(full)
    texts = {vocabulary.token_bytes(token) for token in near}
    for word in (b" count", b" Count", b" T", b" name", b" max", b" s", b" stadium", b" case", b" cast", b" (", b" *"):
        assert word in texts, word
    for name in (b" zebra", b" T1", b" avg"):
        reached = masker.automaton.advance(state, name)
        tokens = masker.closing_tokens(reached)
        assert tokens is not None and masker.grammar.matches(b" SELECT" + name + vocabulary.text(tokens))


@pytest.mark.parametrize("name", ["gpt2", "qwen25"])
def test_walks_close_in_time(name: str, shared: Path) -> None:
    vocabulary = real(shared, name)
    rng = random.Random(name)
    for dialect, statements in CASES[name]:
        masker = Masker(sql(TABLES, dialect=dialect, statements=statements), vocabulary)
        least = len(masker.closing_tokens(masker.start) or ())
        for budget in (least, least + 2, least + rng.randrange(4, 10), 60 if dialect == "sqlite" else 20):
            state, text = masker.start, b""
            for left in range(budget, 0, -1):
                allowed = masker.allowed(state, left)
                longer = [t for t in rng.sample(allowed.tolist(), min(len(allowed), 20)) if t > 1000]
                token = rng.choice(longer or allowed.tolist())
                text += vocabulary.token_bytes(token)
                state = masker.accept(state, token)
                if state == masker.finished:
                    break
            assert masker.is_accepting(state), (dialect, budget, text)
            assert masker.grammar.matches(text)


def test_words_of_a_vocabulary() -> None:
    words = Words.of([b"ab", b" Cd_1", b"(x", b"", b" ", b"\n 12"])
    assert words.ids.tolist() == [0, 1, 5]
    assert words.texts == ["ab", "cd_1", "12"] and words.gaps.tolist() == [False, True, True]
