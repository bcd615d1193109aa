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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """vLLM and its dependencies warn about themselves."""
    for item in items:
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


@pytest.fixture(scope="session")
def evidence() -> Callable[[list[str], str], float]:
    """The probability that small-bytes goes on from a prompt with one of some words and EOS, by enumeration."""
    import numpy as np
    from bytebound import decoding, grammars
    from bytebound.integrations import models
    from bytebound.integrations.transformers import TransformersModel

    model, tokenizer = models.load("small-bytes")
    host, vocabulary = TransformersModel(model), decoding.Vocabulary.from_tokenizer(tokenizer)

    def exact(words: list[str], prompt: str) -> float:
        masker = decoding.Masker(grammars.choice(words), vocabulary)
        ids, total = tokenizer(prompt)["input_ids"], 0.0
        paths: list[tuple[int, list[int], float]] = [(masker.start, [], 0.0)]
        while paths:  # all ways to spell the words
            state, tokens, log = paths.pop()
            row = host.next_logprobs([ids + tokens])[0].double()
            for token in masker.allowed(state).tolist():
                after = masker.accept(state, token)
                if after == masker.finished:
                    total += float(np.exp(log + float(row[token])))
                else:
                    paths.append((after, [*tokens, token], log + float(row[token])))
        return total

    return exact
