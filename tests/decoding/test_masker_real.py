"""Masks of real schemas over real vocabularies of 50,000 to 200,000 tokens, every bit against brute force."""

from __future__ import annotations

import json
import lzma
import random
from pathlib import Path

import numpy as np
import pytest
from bytebound.decoding import DeadEnd, Masker, Vocabulary
from bytebound.decoding import mask_kernels as mk
from bytebound.grammars import Unsupported, json_schema
from numba import njit
from transformers import PreTrainedTokenizerFast


@njit
def brute_force(arena, data, offsets, state, row):
    for token in range(offsets.size - 1):
        following = mk.accept(arena, data, offsets, state, token)
        if following < -1:
            return following
        if following >= 0:
            row[token >> 5] |= np.uint32(1) << np.uint32(token & 31)
    return 0


def expected(masker: Masker, state: int) -> np.ndarray:
    vocabulary = masker.vocabulary
    while True:
        row = np.zeros(masker.words, np.uint32)
        code = brute_force(masker.automaton.arena, vocabulary.data, vocabulary.offsets, state, row)
        if code >= 0:
            return row | masker.only_eos if masker.is_accepting(state) else row
        masker.automaton.grow(code)


@pytest.mark.parametrize("name", ["gpt2", "tekken", "o200k"])
def test_every_bit(shared: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "tokenizer.json").write_bytes(
        lzma.decompress((shared / "tokenizers" / name / "tokenizer.json.xz").read_bytes())
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "tokenizer.json"))
    vocabulary = Vocabulary.from_tokenizer(tokenizer, eos_token_ids=[0] if name == "gpt2" else None)
    rng = random.Random(name)
    files = rng.sample(sorted((shared / "schemas" / "open").glob("*.json")), 24)
    checked = 0
    for file in files:
        case = json.loads(file.read_text())
        try:
            grammar = json_schema(case["schema"], whitespace=rng.choice(["flexible", "compact"]))
        except Unsupported:
            continue
        masker = Masker(grammar, vocabulary)
        state, path = masker.start, []
        text = json.dumps(rng.choice(case["tests"])["data"], ensure_ascii=False)
        for token in tokenizer.encode(text, add_special_tokens=False):
            if state < 0:
                break
            path.append(state)
            state = masker.accept(state, token)
        for place in rng.sample(path, min(6, len(path))):
            row = np.empty(masker.words, np.uint32)
            try:
                masker.fill(place, row)
            except DeadEnd:
                row[:] = 0
            np.testing.assert_array_equal(row, expected(masker, place), err_msg=f"{file.name}: state {place}")
            checked += 1
    assert checked > 80
