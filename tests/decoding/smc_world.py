"""A small world for sequential Monte Carlo: eight tokens, a model that is a table, and the truth by enumeration."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from bytebound.decoding import Draws, Posterior, TableModel, Tester, Vocabulary, sample_posterior
from bytebound.decoding.sampling import together

TOKENS = [b"a", b"b", b"ab", b"ba", b"c", b"aa", None, b"cc", None]
EOS = (6, 8)
WIDTH = 10  # one column more than the vocabulary has tokens
PROMPT, MOST = (1, 3), 4
VOCABULARY = Vocabulary.from_bytes(TOKENS, eos_token_ids=EOS)


@functools.cache
def logprobs(context: tuple[int, ...]) -> torch.Tensor:
    """Random, but always the same for a context."""
    generator = np.random.default_rng([len(context), *[t + 1 for t in context]])
    return torch.tensor(1.5 * generator.normal(size=WIDTH)).log_softmax(0)


def model() -> TableModel:
    return TableModel(logprobs, WIDTH)


def truth(
    tester: Tester,
    prompt: tuple[int, ...],
    most: int,
    *,
    temperature: float = 1.0,
    score: Callable[[bytes], float] = lambda text: 0.0,
    allowed: Callable[[int, int, int], bool] = lambda state, token, left: True,
) -> dict[bytes, float]:
    """Mass of every complete text of at most `most` tokens. allowed: (state, token, tokens left) -> bool."""
    masses: dict[bytes, float] = {}

    def extend(tokens: tuple[int, ...], text: bytes, state: int, log_mass: float) -> None:
        row = (logprobs(prompt + tokens) / temperature).log_softmax(0).numpy()
        left = most - len(tokens)
        if tester.is_accepting(state):
            mass = np.exp(log_mass + np.logaddexp.reduce(row[list(EOS)]) + score(text))
            masses[text] = masses.get(text, 0.0) + float(mass)
        for token, data in enumerate(TOKENS if left else []):
            if data is not None and allowed(state, token, left):
                following = tester.accept(state, token)
                if following >= 0:
                    extend((*tokens, token), text + data, following, log_mass + row[token])

    extend((), b"", tester.start, 0.0)
    return {text: mass for text, mass in masses.items() if mass > 0}


def run(constraint: Any, prompts: Any = (PROMPT,), **options: Any) -> list[Posterior]:
    options = {"particles": 6, "max_new_tokens": MOST, "seed": 0, **options}
    return sample_posterior(model(), constraint, list(prompts), **options)


def masses(posterior: Posterior) -> dict[bytes, float]:
    result: dict[bytes, float] = {}
    for particle in posterior.particles:
        assert particle.finished
        result[particle.bytes] = result.get(particle.bytes, 0.0) + np.exp(particle.log_weight)
    return result


class Blind:
    """The simplest properly weighted sampler: a token from p, dead where it is not allowed."""

    def __call__(
        self,
        logits: torch.Tensor,
        tester: Tester,
        states: Any,
        generator: np.random.Generator,
        *,
        children: bool = False,
        rows: Any = None,
        copies: Any = None,
    ) -> Draws:
        if copies is not None:
            rows = np.repeat(np.arange(len(states)) if rows is None else rows, copies)
            draws = self(logits, tester, np.repeat(states, copies), generator, rows=rows)
            return together(draws, copies, generator.random(len(copies)))
        masses = logits.double().log_softmax(1).numpy()
        masses = masses if rows is None else masses[rows]
        tokens = (masses + generator.gumbel(size=masses.shape)).argmax(1)
        ok = tokens < tester.vocabulary.size
        ok[ok] = tester.test(states[ok], tokens[ok])
        return Draws(np.where(ok, tokens, -1), np.where(ok, 0.0, -np.inf), np.ones(len(states), np.int64), None)
