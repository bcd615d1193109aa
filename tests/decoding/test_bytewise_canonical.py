"""Canonical token sequences: merges and windows against encoding every text."""

from __future__ import annotations

import lzma
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bytebound.decoding import UnsupportedTokenizer, Vocabulary
from bytebound.decoding.bytewise import canonical as canonical_module
from bytebound.decoding.bytewise.canonical import Canonical
from bytebound.decoding.bytewise.encoder import Encoder
from bytebound.decoding.bytewise.merges import Merges
from bytebound.integrations import models
from tokenizers import Tokenizer
from tokenizers import models as token_models

from .bytewise_cases import FAMILIES, canonical_sequences, family

TEXT = (
    "The quick brown fox's 1234567 jumps  over\n\n    def f(x):\n\treturn x['don't'] + 3.14  "
    "# naïve 中文字符 ☃ Ünïcode camelCase ABCdef it'll 'twas\r\n"
)
RANDOM = [
    " ",
    "  ",
    "\n",
    "\t",
    "a",
    "The",
    "ing",
    "'s",
    "1",
    "234",
    ".",
    "(",
    "=>",
    "/",
    "_",
    "-",
    "é",
    "中",
    "の",
    "☃",
    "ß",
    "Ж",
]


def canonical_tests(tokenizer: Any, vocabulary: Vocabulary) -> Canonical:
    return Canonical(Encoder(tokenizer, vocabulary), vocabulary)


def merged(symbols: list[int], ranks: dict[tuple[int, int], tuple[int, int]]) -> list[int]:
    """Byte-pair encoding as it is defined: the merge of lowest rank, the leftmost of several, until none is left."""
    symbols = list(symbols)
    while len(symbols) > 1:
        best = min(range(len(symbols) - 1), key=lambda i: (ranks.get((symbols[i], symbols[i + 1]), (1 << 50, 0))[0], i))
        if (symbols[best], symbols[best + 1]) not in ranks:
            break
        symbols[best : best + 2] = [ranks[symbols[best], symbols[best + 1]][1]]
    return symbols


@pytest.mark.parametrize("learned", [True, False])
def test_pairs_are_those_that_merging_leaves_alone(learned: bool) -> None:
    rng = random.Random(learned)
    for _ in range(25):
        ids = {chr(97 + i): i for i in range(rng.choice([1, 2, 3]))}
        merges: list[tuple[int, int, int]] = []
        for _ in range(12):
            a, b = rng.choice(list(ids)), rng.choice(list(ids))
            if len(a + b) <= 9 and (ids[a], ids[b]) not in [pair[:2] for pair in merges]:
                ids.setdefault(a + b, len(ids))
                merges.append((ids[a], ids[b], ids[a + b]))
        if not learned:
            rng.shuffle(merges)
        ranks = {(a, b): (rank, result) for rank, (a, b, result) in enumerate(merges)}
        symbols = [[ids[c] for c in string] for string in ids]
        built = Merges.build(symbols, merges)
        for left in range(len(ids)):
            assert built.made[left] == (merged(symbols[left], ranks) == [left])
            want = [merged(symbols[left] + symbols[right], ranks) == [left, right] for right in range(len(ids))]
            np.testing.assert_array_equal(built.follows(left, np.arange(len(ids))), want)


@pytest.mark.parametrize("name", FAMILIES)
def test_sequences_are_those_that_some_text_begins_with(name: str) -> None:
    tokenizer, _ = family(name)
    vocabulary = Vocabulary.from_tokenizer(tokenizer, cache=False)
    tests = canonical_tests(tokenizer, vocabulary)
    longest = {"gpt2": 6, "llama3": 7, "pieces": 7}[name]
    known = canonical_sequences(name, 12, longest)
    text_tokens = np.array([i for i in range(vocabulary.size) if vocabulary.token_bytes(i)])
    level: list[tuple[tuple[int, ...], tuple[int, ...]]] = [((), ())]
    rng = random.Random(0)
    compared = 0
    for _ in range(4):
        after = []
        for ids, window in rng.sample(level, min(250, len(level))):
            for token, canonical in zip(text_tokens.tolist(), tests.follows(window, text_tokens), strict=True):
                text = vocabulary.text([*ids, token]).decode(errors="ignore")
                if name == "pieces" and not text.startswith(" "):
                    continue  # no text begins without the dummy space
                if len(text) - (name == "pieces") <= longest - 3:  # so that three characters were tried after it
                    assert canonical == ((*ids, token) in known), (name, [vocabulary.token_bytes(i) for i in ids], text)
                    compared += 1
                if canonical:
                    after.append(((*ids, token), tests.extend(window, token)))
        level = after
    assert compared > 500


