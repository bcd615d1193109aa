"""Proper weighting by enumeration: every random choice of every step sampler, on small vocabularies."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from bytebound.decoding import (
    Awrs,
    GeometricAwrs,
    HeadTail,
    Masked,
    RecursiveAwrs,
    Rejection,
    StepSampler,
)
from bytebound.decoding.sampling import opening

from .enumeration import Enumeration, TableTester


def cases(rng: np.random.Generator, n: int, width: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Distributions over `width` columns, n of them tokens, and which are allowed."""
    result = []
    for sharpness in (0.1, 0.5, 3.0):
        for density in (0.2, 0.5, 0.9):
            p = rng.dirichlet(np.full(width, sharpness)) + 1e-9
            result.append((p / p.sum(), rng.random(n) < density))
    flat = np.full(width, 1 / width)
    result += [(flat, rng.random(n) < 0.5), (flat, np.zeros(n, np.bool_)), (flat, np.ones(n, np.bool_))]
    steep = 10.0 ** -np.arange(width)
    result.append((steep / steep.sum(), np.arange(n) == n - 1))  # only the lightest
    result.append((steep / steep.sum(), np.arange(n) > 0))
    some = rng.dirichlet(np.ones(width)) * (rng.random(width) < 0.6)
    some[0] = 0.5
    result.append((some / some.sum(), np.arange(n) % 2 == 1))  # probabilities of zero
    single = np.zeros(width)
    single[n - 1] = 1.0
    result += [(single, np.ones(n, np.bool_)), (single, np.arange(n) < n - 1)]
    return result


