"""Causal models of transformers as language models of `decoding`, with a key-value cache that forks by row selection.

`decoding.as_language_model` finds `TransformersModel` through the entry point of the package.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from transformers import DynamicCache, cache_utils

from ...decoding import DecodingError
from ...decoding.bytewise.tree import TokenTree
from ...decoding.language_model import ContextBatch, LanguageModel

# Layers whose rows can be selected; transformers has got them one by one (5.19 has no DummyLayer).
_FORKABLE = tuple(
    getattr(cache_utils, name)
    for name in ("DynamicLayer", "LinearAttentionLayer", "DummyLayer")
    if hasattr(cache_utils, name)
)


class TransformersModel(LanguageModel):
    """A causal model of transformers.

    Args:
        model: a model with a language modelling head, in evaluation mode, such as `AutoModelForCausalLM` gives.
        max_rows: contexts that are evaluated, and kept in a cache, at once. `next_logprobs` works through more of them
            in turn; a batch that would need more is refused. It bounds the memory: logits take max_rows x vocabulary.
        use_cache: False evaluates every context of a batch whole, for models whose cache cannot be forked.

    Log-probabilities are computed in float32, or in float64 where the logits are. Contexts of different lengths are
    padded on the left; equal ones are evaluated once. Nothing is differentiated.

    Raises DecodingError for what is no causal model; while evaluating, for one in training mode, for empty contexts,
    ids that the model does not know, contexts longer than the model's own, more rows than `max_rows`, logits that are
    no numbers, and a cache whose rows cannot be selected.
    """

    def __init__(self, model: Any, *, max_rows: int = 512, use_cache: bool = True) -> None:
        if not hasattr(model, "generate") or not model.can_generate() or model.config.is_encoder_decoder:
            raise DecodingError(
                f"{type(model).__name__} is no causal model with a language modelling head: load it with "
                "AutoModelForCausalLM"
            )
        if max_rows < 1:
            raise DecodingError(f"max_rows must be at least 1, not {max_rows}")
        self.model = model
        self.max_rows = max_rows
        self.use_cache = use_cache
        self.vocabulary_size: int = model.config.get_text_config().vocab_size
        self.device: torch.device = model.device
        self.max_context = context_size(model)
        """Tokens that the model has positions for; None where it sets no bound."""
        self._accepts = frozenset(inspect.signature(model.forward).parameters)
        self.cache_argument = "cache" if "cache" in self._accepts else "past_key_values"
        """What the model's forward calls its cache: `cache` since transformers 5.24."""

    def next_logprobs(self, contexts: Sequence[Sequence[int]]) -> torch.Tensor:
        """Log-probabilities of the token after each context, without a cache: float [n, vocabulary]."""
        unique = sorted(dict.fromkeys(map(tuple, contexts)), key=len)  # so that each part has little padding
        parts = [self._prefill(unique[i : i + self.max_rows], None)[0] for i in range(0, len(unique), self.max_rows)]
        if not parts:
            return torch.empty(0, self.vocabulary_size, device=self.device)
        order = {context: i for i, context in enumerate(unique)}
        return _select(torch.cat(parts) if len(parts) > 1 else parts[0], [order[tuple(c)] for c in contexts])

    def open(self, contexts: Sequence[Sequence[int]]) -> ContextBatch:
        """A batch that starts with these contexts, in a cache."""
        return _Cached(self, contexts) if self.use_cache else super().open(contexts)

    def tree(self) -> TokenTree:
        """An empty tree of contexts in a cache of its own, for `decoding.ByteModel`."""
        from .tree import make_tree

        return make_tree(self)

    def _prefill(
        self, contexts: Sequence[tuple[int, ...]], cache: Any
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor]:
        """Evaluate whole contexts: log-probabilities [n, vocabulary], attention mask [n, length] (None where nothing
        is padded), and lengths [n]."""
        for context in contexts:
            if not context:
                raise DecodingError("a context has no tokens: begin it with a BOS token, or any other")
            self.check_tokens(context)
        lengths = torch.tensor([len(context) for context in contexts])
        longest = int(lengths.max())
        self.check_length(longest)
        ids = torch.tensor([[0] * (longest - len(context)) + list(context) for context in contexts])
        mask = (torch.arange(longest) >= longest - lengths[:, None]).long()
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        padded = None if bool(mask.all()) else mask.to(self.device)
        return self.forward(ids, padded, positions, cache), padded, lengths.to(self.device)

    def forward(
        self, ids: torch.Tensor, mask: torch.Tensor | None, positions: torch.Tensor, cache: Any
    ) -> torch.Tensor:
        """One call of the model: log-probabilities after the last of `ids` (int64 [n, length]); `cache` is extended."""
        if self.model.training:
            raise DecodingError(f"{type(self.model).__name__} is in training mode, with dropout: call model.eval()")
        arguments: dict[str, Any] = {"input_ids": ids.to(self.device), "use_cache": cache is not None}
        if mask is not None and "attention_mask" not in self._accepts:
            raise DecodingError(
                f"{type(self.model).__name__} takes no attention mask, so all contexts of a batch must have one length"
            )
        if "attention_mask" in self._accepts:
            arguments["attention_mask"] = mask
        if "position_ids" in self._accepts:
            arguments["position_ids"] = positions.to(self.device)
        if "logits_to_keep" in self._accepts:
            arguments["logits_to_keep"] = 1
        if cache is not None:
            arguments[self.cache_argument] = cache
        with torch.inference_mode():
            logits = self.model(**arguments).logits[:, -1]
        # Outside, because tensors made in inference mode may not be written to by those who get them.
        with torch.no_grad():
            wide = torch.promote_types(logits.dtype, torch.float32)
            logprobs = torch.log_softmax(logits.to(self.device), dim=-1, dtype=wide)
        if bool(logprobs[:, 0].isnan().any()):  # one such logit spoils its whole row
            raise DecodingError(
                f"{type(self.model).__name__} gives logits that are no numbers"
                + ("; does it take contexts padded on the left?" if mask is not None else "")
            )
        return logprobs

    def check_tokens(self, tokens: Sequence[int]) -> None:
        """Raise DecodingError for an id that the model does not know."""
        if min(tokens) < 0 or max(tokens) >= self.vocabulary_size:
            wrong = next(token for token in tokens if not 0 <= token < self.vocabulary_size)
            raise DecodingError(f"token id {wrong} is outside the model's {self.vocabulary_size} ids")

    def check_length(self, length: int) -> None:
        """Raise DecodingError for a context longer than the model's own."""
        if self.max_context is not None and length > self.max_context:
            raise DecodingError(f"a context has {length} tokens, but the model's own has {self.max_context} positions")

    def check_rows(self, n: int) -> None:
        """Raise DecodingError for more contexts than may be in a cache."""
        if n > self.max_rows:
            raise DecodingError(
                f"{n} different contexts would be in the cache at once, but max_rows is {self.max_rows}: ask for "
                "fewer, or allow more with TransformersModel(model, max_rows=...)"
            )

    def new_cache(self) -> DynamicCache:
        """An empty cache. Raises DecodingError where its rows could not be selected."""
        if self.cache_argument in self._accepts:
            cache = DynamicCache(config=self.model.config)
            if all(isinstance(layer, _FORKABLE) for layer in cache.layers):
                return cache
        raise DecodingError(
            f"{type(self.model).__name__} keeps no cache whose rows can be selected, so its contexts cannot be forked: "
            "TransformersModel(model, use_cache=False) evaluates them whole"
        )

    def __repr__(self) -> str:
        return f"<TransformersModel of {type(self.model).__name__}, {self.vocabulary_size:,} ids on {self.device}>"


