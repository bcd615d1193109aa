"""Tiny tokenizers of three families, a random model over them, and canonicality and covers by enumeration."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import numpy as np
from bytebound.decoding import Vocabulary
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

GPT2 = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def byte_level(pattern: str, merges: list[tuple[bytes, bytes]], alphabet: bytes, *, whole: bool = False) -> Tokenizer:
    spell = lambda data: "".join(_table()[b] for b in data)  # noqa: E731
    vocabulary = {"<s>": 0, "</s>": 1, "<call>": 2}
    for byte in alphabet:
        vocabulary[spell(bytes([byte]))] = len(vocabulary)
    listed = []
    for left, right in merges:
        vocabulary.setdefault(spell(left + right), len(vocabulary))
        listed.append((spell(left), spell(right)))
    if whole:
        for word in (b"aba", b" bb"):
            vocabulary.setdefault(spell(word), len(vocabulary))
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=listed, ignore_merges=whole))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(s, special=True) for s in ("<s>", "</s>", "<call>")])
    return tokenizer


def pieces() -> Tokenizer:
    vocabulary = {"<s>": 0, "</s>": 1, "<call>": 2}
    for byte in "é".encode():
        vocabulary[f"<0x{byte:02X}>"] = len(vocabulary)
    merges = [("▁", "a"), ("a", "b"), ("▁", "▁"), ("b", "b"), ("▁a", "b"), ("ab", "a"), ("b", "▁")]
    for string in ["▁", "a", "b", *(left + right for left, right in merges)]:
        vocabulary.setdefault(string, len(vocabulary))
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens([AddedToken(s, special=True) for s in ("<s>", "</s>", "<call>")])
    return tokenizer


@functools.cache
def _table() -> dict[int, str]:
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(0x100, 0x200))
    return {b: chr(b) if b in printable else chr(next(others)) for b in range(256)}


@functools.cache
def family(name: str) -> tuple[Tokenizer, str]:
    """A tokenizer and the characters of its texts."""
    if name == "pieces":
        return pieces(), " abé"
    if name == "gpt2":
        merges = [(b"a", b"b"), (b" ", b"a"), (b"ab", b"a"), (b"b", b"b"), (b" ", b" "), (b" a", b"b"), (b"1", b"1"),
                  (b"'", b"s"), ("é".encode()[:1], "é".encode()[1:]), (b"b", "é".encode()[:1])]  # fmt: skip
        return byte_level(GPT2, merges, b" ab1's" + "é".encode()), " ab1'sé"
    merges = [(b"a", b"b"), (b" ", b"a"), (b"b", b"b"), (b" ", b" "), (b"1", b"1"), (b"\n", b"\n"), (b"11", b"1"),
              (b" ", b"\n"), (b" a", b"b"), (b"1", b"11"), (b"b", b"a")]  # fmt: skip
    return byte_level(LLAMA3, merges, b" ab1\n", whole=True), " ab1\n"


FAMILIES = ("gpt2", "llama3", "pieces")


@functools.cache
def canonical_sequences(name: str, length: int, extra: int = 3) -> frozenset[tuple[int, ...]]:
    """All canonical sequences of `length` tokens whose bytes are at most some characters: the first tokens of every
    text, by encoding every text."""
    tokenizer, alphabet = family(name)
    vocabulary = Vocabulary.from_tokenizer(tokenizer, cache=False)
    tokenizer.encode_special_tokens = True
    found = set()
    for size in range(extra + 1):
        texts = ["".join(t) for t in itertools.product(alphabet, repeat=size)]
        for text, encoding in zip(texts, tokenizer.encode_batch(texts, add_special_tokens=False), strict=True):
            ids = encoding.ids
            wanted = b" " + text.encode() if name == "pieces" and text else text.encode()
            assert vocabulary.text(ids) == wanted, (text, ids)
            found.add(tuple(ids[:length]))
            found.update(tuple(ids[:k]) for k in range(min(length, len(ids)) + 1))
    return frozenset(found)


def random_model(size: int, seed: int, dtype: Any = np.float64) -> Any:
    """A function from a context to log-probabilities, random but the same for the same context."""

    @functools.cache
    def logprobs(ids: tuple[int, ...]) -> Any:
        generator = np.random.default_rng([seed, len(ids), *(i + 1 for i in ids)])
        logits = generator.normal(size=size) * 2
        return (logits - np.logaddexp.reduce(logits)).astype(dtype)

    return logprobs
