"""Finite languages over the tokenizers and models that ship: evidence and law against the sum over all spellings."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from bytebound import decoding
from bytebound.decoding import LanguageModel, choice_probabilities, sample_posterior
from bytebound.grammars import choice
from bytebound.integrations import models
from bytebound.integrations.transformers import TransformersModel
from bytebound.integrations.transformers.constraint import vocabulary_of

RUNS, AT_ONCE, PARTICLES = 2000, 200, 3
QUANTILE = 2.576  # of the normal law, for 99 %
ROUNDING = 1e-5  # of log-probabilities in float32
CASES: list[tuple[str, str, list[str], dict[str, Any]]] = [
    ("small-bytes", "The year is ", ["1984", "1999", "2005"], {"sampler": decoding.HeadTail(mask="never")}),
    (
        "small-bytes",
        "Today it is",
        [" sunny", " rainy", " warm", " windy"],
        {"resampling": "systematic"},
    ),
    ("small-pieces", "She bought", [" it", " a lamp", " two"], {"twist": decoding.Lookahead()}),
]


class Remembered(LanguageModel):
    """The real model, each context evaluated once: the contexts of a finite language are few."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._known: dict[tuple[int, ...], int] = {}
        self._rows = model.next_logprobs([[0]])[:0]
        self.vocabulary_size, self.device = model.vocabulary_size, model.device

    def next_logprobs(self, contexts: Sequence[Sequence[int]]) -> torch.Tensor:
        new = [context for context in dict.fromkeys(map(tuple, contexts)) if context not in self._known]
        if new:
            self._known.update({context: len(self._rows) + i for i, context in enumerate(new)})
            self._rows = torch.cat([self._rows, self._model.next_logprobs(new)])
        return self._rows[[self._known[tuple(context)] for context in contexts]]


@pytest.mark.parametrize(("name", "prompt", "options", "settings"), CASES)
def test_mean_evidence_and_law(name: str, prompt: str, options: list[str], settings: dict[str, Any]) -> None:
    model, tokenizer = models.load(name)
    vocabulary = vocabulary_of(tokenizer)
    remembered = Remembered(TransformersModel(model))
    ids = tokenizer(prompt)["input_ids"]
    truth = choice_probabilities(remembered, vocabulary, ids, options)
    tester = decoding.tester(choice(options), vocabulary)
    evidences: list[float] = []
    masses: Counter[str] = Counter()
    for seed in range(RUNS // AT_ONCE):
        results = sample_posterior(
            remembered, tester, [ids] * AT_ONCE, particles=PARTICLES, seed=seed, max_new_tokens=max(map(len, options)),
            **settings,
        )  # fmt: skip
        for result in results:
            evidences.append(math.exp(result.log_evidence - truth.log_mass))
            for particle in result.particles:
                masses[particle.text] += math.exp(particle.log_weight - truth.log_mass) if particle.finished else 0.0
    error = np.std(evidences) / math.sqrt(RUNS)
    assert abs(np.mean(evidences) - 1) < QUANTILE * error + ROUNDING, (np.mean(evidences), error)
    total = sum(masses.values())
    distance = sum(abs(masses[text] / total - share) for text, share in truth.items()) / 2
    assert distance < 0.05, (distance, dict(truth), {text: mass / total for text, mass in masses.items()})
