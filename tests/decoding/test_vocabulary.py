"""Vocabulary: its arrays, control tokens, padding, errors, pickling and the disk cache."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from bytebound.decoding.errors import UnsupportedTokenizer, VocabularyError
from bytebound.decoding.trie import Trie
from bytebound.decoding.vocabulary import Vocabulary
from bytebound.grammars.cache import cache_folder, write_atomically
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

TOKENS = [b"a", None, b"b", b"ab", b"", b"\xc3", b"\xa9", b"ab"]


@pytest.fixture(autouse=True)
def cache_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BYTEBOUND_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def byte_level_tokenizer() -> Tokenizer:
    """256 byte tokens and no merges."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({c: i for i, c in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def test_arrays() -> None:
    v = Vocabulary.from_bytes(TOKENS, eos_token_ids=1, size=10)
    assert v.size == len(v) == 10
    assert [v.token_bytes(i) for i in range(10)] == [t or b"" for t in TOKENS] + [b"", b""]
    assert v.offsets.dtype == np.int32 and v.offsets.tolist() == [0, 1, 1, 2, 4, 4, 5, 6, 8, 8, 8]
    assert v.data.dtype == np.uint8 and v.data.tobytes() == b"abab\xc3\xa9ab" and v.data.flags.writeable
    assert v.special.dtype == np.bool_ and np.flatnonzero(v.special).tolist() == [1]
    assert v.eos_token_ids == (1,)
    assert v.max_token_bytes == 2
    assert v.byte_tokens.dtype == np.int32 and v.byte_tokens.shape == (256,)
    assert {b: i for b, i in enumerate(v.byte_tokens.tolist()) if i >= 0} == {97: 0, 98: 2, 0xC3: 5, 0xA9: 6}
    assert v.trie.order.tolist() == [0, 3, 7, 2, 6, 5]
    assert repr(v) == "Vocabulary(10 ids, 6 of text, eos_token_ids=(1,))"


def test_text() -> None:
    v = Vocabulary.from_bytes(TOKENS, eos_token_ids=1)
    expected = "abé".encode()
    assert v.text([3, 5, 6, 1]) == expected
    assert v.text(np.array([3, 5, 6, 1])) == expected
    assert v.text(torch.tensor([3, 5, 6, 1])) == expected
    assert v.text([]) == b""


def test_eos_never_matches_text() -> None:
    v = Vocabulary.from_bytes([b"a", b"\n", b"b"], eos_token_ids=[1, 1])
    assert v.eos_token_ids == (1,) and v.special[1] and v.token_bytes(1) == b"" and v.trie.order.tolist() == [0, 2]


def test_no_eos() -> None:
    assert Vocabulary.from_bytes([b"a"]).eos_token_ids == ()
    assert Vocabulary.from_tokenizer(byte_level_tokenizer()).eos_token_ids == ()


def test_empty_vocabulary() -> None:
    v = Vocabulary.from_bytes([], size=3)
    assert v.size == 3 and v.max_token_bytes == 0 and len(v.trie) == 0 and v.text([0, 1]) == b""


def test_lowest_of_duplicate_byte_tokens() -> None:
    assert Vocabulary.from_bytes([None, b"a", b"a"]).byte_tokens[97] == 1


def test_errors() -> None:
    with pytest.raises(VocabularyError, match=r"size=7 is too small: .* up to 7, .* at least 8 columns"):
        Vocabulary.from_bytes(TOKENS, size=7)
    for eos in (8, -1, [1, 99]):
        with pytest.raises(VocabularyError, match=r"EOS token id -?\d+ is outside the vocabulary of 8 ids"):
            Vocabulary.from_bytes(TOKENS, eos_token_ids=eos)
    v = Vocabulary.from_bytes(TOKENS)
    for i in (8, -1):
        with pytest.raises(VocabularyError, match=f"token id {i} is outside"):
            v.token_bytes(i)
        with pytest.raises(VocabularyError, match=f"token id {i} is outside"):
            v.text([0, i])


def test_fingerprint_is_of_the_content() -> None:
    v = Vocabulary.from_bytes(TOKENS, eos_token_ids=1)
    assert v.fingerprint == Vocabulary.from_bytes(list(TOKENS), eos_token_ids=[1]).fingerprint
    others = [
        Vocabulary.from_bytes(TOKENS),
        Vocabulary.from_bytes(TOKENS, eos_token_ids=1, size=9),
        Vocabulary.from_bytes([*TOKENS[:-1], b"ac"], eos_token_ids=1),
        Vocabulary.from_bytes([b"aa", None, b"b", b"b", b"", b"\xc3", b"\xa9", b"ab"], eos_token_ids=1),
    ]
    assert len({v.fingerprint, *(o.fingerprint for o in others)}) == 5


