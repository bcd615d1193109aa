"""The domains of Lipkin et al. (2025) at the size of small models: patterns, JSON, molecules; seven methods.

    python benchmarks/domains.py [--quick] [--domains LIST] [--particles N] [--repeats N] [--out DIR]

The base model, masking, rejection without weights, sample and rerank, twisted SMC, rejection with weights, and
rejection with SMC. Writes domains.md, .json and .png after each domain; what the figures mean is in README.md.
The molecules train a model of two megabytes on first use (ten minutes).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import domain_report
import molecules
import numpy as np
import torch
from bytebound.decoding import LanguageModel, Masker, Tester, Vocabulary, tester
from bytebound.decoding.language_model import as_language_model
from bytebound.grammars import Grammar
from bytebound.integrations import models
from domain_methods import METHODS, Outcome
from domain_tasks import Task, known_json, open_json, patterns
from domain_tasks import molecules as molecule_tasks
from figures import processor
from tqdm import tqdm
from transformers import AutoModelForCausalLM, AutoTokenizer

DOMAINS: dict[str, tuple[str, Callable[[int], list[Task]], int, Callable[[], tuple[Any, Any]]]] = {
    "patterns": ("pattern matching", patterns, 30, lambda: models.load("small-bytes")),
    "json": ("JSON, known schemas", known_json, 16, lambda: models.load("small-bytes")),
    "open": ("JSON, unknown schemas", open_json, 12, lambda: models.load("small-bytes")),
    "early": ("molecules, early model", molecule_tasks, 8, lambda: _molecules("early")),
    "late": ("molecules, late model", molecule_tasks, 8, lambda: _molecules("late")),
}
"""Title, tasks, how many of them, and the model with its tokenizer."""


def _molecules(name: str) -> tuple[Any, Any]:
    folder = molecules.model_folder(name)
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval(), AutoTokenizer.from_pretrained(
        folder
    )


def score(
    task: Task, outcome: Outcome, model: LanguageModel, vocabulary: Vocabulary, prompt: list[int]
) -> dict[str, Any]:
    """The figures of one outcome: expected validity and rightness of an answer drawn by the shares, and the mean
    log-probability of its valid answers under the model (weight 0 where there is none)."""
    valid = right = nats = 0.0
    for answer in outcome.answers:
        if not answer.share:
            continue
        fine, rightness = task.judge(vocabulary.text(answer.tokens).decode("utf-8", "replace"))
        valid += answer.share * fine
        right += answer.share * rightness
        if fine:
            nats += answer.share * log_probability(model, prompt, answer.tokens)
    return {
        "valid": valid, "right": right, "nats": nats, "evaluations": outcome.evaluations, "steps": outcome.steps,
        "seconds": outcome.seconds,
    }  # fmt: skip


@torch.no_grad()
def log_probability(model: Any, prompt: list[int], tokens: tuple[int, ...]) -> float:
    """Of `tokens` after `prompt`, in nats."""
    ids = torch.tensor([[*prompt, *tokens]])
    logprobs = torch.log_softmax(model.model(ids).logits[0, len(prompt) - 1 : -1].double(), -1)
    return float(logprobs.gather(1, torch.tensor(tokens)[:, None]).sum())


def run(domain: str, limit: int | None, particles: int, repeats: int) -> dict[str, Any]:
    """All methods on the tasks of one domain, taking turns."""
    title, make, usual, load = DOMAINS[domain]
    network, tokenizer = load()
    model, vocabulary = as_language_model(network), Vocabulary.from_tokenizer(tokenizer)
    tasks = make(min(limit or usual, usual))
    scores: dict[str, list[dict[str, Any]]] = {name: [] for name in METHODS}
    for number, task in enumerate(tqdm(tasks, desc=title)):
        prompt = tokenizer(task.prompt).input_ids or [tokenizer.bos_token_id]
        for repeat in range(repeats):
            for name, (_, method) in METHODS.items():
                seed = 1000 * number + repeat
                constraint = fresh(task.constraint, vocabulary)
                if name == "masked" and number and constraint.price(constraint.start) == np.inf:
                    continue  # without an automaton a mask costs seconds: on the first task only
                if name == "closing" and not hasattr(constraint, "masker"):
                    continue  # nothing is known of how a text could be completed
                outcome = method(model, constraint, prompt, particles, task.max_tokens, seed)
                scores[name].append(score(task, outcome, model, vocabulary, prompt))
    return {
        "title": title,
        "tasks": len(tasks),
        "methods": {name: summary(rows) for name, rows in scores.items() if rows},
    }


def fresh(constraint: Any, vocabulary: Vocabulary) -> Tester:
    """A tester that remembers nothing yet, so that no method profits from those before it."""
    return tester(Masker(constraint, vocabulary) if isinstance(constraint, Grammar) else constraint, vocabulary)


def summary(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Means over the runs of a method; times as the median."""
    valid = np.array([row["valid"] for row in rows])
    steps = sum(row["steps"] for row in rows)
    return {
        "valid": float(valid.mean()),
        "standard_error": float(valid.std() / np.sqrt(len(valid))),
        "right": float(np.mean([row["right"] for row in rows])),
        "nats": float(sum(row["nats"] for row in rows) / valid.sum()) if valid.any() else float("nan"),
        "evaluations": sum(row["evaluations"] for row in rows) / steps,
        "ms": float(np.median([row["seconds"] for row in rows]) * 1e3),
        "runs": len(rows),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="The domains of Lipkin et al. (2025), small.")
    parser.add_argument("--quick", action="store_true", help="few tasks, once each, to see that it works")
    parser.add_argument("--domains", default=",".join(DOMAINS), help="which domains; others keep their earlier results")
    parser.add_argument("--particles", type=int, default=10, help="samples or particles of every method")
    parser.add_argument("--repeats", type=int, default=2, help="runs of every method on every task")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results", help="folder of the results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    repeats = 1 if options.quick else options.repeats
    limit = 4 if options.quick else None
    found: dict[str, Any] = {
        "machine": processor(),
        "particles": options.particles,
        "titles": {name: title for name, (title, _) in METHODS.items()},
    }
    earlier = options.out / "domains.json"
    done = json.loads(earlier.read_text("utf-8"))["domains"] if earlier.exists() else {}
    for name in options.domains.split(","):
        done[name] = run(name, limit, options.particles, repeats)
        domain_report.write(found | {"domains": {name: done[name] for name in DOMAINS if name in done}}, options.out)
    sys.stdout.write((options.out / "domains.md").read_text("utf-8"))


if __name__ == "__main__":
    main()
