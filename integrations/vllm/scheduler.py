"""vLLM's schedulers with our structured-output backend: what `--scheduler-cls` is given.

`StructuredOutputManager` builds a backend only where it has none, so a scheduler that sets one needs no patch.
`AsyncScheduler` is for engines with asynchronous scheduling (the default on GPUs), `Scheduler` for the others.
"""

from __future__ import annotations

import time
from typing import Any

from vllm.v1.core.sched.async_scheduler import AsyncScheduler as VllmAsyncScheduler
from vllm.v1.core.sched.scheduler import Scheduler as VllmScheduler

from . import counts
from .backend import Backend


class _Ours:
    """What is added to a scheduler."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _set_backend(self)

    def get_grammar_bitmask(self, scheduler_output: Any) -> Any:
        """The masks of a step, timed."""
        began = time.perf_counter()
        output = super().get_grammar_bitmask(scheduler_output)  # type: ignore[misc]
        if output is not None:
            counts.add("masks", len(output.grammar_bitmask))
            counts.add("mask_seconds", time.perf_counter() - began)
        return output


class Scheduler(_Ours, VllmScheduler):  # type: ignore[misc]
    """The synchronous scheduler."""


class AsyncScheduler(_Ours, VllmAsyncScheduler):  # type: ignore[misc]
    """The asynchronous scheduler."""


def _set_backend(scheduler: Any) -> None:
    config, manager = scheduler.vllm_config, scheduler.structured_output_manager
    if config.model_config.skip_tokenizer_init:
        return  # vLLM refuses all structured output then
    manager.backend = Backend(config, tokenizer=manager.tokenizer, vocab_size=config.model_config.get_vocab_size())
