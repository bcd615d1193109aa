"""An engine driven from outside, half a step at a time: live requests whose next tokens somebody else chooses.

A step of vLLM's V1 model runner (0.32) has two halves. The first computes the logits, the second draws from them.
`LiveRequests` stops between the two: it hands the logits out, and begins the next call by writing the chosen tokens
into them. A context that extends one of the last call by a token therefore costs a step of ordinary decoding; contexts
that nobody goes on with are aborted, and others are added, which the prefix cache makes cheap. That is how particles
of sequential Monte Carlo are resampled.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from typing import Any

import torch

from ...decoding import DecodingError

_numbers = itertools.count()


class LiveRequests:
    """The requests that stand for contexts, in one engine.

    Args:
        llm: a `vllm.LLM` in this process, with synchronous scheduling and without speculation.

    Raises DecodingError for another engine, naming the setting.
    """

    def __init__(self, llm: Any) -> None:
        from vllm import SamplingParams

        self._client = llm.llm_engine.engine_core
        self._core: Any = self._client.engine_core
        self._runner = self._core.model_executor.driver_worker.worker.model_runner
        self._scheduler = self._core.scheduler
        self._live: dict[tuple[int, ...], str] = {}  # ids of requests by context
        self._half: Any = None  # the scheduler's output of the step that is half done
        longest = self._core.vllm_config.model_config.max_model_len
        self._parameters = SamplingParams(max_tokens=longest, temperature=0.0, ignore_eos=True, detokenize=False)
        self._whole_step = self._core.step_fn
        self._core.step_fn = self.step

    @classmethod
    def of(cls, llm: Any) -> LiveRequests:
        """Those of an engine; they are one object, however many models ask."""
        _check(llm)
        hook = getattr(llm.llm_engine.engine_core.engine_core.step_fn, "__self__", None)
        return hook if isinstance(hook, LiveRequests) else cls(llm)

    def logprobs(self, contexts: Sequence[tuple[int, ...]]) -> torch.Tensor:
        """Log-probabilities of the token after each of these different contexts: float32 [n, vocabulary].

        The requests of these contexts stay, and those of the last call that no context extends are gone. Where the
        engine cannot hold all at once (`max_num_seqs`, or its memory) it takes several steps, and requests that were
        done before the last step begin anew in the next call.

        Raises DecodingError where the engine has requests of others under way.
        """
        self._go_on(contexts)
        if self._scheduler.get_num_unfinished_requests() > len(self._live):
            self.release()
            raise DecodingError("the engine has other requests under way: let them finish before asking for logits")
        names = []
        for context in contexts:
            name = self._live.get(context)
            if name is None:
                name = self._live[context] = self._add(context)
            names.append(name)
        done, parts = self._compute()
        while len(done) < len(names):
            self._finish_step({})
            self._drop([context for context, name in self._live.items() if name in done])
            more, rows = self._compute()
            done, parts = done + more, torch.cat([parts, rows])
        if done == names:
            return parts
        order = {name: i for i, name in enumerate(done)}
        return parts[torch.tensor([order[name] for name in names], device=parts.device)]

    def release(self) -> None:
        """Finish the half step, and end all requests."""
        if self._half is not None:
            self._finish_step({})
        self._drop(list(self._live))

    def step(self) -> Any:
        """What the engine calls to serve requests of others: ours make room first."""
        self.release()
        return self._whole_step()

    def _go_on(self, contexts: Sequence[tuple[int, ...]]) -> None:
        """Finish the half step with the tokens by which contexts extend those that are live."""
        if self._half is None:
            self._drop(list(self._live))  # a call was interrupted
            return
        chosen: dict[tuple[int, ...], int] = {}
        for context in contexts:
            if context[:-1] in self._live:
                chosen.setdefault(context[:-1], context[-1])
        self._finish_step({self._live[context]: token for context, token in chosen.items()})
        self._drop([context for context in self._live if context not in chosen])
        self._live = {(*context, chosen[context]): name for context, name in self._live.items()}

    def _add(self, context: tuple[int, ...]) -> str:
        from vllm.v1.engine import EngineCoreRequest

        name = f"bytebound-{next(_numbers)}"
        request = EngineCoreRequest(
            request_id=name,
            prompt_token_ids=list(context),
            mm_features=None,
            sampling_params=self._parameters,
            pooling_params=None,
            arrival_time=time.time(),
            lora_request=None,
            cache_salt=None,
            data_parallel_rank=None,
        )
        self._client.add_request(request)
        return name

    def _drop(self, contexts: list[tuple[int, ...]]) -> None:
        if contexts:
            self._core.abort_requests([self._live.pop(context) for context in contexts])

    def _compute(self) -> tuple[list[str], torch.Tensor]:
        """The first half of a step: requests whose whole context has been read, and their log-probabilities."""
        output = self._scheduler.schedule()
        if not output.total_num_scheduled_tokens:
            raise DecodingError("the engine schedules nothing: a context does not fit into its cache")
        self._core.model_executor.execute_model(output)
        self._half = output
        logits = self._runner.execute_model_state.logits
        places = self._runner.input_batch.req_id_to_index
        requests = self._scheduler.requests
        done = [name for name in output.num_scheduled_tokens if _is_read(requests[name])]
        rows = logits[torch.tensor([places[name] for name in done], dtype=torch.long, device=logits.device)]
        return done, rows.log_softmax(-1, dtype=torch.float32)

    def _finish_step(self, tokens: dict[str, int]) -> None:
        """The second half, with these tokens for requests."""
        output, self._half = self._half, None
        state, places = self._runner.execute_model_state, self._runner.input_batch.req_id_to_index
        if tokens:
            rows = torch.tensor([places[name] for name in tokens], device=state.logits.device)
            columns = torch.tensor(list(tokens.values()), device=state.logits.device)
            with torch.inference_mode():  # as they were made
                state.logits[rows, columns] = torch.inf
        self._scheduler.update_from_output(output, self._core.model_executor.sample_tokens(None))


def _is_read(request: Any) -> bool:
    """Whether the model has seen the whole context, once the step is done for which it is scheduled."""
    return bool(request.num_computed_tokens >= request.num_tokens)


def _check(llm: Any) -> None:
    """Raise DecodingError where an engine cannot be stopped between the halves of its steps."""
    client = llm.llm_engine.engine_core
    if not hasattr(client, "engine_core"):
        raise DecodingError("the engine runs in another process: set VLLM_ENABLE_V1_MULTIPROCESSING=0 before making it")
    core = client.engine_core
    config = core.vllm_config
    if core.batch_queue is not None or config.scheduler_config.async_scheduling:
        raise DecodingError("the engine schedules asynchronously: make it with async_scheduling=False")
    if config.speculative_config is not None:
        raise DecodingError("the engine speculates: make it without speculative_config")
    if config.parallel_config.world_size > 1:
        raise DecodingError("the engine has several workers, whose logits are not at hand: make it with one")
    if config.use_v2_model_runner:
        raise DecodingError("the engine has vLLM's V2 model runner: set VLLM_USE_V2_MODEL_RUNNER=0 before making it")
