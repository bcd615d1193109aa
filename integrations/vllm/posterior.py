"""`posterior` on vLLM: what a model would say given that a constraint holds, by sequential Monte Carlo."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...decoding import CannotClose
from ..groups import sample_groups
from ..transformers.constraint import to_tester
from ..transformers.prompts import batch, encode
from . import counts
from .language_model import VllmModel
from .vocabulary import vocabulary_of


def posterior(
    llm: Any,
    prompt: Any,
    constraint: Any,
    *,
    particles: int = 32,
    seed: int | np.random.Generator | None = 0,
    max_new_tokens: int = 256,
    **settings: Any,
) -> Any:
    """Weighted samples of the model's text given that it satisfies a constraint, and the probability that it does.

        llm = vllm.LLM("MODEL", **bytebound.integrations.vllm.settings())
        result = posterior(llm, "The year ", grammars.regex("[0-9]{4}"), particles=32)
        result.probabilities(), result.log_evidence, result.sample(5)

    The same algorithm as `bytebound.integrations.transformers.posterior`, with the model in vLLM: particles are live
    requests, which are aborted and added where particles are resampled (see `live`).

    Args:
        llm: a `vllm.LLM` in this process (see `VllmModel`).
        prompt: text, a chat (a list of messages) or token ids; or a list of these, which are worked on together.
        constraint: a Grammar, a pydantic class, a JSON schema, a Predicate, a Conjunction, a Masker or a Tester; for a
            list of prompts also a list with one for each.
        particles: for each prompt; a step is one of the engine where it takes them all at once (`max_num_seqs`).
        seed: of all random numbers; None takes them from the system. What the default sampler draws also depends on
            which masks are remembered from earlier calls; with sampler="masked" a seed gives the same again.
        max_new_tokens: budget of tokens, EOS not counted; it is cut to what the engine has room for.
        settings: for `decoding.sample_posterior`: sampler, resampling, threshold, twist, potentials, max_evaluations,
            temperature, end, progress, callback.

    Returns a `Posterior`, or one for each prompt of a list. Raises what `sample_posterior` and `VllmModel` raise, and
    CannotClose where a prompt leaves no room.
    """
    model = VllmModel(llm)
    prompts, single = batch(prompt)
    ids = [encode(llm.get_tokenizer(), each) for each in prompts]

    def budget(length: int) -> int:
        if length >= model.max_context:
            raise CannotClose(
                f"the prompt has {length} tokens and the engine {model.max_context}: no room for an answer"
            )
        return min(max_new_tokens, model.max_context - length)

    vocabulary = vocabulary_of(model.config)
    try:
        results = sample_groups(
            model,
            ids,
            constraint,
            lambda entry: to_tester(entry, vocabulary),
            budget,
            {"particles": particles, "seed": np.random.default_rng(seed), **settings},
        )
    finally:
        model.close()
    counts.add("constraint_evaluations", sum(result.evaluations for result in results))
    counts.add("resamplings", sum(result.resamplings for result in results))
    return results[0] if single else results
