"""Text to SQL on GeoQuery: a small model with and without a grammar made from the database, and posterior sampling.

    python benchmarks/text_to_sql.py [--quick] [--methods LIST] [--limit N] [--particles N] [--no-scope] [--out DIR]

The model (`geography_model.py`) is fine-tuned on the train split on first use: seven minutes. Each method answers
the questions of the test split; its queries run on the database, and are right where their rows are those of the query
that the data set gives. Writes text_to_sql.md, .json and .png; what the figures mean is in README.md. Results of
methods that were measured before with the same settings are kept, so that a run may be split (`--methods`).
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

import geography
import geography_model
import numpy as np
import text_to_sql_report
import torch
from bytebound import grammars
from bytebound.decoding import Masker, Vocabulary, tester
from bytebound.decoding.language_model import as_language_model
from domain_methods import Outcome
from figures import processor
from geography import Example
from text_to_sql_methods import METHODS, Method
from tqdm import tqdm

MOST_TOKENS = 300
"""The longest query of the data has 276 with the model's tokenizer."""
KEPT = ("question", "answer", "runs", "right", "probable", "majority")
"""Of each question, in the raw figures."""
Rows = list[tuple[Any, ...]] | None


def constraint(connection: sqlite3.Connection, scope: bool) -> Any:
    """The SQL that the database can prepare; without scope its context-free part, with any names."""
    sql = grammars.sql(connection, dialect="sqlite")
    return sql if scope else sql.grammar


def judged(
    outcome: Outcome, vocabulary: Vocabulary, connection: sqlite3.Connection, example: Example
) -> dict[str, Any]:
    """The figures of one outcome: shares of what runs and what is right, and the rightness of two choices.

    "probable": of the text with the largest share; "majority": of the result with the largest share among the texts
    that run. 1 or 0 each.
    """
    wanted = geography.execute(connection, example.query)
    texts: dict[str, float] = {}
    for answer in outcome.answers:
        text = vocabulary.text(answer.tokens).decode("utf-8", "replace")
        texts[text] = texts.get(text, 0.0) + answer.share
    results: dict[str, Rows] = {text: geography.execute(connection, text) for text in texts}
    right = {text: geography.same(rows, wanted, example.query) for text, rows in results.items()}
    groups: dict[str, float] = {}
    first: dict[str, str] = {}
    for text, rows in results.items():
        if rows is not None:
            key = repr(sorted(map(repr, rows)))
            groups[key] = groups.get(key, 0.0) + texts[text]
            first.setdefault(key, text)
    best = max(texts, key=lambda text: texts[text], default=None)
    chosen = first[max(groups, key=lambda key: groups[key])] if groups else None
    return {
        "runs": sum(share for text, share in texts.items() if results[text] is not None),
        "right": sum(share for text, share in texts.items() if right[text]),
        "probable": float(best is not None and right[best]),
        "majority": float(chosen is not None and right[chosen]),
        "answer": best,
        "evaluations": outcome.evaluations,
        "steps": outcome.steps,
        "seconds": outcome.seconds,
    }


def run(
    method: Method, model: Any, tokenizer: Any, examples: list[Example], scope: bool, particles: int
) -> dict[str, Any]:
    """One method on all questions, with a constraint of its own that remembers its masks from question to question."""
    connection = geography.connect()
    network, vocabulary = as_language_model(model), Vocabulary.from_tokenizer(tokenizer)
    began = time.process_time()
    constrained = tester(Masker(constraint(connection, scope), vocabulary), vocabulary)
    made = time.process_time() - began
    rows = []
    for number, example in enumerate(tqdm(examples, desc=method.title, mininterval=10)):
        prompt, _ = geography_model.encode(tokenizer, example)
        outcome = method.run(network, constrained, prompt, particles, MOST_TOKENS, number)
        rows.append({"question": example.question} | judged(outcome, vocabulary, connection, example))
    answers = [{key: row[key] for key in KEPT} for row in rows]
    return {"title": method.title, "single": method.single, "made_seconds": made} | summary(rows) | {"answers": answers}


def summary(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Means over the questions, and their standard errors; time as mean and median."""
    found: dict[str, float] = {}
    for key in ("runs", "right", "probable", "majority"):
        values = np.array([row[key] for row in rows])
        found |= {key: float(values.mean()), f"{key}_error": float(values.std() / np.sqrt(len(values)))}
    steps = sum(row["steps"] for row in rows)
    seconds = np.array([row["seconds"] for row in rows])
    return found | {
        "evaluations": sum(row["evaluations"] for row in rows) / steps,
        "ms": float(seconds.mean() * 1e3),
        "ms_p50": float(np.median(seconds) * 1e3),
        "ms_per_step": float(seconds.sum() / steps * 1e3),
    }


def evenly(examples: list[Example], limit: int | None) -> list[Example]:
    """At most `limit` of them, evenly spread, since neighbours are alike."""
    count = min(limit or len(examples), len(examples))
    return [examples[i * len(examples) // count] for i in range(count)]


def main() -> None:
    parser = argparse.ArgumentParser(description="Text to SQL on GeoQuery.")
    parser.add_argument("--quick", action="store_true", help="few questions and a model hardly trained, to try it")
    parser.add_argument("--methods", default=",".join(METHODS), help="which methods; others keep their earlier results")
    parser.add_argument("--limit", type=int, help="so many questions, evenly spread; default: the whole test split")
    parser.add_argument("--particles", type=int, default=10, help="samples or particles of every method")
    parser.add_argument("--steps", type=int, default=geography_model.STEPS, help="of the model's training")
    parser.add_argument("--no-scope", action="store_true", help="masks of the syntax alone, with any names")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results", help="folder of the results")
    options = parser.parse_args()
    if options.quick:
        options.limit, options.particles, options.steps = 8, 4, 60
    torch.set_num_threads(1)
    model, tokenizer, record = geography_model.load(options.steps)
    examples = evenly(geography.examples("test"), options.limit)
    settings = {
        "machine": processor(),
        "questions": len(examples),
        "particles": options.particles,
        "scope": not options.no_scope,
        "training": record,
        "gold": gold(examples, not options.no_scope),
    }
    done = earlier(options.out / "text_to_sql.json", settings)
    for name in options.methods.split(","):
        done[name] = run(METHODS[name], model, tokenizer, examples, not options.no_scope, options.particles)
        rows = {name: done[name] for name in METHODS if name in done}
        text_to_sql_report.write(settings | {"methods": rows}, options.out)
    sys.stdout.write((options.out / "text_to_sql.md").read_text("utf-8"))


def gold(examples: list[Example], scope: bool) -> dict[str, int]:
    """Of the right queries, how many do not run, how many give no rows, and how many the grammar takes."""
    connection = geography.connect()
    grammar = constraint(connection, scope)
    results = [geography.execute(connection, example.query) for example in examples]
    return {
        "failing": sum(rows is None for rows in results),
        "empty": sum(rows == [] for rows in results),
        "accepted": sum(grammar.matches(" " + example.query) for example in examples),
    }


def earlier(path: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Results of an earlier run with the same settings."""
    if not path.exists():
        return {}
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    methods: dict[str, Any] = found.pop("methods")
    return methods if found == settings else {}


if __name__ == "__main__":
    main()
