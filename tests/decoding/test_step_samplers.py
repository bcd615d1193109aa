"""Proper weighting by enumeration: every random choice of every step sampler, on small vocabularies.

A sampler sees chance only through `Uniforms`. Here each uniform number is a branch: the places in [0, 1) where what
follows changes are found by bisection to the last bit, so that expectations are sums over all outcomes.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

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
    Tester,
    Vocabulary,
)
from bytebound.decoding.errors import DeadEnd
from bytebound.decoding.sampling import opening
from bytebound.decoding.sampling.uniforms import Uniforms

Path = tuple[float, ...]
LAST = 1 - 2.0**-53
"""The largest number that a generator yields."""


class TableTester(Tester):
    """All states allow the same tokens; the tests of each are written down."""

    start = 0

    def __init__(self, allowed: np.ndarray, price: float, impossible: np.ndarray | None = None) -> None:
        self.allowed, self.cost, self.never = allowed, price, impossible
        self.vocabulary = Vocabulary.from_bytes([bytes([97 + i]) for i in range(len(allowed))])
        self.tests: dict[int, list[int]] = defaultdict(list)

    def test(self, states: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        for state, token in zip(states.tolist(), tokens.tolist(), strict=True):
            assert token not in self.tests[state], "a token was tested twice"
            self.tests[state].append(token)
        return self.allowed[tokens]

    def accept(self, state: int, token: int) -> int:
        return state if self.allowed[token] else -1

    def is_accepting(self, state: int) -> bool:
        return False

    def price(self, state: int) -> float:
        return self.cost

    def impossible(self) -> np.ndarray | None:
        return self.never if self.never is None else packed(self.never)

    def fill(self, state: int, row: np.ndarray) -> None:
        if not self.allowed.any():
            raise DeadEnd("nothing is allowed")
        row[:] = packed(self.allowed)


def packed(tokens: np.ndarray) -> np.ndarray:
    """Bools as the bits of a mask."""
    bits = np.zeros(32 * ((len(tokens) + 31) // 32), np.bool_)
    bits[: len(tokens)] = tokens
    return np.packbits(bits, bitorder="little").view(np.uint32)


class Script(Uniforms):
    """Numbers that are given for each row; where they are used up, the request is written down and answered by 1/2."""

    def __init__(self, paths: list[Path], tester: TableTester) -> None:
        self.paths, self.tester = paths, tester
        self.used = [0] * len(paths)
        self.requests: list[tuple[Any, ...] | None] = [None] * len(paths)

    def _next(self, row: int, kind: tuple[Any, ...], default: float) -> float:
        self.used[row] += 1
        if self.used[row] <= len(self.paths[row]):
            return self.paths[row][self.used[row] - 1]
        if self.requests[row] is None:
            self.requests[row] = (*kind, tuple(self.tester.tests[row]))
        return default

    def uniform(self, rows: np.ndarray) -> np.ndarray:
        return np.array([self._next(row, ("uniform",), 0.5) for row in rows.tolist()])

    def failures(self, rows: np.ndarray, success: np.ndarray) -> np.ndarray:
        asked = zip(rows.tolist(), success.tolist(), strict=True)
        return np.array([self._next(row, ("failures", chance), 0.0) for row, chance in asked])


class Enumeration:
    """All outcomes of a sampler on one distribution."""

    def __init__(
        self,
        sampler: StepSampler,
        logits: torch.Tensor,
        allowed: np.ndarray,
        price: float,
        impossible: np.ndarray | None = None,
    ) -> None:
        self.sampler, self.logits, self.allowed, self.price = sampler, logits, allowed, price
        self.impossible = impossible
        self.leaves: list[tuple[float, tuple[Any, ...]]] = []
        nodes: list[tuple[Path, float]] = [((), 1.0)]
        while nodes:
            following = []
            pending: list[tuple[Path, float]] = []
            for (path, chance), (request, outcome) in zip(nodes, self.run([p for p, _ in nodes]), strict=True):
                if request is None:
                    self.leaves.append((chance, outcome))
                elif request[0] == "failures":
                    success, count, left = request[1], 0, 1.0
                    while chance * left > 1e-16:
                        following.append(((*path, float(count)), chance * left * success))
                        count, left = count + 1, left * (1 - success)
                else:
                    pending.append((path, chance))
            nodes = following + self.split(pending)

    def run(self, paths: list[Path]) -> list[tuple[Any, Any]]:
        """For each path what is asked for after it, or None, and how the row ends if all that follows is 1/2."""
        tester = TableTester(self.allowed, self.price, self.impossible)
        script = Script(paths, tester)
        states, rows = np.arange(len(paths)), np.zeros(len(paths), np.int64)
        draws = self.sampler(self.logits, tester, states, script, children=True, rows=rows)  # type: ignore[arg-type]
        results = []
        for row, request in enumerate(script.requests):
            children = () if draws.children is None else tuple(map(tuple, draws.children[row]))
            end = (int(draws.tokens[row]), float(draws.log_weights[row]), children, int(draws.evaluations[row]))
            results.append((request, (*end, tuple(tester.tests[row]))))
        return results

    def split(self, nodes: list[tuple[Path, float]]) -> list[tuple[Path, float]]:
        """The nodes after one more number: one for each interval of it in which the same follows."""
        labels: dict[tuple[int, float], Any] = {}

        def look(points: list[tuple[int, float]]) -> None:
            results = self.run([(*nodes[i][0], u) for i, u in points])
            labels.update(zip(points, results, strict=True))

        gaps = [(i, 0.0, LAST) for i in range(len(nodes))]
        if nodes:
            look([(i, u) for i, *ends in gaps for u in ends])
        edges: list[tuple[int, float, float]] = []
        while gaps:
            gaps = [(i, lo, hi) for i, lo, hi in gaps if labels[i, lo] != labels[i, hi]]
            edges += [gap for gap in gaps if gap[2] - gap[1] < 1e-15]
            gaps = [gap for gap in gaps if gap[2] - gap[1] >= 1e-15]
            if gaps:
                look([(i, (lo + hi) / 2) for i, lo, hi in gaps])
            gaps = [g for i, lo, hi in gaps for g in ((i, lo, (lo + hi) / 2), (i, (lo + hi) / 2, hi))]
        following = []
        for i, (path, chance) in enumerate(nodes):
            start, value = 0.0, 0.0
            for _, _, hi in sorted(edge for edge in edges if edge[0] == i):
                following.append(((*path, value), chance * (hi - start)))
                start = value = hi
            following.append(((*path, value), chance * (1.0 - start)))
        return following

    def check(self, p: np.ndarray, *, children: bool) -> None:
        """Expected weights are probabilities, to 1e-12; weights of children too."""
        truth = np.where(self.allowed, p[: len(self.allowed)], 0.0)
        sums, shares = np.zeros_like(truth), np.zeros_like(truth)
        for chance, (token, log_weight, family, evaluations, tests) in self.leaves:
            masked = evaluations - len(tests)
            assert masked in (0, self.price if np.isfinite(self.price) else 1)
            if token < 0:
                assert log_weight == -np.inf
            else:
                assert self.allowed[token]
                sums[token] += chance * np.exp(log_weight)
            if family:
                tokens, logs = (list(column) for column in family)
                assert len(set(tokens)) == len(tokens)
                total = np.exp(logs).sum()
                np.testing.assert_allclose(total, np.exp(log_weight), rtol=1e-12)
                shares[tokens] += chance * np.exp(logs)
        assert abs(sum(chance for chance, _ in self.leaves) - 1) < 1e-12
        scale = 1 / truth.max() if 0 < truth.max() < 1e-200 else 1.0
        np.testing.assert_allclose(sums * scale, truth * scale, atol=1e-12, rtol=0)
        if children:
            np.testing.assert_allclose(shares * scale, truth * scale, atol=1e-12, rtol=0)

    def mean(self, what: int) -> float:
        return sum(chance * outcome[what] for chance, outcome in self.leaves)


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
