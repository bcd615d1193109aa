"""Generation from prompts that end inside a token, on vLLM: `generate_bytes` beside plain `llm.generate`.

Run in the environment that `.ci/vllm` makes: `FOLDER/bin/python benchmarks/vllm_bytes.py`. Prompts are texts of the
corpus cut after some bytes; plain generation takes them as they are tokenized, which is cheaper and another law. Times
are CPU seconds of the process, the median of several rounds in turn; the prefix cache is emptied before each.
"""

from __future__ import annotations

import functools
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

os.environ.update(VLLM_ENABLE_V1_MULTIPROCESSING="0", VLLM_CPU_KVCACHE_SPACE="1", VLLM_LOGGING_LEVEL="ERROR")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from bytebound.integrations import models
from bytebound.integrations.vllm import generate_bytes, settings
from vllm import LLM, SamplingParams

ROUNDS = 5
TEXT = (
    "The weather in Lisbon is often mild, and in winter it rains. Maria Keller is 34 years old and lives in Lisbon. "
    "Owls eat mice, and mice eat grain, which farmers grow in the country. Once upon a time there was a miller. "
)


def prompts(count: int, length: int) -> list[str]:
    """Texts of about so many bytes, cut anywhere."""
    text = TEXT * (2 + length // len(TEXT))
    return [text[7 * i % len(TEXT) :][: length + i % 5].lstrip() for i in range(count)]


def seconds(llm: Any, task: Callable[[], Any]) -> tuple[float, int]:
    """CPU time of a task that begins with an empty prefix cache, and the steps of the engine in it."""
    llm.reset_prefix_cache()
    runner = llm.llm_engine.engine_core.engine_core.model_executor.driver_worker.worker.model_runner
    steps, whole = [0], runner.execute_model

    def counted(*arguments: Any, **named: Any) -> Any:
        steps[0] += 1
        return whole(*arguments, **named)

    runner.execute_model = counted
    began = time.process_time()
    task()
    spent = time.process_time() - began
    del runner.execute_model
    return spent, steps[0]


def main() -> None:
    torch.set_num_threads(1)
    llm = LLM(
        str(models.model_path("small-bytes")),
        enforce_eager=True,
        dtype="float32",
        block_size=32,
        max_model_len=512,
        max_num_seqs=32,
        **settings(),
    )
    print(f"{'prompts':>8} {'bytes':>6} {'tokens':>7} {'plain s':>8} {'exact s':>8} {'ratio':>6} {'steps':>12}")
    for count, length, tokens in [(1, 60, 32), (1, 600, 32), (1, 60, 128), (32, 60, 32), (32, 600, 32), (32, 60, 128)]:
        texts = prompts(count, length)
        parameters = SamplingParams(max_tokens=tokens, temperature=0.0, ignore_eos=True, detokenize=False)

        plain = functools.partial(llm.generate, texts, parameters, use_tqdm=False)
        exact = functools.partial(generate_bytes, llm, texts, max_new_tokens=tokens, temperature=0.0, ignore_eos=True)
        rounds = [(seconds(llm, plain), seconds(llm, exact)) for _ in range(ROUNDS + 1)][1:]
        one, two = (statistics.median(r[i][0] for r in rounds) for i in (0, 1))
        steps = f"{rounds[0][0][1]} / {rounds[0][1][1]}"
        print(f"{count:8} {length:6} {tokens:7} {one:8.3f} {two:8.3f} {two / one:6.2f} {steps:>12}", flush=True)


if __name__ == "__main__":
    main()
