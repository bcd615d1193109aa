"""Rejection sampling without replacement: the estimators of Lipkin et al. (2025), and those of genlm-control 0.4.1.

Tokens are drawn one after another in proportion to p among those that were not rejected yet (which is the order of
Gumbel keys), until one is allowed. `Awrs` is definition 2 of the paper; `RecursiveAwrs` and `GeometricAwrs` are what
genlm-control runs, here for comparison: `HeadTail` has less variance. `Rejection` takes the token without a weight.
No token is evaluated twice in a row's draw.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from numpy.typing import NDArray

from .draws import Draws, together
from .masked import Blank, at_least
from .opening import untested
from .tester import Tester
from .uniforms import Uniforms
from .untested import Drawn, Floats, Integers, Untested


class _Run:
    """One call of a sampler: the rows, and what is known about their tokens."""

    def __init__(self, rows: Untested, tester: Tester, states: Integers, uniforms: Uniforms, draws: Blank) -> None:
        self.rows, self.tester, self.states, self.uniforms, self.draws = rows, tester, states, uniforms, draws
        self.allowed: Integers = np.empty((len(states), 0), np.int64)
        """[n, k] tokens known to be allowed, -1 where there is none."""

    def test(self, rows: Integers, tokens: Integers) -> NDArray[np.bool_]:
        """Whether one token of each row is allowed; evaluated unless it is known."""
        known: NDArray[np.bool_] = (self.allowed[rows] == tokens[:, None]).any(1)
        new = np.flatnonzero(~known)
        if len(new):
            known[new] = self.tester.test(self.states[rows[new]], tokens[new])
            self.draws.evaluations[rows[new]] += 1
        return known

    def first_allowed(self, rows: Integers, *, phantoms: bool = False) -> tuple[Drawn, Floats]:
        """Draw in each row until a token is allowed: the tokens (-1 where none is left) and how many were rejected.

        What is rejected is taken out, an allowed token stays. phantoms: count also the rejections that drawing with
        replacement would have met among tokens that were taken out before.
        """
        n = len(self.states)
        found, rejected = Drawn(np.full(n, -1, np.int64), np.zeros(n)), np.zeros(n)
        left = self.rows.rest(rows)
        rows, left = rows[left > 0], left[left > 0]
        while len(rows):
            if phantoms:
                again = left < self.rows.wholes[rows]
                chances = left[again] / self.rows.wholes[rows[again]]
                rejected[rows[again]] += self.uniforms.failures(rows[again], chances)
            tokens, masses = self.rows.draw(rows, self.uniforms.uniform(rows))
            hits = self.test(rows, tokens)
            found.tokens[rows[hits]], found.masses[rows[hits]] = tokens[hits], masses[hits]
            rows, tokens = rows[~hits], tokens[~hits]
            rejected[rows] += 1
            left = self.rows.remove(rows, tokens[:, None], np.ones(len(rows), np.int64))
            rows, left = rows[left > 0], left[left > 0]
        self.allowed = np.column_stack([self.allowed, found.tokens])
        return found, rejected


class _Sampler(ABC):
    """What the samplers of this file share: the first allowed token is drawn, and then its weight."""

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
        if copies is not None:
            rows = np.repeat(np.arange(len(states)) if rows is None else rows, copies)
            single = self(logits, tester, np.repeat(states, copies), uniforms, children=children, rows=rows)
            return together(single, copies, uniforms.uniform(np.arange(len(states))))
        opened = untested(logits, tester.vocabulary.size, states, rows)
        draws = Blank(len(states), children and self._has_children)
        run = _Run(opened, tester, states, uniforms, draws)
        found, rejected = run.first_allowed(np.arange(len(states)), phantoms=self._phantoms)
        draws.tokens[:] = found.tokens
        alive = np.flatnonzero(found.tokens >= 0)
        if len(alive):
            draws.masses[alive] = self._weigh(run, alive, found, rejected)
        return draws.finish(opened.totals)

    _has_children = False
    _phantoms = False

    @abstractmethod
    def _weigh(self, run: _Run, alive: Integers, found: Drawn, rejected: Floats) -> Floats:
        """Weights of the rows in which a token was found, in units of mass."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Awrs(_Sampler):
    """Adaptive weighted rejection sampling, definition 2 of Lipkin et al. (2025).

    The first loop rejects n0 tokens of mass psi0 before one is allowed; the second starts again without them and
    rejects n1 more. The weight is (1 - psi0) / (n0 + n1 + 1).
    """

    def _weigh(self, run: _Run, alive: Integers, found: Drawn, rejected: Floats) -> Floats:
        left = run.rows.rest(alive)
        _, more = run.first_allowed(alive)
        weights: Floats = left / (rejected[alive] + more[alive] + 1)
        return weights


class RecursiveAwrs(_Sampler):
    """The recursive estimator of genlm-control 0.4.1.

    After the first allowed token x, with R the mass that was not rejected, one more token is drawn from what is left
    without x: the weight is R where it is allowed, else p(x). Has weighted children: both tokens.
    """

    _has_children = True

    def _weigh(self, run: _Run, alive: Integers, found: Drawn, rejected: Floats) -> Floats:
        weights = found.masses[alive]
        left = run.rows.remove(alive, found.tokens[alive, None], np.ones(len(alive), np.int64))
        further = np.flatnonzero(left > 0)
        tokens = np.full(len(alive), -1, np.int64)
        if len(further):
            rows = alive[further]
            drawn = run.rows.draw(rows, run.uniforms.uniform(rows)).tokens
            hits = run.test(rows, drawn)
            tokens[further[hits]] = drawn[hits]
        others = np.where(tokens >= 0, left, 0.0)
        pairs = np.stack([found.tokens[alive], tokens], 1), np.stack([weights, others], 1)
        run.draws.add_children(alive, Drawn(*map(np.ascontiguousarray, pairs)))
        return np.where(tokens >= 0, weights + left, weights)


class GeometricAwrs(_Sampler):
    """The geometric estimator of genlm-control 0.4.1: drawing with replacement, simulated.

    Draws until the `loops`-th allowed token. What is known to be rejected is not drawn again; the draws that would have
    hit it are counted instead, a geometric number before each draw. The weight is (loops - 1) / (draws - 1).

    Args:
        loops: allowed tokens to draw, at least 2. More of them mean less variance and more evaluations.
    """

    _phantoms = True

    def __init__(self, loops: int = 2) -> None:
        self.loops = at_least("loops", loops, 2)

    def _weigh(self, run: _Run, alive: Integers, found: Drawn, rejected: Floats) -> Floats:
        for _ in range(self.loops - 1):
            rejected = rejected + run.first_allowed(alive, phantoms=True)[1]
        weights: Floats = run.rows.wholes[alive] * (self.loops - 1) / (self.loops + rejected[alive] - 1)
        return weights

    def __repr__(self) -> str:
        return f"GeometricAwrs({self.loops})"


class Rejection(_Sampler):
    """Adaptive rejection sampling: the first allowed token, with weight 1.

    NOT properly weighted. Its tokens have the law of local masked sampling, p(x) / Z among the allowed ones, but the
    weight leaves out Z: products of such weights estimate no evidence, and a particle's text has the law of
    token-by-token masking, not that of the constrained model.
    """

    def _weigh(self, run: _Run, alive: Integers, found: Drawn, rejected: Floats) -> Floats:
        return run.rows.totals[alive]
