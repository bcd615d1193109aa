"""The shipped models: files, loading, tokenizers that lose nothing, a sane loss, steady continuations; their corpus."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from bytebound.grammars.errors import ByteboundError
from bytebound.integrations import models

NAMES = ("small-bytes", "small-pieces")
LARGEST = 6_000_000
END = {"small-bytes": "<|endoftext|>", "small-pieces": "</s>"}


@pytest.fixture(scope="module")
def generators() -> Iterator[dict[str, Any]]:
    """The corpus modules of benchmarks/ by name."""
    folder = str(Path(__file__).resolve().parents[2] / "benchmarks")
    sys.path.insert(0, folder)
    try:
        yield {name: __import__(name) for name in ("corpus", "corpus_json", "corpus_sql")}
    finally:
        sys.path.remove(folder)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Models this small lose more time to waiting threads than they win, above all on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module", params=NAMES)
def loaded(request: pytest.FixtureRequest) -> tuple[str, Any, Any]:
    return request.param, *models.load(request.param)


def test_names_and_files() -> None:
    assert models.names() == NAMES
    for name in NAMES:
        files = {path.name: path.stat().st_size for path in models.model_path(name).iterdir()}
        needed = {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "README.md"}
        assert needed <= files.keys()
        assert {Path(file).suffix for file in files} <= {".json", ".safetensors", ".md"}, "the wheel ships these only"
        assert sum(files.values()) <= LARGEST


def test_exported_names() -> None:
    assert models.__all__ == ["ModelNotFound", "load", "model_path", "names"]


def test_unknown_name_is_refused_with_the_known_ones() -> None:
    for wrong in ("large", "", "../models/small-bytes", "small_bytes"):
        with pytest.raises(models.ModelNotFound, match="'small-bytes', 'small-pieces'") as caught:
            models.load(wrong)
        assert isinstance(caught.value, ByteboundError)


def test_loading_is_quiet_and_float32(capfd: pytest.CaptureFixture[str]) -> None:
    model, tokenizer = models.load("small-bytes")
    assert capfd.readouterr() == ("", "")
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
    assert not model.training
    half, _ = models.load("small-bytes", dtype=torch.float16)
    assert half.dtype == torch.float16
    assert all(torch.equal(a, b.float()) for a, b in zip(model.parameters(), half.parameters(), strict=True))
    assert len(tokenizer) == model.config.vocab_size


def test_configuration(loaded: tuple[str, Any, Any]) -> None:
    name, model, tokenizer = loaded
    assert len(tokenizer) == model.config.vocab_size == {"small-bytes": 4096, "small-pieces": 2048}[name]
    assert tokenizer.eos_token == END[name]
    for config in (model.config, model.generation_config):
        assert config.eos_token_id == tokenizer.eos_token_id
        assert config.pad_token_id == tokenizer.pad_token_id != tokenizer.eos_token_id
        assert config.bos_token_id == tokenizer.bos_token_id


def test_tokenizers_lose_nothing(loaded: tuple[str, Any, Any], generators: dict[str, Any]) -> None:
    _, _, tokenizer = loaded
    rng = random.Random(0)
    texts = generators["corpus"].held_out(200, set()) + [chr(code) for code in range(256)]
    alphabets = [
        'abc \n\t{}":,',
        "äöüßéñ ",
        "жλאبह字가",
        "😀👩‍🔬🇫🇷",
        "".join(map(chr, (0, 1, 127, 128, 160, 0xAD, 0x2028, 0xFEFF, 0x10FFFF))),
    ]
    texts += [
        "".join(rng.choice(alphabet) for _ in range(rng.randint(1, 30))) for alphabet in alphabets for _ in range(30)
    ]
    texts += [
        " leading",
        "  two",
        "trailing  ",
        "a  b",
        "\r\n",
        "e\u0301",
        "",
        "1234567890",
        "<|endofte",
        "<0x0A>",
        "</",
    ]
    assert len(texts) >= 500
    for text in texts:
        assert tokenizer.decode(tokenizer(text).input_ids, skip_special_tokens=True) == text


def test_every_byte_has_a_token(loaded: tuple[str, Any, Any]) -> None:
    name, _, tokenizer = loaded
    vocabulary = tokenizer.get_vocab()
    if name == "small-pieces":
        assert [vocabulary[f"<0x{byte:02X}>"] for byte in range(256)] == list(range(4, 260))
        assert tokenizer.convert_ids_to_tokens(tokenizer("\n").input_ids) == ["<s>", "▁", "<0x0A>"]
    else:
        assert sum(len(token) == 1 for token in vocabulary) == 256


@torch.no_grad()
def test_loss_on_held_out_documents(loaded: tuple[str, Any, Any], generators: dict[str, Any]) -> None:
    """A uniform model has 8 bits per byte, English text about 4.5 without context; the cards say what these reach."""
    _, model, tokenizer = loaded
    bits, size = 0.0, 0
    for text in generators["corpus"].held_out(60, set()):
        ids = torch.tensor([[*tokenizer(text).input_ids, tokenizer.eos_token_id]])
        bits += model(input_ids=ids, labels=ids).loss.item() * (ids.shape[1] - 1) / 0.6931471805599453
        size += len(text.encode())
    assert 0.1 < bits / size < 0.7


@torch.no_grad()
def test_greedy_continuations(loaded: tuple[str, Any, Any]) -> None:
    _, model, tokenizer = loaded
    for prompt, wanted in (
        ("Question: What do owls eat?\nAnswer:", "eat"),
        ("Describe a person as JSON: Maria Keller is 34 years old, lives in Lisbon.\n", '"name"'),
    ):
        inputs = tokenizer(prompt, return_tensors="pt")
        first, second = (model.generate(**inputs, max_new_tokens=60, do_sample=False) for _ in range(2))
        assert torch.equal(first, second)
        text = tokenizer.decode(first[0, inputs.input_ids.shape[1] :], skip_special_tokens=True)
        assert wanted in text
        words = text.split()
        assert len(set(words)) > len(words) / 2, "the same words over and over"


def test_corpus_records_follow_their_schemas(generators: dict[str, Any]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    rng, corpus_json = random.Random(3), generators["corpus_json"]
    for _ in range(300):
        kind, prompt, record = corpus_json.prompt_and_record(rng)
        assert prompt.startswith("Describe a") and prompt.endswith("\n")
        assert json.loads(corpus_json.spell(rng, record)) == record
        jsonschema.Draft202012Validator(corpus_json.SCHEMAS[kind]).validate(record)


def test_corpus_queries_run_on_the_sample_database(generators: dict[str, Any]) -> None:
    rng, corpus_sql = random.Random(3), generators["corpus_sql"]
    connection = corpus_sql.create_database()
    try:
        answered = sum(bool(connection.execute(corpus_sql.question_and_query(rng)[1]).fetchall()) for _ in range(300))
    finally:
        connection.close()
    assert answered > 200
