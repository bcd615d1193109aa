"""Resampling: which particles live on, as plain functions of log weights.

Four classical schemes draw n indices with E[copies of i] = n w_i / sum(w): multinomial, stratified (Kitagawa 1996),
systematic (Carpenter et al. 1999) and residual (Liu and Chen 1998). `without_replacement` is the optimal resampling of
Fearnhead and Clifford (2003, section 3.2): what is kept is kept once, and the heavy particles surely and unchanged.

All take log weights (float64 [k], -inf for weight zero, any scale) and stay exact where their exponentials would
overflow or vanish.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import DecodingError
from .population_kernels import select

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Resampler = Callable[[Floats, int, np.random.Generator], Indices]
Resampling = Literal["without-replacement", "multinomial", "stratified", "systematic", "residual"]


def log_sum(log_weights: Floats) -> float:
    """log(sum(exp(log_weights))), -inf for nothing or only zeros."""
    top = log_weights.max(initial=-np.inf)
    return float(top + np.log(np.exp(log_weights - top).sum())) if top > -np.inf else -np.inf


def effective_sample_size(log_weights: Floats) -> float:
    """sum(w)² / sum(w²): k for k equal weights, 1 where one weight is all, 0 where all are zero."""
    top = log_weights.max(initial=-np.inf)
    if top == -np.inf:
        return 0.0
    weights = np.exp(log_weights - top)
    return float(weights.sum() ** 2 / (weights @ weights))


def multinomial(log_weights: Floats, n: int, generator: np.random.Generator) -> Indices:
    """n independent draws, rising; int64 [n]. Raises DecodingError where all weights are zero, like the next three."""
    return _inverse(_normalised(log_weights), np.sort(generator.random(n)))


def stratified(log_weights: Floats, n: int, generator: np.random.Generator) -> Indices:
    """One draw from each n-th of the total weight; int64 [n], rising."""
    return _inverse(_normalised(log_weights), (np.arange(n) + generator.random(n)) / n)


def systematic(log_weights: Floats, n: int, generator: np.random.Generator) -> Indices:
    """n equally spaced points with one random offset: copies of i are n w_i rounded down or up; int64 [n], rising."""
    return _inverse(_normalised(log_weights), (np.arange(n) + generator.random()) / n)


def residual(log_weights: Floats, n: int, generator: np.random.Generator) -> Indices:
    """floor(n w_i) copies of i, the rest by independent draws from what is left over; int64 [n], rising."""
    expected = n * _normalised(log_weights)
    copies = np.floor(expected).astype(np.int64)
    missing = n - int(copies.sum())
    if missing:
        left = expected - copies
        extra = _inverse(left / left.sum(), np.sort(generator.random(missing)))
        copies += np.bincount(extra, minlength=len(copies))
    return np.repeat(np.arange(len(copies)), copies)


def without_replacement(log_weights: Floats, n: int, generator: np.random.Generator) -> tuple[Indices, Floats]:
    """Keep at most n indices, none twice, such that the expected weight of every index stays what it was.

    With c such that sum(min(1, w / c)) = n, those with w >= c are kept as they are; the others survive with
    probability w / c, by systematic sampling, and then have weight c. Weights of zero are left out; where no more than
    n others are there, all are kept as they are, and no random number is drawn.

    Returns the indices, int64 [at most n] and rising, and their log weights, float64.
    """
    kept, log_survival = survivors(log_weights, n, generator)
    return kept, log_weights[kept] - log_survival


def survivors(log_weights: Floats, n: int, generator: np.random.Generator) -> tuple[Indices, Floats]:
    """As `without_replacement`, but returns the logarithms of the survival probabilities in place of new weights, for
    weights that are only priorities: w / survival is unbiased whatever the priorities were, as long as no w of
    positive weight has priority zero."""
    if n < 1:
        raise DecodingError(f"n={n} particles cannot be kept: at least one is needed")
    alive = np.flatnonzero(log_weights > -np.inf)
    if len(alive) <= n:
        return alive, np.zeros(len(alive))
    kept, log_survival = select(log_weights, alive, n, generator.random())
    return kept, log_survival


def _normalised(log_weights: Floats) -> Floats:
    top = log_weights.max(initial=-np.inf)
    if not -np.inf < top < np.inf:
        raise DecodingError(
            "all weights are zero: there is nothing to resample" if top == -np.inf else f"a log weight is {top}"
        )
    weights: Floats = np.exp(log_weights - top)
    weights /= weights.sum()
    return weights


def _inverse(weights: Floats, points: Floats) -> Indices:
    """For each point in [0, 1) the index whose share of the total it falls into; never one of weight zero."""
    ends = np.cumsum(weights)
    hits = np.searchsorted(ends, points * ends[-1], side="right")
    result: Indices = np.minimum(hits, np.flatnonzero(weights)[-1])
    return result


RESAMPLERS: dict[str, Resampler] = {
    "multinomial": multinomial,
    "stratified": stratified,
    "systematic": systematic,
    "residual": residual,
}
"""The classical schemes by name."""
