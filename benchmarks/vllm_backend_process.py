"""An engine of vLLM with one of its backends for structured output, in a process of its own, for `vllm_backends.py`."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import vllm_engine

TOKENS = 32
PROMPT = "Describe it as JSON: Maria Keller is 34 years old and lives in Lisbon.\n"


class Worker:
    """The engine. `masking` counts the CPU seconds spent in writing masks and following tokens."""

    def __init__(self, backend: str) -> None:
        from bytebound.integrations.vllm import settings

        ours = settings(speculation=True)  # masks only
        theirs = {"structured_outputs_config": {"backend": backend}, "async_scheduling": False}
        options = ours if backend == "bytebound" else theirs
        self.llm = vllm_engine.engine(16, disable_log_stats=False, **options)
        self.masking = 0.0
        scheduler = self.llm.llm_engine.engine_core.engine_core.scheduler
        self._count(scheduler, "get_grammar_bitmask")
        self._count(scheduler.structured_output_manager, "accept_tokens")

    def _count(self, owner: Any, name: str) -> None:
        method = getattr(owner, name)

        def measured(*arguments: Any, **named: Any) -> Any:
            began = time.thread_time()
            result = method(*arguments, **named)
            self.masking += time.thread_time() - began
            return result

        setattr(owner, name, measured)

    def judge(self, schemas: list[Any]) -> list[int]:
        """Numbers of the schemas with which an answer has all its tokens."""
        from vllm.exceptions import VLLMValidationError

        engine = self.llm.llm_engine
        for i, schema in enumerate(schemas):
            with contextlib.suppress(VLLMValidationError):
                engine.add_request(str(i), PROMPT, parameters(schema))
        found = []
        while engine.has_unfinished_requests():
            for output in engine.step():
                answer = output.outputs[0]
                if output.finished and answer.finish_reason == "length" and len(answer.token_ids) == TOKENS:
                    found.append(int(output.request_id))
        return found

    def run(self, schemas: list[Any], requests: int) -> dict[str, float]:
        """One pass over the requests: every other one is free text."""
        asked = [parameters(None if i % 2 else schemas[i // 2 % len(schemas)]) for i in range(requests)]
        self.masking, began = 0.0, time.perf_counter()
        cpu, outputs = vllm_engine.timed(lambda: self.llm.generate([PROMPT] * requests, asked, use_tqdm=False))
        wall = time.perf_counter() - began
        tokens = sum(len(output.outputs[0].token_ids) for output in outputs)
        if tokens != requests * TOKENS:
            raise SystemExit("an answer is shorter than it was when the schemas were judged")
        waits = (output.metrics.first_token_ts - output.metrics.queued_ts for output in outputs)
        first = sorted(1000 * wait for wait in waits)
        return {
            "tokens / CPU s": tokens / cpu,
            "tokens / s": tokens / wall,
            "first token p50 (ms)": first[len(first) // 2],
            "p99 (ms)": first[len(first) * 99 // 100],
            "masks (us / token)": 1e6 * self.masking / (tokens / 2),
        }


def parameters(schema: Any) -> Any:
    """Greedy answers of so many tokens, by a schema or free."""
    from vllm import SamplingParams
    from vllm.sampling_params import StructuredOutputsParams

    slot = None if schema is None else StructuredOutputsParams(json=schema)
    return SamplingParams(max_tokens=TOKENS, temperature=0.0, ignore_eos=schema is None, structured_outputs=slot)


def serve(backend: str) -> None:
    """Answer lines of JSON: `{"judge": [schemas]}` or `{"run": [schemas, requests]}`, the latter twice over."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what vLLM prints
    worker = Worker(backend)
    for line in sys.stdin:
        [(kind, arguments)] = json.loads(line).items()
        result = worker.judge(*arguments) if kind == "judge" else [worker.run(*arguments) for _ in range(2)]
        print(json.dumps(result), file=out, flush=True)


class Remote:
    """That process, seen from outside. `cache`: folder for grammars that are kept, new."""

    def __init__(self, backend: str, cache: str) -> None:
        environment = {**os.environ, "BYTEBOUND_CACHE_DIR": cache}
        self._log = Path(f"{cache}.log")
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        command = [sys.executable, __file__, backend]
        with self._log.open("w") as log:
            self._process: Any = subprocess.Popen(command, env=environment, stderr=log, text=True, **pipes)

    def ask(self, kind: str, *arguments: Any) -> Any:
        """The answer to a question; SystemExit with what the process wrote where it has ended."""
        try:
            print(json.dumps({kind: arguments}), file=self._process.stdin, flush=True)
            return json.loads(self._process.stdout.readline())
        except (BrokenPipeError, json.JSONDecodeError):
            raise SystemExit(f"the engine has ended:\n{self._log.read_text()[-3000:]}") from None

    def stop(self) -> None:
        self._process.stdin.close()
        self._process.wait()


if __name__ == "__main__":
    serve(sys.argv[1])
