"""Automata that steer a model of bytes, and fill-in-the-middle prompts."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from bytebound import grammars
from bytebound.decoding import (
    ByteModel,
    DecodingError,
    TableModel,
    Vocabulary,
    fill_in_middle,
    probability_picture,
    steer,
)
from tokenizers import AddedToken, Tokenizer
from transformers import PreTrainedTokenizerFast

from .bytewise_cases import family, random_model


class Length:
    """An automaton of the texts of exactly so many bytes."""

    start = 0

    def __init__(self, length: int) -> None:
        self.length = length

    def step(self, state: int, byte: int) -> int:
        return state + 1 if 0 <= state < self.length else -1

    def advance(self, state: int, data: bytes) -> int:
        for byte in data:
            state = self.step(state, byte)
        return state

    def is_accepting(self, state: int) -> bool:
        return state == self.length

    def is_dead(self, state: int) -> bool:
        return state < 0

    def forced_bytes(self, state: int) -> bytes:
        return b""


def bytewise() -> ByteModel:
    tokens = [b"a", b"b", b"ab", b"ba", None, None]
    function = random_model(6, 0)
    vocabulary = Vocabulary.from_bytes(tokens, eos_token_ids=[4])
    return ByteModel(TableModel(function, 6), vocabulary)


def test_weights_estimate_the_evidence() -> None:
    model = bytewise()
    grammar = grammars.regex("(ab|b)a{1,2}")
    evidence = 0.0
    for text in ("aba", "abaa", "ba", "baa"):
        state, total = model.start([5]), 0.0
        for byte in text.encode():
            total += state.next_byte()[byte]
            state.advance(byte)
        evidence += np.exp(total + state.next_byte()[256])
    found = steer(model, grammar, [5], n=800, generator=0)
    assert all(grammar.matches(s.text) and s.complete for s in found)
    weights = np.exp([s.log_weight for s in found])
    assert abs(weights.mean() - evidence) < 4 * weights.std() / np.sqrt(len(weights))


def test_any_automaton_steers() -> None:
    model = bytewise()
    for s in steer(model, Length(7), [5], n=5, generator=1):
        assert len(s.text) == 7
        assert s.complete
    cut = steer(model, Length(9), [5], n=2, max_bytes=4, generator=1)
    assert [(len(s.text), s.complete) for s in cut] == [(4, False)] * 2
    impossible = steer(model, grammars.regex("a?c"), [5], n=3, generator=2)
    assert all(s.log_weight == -np.inf and not s.complete for s in impossible)
    with pytest.raises(DecodingError, match="at least 1"):
        steer(model, Length(7), n=0)
    with pytest.raises(DecodingError, match="not str"):
        steer(model, "a?c")  # type: ignore[arg-type]
    with pytest.raises(DecodingError, match="not Predicate"):
        steer(model, grammars.predicate(lambda text: True))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["starcoder", "qwen", "deepseek", "codellama"])
def test_fill_in_the_middle(name: str) -> None:
    markers = {
        "starcoder": ["<fim_prefix>", "<fim_suffix>", "<fim_middle>"],
        "qwen": ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"],
        "deepseek": ["<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"],
        "codellama": ["▁<PRE>", "▁<SUF>", "▁<MID>"],
    }[name]
    backend = Tokenizer.from_str(family("gpt2")[0].to_str())
    backend.add_special_tokens([AddedToken(m, special=True) for m in markers])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>", eos_token="</s>")
    before, after, middle = (tokenizer.convert_tokens_to_ids(m) for m in markers)
    prompt = fill_in_middle(tokenizer, "ab a", b"b 1")
    assert prompt == [before, after, b"b 1", middle, b"ab a"]
    assert fill_in_middle(tokenizer, "ab a", "b 1", order="psm") == [before, b"ab a", after, b"b 1", middle, b""]
    size = len(tokenizer)
    function = random_model(size, 3)
    model = ByteModel(TableModel(function, size), tokenizer, semantics="canonical")
    ids = backend.encode("b 1", add_special_tokens=False).ids
    want = model.start_after([before, after, *ids, middle], b"ab a").next_byte()
    np.testing.assert_allclose(model.next_byte(prompt), want)
    with pytest.raises(DecodingError, match="lacks the markers"):
        fill_in_middle(tokenizer, "", "", format="starcoder" if name != "starcoder" else "qwen")


def test_all_prefixes_of_a_character_are_covered() -> None:
    tokenizer, _ = family("gpt2")
    vocabulary = Vocabulary.from_tokenizer(tokenizer, cache=False)
    model = ByteModel(TableModel(random_model(vocabulary.size, 1), vocabulary.size), tokenizer)
    for left, right in itertools.product(("", "b", " "), ("é".encode()[:1], "é".encode())):
        assert np.logaddexp.reduce(model.next_byte([0, left.encode() + right])) == pytest.approx(0.0)


def test_the_picture_shows_bytes_and_tokens() -> None:
    tokenizer, _ = family("gpt2")
    vocabulary = Vocabulary.from_tokenizer(tokenizer, cache=False)
    table = TableModel(random_model(vocabulary.size, 1), vocabulary.size)
    model = ByteModel(table, tokenizer, semantics="canonical")
    page = probability_picture(model, "a é", [0, "b"])
    chances = np.exp(model.next_byte([0, "b"]))
    assert f"a {100 * chances[ord('a')]:.1f}%" in page
    assert "<caption>by token</caption>" in page
    assert page.count('class="text"') == 4 + 3  # four bytes; a, the space and é, whose two bytes are one token
    with pytest.raises(DecodingError, match="400 bytes"):
        probability_picture(model, "")


def test_byte_temperature_tempers_each_byte_of_a_text() -> None:
    model = bytewise()
    plain = model.start(b"a").next_byte()
    cold = model.start(b"a").next_byte(byte_temperature=0.5)
    want = 2 * plain - np.logaddexp.reduce(2 * plain)
    np.testing.assert_allclose(cold, want, atol=1e-12)
    n, texts = 4000, dict.fromkeys(map(bytes, itertools.product(b"ab", repeat=2)), 0.0)
    for text in texts:
        state = model.start()
        for byte in text:
            texts[text] += float(state.next_byte(byte_temperature=0.5)[byte])
            state.advance(byte)
    drawn = steer(model, Length(2), n=n, max_bytes=2, byte_temperature=0.5, generator=0)
    weights = np.exp([text.log_weight for text in drawn])
    for text, logprob in texts.items():
        estimate = weights[[text == each.text for each in drawn]].sum() / n
        assert abs(estimate - np.exp(logprob)) < 4 * weights.std() / np.sqrt(n) + 0.03


def test_byte_temperature_does_not_mix_with_that_of_tokens_or_eps() -> None:
    function, vocabulary = random_model(6, 0), bytewise().vocabulary
    for settings, match in (({"temperature": 0.7}, "tokens have temperature=0.7"), ({"eps": 0.01}, "eps=0, not 0.01")):
        model = ByteModel(TableModel(function, 6), vocabulary, **settings)
        with pytest.raises(DecodingError, match=match):
            model.start(b"a").next_byte(byte_temperature=2.0)
        with pytest.raises(DecodingError, match=match):
            steer(model, Length(1), byte_temperature=2.0)
        model.start(b"a").next_byte()
    with pytest.raises(DecodingError, match="above 0"):
        steer(bytewise(), Length(1), byte_temperature=0.0)
