"""Step samplers on large vocabularies: z-scores, dtypes, hostile logits, batches, errors."""

from __future__ import annotations

from types import SimpleNamespace
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
    step_sampler,
)
from bytebound.decoding.errors import DecodingError, InvalidArgument, WrongVocabulary
from bytebound.decoding.sampling import opening
from bytebound.grammars import Unsupported

SIZE = 32_768
WEIGHTED = [HeadTail(), HeadTail(tau=0.01, beta=8.0), Masked(), Awrs(), RecursiveAwrs(), GeometricAwrs(3)]


class TableTester(Tester):
    """A row of allowed tokens for each state."""

    start = 0

    def __init__(self, allowed: np.ndarray, price: float = np.inf) -> None:
        self.allowed, self.cost, self.tests = allowed, price, 0
        self.vocabulary: Any = SimpleNamespace(size=allowed.shape[1])

    def test(self, states: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        self.tests += len(tokens)
        return self.allowed[states, tokens]

    def accept(self, state: int, token: int) -> int:
        return state if self.allowed[state, token] else -1

    def is_accepting(self, state: int) -> bool:
        return False

    def price(self, state: int) -> float:
        return self.cost

    def fill(self, state: int, row: np.ndarray) -> None:
        bits = np.zeros(32 * len(row), np.bool_)
        bits[: self.allowed.shape[1]] = self.allowed[state]
        row[:] = np.packbits(bits, bitorder="little").view(np.uint32)


class Maskless(TableTester):
    fill = Tester.fill


def allowed_of_mass(rng: np.random.Generator, p: np.ndarray, mass: float) -> np.ndarray:
    """Random tokens whose probabilities add up to about `mass`."""
    order = rng.permutation(len(p))
    order = order[p[order] <= mass]
    return np.isin(np.arange(len(p)), order[: max(1, np.searchsorted(np.cumsum(p[order]), mass))])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(
    ("sampler", "mass", "n"),
    [(sampler, mass, 200) for sampler in WEIGHTED for mass in (0.9, 0.02)]
    + [(HeadTail(tau=1e-11), 1.5e-6, 30), (Masked(), 1.5e-6, 30)],  # tau: so that most rows find some of the tail
)
def test_unbiased(sampler: StepSampler, mass: float, n: int, dtype: torch.dtype) -> None:
    """The mean weight is Z, within four standard errors, and the tokens have their shares of it."""
    rng = np.random.default_rng(3)
    logits = torch.from_numpy(rng.standard_normal((1, SIZE)) * 3).to(dtype)
    p = torch.softmax(logits[0].double(), 0).numpy()
    allowed = allowed_of_mass(rng, p, mass)
    draws = sampler(logits.expand(n, -1), TableTester(allowed[None]), np.zeros(n, np.int64), rng)
    weights = np.exp(draws.log_weights)
    truth = p[allowed].sum()
    assert isinstance(sampler, Masked) or weights.std() > 0
    error = max(weights.std() / np.sqrt(n), 1e-12 * truth)
    assert abs(weights.mean() - truth) < 4 * error
    assert allowed[draws.tokens].all()
    half = allowed & (np.arange(SIZE) % 2 == 0)  # a set of tokens instead of each
    shares = weights * half[draws.tokens]
    assert abs(shares.mean() - p[half].sum()) < 4 * max(shares.std() / np.sqrt(n), 1e-12 * truth)


def test_fuzz() -> None:
    """50,000 rows of any scale and dtype, with minus infinities, in seconds. No weight is above one, or, by roulette,
    above one and kappa."""
    rng = np.random.default_rng(4)
    total = 0
    for n, size in ((6000, 40), (400, 700)):
        for round_ in range(8 if size == 40 else 6):
            extra = int(rng.integers(0, 20)) * (round_ % 2)
            scales = np.exp(rng.uniform(np.log(0.1), np.log(100), (n, 1)))
            values = rng.standard_normal((n, size + extra)) * scales
            values[rng.random(values.shape) < rng.choice([0.0, 0.3, 0.97])] = -np.inf
            values[np.arange(n), rng.integers(0, size + extra, n)] = rng.standard_normal(n)
            dtype = (torch.float64, torch.float32, torch.float16, torch.bfloat16)[round_ % 4]
            logits = torch.from_numpy(values).to(dtype)
            allowed = rng.random((n, size)) < rng.uniform(0, 1, (n, 1)) ** 3
            p = torch.softmax(logits.double(), 1).numpy()[:, :size]
            truth = np.where(allowed, p, 0).sum(1)
            for sampler in WEIGHTED if round_ < 2 else [HeadTail()]:
                total += n
                tester = TableTester(allowed, price=float(rng.choice([np.inf, 8.0])))
                draws = sampler(logits, tester, np.arange(n), rng)
                dead = draws.tokens < 0
                assert (draws.log_weights[dead] == -np.inf).all()
                assert allowed[np.flatnonzero(~dead), draws.tokens[~dead]].all()
                assert (p[np.flatnonzero(~dead), draws.tokens[~dead]] > 0).all()
                assert (draws.log_weights <= np.log(1.1 + 1e-9)).all() and not np.isnan(draws.log_weights).any()
                assert (truth[dead] == 0).all() and (truth[~dead] > 0).all()
                if isinstance(sampler, Masked):
                    np.testing.assert_allclose(np.exp(draws.log_weights), truth, rtol=1e-12)
                elif not isinstance(sampler, HeadTail):
                    assert draws.evaluations.sum() == tester.tests
    assert total >= 50_000


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_layouts_agree(dtype: torch.dtype) -> None:
    """Transposed, sliced and expanded logits give what contiguous ones give."""
    rng = np.random.default_rng(5)
    logits = torch.from_numpy(rng.standard_normal((5, 1000)) * 3).to(dtype)
    tester = TableTester(rng.random((5, 990)) < 0.3)
    larger = torch.zeros(7, 1100, dtype=dtype)
    larger[1:6, 50:1050] = logits
    for sampler in WEIGHTED:
        expected = sampler(logits, tester, np.arange(5), np.random.default_rng(1))
        for view in (larger[1:6, 50:1050], logits.t().contiguous().t()):
            draws = sampler(view, tester, np.arange(5), np.random.default_rng(1))
            assert (draws.tokens == expected.tokens).all() and (draws.log_weights == expected.log_weights).all()


@pytest.mark.parametrize("sampler", [*WEIGHTED, Rejection()], ids=repr)
def test_rows_do_not_depend_on_their_neighbours(sampler: StepSampler) -> None:
    class Same(np.random.Generator):
        """Equal numbers for all rows, so that only the rows differ."""

        def random(self, n: int) -> np.ndarray:  # type: ignore[override]
            return np.full(n, 0.37)

    rng = np.random.default_rng(6)
    logits = torch.from_numpy(rng.standard_normal((20, 3000)) * rng.uniform(0.2, 9, (20, 1))).float()
    tester = TableTester(rng.random((20, 3000)) < 0.2)
    generator = Same(np.random.PCG64(0))
    together = sampler(logits, tester, np.arange(20), generator, children=True)
    for i in range(20):
        alone = sampler(logits[i : i + 1], tester, np.arange(i, i + 1), generator, children=True)
        assert alone.tokens[0] == together.tokens[i]
        assert alone.log_weights[0] == together.log_weights[i]
        assert alone.evaluations[0] == together.evaluations[i]
        if alone.children is not None and together.children is not None:
            assert (alone.children[0].tokens == together.children[i].tokens).all()
            assert (alone.children[0].log_weights == together.children[i].log_weights).all()


def test_both_implementations_draw_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(11)
    logits = torch.from_numpy(rng.standard_normal((30, 5000)) * rng.uniform(0.2, 9, (30, 1)))
    tester = TableTester(rng.random((30, 4990)) < 0.1)
    for sampler in [*WEIGHTED, Rejection()]:
        host = sampler(logits, tester, np.arange(30), np.random.default_rng(2))
        with monkeypatch.context() as patch:
            patch.setattr(opening, "ON_HOST", set())
            device = sampler(logits, tester, np.arange(30), np.random.default_rng(2))
        assert (host.tokens == device.tokens).all()
        np.testing.assert_allclose(host.log_weights, device.log_weights, rtol=1e-10, atol=1e-12)
        assert (host.evaluations == device.evaluations).all()


@pytest.mark.parametrize("host", [True, False], ids=["host", "device"])
@pytest.mark.parametrize("sampler", [*WEIGHTED, Rejection()], ids=repr)
def test_rows_stand_for_gathered_logits(sampler: StepSampler, host: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Draws from repeated, permuted and left out rows are those from copies of the rows, bit by bit."""
    if not host:
        monkeypatch.setattr(opening, "ON_HOST", set())
    rng = np.random.default_rng(13)
    logits = torch.from_numpy(rng.standard_normal((6, 2000)) * rng.uniform(0.2, 9, (6, 1))).float()
    logits[3] = np.nan  # nobody asks for it
    tester = TableTester(rng.random((20, 1990)) < 0.1)
    for rows in (rng.choice([0, 1, 2, 4, 5], 20), np.array([5, 0, 1]), np.array([4])):
        states = np.arange(len(rows))
        for price in (np.inf, 3.0):
            tester.cost = price
            gathered = sampler(logits[rows], tester, states, np.random.default_rng(3), children=True)
            shared = sampler(logits, tester, states, np.random.default_rng(3), children=True, rows=rows)
            for one, other in zip(gathered[:3], shared[:3], strict=True):
                assert (one == other).all()
            for family, twin in zip(gathered.children or [], shared.children or [], strict=True):
                assert (family.tokens == twin.tokens).all() and (family.log_weights == twin.log_weights).all()
    with pytest.raises(DecodingError, match="row 3 of the logits has a logit that is NaN"):
        sampler(logits, tester, np.arange(2), _rng(), rows=np.array([0, 3]))


def test_wrong_rows() -> None:
    tester = TableTester(np.ones((1, 5), np.bool_))
    for rows in ([-1], [2]):
        with pytest.raises(DecodingError, match="rows must be numbers of the 2 rows of logits"):
            HeadTail()(torch.zeros(2, 5), tester, np.zeros(1, np.int64), _rng(), rows=np.array(rows))
    with pytest.raises(WrongVocabulary, match="2 rows of logits cannot be drawn from in 1 states"):
        HeadTail()(torch.zeros(2, 5), tester, np.zeros(1, np.int64), _rng(), rows=np.array([0, 1]))


def test_no_rows() -> None:
    for sampler in [*WEIGHTED, Rejection()]:
        draws = sampler(torch.empty(0, 9), TableTester(np.ones((1, 9), np.bool_)), np.empty(0, np.int64), _rng())
        assert len(draws.tokens) == len(draws.log_weights) == len(draws.evaluations) == 0


def test_the_head_is_all_that_is_tested_where_it_holds_nearly_all_mass() -> None:
    logits = torch.zeros(1, SIZE)
    logits[0, 77] = 60.0
    tester = TableTester(np.ones((1, SIZE), np.bool_))
    draws = HeadTail()(logits, tester, np.zeros(1, np.int64), _rng())
    assert draws.tokens[0] == 77 and draws.evaluations[0] == tester.tests == 1


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_rows_that_are_no_distribution_are_refused(value: float) -> None:
    logits = torch.zeros(3, 300)
    logits[2, :] = value
    tester = TableTester(np.ones((1, 300), np.bool_))
    for change in (None, torch.bfloat16):
        with pytest.raises(DecodingError, match="row 2 of the logits has"):
            HeadTail()(logits if change is None else logits.to(change), tester, np.zeros(3, np.int64), _rng())


def test_one_nan_anywhere_is_found() -> None:
    tester = TableTester(np.ones((1, 300), np.bool_))
    for place in (0, 255, 256, 299, 305):
        logits = torch.full((1, 310), -np.inf)
        logits[0, 5] = 1.0
        logits[0, place] = np.nan
        with pytest.raises(DecodingError, match="NaN"):
            HeadTail()(logits, tester, np.zeros(1, np.int64), _rng())


@pytest.mark.parametrize(
    ("logits", "message"),
    [
        (torch.zeros(5), "shape"),
        (torch.zeros(1, 5, dtype=torch.int64), "float tensor"),
        (torch.zeros(2, 5), "2 rows of logits cannot be drawn from in 1 states"),
        (torch.zeros(1, 4), "too narrow for a vocabulary of 5"),
    ],
)
def test_wrong_logits(logits: torch.Tensor, message: str) -> None:
    with pytest.raises(WrongVocabulary, match=message):
        HeadTail()(logits, TableTester(np.ones((1, 5), np.bool_)), np.zeros(1, np.int64), _rng())


def test_masked_needs_a_mask() -> None:
    with pytest.raises(Unsupported, match="Maskless has no mask"):
        Masked()(torch.zeros(1, 5), Maskless(np.ones((1, 5), np.bool_)), np.zeros(1, np.int64), _rng())


def test_names() -> None:
    names = {"head-tail": HeadTail, "masked": Masked, "awrs": Awrs, "awrs-recursive": RecursiveAwrs}
    names |= {"awrs-geometric": GeometricAwrs, "rejection": Rejection}
    for name, kind in names.items():
        sampler = step_sampler(name)
        assert type(sampler) is kind and step_sampler(sampler) is sampler
    with pytest.raises(InvalidArgument, match="there is no step sampler 'gibbs'; there are 'head-tail', 'masked'"):
        step_sampler("gibbs")
    for wrong in (HeadTail, 3):
        with pytest.raises(TypeError, match="a step sampler is a name or an instance"):
            step_sampler(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "parameters", [{"tau": 0.0}, {"beta": -1.0}, {"kappa": -0.1}, {"mask": "always"}, {"children": 0}]
)
def test_wrong_parameters(parameters: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match="must be"):
        HeadTail(**parameters)
    with pytest.raises(InvalidArgument, match="at least 2"):
        GeometricAwrs(1)


def _rng() -> np.random.Generator:
    return np.random.default_rng(0)
