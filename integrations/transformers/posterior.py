"""`posterior`: what a model would say given that a constraint holds, by sequential Monte Carlo (`decoding.smc`).

Also as a decoding method of the ordinary `generate`: `custom_generate=generate_posterior`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers.utils import ModelOutput

from ...decoding import DecodingError, Posterior, Vocabulary
from ..groups import sample_groups
from .constraint import to_tester, vocabulary_of
from .language_model import TransformersModel
from .prompts import batch, encode, room

_ROWS = 512
_CRITERIA = {"MaxLengthCriteria", "EosTokenCriteria"}
_NEUTRAL = {"top_k": (None, 0, 50), "top_p": (None, 1.0), "min_p": (None,), "typical_p": (None, 1.0)}
_PROCESSORS = {"TemperatureLogitsWarper", "TopKLogitsWarper"}  # the default of top_k is 50, which is not meant


def posterior(
    model: Any,
    tokenizer: Any,
    prompt: Any,
    constraint: Any,
    *,
    particles: int = 32,
    seed: int | np.random.Generator | None = 0,
    max_new_tokens: int = 256,
    **settings: Any,
) -> Any:
    """Weighted samples of the model's text given that it satisfies a constraint, and the probability that it does.

        result = posterior(model, tokenizer, "The year ", grammars.regex("[0-9]{4}"), particles=32)
        result.probabilities(), result.log_evidence, result.sample(5)

    A mask at each step (`constrain`) bends the distribution towards what happens to be legal next; this does not.

    Args:
        model: a causal model of transformers.
        tokenizer: its tokenizer.
        prompt: text, a chat (a list of messages) or token ids; or a list of these, which are worked on together.
        constraint: a Grammar, a pydantic class, a JSON schema, a Predicate, a Conjunction, a Masker or a Tester; for a
            list of prompts also a list with one for each.
        particles: for each prompt.
        seed: of all random numbers; None takes them from the system. What the default sampler draws also depends on
            which masks are remembered from earlier calls; with sampler="masked" a seed gives the same again.
        max_new_tokens: budget of tokens, EOS not counted; it is cut to what the model's context has room for.
        settings: for `decoding.sample_posterior`: sampler, resampling, threshold, twist, potentials, max_evaluations,
            temperature, end, progress, callback.

    Returns a `Posterior` (`.particles`, `.log_evidence`, `.effective_sample_size`, `.evaluations`), or one for each
    prompt of a list. Raises what `sample_posterior` and `TransformersModel` raise, and CannotClose where a prompt
    leaves no room.
    """
    prompts, single = batch(prompt)
    ids = [encode(tokenizer, each) for each in prompts]
    vocabulary = vocabulary_of(tokenizer, model.generation_config.eos_token_id)
    results = _run(model, vocabulary, ids, constraint, particles, seed, max_new_tokens, settings)
    return results[0] if single else results


@dataclass
class GeneratePosteriorOutput(ModelOutput):  # type: ignore[misc]
    """What `generate(custom_generate=generate_posterior, return_dict_in_generate=True)` returns."""

    sequences: torch.Tensor | None = None
    """int64 [prompts * num_return_sequences, length] prompts and texts drawn from the posteriors, padded."""
    posteriors: list[Posterior] | None = None
    """One for each prompt."""


def generate_posterior(
    model: Any,
    input_ids: torch.Tensor,
    logits_processor: Any = (),
    stopping_criteria: Any = (),
    generation_config: Any = None,
    *,
    constraint: Any = None,
    vocabulary: Any = None,
    tokenizer: Any = None,
    particles: int = 32,
    seed: int | np.random.Generator | None = 0,
    settings: dict[str, Any] | None = None,
    **model_kwargs: Any,
) -> Any:
    """Posterior sampling as a decoding method of the ordinary `generate`.

        model.generate(**inputs, custom_generate=generate_posterior, vocabulary=tokenizer, constraint=grammar,
                       particles=32, max_new_tokens=40, do_sample=True, num_return_sequences=4)

    Args:
        constraint, particles, seed: as in `posterior`.
        vocabulary: the tokenizer, or a Vocabulary; `generate` keeps an argument `tokenizer=` to itself (seen in 5.23).
            It may be left out where the constraint is a Tester or a Masker.
        settings: a dict of further settings for `decoding.sample_posterior`.

    The others are what `generate` hands over. Its temperature is that of the model's law where do_sample=True.

    Returns sequences [prompts * num_return_sequences, length], drawn with replacement in proportion to the weights, EOS
    left out where it would exceed the budget; with return_dict_in_generate=True a `GeneratePosteriorOutput` with the
    posteriors. Raises what `posterior` raises, DeadEnd where no particle finished, and DecodingError for what would be
    silently ignored: beams, other logits processors and stopping criteria, top-k (other than its default of 50), top-p.
    """
    _check_settings(generation_config, logits_processor, stopping_criteria)
    vocabulary = _vocabulary(vocabulary if tokenizer is None else tokenizer, constraint, generation_config)
    each = generation_config.num_return_sequences or 1
    rows = input_ids[::each]
    mask = model_kwargs.get("attention_mask")  # left out of the signature, or generate() would take it for our own
    mask = torch.ones_like(rows) if mask is None else mask[::each]
    ids = [row[kept == 1].tolist() for row, kept in zip(rows, mask, strict=True)]
    generator = np.random.default_rng(seed)
    budget = generation_config.max_length - input_ids.shape[1]
    temperature = generation_config.temperature if generation_config.do_sample else None
    settings = {"temperature": temperature or 1.0, **(settings or {})}
    results = _run(model, vocabulary, ids, constraint, particles, generator, budget, settings)
    drawn = [list(particle.tokens)[:budget] for result in results for particle in result.sample(each, generator)]
    pad = generation_config.pad_token_id
    pad = vocabulary.eos_token_ids[0] if pad is None else pad
    longest = max(map(len, drawn))
    answers = torch.tensor([tokens + [pad] * (longest - len(tokens)) for tokens in drawn], device=input_ids.device)
    sequences = torch.cat([input_ids, answers], dim=1)
    if generation_config.return_dict_in_generate:
        return GeneratePosteriorOutput(sequences=sequences, posteriors=results)
    return sequences


def _run(
    model: Any,
    vocabulary: Vocabulary,
    prompts: Sequence[Sequence[int]],
    constraint: Any,
    particles: int,
    seed: int | np.random.Generator | None,
    max_new_tokens: int,
    settings: dict[str, Any],
) -> list[Posterior]:
    """Posteriors of prompts, within the room that the model has after them."""
    adapter = TransformersModel(model, max_rows=max(_ROWS, particles * len(prompts)))
    return sample_groups(
        adapter,
        prompts,
        constraint,
        lambda entry: to_tester(entry, vocabulary),
        lambda length: min(max_new_tokens, room(model, length)),
        {"particles": particles, "seed": np.random.default_rng(seed), **settings},
    )


def _vocabulary(source: Any, constraint: Any, config: Any) -> Vocabulary:
    """The vocabulary that a caller of `generate` means."""
    if isinstance(source, Vocabulary):
        return source
    if source is not None:
        return vocabulary_of(source, config.eos_token_id)
    entries = constraint if isinstance(constraint, list | tuple) else [constraint]
    known = getattr(entries[0], "vocabulary", None) if entries else None
    if isinstance(known, Vocabulary):
        return known
    raise DecodingError("give the tokenizer as vocabulary=tokenizer: generate() keeps an argument tokenizer= to itself")


def _check_settings(config: Any, processors: Any, criteria: Any) -> None:
    """Raise DecodingError for settings of `generate` that would be ignored."""
    if config is None:
        raise DecodingError("generate_posterior is for model.generate(..., custom_generate=generate_posterior)")
    if (config.num_beams or 1) > 1:
        raise DecodingError("posterior sampling has no beams: use particles= and num_return_sequences=")
    for name, neutral in _NEUTRAL.items():
        value = getattr(config, name, None)
        if config.do_sample and value not in neutral:
            raise DecodingError(f"{name}={value} cuts the model's law off; the posterior is that of the whole of it")
    for each in processors:
        if type(each).__name__ not in _PROCESSORS:
            raise DecodingError(
                f"{type(each).__name__} has no place in posterior sampling: the law is the model's own; use potentials"
            )
    for each in criteria:
        if type(each).__name__ not in _CRITERIA:
            raise DecodingError(
                f"{type(each).__name__} has no place in posterior sampling: a text ends where the model ends it"
            )
