"""Particles in vLLM: what a step of `posterior` costs beside plain decoding, and beside requests of one token.

    FOLDER/bin/python benchmarks/vllm_particles.py [--rounds 5] [--quick] [--out DIR]

FOLDER is the environment of `vllm_engine.py`. One engine, in turns: `generate` of N rows with sampling (the floor),
live requests with the same tokens forced through `VllmModel`, the same contexts as requests of one token each, and
`posterior` itself. CPU time, medians over the rounds.
"""

from __future__ import annotations

import functools
import statistics
from typing import Any

import vllm_engine
from bytebound import grammars
from bytebound.integrations.vllm import VllmModel, posterior, settings
from report import table
from vllm import SamplingParams

PARTICLES, STEPS = (8, 32), 48
PROMPT = "Describe it: Maria Keller is 34 years old and lives in Lisbon.\n"
GRAMMAR = r"[A-Za-z ,.]{300,}"


def one_token_requests(llm: Any, contexts: list[list[int]]) -> None:
    """Evaluate contexts as requests that end after a token."""
    parameters = SamplingParams(max_tokens=1, temperature=0.0, detokenize=False)
    llm.generate([{"prompt_token_ids": context} for context in contexts], parameters, use_tqdm=False)


def measure(llm: Any, n: int) -> dict[str, float]:
    """Milliseconds per step of N rows, by way."""
    ids = llm.get_tokenizer().encode(PROMPT)
    found: dict[str, float] = {}
    parameters = SamplingParams(max_tokens=STEPS, temperature=1.0, ignore_eos=True, detokenize=False)
    plain = functools.partial(llm.generate, [{"prompt_token_ids": ids}] * n, parameters, use_tqdm=False)
    spent, outputs = vllm_engine.timed(plain)
    found["generate"] = 1000 * spent / STEPS
    rows = [ids + list(output.outputs[0].token_ids) for output in outputs]
    steps = [[row[: len(ids) + i] for row in rows] for i in range(STEPS)]
    model = VllmModel(llm)
    spent, _ = vllm_engine.timed(lambda: [model.next_logprobs(contexts) for contexts in steps])
    model.close()
    found["live requests"] = 1000 * spent / STEPS
    spent, _ = vllm_engine.timed(lambda: [one_token_requests(llm, contexts) for contexts in steps])
    found["one-token requests"] = 1000 * spent / STEPS
    for resampling in ("without-replacement", "systematic"):
        options: dict[str, Any] = {"particles": n, "max_new_tokens": STEPS, "resampling": resampling}
        spent, result = vllm_engine.timed(functools.partial(posterior, llm, ids, grammars.regex(GRAMMAR), **options))
        found[f"posterior, {resampling}"] = 1000 * spent / len(result.ancestry)
    return found


def main() -> None:
    parser = vllm_engine.parser("What a step of particles costs in vLLM.")
    parser.add_argument("--rounds", type=int, default=5, help="turns of all ways, after one that does not count")
    options = parser.parse_args()
    rounds = 1 if options.quick else options.rounds
    llm = vllm_engine.engine(max(PARTICLES), disable_log_stats=True, **settings())
    found = {n: [measure(llm, n) for _ in range(rounds + 1)][1:] for n in PARTICLES}
    figures = {n: {way: statistics.median(each[way] for each in found[n]) for way in found[n][0]} for n in PARTICLES}
    rows = [[way, *(f"{figures[n][way]:.1f}" for n in PARTICLES)] for way in figures[PARTICLES[0]]]
    text = f"Milliseconds of CPU time per step, median of {rounds}.\n\n"
    text += table(["way", *(f"{n} rows" for n in PARTICLES)], rows)
    vllm_engine.write("vllm_particles", "A step of particles in vLLM", text, figures, options.out)


if __name__ == "__main__":
    main()
