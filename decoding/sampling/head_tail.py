"""Head/tail sampling: test the head of the distribution exactly, sample its tail; the default step sampler.

For any adaptive order of tests and any stopping time, S + R 1{y allowed} is an unbiased estimate of the allowed mass,
where S is the mass found allowed, R what is untested, and y a token drawn from it in proportion to p. Tokens in
descending order make S large and R small. Instead of one y the tail gets as many tests as its variance calls for, by
systematic sampling of unequal probabilities (Fearnhead and Clifford 2003), or, where its mass is negligible, a test
only now and then (roulette); and an exact mask is used where it costs fewer evaluations.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from .draws import Draws
from .masked import CHILDREN, Blank, at_least, draw_masked, pick
from .opening import untested
from .tester import Tester
from .uniforms import Uniforms
from .untested import Floats, Integers, Untested
from .untested_kernels import plan

_FIRST_PEEK = 4
_LARGEST_PEEK = 4096
_NO_ROWS: Integers = np.empty(0, np.int64)


class HeadTail:
    """The head tested in descending p until a token is allowed, the tail sampled; properly weighted.

    Args:
        tau: relative variance to aim at: the number of tests of the tail is in proportion to 1 / tau.
        beta: at most beta tests of the tail for each test of the head.
        kappa: a tail with less than kappa times the allowed mass gets a test only with the probability that makes a hit
            weigh kappa times the allowed mass; 0 tests every tail.
        mask: "auto" uses the tester's mask where it is known already, or as soon as tests have cost or will cost what
            it costs (`Tester.price`); the weight is then exact. "never" tests tokens only.
        children: most weighted children of a row drawn by its mask, see `Masked`.
    """

    def __init__(
        self,
        tau: float = 0.1,
        beta: float = 4.0,
        kappa: float = 0.1,
        mask: Literal["auto", "never"] = "auto",
        *,
        children: int = CHILDREN,
    ) -> None:
        if not (tau > 0 and beta >= 0 and kappa >= 0):
            raise ValueError(f"tau must be positive, beta and kappa not negative: {tau}, {beta}, {kappa}")
        if mask not in ("auto", "never"):
            raise ValueError(f'mask must be "auto" or "never", not {mask!r}')
        self.tau, self.beta, self.kappa, self.mask = tau, beta, kappa, mask
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
    ) -> Draws:
        """See `StepSampler`."""
        uniforms = Uniforms.of(generator)
        n = len(states)
        opened = untested(logits, tester.vocabulary.size, states, rows)
        draws = Blank(n, children)
        prices = np.full(n, np.inf)
        if self.mask == "auto":
            prices = np.array([tester.price(state) for state in states.tolist()], np.float64)
        known = prices <= 0
        head, given_up = self._test_head(opened, tester, states, prices, draws, np.flatnonzero(~known))
        too_many = self._sample_tail(opened, tester, states, prices, uniforms, draws, head)
        masked = np.concatenate([np.flatnonzero(known), given_up, too_many])
        draw_masked(opened, masked, tester, states, prices, uniforms, self.children if children else 0, draws)
        return draws.finish(opened.totals)

    def _test_head(
        self, rows: Untested, tester: Tester, states: Integers, prices: Floats, draws: Blank, searching: Integers
    ) -> tuple[_Head, Integers]:
        """Test the heaviest tokens of rows until one is allowed; also the rows that are to be drawn by their masks."""
        found: list[_Head] = []
        given_up = [_NO_ROWS]
        priced = bool(np.isfinite(prices).any())
        k = _FIRST_PEEK
        while len(searching):
            tokens, masses = rows.peek(searching, k)
            if priced:
                tokens[np.arange(tokens.shape[1]) >= (prices - draws.evaluations)[searching, None]] = -1
            places = tester.first(states[searching], tokens)
            tried = (tokens >= 0).sum(1)
            hits = places < tried
            tried = np.minimum(places + 1, tried)
            draws.evaluations[searching] += tried
            left = rows.remove(searching, tokens, tried)
            which, places = searching[hits], places[hits]
            found.append(_Head(which, tokens[hits, places], masses[hits, places], left[hits]))
            searching = searching[~hits & (left > 0)]  # the others have no token left: they are dead
            if priced:
                costly = draws.evaluations[searching] >= prices[searching]
                given_up.append(searching[costly])
                searching = searching[~costly]
            k = min(4 * k, _LARGEST_PEEK)
        return _Head.join(found), np.concatenate(given_up)

    def _sample_tail(
        self,
        rows: Untested,
        tester: Tester,
        states: Integers,
        prices: Floats,
        uniforms: Uniforms,
        draws: Blank,
        head: _Head,
    ) -> Integers:
        """Finish the rows whose head has an allowed token; returns those whose tail would cost more than their mask."""
        wanted, counts = np.empty(len(head.rows)), np.empty(len(head.rows), np.int64)
        tests = draws.evaluations[head.rows]
        size = tester.vocabulary.size
        plan(head.left, head.masses, rows.totals[head.rows], tests, size, self.tau, self.beta, wanted, counts)
        costly = (wanted > prices[head.rows]) & (head.left > 0)
        too_many = _NO_ROWS
        if costly.any():
            too_many = head.rows[costly]
            head, counts = head.take(~costly), counts[~costly]
        draws.tokens[head.rows], draws.masses[head.rows] = head.tokens, head.masses
        if draws.children is not None:
            for i, row in enumerate(head.rows.tolist()):
                draws.children[row] = (head.tokens[i : i + 1], head.masses[i : i + 1])
        tested = head.left > 0
        least = self.kappa * head.masses
        rare = tested & (counts == 1) & (head.left < least)
        if rare.any():
            tested[rare] = uniforms.uniform(head.rows[rare]) < head.left[rare] / least[rare]
        if not tested.any():
            return too_many
        head, counts, rare, least = head.take(tested), counts[tested], rare[tested], least[tested]
        drawn = rows.systematic(head.rows, counts, uniforms.uniform(head.rows))
        drawn.masses[rare] = least[rare, None]  # all that is left, divided by the chance of a test
        there = drawn.tokens >= 0
        tests = there.sum(1)
        hits = np.zeros(there.shape, np.bool_)
        hits[there] = tester.test(np.repeat(states[head.rows], tests), drawn.tokens[there])
        draws.evaluations[head.rows] += tests
        some = hits.any(1)
        if some.any():
            which = head.rows[some]
            weights = np.column_stack([head.masses[some], np.where(hits, drawn.masses, 0.0)[some]])
            tokens = np.column_stack([head.tokens[some], drawn.tokens[some]])
            draws.masses[which] = weights.sum(1)
            draws.tokens[which] = tokens[np.arange(len(which)), pick(weights, uniforms.uniform(which))]
            if draws.children is not None:
                for i, row in enumerate(which.tolist()):
                    draws.children[row] = (tokens[i][weights[i] > 0], weights[i][weights[i] > 0])
        return too_many

    def __repr__(self) -> str:
        return f"HeadTail(tau={self.tau}, beta={self.beta}, kappa={self.kappa}, mask={self.mask!r})"


class _Head(NamedTuple):
    """Rows whose head has been tested."""

    rows: Integers
    tokens: Integers
    """The token that was allowed."""
    masses: Floats
    """Its mass."""
    left: Floats
    """The mass of what has not been tested."""

    @staticmethod
    def join(heads: list[_Head]) -> _Head:
        if len(heads) == 1:
            return heads[0]
        if not heads:
            return _Head(_NO_ROWS, _NO_ROWS, np.empty(0), np.empty(0))
        rows, tokens, masses, left = map(list, zip(*heads, strict=True))
        return _Head(np.concatenate(rows), np.concatenate(tokens), np.concatenate(masses), np.concatenate(left))

    def take(self, which: NDArray[np.bool_]) -> _Head:
        return _Head(self.rows[which], self.tokens[which], self.masses[which], self.left[which])
