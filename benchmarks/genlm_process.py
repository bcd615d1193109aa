"""genlm-control on one case at a time, in a Python of its own; asked by `posterior.py`, which explains the figures.

Reads one JSON object a line from the standard input and answers with one line each. It runs what the documentation of
genlm-control runs: `AWRS(llm, condition.coerce(llm, f=b"".join)).smc(...)` with an ESS threshold of 0.5. The model is
`MemoModel` in the place of its own, whose time is taken out.
"""

from __future__ import annotations

import asyncio
import gc
import json
import math
import os
import sys
import time
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from genlm.backend.llm.base import AsyncLM
from genlm.control import AWRS, BoolCFG, BoolFSA, JsonSchema, PromptedLLM
from memo_model import MemoModel

ESS_THRESHOLD = 0.5
CONSTRAINTS = {
    "regex": BoolFSA.from_regex,
    "json": JsonSchema,
    "cfg": BoolCFG.from_lark,
}


class Memo(AsyncLM):  # type: ignore[misc]
    """A MemoModel as genlm-control asks for models."""

    def __init__(self, model: MemoModel) -> None:
        super().__init__(model.tokenizer)
        self.memo = model

    def next_token_logprobs_sync(self, token_ids: list[int], lora_name: str | None = None) -> torch.Tensor:
        return self.memo.logprobs([token_ids])[0]

    async def next_token_logprobs(self, token_ids: list[int], lora_name: str | None = None) -> torch.Tensor:
        return self.next_token_logprobs_sync(token_ids)

    async def batch_next_token_logprobs(
        self, token_ids_list: list[list[int]], lora_name: str | None = None
    ) -> torch.Tensor:
        return self.memo.logprobs(token_ids_list)


class Counted(AWRS):  # type: ignore[misc]
    """AWRS that counts its evaluations of the condition and its steps."""

    evaluations = 0
    steps = 0

    async def _accept(self, context: list[Any], token: Any, verbosity: int = 0) -> Any:
        self.evaluations += 1
        return await super()._accept(context, token, verbosity)

    async def sample(self, context: list[Any], draw: Any = None, verbosity: int = 0) -> Any:
        self.steps += 1
        return await super().sample(context, draw, verbosity)


def run(model: MemoModel, llm: PromptedLLM, conditions: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    """Many runs of one case: lists with an entry for each run; it ends early where they take too long.

    case: "kind", "constraint", "prompt" (ids), "particles", "max_tokens" (EOS not counted), "runs", "seed", "limit_s".
    """
    llm = llm.spawn(prompt_ids=case["prompt"])
    key = json.dumps([case["kind"], case["constraint"]])
    if key not in conditions:  # kept from round to round with what they cache
        conditions[key] = CONSTRAINTS[case["kind"]](case["constraint"]).coerce(llm, f=b"".join)
    sampler = Counted(llm, conditions[key], seed=case["seed"])
    np.random.seed(case["seed"])
    rows: dict[str, list[Any]] = {
        name: [] for name in ("log_evidence", "contexts", "evaluations", "steps", "seconds", "texts", "failure")
    }

    async def once() -> Any:
        return await sampler.smc(
            n_particles=case["particles"], ess_threshold=ESS_THRESHOLD, max_tokens=case["max_tokens"] + 1
        )

    gc.collect()
    deadline = time.process_time() + case["limit_s"]
    with asyncio.Runner() as runner:
        for _ in range(case["runs"]):
            if time.process_time() > deadline:
                break
            model.begin()
            sampler.evaluations = sampler.steps = 0
            failure, evidence, texts = "", -math.inf, []
            began = time.process_time()
            try:
                sequences = runner.run(once())
                evidence = float(sequences.log_ml)
                texts = [
                    b"".join(t for t in context if isinstance(t, bytes)).decode("utf-8", "replace")
                    for context in sequences.contexts[:2]
                ]
            except AssertionError as error:  # its own checks of floating point, see the README
                failure = f"AssertionError: {error}"
            took = time.process_time() - began - model.seconds
            values = (evidence, model.contexts, sampler.evaluations, sampler.steps, took, texts, failure)
            for name, value in zip(rows, values, strict=True):
                rows[name].append(value)
    return rows


def main() -> None:
    torch.set_num_threads(1)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print goes to the standard error
    model = MemoModel(sys.argv[1])
    llm = PromptedLLM(Memo(model))
    print(json.dumps({"version": version("genlm-control")}), file=answers, flush=True)
    conditions: dict[str, Any] = {}
    for line in sys.stdin:
        print(json.dumps(run(model, llm, conditions, json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
