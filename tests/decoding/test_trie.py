"""The flat trie against a brute-force dictionary of prefixes, and its file."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from bytebound.decoding.trie import Trie
from hypothesis import given, settings
from hypothesis import strategies as st


def build(tokens: list[bytes]) -> Trie:
    data = np.frombuffer(b"".join(tokens), np.uint8).copy()
    return Trie.build(data, np.cumsum([0, *map(len, tokens)]).astype(np.int32))


def check(tokens: list[bytes]) -> None:
    trie = build(tokens)
    order = sorted((i for i, token in enumerate(tokens) if token), key=lambda i: (tokens[i], i))
    assert trie.order.tolist() == order
    prefixes = sorted({token[:k] for token in tokens for k in range(1, len(token) + 1)})
    assert len(trie) == len(prefixes)
    assert trie.byte.tolist() == [p[-1] for p in prefixes]
    assert trie.depth.tolist() == [len(p) - 1 for p in prefixes]
    for v, prefix in enumerate(prefixes):
        below = [p for p in prefixes if p.startswith(prefix)]
        assert trie.size[v] == len(below)
        assert trie.height[v] == max(map(len, below)) - len(prefix)
        here = trie.order[trie.token_start[v] : trie.token_start[v + 1]]
        assert here.tolist() == [i for i in order if tokens[i] == prefix]
        subtree = trie.order[trie.token_start[v] : trie.token_start[v + trie.size[v]]]
        assert subtree.tolist() == [i for i in order if tokens[i].startswith(prefix)]
    for field in dataclasses.fields(trie):
        array = getattr(trie, field.name)
        assert array.dtype == np.int32 and array.flags.c_contiguous and array.flags.writeable


# Few distinct bytes, NUL and 255 among them, and strings longer than the eight bytes that are compared first.
_TOKENS = st.lists(st.lists(st.sampled_from([0, 97, 255]), max_size=12).map(bytes), max_size=30)


@given(_TOKENS)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_small_vocabularies(tokens: list[bytes]) -> None:
    check(tokens)


@given(st.lists(st.binary(max_size=3), max_size=40))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_arbitrary_bytes(tokens: list[bytes]) -> None:
    check(tokens)


def test_duplicates_prefixes_and_padding_bytes() -> None:
    padded = [b"a" + bytes(n) for n in (8, 1, 7, 0, 9)]
    check([b"b", b"a", b"", *padded, b"a", b"abcdefgh", b"abcdefghi", b"abcdefg"])


def test_no_tokens() -> None:
    assert len(build([])) == 0
    trie = build([b"", b""])
    assert len(trie) == 0 and trie.token_start.tolist() == [0] and repr(trie) == "Trie(0 nodes, 0 tokens)"


def test_random_vocabulary() -> None:
    rng = np.random.default_rng(3)
    check([rng.integers(0, 4, rng.integers(0, 20)).astype(np.uint8).tobytes() for _ in range(400)])


def test_file(tmp_path: Path) -> None:
    trie = build([b"one", b"once", b"", b"two", b"one"])
    path = tmp_path / "trie.npz"
    assert Trie.load(path) is None
    assert trie.save(path)
    stored = Trie.load(path)
    assert stored is not None
    for field in dataclasses.fields(trie):
        assert np.array_equal(getattr(trie, field.name), getattr(stored, field.name))
    assert [p.name for p in tmp_path.iterdir()] == ["trie.npz"]


@pytest.mark.parametrize("damage", ["empty", "text", "half", "flipped", "foreign", "inconsistent"])
def test_damaged_file_is_none(tmp_path: Path, damage: str) -> None:
    trie = build([b"one", b"once", b"two"])
    path = tmp_path / "trie.npz"
    trie.save(path)
    content = bytearray(path.read_bytes())
    if damage == "half":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "flipped":
        content[200] ^= 1  # in the data of the first array
        path.write_bytes(content)
    elif damage == "foreign":
        np.savez(path, something=np.zeros(3))
    elif damage == "inconsistent":
        dataclasses.replace(trie, order=trie.order[:-1]).save(path)
    else:
        path.write_bytes(b"" if damage == "empty" else b"not a zip file")
    assert Trie.load(path) is None


def test_unwritable_folder(tmp_path: Path) -> None:
    assert not build([b"a"]).save(tmp_path / "absent" / "trie.npz")
