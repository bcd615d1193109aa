"""The loop of sequential Monte Carlo over the tokens of a model: draw, weigh, end, resample, fork.

All prompts run together: their particles share one batch of contexts, in which equal contexts are one row, and one call
of the step sampler; they are weighed and resampled apart (`population.py`). See Lew et al. 2023 (arXiv 2306.03081) and
Loula et al. 2025 (arXiv 2504.13139) for SMC on language models.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import torch
from tqdm import tqdm

from ..errors import DecodingError, InvalidArgument, WrongVocabulary
from ..language_model import ContextBatch, as_language_model
from ..sampling.draws import Draws, StepSampler
from ..sampling.lookup import step_sampler
from ..sampling.tester import Tester
from .ending import ClosingTester, ForcedEnd
from .population import Plan, Population
from .posterior import Posterior
from .potential import Potential
from .resampling import RESAMPLERS, Resampling
from .twist import Lookahead, Twist


def sample_posterior(
    model: Any,
    tester: Tester,
    prompts: Sequence[Sequence[int]],
    *,
    sampler: str | StepSampler = "head-tail",
    particles: int = 20,
    resampling: Resampling = "without-replacement",
    threshold: float = 0.5,
    twist: Lookahead | None = None,
    potentials: Sequence[Potential] = (),
    max_new_tokens: int = 256,
    max_evaluations: int | None = None,
    temperature: float = 1.0,
    end: Literal["force", "close"] = "force",
    seed: int | np.random.Generator | None = None,
    progress: bool = False,
    callback: Callable[[list[Posterior]], None] | None = None,
) -> list[Posterior]:
    """Weighted samples from p(text | the text satisfies the constraint) for each prompt, with the evidence.

    The target is p(x) 1{x in the constraint} * product of exp(potential.complete(x)) over texts x of at most
    `max_new_tokens` tokens that end with EOS, where p is the product of the model's next-token distributions at the
    given temperature: each is tempered as a whole and normalised, so p is not the tempered law of whole texts.

    Args:
        model: a LanguageModel, or what an installed integration can wrap.
        tester: the constraint.
        prompts: token ids of each prompt; empty ones if the model takes them.
        sampler: draws weighted tokens, by name or as an object, see `step_sampler`; all that are properly weighted have
            the same target, and differ in cost and variance.
        particles: kept after each step, for each prompt.
        resampling: "without-replacement" selects among all weighted children of all particles at every step (Fearnhead
            and Clifford 2003); the others resample when the effective sample size falls.
        threshold: share of `particles` below which it does; in [0, 1].
        twist: resample by what can still be completed, see `Lookahead`.
        potentials: soft constraints and guides.
        max_new_tokens: budget of tokens for each text, EOS not counted.
        max_evaluations: budget of evaluations of the constraint over all prompts, looked at before each step; where it
            runs out, particles are left unfinished and `Posterior.stopped` says so.
        temperature: of the model, above 0.
        end: "force": a text that has used up its tokens ends with probability p(EOS) if it is complete, else it dies.
            "close": besides, tokens after which it could not be completed in time are not allowed; for grammars. The
            target then lacks texts that need another than the shortest completion to end in time (`ending.py`).
        seed: of all random numbers.
        progress: show a bar.
        callback: called after every step with the particles so far.

    Raises InvalidArgument for arguments out of range, CannotClose where "close" has too few tokens. Where all particles
    die the result has no particles and evidence 0.
    """
    model = as_language_model(model)
    _check(particles, threshold, max_new_tokens, max_evaluations, temperature, end, resampling)
    draw = step_sampler(sampler)
    vocabulary, width = tester.vocabulary, model.vocabulary_size
    if vocabulary.size > width:
        raise WrongVocabulary(f"the constraint's vocabulary has {vocabulary.size} tokens, but the model only {width}")
    if not vocabulary.eos_token_ids:
        raise DecodingError("the vocabulary has no EOS token, so no text could end: give it one (eos_token_ids=)")
    generator = np.random.default_rng(seed)
    closing = ClosingTester(tester, max_new_tokens) if end == "close" else None
    resampler = None if resampling == "without-replacement" else RESAMPLERS[resampling]
    # Among the children of a single draw one particle alone is drawn as the sampler draws its token.
    pooled = resampler is None and (particles > 1 or twist is not None or bool(potentials))
    plan = Plan(closing or tester, particles, resampler, pooled, threshold, potentials)
    make_twist, twisted = _twists(twist, tester, max_new_tokens, width)
    places: dict[tuple[int, ...], int] = {}  # rows of the batch by context: equal prompts share one
    rows = [places.setdefault(prompt, len(places)) for prompt in _token_ids(prompts)]
    if not rows:
        return []
    populations = [Population(plan, row, make_twist()) for row in rows]
    batch, stopped = model.open(list(places)), ""
    with tqdm(total=max_new_tokens, disable=not progress, desc="tokens") as bar:
        for left in range(max_new_tokens, -1, -1):
            running = [population for population in populations if len(population.live)]
            if not running:
                break
            spent = sum(population.evaluations for population in populations)
            if max_evaluations is not None and spent >= max_evaluations:
                stopped = f"the budget of {max_evaluations} evaluations ran out {left} tokens before that of tokens"
                break
            if closing is not None:
                closing.remain(left)
            logits = batch.logprobs if temperature == 1 else batch.logprobs / temperature
            _step(running, logits, draw if left else ForcedEnd(), plan, generator, max_new_tokens - left, left)
            _extend(running, batch, width)
            bar.update(left > 0)
            if progress:
                bar.set_postfix(live=sum(len(population.live) for population in running), refresh=False)
            if callback is not None:
                callback([population.posterior(twisted, stopped) for population in populations])
    return [population.posterior(twisted, stopped) for population in populations]


def _step(
    running: list[Population],
    logits: torch.Tensor,
    sampler: StepSampler,
    plan: Plan,
    generator: np.random.Generator,
    step: int,
    left: int,
) -> None:
    """One call of the sampler for the draws of all populations, which then branch and select."""
    rows, states, copies = zip(*(population.draws() for population in running), strict=True)
    draws = sampler(
        logits,
        plan.tester,
        np.concatenate(states),
        generator,
        children=plan.pooled,
        rows=np.concatenate(rows),
        copies=np.concatenate(copies) if plan.pooled else None,
    )
    begin = 0
    for population, own in zip(running, rows, strict=True):
        place = slice(begin, begin + len(own))
        children = None if draws.children is None else draws.children[place]
        part = Draws(draws.tokens[place], draws.log_weights[place], draws.evaluations[place], children)
        if left:
            population.learn(logits, part, step)
        population.advance(part, generator, left - 1)
        begin += len(own)


def _extend(running: list[Population], batch: ContextBatch, width: int) -> None:
    """Fork the contexts of the live particles, equal ones once."""
    places: dict[int, int] = {}  # rows by parent and token, in order of appearance
    for population in running:
        live = population.live
        keys = (population.rows[live] * width + population.tokens[live]).tolist()
        population.rows[live] = [places.setdefault(key, len(places)) for key in keys]
        population.contexts += len(set(keys))
    if places:
        batch.extend([key // width for key in places], [key % width for key in places])


def _twists(
    lookahead: Lookahead | None, tester: Tester, horizon: int, width: int
) -> tuple[Callable[[], Twist | None], str]:
    """How to make a population's twist, and what results say about it."""
    if lookahead is None:
        return lambda: None, "none"
    automaton = lookahead.automaton(tester)
    if isinstance(automaton, str):
        return lambda: None, f"none: {automaton}"
    return lambda: Twist(lookahead, automaton, horizon, width), f"lookahead over {len(automaton)} states"


