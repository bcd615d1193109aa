"""Local masked sampling with its weight: where the whole mask is to be had, the allowed mass Z is known exactly."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import DeadEnd, InvalidArgument
from . import head_kernels as kernels
from .draws import ChildRows, Draws
from .opening import untested
from .tester import Tester
from .uniforms import Uniforms
from .untested import Drawn, Floats, Integers, Untested

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
        copies: NDArray[np.int64] | None = None,
    ) -> Draws:
        """See `StepSampler`."""
        opened = untested(logits, tester.vocabulary.size, states, rows)
        draws = Blank(len(states), children)
        prices = shared_prices(tester, states)
        limits = np.full(len(states), self.children) if copies is None else np.maximum(self.children, copies)
        draw_masked(opened, np.arange(len(states)), tester, states, prices, Uniforms.of(generator), limits, draws)
        return draws.finish(opened.totals)

    def __repr__(self) -> str:
        return f"Masked(children={self.children})"


class Blank:
    """Draws that are being filled in: dead rows to begin with."""

    def __init__(self, n: int, children: bool) -> None:
        self.tokens: Integers = np.empty(n, np.int64)
        self.tokens.fill(-1)
        self.masses: Floats = np.zeros(n)
        self.evaluations: Integers = np.zeros(n, np.int64)
        self.families: list[tuple[Integers, Drawn]] | None = [] if children else None

    def add_children(self, rows: Integers, drawn: Drawn) -> None:
        """Give these rows children, where such are asked for: what has mass in `drawn` [rows, k]."""
        if self.families is not None:
            self.families.append((rows, drawn))

    def finish(self, totals: Floats) -> Draws:
        """Masses turned into logarithms of probabilities."""
        children = None
        if self.families is not None:
            offsets = np.zeros(len(totals) + 1, np.int64)
            for rows, (_, masses) in self.families:
                kernels.count(rows, masses, offsets)
            places = np.empty(len(totals), np.int64)
            size = kernels.accumulate(offsets, places)
            children = ChildRows(offsets, np.empty(size, np.int64), np.empty(size))
            for rows, (tokens, masses) in self.families:
                kernels.place(rows, tokens, masses, totals, places, children.tokens, children.log_weights)
        kernels.take_logarithms(self.masses, totals)
        return Draws(self.tokens, self.masses, self.evaluations, children)


def shared_prices(tester: Tester, states: Integers) -> Floats:
    """What a mask costs each row: its price, shared by all rows in the same state."""
    listed = states.tolist()
    rows: dict[int, int] = {}
    for state in listed:
        rows[state] = rows.get(state, 0) + 1
    prices = {state: tester.price(state) / n for state, n in rows.items()}
    return np.array([prices[state] for state in listed], np.float64)


def draw_masked(
    untested: Untested,
    rows: Integers,
    tester: Tester,
    states: Integers,
    prices: Floats,
    uniforms: Uniforms,
    children: Integers,
    draws: Blank,
) -> None:
    """Draw for some of the rows by their masks, and write the outcome into `draws`. children: [n] most of each draw,
    where they are asked for."""
    if not len(rows):
        return
    bits = np.zeros((len(rows), (tester.vocabulary.size + 31) // 32), np.uint32)
    filled: dict[int, int] = {}
    for i, state in enumerate(states[rows].tolist()):
        first = filled.setdefault(state, i)
        if first < i:
            bits[i] = bits[first]
            continue
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
    if draws.families is None:
        draws.tokens[alive] = untested.draw(alive, numbers).tokens
        return
    chosen = untested.systematic(alive, np.minimum(children[alive], tester.vocabulary.size), numbers)
    kernels.pick(alive, chosen.tokens, chosen.masses, uniforms.uniform(alive), draws.tokens)
    draws.add_children(alive, chosen)


def at_least(name: str, value: int, least: int) -> int:
    """`value`, or InvalidArgument where it is below `least`."""
    if value < least:
        raise InvalidArgument(f"{name} must be at least {least}, not {value}")
    return value
