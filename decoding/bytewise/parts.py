"""What `ByteModel` reads off a tokenizer, kept for as long as the tokenizer lives."""

from __future__ import annotations

import contextlib
import weakref
from typing import Any, NamedTuple

from ..errors import UnsupportedTokenizer
from ..vocabulary import Vocabulary
from .canonical import Canonical
from .encoder import Encoder


class Parts(NamedTuple):
    """Read off one tokenizer."""

    vocabulary: Vocabulary
    encoder: Encoder | None
    """None where it is not known how the tokenizer encodes."""
    canonical: Canonical | None
    """None where it was not asked for."""


_known: weakref.WeakKeyDictionary[Any, dict[Any, Parts]] = weakref.WeakKeyDictionary()


def parts_of(tokenizer: Any, size: int, eos_token_ids: Any, canonical: bool) -> Parts:
    """The parts for a model with `size` columns of logits; read again when tokens have been added to the tokenizer.

    Raises VocabularyError and UnsupportedTokenizer, the latter also for `canonical` where the encoder is not known.
    """
    if isinstance(tokenizer, Vocabulary):
        if canonical:
            raise UnsupportedTokenizer(
                'a Vocabulary does not say how its tokenizer encodes text: semantics="canonical" needs the tokenizer'
            )
        return Parts(tokenizer, None, None)
    eos = (eos_token_ids,) if isinstance(eos_token_ids, int) else eos_token_ids
    count = len(tokenizer) if hasattr(tokenizer, "__len__") else 0
    key = (count, size, None if eos is None else tuple(eos), getattr(tokenizer, "eos_token_id", None))
    known: dict[Any, Parts] = {}
    with contextlib.suppress(TypeError):  # some tokenizers cannot be referred to weakly
        known = _known.setdefault(tokenizer, {})
    parts = known.get(key)
    if parts is None:
        vocabulary = Vocabulary.from_tokenizer(tokenizer, size=size, eos_token_ids=eos)
        encoder = None
        try:
            encoder = Encoder(tokenizer, vocabulary)
        except UnsupportedTokenizer:
            if canonical:
                raise
        parts = known[key] = Parts(vocabulary, encoder, None)
    if canonical and parts.canonical is None:
        encoder = parts.encoder or Encoder(tokenizer, parts.vocabulary)
        parts = known[key] = parts._replace(canonical=Canonical(encoder, parts.vocabulary))
    return parts
