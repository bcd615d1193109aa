"""Distributions on the processor: one pass over the logits for the maxima, one for the sum of exponentials
(`opening_kernels.py`), and then only blocks in which something was taken out (`untested_kernels.py`)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ...grammars.warmup import warm_up
from . import head_kernels
from . import systematic_kernels as drawing
from . import untested_kernels as kernels
from .opening_kernels import open_rows
from .untested import Drawn, Floats, Integers, Untested, refuse

_NOTHING = np.empty(0, np.uint32)


class HostUntested(Untested):
    """Rows of logits in the memory of the processor; see `Untested`. The logits are not changed."""

    def __init__(
        self, logits: torch.Tensor, size: int, rows: Integers | None, impossible: NDArray[np.uint32] | None = None
    ) -> None:
        warm_up("samplers", _use_kernels)
        if logits.dtype in (torch.float16, torch.bfloat16):
            logits = logits.float()
        height, width = logits.shape
        if logits.is_contiguous():
            stride, self._flat = width, logits.numpy().reshape(-1)
        else:
            if logits.stride(1) != 1 and width > 1:
                logits = logits.contiguous()
            stride = logits.stride(0)
            # One dimension, because numba compiles anew for every layout of two.
            self._flat = logits.as_strided((max(0, (height - 1) * stride + width) if height else 0,), (1,)).numpy()
            if stride == 0 and rows is None:  # one row, expanded
                rows = np.zeros(height, np.int64)
        if rows is None:
            rows = np.arange(height)
        n, blocks = len(rows), (size + kernels.BLOCK - 1) // kernels.BLOCK
        self._bases = np.empty(n, np.int64)
        self._tops, self.totals, self.wholes = np.empty(n), np.empty(n), np.empty(n)
        self._maxima, self._sums = np.empty((n, blocks)), np.empty((n, blocks))
        self._gone = np.empty((n, (size + 31) // 32), np.uint32)
        integers = self._flat.view(np.int32 if self._flat.itemsize == 4 else np.int64)
        wrong = open_rows(
            self._flat,
            integers,
            height,
            stride,
            size,
            width,
            rows,
            self._bases,
            self._tops,
            self._maxima,
            self._sums,
            self._gone,
            self.totals,
            self.wholes,
            _NOTHING if impossible is None else impossible,
        )
        if wrong:
            refuse(self._tops, rows)
        self._held = self._flat, self._bases, size, self._tops, self._maxima, self._sums, self._gone

    def peek(self, rows: Integers, k: int) -> Drawn:
        return Drawn(*kernels.peek(*self._held, rows, k))

    def remove(self, rows: Integers, tokens: Integers, counts: Integers) -> Floats:
        left: Floats = kernels.remove(*self._held, rows, np.ascontiguousarray(tokens), counts)
        return left

    def restrict(self, rows: Integers, bits: NDArray[np.uint32]) -> Floats:
        left: Floats = kernels.restrict(*self._held, rows, bits)
        return left

    def rest(self, rows: Integers) -> Floats:
        left: Floats = kernels.rest(*self._held, rows)
        return left

    def draw(self, rows: Integers, uniforms: Floats) -> Drawn:
        return Drawn(*drawing.draw(*self._held, rows, uniforms))

    def systematic(self, rows: Integers, counts: Integers, uniforms: Floats) -> Drawn:
        return Drawn(*drawing.systematic(*self._held, rows, counts, uniforms))


def _use_kernels() -> None:
    """Call every kernel once for each dtype."""
    for dtype in (torch.float32, torch.float64):
        rows, one = np.zeros(1, np.int64), np.ones(1, np.int64)
        opened = HostUntested(torch.zeros(1, 4, dtype=dtype), 3, None, np.ones(1, np.uint32))
        opened.remove(rows, opened.peek(rows, 1).tokens, one)
        opened.rest(rows)
        opened.draw(rows, np.zeros(1))
        opened.restrict(rows, np.full((1, 1), 7, np.uint32))
        opened.systematic(rows, one, np.zeros(1))
    numbers, tokens, weights = np.ones(1), np.zeros((1, 1), np.int64), np.ones((1, 1))
    head_kernels.within(rows, 1)
    head_kernels.unknown(numbers, numbers, one)
    head_kernels.afford(rows, numbers, one, tokens)
    head_kernels.settle(rows, tokens, weights, rows, one, one, numbers)
    head_kernels.unsettled(rows, numbers, numbers, one, one, numbers)
    head_kernels.plan(one, numbers, numbers, numbers, one, one, numbers, 3, 0.1, 4.0, 0.1, one, numbers, numbers)
    head_kernels.roulette(rows, rows, numbers, numbers, numbers, numbers, numbers)
    head_kernels.pairs(rows, one, tokens, one)
    head_kernels.credit(rows, tokens, weights, np.ones(1, np.bool_), np.ones(1))
    head_kernels.choose(rows, rows, tokens, weights, numbers, one, numbers)
    head_kernels.pick(rows, tokens, weights, np.zeros(1), one)
    head_kernels.count(rows, weights, one)
    head_kernels.accumulate(np.ones(2, np.int64), one)
    head_kernels.place(rows, tokens, weights, np.ones(1), rows.copy(), one, numbers)
    head_kernels.take_logarithms(numbers, np.ones(1))
