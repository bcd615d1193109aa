"""Tests in the real engine of vLLM, on a CPU: `.ci/vllm` makes the environment for them. Without vLLM all are skipped.

Engines are small (a few blocks of cache, short steps), so that preemption and chunked prefill happen all the time.
"""

from __future__ import annotations

import gc
import os
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

os.environ.update(VLLM_ENABLE_V1_MULTIPROCESSING="0", VLLM_CPU_KVCACHE_SPACE="1", HF_HUB_OFFLINE="1")
os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from vllm import LLM
except ImportError:
    collect_ignore_glob = ["test_*.py"]
    MISSING = True
else:
    MISSING = False


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say that the folder is skipped."""
    if MISSING:
        terminalreporter.write_line("SKIPPED tests/vllm: vLLM is not installed here (.ci/vllm makes an environment)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """vLLM and its dependencies warn about themselves; what needs several ranks waits until it is asked for."""
    for item in items:
        if item.get_closest_marker("parallel") and "parallel" not in config.option.markexpr:
            item.add_marker(pytest.mark.skip("needs a core for each rank: run with -m parallel"))
        if "vllm" in item.path.parts:
            item.add_marker(pytest.mark.filterwarnings("ignore"))


@pytest.fixture(scope="module")
def engine() -> Iterator[Callable[..., Any]]:
    """Makes one `vllm.LLM` of a model that ships, for the module; keyword arguments are the engine's."""
    from bytebound.integrations import models
    from vllm.distributed.parallel_state import cleanup_dist_env_and_memory

    made: list[Any] = []

    def make(name: str = "small-bytes", **arguments: Any) -> Any:
        usual = {
            "enforce_eager": True,
            "dtype": "float32",
            "block_size": 32,
            "max_model_len": 512,
            "max_num_seqs": 16,
            "max_num_batched_tokens": 512,
            "disable_log_stats": True,
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made.append(LLM(str(models.model_path(name)), **{**usual, **arguments}))
        return made[-1]

    yield make
    for llm in made:
        llm.llm_engine.engine_core.shutdown()
    made.clear()
    gc.collect()
    cleanup_dist_env_and_memory()
