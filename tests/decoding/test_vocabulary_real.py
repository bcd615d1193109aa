"""Vocabularies of real tokenizers: the bytes against what each tokenizer itself encodes and decodes."""

from __future__ import annotations

import json
import lzma
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mistral_common
import numpy as np
import pytest
import tiktoken
import transformers
from bytebound.decoding.errors import VocabularyError
from bytebound.decoding.vocabulary import Vocabulary
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

NAMES = ["gpt2", "o200k", "qwen25", "tekken"]
MISTRAL = Path(mistral_common.__file__).parent / "data"
SPM = ["tokenizer.model.v1", "mistral_instruct_tokenizer_241114.model.v7"]
TEXTS = [
    Path(__file__).read_text(encoding="utf-8"),
    '{"name": "Zoë", "tags": ["a\\u00e9", ""], "n": -1.5e+10}\n\n\t\t  if x:\r\n        return None  ',
    " leading, trailing \n",
    "日本語のテキスト、한국어 문장, Ελληνικά, русский, עברית, العربية, हिन्दी, ไทย",
    "👩‍👩‍👧‍👦🏳️‍🌈 e\u0301 \u212b \ufb01 \u200b\ufeff \x00\x01\x7f\x85\u2028 \U0010ffff",
    " " * 300 + "\n" * 40 + "a" * 300,
]


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BYTEBOUND_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def load(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Any, Vocabulary]]:
    """Unpacks and loads a tokenizer of ../shared/tokenizers; each once."""
    loaded: dict[str, tuple[Any, Vocabulary]] = {}

    def one(name: str) -> tuple[Any, Vocabulary]:
        if name not in loaded:
            folder = tmp_path_factory.mktemp(name)
            source = shared / "tokenizers" / name
            (folder / "tokenizer.json").write_bytes(lzma.decompress((source / "tokenizer.json.xz").read_bytes()))
            (folder / "tokenizer_config.json").write_bytes((source / "tokenizer_config.json").read_bytes())
            kind = transformers.PreTrainedTokenizerFast if name == "gpt2" else transformers.AutoTokenizer
            tokenizer = kind.from_pretrained(folder)
            loaded[name] = tokenizer, Vocabulary.from_tokenizer(tokenizer)
        return loaded[name]

    return one


def random_token_strings(vocabulary: Vocabulary, n: int = 10_000) -> list[list[int]]:
    """Strings of one to eight random text tokens."""
    rng = np.random.default_rng(0)
    ids = np.flatnonzero(np.diff(vocabulary.offsets))
    return [rng.choice(ids, length).tolist() for length in rng.integers(1, 9, n)]


def is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def random_texts(n: int = 200) -> list[str]:
    rng = np.random.default_rng(1)
    planes = [(0x20, 0x7F), (0, 0x250), (0x370, 0x600), (0x3040, 0x9FFF), (0x1F300, 0x1FAFF), (0xE000, 0x10FFFF)]
    ranges = [planes[i] for i in rng.integers(0, len(planes), n)]
    return ["".join(map(chr, rng.integers(low, high, rng.integers(1, 40)))) for low, high in ranges]


@pytest.mark.parametrize("name", NAMES)
def test_bytes_are_what_is_decoded(load: Callable[[str], tuple[Any, Vocabulary]], name: str) -> None:
    tokenizer, vocabulary = load(name)
    strings = random_token_strings(vocabulary)
    decoded = tokenizer.batch_decode(strings, skip_special_tokens=False, clean_up_tokenization_spaces=False)
    data = [vocabulary.text(ids) for ids in strings]
    assert sum(map(is_utf8, data)) > 9_000  # decoding is faithful there; elsewhere both show the same U+FFFD
    assert [d.decode(errors="replace") for d in data] == decoded


