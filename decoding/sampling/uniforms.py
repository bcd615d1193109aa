"""The only door through which step samplers see chance, so that tests can put every outcome in its place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class Uniforms:
    """Random numbers for rows, from one generator."""

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator

    @classmethod
    def of(cls, generator: np.random.Generator | Uniforms) -> Uniforms:
        """`generator` itself where it is a source of this kind."""
        return generator if isinstance(generator, Uniforms) else cls(generator)

    def uniform(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """One number in [0, 1) for each of the rows (their numbers, int64 [k]), in this order."""
        return self._generator.random(len(rows))

    def failures(self, rows: NDArray[np.int64], success: NDArray[np.float64]) -> NDArray[np.float64]:
        """For each row, failures before the first success in trials that succeed with probability `success` (above 0);
        whole numbers, in float64 because a small probability makes them large."""
        with np.errstate(divide="ignore"):
            counts: NDArray[np.float64] = np.floor(np.log1p(-self.uniform(rows)) / np.log1p(-success))
        return counts
