"""Posteriors over HTTP: `n` samples of one request to the server are the particles of sequential Monte Carlo.

    client.completions.create(model=..., prompt=..., n=16, max_tokens=40, extra_body={"vllm_xargs": {"bytebound":
        '{"constraint": {"regex": "[0-9]{4}"}, "posterior": {"every": 4}}'}}).bytebound

Each particle is a live request of the engine, whose tokens `Constrain` draws. After `every` tokens the particles are
weighed, and resampled where the effective sample size has fallen; those that go on are added with their tokens so far,
which the prefix cache makes cheap. Resampling seldom is as unbiased as resampling often, and costs less. The engine
may run anywhere: weights come back as "processed logits", which `--weights` turns on.

`install` puts this between vLLM's front end and its engine (0.32): into `AsyncLLM.generate`, and the weights into the
responses of completions and chat completions.
"""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...decoding.smc.resampling import RESAMPLERS, effective_sample_size, log_sum
from . import counts
from .request import KEY, check
from .rows import DEAD_SCORE
from .vocabulary import vocabulary_of

RESPONSE = "bytebound"
"""The field of a response: `log_evidence` (null where all particles died), `effective_sample_size`, `weights` (shares
of the choices, in their order), `log_weights` (null for zero), `resamplings`, `deaths`. A list for several prompts."""
_results: ContextVar[list[dict[str, Any]] | None] = ContextVar("results", default=None)


def install() -> None:
    """Let this process, which is that of the API server, answer requests for posteriors."""
    from vllm.entrypoints.openai.chat_completion.serving import OpenAIServingChat
    from vllm.entrypoints.openai.completion.serving import OpenAIServingCompletion
    from vllm.v1.engine.async_llm import AsyncLLM

    usual = AsyncLLM.generate

    @functools.wraps(usual)
    def generate(self: Any, prompt: Any, sampling_params: Any, request_id: str, **options: Any) -> Any:
        given = (getattr(sampling_params, "extra_args", None) or {}).get(KEY)
        if not isinstance(given, str) or '"posterior"' not in given:
            return usual(self, prompt, sampling_params, request_id, **options)
        result = _place(sampling_params)  # now, so that errors come before a stream, and prompts stay in order
        submit = functools.partial(usual, self)
        return _sample(submit, self.vllm_config, prompt, sampling_params, request_id, options, result)

    AsyncLLM.generate = generate
    OpenAIServingCompletion.create_completion = _answering(OpenAIServingCompletion.create_completion)
    OpenAIServingChat.create_chat_completion = _answering(OpenAIServingChat.create_chat_completion)


def _answering(usual: Any) -> Any:
    """A handler that writes what samplers have found into its response."""

    @functools.wraps(usual)
    async def handle(self: Any, *arguments: Any, **named: Any) -> Any:
        found: list[dict[str, Any]] = []
        _results.set(found)
        response = await usual(self, *arguments, **named)
        if found and hasattr(response, "choices"):
            setattr(response, RESPONSE, found[0] if len(found) == 1 else found)
        return response

    return handle


def _place(parameters: Any) -> dict[str, Any]:
    """Where a result is to be written. Raises VLLMValidationError where nobody would see it."""
    from vllm.exceptions import VLLMValidationError
    from vllm.sampling_params import RequestOutputKind

    if parameters.output_kind == RequestOutputKind.DELTA:
        raise VLLMValidationError(f"{KEY}: a posterior is known only in the end: leave out stream")
    results = _results.get()
    if results is None:
        raise VLLMValidationError(f"{KEY}: posteriors are answered as completions and as chat completions")
    results.append({})
    return results[-1]


async def _sample(
    generate: Any,
    config: Any,
    prompt: Any,
    parameters: Any,
    request_id: str,
    options: dict[str, Any],
    result: dict[str, Any],
) -> AsyncIterator[Any]:
    """Stands for `AsyncLLM.generate`: yields one output, which has the particles."""
    from vllm.exceptions import VLLMValidationError
    from vllm.outputs import CompletionOutput, RequestOutput

    try:
        ids = _token_ids(prompt)
        run = _Run(config, parameters, len(ids))
        # Compiling may take seconds, and is not to keep others waiting.
        vocabulary = await asyncio.to_thread(_prepare, config, parameters)
    except ValueError as error:
        raise VLLMValidationError(str(error)) from None
    while live := run.live():
        tasks = [
            asyncio.ensure_future(
                _last_of(generate(_tokens_prompt(ids + run.tokens[i]), run.next_parameters(i), name, **options))
            )
            for i, name in ((i, f"{request_id}-{i}-{len(run.tokens[i])}") for i in live)
        ]
        try:
            outputs = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
        run.take(live, outputs)
    result.update(run.result())
    choices = [
        CompletionOutput(
            index=i,
            text=vocabulary.text(tokens).decode(errors="replace"),
            token_ids=tokens,
            cumulative_logprob=None,
            logprobs=None,
            finish_reason="stop",
        )
        for i, tokens in enumerate(run.tokens)
    ]
    text = prompt.get("prompt") if isinstance(prompt, dict) else None
    yield RequestOutput(request_id, text, ids, None, choices, finished=True)