@pytest.mark.parametrize("name", NAMES)
def test_text_of_encoded_is_the_text(load: Callable[[str], tuple[Any, Vocabulary]], name: str) -> None:
    tokenizer, vocabulary = load(name)
    for text in TEXTS + random_texts():
        expected = unicodedata.normalize("NFC", text) if name == "qwen25" else text
        assert vocabulary.text(tokenizer.encode(text, add_special_tokens=False)) == expected.encode()


@pytest.mark.parametrize("name", NAMES)
def test_control_tokens_have_no_bytes(load: Callable[[str], tuple[Any, Vocabulary]], name: str) -> None:
    tokenizer, vocabulary = load(name)
    control = {i for i, token in tokenizer.added_tokens_decoder.items() if token.special} | {tokenizer.eos_token_id}
    assert set(np.flatnonzero(vocabulary.special).tolist()) == control
    assert vocabulary.text(control) == b"" and not control.intersection(vocabulary.trie.order.tolist())
    assert vocabulary.eos_token_ids == (tokenizer.eos_token_id,)
    assert (vocabulary.byte_tokens >= 0).all()
    assert [vocabulary.token_bytes(i) for i in vocabulary.byte_tokens.tolist()] == [bytes([b]) for b in range(256)]


def test_gpt2(load: Callable[[str], tuple[Any, Vocabulary]]) -> None:
    _, vocabulary = load("gpt2")
    assert vocabulary.size == 50_257 and vocabulary.max_token_bytes == 128
    assert sum(not is_utf8(vocabulary.token_bytes(i)) for i in range(vocabulary.size)) == 344


def test_o200k_has_gaps(load: Callable[[str], tuple[Any, Vocabulary]]) -> None:
    tokenizer, vocabulary = load("o200k")
    assert len(tokenizer) == 200_000 and vocabulary.size == 200_019
    assert vocabulary.text(range(199_998, 200_019)) == b""
    assert np.flatnonzero(vocabulary.special).tolist() == [199_999, 200_018]


def test_qwen_padding_and_added_tokens(load: Callable[[str], tuple[Any, Vocabulary]]) -> None:
    tokenizer, vocabulary = load("qwen25")
    assert vocabulary.size == len(tokenizer) == 151_665
    padded = Vocabulary.from_tokenizer(tokenizer, size=152_064, eos_token_ids=[151_643, 151_645])
    assert padded.size == 152_064 and padded.eos_token_ids == (151_643, 151_645)
    assert padded.text(range(151_665, 152_064)) == b"" and not padded.special[151_665:].any()
    assert np.array_equal(padded.trie.order, vocabulary.trie.order) and padded.fingerprint != vocabulary.fingerprint
    text_like = tokenizer.convert_tokens_to_ids("<tool_call>")
    assert vocabulary.token_bytes(text_like) == b"<tool_call>" and not vocabulary.special[text_like]
    with pytest.raises(VocabularyError, match=r"size=151643 is too small"):
        Vocabulary.from_tokenizer(tokenizer, size=151_643)


def test_tiktoken_encodes_alike_with_our_bytes(load: Callable[[str], tuple[Any, Vocabulary]]) -> None:
    tokenizer, vocabulary = load("o200k")
    split = json.loads(tokenizer.backend_tokenizer.pre_tokenizer.__getstate__())["pretokenizers"][0]
    encoding = tiktoken.Encoding(
        "o200k",
        pat_str=split["pattern"]["Regex"],
        mergeable_ranks={vocabulary.token_bytes(i): i for i in vocabulary.trie.order.tolist()},
        special_tokens={tokenizer.convert_ids_to_tokens(i): i for i in np.flatnonzero(vocabulary.special).tolist()},
    )
    for text in TEXTS + random_texts():
        assert encoding.encode_ordinary(text) == tokenizer.encode(text, add_special_tokens=False)
    assert Vocabulary.from_tokenizer(encoding).fingerprint == vocabulary.fingerprint


