"""The tokenizer's own encoder, made fit for pieces of text: no control tokens, nothing put before or after.

Canonical tokenization is what the tokenizer makes of a text, so its own code is asked, never a copy of its rules. Text
that looks like a control token (`<s>`) is text here, and the dummy space of SentencePiece-style tokenizers is left out,
because pieces from the middle of a text are encoded; `dummy` says what the tokenizer puts before a whole text.
"""

from __future__ import annotations

import functools
import itertools
import json
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from ..errors import UnsupportedTokenizer
from ..vocabulary import Vocabulary
from .merges import Merges


class Encoder:
    """Encodes pieces of text with a byte-pair-encoding tokenizer of transformers or tokenizers.

    Args:
        tokenizer: a fast tokenizer of transformers, a `tokenizers.Tokenizer`, or a processor that has one.
        vocabulary: its vocabulary.

    Raises UnsupportedTokenizer for others, naming the class, and for models other than BPE or with dropout.
    """

    def __init__(self, tokenizer: Any, vocabulary: Vocabulary) -> None:
        name = type(tokenizer).__name__
        backend = backend_of(tokenizer)
        if backend is None:
            raise UnsupportedTokenizer(
                f"{name}: canonical tokenization needs a tokenizer of the `tokenizers` library (a fast tokenizer of "
                'transformers); semantics="all" works with any'
            )
        state = json.loads(backend.to_str())
        model = state["model"]
        if model["type"] != "BPE" or model.get("dropout"):
            kind = "BPE with dropout" if model["type"] == "BPE" else model["type"]
            raise UnsupportedTokenizer(
                f'{name}: canonical tokenization is known for BPE, not for {kind}; semantics="all" works with any'
            )
        self._vocabulary = vocabulary
        self.dummy, self._always = self._dummy(backend)
        control = next((t["content"] for t in state["added_tokens"] if vocabulary.special[t["id"]]), "")
        self.dummy_after_control: bool = self._spelled(backend, control + "a").startswith(b" ")
        """Whether the dummy space comes before a text that follows a control token, too."""
        own = {**state, "post_processor": None, "truncation": None, "padding": None}
        own["normalizer"] = _without_dummy(state["normalizer"])
        own["pre_tokenizer"] = _without_dummy(state["pre_tokenizer"])
        self._tokenizer = type(backend).from_str(json.dumps(own))
        self._tokenizer.encode_special_tokens = True
        self.whole_words: bool = bool(model.get("ignore_merges"))
        """Whether a pretoken that is in the vocabulary becomes that token, whatever the merges say."""
        self.normalizes = own["normalizer"] is not None and any(
            c["type"] != "Replace" for c in _flat(own["normalizer"])
        )
        """Whether text may be changed before it is encoded (NFC and others)."""
        self.composes_only: bool = all(c["type"] in ("Replace", "NFC") for c in _flat(own["normalizer"]))
        """Whether it is changed by NFC at most."""
        self.splits: bool = own["pre_tokenizer"] is not None and any(
            c["type"] not in ("ByteLevel", "Metaspace") or c.get("use_regex") or c.get("split")
            for c in _flat(own["pre_tokenizer"])
        )
        """Whether text is split into pretokens, across which nothing is merged."""
        self.added = [t["content"] for t in state["added_tokens"] if not vocabulary.special[t["id"]]]
        """Added tokens that are text."""
        self.added_ids = frozenset(t["id"] for t in state["added_tokens"])
        """Ids of all added tokens."""
        self.merges = _merges(model, vocabulary, byte_level=_is_byte_level(state))

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text."""
        return [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts), add_special_tokens=False)]

    def spells(self, ids: Sequence[int]) -> bytes:
        """Bytes of token ids."""
        return self._vocabulary.text(ids)

    def leaves_alone(self, text: str) -> bool:
        """Whether letters stay what they are, also after ASCII letters: known for NFC, which composes Hangul jamo."""
        if text.isascii() or not self.normalizes:
            return True
        return (
            self.composes_only
            and unicodedata.is_normalized("NFC", text)
            and all(not "\u1100" <= c <= "\u11ff" for c in text)
        )

    def cuts(self, text: str) -> set[int]:
        """Where pretokens begin in a text, in characters (of the normalized text, where the tokenizer changes it)."""
        if self._tokenizer.normalizer is not None:
            text = self._tokenizer.normalizer.normalize_str(text)
        if self._tokenizer.pre_tokenizer is None:
            return {0}
        return {begin for _, (begin, _) in self._tokenizer.pre_tokenizer.pre_tokenize_str(text)}

    def begin(self, data: bytes) -> bytes:
        """A text that starts at its beginning, with the space that the tokenizer puts there."""
        return data if not self._always and data.startswith(self.dummy) else self.dummy + data

    def _dummy(self, backend: Any) -> tuple[bytes, bool]:
        if not self._spelled(backend, "a").startswith(b" "):
            return b"", True
        return b" ", self._spelled(backend, " a").startswith(b"  ")

    def _spelled(self, backend: Any, text: str) -> bytes:
        return self._vocabulary.text(backend.encode(text, add_special_tokens=False).ids)


def backend_of(tokenizer: Any) -> Any:
    """The `tokenizers.Tokenizer` in a tokenizer or processor of transformers, or itself; None where there is none."""
    for candidate in (tokenizer, getattr(tokenizer, "backend_tokenizer", None)):
        if type(candidate).__module__.partition(".")[0] == "tokenizers":
            return candidate
    inner = getattr(tokenizer, "tokenizer", None)
    return None if inner is None else backend_of(inner)


def _flat(component: dict[str, Any] | None) -> list[dict[str, Any]]:
    if component is None:
        return []
    parts = component.get("normalizers", component.get("pretokenizers"))
    return [component] if parts is None else [inner for part in parts for inner in _flat(part)]


def _without_dummy(component: dict[str, Any] | None) -> dict[str, Any] | None:
    """A normalizer or pre-tokenizer that puts no space before the text."""
    if component is None or component["type"] == "Prepend":
        return None
    changed = dict(component)
    for key in ("normalizers", "pretokenizers"):
        if key in component:
            changed[key] = [kept for part in component[key] if (kept := _without_dummy(part)) is not None]
            if not changed[key]:
                return None
    if "add_prefix_space" in component:
        changed["add_prefix_space"] = False
    if "prepend_scheme" in component:
        changed["prepend_scheme"] = "never"
    return changed


def _is_byte_level(state: dict[str, Any]) -> bool:
    parts = _flat(state["pre_tokenizer"]) + _flat(state["normalizer"])
    return any(part["type"] == "ByteLevel" for part in parts)


_BYTE_TOKEN = re.compile(r"<0x[0-9A-F]{2}>")


def _merges(model: dict[str, Any], vocabulary: Vocabulary, *, byte_level: bool) -> Merges:
    ids: dict[str, int] = model["vocab"]
    symbols: list[list[int]] = [[] for _ in range(vocabulary.size)]
    for string, i in ids.items():
        if vocabulary.special[i]:
            continue
        if not byte_level and model.get("byte_fallback") and _BYTE_TOKEN.fullmatch(string):
            symbols[i] = [i]
            continue
        found = [ids.get(c, -1) for c in string]
        symbols[i] = found if -1 not in found else []
    listed = (pair.split(" ", 1) if isinstance(pair, str) else pair for pair in model["merges"])
    pairs = [(ids[a], ids[b], ids[a + b]) for a, b in listed]
    return Merges.build(symbols, pairs)


@functools.lru_cache(maxsize=4096)
def completions(tail: bytes, most: int = 512) -> tuple[str, ...]:
    """Characters whose UTF-8 begins with `tail`, the first bytes of one: all of them, or `most` spread over all second
    and third bytes."""
    missing = (2 if tail[0] < 0xE0 else 3 if tail[0] < 0xF0 else 4) - len(tail)
    sizes = {1: (64,), 2: (64, 8), 3: (64, 4, 2)}[missing]
    steps = [[0x80 + (i * 64) // size for i in range(size)] for size in sizes]
    found = []
    for rest in itertools.product(*steps):
        try:
            found.append((tail + bytes(rest)).decode())
        except UnicodeDecodeError:
            continue
    return tuple(found[:most])