def real(name: str, shared: Path | None) -> Tokenizer:
    if shared is None:
        return Tokenizer.from_file(str(models.model_path(name) / "tokenizer.json"))
    return Tokenizer.from_str(lzma.open(shared / "tokenizers" / name / "tokenizer.json.xz").read().decode())


def agree(tokenizer: Tokenizer, *texts: str, count: int = 100) -> None:
    """What is decided by merges, by shapes, by splits that are always there, and after like windows is what the encoder
    says with every witness."""
    vocabulary = Vocabulary.from_tokenizer(tokenizer, cache=False)
    tests = canonical_tests(tokenizer, vocabulary)
    slow = Canonical(tests.encoder, vocabulary)
    slow._letters = slow._alone = np.zeros(vocabulary.size, np.bool_)
    slow._junctions.table = lambda text, whole: None  # type: ignore[method-assign]
    slow._shapes.decide = lambda window, text, ids, whole: np.zeros(len(ids), np.uint8)  # type: ignore[method-assign]
    if tests.encoder.splits:
        slow._parts = lambda before, first: False  # type: ignore[method-assign]
    rng = np.random.default_rng(0)
    text_tokens = np.array([i for i in range(vocabulary.size) if vocabulary.token_bytes(i)])
    for ids in tests.encoder.encode(texts):
        window: tuple[int, ...] = ()
        for place, token in enumerate(ids):
            rest = vocabulary.text(ids[place : place + 6])
            likely = [i for n in range(1, 8) for i in tests.encoder.encode([rest[:n].decode(errors="ignore")])[0]]
            some = np.concatenate([rng.choice(text_tokens, count), np.array(likely, np.int64), [token]])
            found = tests.follows(window, some)
            assert found[-1]
            spelled = [vocabulary.token_bytes(i) for i in (*window, *some)]
            np.testing.assert_array_equal(found, slow.follows(window, some), str(spelled))
            window = tests.extend(window, token)
            assert tests.is_whole(window) or place + 1 < len(ids)


@pytest.mark.parametrize("many", [1, 64])
@pytest.mark.parametrize("name", models.names())
def test_shortcuts_agree_with_the_encoder_on_shipped_tokenizers(
    name: str, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canonical_module, "_MANY", many)
    agree(real(name, None), TEXT)


@pytest.mark.parametrize("name", ["gpt2", "qwen25", "tekken", "o200k"])
def test_shortcuts_agree_with_the_encoder_on_large_tokenizers(
    name: str, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canonical_module, "_MANY", 1)
    rng = random.Random(name)
    agree(real(name, shared), TEXT[:70], TEXT[90:], "".join(rng.choice(RANDOM) for _ in range(10)), count=60)


def test_long_runs_of_whitespace_take_no_long_windows() -> None:
    tokenizer = real("small-bytes", None)
    vocabulary = Vocabulary.from_tokenizer(tokenizer, cache=False)
    tests, whole = (Canonical(Encoder(tokenizer, vocabulary), vocabulary) for _ in range(2))
    whole._shorter = lambda ids: ids  # type: ignore[method-assign]
    some = np.array([i for i in range(vocabulary.size) if vocabulary.token_bytes(i).isspace()][:12])
    for text in ("x" + " " * 70, "x" + "\n" * 40 + " y"):
        (ids,) = tests.encoder.encode([text])
        window, long = (), ()
        for token in ids:
            candidates = np.append(some, token)
            found = tests.follows(window, candidates)
            assert found[-1]
            np.testing.assert_array_equal(found, whole.follows(long, candidates))
            window, long = tests.extend(window, token), whole.extend(long, token)
            assert len(window) <= 17


def test_control_tokens_in_text_are_text() -> None:
    tokenizer = real("small-bytes", None)
    vocabulary = Vocabulary.from_tokenizer(tokenizer, cache=False)
    tests = canonical_tests(tokenizer, vocabulary)
    assert tokenizer.encode("<|endoftext|>").ids == [0]
    (ids,) = tests.encoder.encode(["<|endoftext|>"])
    assert 0 not in ids
    assert vocabulary.text(ids) == b"<|endoftext|>"


def test_tokenizers_without_merges_are_refused_by_name() -> None:
    unigram = Tokenizer(token_models.Unigram([("<unk>", 0.0), ("a", -1.0), ("b", -1.0)], unk_id=0, byte_fallback=False))
    vocabulary = Vocabulary.from_bytes([None, b"a", b"b"])
    with pytest.raises(UnsupportedTokenizer, match="Unigram"):
        canonical_tests(unigram, vocabulary)
    with pytest.raises(UnsupportedTokenizer, match="list"):
        canonical_tests([], vocabulary)
