"""The map from token ids to byte strings, which joins any model to any grammar.

A `Vocabulary` holds the exact bytes of every id that the logits have a column for, which ids are control tokens, which
end the sequence, and the tokens sorted into a `Trie`. Built tries are kept on disk by a hash of their content.
"""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..grammars.cache import cache_folder
from .errors import VocabularyError
from .tokenizer_bytes import read_tokens
from .tokenizer_spelling import TokenBytes
from .trie import Trie

# Part of every cache key: to be raised whenever the meaning of the stored trie changes.
_CACHE_VERSION = 1


class Vocabulary:
    """Bytes of every token id; make one with `from_tokenizer` or `from_bytes`, and treat it as immutable.

    Control tokens (the special ones, EOS included), ids in gaps and padding have no bytes and never match text.
    """

    size: int
    """Width of the logits: ids are 0 to size - 1."""
    eos_token_ids: tuple[int, ...]
    """Ids that end the sequence; may be empty."""
    special: NDArray[np.bool_]
    """[size] True for control tokens."""
    data: NDArray[np.uint8]
    """Bytes of all ids, in order of id."""
    offsets: NDArray[np.int32]
    """[size + 1] id i has `data[offsets[i]:offsets[i + 1]]`."""
    max_token_bytes: int
    """Length of the longest token."""
    byte_tokens: NDArray[np.int32]
    """[256] id of the token that is exactly this byte, -1 where there is none. Of several ids it is the lowest one that
    is no byte fallback token, or the lowest where all are."""
    fingerprint: str
    """SHA-256 of bytes, size and EOS ids, in hexadecimal: equal for vocabularies with equal masks."""
    trie: Trie
    """The text tokens as a trie."""

    def __init__(
        self, source: TokenBytes, *, size: int | None, eos_token_ids: Iterable[int] | int | None, cache: bool
    ) -> None:
        self.size = len(source.tokens) if size is None else operator.index(size)
        if self.size < len(source.tokens):
            raise VocabularyError(
                f"size={self.size} is too small: the tokenizer's ids go up to {len(source.tokens) - 1}, so the logits "
                f"need at least {len(source.tokens)} columns"
            )
        self.eos_token_ids = _eos_ids(source.eos_token_ids if eos_token_ids is None else eos_token_ids, self.size)
        control = source.special.union(self.eos_token_ids)
        self.special = np.zeros(self.size, np.bool_)
        self.special[[i for i in control if i < self.size]] = True
        tokens = source.tokens + [b""] * (self.size - len(source.tokens))
        for i in np.flatnonzero(self.special).tolist():
            tokens[i] = b""
        self.offsets = np.zeros(self.size + 1, np.int32)
        np.cumsum(np.fromiter(map(len, tokens), np.int32, self.size), out=self.offsets[1:])
        # A copy, because an array over a bytes object is read-only, and numba compiles anew for that type.
        self.data = np.frombuffer(b"".join(tokens), np.uint8).copy()
        lengths = np.diff(self.offsets)
        self.max_token_bytes = int(lengths.max(initial=0))
        self.byte_tokens = np.full(256, -1, np.int32)
        single = np.flatnonzero(lengths == 1)
        ordinary = single[~np.isin(single, list(source.fallback))]
        for ids in (single[::-1], ordinary[::-1]):  # later ones win
            self.byte_tokens[self.data[self.offsets[ids]]] = ids
        self.fingerprint = self._hash()
        self.trie = self._cached_trie() if cache else Trie.build(self.data, self.offsets)

    @classmethod
    def from_tokenizer(
        cls,
        tokenizer: Any,
        *,
        size: int | None = None,
        eos_token_ids: Iterable[int] | int | None = None,
        cache: bool = True,
    ) -> Vocabulary:
        """Read the exact bytes of a tokenizer of transformers, tokenizers, sentencepiece, tiktoken or mistral-common.

        size: the width of the model's logits where that is more than the tokenizer has ids (`model.config.vocab_size`).
        eos_token_ids: instead of the tokenizer's own; a model's generation_config may list more than its tokenizer.
        Without either there is no EOS: the vocabulary is usable, but a masked text then ends only where its grammar
        allows nothing more. cache: keep the trie on disk (see `bytebound.grammars.cache`).

        Raises UnsupportedTokenizer where the tokens have no exact bytes, VocabularyError where size or an id is wrong.
        """
        source = read_tokens(tokenizer)
        if not any(source.tokens):
            raise VocabularyError(f"{type(tokenizer).__name__} has no text tokens; was it made without its vocabulary?")
        return cls(source, size=size, eos_token_ids=eos_token_ids, cache=cache)

    @classmethod
    def from_bytes(
        cls, tokens: Sequence[bytes | None], *, eos_token_ids: Iterable[int] | int = (), size: int | None = None
    ) -> Vocabulary:
        """Make a vocabulary of given bytes; an id with None is a control token, one with b"" is unused.

        Raises VocabularyError for a token that is no bytes, and where size or an EOS id is wrong.
        """
        for i, token in enumerate(tokens):
            if not isinstance(token, bytes | bytearray | None):
                raise VocabularyError(f"token {i} is {token!r}: tokens are bytes, or None for control tokens")
        special = frozenset(i for i, token in enumerate(tokens) if token is None)
        source = TokenBytes([bytes(token or b"") for token in tokens], special)
        return cls(source, size=size, eos_token_ids=eos_token_ids, cache=False)

    def token_bytes(self, i: int) -> bytes:
        """Bytes of id i, b"" for control tokens and unused ids; VocabularyError outside 0 to size - 1."""
        if not 0 <= i < self.size:
            raise VocabularyError(f"token id {i} is outside the vocabulary of {self.size} ids")
        return self.data[self.offsets[i] : self.offsets[i + 1]].tobytes()

    def text(self, ids: Iterable[int]) -> bytes:
        """The concatenated bytes of token ids (ints, an array or a tensor)."""
        return b"".join(self.token_bytes(operator.index(i)) for i in ids)

    def __len__(self) -> int:
        return self.size

    def __repr__(self) -> str:
        return f"Vocabulary({self.size:,} ids, {len(self.trie.order):,} of text, eos_token_ids={self.eos_token_ids})"

    def _hash(self) -> str:
        state = hashlib.sha256(f"bytebound vocabulary {self.size} {self.eos_token_ids} ".encode())
        state.update(self.offsets.astype("<i4").tobytes())
        state.update(self.data.tobytes())
        return state.hexdigest()

    def _cached_trie(self) -> Trie:
        folder = cache_folder("vocabularies")
        if folder is None:
            return Trie.build(self.data, self.offsets)
        path = folder / f"{self.fingerprint}-{_CACHE_VERSION}.npz"
        trie = Trie.load(path)
        if trie is None:
            trie = Trie.build(self.data, self.offsets)
            trie.save(path)
        return trie


def _eos_ids(ids: Iterable[int] | int, size: int) -> tuple[int, ...]:
    """EOS ids without repetitions, in the order given."""
    unique = tuple(dict.fromkeys(map(operator.index, ids if isinstance(ids, Iterable) else (ids,))))
    for i in unique:
        if not 0 <= i < size:
            raise VocabularyError(f"EOS token id {i} is outside the vocabulary of {size} ids")
    return unique