@pytest.fixture(scope="module")
def tekken() -> tuple[Any, Vocabulary]:
    tokenizer = MistralTokenizer.from_file(str(MISTRAL / "tekken_240911.json"))
    return tokenizer.instruct_tokenizer.tokenizer, Vocabulary.from_tokenizer(tokenizer)


def test_tekken_of_mistral_common(tekken: tuple[Any, Vocabulary]) -> None:
    tokenizer, vocabulary = tekken
    assert vocabulary.size == 131_072 and vocabulary.eos_token_ids == (2,)
    assert np.flatnonzero(vocabulary.special).tolist() == list(range(1000))
    for ids in random_token_strings(vocabulary):
        assert vocabulary.text(ids).decode(errors="replace") == tokenizer.decode(ids)
    for text in TEXTS + random_texts():
        assert vocabulary.text(tokenizer.encode(text, bos=True, eos=True)) == text.encode()
    assert Vocabulary.from_tokenizer(tokenizer).fingerprint == vocabulary.fingerprint


def test_tekken_is_the_same_in_both_formats(
    tekken: tuple[Any, Vocabulary], load: Callable[[str], tuple[Any, Vocabulary]]
) -> None:
    assert load("tekken")[1].fingerprint == tekken[1].fingerprint


def test_tekken_through_transformers(tekken: tuple[Any, Vocabulary]) -> None:
    backend = transformers.MistralCommonBackend(str(MISTRAL / "tekken_240911.json"))
    assert Vocabulary.from_tokenizer(backend).fingerprint == tekken[1].fingerprint


@pytest.mark.parametrize("file", SPM)
def test_sentencepiece_of_mistral_common(file: str) -> None:
    whole = MistralTokenizer.from_file(str(MISTRAL / file))
    tokenizer = whole.instruct_tokenizer.tokenizer
    vocabulary = Vocabulary.from_tokenizer(whole)
    assert vocabulary.eos_token_ids == (2,) and vocabulary.special[:3].all()
    # A model decodes a dummy prefix away at the start of a text, so the strings are put behind an X.
    before, faithful = tokenizer.encode("X", bos=False, eos=False), 0
    for ids in random_token_strings(vocabulary):
        data = vocabulary.text(ids)
        if is_utf8(data):
            faithful += 1
            assert tokenizer.decode(before + ids) == "X" + data.decode()
            assert tokenizer.decode(ids) in (data.decode(), data.decode().removeprefix(" "))
    assert faithful > 9_000
    for text in TEXTS + random_texts():
        assert vocabulary.text(tokenizer.encode(text, bos=True, eos=True)) == b" " + text.encode()
    # Byte fallback tokens (3 to 258 in version 1) are not used for a byte that has a token of its own.
    assert tokenizer.id_to_piece(int(vocabulary.byte_tokens[ord("A")])) == "A"
    assert tokenizer.id_to_piece(int(vocabulary.byte_tokens[0x0A])) == "<0x0A>"
    same = [tokenizer, tokenizer._model, transformers.MistralCommonBackend(str(MISTRAL / file))]
    assert {Vocabulary.from_tokenizer(t).fingerprint for t in same} == {vocabulary.fingerprint}


def test_sentencepiece_model_converted_by_transformers(tmp_path: Path) -> None:
    shutil.copy(MISTRAL / SPM[0], tmp_path / "tokenizer.model")
    tokenizer = transformers.LlamaTokenizer.from_pretrained(tmp_path)
    vocabulary = Vocabulary.from_tokenizer(tokenizer)
    own = Vocabulary.from_tokenizer(MistralTokenizer.from_file(str(MISTRAL / SPM[0])))
    assert vocabulary.fingerprint == own.fingerprint and np.array_equal(vocabulary.byte_tokens, own.byte_tokens)
    for text in TEXTS + random_texts():
        prefix = "" if text.startswith(" ") else " "  # Metaspace adds none to a text that begins with a space
        assert vocabulary.text(tokenizer.encode(text, add_special_tokens=False)) == (prefix + text).encode()
