"""The vocabulary of a vLLM engine: as wide as its logits, with the EOS ids of its tokenizer and generation config."""

from __future__ import annotations

import functools
from typing import Any

from ...decoding import Vocabulary


def vocabulary_of(vllm_config: Any) -> Vocabulary:
    """The vocabulary of an engine, made once in a process. Raises what `Vocabulary.from_tokenizer` raises."""
    model = vllm_config.model_config
    ids = model.try_get_generation_config().get("eos_token_id")
    ends = (ids,) if isinstance(ids, int) else tuple(ids or ())
    key = (model.tokenizer, model.tokenizer_revision, model.tokenizer_mode, model.get_vocab_size(), ends)
    return _read(key, _Hidden(model))


class _Hidden:
    """A configuration that a cache does not look at: all that counts of it is in the key beside it."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hidden)

    def __hash__(self) -> int:
        return 0


@functools.lru_cache(maxsize=4)
def _read(key: tuple[Any, ...], hidden: _Hidden) -> Vocabulary:
    from vllm.tokenizers import cached_tokenizer_from_config

    tokenizer = cached_tokenizer_from_config(model_config=hidden.model)
    *_, size, ends = key
    own = getattr(tokenizer, "eos_token_id", None)
    if own is not None and own not in ends:
        ends = (own, *ends)
    return Vocabulary.from_tokenizer(tokenizer, size=size, eos_token_ids=ends or None)
