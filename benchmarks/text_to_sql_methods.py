"""The methods that `text_to_sql.py` compares; samplers are those of `domain_methods.py`.

Greedy decoding gives one answer with share 1. All others give answers with shares, of which `text_to_sql.py` takes one
at random, the most probable text, or the most probable result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from bytebound.decoding import HeadTail, LanguageModel, Masked, Tester
from bytebound.decoding.masker import FINISHED
from domain_methods import APART, Answer, Outcome, base, clock, monte_carlo

Run = Callable[[LanguageModel, Tester, Sequence[int], int, int, int], Outcome]
"""model, tester, prompt, particles, most tokens, seed."""


class Method(NamedTuple):
    """A row of the table."""

    title: str
    run: Run
    single: bool = False
    """Gives one answer, so that there is nothing to choose."""


def greedy(masked: bool) -> Run:
    """The most probable token at each step, of those that the constraint allows if `masked`."""

    def run(
        model: LanguageModel, tester: Tester, prompt: Sequence[int], particles: int, max_tokens: int, seed: int
    ) -> Outcome:
        began, eos, state = clock(), set(tester.vocabulary.eos_token_ids), tester.start
        tokens: list[int] = []
        batch, evaluations = model.open([prompt]), 0.0
        row = np.empty((tester.vocabulary.size + 31) // 32, np.uint32)
        while len(tokens) <= max_tokens:
            logprobs = batch.logprobs[0]
            if masked:
                evaluations += tester.price(state)
                tester.fill(state, row)
                allowed = np.unpackbits(row.view(np.uint8), bitorder="little")[: len(logprobs)].astype(bool)
                logprobs = logprobs.masked_fill(~torch.from_numpy(allowed), -torch.inf)
            tokens.append(int(logprobs.argmax()))
            if tokens[-1] in eos:
                break
            if masked:
                state = tester.accept(state, tokens[-1])
            batch.extend([0], [tokens[-1]])
        answers = [Answer(tuple(tokens), 1.0)] if tokens[-1] in eos else []
        return Outcome(answers, round(evaluations), len(tokens), clock() - began)

    return run


_drawn: dict[Any, Outcome] = {}


def sample(
    model: LanguageModel, tester: Tester, prompt: Sequence[int], particles: int, max_tokens: int, seed: int
) -> Outcome:
    """Independent samples of the model, unconstrained; the same ones, with their time, when asked again."""
    key = (tuple(prompt), particles, max_tokens, seed)
    if key not in _drawn:
        _drawn[key] = base(model, tester, prompt, particles, max_tokens, seed)
    return _drawn[key]


def rerank(
    model: LanguageModel, tester: Tester, prompt: Sequence[int], particles: int, max_tokens: int, seed: int
) -> Outcome:
    """The same samples, those that satisfy the constraint in equal shares; a text is one evaluation."""
    outcome = sample(model, tester, prompt, particles, max_tokens, seed)
    began, kept = clock(), []
    for answer in outcome.answers:
        state = tester.start
        for token in answer.tokens:
            state = tester.accept(state, token)
        if state == FINISHED:
            kept.append(answer.tokens)
    answers = [Answer(tokens, 1 / len(kept)) for tokens in kept]
    return Outcome(answers, len(outcome.answers), outcome.steps, outcome.seconds + clock() - began)


METHODS = {
    "greedy": Method("greedy", greedy(False), single=True),
    "masked greedy": Method("greedy, masked", greedy(True), single=True),
    "sampling": Method("sampling", sample),
    "masked sampling": Method("sampling, masked", monte_carlo(Masked, weighted=False, **APART)),
    "rerank": Method("sample and rerank", rerank),
    "smc": Method("rejection + SMC", monte_carlo(HeadTail)),
}
