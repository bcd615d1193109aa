"""Particles in vLLM: what a step of `posterior` costs beside plain decoding, and beside requests of one token.

Run in the environment that `.ci/vllm` makes: `VLLM_VENV=FOLDER .ci/vllm`, then `FOLDER/bin/python
benchmarks/vllm_particles.py`. One engine, in turns: `generate` of N rows with sampling (the floor), live requests with
the same tokens forced through `VllmModel`, the same contexts as requests of one token each, and `posterior` itself.
CPU time, medians over the rounds.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from typing import Any

os.environ.update(VLLM_ENABLE_V1_MULTIPROCESSING="0", VLLM_CPU_KVCACHE_SPACE="1", VLLM_LOGGING_LEVEL="ERROR")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from bytebound import grammars
from bytebound.integrations import models
from bytebound.integrations.vllm import VllmModel, posterior, settings
from vllm import LLM, SamplingParams

PARTICLES, STEPS, ROUNDS = (8, 32), 48, 5
PROMPT = "Describe it: Maria Keller is 34 years old and lives in Lisbon.\n"
GRAMMAR = r"[A-Za-z ,.]{300,}"


def milliseconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU time of a call, and what it returns."""
    began = time.process_time()
    result = work()
    return 1000 * (time.process_time() - began), result


def one_token_requests(llm: Any, contexts: list[list[int]]) -> None:
    """Evaluate contexts as requests that end after a token."""
    parameters = SamplingParams(max_tokens=1, temperature=0.0, detokenize=False)
    llm.generate([{"prompt_token_ids": context} for context in contexts], parameters, use_tqdm=False)


def measure(llm: Any, n: int) -> dict[str, float]:
    """Milliseconds per step of N rows, by way."""
    ids = llm.get_tokenizer().encode(PROMPT)
    found: dict[str, float] = {}
    parameters = SamplingParams(max_tokens=STEPS, temperature=1.0, ignore_eos=True, detokenize=False)
    spent, outputs = milliseconds(lambda: llm.generate([{"prompt_token_ids": ids}] * n, parameters, use_tqdm=False))
    found["generate"] = spent / STEPS
    rows = [ids + list(output.outputs[0].token_ids) for output in outputs]
    steps = [[row[: len(ids) + i] for row in rows] for i in range(STEPS)]
    model = VllmModel(llm)
    spent, _ = milliseconds(lambda: [model.next_logprobs(contexts) for contexts in steps])
    model.close()
    found["live requests"] = spent / STEPS
    spent, _ = milliseconds(lambda: [one_token_requests(llm, contexts) for contexts in steps])
    found["one-token requests"] = spent / STEPS
    for resampling in ("without-replacement", "systematic"):
        options: dict[str, Any] = {"particles": n, "max_new_tokens": STEPS, "resampling": resampling}
        spent, result = milliseconds(lambda options=options: posterior(llm, ids, grammars.regex(GRAMMAR), **options))
        found[f"posterior, {resampling}"] = spent / len(result.ancestry)
    return found


def main() -> None:
    """Print the table."""
    llm = LLM(
        str(models.model_path("small-bytes")),
        enforce_eager=True,
        dtype="float32",
        block_size=32,
        max_model_len=512,
        max_num_seqs=max(PARTICLES),
        disable_log_stats=True,
        **settings(),
    )
    print("milliseconds of CPU time per step, median of", ROUNDS)
    rounds = {n: [measure(llm, n) for _ in range(ROUNDS + 1)][1:] for n in PARTICLES}
    print("| way | " + " | ".join(f"{n} rows" for n in PARTICLES) + " |")
    print("| --- |" + " ---: |" * len(PARTICLES))
    for way in rounds[PARTICLES[0]][0]:
        cells = [statistics.median(each[way] for each in rounds[n]) for n in PARTICLES]
        print(f"| {way} | " + " | ".join(f"{np.round(cell, 1)}" for cell in cells) + " |")


if __name__ == "__main__":
    main()