def test_pickle() -> None:
    v = Vocabulary.from_bytes(TOKENS, eos_token_ids=1, size=10)
    w = pickle.loads(pickle.dumps(v))
    assert (w.size, w.eos_token_ids, w.fingerprint, w.max_token_bytes) == (10, (1,), v.fingerprint, 2)
    for name in ("data", "offsets", "special", "byte_tokens"):
        assert np.array_equal(getattr(v, name), getattr(w, name))
    assert np.array_equal(v.trie.order, w.trie.order) and np.array_equal(v.trie.token_start, w.trie.token_start)


@pytest.mark.parametrize("thing", [None, "gpt2", object(), {"a": 1}, torch.nn.Linear(1, 1)])
def test_not_a_tokenizer(thing: Any) -> None:
    with pytest.raises(UnsupportedTokenizer, match=f"^{type(thing).__name__} is not a known kind of tokenizer"):
        Vocabulary.from_tokenizer(thing)


def test_cache_is_written_and_read(cache_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Vocabulary.from_tokenizer(byte_level_tokenizer(), cache=False)
    assert not cache_dir.exists()
    second = Vocabulary.from_tokenizer(byte_level_tokenizer())
    (path,) = (cache_dir / "vocabularies").iterdir()
    assert path.name.startswith(second.fingerprint)

    def fail(*_: Any) -> Trie:
        raise AssertionError("built although it is in the cache")

    monkeypatch.setattr(Trie, "build", fail)
    third = Vocabulary.from_tokenizer(byte_level_tokenizer())
    assert np.array_equal(first.trie.order, third.trie.order) and np.array_equal(first.trie.byte, third.trie.byte)
    with pytest.raises(AssertionError, match="built"):  # other content is another entry
        Vocabulary.from_tokenizer(byte_level_tokenizer(), eos_token_ids=3)


def test_corrupt_cache_is_rebuilt(cache_dir: Path) -> None:
    v = Vocabulary.from_tokenizer(byte_level_tokenizer())
    (path,) = (cache_dir / "vocabularies").iterdir()
    good = path.read_bytes()
    for bad in (b"", b"junk", good[:-100], good[:300] + bytes(100) + good[400:]):
        path.write_bytes(bad)
        w = Vocabulary.from_tokenizer(byte_level_tokenizer())
        assert np.array_equal(v.trie.order, w.trie.order)
        assert path.read_bytes()[:300] == good[:300] and Trie.load(path) is not None


def test_unusable_cache_folder_is_no_error(cache_dir: Path) -> None:
    cache_dir.write_text("a file where the folder should be")
    assert cache_folder("vocabularies") is None
    assert len(Vocabulary.from_tokenizer(byte_level_tokenizer()).trie) == 256


def test_unwritable_cache_entry_is_no_error(cache_dir: Path) -> None:
    v = Vocabulary.from_tokenizer(byte_level_tokenizer())
    (path,) = (cache_dir / "vocabularies").iterdir()
    path.unlink()
    path.mkdir()  # can be neither read nor replaced
    w = Vocabulary.from_tokenizer(byte_level_tokenizer())
    assert np.array_equal(v.trie.order, w.trie.order)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_cache_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BYTEBOUND_CACHE_DIR", "")
    assert cache_folder("vocabularies") is None
    assert len(Vocabulary.from_tokenizer(byte_level_tokenizer()).trie) == 256


def test_tokens_that_are_no_bytes() -> None:
    with pytest.raises(VocabularyError, match="token 1 is 'b'"):
        Vocabulary.from_bytes([b"a", "b"])  # type: ignore[list-item]


def test_default_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BYTEBOUND_CACHE_DIR")
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda *_, **__: str(tmp_path / "user"))
    assert cache_folder("things") == tmp_path / "user" / "things"
    assert (tmp_path / "user" / "things").is_dir()


def test_write_atomically(tmp_path: Path) -> None:
    path = tmp_path / "entry"
    path.write_bytes(b"old")

    def full(stream: Any) -> None:
        stream.write(b"half")
        raise OSError("no space left on device")

    assert not write_atomically(path, full)
    assert path.read_bytes() == b"old"
    with pytest.raises(ZeroDivisionError):
        write_atomically(path, lambda stream: 1 // 0)
    assert write_atomically(path, lambda stream: stream.write(b"new"))
    assert path.read_bytes() == b"new" and [p.name for p in tmp_path.iterdir()] == ["entry"]
