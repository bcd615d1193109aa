"""A vLLM engine as a language model of `decoding`: contexts are live requests of the engine, see `live`.

The engine's prefix cache holds what contexts share; with small blocks (`block_size`) also short ones are cached.
`decoding.as_language_model` finds `VllmModel` by the entry point.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from ...decoding import DecodingError, LanguageModel
from .live import LiveRequests


class VllmModel(LanguageModel):
    """A model in a vLLM engine of this process.

    Args:
        llm: a `vllm.LLM` in this process (VLLM_ENABLE_V1_MULTIPROCESSING=0), such as one made with `settings()`. Up to
            `max_num_seqs` contexts that each extend one of the last call by a token cost a step of decoding.

    Log-probabilities are float32, on the engine's device; equal contexts are evaluated once. Requests of the last call
    stay in the engine until the next one, until the engine serves others, or until `close`.

    Raises DecodingError for what is no such engine; while evaluating, for empty contexts, ids that the model does not
    know, contexts longer than the engine's (`max_model_len` less one), and while the engine serves others.
    """

    def __init__(self, llm: Any) -> None:
        config = getattr(getattr(llm, "llm_engine", None), "vllm_config", None)
        if config is None:
            raise DecodingError(f"VllmModel takes a vllm.LLM, not {type(llm).__name__}")
        self.llm = llm
        self.config = config
        self.max_context: int = config.model_config.max_model_len - 1
        self.vocabulary_size: int = config.model_config.get_vocab_size()
        self.device = torch.device(config.device_config.device)
        self._live = LiveRequests.of(llm)

    def close(self) -> None:
        """End the requests that are left; later calls begin new ones."""
        self._live.release()

    def next_logprobs(self, contexts: Sequence[Sequence[int]]) -> torch.Tensor:
        """Log-probabilities of the token after each context: float32 [n, vocabulary]."""
        unique = {context: i for i, context in enumerate(dict.fromkeys(map(tuple, contexts)))}
        for context in unique:
            self._check(context)
        if not unique:
            return torch.empty(0, self.vocabulary_size, device=self.device)
        rows = self._live.logprobs(list(unique))
        order = [unique[tuple(context)] for context in contexts]
        return rows if order == list(range(len(rows))) else rows[torch.tensor(order, device=rows.device)]

    def _check(self, context: tuple[int, ...]) -> None:
        if not context:
            raise DecodingError("a context has no tokens: begin it with a BOS token, or any other")
        if len(context) > self.max_context:
            raise DecodingError(
                f"a context has {len(context)} tokens, but the engine has room for {self.max_context} and the next one"
            )
        if min(context) < 0 or max(context) >= self.vocabulary_size:
            wrong = next(token for token in context if not 0 <= token < self.vocabulary_size)
            raise DecodingError(f"token id {wrong} is outside the model's {self.vocabulary_size} ids")

    def __repr__(self) -> str:
        return f"<VllmModel of {self.config.model_config.model}, {self.vocabulary_size:,} ids on {self.device}>"
