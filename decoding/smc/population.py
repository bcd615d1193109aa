"""The particles of one prompt: arrays of weights, states and rows, a step of branching and one of selection.

Particles hold true log weights w throughout. Selection goes by priorities, w times twists and prefix scores, and
divides w by the expected number of copies, which keeps the expected weight of every continuation whatever they are.

With resampling "without-replacement" the particles of a step are distinct contexts. Each draws at least once, the heavy
ones in proportion to their weight, about n draws in all beyond one for each, so that a population of few contexts grows
again, and one of very uneven weights branches where the weight is; equal children of one particle are merged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from ..sampling.draws import Draws
from ..sampling.tester import Tester
from .posterior import Posterior, Step
from .potential import Potential
from .resampling import Resampler, effective_sample_size, log_sum, survivors
from .twist import Twist

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
_LOOKED_AT = 8  # children looked ahead from, per particle, where there are more
_SCORED = 2  # children whose prefix is scored, per particle


@dataclass(frozen=True)
class Plan:
    """What all populations of a run share."""

    tester: Tester
    particles: int
    resampler: Resampler | None
    """A classical scheme, or None for selection without replacement."""
    threshold: float
    """Share of the particles below which the effective sample size triggers a classical scheme."""
    potentials: Sequence[Potential]


@dataclass
class _Pool:
    """Children, and the finished particles, among which is selected."""

    parents: Indices
    tokens: Indices
    log_weights: Floats
    states: list[int] = field(default_factory=list)
    texts: list[bytes] = field(default_factory=list)
    guides: Floats = field(default_factory=lambda: np.empty((0, 0)))
    """[potentials, children] last prefix scores."""

    def take(self, kept: Indices) -> None:
        """Leave only these."""
        self.parents, self.tokens, self.log_weights = self.parents[kept], self.tokens[kept], self.log_weights[kept]
        if self.states:
            self.states = [self.states[i] for i in kept.tolist()]
        if self.texts:
            self.texts = [self.texts[i] for i in kept.tolist()]
        self.guides = self.guides[:, kept] if self.guides.shape[1] else self.guides


class Population:
    """The particles of one prompt."""

    def __init__(self, plan: Plan, row: int, twist: Twist | None) -> None:
        self._plan, self._twist = plan, twist
        k = 1 if plan.resampler is None else plan.particles
        self.log_weights: Floats = np.full(k, -np.log(k))
        self.states = [plan.tester.start] * k
        self.rows: Indices = np.full(k, row)
        """Row of the batch of contexts, -1 for finished particles."""
        self.tokens: Indices = np.full(k, -1)
        self.live: Indices = np.arange(k)
        """Particles that are not finished."""
        self._texts = [b""] * k if plan.potentials else []
        self._guides = np.zeros((len(plan.potentials), k))
        self._lookahead: Floats = np.zeros(k)  # log priorities without the weights
        self._history: list[Step] = []
        self.evaluations, self.contexts, self.deaths, self.resamplings = 0, 1, 0, 0

    def draws(self, copies: bool) -> tuple[Indices, list[int]]:
        """Rows and states of the draws of the next step. copies: whether heavy particles draw more than once."""
        live = self.live
        if copies and self._plan.resampler is None and len(live):
            weights = self.log_weights[live] + self._lookahead[live]
            shares = np.exp(weights - log_sum(np.concatenate([weights, self.log_weights[self.finished]])))
            counts = np.maximum(1, np.rint(self._plan.particles * shares)).astype(np.int64)
            self._drawn: Indices = np.repeat(live, counts)
            self._shares: Floats = np.repeat(self.log_weights[live] - np.log(counts), counts)
        else:
            self._drawn, self._shares = live, self.log_weights[live]
        states = self.states
        return self.rows[self._drawn], [states[i] for i in self._drawn.tolist()]

    @property
    def finished(self) -> NDArray[np.bool_]:
        """[particles] which ended with EOS."""
        return self.rows < 0

    def advance(self, draws: Draws, generator: np.random.Generator, left: int) -> None:
        """Branch into the drawn children and select among them; `left` tokens may follow them."""
        pool, dead = self._branch(draws)
        carried = np.flatnonzero(self.finished)
        pool.parents = np.concatenate([pool.parents, carried])
        pool.tokens = np.concatenate([pool.tokens, np.full(len(carried), -1)])
        pool.log_weights = np.concatenate([pool.log_weights, self.log_weights[carried]])
        resampled = self._look_ahead(pool, generator, left)
        resampled |= self._select(pool, generator)
        self.resamplings += resampled
        self._history.append(Step(pool.parents, pool.tokens, pool.log_weights, dead, resampled))

    def _branch(self, draws: Draws) -> tuple[_Pool, Indices]:
        """The weighted children, and the particles without any."""
        self.evaluations += int(draws.evaluations.sum())
        alive = (draws.tokens >= 0) & (draws.log_weights > -np.inf)
        if draws.children is None or self._plan.resampler is not None:
            pool = _Pool(self._drawn[alive], draws.tokens[alive], self._shares[alive] + draws.log_weights[alive])
        else:
            counts = [len(children.tokens) for children in draws.children]
            pool = _Pool(
                np.repeat(self._drawn, counts),
                np.concatenate([children.tokens for children in draws.children]),
                np.concatenate([children.log_weights for children in draws.children]) + np.repeat(self._shares, counts),
            )
        if len(self._drawn) > len(self.live) and len(pool.tokens):
            _merge(pool)
        if alive.all():
            return pool, np.empty(0, np.int64)
        self.deaths += len(alive) - int(alive.sum())
        return pool, np.setdiff1d(self._drawn, pool.parents)

    def _look_ahead(self, pool: _Pool, generator: np.random.Generator, left: int) -> bool:
        """States, scores and lookahead of the children; those of a large pool only after a first selection."""
        plan, before = self._plan, len(pool.tokens)
        pool.states, lookahead = [], self._lookahead
        self._prune(pool, lookahead[pool.parents], _LOOKED_AT * plan.particles, generator)
        accept, states = plan.tester.accept, self.states
        pool.states = [
            accept(states[p], t) if t >= 0 else states[p]
            for p, t in zip(pool.parents.tolist(), pool.tokens.tolist(), strict=True)
        ]
        if self._twist is not None or plan.potentials:
            self._score(pool, generator, left)
        else:
            self._lookahead = np.zeros(len(pool.tokens))
        return len(pool.tokens) < before

    def _score(self, pool: _Pool, generator: np.random.Generator, left: int) -> None:
        """Twists and potentials of the children; what they rule out dies."""
        plan = self._plan
        twists = np.zeros(len(pool.tokens)) if self._twist is None else self._twist.log_values(pool.states, left)
        pool.guides = self._guides[:, pool.parents]
        done = np.array([q < 0 for q in pool.states], np.bool_)
        pool.guides[:, done] = 0.0
        if plan.potentials:
            spell = plan.tester.vocabulary.token_bytes
            added = [spell(t) if t >= 0 else b"" for t in pool.tokens.tolist()]
            pool.texts = [self._texts[p] + data for p, data in zip(pool.parents.tolist(), added, strict=True)]
            ended = np.flatnonzero(done & (pool.tokens >= 0))
            for potential in plan.potentials:
                pool.log_weights[ended] += potential.complete([pool.texts[i] for i in ended.tolist()])
        if any(potential.has_prefix for potential in plan.potentials):
            priorities = twists + pool.guides.sum(0)
            kept = self._prune(pool, priorities, _SCORED * plan.particles, generator)
            twists, done = twists[kept], done[kept]
            open_ = np.flatnonzero(~done).tolist()
            prefixes = [pool.texts[i] for i in open_]
            last = [spell(int(pool.tokens[i])) for i in open_]
            for row, potential in zip(pool.guides, plan.potentials, strict=True):
                row[open_] = potential.prefix(prefixes, last, row[open_])
        self._lookahead = twists + pool.guides.sum(0)
        possible = np.flatnonzero((self._lookahead > -np.inf) & (pool.log_weights > -np.inf))
        if len(possible) < len(pool.tokens):
            self.deaths += len(pool.tokens) - len(possible)
            pool.take(possible)
            self._lookahead = self._lookahead[possible]

    def _prune(self, pool: _Pool, lookahead: Floats, most: int, generator: np.random.Generator) -> Indices:
        """Bring a pool down to `most` by an unbiased selection; returns what is kept."""
        if self._plan.resampler is not None or len(pool.tokens) <= most:
            return np.arange(len(pool.tokens))
        kept, log_survival = survivors(pool.log_weights + lookahead, most, generator)
        pool.take(kept)
        pool.log_weights = pool.log_weights - log_survival
        return kept

    def _select(self, pool: _Pool, generator: np.random.Generator) -> bool:
        """Resample, and make the pool the particles; returns whether any were dropped or copied."""
        plan = self._plan
        n = plan.particles
        priorities = pool.log_weights + self._lookahead
        resampled = False
        if plan.resampler is None:
            if len(priorities) > n:
                kept = self._prune(pool, self._lookahead, n, generator)
                self._lookahead = self._lookahead[kept]
                resampled = True
        elif len(priorities) and effective_sample_size(priorities) < plan.threshold * n:
            kept = plan.resampler(priorities, n, generator)
            pool.take(kept)
            self._lookahead = self._lookahead[kept]
            pool.log_weights = log_sum(priorities) - np.log(n) - self._lookahead
            resampled = True
        self.rows = self.rows[pool.parents]
        self.rows[[q < 0 for q in pool.states]] = -1
        self.live = np.flatnonzero(self.rows >= 0)
        self.log_weights, self.states, self.tokens = pool.log_weights, pool.states, pool.tokens
        self._texts, self._guides = pool.texts, pool.guides
        return resampled

    def learn(self, logits: torch.Tensor, step: int) -> None:
        """Let the twist learn from the distributions of the live particles, if it wants to; logits [rows, width]."""
        if self._twist is not None and self._twist.wants(step) and len(self.live):
            rows = torch.from_numpy(np.unique(self.rows[self.live])).to(logits.device)
            self._twist.learn(logits[rows].double().softmax(1).mean(0).cpu().numpy())

    def posterior(self, twist: str, stopped: str) -> Posterior:
        """The particles as they are now."""
        return Posterior(
            self._plan.tester.vocabulary,
            tuple(self._history),
            self.finished,
            self.evaluations,
            self.contexts,
            self.deaths,
            self.resamplings,
            twist,
            stopped if len(self.live) else "",
        )


def _merge(pool: _Pool) -> None:
    """Add up the weights of equal children of one particle."""
    order = np.lexsort((pool.tokens, pool.parents))
    parents, tokens = pool.parents[order], pool.tokens[order]
    first = np.flatnonzero((np.diff(parents, prepend=-1) != 0) | (np.diff(tokens, prepend=-1) != 0))
    pool.log_weights = np.logaddexp.reduceat(pool.log_weights[order], first)
    pool.parents, pool.tokens = parents[first], tokens[first]