class _Run:
    """The particles of one request."""

    def __init__(self, config: Any, parameters: Any, length: int) -> None:
        self._fields = json.loads(parameters.extra_args[KEY])
        for name in ("id", "after", "last"):
            if name in self._fields:
                raise ValueError(f"{KEY}: a posterior has no {name}, which is of single requests")
        self.every, self._resample, self._threshold = _plan(self._fields.pop("posterior"))
        self._parameters, self._others = parameters, {k: v for k, v in parameters.extra_args.items() if k != KEY}
        _refuse(config, parameters)
        self.n = parameters.n or 1
        self._budget = min(parameters.max_tokens, config.model_config.max_model_len - length)  # EOS included
        seed = self._fields.pop("seed", None)
        self._generator = np.random.default_rng(parameters.seed if seed is None else seed)
        self.tokens: list[list[int]] = [[] for _ in range(self.n)]
        self._log_weights: NDArray[np.float64] = np.full(self.n, -np.log(self.n))
        self._finished = np.zeros(self.n, np.bool_)
        self._resamplings = self._deaths = 0

    def live(self) -> list[int]:
        """Particles that go on."""
        live: list[int] = np.flatnonzero(~self._finished & (self._log_weights > -np.inf)).tolist()
        return live

    def next_parameters(self, i: int) -> Any:
        """Parameters of a particle's next request."""
        from vllm.sampling_params import RequestOutputKind

        parameters = self._parameters.clone()
        fields = {
            **self._fields,
            "seed": int(self._generator.integers(1 << 62)),
            "after": self.tokens[i],
            "last": self._budget - 1,
        }
        parameters.n, parameters.seed, parameters.logprobs, parameters.detokenize = 1, None, 0, False
        parameters.max_tokens = min(self.every, self._budget - len(self.tokens[i]))
        parameters.output_kind = RequestOutputKind.FINAL_ONLY
        parameters.extra_args = {**self._others, KEY: json.dumps(fields)}
        return parameters

    def take(self, live: list[int], outputs: list[Any]) -> None:
        """Weigh by what the requests have drawn, and resample."""
        for i, output in zip(live, outputs, strict=True):
            drawn = output.outputs[0]
            tokens = list(drawn.token_ids)
            logs = [step[token].logprob for step, token in zip(drawn.logprobs, tokens, strict=True)]
            self.tokens[i] += tokens
            dead = min(logs) < DEAD_SCORE / 2  # the score has been divided by the temperature
            self._log_weights[i] = -np.inf if dead else self._log_weights[i] + sum(logs)
            self._deaths += dead
            self._finished[i] = drawn.finish_reason == "stop"
        if self.live() and effective_sample_size(self._log_weights) < self._threshold * self.n:
            kept = self._resample(self._log_weights, self.n, self._generator).tolist()
            self._log_weights = np.full(self.n, log_sum(self._log_weights) - np.log(self.n))
            self.tokens = [list(self.tokens[i]) for i in kept]
            self._finished = self._finished[kept]
            self._resamplings += 1
            counts.add("resamplings")

    def result(self) -> dict[str, Any]:
        """What the response says."""
        evidence = log_sum(self._log_weights)
        alive = evidence > -np.inf
        return {
            "log_evidence": evidence if alive else None,
            "effective_sample_size": effective_sample_size(self._log_weights),
            "weights": np.exp(self._log_weights - evidence).tolist() if alive else [0.0] * self.n,
            "log_weights": [log if log > -np.inf else None for log in self._log_weights.tolist()],
            "resamplings": self._resamplings,
            "deaths": int(self._deaths),
        }


def _plan(given: Any) -> tuple[int, Any, float]:
    """Tokens between resamplings, the scheme, and the share of the particles that triggers it."""
    names = ("every", "resampling", "threshold")
    if not isinstance(given, dict) or set(given) - set(names):
        raise ValueError(f"{KEY}: posterior is an object with any of {', '.join(names)}")
    every, scheme, threshold = given.get("every", 8), given.get("resampling", "systematic"), given.get("threshold", 0.5)
    if not isinstance(every, int) or isinstance(every, bool) or every < 1:
        raise ValueError(f"{KEY}: every is a number of tokens, at least 1")
    if scheme not in RESAMPLERS:
        raise ValueError(f"{KEY}: resampling is one of {', '.join(RESAMPLERS)}")
    if not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
        raise ValueError(f"{KEY}: threshold is a share of the particles, from 0 (never resample) to 1")
    return every, RESAMPLERS[scheme], float(threshold)


def _refuse(config: Any, parameters: Any) -> None:
    """Raise ValueError for what would be ignored."""
    if config.model_config.logprobs_mode != "processed_logits":
        raise ValueError(f"{KEY}: weights are not handed out by this server: start it with --weights")
    for name in ("logprobs", "prompt_logprobs", "stop", "stop_token_ids"):
        if getattr(parameters, name) not in (None, []):
            raise ValueError(f"{KEY}: a posterior does not go with {name}: leave it out")


def _prepare(config: Any, parameters: Any) -> Any:
    """Check the request as the engine will, which compiles its constraint; returns the vocabulary."""
    fields = json.loads(parameters.extra_args[KEY])
    del fields["posterior"]
    single = parameters.clone()
    single.extra_args, single.n = {KEY: json.dumps(fields)}, 1
    check(single)
    return vocabulary_of(config)


def _token_ids(prompt: Any) -> list[int]:
    if not isinstance(prompt, dict) or prompt.get("type") != "token":
        raise ValueError(f"{KEY}: a posterior takes a prompt of text")
    ids: list[int] = prompt["prompt_token_ids"]
    return ids


def _tokens_prompt(ids: list[int]) -> Any:
    return {"type": "token", "prompt_token_ids": ids}


async def _last_of(outputs: Any) -> Any:
    from vllm.exceptions import GenerationError

    [last] = [output async for output in outputs if output.finished]
    if last.outputs[0].finish_reason not in ("stop", "length"):
        raise GenerationError(f"a particle's request ended with {last.outputs[0].finish_reason}")
    return last
