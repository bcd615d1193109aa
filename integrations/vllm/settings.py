"""The settings with which a vLLM engine has bytebound in it."""

from __future__ import annotations

from typing import Any

from .slot import BACKEND, install

_HERE = __name__.rpartition(".")[0]
PROCESSOR = f"{_HERE}:Constrain"


def settings(*, asynchronous: bool = False, speculation: bool = False) -> dict[str, Any]:
    """Arguments for `vllm.LLM` and `AsyncEngineArgs`: our masks, our processor; and our check of requests, installed.

        llm = vllm.LLM("MODEL", **settings())

    Args:
        asynchronous: for engines with asynchronous scheduling (vLLM's default on GPUs).
        speculation: for engines with speculative decoding, where vLLM takes no logits processors: masks only.
    """
    install()
    return {
        "scheduler_cls": f"{_HERE}.scheduler.{'AsyncScheduler' if asynchronous else 'Scheduler'}",
        "async_scheduling": asynchronous,
        "structured_outputs_config": {"backend": BACKEND},
        **({} if speculation else {"logits_processors": [PROCESSOR]}),
    }


def _let_vllm_look_at_llvmlite() -> None:
    """On CPUs vLLM (0.32) takes `vars(value).get(...)` of every value of every module, and llvmlite's library object,
    which answers any attribute with a function of the library, has a function for `__dict__`: give it a dict."""
    from llvmlite.binding import ffi

    ffi.lib._fntab.setdefault("__dict__", {})


# On import, because vLLM's processes import this package, and load their models, in an order of their own.
_let_vllm_look_at_llvmlite()
