"""The protocol through which everything else sees a language model, and a table-driven one for exact tests.

A model of another kind (of transformers, of vLLM) is wrapped by an adapter that its integration registers as an
entry point in the group `bytebound.language_models`, under the name of the package that defines the model's class.
"""

from __future__ import annotations

import importlib.metadata
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import torch

from .errors import DecodingError


class ContextBatch(ABC):
    """Rows of contexts that a model keeps in its cache, extended one token at a time."""

    logprobs: torch.Tensor
    """[rows, vocabulary] log-probabilities of the next token, normalised, on the model's device."""

    @abstractmethod
    def extend(self, parents: Sequence[int], tokens: Sequence[int]) -> None:
        """Make the rows anew: row i is the old row `parents[i]` and then `tokens[i]`. A parent may be taken several
        times (it is forked) or not at all (it is dropped). Updates `logprobs` with one call of the model."""


class LanguageModel(ABC):
    """A model of tokens."""

    vocabulary_size: int
    """Width of the logits."""
    device: torch.device
    """Where the log-probabilities are."""

    @abstractmethod
    def next_logprobs(self, contexts: Sequence[Sequence[int]]) -> torch.Tensor:
        """Log-probabilities of the token after each context (token ids, special ones included): float [n, vocabulary],
        normalised."""

    def open(self, contexts: Sequence[Sequence[int]]) -> ContextBatch:
        """A batch that starts with these contexts. Without a cache of its own a model evaluates them whole."""
        return _Uncached(self, contexts)


class _Uncached(ContextBatch):
    def __init__(self, model: LanguageModel, contexts: Sequence[Sequence[int]]) -> None:
        self._model = model
        self._contexts = [list(context) for context in contexts]
        self.logprobs = model.next_logprobs(self._contexts)

    def extend(self, parents: Sequence[int], tokens: Sequence[int]) -> None:
        self._contexts = [[*self._contexts[p], t] for p, t in zip(parents, tokens, strict=True)]
        self.logprobs = self._model.next_logprobs(self._contexts)


class TableModel(LanguageModel):
    """A model given by a function from a context to the log-probabilities of the next token.

    Args:
        next_logprobs: context (tuple of token ids) -> log-probabilities, float [vocabulary], normalised; -inf allowed.
        vocabulary_size: width of the logits.
        dtype: of the log-probabilities that are handed out.
    """

    def __init__(
        self,
        next_logprobs: Callable[[tuple[int, ...]], Any],
        vocabulary_size: int,
        *,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        self._next = next_logprobs
        self._dtype = dtype
        self.vocabulary_size = vocabulary_size
        self.device = torch.device("cpu")
        self.calls = 0
        """Contexts evaluated so far."""

    def next_logprobs(self, contexts: Sequence[Sequence[int]]) -> torch.Tensor:
        self.calls += len(contexts)
        rows = [torch.as_tensor(self._next(tuple(context)), dtype=self._dtype) for context in contexts]
        return torch.stack(rows) if rows else torch.empty(0, self.vocabulary_size, dtype=self._dtype)


def as_language_model(model: Any) -> LanguageModel:
    """`model` itself where it is a LanguageModel, else what the adapter of its package makes of it.

    Raises DecodingError where no adapter is registered for the class.
    """
    if isinstance(model, LanguageModel):
        return model
    packages = {cls.__module__.partition(".")[0] for cls in type(model).__mro__}
    for entry in importlib.metadata.entry_points(group="bytebound.language_models"):
        if entry.name in packages:
            adapted: LanguageModel = entry.load()(model)
            return adapted
    raise DecodingError(
        f"{type(model).__name__} is no language model known here: pass a model of transformers, or a class derived "
        "from bytebound.decoding.LanguageModel"
    )
