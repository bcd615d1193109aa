"""Head/tail sampling: test the head of the distribution exactly, sample its tail; the default step sampler.

For any adaptive order of tests and any stopping time, S + R 1{y allowed} is an unbiased estimate of the allowed mass,
where S is the mass found allowed, R what is untested, and y a token drawn from it in proportion to p. Tokens in
descending order make S large and R small. Instead of one y the tail gets as many tests as its variance calls for, by
systematic sampling of unequal probabilities (Fearnhead and Clifford 2003), or, where its mass is small, a test only
with a chance a (roulette). The weight is then S + c R without it, and S + c R + (1{y allowed} - c) R / a with it: c,
the guessed share of R that is allowed, is a control variate, and the weight unbiased whatever it is. An exact mask is
used where it costs fewer evaluations, and tokens that are never allowed are left out from the beginning.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import InvalidArgument
from . import head_kernels as kernels
from .draws import Draws
from .masked import CHILDREN, Blank, at_least, draw_masked, shared_prices
from .opening import untested
from .tester import Tester
from .uniforms import Uniforms
from .untested import Drawn, Floats, Integers, Untested

_KAPPA, _KAPPA_OF_POSSIBLE = 0.1, 0.7
_FIRST_PEEK = 4
_LARGEST_PEEK = 4096


class HeadTail:
    """The head tested in descending p until a token is allowed, the tail sampled; properly weighted.

    Args:
        tau: relative variance that one evaluation is worth. A tail whose single test has relative variance v gets
            sqrt(v / tau) tests: the number at which v / tests + tau * tests is least, so that over all the steps of a
            text the variance is the least for the evaluations spent. Where a draw stands for k of them (`copies`), the
            head is tested once, and the tail gets as many tests as those of k draws: its heavy tokens then surely.
        beta: at most beta tests of the tail for each test of the head.
        kappa: a tail of mass R behind an allowed token of mass S gets its only test by chance, R / (kappa (R + S)) if
            that is below 1; 0 tests every tail. By default 0.1, and 0.7 where the tester knows which tokens are never
            allowed (`Tester.impossible`): these are out from the beginning, and most of a light tail is then allowed.
        mask: "auto" uses the tester's mask where it is known already, or as soon as tests have cost what it costs
            (`Tester.price`, shared by the rows of one state), or tests of the tail and the variance they leave are
            worth as much; the weight is then exact. "never" tests tokens only.
        children: most weighted children of a row drawn by its mask, see `Masked`.
    """

    def __init__(
        self,
        tau: float = 0.5,
        beta: float = 4.0,
        kappa: float | None = None,
        mask: Literal["auto", "never"] = "auto",
        *,
        children: int = CHILDREN,
    ) -> None:
        if not (tau > 0 and beta >= 0 and (kappa is None or kappa >= 0)):
            raise InvalidArgument(f"tau must be positive, beta and kappa not negative: {tau}, {beta}, {kappa}")
        if mask not in ("auto", "never"):
            raise InvalidArgument(f'mask must be "auto" or "never", not {mask!r}')
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
        copies: NDArray[np.int64] | None = None,
    ) -> Draws:
        """See `StepSampler`."""
        uniforms = Uniforms.of(generator)
        states = np.array(states, np.int64)  # as kernels take them
        impossible, kappa = tester.impossible(), self.kappa
        if kappa is None:
            kappa = _KAPPA if impossible is None else _KAPPA_OF_POSSIBLE
        opened = untested(logits, tester.vocabulary.size, states, rows, impossible)
        draws = Blank(len(states), children)
        copies = np.ones(len(states), np.int64) if copies is None else np.array(copies, np.int64)
        if self.mask == "auto":
            prices = shared_prices(tester, states)
        else:
            prices = np.full(len(states), np.inf)
        left = self._test_head(opened, tester, states, prices, draws)
        masked = self._sample_tail(opened, tester, states, copies, prices, left, kappa, uniforms, draws)
        draw_masked(opened, masked, tester, states, prices, uniforms, np.maximum(self.children, copies), draws)
        return draws.finish(opened.totals)

    def _test_head(self, opened: Untested, tester: Tester, states: Integers, prices: Floats, draws: Blank) -> Floats:
        """Test the heaviest tokens of rows whose mask is not known until one is allowed, none is left, or tests have
        cost as much as the mask; returns the mass that is left, infinity where nothing was tested."""
        left, searching = np.empty(len(states)), np.empty(len(states), np.int64)
        searching = searching[: kernels.unknown(prices, left, searching)]
        k = _FIRST_PEEK
        while len(searching):
            candidates, weights = opened.peek(searching, k)
            kernels.afford(searching, prices, draws.evaluations, candidates)
            places = tester.first(states[searching], candidates)
            tried = kernels.settle(
                searching, candidates, weights, places, draws.evaluations, draws.tokens, draws.masses
            )
            rest = opened.remove(searching, candidates, tried)
            more = kernels.unsettled(searching, rest, prices, draws.evaluations, draws.tokens, left)
            searching = searching[:more]
            k = min(4 * k, _LARGEST_PEEK)
        return left

    def _sample_tail(
        self,
        opened: Untested,
        tester: Tester,
        states: Integers,
        copies: Integers,
        prices: Floats,
        left: Floats,
        kappa: float,
        uniforms: Uniforms,
        draws: Blank,
    ) -> Integers:
        """Finish the rows whose head has an allowed token; returns those for which the mask is to be used."""
        counts = np.empty(len(states), np.int64)
        chances, guesses = np.empty(len(states)), np.empty(len(states))
        masked: Integers
        masked, rows, rare = kernels.plan(
            draws.tokens,
            draws.masses,
            left,
            opened.wholes,
            draws.evaluations,
            copies,
            prices,
            tester.vocabulary.size,
            self.tau,
            self.beta,
            kappa,
            counts,
            chances,
            guesses,
        )
        if len(rare):
            uniform = uniforms.uniform(rare)
            rows = kernels.roulette(rows, rare, chances, guesses, uniform, left, draws.masses)
        if draws.families is not None:
            heads = Drawn(draws.tokens[:, None].copy(), draws.masses[:, None].copy())
            draws.add_children(np.arange(len(states)), heads)
        if not len(rows):
            return masked
        candidates, weights = opened.systematic(rows, counts[rows], uniforms.uniform(rows))
        hits = tester.test(*kernels.pairs(rows, states, candidates, draws.evaluations))
        places = kernels.credit(rows, candidates, weights, np.ascontiguousarray(hits, np.bool_), chances)
        if len(places):
            draws.add_children(rows, Drawn(candidates, weights))
            uniform = uniforms.uniform(rows[places])
            kernels.choose(rows, places, candidates, weights, uniform, draws.tokens, draws.masses)
        return masked

    def __repr__(self) -> str:
        return f"HeadTail(tau={self.tau}, beta={self.beta}, kappa={self.kappa}, mask={self.mask!r})"
