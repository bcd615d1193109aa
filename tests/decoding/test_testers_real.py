"""Tests of single tokens against masks, over real vocabularies and those of the models that ship."""

from __future__ import annotations

import json
import lzma
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bytebound import decoding, grammars
from bytebound.decoding import DeadEnd, Masker, Vocabulary
from bytebound.decoding.closing import greedy_tokens
from bytebound.grammars import Grammar, Unsupported
from bytebound.integrations import models
from transformers import PreTrainedTokenizerFast


def walk_and_compare(vocabulary: Vocabulary, grammar: Grammar, data: Any, rng: random.Random) -> int:
    """Compare all tests with the mask in a few states of a walk along a text."""
    masker = Masker(grammar, vocabulary)
    tester = decoding.tester(masker, vocabulary)
    state, path = tester.start, []
    for token in greedy_tokens(masker.tables.trie, json.dumps(data, ensure_ascii=False).encode()):
        path.append(state)
        state = tester.accept(state, token)
        if state < 0:
            break
    ids = np.arange(vocabulary.size)
    for place in (places := rng.sample(path, min(4, len(path)))):
        tested = np.flatnonzero(tester.test(np.full(len(ids), place), ids))
        try:
            allowed = masker.allowed(place)
        except DeadEnd:
            allowed = ids[:0]
        np.testing.assert_array_equal(tested, allowed)
        order = np.array([rng.sample(range(vocabulary.size), 2000) for _ in range(3)])
        hits = np.isin(order, allowed)
        expected = np.where(hits.any(1), hits.argmax(1), 2000)
        np.testing.assert_array_equal(tester.first(np.full(3, place), order), expected)
    return len(places)


@pytest.mark.parametrize("name", ["gpt2", "qwen25", "tekken", "o200k"])
def test_real_vocabularies(shared: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "tokenizer.json").write_bytes(
        lzma.decompress((shared / "tokenizers" / name / "tokenizer.json.xz").read_bytes())
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "tokenizer.json"))
    vocabulary = Vocabulary.from_tokenizer(tokenizer, eos_token_ids=[0] if name == "gpt2" else None)
    rng = random.Random(name)
    checked = 0
    for file in rng.sample(sorted((shared / "schemas" / "open").glob("*.json")), 10):
        case = json.loads(file.read_text())
        try:
            grammar = grammars.json_schema(case["schema"])
        except Unsupported:
            continue
        checked += walk_and_compare(vocabulary, grammar, rng.choice(case["tests"])["data"], rng)
    assert checked > 10


@pytest.mark.parametrize("name", models.names())
def test_vocabularies_of_shipped_models(name: str) -> None:
    tokenizer = models.load(name)[1]
    schema = {"type": "object", "properties": {"name": {"type": "string"}, "tags": {"type": "array"}}}
    data = {"name": "Zoë → 7", "tags": [1, "x", {"y": None}]}
    vocabulary = Vocabulary.from_tokenizer(tokenizer)
    assert walk_and_compare(vocabulary, grammars.json_schema(schema), data, random.Random(0)) == 4
