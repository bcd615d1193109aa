"""A small causal model that remembers what it has computed, so that a sampler's own time can be told from the model's.

Used by `posterior.py` and, in the process of another library, by `genlm_process.py`: both see the same numbers, pay for
a context once, and are timed without it. It imports torch and transformers only, nothing of bytebound.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache

clock = time.process_time


class MemoModel:
    """Log-probabilities of the next token for whole contexts, remembered by context.

    Of every context the keys and values of its last position are kept, so that a longer one costs a step of one token.

    Args:
        folder: a model and its tokenizer in transformers format.
        limit: contexts remembered; beyond it all are forgotten.
    """

    def __init__(self, folder: Path | str, limit: int = 20_000) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self.model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, dtype=torch.float32).eval()
        # transformers 5.24 renamed the argument.
        names = inspect.signature(self.model.forward).parameters
        self.cache_argument = "cache" if "cache" in names else "past_key_values"
        self.limit = limit
        self._known: dict[tuple[int, ...], torch.Tensor] = {}
        self._keys: dict[tuple[int, ...], torch.Tensor] = {}  # [layers, 2, heads, size] of the last position
        self._seen: set[tuple[int, ...]] = set()
        self.seconds = 0.0
        """Process time spent here since `begin`."""

    def begin(self) -> None:
        """Start a new count of time and contexts."""
        self.seconds = 0.0
        self._seen.clear()

    @property
    def contexts(self) -> int:
        """Different contexts asked for since `begin`, whether remembered or not."""
        return len(self._seen)

    @torch.no_grad()
    def logprobs(self, contexts: Sequence[Sequence[int]]) -> torch.Tensor:
        """Float32 [n, width], normalised; no context may be empty."""
        began = clock()
        keys = [tuple(context) for context in contexts]
        self._seen.update(keys)
        missing = {key for key in keys if key not in self._known}
        if len(self._known) + len(missing) > self.limit:
            self._known.clear()
            self._keys.clear()
            missing = set(keys)
        for length in {len(key) for key in missing}:
            self._compute([key for key in missing if len(key) == length])
        rows = torch.stack([self._known[key] for key in keys])
        self.seconds += clock() - began
        return rows

    def _compute(self, contexts: list[tuple[int, ...]]) -> None:
        """Contexts of one length: one step where the contexts before them are known, else whole."""
        length = len(contexts[0])
        cache = DynamicCache()
        whole = length == 1 or any(context[:-1] not in self._keys for context in contexts)
        if whole:
            ids = torch.tensor(contexts)
        else:
            past = torch.stack(
                [torch.stack([self._keys[context[:i]] for i in range(1, length)], dim=3) for context in contexts]
            )  # [n, layers, 2, heads, length - 1, size]
            cache = DynamicCache([(past[:, layer, 0], past[:, layer, 1]) for layer in range(past.shape[1])])
            ids = torch.tensor([context[-1:] for context in contexts])
        output = self.model(input_ids=ids, use_cache=True, **{self.cache_argument: cache})
        rows = torch.log_softmax(output.logits[:, -1].float(), -1)
        kept = torch.stack(
            [torch.stack([layer.keys, layer.values], dim=1) for layer in cache.layers], dim=1
        )  # [n, layers, 2, heads, length, size]
        for i, context in enumerate(contexts):
            self._known[context] = rows[i].clone()
            for end in range(1 if whole else length, length + 1):
                self._keys[context[:end]] = kept[i, :, :, :, end - 1].clone()
