"""Bytes of the tokens of any supported tokenizer, read from its model and never from `decode`.

Decoding single tokens loses bytes (half a character becomes U+FFFD, leading spaces vanish), so each kind of tokenizer
is read where it keeps its vocabulary: `tokenizers` backends, SentencePiece models, tiktoken and mistral-common
encodings, and Python tokenizers with a byte table. Kinds are told by class name, so no tokenizer library is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .errors import UnsupportedTokenizer
from .tokenizer_fast import read_backend
from .tokenizer_spelling import TokenBytes, byte_token, sentencepiece_text


def read_tokens(tokenizer: Any) -> TokenBytes:
    """Bytes, control tokens and EOS ids of a tokenizer.

    Raises UnsupportedTokenizer, naming the class and the component, for a tokenizer whose tokens have no exact bytes
    (WordPiece, WordLevel, CTC, end-of-word suffixes) and for anything that is no tokenizer.
    """
    for base in type(tokenizer).__mro__:
        reader = _READERS.get((base.__module__.partition(".")[0], base.__name__))
        if reader is not None:
            return reader(tokenizer)
    raise UnsupportedTokenizer(
        f"{type(tokenizer).__name__} is not a known kind of tokenizer; those of transformers, tokenizers, "
        "sentencepiece, tiktoken and mistral-common are, and Vocabulary.from_bytes takes the bytes themselves"
    )


def _ids(value: Any) -> tuple[int, ...]:
    """Token ids given as None, one id or several."""
    if value is None:
        return ()
    return tuple(i for i in value if i is not None) if isinstance(value, Iterable) else (value,)


def _fast(tokenizer: Any) -> TokenBytes:
    return read_backend(
        tokenizer.backend_tokenizer,
        type(tokenizer).__name__,
        _ids(tokenizer.all_special_ids),
        _ids(tokenizer.eos_token_id),
    )


def _sentencepiece(model: Any) -> TokenBytes:
    """A sentencepiece.SentencePieceProcessor."""
    ids = list(range(model.get_piece_size()))
    pieces = model.id_to_piece(ids)
    kinds = zip(model.is_control(ids), model.is_unknown(ids), model.is_unused(ids), strict=True)
    special = frozenset(i for i, flags in enumerate(kinds) if any(flags))
    fallback = frozenset(i for i, is_byte in enumerate(model.is_byte(ids)) if is_byte)
    tokens = [b"" if i in special else sentencepiece_text(piece) for i, piece in enumerate(pieces)]
    for i in fallback:
        tokens[i] = byte_token(pieces[i]) or b""
    return TokenBytes(tokens, special, _ids(model.eos_id() if model.eos_id() >= 0 else None), fallback)


def _tiktoken(encoding: Any) -> TokenBytes:
    """A tiktoken.Encoding; EOS is its `<|endoftext|>`, where it has one."""
    special = {content: encoding.encode_single_token(content) for content in encoding.special_tokens_set}
    tokens = [b""] * encoding.n_vocab
    for i in set(range(encoding.n_vocab)).difference(special.values()):
        try:
            tokens[i] = encoding.decode_single_token_bytes(i)
        except KeyError:  # a gap
            continue
    return TokenBytes(tokens, frozenset(special.values()), _ids(special.get("<|endoftext|>")))


def _tekken(tokenizer: Any) -> TokenBytes:
    """A mistral-common Tekkenizer, which never encodes text to a special token."""
    tokens = [tokenizer.id_to_byte_piece(i) for i in range(tokenizer.n_words)]
    return TokenBytes(tokens, frozenset(tokenizer.special_ids), _ids(tokenizer.eos_id))


def _slow_sentencepiece(tokenizer: Any) -> TokenBytes:
    """A transformers SentencePieceBackend: ids may be shifted against the model's, so pieces are looked up by name."""
    model = tokenizer.sp_model
    tokens: list[bytes] = []
    special, fallback = set(_ids(tokenizer.all_special_ids)), set()
    for i in range(tokenizer.vocab_size):
        piece = tokenizer.convert_ids_to_tokens(i)
        inner = model.piece_to_id(piece)
        tokens.append(sentencepiece_text(piece))
        if model.is_byte(inner):
            fallback.add(i)
            tokens[i] = byte_token(piece) or b""
        elif model.is_control(inner) or model.is_unknown(inner) or model.is_unused(inner):
            special.add(i)
    return _with_added(tokenizer, tokens, special, frozenset(fallback))


