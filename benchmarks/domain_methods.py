"""The methods that `domains.py` compares, behind one signature: weighted answers, evaluations, steps, time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from bytebound.decoding import HeadTail, LanguageModel, Masked, Rejection, Tester
from bytebound.decoding.sampling import Draws, together
from bytebound.decoding.smc import sample_posterior
from numpy.typing import NDArray
from posterior_ours import Counted

clock = time.process_time


class Answer(NamedTuple):
    """A text with its share; the shares of the answers that are missing, because they died, count as invalid."""

    tokens: tuple[int, ...]
    share: float


class Outcome(NamedTuple):
    """What a method gave for one prompt."""

    answers: list[Answer]
    evaluations: int
    """Of the constraint."""
    steps: int
    """Tokens drawn for single particles, EOS included."""
    seconds: float
    """CPU time with the model."""


class Exhaustive(Tester):
    """A tester that makes its mask by testing the whole vocabulary: what masking costs where no automaton exists."""

    def __init__(self, inner: Tester) -> None:
        self.inner, self.vocabulary, self.start = inner, inner.vocabulary, inner.start
        self._known: dict[int, NDArray[np.uint32]] = {}

    def test(self, states: NDArray[np.int64], tokens: NDArray[np.int64]) -> NDArray[np.bool_]:
        return self.inner.test(states, tokens)

    def accept(self, state: int, token: int) -> int:
        return self.inner.accept(state, token)

    def is_accepting(self, state: int) -> bool:
        return self.inner.is_accepting(state)

    def price(self, state: int) -> float:
        return 0.0 if state in self._known else float(self.vocabulary.size)

    def fill(self, state: int, row: NDArray[np.uint32]) -> None:
        if state not in self._known:
            bits = np.zeros(32 * len(row), np.bool_)
            size = self.vocabulary.size
            bits[:size] = self.inner.test(np.full(size, state), np.arange(size))
            self._known[state] = np.packbits(bits, bitorder="little").view(np.uint32)
        row[:] = self._known[state]


class Proposal:
    """A step sampler that draws from the model and weighs by the constraint: 1 where the token is allowed, else 0."""

    def __call__(
        self,
        logits: torch.Tensor,
        tester: Tester,
        states: NDArray[np.int64],
        generator: np.random.Generator,
        *,
        children: bool = False,
        rows: NDArray[np.int64] | None = None,
        copies: NDArray[np.int64] | None = None,
    ) -> Draws:
        if copies is not None:
            rows = np.repeat(np.arange(len(states)) if rows is None else rows, copies)
            draws = self(logits, tester, np.repeat(states, copies), generator, rows=rows)
            return together(draws, copies, generator.random(len(copies)))
        tokens = draw(logits if rows is None else logits[torch.from_numpy(rows)], generator)
        allowed = tester.test(states, tokens)
        weights = np.where(allowed, 0.0, -np.inf)
        return Draws(np.where(allowed, tokens, -1), weights, np.ones(len(tokens), np.int64), None)


def draw(logits: torch.Tensor, generator: np.random.Generator) -> NDArray[np.int64]:
    """One token of each row."""
    sums = torch.softmax(logits.double(), -1).cumsum(-1).numpy()
    found: NDArray[np.int64] = (sums <= generator.random((len(sums), 1)) * sums[:, -1:]).sum(1)
    return found


def base(
    model: LanguageModel, tester: Tester, prompt: Sequence[int], particles: int, max_tokens: int, seed: int
) -> Outcome:
    """Independent samples of the model, unconstrained; those without EOS in time are missing."""
    began, generator, eos = clock(), np.random.default_rng(seed), set(tester.vocabulary.eos_token_ids)
    batch = model.open([prompt])
    logprobs, texts = batch.logprobs.expand(particles, -1), [[] for _ in range(particles)]
    live, answers, steps = list(range(particles)), [], 0
    for _ in range(max_tokens + 1):
        tokens = draw(logprobs, generator).tolist()
        steps += len(live)
        for i, token in zip(live, tokens, strict=True):
            texts[i].append(token)
        answers += [Answer(tuple(texts[i]), 1 / particles) for i in live if texts[i][-1] in eos]
        going = [place for place, i in enumerate(live) if texts[i][-1] not in eos]
        if not going:
            break
        parents = going if steps > particles else [0] * len(going)
        live = [live[place] for place in going]
        batch.extend(parents, [texts[i][-1] for i in live])
        logprobs = batch.logprobs
    return Outcome(answers, 0, steps, clock() - began)


def rerank(
    model: LanguageModel, tester: Tester, prompt: Sequence[int], particles: int, max_tokens: int, seed: int
) -> Outcome:
    """The same samples, those that satisfy the constraint in equal shares."""
    outcome = base(model, tester, prompt, particles, max_tokens, seed)
    began, kept = clock(), []
    for answer in outcome.answers:
        state = tester.start
        for token in answer.tokens:
            state = tester.accept(state, token)
        if state == -2:  # FINISHED
            kept.append(answer)
    kept = [Answer(answer.tokens, 1 / len(kept)) for answer in kept]
    return Outcome(kept, len(outcome.answers), outcome.steps, outcome.seconds + clock() - began)


def monte_carlo(sampler: Callable[[], Any], *, weighted: bool = True, masks: bool = False, **options: Any) -> Any:
    """A method that is a call of `sample_posterior`; without `weighted` all particles have equal shares."""

    def method(
        model: LanguageModel, tester: Tester, prompt: Sequence[int], particles: int, max_tokens: int, seed: int
    ) -> Outcome:
        if masks and tester.price(tester.start) == np.inf:
            tester = Exhaustive(tester)
        counted, began = Counted(sampler()), clock()
        (posterior,) = sample_posterior(
            model,
            tester,
            [prompt],
            sampler=counted,
            particles=particles,
            max_new_tokens=max_tokens,
            seed=seed,
            **options,
        )
        took = clock() - began
        shares = [particle.weight if weighted else 1 / particles for particle in posterior.particles]
        finished = [particle.finished for particle in posterior.particles]
        answers = [
            Answer(particle.tokens, share)
            for particle, share, done in zip(posterior.particles, shares, finished, strict=True)
            if done
        ]
        return Outcome(answers, posterior.evaluations, counted.steps, took)

    return method


APART: dict[str, Any] = {"resampling": "multinomial", "threshold": 0.0}
METHODS: dict[str, tuple[str, Any]] = {
    "base": ("base model", base),
    "masked": ("masked, no weights", monte_carlo(Masked, weighted=False, masks=True, **APART)),
    "rejection": ("rejection, no weights", monte_carlo(Rejection, weighted=False, **APART)),
    "rerank": ("sample and rerank", rerank),
    "twisted": ("twisted SMC", monte_carlo(Proposal, resampling="multinomial")),
    "weights": ("rejection + weights, no resampling", monte_carlo(HeadTail, **APART)),
    "ours": ("rejection + SMC (ours)", monte_carlo(HeadTail)),
    "closing": ("the same, closing in time (grammars)", monte_carlo(HeadTail, end="close")),
}
