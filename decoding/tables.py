"""What all maskers of one vocabulary share: its tries and its slices."""

from __future__ import annotations

import threading
import weakref
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from . import mask_kernels as mk
from .kinds import TokenKinds
from .lexeme_budget import Words
from .lexemes import Lexemes
from .slices import LoopSlice, build_slice
from .trie import Trie
from .trie_levels import Levels
from .vocabulary import Vocabulary


class Tables:
    """Tries of a vocabulary, or of a part of it, in the forms that kernels read, and the slices made so far."""

    def __init__(self, vocabulary: Vocabulary, part: Trie | None = None) -> None:
        trie = vocabulary.trie if part is None else part
        self._vocabulary = weakref.ref(vocabulary)
        self._trie = trie
        self.trie = mk.pack_trie(trie.byte, trie.size, trie.depth, trie.token_start, trie.order)
        self.siblings = mk.sibling_trie(self.trie)
        self.depths = vocabulary.max_token_bytes
        self.words = (vocabulary.size + 31) // 32
        self.all_bytes = bool((vocabulary.byte_tokens >= 0).all())
        self.slices: dict[bytes, LoopSlice] = {}
        self.asked: dict[bytes, int] = {}
        self._bytes_of = vocabulary.token_bytes
        self._size = vocabulary.size

    @cached_property
    def kinds(self) -> TokenKinds:
        """What tokens mean to texts that must differ from others."""
        return TokenKinds(self._bytes_of(i) for i in range(self._size))

    @cached_property
    def word_tokens(self) -> Words:
        """The tokens that are words or parts of words."""
        return Words.of(self._bytes_of(i) for i in range(self._size))

    @cached_property
    def lexemes(self) -> Lexemes:
        """Parts of masks over lexemes."""
        return Lexemes(self.siblings, self.words, self.depths, self._bytes_of)

    @cached_property
    def levels(self) -> Levels:
        """The trie for walks level by level."""
        return Levels(self._trie)

    @cached_property
    def halves(self) -> tuple[Tables, Tables] | None:
        """Those of the tokens that do not begin with a space, and of those that do, without it; see `spaced.py`."""
        from .spaced import halves

        vocabulary = self._vocabulary()
        assert vocabulary is not None
        parts = halves(vocabulary.trie)
        return None if parts is None else (Tables(vocabulary, parts[0]), Tables(vocabulary, parts[1]))

    def slice(self, signature: NDArray[np.int32], eager: bool = False) -> LoopSlice | None:
        """The slice for the loop that `classify` found (8 cells of byte set, the flag for characters), if it pays.

        A slice costs as much as several walks, or, where the loop is small, so that walks die out early, as tens of
        them: it is made when it has been asked for often enough, twice if `eager`.
        """
        key = signature.tobytes()
        found = self.slices.get(key)
        if found is None:
            self.asked[key] = self.asked.get(key, 0) + 1
            size = sum(int(cell).bit_count() for cell in signature[:8].view(np.uint32))
            words = signature[1] & 1 and signature[3] & 2  # space, a
            if self.asked[key] < (1 if words else 2 if eager else 5 if size >= 60 else 30):
                return None
            found = build_slice(self.trie, self.depths, self.words, signature[:8], bool(signature[8]))
            self.slices[key] = found
        return found


_shared: weakref.WeakKeyDictionary[Vocabulary, Tables] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def shared_tables(vocabulary: Vocabulary) -> Tables:
    """The tables of a vocabulary, made once and kept as long as it."""
    with _lock:
        tables = _shared.get(vocabulary)
        if tables is None:
            tables = _shared[vocabulary] = Tables(vocabulary)
        return tables
