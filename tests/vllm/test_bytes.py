"""Exact bytes in the real engine, beside the same on transformers, on both models that ship."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Any

import numpy as np
import pytest
from bytebound import decoding, grammars
from bytebound.decoding import ByteModel
from bytebound.integrations import models, transformers
from bytebound.integrations.vllm import generate_bytes, settings

PROMPTS = ["The weather in Lis", "The weather in Lisbon is ", b"caf\xc3", "Maria Keller is 3", "Once upon a ti"]


@pytest.fixture(scope="module", params=["small-bytes", "small-pieces"])
def pair(request: pytest.FixtureRequest, engine: Any) -> tuple[Any, Any, Any]:
    return engine(request.param, **settings()), *models.load(request.param)


@pytest.mark.parametrize("semantics", ["canonical", "all"])
def test_next_bytes_are_those_of_transformers(pair: Any, semantics: Any) -> None:
    llm, model, tokenizer = pair
    ours = ByteModel(llm, llm.get_tokenizer(), semantics=semantics)
    theirs = ByteModel(model, tokenizer, semantics=semantics)
    assert ours.vocabulary.eos_token_ids == theirs.vocabulary.eos_token_ids
    prefixes = PROMPTS if semantics == "canonical" else [b"", "Lis", b"caf\xc3"]
    found = ours.next_bytes([ours.start(prefix) for prefix in prefixes])
    expected = theirs.next_bytes([theirs.start(prefix) for prefix in prefixes])
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
    if semantics == "canonical":
        text = "The weather in Lisbon is often mild."
        assert ours.bits_per_byte(text) == pytest.approx(theirs.bits_per_byte(text), abs=1e-4)


@pytest.mark.parametrize("semantics", ["canonical", "all"])
def test_greedy_bytes_are_those_of_transformers(pair: Any, semantics: Any) -> None:
    llm, model, tokenizer = pair
    prompts = PROMPTS if semantics == "canonical" else ["Lis", b"caf\xc3"]
    found = generate_bytes(llm, prompts, max_new_tokens=12, semantics=semantics, temperature=0.0)
    expected = [
        transformers.generate_bytes(model, tokenizer, each, max_new_tokens=12, semantics=semantics, do_sample=False)
        for each in prompts
    ]
    assert found == expected
    assert generate_bytes(llm, prompts[0], max_new_tokens=12, semantics=semantics, temperature=0.0) == expected[0]


def test_the_law_of_what_is_drawn(pair: Any) -> None:
    """The first byte of many samples, each with a cover of its own, has the exact distribution of the next byte."""
    llm, model, tokenizer = pair
    prompt, temperature = "The weather in Lis", 1.5
    exact = np.exp(ByteModel(model, tokenizer, semantics="canonical", temperature=temperature).next_byte(prompt))
    drawn = generate_bytes(llm, prompt, max_new_tokens=1, temperature=temperature, seed=5, num_return_sequences=3000)
    counts = Counter(text[0] if text else 256 for text in drawn)
    likely = [symbol for symbol in range(257) if exact[symbol] * len(drawn) >= 5]
    rest = 1 - exact[likely].sum()
    chi2 = sum((counts[s] - len(drawn) * exact[s]) ** 2 / (len(drawn) * exact[s]) for s in likely)
    others = len(drawn) - sum(counts[s] for s in likely)
    chi2 += (others - len(drawn) * rest) ** 2 / (len(drawn) * rest)
    assert chi2 < len(likely) + 4 * math.sqrt(2 * len(likely))
    assert len(set(drawn)) > 20


def test_grammars_go_on_in_the_middle_of_a_token(pair: Any) -> None:
    llm, model, tokenizer = pair
    grammar = grammars.regex(r"(bon|abon) is (often )?[a-z]{3,9}\.")
    found = generate_bytes(
        llm,
        ["The weather in Lis", "The city of Lis"],
        grammar=grammar,
        max_new_tokens=12,
        seed=1,
        num_return_sequences=4,
    )
    for text in (text for group in found for text in group):
        assert grammar.matches(text)
    greedy = generate_bytes(llm, "The weather in Lis", grammar=grammar, max_new_tokens=12, temperature=0.0)
    assert greedy == transformers.generate_bytes(
        model, tokenizer, "The weather in Lis", grammar=grammar, max_new_tokens=12, do_sample=False
    )
    same = [generate_bytes(llm, "The weather in Lis", grammar=grammar, max_new_tokens=12, seed=3) for _ in range(2)]
    assert same[0] == same[1]


def test_errors(pair: Any) -> None:
    llm, *_ = pair
    with pytest.raises(decoding.CannotClose, match="fits into 2 tokens"):
        generate_bytes(llm, "a", grammar=grammars.regex("[0-9]{40}"), max_new_tokens=2)
    with pytest.raises(decoding.DecodingError, match="max_tokens is set by generate_bytes"):
        generate_bytes(llm, "a", max_tokens=3)
    with pytest.raises(decoding.DecodingError, match="empty"):
        generate_bytes(llm, [])
    with pytest.raises(decoding.NoCover, match="UTF-8"):
        generate_bytes(llm, b"\xff\xff")
    with pytest.raises(decoding.DecodingError, match=re.escape("room for")):
        generate_bytes(llm, "Once upon a time " * 200)


def test_sql(pair: Any) -> None:
    llm, *_ = pair
    query = grammars.sql({"books": {"id": "INT", "title": "TEXT"}})
    data = generate_bytes(llm, "Question: How many books are there?\nSQL:", grammar=query, max_new_tokens=90)
    assert query.matches(data)
    tagged = grammars.sequence(grammars.until("<sql>"), query, "</sql>")
    data = generate_bytes(llm, "Question: How many books are there?\nI thi", grammar=tagged, max_new_tokens=90, seed=1)
    assert tagged.matches(data)
    with pytest.raises(decoding.CannotClose, match="fits into 1 tokens"):
        generate_bytes(llm, "SQL:", grammar=query, max_new_tokens=1)
