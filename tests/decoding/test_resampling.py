"""Resampling schemes: unbiased by integration over the random offset or by statistics, and exact in extreme scales."""

from __future__ import annotations

import numpy as np
import pytest
from bytebound.decoding import DecodingError
from bytebound.decoding.smc.population_kernels import thin
from bytebound.decoding.smc.resampling import (
    RESAMPLERS,
    effective_sample_size,
    log_sum,
    survivors,
    without_replacement,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

CASES = {
    "uneven": [0.5, 0.2, 0.1, 0.1, 0.05, 0.03, 0.02],
    "equal": [0.125] * 8,
    "one": [0.999, 0.0005, 0.0004, 0.0001],
    "zeros": [0.0, 0.4, 0.0, 0.6, 0.0, 0.3, 0.2, 0.1],
    "ties at the threshold": [0.25, 0.25, 0.25, 0.25, 0.25, 0.5, 1.0],
}


class Fixed(np.random.Generator):
    """A generator whose only random number is given."""

    value = 0.0

    def random(self, *size: int) -> float:  # type: ignore[override]
        assert not size
        return self.value


def logs(weights: list[float]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        return np.log(np.array(weights, np.float64))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("scheme", RESAMPLERS)
def test_copies_are_unbiased(scheme: str, name: str) -> None:
    weights = np.array(CASES[name]) / sum(CASES[name])
    generator, n, runs = np.random.default_rng(1), 5, 2000
    copies = np.zeros((runs, len(weights)))
    for run in range(runs):
        drawn = RESAMPLERS[scheme](logs(CASES[name]), n, generator)
        assert drawn.dtype == np.int64 and len(drawn) == n and (np.diff(drawn) >= 0).all()
        copies[run] = np.bincount(drawn, minlength=len(weights))
    error = np.abs(copies.mean(0) - n * weights)
    deviation = np.sqrt(n * weights * (1 - weights) / runs)  # of the multinomial scheme, which has the largest
    assert (error <= 4 * deviation).all()
    if scheme == "systematic":
        assert (np.abs(copies - n * weights) < 1 + 1e-9).all()
    if scheme == "residual":
        assert (copies >= np.floor(n * weights - 1e-9)).all()
    if scheme == "stratified":
        assert (np.abs(copies - n * weights) < 2 + 1e-9).all()


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("n", [1, 2, 3, 5, 7])
def test_selection_without_replacement_is_unbiased(name: str, n: int) -> None:
    """By integration: the outcome changes only where the offset crosses a fraction of a cumulative sum."""
    weights = np.array(CASES[name])
    generator, steps = Fixed(np.random.PCG64(0)), 1000
    mean = np.zeros(len(weights))
    for step in range(steps):
        generator.value = (step + 0.5) / steps
        kept, new = without_replacement(logs(CASES[name]), n, generator)
        assert len(set(kept.tolist())) == len(kept) == min(n, int((weights > 0).sum()))
        assert (np.diff(kept) > 0).all() and (weights[kept] > 0).all()
        mean[kept] += np.exp(new) / steps
    c = np.exp(new).min()
    assert np.abs(mean - weights).max() <= 2 * c / steps + 1e-12


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.one_of(st.floats(-700, 700), st.just(-np.inf), st.sampled_from([0.0, 1.0])), max_size=30),
    st.integers(1, 12),
    st.floats(-1e6, 1e6),
    st.integers(0, 2**32),
)
def test_laws_of_selection(weights: list[float], n: int, shift: float, seed: int) -> None:
    values = np.array(weights, np.float64)
    kept, new = without_replacement(values, n, np.random.default_rng(seed))
    positive = int((values > -np.inf).sum())
    assert len(kept) == min(n, positive) and len(set(kept.tolist())) == len(kept)
    raised = new > values[kept]
    if positive <= n:
        assert not raised.any()
    if raised.any():  # all that were raised weigh the same, those kept as they were at least as much
        c = new[raised][0]
        assert np.allclose(new[raised], c) and (new[~raised] >= c - 1e-9).all()
        heavy = values >= c
        assert heavy.sum() + np.exp(values[~heavy] - c).sum() == pytest.approx(n, abs=1e-6)
        assert set(np.flatnonzero(values > c + 1e-9).tolist()) <= set(kept.tolist())
    again, survival = survivors(values, n, np.random.default_rng(seed))
    assert (again == kept).all() and np.array_equal(values[kept] - survival, new) and (survival <= 0).all()
    moved, _ = without_replacement(values + shift, n, np.random.default_rng(seed))
    assert len(moved) == len(kept)  # any scale