def _slow(tokenizer: Any) -> TokenBytes:
    """A transformers tokenizer in Python with a byte table (GPT-2's, tiktoken's) or of plain bytes (ByT5)."""
    name = type(tokenizer).__name__
    if name == "ByT5Tokenizer":
        tokens = [b""] * tokenizer.offset + [bytes([byte]) for byte in range(256)]
        return _with_added(tokenizer, tokens, set(_ids(tokenizer.all_special_ids)))
    table = getattr(tokenizer, "byte_decoder", None)
    if not isinstance(table, dict):
        raise UnsupportedTokenizer(f"{name}: a Python tokenizer with neither a SentencePiece model nor a byte_decoder")
    added, tokens = tokenizer.added_tokens_decoder, []
    for i in range(tokenizer.vocab_size):
        string = "" if i in added else tokenizer.convert_ids_to_tokens(i)
        try:
            tokens.append(bytes(table[c] for c in string))
        except KeyError:
            raise UnsupportedTokenizer(f"{name}: token {i}, {string!r}, is not written in its byte_decoder") from None
    found = _with_added(tokenizer, tokens, set(_ids(tokenizer.all_special_ids)))
    sample = "The (quick) brown Fox:\n 12 + 3"
    ids = tokenizer.encode(sample, add_special_tokens=False)
    if b"".join(found.tokens[i] for i in ids) != sample.encode():
        raise UnsupportedTokenizer(f"{name}: it encodes {sample!r} to tokens whose byte_decoder bytes are another text")
    return found


def _with_added(
    tokenizer: Any, tokens: list[bytes], special: set[int], fallback: frozenset[int] = frozenset()
) -> TokenBytes:
    """Apply a Python tokenizer's added tokens: control tokens have no bytes, the others are the text they match."""
    added = tokenizer.added_tokens_decoder
    tokens += [b""] * (max(added, default=-1) + 1 - len(tokens))
    special |= {i for i, token in added.items() if token.special}
    for i, token in added.items():
        tokens[i] = token.content.encode()
    tokens = [b"" if i in special else token for i, token in enumerate(tokens)]
    return TokenBytes(tokens, frozenset(special), _ids(tokenizer.eos_token_id), fallback - special)


_READERS: dict[tuple[str, str], Callable[[Any], TokenBytes]] = {
    ("transformers", "TokenizersBackend"): _fast,
    ("transformers", "SentencePieceBackend"): _slow_sentencepiece,
    ("transformers", "PythonBackend"): _slow,
    ("transformers", "MistralCommonBackend"): lambda tokenizer: read_tokens(tokenizer.tokenizer),
    ("transformers", "ProcessorMixin"): lambda processor: read_tokens(processor.tokenizer),
    ("tokenizers", "Tokenizer"): lambda tokenizer: read_backend(tokenizer, type(tokenizer).__name__, (), ()),
    ("sentencepiece", "SentencePieceProcessor"): _sentencepiece,
    ("tiktoken", "Encoding"): _tiktoken,
    ("mistral_common", "MistralTokenizer"): lambda tokenizer: read_tokens(tokenizer.instruct_tokenizer.tokenizer),
    ("mistral_common", "Tekkenizer"): _tekken,
    ("mistral_common", "SentencePieceTokenizer"): lambda tokenizer: _sentencepiece(tokenizer._model),
}
