"""Distributions on the processor: one pass over the logits for the maxima, one for the sum of exponentials, and then
only blocks in which something was taken out (`untested_kernels.py`)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ...grammars.warmup import warm_up
from . import systematic_kernels as drawing
from . import untested_kernels as kernels
from .untested import Drawn, Floats, Integers, Untested, refuse


class HostUntested(Untested):
    """Rows of logits in the memory of the processor; see `Untested`. The logits are not changed."""

    def __init__(self, logits: torch.Tensor, size: int) -> None:
        warm_up("samplers", _use_kernels)
        if logits.dtype in (torch.float16, torch.bfloat16):
            logits = logits.float()
        if logits.stride(1) != 1 and logits.shape[1] > 1:
            logits = logits.contiguous()
        n, width = logits.shape
        self._size = size
        self._stride = logits.stride(0) if n > 1 else width
        # One dimension, because numba compiles anew for every layout of two.
        self._flat = logits.as_strided((max(0, (n - 1) * self._stride + width) if n else 0,), (1,)).numpy()
        self._maxima = _block_maxima(logits[:, :size])
        self._tops = self._maxima.max(1, initial=-np.inf)
        if width > size:
            self._tops = np.maximum(self._tops, logits[:, size:].amax(1).double().numpy())
        refuse(self._tops)
        self._gone = np.zeros((n, (size + 31) // 32), np.uint32)
        self._sums = np.empty_like(self._maxima)
        self.totals = np.empty(n)
        kernels.sum_blocks(self._flat, self._stride, size, width, self._tops, self._maxima, self._sums, self.totals)

    def peek(self, rows: Integers, k: int) -> Drawn:
        drawn = _none((len(rows), k))
        kernels.peek(
            self._flat, self._stride, self._size, rows, self._tops, self._maxima, self._gone, drawn.tokens, drawn.masses
        )
        return drawn

    def remove(self, rows: Integers, tokens: Integers, counts: Integers) -> Floats:
        left = np.empty(len(rows))
        kernels.remove(
            self._flat,
            self._stride,
            self._size,
            rows,
            self._tops,
            self._maxima,
            self._sums,
            self._gone,
            np.ascontiguousarray(tokens),
            counts,
            left,
        )
        return left

    def restrict(self, rows: Integers, bits: NDArray[np.uint32]) -> Floats:
        left = np.empty(len(rows))
        kernels.restrict(
            self._flat,
            self._stride,
            self._size,
            rows,
            self._tops,
            self._maxima,
            self._sums,
            self._gone,
            bits,
            left,
        )
        return left

    def rest(self, rows: Integers) -> Floats:
        left = np.empty(len(rows))
        kernels.rest(rows, self._sums, left)
        return left

    def draw(self, rows: Integers, uniforms: Floats) -> Drawn:
        drawn = _none((len(rows),))
        drawing.draw(
            self._flat,
            self._stride,
            self._size,
            rows,
            self._tops,
            self._sums,
            self._gone,
            uniforms,
            drawn.tokens,
            drawn.masses,
        )
        return drawn

    def systematic(self, rows: Integers, counts: Integers, uniforms: Floats) -> Drawn:
        drawn = _none((len(rows), int(counts.max(initial=0))))
        drawing.systematic(
            self._flat,
            self._stride,
            self._size,
            rows,
            self._tops,
            self._maxima,
            self._sums,
            self._gone,
            counts,
            uniforms,
            drawn.tokens,
            drawn.masses,
        )
        return drawn


def _none(shape: tuple[int, ...]) -> Drawn:
    return Drawn(np.full(shape, -1, np.int64), np.zeros(shape))


def _block_maxima(logits: torch.Tensor) -> Floats:
    """float64 [n, blocks] the largest logit of each block, NaN where there is one."""
    n, size = logits.shape
    whole = size // kernels.BLOCK
    maxima = np.empty((n, (size + kernels.BLOCK - 1) // kernels.BLOCK))
    if whole and n:
        blocks = logits.as_strided((n, whole, kernels.BLOCK), (logits.stride(0), kernels.BLOCK, 1))
        maxima[:, :whole] = blocks.amax(2).numpy()
    if maxima.shape[1] > whole and n:
        maxima[:, whole] = logits[:, whole * kernels.BLOCK :].amax(1).numpy()
    return maxima


def _use_kernels() -> None:
    """Call every kernel once for each dtype."""
    for dtype in (torch.float32, torch.float64):
        rows, one = np.zeros(1, np.int64), np.ones(1, np.int64)
        opened = HostUntested(torch.zeros(1, 4, dtype=dtype), 3)
        opened.remove(rows, opened.peek(rows, 1).tokens, one)
        opened.rest(rows)
        opened.draw(rows, np.zeros(1))
        opened.restrict(rows, np.full((1, 1), 7, np.uint32))
        opened.systematic(rows, one, np.zeros(1))
