"""Local masked sampling with its weight: where the whole mask is to be had, the allowed mass Z is known exactly."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import DeadEnd
from .draws import Children, Draws
from .opening import untested
from .tester import Tester
from .uniforms import Uniforms
from .untested import Floats, Integers, Untested

CHILDREN = 64
"""Children of a row with a mask, unless another number is asked for."""


class Masked:
    """Tokens in proportion to p among the allowed ones; the weight is their mass Z, without variance.

    Needs a tester with masks (`Tester.fill`), and raises its Unsupported where there is none.

    Args:
        children: most weighted children of a row. Where more tokens are allowed, so many are chosen without
            replacement (Fearnhead and Clifford 2003), which keeps their expected weights and their sum.
    """

    def __init__(self, *, children: int = CHILDREN) -> None:
        self.children = at_least("children", children, 1)

    def __call__(
        self,
        logits: torch.Tensor,
        tester: Tester,
        states: NDArray[np.int64],
        generator: np.random.Generator | Uniforms,
        *,
        children: bool = False,
        rows: NDArray[np.int64] | None = None,
    ) -> Draws:
        """See `StepSampler`."""
        opened = untested(logits, tester.vocabulary.size, states, rows)
        draws = Blank(len(states), children)
        prices = np.array([tester.price(state) for state in states.tolist()], np.float64)
        limit = self.children if children else 0
        draw_masked(opened, np.arange(len(states)), tester, states, prices, Uniforms.of(generator), limit, draws)
        return draws.finish(opened.totals)

    def __repr__(self) -> str:
        return f"Masked(children={self.children})"


class Blank:
    """Draws that are being filled in: dead rows to begin with."""

    def __init__(self, n: int, children: bool) -> None:
        self.tokens: Integers = np.full(n, -1, np.int64)
        self.masses: Floats = np.zeros(n)
        self.evaluations: Integers = np.zeros(n, np.int64)
        self.children: list[tuple[Integers, Floats]] | None = None
        if children:
            self.children = [(np.empty(0, np.int64), np.empty(0))] * n

    def finish(self, totals: Floats) -> Draws:
        """Masses turned into logarithms of probabilities."""
        logs = np.log(totals)
        children = None
        if self.children is not None:
            children = [Children(t, np.log(m) - log) for (t, m), log in zip(self.children, logs, strict=True)]
        with np.errstate(divide="ignore"):
            return Draws(self.tokens, np.log(self.masses) - logs, self.evaluations, children)


def draw_masked(
    untested: Untested,
    rows: Integers,
    tester: Tester,
    states: Integers,
    prices: Floats,
    uniforms: Uniforms,
    children: int,
    draws: Blank,
) -> None:
    """Draw for some of the rows by their masks, and write the outcome into `draws`. children: most of a row, where they
    are asked for."""
    if not len(rows):
        return
    bits = np.zeros((len(rows), (tester.vocabulary.size + 31) // 32), np.uint32)
    for i, state in enumerate(states[rows].tolist()):
        try:
            tester.fill(state, bits[i])
        except DeadEnd:
            bits[i] = 0
    # A tester whose price is infinite although it has a mask is asked only by `Masked`: that counts as one.
    draws.evaluations[rows] += [math.ceil(price) if math.isfinite(price) else 1 for price in prices[rows].tolist()]
    left = untested.restrict(rows, bits)
    draws.masses[rows] = left
    alive = rows[left > 0]
    if not len(alive):
        return
    numbers = uniforms.uniform(alive)
    if draws.children is None:
        draws.tokens[alive] = untested.draw(alive, numbers).tokens
        return
    chosen = untested.systematic(alive, np.full(len(alive), children, np.int64), numbers)
    draws.tokens[alive] = chosen.tokens[np.arange(len(alive)), pick(chosen.masses, uniforms.uniform(alive))]
    for row, tokens, masses in zip(alive.tolist(), chosen.tokens, chosen.masses, strict=True):
        there = masses > 0
        draws.children[row] = (tokens[there], masses[there])


def pick(weights: Floats, uniforms: Floats) -> Integers:
    """A column of each row in proportion to its weights (float64 [n, k], not all zero); never one without weight."""
    sums = np.cumsum(weights, 1)
    below = (sums <= uniforms[:, None] * sums[:, -1:]).sum(1)
    last = weights.shape[1] - 1 - np.argmax(weights[:, ::-1] > 0, 1)
    picked: Integers = np.minimum(below, last)
    return picked


def at_least(name: str, value: int, least: int) -> int:
    """`value`, or ValueError where it is below `least`."""
    if value < least:
        raise ValueError(f"{name} must be at least {least}, not {value}")
    return value
