"""The contract of step samplers: proper weighting.

A step sampler draws a token x and a weight w for each row such that E[w 1{x = t}] = p(t) 1{t allowed} for every token
t, where p is the model's whole next-token distribution. Products of such weights are unbiased estimates of evidence,
and any step sampler may stand in for any other (Lipkin et al. 2025, section 3; Naesseth et al. 2019, definition 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, overload

import numpy as np
import torch
from numpy.typing import NDArray

from . import copies_kernels as kernels
from .tester import Tester


class Children(NamedTuple):
    """All weighted children of one row: the tokens that contributed to its weight.

    For every token t the expected weight of t among the children is p(t) 1{t allowed}; the weights of a row add up to
    the weight of its draw. No token occurs twice. Where a mask allows more tokens than a sampler returns children, they
    are chosen without replacement, which changes neither the expectations nor the sum.
    """

    tokens: NDArray[np.int64]
    """[k] token ids."""
    log_weights: NDArray[np.float64]
    """[k] logarithms of their weights."""


class ChildRows(Sequence[Children]):
    """The children of many rows, which lie one after another in two arrays."""

    def __init__(self, offsets: NDArray[np.int64], tokens: NDArray[np.int64], log_weights: NDArray[np.float64]) -> None:
        self.offsets = offsets
        """[rows + 1] where each row begins, and where the last one ends."""
        self.tokens, self.log_weights = tokens, log_weights

    @classmethod
    def of(cls, rows: Sequence[Children]) -> ChildRows:
        """Rows from anywhere, in this form."""
        if isinstance(rows, ChildRows):
            return rows
        offsets = np.cumsum([0, *[len(tokens) for tokens, _ in rows]])
        tokens = np.concatenate([np.empty(0, np.int64), *[tokens for tokens, _ in rows]])
        return cls(offsets, tokens, np.concatenate([np.empty(0), *[log_weights for _, log_weights in rows]]))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, place: int) -> Children: ...
    @overload
    def __getitem__(self, place: slice) -> ChildRows: ...
    def __getitem__(self, place: int | slice) -> Children | ChildRows:
        """One row, or rows in succession."""
        if isinstance(place, slice):
            begin, end, _ = place.indices(len(self))
            offsets = self.offsets[begin : max(begin, end) + 1]
            where = slice(offsets[0], offsets[-1])
            return ChildRows(offsets - offsets[0], self.tokens[where], self.log_weights[where])
        row = range(len(self))[place]
        where = slice(self.offsets[row], self.offsets[row + 1])
        return Children(self.tokens[where], self.log_weights[where])


class Draws(NamedTuple):
    """One draw for each row."""

    tokens: NDArray[np.int64]
    """[n] token ids, -1 where no allowed token was found: the row is dead."""
    log_weights: NDArray[np.float64]
    """[n] logarithms of the weights, -inf where the row is dead."""
    evaluations: NDArray[np.int64]
    """[n] evaluations of the constraint; a mask counts as its price (`Tester.price`), rounded up."""
    children: Sequence[Children] | None
    """For each row all its weighted children, where asked for and the sampler has them; else None."""


def together(draws: Draws, copies: NDArray[np.int64], uniforms: NDArray[np.float64]) -> Draws:
    """n draws from as many in succession as `copies` (int64 [n], none below 1) says for each: the mean of their
    weights, with the children of all, none twice; see `StepSampler`. uniforms: float64 [n] in [0, 1), by which the
    token is chosen among the children."""
    if draws.children is None:
        children = kernels.single(draws.tokens, draws.log_weights)
    else:
        rows = ChildRows.of(draws.children)
        children = rows.offsets, rows.tokens, rows.log_weights
    tokens, logs, evaluations, *merged = kernels.together(copies, draws.evaluations, *children, uniforms)
    return Draws(tokens, logs, evaluations, ChildRows(*merged))


class StepSampler(Protocol):
    """Draws one properly weighted token for each row."""

    def __call__(
        self,
        logits: torch.Tensor,
        tester: Tester,
        states: NDArray[np.int64],
        generator: np.random.Generator,
        *,
        children: bool = False,
        rows: NDArray[np.int64] | None = None,
        copies: NDArray[np.int64] | None = None,
    ) -> Draws:
        """Draw n times, independently.

        logits: [height, width] logits or log-probabilities of the next token on any device, temperature already
        applied; each row is normalised over its whole width. Columns beyond the vocabulary are never allowed, but their
        mass counts. -inf stands for probability zero. states: [n] states of `tester`, none of them DEAD or FINISHED.
        children: ask for all weighted children. rows: [n] the row of logits of each draw, any number of times each; by
        default every row is drawn from once. The same as with logits[rows], without copying them. copies: [n] how many
        draws each one stands for, by default 1: the weight is their mean and the children are those of all of them,
        none twice. A sampler may make them at once, with fewer evaluations and less variance, or one by one: see
        `together`.
        """
