"""What comes before the bytes in question: text, or control tokens and text in turn, as chat templates mix them."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from ..errors import DecodingError, UnsupportedTokenizer
from ..vocabulary import Vocabulary
from .encoder import Encoder, backend_of

Prefix = bytes | str | Sequence[int | bytes | str]


class Prefixes:
    """Reads prefixes for one tokenizer.

    A text or bytes alone begin after the tokens that the tokenizer puts before a text, or else after its BOS token, or
    else, as models such as GPT-2 are trained, after its EOS token. A list begins with nothing that is not in it. In a
    list, text before a control token is taken as the tokenizer encodes it; only the text after the last one is bytes.
    """

    def __init__(self, tokenizer: Any, vocabulary: Vocabulary, encoder: Encoder | None) -> None:
        self._tokenizer = tokenizer
        self._vocabulary = vocabulary
        self._encoder = encoder
        self.start = _start(tokenizer, vocabulary)

    def read(self, prefix: Prefix) -> tuple[list[int], bytes, bool]:
        """Tokens of the context, the bytes after it, and whether the tokenizer puts a dummy space before these.

        Raises DecodingError for what is no prefix, ids that are no control tokens, text before one that is no UTF-8.
        """
        parts = self._parts(prefix)
        context: list[int] = [] if isinstance(prefix, Sequence) and not isinstance(prefix, str | bytes) else self.start
        context = list(context)
        text, first = b"", True
        for part in parts:
            if isinstance(part, bytes):
                text += part
                continue
            if text:
                context += self._encoded(text, first)
                text, first = b"", False
            context.append(part)
        return context, text, self._dummy(first)

    def _parts(self, prefix: Prefix) -> list[int | bytes]:
        if isinstance(prefix, str | bytes | bytearray | memoryview):
            return [bytes_of(prefix)]
        parts: list[int | bytes] = []
        if not isinstance(prefix, Sequence):
            raise DecodingError(f"a prefix is bytes, a text, or a list of control token ids and these, not {prefix!r}")
        for part in prefix:
            if isinstance(part, str | bytes | bytearray):
                parts.append(bytes_of(part))
            elif not hasattr(part, "__index__"):
                raise DecodingError(f"a prefix holds control token ids (int) and bytes or texts, not {part!r}")
            else:
                token = operator.index(part)
                if not self._is_control(token):
                    raise DecodingError(
                        f"token id {token} in the prefix is no control token of this vocabulary: give text as bytes"
                    )
                parts.append(token)
        return parts

    def _is_control(self, token: int) -> bool:
        """Whether an id is a control token, or an added token, which some tokenizers use as such."""
        if not 0 <= token < self._vocabulary.size:
            return False
        return bool(self._vocabulary.special[token]) or (self._encoder is not None and token in self._encoder.added_ids)

    def _dummy(self, first: bool) -> bool:
        encoder = self._encoder
        return encoder is not None and bool(encoder.dummy) and (first or encoder.dummy_after_control)

    def _encoded(self, text: bytes, first: bool) -> list[int]:
        if self._encoder is None:
            raise UnsupportedTokenizer(
                f"{type(self._tokenizer).__name__}: text before a control token has to be encoded, which is known for "
                "tokenizers of the `tokenizers` library with a BPE model only"
            )
        spelled = self._encoder.begin(text) if self._dummy(first) else text
        try:
            ids = self._encoder.encode([spelled.decode()])[0]
        except UnicodeDecodeError as error:
            raise DecodingError(f"text before a control token must be UTF-8: {error}") from None
        return ids


def bytes_of(text: bytes | bytearray | memoryview | str) -> bytes:
    """A text in UTF-8, or bytes as they are. Raises DecodingError for anything else, and for half a surrogate pair."""
    if not isinstance(text, str | bytes | bytearray | memoryview):
        raise DecodingError(f"a text is a str or bytes, not {text!r}")
    try:
        return text.encode() if isinstance(text, str) else bytes(text)
    except UnicodeEncodeError as error:
        raise DecodingError(f"this is no valid text: {error}; give bytes instead") from None


def _start(tokenizer: Any, vocabulary: Vocabulary) -> list[int]:
    """Control tokens that come before a text."""
    start: list[int] = []
    ids = backend_of(tokenizer).encode("a").ids if backend_of(tokenizer) is not None else []
    if callable(tokenizer):
        ids = tokenizer("a")["input_ids"]
    for token in ids:
        if not vocabulary.special[token]:
            break
        start.append(token)
    if not start:
        for name in ("bos_token_id", "eos_token_id"):
            token = getattr(tokenizer, name, None)
            if token is not None:
                return [token]
    return start
