"""vLLM's schedulers with our structured-output backend: what `--scheduler-cls` is given.

`StructuredOutputManager` builds a backend only where it has none, so a scheduler that sets one needs no patch.
`AsyncScheduler` is for engines with asynchronous scheduling (the default on GPUs), `Scheduler` for the others.
"""

from __future__ import annotations

from typing import Any

from vllm.v1.core.sched.async_scheduler import AsyncScheduler as VllmAsyncScheduler
from vllm.v1.core.sched.scheduler import Scheduler as VllmScheduler

from .backend import Backend


class Scheduler(VllmScheduler):  # type: ignore[misc]
    """The synchronous scheduler."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _set_backend(self)


class AsyncScheduler(VllmAsyncScheduler):  # type: ignore[misc]
    """The asynchronous scheduler."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _set_backend(self)


def _set_backend(scheduler: Any) -> None:
    config, manager = scheduler.vllm_config, scheduler.structured_output_manager
    if config.model_config.skip_tokenizer_init:
        return  # vLLM refuses all structured output then
    manager.backend = Backend(config, tokenizer=manager.tokenizer, vocab_size=config.model_config.get_vocab_size())