def logarithms(p: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(p).log()[None]


@pytest.fixture(params=["host", "device"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both implementations of rows, that for accelerators on the processor."""
    if request.param == "device":
        monkeypatch.setattr(opening, "ON_HOST", set())
    return str(request.param)


@pytest.mark.parametrize(
    ("sampler", "price"),
    [
        (HeadTail(), np.inf),
        (HeadTail(), 3.0),
        (HeadTail(), 0.0),
        (HeadTail(tau=0.001), np.inf),  # many tests of the tail
        (HeadTail(tau=0.001), 3.0),
        (HeadTail(beta=0.0), np.inf),  # always one test, with roulette
        (HeadTail(kappa=50.0, beta=0.0), np.inf),  # roulette nearly always
        (HeadTail(kappa=1.0), np.inf),
        (HeadTail(tau=0.03, kappa=0.0), np.inf),  # roulette never
        (HeadTail(mask="never"), 0.0),
    ],
    ids=repr,
)
def test_head_tail(sampler: HeadTail, price: float, backend: str) -> None:
    rng = np.random.default_rng(7)
    for p, allowed in cases(rng, 7, 8) if backend == "host" else cases(rng, 5, 6)[::2]:
        Enumeration(sampler, logarithms(p), allowed, price).check(p, children=True)


@pytest.mark.parametrize("price", [np.inf, 2.0])
def test_what_is_never_allowed_is_not_tested(price: float, backend: str) -> None:
    """Out from the beginning are some or all of the refused tokens; the light tail that is left gets its test
    by chance, with a guess of what is allowed."""
    rng = np.random.default_rng(12)
    for p, allowed in cases(rng, 7, 8) if backend == "host" else cases(rng, 5, 6)[::2]:
        for share in (0.6, 1.0) if backend == "host" else (0.6,):
            impossible = np.asarray(~np.array(allowed) & (rng.random(len(allowed)) < share))
            enumeration = Enumeration(HeadTail(), logarithms(p), allowed, price, impossible)
            enumeration.check(p, children=True)
            for _, (*_, tests) in enumeration.leaves:
                assert not impossible[list(tests)].any()


@pytest.mark.parametrize("children", [1, 3, 64])
def test_masked(children: int, backend: str) -> None:
    rng = np.random.default_rng(8)
    for n, width in ((7, 7), (3, 4)):
        for p, allowed in cases(rng, n, width)[::2]:
            enumeration = Enumeration(Masked(children=children), logarithms(p), allowed, 5.0)
            enumeration.check(p, children=True)
            for _, (_, log_weight, _, evaluations, tests) in enumeration.leaves:
                assert tests == () and evaluations == 5
                with np.errstate(divide="ignore"):
                    np.testing.assert_allclose(log_weight, np.log(p[:n][allowed].sum()), atol=1e-12)


@pytest.mark.parametrize("copies", [2, 5])
@pytest.mark.parametrize(
    ("sampler", "price"),
    [
        (HeadTail(), np.inf),
        (HeadTail(), 7.0),
        (HeadTail(kappa=3.0), np.inf),
        (HeadTail(tau=0.05), np.inf),
        (Masked(), 5.0),
    ],
    ids=repr,
)
def test_draws_at_once(sampler: StepSampler, price: float, copies: int, backend: str) -> None:
    rng = np.random.default_rng(14)
    for p, allowed in cases(rng, 7, 8) if backend == "host" else cases(rng, 5, 6)[::2]:
        Enumeration(sampler, logarithms(p), allowed, price, copies=copies).check(p, children=True)


@pytest.mark.parametrize("sampler", [Awrs(), RecursiveAwrs(), GeometricAwrs(), Rejection()], ids=repr)
def test_draws_one_by_one(sampler: StepSampler) -> None:
    """The mean of the weights, and the children of all draws."""
    rng = np.random.default_rng(15)
    logits = torch.from_numpy(rng.standard_normal((5, 12)) * 2)
    rows, copies = np.array([0, 3, 4, 1, 2]), np.array([3, 1, 6, 2, 40])
    allowed = rng.random(12) < 0.5
    states = np.arange(copies.sum())
    alone = sampler(
        logits, TableTester(allowed, np.inf), states, np.random.default_rng(0), children=True, rows=rows.repeat(copies)
    )
    starts = np.cumsum(copies) - copies
    tester = TableTester(allowed, np.inf)
    tester.test = lambda states, tokens: allowed[tokens]  # type: ignore[method-assign]
    draws = sampler(logits, tester, states[:5], np.random.default_rng(0), children=True, rows=rows, copies=copies)
    weights = np.exp(alone.log_weights)
    np.testing.assert_allclose(np.exp(draws.log_weights), np.add.reduceat(weights, starts) / copies, rtol=1e-12)
    assert (draws.evaluations == np.add.reduceat(alone.evaluations, starts)).all()
    for i, (tokens, logs) in enumerate(draws.children or []):
        expected: dict[int, float] = {}
        for j in range(starts[i], starts[i] + copies[i]):
            family = alone.children[j] if alone.children else ([alone.tokens[j]], [alone.log_weights[j]])
            for token, log in zip(*family, strict=True):
                expected[int(token)] = expected.get(int(token), 0.0) + np.exp(log) / copies[i]
        assert sorted(expected) == sorted(tokens.tolist())
        np.testing.assert_allclose(np.exp(logs), [expected[t] for t in tokens.tolist()], rtol=1e-12)
        assert draws.tokens[i] in expected


@pytest.mark.parametrize("sampler", [Awrs(), RecursiveAwrs()], ids=repr)
def test_without_replacement(sampler: StepSampler, backend: str) -> None:
    rng = np.random.default_rng(9)
    for n, width in ((4, 4), (3, 5)) if backend == "host" else ((3, 4),):
        for p, allowed in cases(rng, n, width)[::2]:
            Enumeration(sampler, logarithms(p), allowed, np.inf).check(p, children=isinstance(sampler, RecursiveAwrs))


@pytest.mark.parametrize(
    ("loops", "p", "allowed"),
    [
        (2, [0.97, 0.02, 0.01], [True, False, False]),
        (2, [0.02, 0.96, 0.02], [True, True, False]),
        (2, [0.5, 0.5], [True, True]),
        (3, [0.04, 0.96], [False, True]),
        (3, [0.04, 0.95, 0.01], [True, True]),
    ],
)
def test_geometric(loops: int, p: list[float], allowed: list[bool]) -> None:
    distribution = np.array(p)
    Enumeration(GeometricAwrs(loops), logarithms(distribution), np.array(allowed), np.inf).check(
        distribution, children=False
    )


def test_rejection_has_the_law_of_masking_and_no_weight() -> None:
    rng = np.random.default_rng(10)
    for p, allowed in cases(rng, 4, 5):
        law = np.zeros(4)
        for chance, (token, log_weight, *_) in Enumeration(Rejection(), logarithms(p), allowed, np.inf).leaves:
            assert log_weight == (0.0 if token >= 0 else -np.inf)
            if token >= 0:
                law[token] += chance
        truth = np.where(allowed, p[:4], 0.0)
        np.testing.assert_allclose(law, truth / truth.sum() if truth.any() else truth, atol=1e-12)


def test_a_tiny_allowed_mass_keeps_its_digits(backend: str) -> None:
    """The allowed mass is 1e-300 of the rest: weights are right to 1e-12 of it."""
    logits = torch.tensor([[0.0, -1.0, -690.0, -691.0, -692.0]], dtype=torch.float64)
    p = np.exp(logits[0].numpy())
    p /= p.sum()
    allowed = np.array([False, False, False, True, True])
    for sampler in (HeadTail(), HeadTail(tau=1e-9), Masked()):
        Enumeration(sampler, logits, allowed, np.inf).check(p, children=True)


def test_head_tail_follows_its_price() -> None:
    """A mask is used as soon as tests have cost as much, and never before."""
    p = np.array([0.3, 0.25, 0.2, 0.15, 0.1])
    nothing_early = np.array([False, False, False, True, True])
    for price, evaluations in ((np.inf, None), (0.0, 0), (1.0, 2), (2.0, 4), (3.0, 6)):
        enumeration = Enumeration(HeadTail(), logarithms(p), nothing_early, price)
        enumeration.check(p, children=True)
        if evaluations is not None:
            assert enumeration.mean(3) == pytest.approx(evaluations)
