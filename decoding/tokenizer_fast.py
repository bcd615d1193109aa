"""Bytes of tokenizers backed by the `tokenizers` library (transformers' fast tokenizers, or a bare `Tokenizer`).

The format is that of tokenizer.json (model, decoder, added tokens). The decoder component says how token strings spell
text; only decoders that concatenate are accepted: ByteLevel, or Replace / Metaspace / ByteFallback / Fuse with a Strip
of the dummy prefix. Components that need a token's neighbours (WordPiece's `##`, `</w>`, CTC) are refused by name.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from typing import Any

from .errors import UnsupportedTokenizer
from .tokenizer_spelling import TokenBytes, byte_level, byte_token


@dataclasses.dataclass
class _Spelling:
    """A decoder that concatenates: byte-level, or text after replacements, with or without byte fallback."""

    byte_level: bool = False
    byte_fallback: bool = False
    replacements: list[tuple[str, str]] = dataclasses.field(default_factory=list)


def read_backend(backend: Any, name: str, special_ids: Iterable[int], eos_token_ids: tuple[int, ...]) -> TokenBytes:
    """Read a `tokenizers.Tokenizer`; `name` is the class named in errors, special_ids are added to its own."""
    unknown, byte_fallback = _model_options(backend.model, name)
    spelling = _spelling(backend, name, byte_fallback)
    added = backend.get_added_tokens_decoder()
    strings = _strings(backend, added)
    special = {*special_ids, *unknown, *(i for i, token in added.items() if token.special)}
    text = ["" if s is None or i in special else s for i, s in enumerate(strings)]
    fallback: dict[int, bytes] = {}
    if spelling.byte_level:
        tokens = byte_level(text)
    else:
        if spelling.byte_fallback:
            fallback = {i: byte for i, s in enumerate(text) if (byte := byte_token(s)) is not None}
        for pattern, content in spelling.replacements:
            text = [s.replace(pattern, content) for s in text]
        tokens = [s.encode() for s in text]
        for i, byte in fallback.items():
            tokens[i] = byte
    for i, token in added.items():
        # Added tokens match the text as it is. A SentencePiece model's own pieces may be listed as added too (Gemma's
        # runs of `▁`): those keep their spelling.
        own = not spelling.byte_level and backend.model.token_to_id(token.content) == i
        if i not in special and not own:
            tokens[i] = token.content.encode()
    return TokenBytes(tokens, frozenset(special), eos_token_ids, frozenset(fallback))


def _strings(backend: Any, added: dict[int, Any]) -> list[str | None]:
    """Token strings in order of id, None in gaps."""
    count = backend.get_vocab_size(with_added_tokens=True)
    end = max([count, *(i + 1 for i in added)])
    strings = list(map(backend.id_to_token, range(end)))
    if end - strings.count(None) < count:  # ids beyond the count, so that there are gaps among the model's own
        end = max(backend.get_vocab(with_added_tokens=True).values()) + 1
        strings += map(backend.id_to_token, range(len(strings), end))
    return strings


def _model_options(model: Any, name: str) -> tuple[list[int], bool]:
    """Ids of the unknown token, which is not the text that it is written as, and whether there is byte fallback."""
    kind = type(model).__name__
    if kind == "Unigram":  # has no attributes for these
        state = json.loads(model.__getstate__())
        return [] if state["unk_id"] is None else [state["unk_id"]], state["byte_fallback"]
    if kind != "BPE":
        raise UnsupportedTokenizer(f"{name}: its model {kind} has no exact bytes for a token; BPE and Unigram have")
    for option in ("continuing_subword_prefix", "end_of_word_suffix"):
        if getattr(model, option):
            raise UnsupportedTokenizer(
                f"{name}: its model has {option} {getattr(model, option)!r}, so that a token's bytes depend on "
                "its neighbours"
            )
    unknown = None if model.unk_token is None else model.token_to_id(model.unk_token)
    return [] if unknown is None else [unknown], model.byte_fallback


def _spelling(backend: Any, name: str, byte_fallback: bool) -> _Spelling:
    """What the decoder makes of token strings; UnsupportedTokenizer where it does more than concatenate."""
    decoders = _components(backend, "decoder", name)
    if not decoders:
        encoders = _components(backend, "pre_tokenizer", name) + _components(backend, "normalizer", name)
        if all(component["type"] != "ByteLevel" for component in encoders):
            raise UnsupportedTokenizer(f"{name}: it has no decoder, so that how tokens join into text is not known")
        return _Spelling(byte_level=True)
    spelling, fused = _Spelling(byte_fallback=byte_fallback), False
    for component in decoders:
        kind = component["type"]
        if kind == "ByteLevel":
            spelling.byte_level = True
        elif kind == "ByteFallback":
            spelling.byte_fallback = True
        elif kind == "Fuse":
            fused = True
        elif kind == "Metaspace":
            spelling.replacements.append((component["replacement"], " "))
        elif kind == "Replace" and _is_per_token(component, fused):
            spelling.replacements.append((component["pattern"]["String"], component["content"]))
        elif not (kind == "Strip" and fused and component["stop"] == 0):  # a Strip of the start drops the dummy prefix
            raise UnsupportedTokenizer(f"{name}: its decoder has {component}, which does not concatenate token bytes")
    others = {component["type"] for component in decoders} - {"ByteLevel", "Fuse"}
    if spelling.byte_level and others:
        raise UnsupportedTokenizer(f"{name}: its decoder mixes ByteLevel with {', '.join(sorted(others))}")
    return spelling


def _is_per_token(replace: dict[str, Any], fused: bool) -> bool:
    """Whether a Replace sees no more than one token: before Fuse, or of a single character."""
    pattern = replace["pattern"].get("String")
    return pattern is not None and (not fused or len(pattern) == 1)


def _components(backend: Any, part: str, name: str) -> list[dict[str, Any]]:
    """A part of the tokenizer as a flat list of its components in the format of tokenizer.json."""
    try:
        component = getattr(backend, part)
        state = None if component is None else json.loads(component.__getstate__())
    except Exception as error:  # the library raises bare exceptions for components written in Python
        raise UnsupportedTokenizer(f"{name}: its {part} is a custom one, which cannot be inspected") from error
    return [] if state is None else _flatten(state)


def _flatten(state: dict[str, Any]) -> list[dict[str, Any]]:
    if state["type"] != "Sequence":
        return [state]
    (parts,) = (value for key, value in state.items() if key != "type")
    return [component for part in parts for component in _flatten(part)]
