"""Structured output in vLLM: our backend beside XGrammar's and llguidance's, in the same engine, the same requests.

Run in the environment that `.ci/vllm` makes: `VLLM_VENV=FOLDER .ci/vllm`, then `FOLDER/bin/python
benchmarks/vllm_backends.py SCHEMAS` with a folder of files `{"schema": ...}`. Half of the requests are free text. Each
backend has an engine and a process of its own, one after the other; schemas that one of them refuses are left out for
all. The first pass over the requests compiles the schemas, the second is a repetition. Times to the first token include
waiting. Answers differ between backends, and where more of them end early, batches are less full.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.update(VLLM_ENABLE_V1_MULTIPROCESSING="0", VLLM_CPU_KVCACHE_SPACE="1", VLLM_LOGGING_LEVEL="ERROR")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from bytebound.integrations import models
from bytebound.integrations.vllm import settings
from vllm import LLM, SamplingParams
from vllm.exceptions import VLLMValidationError
from vllm.sampling_params import StructuredOutputsParams

BACKENDS = ("bytebound", "xgrammar", "guidance")
REQUESTS, TOKENS, SCHEMAS = 200, 64, 40
PROMPT = "Describe it as JSON: Maria Keller is 34 years old and lives in Lisbon.\n"


def engine(backend: str) -> Any:
    """An engine with a backend."""
    ours = settings(speculation=True)  # masks only
    theirs = {"structured_outputs_config": {"backend": backend}, "async_scheduling": False}
    return LLM(
        str(models.model_path("small-bytes")),
        enforce_eager=True,
        dtype="float32",
        block_size=32,
        max_model_len=512,
        max_num_seqs=16,
        disable_log_stats=False,
        **(ours if backend == "bytebound" else theirs),
    )


def accepted(llm: Any, schemas: list[Any]) -> list[int]:
    """Numbers of the schemas with which a request is answered without an error."""
    found = []
    for i, schema in enumerate(schemas):
        try:
            slot = StructuredOutputsParams(json=schema)
            [output] = llm.generate([PROMPT], SamplingParams(max_tokens=2, structured_outputs=slot), use_tqdm=False)
            if output.outputs[0].finish_reason != "error":
                found.append(i)
        except VLLMValidationError:
            pass
    return found


def run(llm: Any, schemas: list[Any]) -> tuple[float, float, float, float]:
    """Tokens a second of wall and of CPU time, and the median and 99th percentile of times to the first token in ms."""
    parameters = [
        SamplingParams(
            max_tokens=TOKENS,
            temperature=0.0,
            ignore_eos=i % 2 == 1,
            structured_outputs=None if i % 2 else StructuredOutputsParams(json=schemas[i // 2 % len(schemas)]),
        )
        for i in range(REQUESTS)
    ]
    wall, cpu = time.perf_counter(), time.process_time()
    outputs = llm.generate([PROMPT] * REQUESTS, parameters, use_tqdm=False)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    tokens = sum(len(output.outputs[0].token_ids) for output in outputs)
    first = sorted(
        1000 * (output.metrics.first_token_ts - output.metrics.queued_ts) for output in outputs if output.metrics
    )
    return tokens / wall, tokens / cpu, first[len(first) // 2], first[len(first) * 99 // 100]


def work(folder: str, backend: str, kept: str) -> None:
    """In a process of its own: print, as JSON, which schemas a backend takes, or how fast it is on those kept."""
    schemas = [json.loads(path.read_text())["schema"] for path in sorted(Path(folder).glob("*.json"))[:SCHEMAS]]
    llm = engine(backend)
    if kept:
        common = [schemas[i] for i in json.loads(kept)]
        result: Any = [run(llm, common) for _ in range(2)]
    else:
        result = accepted(llm, schemas)
    print("\n" + json.dumps(result))


def main() -> None:
    """Print the table."""
    folder = sys.argv[1]

    def result(backend: str, kept: str) -> Any:
        with tempfile.TemporaryDirectory() as cache:  # no grammars of the run before
            environment = {**os.environ, "BYTEBOUND_CACHE_DIR": cache}
            command = [sys.executable, __file__, folder, backend, kept]
            done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        return next(json.loads(line) for line in done.stdout.splitlines()[::-1] if line.startswith("["))

    kept = set(range(SCHEMAS))
    for backend in BACKENDS:  # first find what all of them take
        kept &= set(result(backend, ""))
    rows = [(backend, result(backend, json.dumps(sorted(kept)))) for backend in BACKENDS]
    print(f"{len(kept)} of {SCHEMAS} schemas, {REQUESTS} requests of at most {TOKENS} tokens, 16 at a time\n")
    print("| backend | pass | tokens / s | tokens / CPU s | first token p50 (ms) | p99 (ms) |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for backend, passes in rows:
        for name, values in zip(("first", "again"), passes, strict=True):
            print(f"| {backend} | {name} | " + " | ".join(f"{value:.0f}" for value in values) + " |")


if __name__ == "__main__":
    if len(sys.argv) == 2:
        main()
    else:
        work(*sys.argv[1:])
