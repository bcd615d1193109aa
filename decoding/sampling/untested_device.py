"""Distributions on an accelerator: the masses stay there in float64, and only chosen tokens come to the host."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ..apply import expand
from .untested import Drawn, Floats, Integers, Untested, refuse


class DeviceUntested(Untested):
    """Rows of logits on any device of torch that knows float64; see `Untested`. The logits are not changed.

    Holds n * size float64 masses on the device, beside the logits; n is the number of draws.
    """

    def __init__(
        self, logits: torch.Tensor, size: int, rows: Integers | None, impossible: NDArray[np.uint32] | None = None
    ) -> None:
        self._size, self._device = size, logits.device
        rows = np.arange(len(logits)) if rows is None else rows
        distinct, sources = np.unique(rows, return_inverse=True)
        self._logits = logits = logits if len(distinct) == len(logits) else logits[self._to(distinct)]
        if len(logits):
            tops = logits.amax(1, keepdim=True).double()
            refuse(tops[:, 0].cpu().numpy(), distinct)
        else:
            tops = logits.new_empty((0, 1), dtype=torch.float64)
        self._tops = tops
        self._masses = self._exponentials(logits[:, :size], tops)
        totals = self._masses.sum(1) + self._exponentials(logits[:, size:], tops).sum(1)
        self.totals = totals.cpu().numpy()[sources]
        if impossible is not None:
            bits = torch.from_numpy(impossible.view(np.int32)[None]).to(self._device)
            self._masses.masked_fill_(expand(bits, size), 0.0)
        self.wholes = self._masses.sum(1).cpu().numpy()[sources]
        self._sources = self._to(sources)
        if not np.array_equal(rows, distinct):
            self._masses = self._masses[self._sources]

    @staticmethod
    def _exponentials(logits: torch.Tensor, tops: torch.Tensor) -> torch.Tensor:
        differences = logits.double() - tops
        return differences.exp().masked_fill_(differences < -708.0, 0.0)

    def _to(self, array: NDArray[np.int64] | NDArray[np.float64]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self._device)

    def _of(self, rows: Integers) -> torch.Tensor:
        """The masses of some rows; not to be changed."""
        return self._masses if len(rows) == len(self._masses) else self._masses[self._to(rows)]

    def peek(self, rows: Integers, k: int) -> Drawn:
        masses, tokens = self._of(rows).topk(min(k, self._size), 1)
        drawn = Drawn(tokens.cpu().numpy(), masses.cpu().numpy())
        drawn.tokens[drawn.masses == 0.0] = -1
        return drawn

    def remove(self, rows: Integers, tokens: Integers, counts: Integers) -> Floats:
        places = np.arange(tokens.shape[1]) < counts[:, None]
        self._masses[self._to(np.repeat(rows, places.sum(1))), self._to(tokens[places])] = 0.0
        return self.rest(rows)

    def restrict(self, rows: Integers, bits: NDArray[np.uint32]) -> Floats:
        which = self._to(rows)
        sources = self._sources[which]
        allowed = expand(torch.from_numpy(bits.view(np.int32)).to(self._device), self._size)
        masses = self._exponentials(self._logits[sources, : self._size], self._tops[sources])
        self._masses[which] = masses.masked_fill_(~allowed, 0.0)
        return self.rest(rows)

    def rest(self, rows: Integers) -> Floats:
        left: Floats = self._of(rows).sum(1).cpu().numpy()
        return left

    def draw(self, rows: Integers, uniforms: Floats) -> Drawn:
        steps = self.rest(rows)
        tokens = self._place(rows, np.ones(len(rows), np.int64), uniforms, steps)[:, 0]
        lost = (tokens < 0) & (steps > 0)  # a parallel sum of masses that rounding has made fall
        if lost.any():
            tokens[lost] = self.peek(rows[lost], 1).tokens[:, 0]
        masses = self._masses[self._to(rows), self._to(np.maximum(tokens, 0))].cpu().numpy()
        return Drawn(tokens, np.where(tokens >= 0, masses, 0.0))

    def systematic(self, rows: Integers, counts: Integers, uniforms: Floats) -> Drawn:
        most = int(counts.max(initial=0))
        heavy = self.peek(rows, most)
        width = heavy.tokens.shape[1]
        beyond = self.remove(rows, heavy.tokens, (heavy.tokens >= 0).sum(1))
        # What is left from the k-th heaviest on, summed from the lightest.
        left = np.cumsum(np.column_stack([beyond, heavy.masses[:, ::-1]]), 1)[:, ::-1]
        sure = (heavy.masses * (counts[:, None] - np.arange(width)) >= left[:, :-1]) & (heavy.tokens >= 0)
        sure &= np.arange(width) < counts[:, None]
        certain = np.logical_and.accumulate(sure, 1).sum(1)
        returned = (np.arange(width) >= certain[:, None]) & (heavy.tokens >= 0)
        where = (self._to(np.repeat(rows, returned.sum(1))), self._to(heavy.tokens[returned]))
        self._masses[where] = self._to(heavy.masses[returned])
        places = counts - certain
        steps = left[np.arange(len(rows)), certain] / np.maximum(places, 1)
        placed = self._place(rows, places, uniforms, steps)
        tokens, weights = np.full((len(rows), most), -1, np.int64), np.zeros((len(rows), most))
        for i, k in enumerate(certain.tolist()):
            found = placed[i][placed[i] >= 0]
            tokens[i, :k], weights[i, :k] = heavy.tokens[i, :k], heavy.masses[i, :k]
            tokens[i, k : k + len(found)], weights[i, k : k + len(found)] = found, steps[i]
        return Drawn(tokens, weights)

    def _place(self, rows: Integers, counts: Integers, uniforms: Floats, steps: Floats) -> Integers:
        """Lay the masses of a row end to end and find the tokens on which the places (uniform + i) * step fall, i <
        count: int64 [rows, max(counts)], -1 where there is none. No token is found twice, none without mass."""
        most = int(counts.max(initial=0))
        masses = self._of(rows)
        sums = masses.cumsum(1)
        places = self._to((uniforms[:, None] + np.arange(most)) * steps[:, None])
        found = torch.searchsorted(sums, places, right=True)
        found = torch.minimum(found, torch.searchsorted(sums, sums[:, -1:].contiguous()))
        weights = masses.gather(1, found)
        tokens: Integers = found.cpu().numpy()
        tokens[(weights == 0.0).cpu().numpy() | (np.arange(most) >= counts[:, None])] = -1
        tokens[:, 1:][tokens[:, 1:] == tokens[:, :-1]] = -1
        return tokens
