"""Posteriors of several prompts, each with a constraint of its own: those that share one are sampled together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..decoding import DecodingError, LanguageModel, Posterior, Tester, sample_posterior


def sample_groups(
    model: LanguageModel,
    prompts: Sequence[Sequence[int]],
    constraint: Any,
    tester: Callable[[Any], Tester],
    budget: Callable[[int], int],
    settings: dict[str, Any],
) -> list[Posterior]:
    """`decoding.sample_posterior` for each prompt (token ids), in their order.

    constraint: one for all, or a list with one for each prompt. tester: makes the tester of one. budget: tokens that
    may follow a prompt of a given length; may raise CannotClose. settings: others of `sample_posterior`.
    """
    entries = list(constraint) if isinstance(constraint, list | tuple) else [constraint] * len(prompts)
    if len(entries) != len(prompts):
        raise DecodingError(f"{len(entries)} constraints were given for {len(prompts)} prompts")
    groups: dict[int, tuple[Any, list[int]]] = {}
    for i, entry in enumerate(entries):
        groups.setdefault(id(entry), (entry, []))[1].append(i)
    testers = [(tester(entry), numbers) for entry, numbers in groups.values()]
    results: dict[int, Posterior] = {}
    for each, numbers in testers:
        own = [prompts[i] for i in numbers]
        found = sample_posterior(model, each, own, max_new_tokens=budget(max(map(len, own))), **settings)
        results.update(zip(numbers, found, strict=True))
    return [results[i] for i in range(len(prompts))]
