"""What sequential Monte Carlo returns: weighted texts, the evidence, and how they came about."""

from __future__ import annotations

import html
import operator
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import DeadEnd, InvalidArgument
from ..vocabulary import Vocabulary
from .resampling import effective_sample_size, log_sum


@dataclass(frozen=True)
class Particle:
    """One weighted sequence."""

    tokens: tuple[int, ...]
    """Generated ids, the closing EOS included."""
    bytes: bytes
    """The text that they spell."""
    log_weight: float
    """Logarithm of its weight; the weights of all particles estimate the evidence together."""
    weight: float
    """Share of the finished particles' weight, 0 for an unfinished one."""
    finished: bool
    """False where the run stopped before an EOS."""
    ancestry: tuple[int, ...]
    """Its place among the particles after each step: `Posterior.ancestry[t]` holds it at `ancestry[t]`."""

    @property
    def text(self) -> str:
        """The bytes as text; what is no UTF-8 is shown as `\\xff`."""
        return self.bytes.decode(errors="backslashreplace")


class Step(NamedTuple):
    """The particles after one step; k of them."""

    parents: NDArray[np.int64]
    """[k] place of the parent among the particles of the step before (the roots, before the first step)."""
    tokens: NDArray[np.int64]
    """[k] token added, -1 where the particle was finished already."""
    log_weights: NDArray[np.float64]
    """[k] log weights."""
    dead: NDArray[np.int64]
    """Places, in the step before, of particles that died: no allowed token was found for them."""
    resampled: bool
    """Whether some were dropped or copied by resampling."""


@dataclass(frozen=True)
class Posterior:
    """Weighted samples of the posterior over complete texts for one prompt.

    The expectation of the weight on any text x is p(x) 1{x in the constraint} times its potentials, so the sum of the
    weights is an unbiased estimate of the evidence. Shares of the weight (`weight`, `probabilities`, `expectation`) are
    ratios of such sums: consistent as the number of particles grows, with a bias of order 1 / particles.
    Where `stopped` says that a budget of evaluations ran out, only what had finished counts, and the evidence is
    expected to be too low.
    """

    vocabulary: Vocabulary
    ancestry: tuple[Step, ...]
    """The particles after each step."""
    finished: NDArray[np.bool_]
    """[particles] which of the last step ended with EOS."""
    evaluations: int
    """Evaluations of the constraint; a mask counts as its price."""
    contexts: int
    """Contexts that the model evaluated: equal ones once."""
    deaths: int
    """Draws that found no allowed token, and particles that could not end or whose score was zero."""
    resamplings: int
    """Steps in which particles were dropped or copied."""
    twist: str
    """Which lookahead guided the resampling, or why none did."""
    stopped: str
    """Empty, or which budget ran out before all particles had finished."""

    @cached_property
    def particles(self) -> list[Particle]:
        """The particles of the last step, heaviest first, unfinished ones last."""
        if not self.ancestry:
            return []
        shares = self._shares
        last = self.ancestry[-1].log_weights
        order = np.lexsort((-last, ~self.finished))
        return [self._particle(int(i), float(last[i]), float(shares[i])) for i in order]

    @property
    def log_evidence(self) -> float:
        """Logarithm of the estimated probability that the model's text satisfies the constraint, potentials included;
        -inf where all particles died."""
        return log_sum(self._finished_weights)

    @property
    def effective_sample_size(self) -> float:
        """sum(w)² / sum(w²) of the finished particles; 0 where there are none. What resampling has already cost is not
        in it: see the ancestry."""
        return effective_sample_size(self._finished_weights)

    def probabilities(self) -> dict[str, float]:
        """Share of the weight on each text (token sequences that spell the same bytes together), largest first."""
        self._require()
        masses: dict[bytes, float] = {}
        for particle in self.particles:
            if particle.weight:
                masses[particle.bytes] = masses.get(particle.bytes, 0.0) + particle.weight
        ordered = sorted(masses.items(), key=operator.itemgetter(1), reverse=True)
        return {text.decode(errors="backslashreplace"): mass for text, mass in ordered}

    def most_probable(self) -> str:
        """The text with the largest share of the weight."""
        return next(iter(self.probabilities()))

    def sample(self, n: int = 1, seed: int | np.random.Generator | None = None) -> list[Particle]:
        """n independent draws from the finished particles in proportion to their weights."""
        if n < 0:
            raise InvalidArgument(f"n={n}: there are no fewer than 0 samples")
        self._require()
        weights = np.array([particle.weight for particle in self.particles])
        drawn = np.random.default_rng(seed).choice(len(weights), size=n, p=weights / weights.sum())
        return [self.particles[i] for i in drawn]

    def expectation(self, f: Callable[[str], float]) -> float:
        """Weighted mean of f(text) over the finished particles."""
        self._require()
        return sum(particle.weight * f(particle.text) for particle in self.particles if particle.weight)

    def tree_html(self) -> str:
        """The tree of particles as one self-contained HTML page (see `tree.py`)."""
        from .tree import tree_html

        return tree_html(self)

    def save_tree(self, path: str | Path) -> None:
        """Write `tree_html` to a file."""
        Path(path).write_text(self.tree_html(), encoding="utf-8")

    def __repr__(self) -> str:
        return (
            f"<Posterior of {len(self.particles)} particles, log_evidence={self.log_evidence:.3f}, "
            f"effective_sample_size={self.effective_sample_size:.1f}, evaluations={self.evaluations}, "
            f"contexts={self.contexts}, deaths={self.deaths}" + (f", {self.stopped}>" if self.stopped else ">")
        )

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td style='text-align:right'>{mass:.4f}</td><td style='text-align:left'><code>{html.escape(text)}"
            "</code></td></tr>"
            for text, mass in (list(self.probabilities().items())[:20] if self.log_evidence > -np.inf else [])
        )
        head = "<tr><th>probability</th><th style='text-align:left'>text</th></tr>"
        return f"<p>{html.escape(repr(self))}</p><table>{head}{rows}</table>"

    @property
    def _finished_weights(self) -> NDArray[np.float64]:
        return self.ancestry[-1].log_weights[self.finished] if self.ancestry else np.empty(0)

    @property
    def _shares(self) -> NDArray[np.float64]:
        last = np.where(self.finished, self.ancestry[-1].log_weights, -np.inf)
        total = log_sum(last)
        return np.exp(last - total) if total > -np.inf else np.zeros(len(last))

    def _particle(self, place: int, log_weight: float, weight: float) -> Particle:
        tokens: list[int] = []
        places: list[int] = []
        finished = bool(self.finished[place])
        for step in reversed(self.ancestry):
            places.append(place)
            if step.tokens[place] >= 0:
                tokens.append(int(step.tokens[place]))
            place = int(step.parents[place])
        tokens.reverse()
        data = self.vocabulary.text(tokens)  # EOS has no bytes
        return Particle(tuple(tokens), data, log_weight, weight, finished, tuple(reversed(places)))

    def _require(self) -> None:
        if self.log_evidence > -np.inf:
            return
        if self.stopped:
            raise DeadEnd(f"no particle has finished: {self.stopped}")
        raise DeadEnd(
            f"all particles died within {len(self.ancestry)} steps ({self.deaths} deaths): none found a text that "
            "satisfies the constraint; use more particles, more tokens (max_new_tokens) or end='close'"
        )
