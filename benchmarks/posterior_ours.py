"""Our side of `posterior.py`: the same questions and answers as `genlm_process.py`, with samplers by name."""

from __future__ import annotations

import gc
import json
import time
from typing import Any

import torch
from bytebound import grammars
from bytebound.decoding import Masker, Vocabulary
from bytebound.decoding.language_model import LanguageModel
from bytebound.decoding.sampling import Awrs, HeadTail, Masked, RecursiveAwrs
from bytebound.decoding.sampling.testers import tester
from bytebound.decoding.smc import Lookahead, sample_posterior
from memo_model import MemoModel

GRAMMARS = {
    "regex": grammars.regex,
    "json": lambda schema: grammars.json_schema(schema, property_order="any"),
    "cfg": lambda text: grammars.lark(text),
}
METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "ours": ("ours", {"sampler": HeadTail}),
    "lookahead": ("ours with lookahead", {"sampler": HeadTail, "twist": Lookahead}),
    "tests": ("ours, no masks", {"sampler": lambda: HeadTail(mask="never")}),
    "classical": ("ours, multinomial", {"sampler": HeadTail, "resampling": "multinomial"}),
    "awrs": ("AWRS def. 2, multinomial", {"sampler": Awrs, "resampling": "multinomial"}),
    "recursive": ("recursive AWRS, multinomial", {"sampler": RecursiveAwrs, "resampling": "multinomial"}),
    "masked": ("exact masks, multinomial", {"sampler": Masked, "resampling": "multinomial"}),
}
"""Title, and the arguments of `sample_posterior` that make the method (classes are called anew for each case)."""


class Memo(LanguageModel):
    """A MemoModel as our samplers ask for models."""

    def __init__(self, memo: MemoModel) -> None:
        self.memo = memo
        self.vocabulary_size = memo.model.config.vocab_size
        self.device = torch.device("cpu")

    def next_logprobs(self, contexts: Any) -> torch.Tensor:
        return self.memo.logprobs(contexts)


class Counted:
    """A step sampler that counts its draws."""

    def __init__(self, sampler: Any) -> None:
        self.sampler, self.steps = sampler, 0

    def __call__(self, logits: Any, tester: Any, states: Any, generator: Any, **options: Any) -> Any:
        copies = options.get("copies")
        self.steps += len(states) if copies is None else int(copies.sum())
        return self.sampler(logits, tester, states, generator, **options)


class Ours:
    """Samples from the posterior of one case after another."""

    def __init__(self, memo: MemoModel) -> None:
        self.memo, self.model = memo, Memo(memo)
        self.vocabulary = Vocabulary.from_tokenizer(memo.tokenizer)
        self._made: dict[str, Any] = {}

    def run(self, case: dict[str, Any]) -> dict[str, Any]:
        """See `genlm_process.run`; besides, "method" is a key of METHODS, and "cold" a number of further runs, each
        with a new masker that remembers nothing, whose evaluations and times are in "cold_..."."""
        _, options = METHODS[case["method"]]
        grammar = GRAMMARS[case["kind"]](case["constraint"])
        options = {name: value() if callable(value) else value for name, value in options.items()}
        sampler = options["sampler"] = Counted(options["sampler"])
        key = json.dumps([case["kind"], case["constraint"], case["method"]])
        if key not in self._made:  # kept from round to round, like the other library's caches in its process
            self._made[key] = tester(Masker(grammar, self.vocabulary), self.vocabulary)
        arguments = {**options, "particles": case["particles"], "max_new_tokens": case["max_tokens"]}
        rows = self._runs(case, case["runs"], sampler, arguments, self._made[key])
        cold = self._runs(case, case["cold"], sampler, arguments, grammar)
        return {**rows, **{f"cold_{name}": values for name, values in cold.items()}}

    def _runs(
        self, case: dict[str, Any], runs: int, sampler: Counted, arguments: dict[str, Any], constraint: Any
    ) -> dict[str, list[Any]]:
        rows: dict[str, list[Any]] = {
            name: [] for name in ("log_evidence", "contexts", "evaluations", "steps", "seconds", "texts", "failure")
        }
        gc.collect()
        deadline = time.process_time() + case["limit_s"]
        for i in range(runs):
            if time.process_time() > deadline:
                break
            sampler.steps = 0
            check = constraint
            if isinstance(constraint, grammars.Grammar):
                check = tester(Masker(constraint, self.vocabulary), self.vocabulary)
            self.memo.begin()
            began = time.process_time()
            (posterior,) = sample_posterior(self.model, check, [case["prompt"]], seed=case["seed"] + i, **arguments)
            took = time.process_time() - began - self.memo.seconds
            values = (
                posterior.log_evidence, self.memo.contexts, posterior.evaluations, sampler.steps, took,
                [particle.text for particle in posterior.particles[:2]], "",
            )  # fmt: skip
            for name, value in zip(rows, values, strict=True):
                rows[name].append(value)
        return rows
