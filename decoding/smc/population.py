"""The particles of one prompt: arrays of weights, states and rows, a step of branching and one of selection.

Particles hold true log weights w throughout. Selection goes by priorities, w times twists and prefix scores, and
divides w by the expected number of copies, which keeps the expected weight of every continuation whatever they are.

With resampling "without-replacement" the particles of a step are distinct contexts. Each draws at least once, and the
heavy ones more often, n times by their share of the weight: a population of few contexts grows again, and one of uneven
weights branches where the weight is. Selection keeps the total weight as it is, and spends contexts where they matter:
  - Finished particles need none, so they do not compete with the others (at most n of them are kept).
  - Of the n places the live ones get what is theirs by their weights, beside those of the finished ones.
  - A live particle of less than a hundredth of the mean weight survives by chance, and has that weight then.
Where there are no more than n, all are kept as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ...grammars.warmup import warm_up
from ..sampling.copies_kernels import single
from ..sampling.draws import ChildRows, Draws
from ..sampling.tester import Tester
from . import population_kernels as kernels
from .posterior import Posterior, Step
from .potential import Potential
from .resampling import Resampler, effective_sample_size, log_sum, survivors
from .twist import Twist

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
_LOOKED_AT = 8  # children looked ahead from, per particle, where there are more
_SCORED = 2  # children whose prefix is scored, per particle
_LEAST_SHARE = 0.01  # of the mean weight: what is lighter is not worth a context
_NONE = np.empty(0, np.int64)


@dataclass(frozen=True)
class Plan:
    """What all populations of a run share."""

    tester: Tester
    particles: int
    resampler: Resampler | None
    """A classical scheme, or None for selection without replacement."""
    pooled: bool
    """Whether all weighted children are selected among."""
    threshold: float
    """Share of the particles below which the effective sample size triggers a classical scheme."""
    potentials: Sequence[Potential]


class _Pool:
    """Children, and the finished particles, among which is selected."""

    def __init__(self, parents: Indices, tokens: Indices, log_weights: Floats) -> None:
        self.parents, self.tokens, self.log_weights = parents, tokens, log_weights
        self.states: Indices | None = None
        self.texts: list[bytes] = []
        self.guides: Floats | None = None
        """[potentials, children] last prefix scores."""

    def survive(self, kept: Indices, log_survival: Floats) -> None:
        """Leave only these, which survived with these probabilities (logarithms)."""
        self.take(kept)
        self.log_weights = self.log_weights - log_survival

    def take(self, kept: Indices) -> None:
        """Leave only these."""
        self.parents, self.tokens, self.log_weights = self.parents[kept], self.tokens[kept], self.log_weights[kept]
        if self.states is not None:
            self.states = self.states[kept]
        if self.texts:
            self.texts = [self.texts[i] for i in kept.tolist()]
        if self.guides is not None:
            self.guides = self.guides[:, kept]


class Population:
    """The particles of one prompt."""

    def __init__(self, plan: Plan, row: int, twist: Twist | None) -> None:
        warm_up("particles", _use_kernels)
        self._plan, self._twist = plan, twist
        k = 1 if plan.resampler is None else plan.particles
        self.log_weights: Floats = np.full(k, -np.log(k))
        self.states: Indices = np.full(k, plan.tester.start, np.int64)
        self.rows: Indices = np.full(k, row)
        """Row of the batch of contexts, -1 for finished particles."""
        self.tokens: Indices = np.full(k, -1)
        self.live: Indices = np.arange(k)
        """Particles that are not finished."""
        self._texts = [b""] * k if plan.potentials else []
        self._guides: Floats = np.zeros((len(plan.potentials), k))
        self._guided = twist is not None or bool(plan.potentials)
        self._lookahead: Floats = np.zeros(k)  # log priorities without the weights
        self._history: list[Step] = []
        self._ends: Indices = np.array(plan.tester.vocabulary.eos_token_ids, np.int64)
        self.evaluations, self.contexts, self.deaths, self.resamplings = 0, 1, 0, 0

    def draws(self) -> tuple[Indices, Indices, Indices | None]:
        """Rows and states of the draws of the next step, and how often each is made where that is not once."""
        live, copies = self.live, None
        if self._plan.pooled:
            copies = kernels.multiply(self.log_weights, self._lookahead, live, self._plan.particles)
        return self.rows[live], self.states[live], copies

    @property
    def finished(self) -> NDArray[np.bool_]:
        """[particles] which ended with EOS."""
        return self.rows < 0

    def advance(self, draws: Draws, generator: np.random.Generator, left: int) -> None:
        """Branch into the drawn children and select among them; `left` tokens may follow them."""
        pool, dead = self._branch(draws)
        self._resampled = False
        if self._guided:
            self._look_ahead(pool, generator, left)
        else:
            self._lookahead = np.zeros(len(pool.tokens))
        self._select(pool, generator)
        self.resamplings += self._resampled
        self._history.append(Step(pool.parents, pool.tokens, pool.log_weights, dead, self._resampled))

    def _branch(self, draws: Draws) -> tuple[_Pool, Indices]:
        """The weighted children and the finished particles, and which particles have no child."""
        self.evaluations += int(draws.evaluations.sum())
        if draws.children is None:
            offsets, tokens, logs = single(draws.tokens, draws.log_weights)
        else:
            children = ChildRows.of(draws.children)
            offsets, tokens, logs = children.offsets, children.tokens, children.log_weights
        *pool, deaths = kernels.branch(self.live, offsets, tokens, logs, self.rows, self.log_weights)
        if not deaths:
            return _Pool(*pool), _NONE
        self.deaths += deaths
        barren = self.rows >= 0
        barren[pool[0]] = False
        return _Pool(*pool), np.flatnonzero(barren)

    def _follow(self, pool: _Pool) -> None:
        """Find the states of the children."""
        accept, states = self._plan.tester.accept, self.states[pool.parents].tolist()
        followed = [accept(q, t) if t >= 0 else q for q, t in zip(states, pool.tokens.tolist(), strict=True)]
        pool.states = np.array(followed, np.int64)

    def _look_ahead(self, pool: _Pool, generator: np.random.Generator, left: int) -> None:
        """States, scores and lookahead of the children; those of a large pool only after a first selection."""
        self._prune(pool, self._lookahead[pool.parents], _LOOKED_AT * self._plan.particles, generator)
        self._follow(pool)
        self._score(pool, generator, left)

    def _score(self, pool: _Pool, generator: np.random.Generator, left: int) -> None:
        """Twists and potentials of the children; what they rule out dies."""
        assert pool.states is not None
        states = pool.states.tolist()
        self._lookahead = np.zeros(len(states)) if self._twist is None else self._twist.log_values(states, left)
        if self._plan.potentials:
            self._judge(pool, pool.states < 0, generator)
        possible = np.flatnonzero((self._lookahead > -np.inf) & (pool.log_weights > -np.inf))
        if len(possible) < len(pool.tokens):
            self.deaths += len(pool.tokens) - len(possible)
            pool.take(possible)
            self._lookahead = self._lookahead[possible]

    def _judge(self, pool: _Pool, done: NDArray[np.bool_], generator: np.random.Generator) -> None:
        """Let the potentials weigh texts that have ended (`done`), and guide the others by their prefixes."""
        plan, twists = self._plan, self._lookahead
        guides: Floats = self._guides[:, pool.parents]
        guides[:, done] = 0.0
        pool.guides = guides
        spell = plan.tester.vocabulary.token_bytes
        added = [spell(t) if t >= 0 else b"" for t in pool.tokens.tolist()]
        pool.texts = [self._texts[p] + data for p, data in zip(pool.parents.tolist(), added, strict=True)]
        ended = np.flatnonzero(done & (pool.tokens >= 0))
        for potential in plan.potentials:
            pool.log_weights[ended] += potential.complete([pool.texts[i] for i in ended.tolist()])
        if any(potential.has_prefix for potential in plan.potentials):
            kept = self._prune(pool, twists + guides.sum(0), _SCORED * plan.particles, generator)
            twists, done = twists[kept], done[kept]
            open_ = np.flatnonzero(~done).tolist()
            prefixes = [pool.texts[i] for i in open_]
            last = [spell(int(pool.tokens[i])) for i in open_]
            for row, potential in zip(pool.guides, plan.potentials, strict=True):
                row[open_] = potential.prefix(prefixes, last, row[open_])
        self._lookahead = twists + pool.guides.sum(0)

    def _prune(self, pool: _Pool, lookahead: Floats, most: int, generator: np.random.Generator) -> Indices:
        """Bring a pool down to `most` by an unbiased selection; returns what is kept."""
        if self._plan.resampler is not None or len(pool.tokens) <= most:
            return np.arange(len(pool.tokens))
        kept, log_survival = survivors(pool.log_weights + lookahead, most, generator)
        self._resampled = True
        pool.survive(kept, log_survival)
        return kept

    def _select(self, pool: _Pool, generator: np.random.Generator) -> None:
        """Resample, and make the pool the particles."""
        plan, n = self._plan, self._plan.particles
        priorities = pool.log_weights + self._lookahead
        if plan.resampler is None and len(priorities) > n:
            uniforms = generator.random(2)
            kept, log_survival = kernels.thin(priorities, pool.tokens, self._ends, n, _LEAST_SHARE, uniforms)
            self._resampled |= len(kept) < len(priorities)
            pool.survive(kept, log_survival)
            self._lookahead = self._lookahead[kept]
        elif plan.resampler is not None and len(priorities) and effective_sample_size(priorities) < plan.threshold * n:
            kept = plan.resampler(priorities, n, generator)
            pool.take(kept)
            self._lookahead = self._lookahead[kept]
            pool.log_weights = log_sum(priorities) - np.log(n) - self._lookahead
            self._resampled = True
        if pool.states is None:
            self._follow(pool)
        self.rows, self.live = kernels.inherit(self.rows, pool.parents, pool.states)
        assert pool.states is not None
        self.log_weights, self.states, self.tokens = pool.log_weights, pool.states, pool.tokens
        if self._plan.potentials:
            assert pool.guides is not None
            self._texts, self._guides = pool.texts, pool.guides

    def learn(self, logits: torch.Tensor, draws: Draws, step: int) -> None:
        """Let the twist learn from the draws, and from the distributions (logits [rows, width]) if it wants to."""
        if self._twist is None:
            return
        self._twist.observe(self.states[self.live].tolist(), draws.log_weights)
        if self._twist.wants(step):
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


def _use_kernels() -> None:
    """Call every kernel once."""
    rows, weights = np.zeros(1, np.int64), np.zeros(1)
    kernels.multiply(weights, weights, rows, 1)
    kernels.branch(rows, *single(rows, weights), rows, weights)
    kernels.thin(np.zeros(2), np.arange(2), rows, 1, 0.01, np.zeros(2))
    kernels.inherit(rows, rows, rows)
    kernels.select(np.zeros(2), np.arange(2), 1, 0.5)