class _Cached(ContextBatch):
    """Rows in a cache. Equal contexts share a row of it until they are extended by different tokens."""

    def __init__(self, model: TransformersModel, contexts: Sequence[Sequence[int]]) -> None:
        unique = {context: i for i, context in enumerate(dict.fromkeys(map(tuple, contexts)))}
        model.check_rows(len(unique))
        self._model = model
        self._rows = [unique[tuple(context)] for context in contexts]  # of the cache
        self._cache = model.new_cache()
        self.logprobs = torch.empty(0, model.vocabulary_size, device=model.device)
        if unique:
            logprobs, self._mask, self._lengths = model._prefill(list(unique), self._cache)
            self.logprobs = _select(logprobs, self._rows)

    def extend(self, parents: Sequence[int], tokens: Sequence[int]) -> None:
        """See ContextBatch; the cache is copied only where its rows change."""
        pairs = [(self._rows[self._check(p)], int(t)) for p, t in zip(parents, tokens, strict=True)]
        unique = {pair: i for i, pair in enumerate(dict.fromkeys(pairs))}
        model = self._model
        model.check_rows(len(unique))
        if not unique:
            self._rows, self.logprobs = [], self.logprobs[:0]
            return
        added = [token for _, token in unique]
        model.check_tokens(added)
        kept = [row for row, _ in unique]
        if kept != list(range(len(self._lengths))):
            index = torch.tensor(kept, device=model.device)
            lengths = self._lengths[index]
            model.check_length(int(lengths.max()) + 1)
            self._lengths = lengths
            self._mask = None if self._mask is None else self._mask[index]
            with torch.inference_mode():
                self._cache.reorder_cache(index)
        else:
            model.check_length(int(self._lengths.max()) + 1)
        if self._mask is not None:
            self._mask = torch.cat([self._mask, self._mask.new_ones(len(kept), 1)], dim=1)
        logprobs = model.forward(torch.tensor(added)[:, None], self._mask, self._lengths[:, None], self._cache)
        self._lengths = self._lengths + 1
        self._rows = [unique[pair] for pair in pairs]
        self.logprobs = _select(logprobs, self._rows)

    def _check(self, parent: int) -> int:
        if not 0 <= parent < len(self._rows):
            raise DecodingError(f"row {parent} cannot be extended: the batch has {len(self._rows)} rows")
        return parent


def context_size(model: Any) -> int | None:
    """Tokens that a model has positions for; None where its configuration sets no bound."""
    size = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return None if size is None else int(size)


def _select(values: torch.Tensor, rows: list[int]) -> torch.Tensor:
    """Rows of a tensor; the tensor itself where they are all of them in order."""
    if rows == list(range(len(values))):
        return values
    return values[torch.tensor(rows, device=values.device)]