def test_extreme_scales() -> None:
    generator = np.random.default_rng(0)
    kept, new = without_replacement(np.array([0.0, -1e4, -2e4, -3e4]), 2, generator)
    assert kept.tolist() == [0, 1] and new.tolist() == [0.0, -1e4]
    kept, new = without_replacement(np.array([-1e5, -1e5, -1e5]), 2, generator)
    assert len(kept) == 2 and np.allclose(new, -1e5 + np.log(1.5))
    kept, new = without_replacement(np.full(4, -np.inf), 2, generator)
    assert len(kept) == len(new) == 0
    assert without_replacement(np.empty(0), 3, generator)[0].tolist() == []
    for scheme in RESAMPLERS.values():
        assert scheme(np.array([-1e5, -np.inf, -1e5 - 800]), 4, generator).tolist() == [0, 0, 0, 0]
        with pytest.raises(DecodingError, match="all weights are zero"):
            scheme(np.full(3, -np.inf), 2, generator)
    with pytest.raises(DecodingError, match="at least one"):
        without_replacement(np.zeros(3), 0, generator)


def test_sums() -> None:
    assert log_sum(np.log([0.25, 0.5])) == pytest.approx(np.log(0.75))
    assert log_sum(np.array([-1e5, -1e5])) == pytest.approx(-1e5 + np.log(2))
    assert log_sum(np.empty(0)) == log_sum(np.array([-np.inf])) == -np.inf
    assert effective_sample_size(np.full(7, -1e5)) == pytest.approx(7)
    assert effective_sample_size(np.array([0.0, -1e5])) == pytest.approx(1)
    assert effective_sample_size(np.full(2, -np.inf)) == effective_sample_size(np.empty(0)) == 0


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("least", [0.01, 3.0])
def test_selection_of_a_population(name: str, least: float) -> None:
    """Over all random numbers every weight is expected to stay what it is; the sums of live and of finished ones are
    the same whatever the numbers; no more than n of each are left, and finished ones do not compete with live ones."""
    weights, ends, n = np.array(CASES[name]), np.array([7, 8]), 3
    for tokens in (np.arange(len(weights)), np.array([-1, 3, 8, 2, 7, 7, 1, 1])[: len(weights)]):
        done = (tokens < 0) | np.isin(tokens, ends)
        expected, points = np.zeros(len(weights)), (np.arange(4000) + 0.5) / 4000
        for uniform in points:
            kept, log_survival = thin(logs(CASES[name]), tokens, ends, n, least, np.array([uniform, uniform]))
            assert (np.diff(kept) > 0).all() and max(done[kept].sum(), (~done[kept]).sum()) <= n
            left = np.zeros(len(weights))
            left[kept] = weights[kept] / np.exp(log_survival)
            expected += left / len(points)
            np.testing.assert_allclose(
                [left[done].sum(), left[~done].sum()], [weights[done].sum(), weights[~done].sum()]
            )
        np.testing.assert_allclose(expected, weights, atol=2e-3)


def test_a_population_that_fits_is_left_alone() -> None:
    """However light its particles are, but for those of weight zero."""
    kept, log_survival = thin(logs([0.0, 1e-300, 1.0]), np.array([1, 2, 3]), np.array([9]), 2, 0.01, np.zeros(2))
    assert kept.tolist() == [1, 2] and not log_survival.any()