def _token_ids(prompts: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    try:
        return [tuple(map(operator.index, prompt)) for prompt in prompts]
    except TypeError:
        raise DecodingError(
            "prompts must be a list of prompts, each a list of token ids: [[1, 2, 3]], also where there is only one"
        ) from None


def _check(
    particles: int,
    threshold: float,
    max_new_tokens: int,
    max_evaluations: int | None,
    temperature: float,
    end: str,
    resampling: str,
) -> None:
    if particles < 1:
        raise InvalidArgument(f"particles={particles}: at least one is needed")
    if not 0 <= threshold <= 1:
        raise InvalidArgument(f"threshold={threshold}: it is a share of the particles, from 0 (never resample) to 1")
    if max_new_tokens < 1:
        raise InvalidArgument(f"max_new_tokens={max_new_tokens}: at least one is needed")
    if max_evaluations is not None and max_evaluations < 1:
        raise InvalidArgument(f"max_evaluations={max_evaluations}: at least one is needed, or None for no limit")
    if not 0 < temperature < np.inf:
        raise InvalidArgument(f"temperature={temperature}: it must be above 0; as it falls the model becomes greedy")
    if end not in ("force", "close"):
        raise InvalidArgument(f"end={end!r}: it is 'force' or 'close'")
    if resampling != "without-replacement" and resampling not in RESAMPLERS:
        schemes = ", ".join(RESAMPLERS)
        raise InvalidArgument(f"resampling={resampling!r}: it is 'without-replacement' or one of {schemes}")
