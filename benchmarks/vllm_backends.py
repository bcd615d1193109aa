"""Structured output in vLLM: our backend beside XGrammar's and llguidance's, in the same engine, the same requests.

Run in the environment that `.ci/vllm` makes: `VLLM_VENV=FOLDER .ci/vllm`, then `FOLDER/bin/python
benchmarks/vllm_backends.py SCHEMAS` with a folder of files `{"schema": ...}`. Half of the requests are free text. Each
backend has an engine in a process of its own; the processes take turns, round by round, so that what else the machine
does is shared by all. Schemas that one of the backends refuses, or with which its answer is shorter than the others
(so that its batches would be less full), are left out for all: every backend makes the same number of tokens. Each
round has schemas of its own; its first pass compiles them, the second is a repetition. Times are CPU times of the whole
process, and, to the first token, of the wall, with waiting; medians over the rounds. The last column is what writing
masks and following tokens takes by itself, for each token of a constrained answer.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.update(VLLM_ENABLE_V1_MULTIPROCESSING="0", VLLM_CPU_KVCACHE_SPACE="1", VLLM_LOGGING_LEVEL="ERROR")
os.environ.setdefault("OMP_NUM_THREADS", "1")

BACKENDS = ("bytebound", "xgrammar", "guidance")
REQUESTS, TOKENS, SCHEMAS, ROUNDS = 200, 32, 20, 7
SPENT = [0.0]
PROMPT = "Describe it as JSON: Maria Keller is 34 years old and lives in Lisbon.\n"


def engine(backend: str) -> Any:
    """An engine with a backend."""
    from bytebound.integrations import models
    from bytebound.integrations.vllm import settings
    from vllm import LLM

    ours = settings(speculation=True)  # masks only
    theirs = {"structured_outputs_config": {"backend": backend}, "async_scheduling": False}
    llm = LLM(
        str(models.model_path("small-bytes")),
        enforce_eager=True,
        dtype="float32",
        block_size=32,
        max_model_len=512,
        max_num_seqs=16,
        disable_log_stats=False,
        **(ours if backend == "bytebound" else theirs),
    )
    scheduler = llm.llm_engine.engine_core.engine_core.scheduler
    timed(scheduler, "get_grammar_bitmask")
    timed(scheduler.structured_output_manager, "accept_tokens")
    return llm


def timed(owner: Any, name: str) -> None:
    """Add up the CPU time that a method takes."""
    method = getattr(owner, name)

    def measured(*arguments: Any, **named: Any) -> Any:
        began = time.thread_time()
        result = method(*arguments, **named)
        SPENT[0] += time.thread_time() - began
        return result

    setattr(owner, name, measured)


def accepted(llm: Any, schemas: list[Any]) -> list[int]:
    """Numbers of the schemas with which an answer has all its tokens."""
    from vllm import SamplingParams
    from vllm.exceptions import VLLMValidationError
    from vllm.sampling_params import StructuredOutputsParams

    engine = llm.llm_engine
    for i, schema in enumerate(schemas):
        slot = StructuredOutputsParams(json=schema)
        parameters = SamplingParams(max_tokens=TOKENS, temperature=0.0, structured_outputs=slot)
        with contextlib.suppress(VLLMValidationError):
            engine.add_request(str(i), PROMPT, parameters)
    found = []
    while engine.has_unfinished_requests():
        for output in engine.step():
            answer = output.outputs[0]
            if output.finished and answer.finish_reason == "length" and len(answer.token_ids) == TOKENS:
                found.append(int(output.request_id))
    return found


def run(llm: Any, schemas: list[Any]) -> dict[str, float]:
    """One pass over the requests."""
    from vllm import SamplingParams
    from vllm.sampling_params import StructuredOutputsParams

    parameters = [
        SamplingParams(
            max_tokens=TOKENS,
            temperature=0.0,
            ignore_eos=i % 2 == 1,
            structured_outputs=None if i % 2 else StructuredOutputsParams(json=schemas[i // 2 % len(schemas)]),
        )
        for i in range(REQUESTS)
    ]
    SPENT[0] = 0.0
    wall, cpu = time.perf_counter(), time.process_time()
    outputs = llm.generate([PROMPT] * REQUESTS, parameters, use_tqdm=False)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    tokens = sum(len(output.outputs[0].token_ids) for output in outputs)
    first = sorted(
        1000 * (output.metrics.first_token_ts - output.metrics.queued_ts) for output in outputs if output.metrics
    )
    assert tokens == REQUESTS * TOKENS, "an answer is shorter"
    return {
        "tokens / CPU s": tokens / cpu,
        "tokens / s": tokens / wall,
        "first token p50 (ms)": first[len(first) // 2],
        "p99 (ms)": first[len(first) * 99 // 100],
        "masks (us / token)": 1e6 * SPENT[0] / (tokens / 2),
    }


def serve(backend: str) -> None:
    """In a process of its own: answer lines of JSON, `{"judge": schemas}` or `{"run": schemas}`."""
    llm = None
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what vLLM prints
    for line in sys.stdin:
        llm = llm or engine(backend)
        [(kind, schemas)] = json.loads(line).items()
        result = accepted(llm, schemas) if kind == "judge" else [run(llm, schemas) for _ in range(2)]
        print(json.dumps(result), file=out, flush=True)


class Process:
    """The outside of `serve`."""

    def __init__(self, backend: str, cache: str) -> None:
        command = [sys.executable, __file__, "--serve", backend]
        environment = {**os.environ, "BYTEBOUND_CACHE_DIR": cache}  # no grammars of the run before
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self._process: Any = subprocess.Popen(command, env=environment, text=True, **pipes)

    def ask(self, **question: Any) -> Any:
        """The answer to a question."""
        print(json.dumps(question), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())

    def end(self) -> None:
        """Stop it."""
        self._process.stdin.close()
        self._process.wait()


def judged(schemas: list[Any]) -> list[Any]:
    """The schemas that all backends serve alike."""
    kept = set(range(len(schemas)))
    for backend in BACKENDS:
        with tempfile.TemporaryDirectory() as cache:
            process = Process(backend, cache)
            kept &= set(process.ask(judge=schemas))
            process.end()
    return [schemas[i] for i in sorted(kept)]


def main(folder: str) -> None:
    """Print the table."""
    schemas = judged([json.loads(path.read_text())["schema"] for path in sorted(Path(folder).glob("*.json"))])
    parts = [schemas[i : i + SCHEMAS] for i in range(0, len(schemas), SCHEMAS)]
    warm, *rounds = [part for part in parts if len(part) == SCHEMAS][: ROUNDS + 1]
    found: dict[str, list[list[dict[str, float]]]] = {backend: [] for backend in BACKENDS}
    with tempfile.TemporaryDirectory() as cache:
        processes = {backend: Process(backend, f"{cache}/{backend}") for backend in BACKENDS}
        for process in processes.values():
            process.ask(run=warm)
        for part in rounds:
            for backend, process in processes.items():
                found[backend].append(process.ask(run=part))
        for process in processes.values():
            process.end()
    print(f"{len(rounds)} rounds of {SCHEMAS} schemas, {REQUESTS} requests of {TOKENS} tokens, 16 at a time\n")
    names = list(found["bytebound"][0][0])
    print("| backend | pass | " + " | ".join(names) + " |")
    print("| --- | --- |" + " ---: |" * len(names))
    for backend, each in found.items():
        for i, label in enumerate(("first", "again")):
            cells = [statistics.median(passes[i][name] for passes in each) for name in names]
            print(f"| {backend} | {label} | " + " | ".join(f"{cell:.0f}" for cell in cells) + " |")
    for other in BACKENDS[1:]:
        for i, label in enumerate(("first", "again")):
            pairs = zip(found["bytebound"], found[other], strict=True)
            ratios = [ours[i]["tokens / CPU s"] / theirs[i]["tokens / CPU s"] for ours, theirs in pairs]
            print(f"\nbytebound / {other}, {label} pass: median {statistics.median(ratios):.3f}", end="")
            print(f" of {', '.join(f'{ratio:.2f}' for ratio in sorted(ratios))}")


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        serve(sys.argv[2])
    else:
        main(sys.argv[1])
