"""Generation from prompts that end inside a token, on vLLM: `generate_bytes` beside plain `llm.generate`.

    FOLDER/bin/python benchmarks/vllm_bytes.py [--rounds 5] [--quick] [--out DIR]

FOLDER is the environment of `vllm_engine.py`. Prompts are texts of the corpus cut after some bytes; plain generation
takes them as they are tokenized, which is cheaper and another law. Times are CPU seconds of the process, the median of
several rounds in turn; the prefix cache is emptied before each.
"""

from __future__ import annotations

import functools
import statistics
from collections.abc import Callable
from typing import Any

import torch
import vllm_engine
from bytebound.integrations.vllm import generate_bytes, settings
from report import table
from vllm import SamplingParams

SETTINGS = [(1, 60, 32), (1, 600, 32), (1, 60, 128), (32, 60, 32), (32, 600, 32), (32, 60, 128)]
HEADER = ["prompts, bytes, new tokens", "plain (s)", "exact (s)", "exact / plain", "steps, plain", "steps, exact"]
TEXT = (
    "The weather in Lisbon is often mild, and in winter it rains. Maria Keller is 34 years old and lives in Lisbon. "
    "Owls eat mice, and mice eat grain, which farmers grow in the country. Once upon a time there was a miller. "
)


def prompts(count: int, length: int) -> list[str]:
    """Texts of about so many bytes, cut anywhere."""
    text = TEXT * (2 + length // len(TEXT))
    return [text[7 * i % len(TEXT) :][: length + i % 5].lstrip() for i in range(count)]


def measured(llm: Any, task: Callable[[], Any]) -> tuple[float, int]:
    """CPU time of a task that begins with an empty prefix cache, and the steps of the engine in it."""
    llm.reset_prefix_cache()
    runner = llm.llm_engine.engine_core.engine_core.model_executor.driver_worker.worker.model_runner
    steps, whole = [0], runner.execute_model

    def counted(*arguments: Any, **named: Any) -> Any:
        steps[0] += 1
        return whole(*arguments, **named)

    runner.execute_model = counted
    spent, _ = vllm_engine.timed(task)
    del runner.execute_model
    return spent, steps[0]


def main() -> None:
    parser = vllm_engine.parser("Generation from prompts that end inside a token, on vLLM.")
    parser.add_argument("--rounds", type=int, default=5, help="turns of both, after one that does not count")
    options = parser.parse_args()
    rounds = 1 if options.quick else options.rounds
    torch.set_num_threads(1)
    llm = vllm_engine.engine(32, **settings())
    figures = []
    for count, length, tokens in SETTINGS[:1] if options.quick else SETTINGS:
        texts = prompts(count, length)
        parameters = SamplingParams(max_tokens=tokens, temperature=0.0, ignore_eos=True, detokenize=False)
        plain = functools.partial(llm.generate, texts, parameters, use_tqdm=False)
        exact = functools.partial(generate_bytes, llm, texts, max_new_tokens=tokens, temperature=0.0, ignore_eos=True)
        found = [(measured(llm, plain), measured(llm, exact)) for _ in range(rounds + 1)][1:]
        figures.append({
            "prompts": count, "bytes": length, "tokens": tokens,
            "plain_s": statistics.median(plain[0] for plain, _ in found), "plain_steps": found[0][0][1],
            "exact_s": statistics.median(exact[0] for _, exact in found), "exact_steps": found[0][1][1],
        })  # fmt: skip
    rows = [
        [f"{f['prompts']}, {f['bytes']}, {f['tokens']}", f"{f['plain_s']:.3f}", f"{f['exact_s']:.3f}",
         f"{f['exact_s'] / f['plain_s']:.2f}", f"{f['plain_steps']}", f"{f['exact_steps']}"]
        for f in figures
    ]  # fmt: skip
    text = f"CPU time for all prompts together, median of {rounds}; the prefix cache is empty before each.\n\n"
    text += table(HEADER, rows)
    vllm_engine.write("vllm_bytes", "Prompts that end inside a token", text, figures, options.out)


if __name__ == "__main__":
    main()
