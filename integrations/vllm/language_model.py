"""A vLLM engine as a language model of `decoding`: requests of one token, whose logits our processor takes out whole.

The engine's prefix cache holds what contexts share, so a context that grows by a token costs about one step; with small
blocks (`block_size`) also short ones are cached. `decoding.as_language_model` finds `VllmModel` by the entry point.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import torch

from ...decoding import DecodingError, LanguageModel
from .capture import KEY, Capture


class VllmModel(LanguageModel):
    """A model in a vLLM engine of this process.

    Args:
        llm: a `vllm.LLM` made with `settings()`, in this process (VLLM_ENABLE_V1_MULTIPROCESSING=0).
        max_rows: contexts that are asked for at once; it bounds memory: logits take max_rows x vocabulary.

    Log-probabilities are float32, on the engine's device; equal contexts are evaluated once.

    Raises DecodingError for what is no such engine; while evaluating, for empty contexts, ids that the model does not
    know and contexts longer than the engine's (`max_model_len` less one).
    """

    def __init__(self, llm: Any, *, max_rows: int = 256) -> None:
        config = getattr(getattr(llm, "llm_engine", None), "vllm_config", None)
        if config is None:
            raise DecodingError(f"VllmModel takes a vllm.LLM, not {type(llm).__name__}")
        if max_rows < 1:
            raise DecodingError(f"max_rows must be at least 1, not {max_rows}")
        self.llm = llm
        self.config = config
        self.max_rows = max_rows
        self.max_context: int = config.model_config.max_model_len - 1
        self.vocabulary_size: int = config.model_config.get_vocab_size()
        self.device = torch.device(config.device_config.device)

    def next_logprobs(self, contexts: Sequence[Sequence[int]]) -> torch.Tensor:
        """Log-probabilities of the token after each context: float32 [n, vocabulary]."""
        unique = {context: i for i, context in enumerate(dict.fromkeys(map(tuple, contexts)))}
        for context in unique:
            self._check(context)
        distinct = list(unique)
        parts = [self._evaluate(distinct[i : i + self.max_rows]) for i in range(0, len(distinct), self.max_rows)]
        if not parts:
            return torch.empty(0, self.vocabulary_size, device=self.device)
        rows = torch.cat(parts) if len(parts) > 1 else parts[0]
        order = [unique[tuple(context)] for context in contexts]
        return rows if order == list(range(len(rows))) else rows[torch.tensor(order, device=rows.device)]

    def _evaluate(self, contexts: list[tuple[int, ...]]) -> torch.Tensor:
        from vllm import SamplingParams

        with ExitStack() as stack:
            captures = [stack.enter_context(Capture()) for _ in contexts]
            parameters = [
                SamplingParams(max_tokens=1, temperature=0.0, detokenize=False, extra_args={KEY: capture.number})
                for capture in captures
            ]
            prompts = [{"prompt_token_ids": list(context)} for context in contexts]
            self.llm.generate(prompts, parameters, use_tqdm=False)
        logits = [capture.logits for capture in captures if capture.logits is not None]
        if len(logits) < len(contexts):
            raise DecodingError(
                "the engine has not handed over its logits: make it with vllm.LLM(..., **settings()) of "
                "bytebound.integrations.vllm, in this process (VLLM_ENABLE_V1_MULTIPROCESSING=0)"
            )
        return torch.stack(logits).log_softmax(-1, dtype=torch.float32)

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
