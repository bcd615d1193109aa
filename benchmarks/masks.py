"""Token masks of real JSON schemas: ours, llguidance, XGrammar and Outlines-core, side by side in one run.

    python benchmarks/masks.py [--schemas DIR] [--tokenizer NAME] [--engines ours,llguidance,xgrammar,outlines]
                               [--limit N] [--out DIR]

The engines, each in a process of its own (`engine_process.py`), take turns schema by schema, so that noise of the
machine hits all alike. What each figure means is said in README.md beside this file; `report.py` writes the table, the
picture and the raw figures.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import report
from engine_process import Remote
from engines import ENGINES, engine_version
from figures import summarize
from instances import SHARED, Case, load_cases, load_tokenizer
from tqdm import tqdm

BATCH = 64
BATCH_COMPILE_MS = 1000.0  # schemas slower than this are left out of the batch, which is about masks only


def batch_jobs(cases: list[Case], outcomes: dict[str, dict[str, dict[str, Any]]]) -> list[tuple[Any, list[int]]]:
    """Schemas that every engine asked about all compiles soon, each with a part of a text that all accept."""
    whole = [name for name in outcomes if ENGINES[name].every == 1]
    jobs = []
    for case in cases:
        results = [outcomes[name][case.id] for name in whole]
        if not all(r["status"] == "compiled" and r["compile"] < BATCH_COMPILE_MS * 1e6 for r in results):
            continue
        for i, text in enumerate(case.texts):
            if text.valid and all(r["first"]["ends"][i][0] for r in results):
                jobs.append((case.schema, text.tokens))
                break
    spread = [(*jobs[i * len(jobs) // BATCH], i * 37 % BATCH / BATCH) for i in range(BATCH)] if jobs else []
    return [(schema, tokens[: int(part * len(tokens))]) for schema, tokens, part in spread]


def main() -> None:
    parser = argparse.ArgumentParser(description="Token masks of JSON schemas, engine by engine.")
    parser.add_argument("--schemas", type=Path, default=SHARED / "schemas" / "open", help="folder of schema files")
    parser.add_argument("--tokenizer", default="tekken", help="a folder, or a name under ../shared/tokenizers")
    parser.add_argument("--engines", default=",".join(ENGINES), help=f"of {', '.join(ENGINES)}")
    parser.add_argument("--limit", type=int, help="take only so many schemas, evenly spread")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results", help="folder of the results")
    options = parser.parse_args()
    names = options.engines.split(",")
    if unknown := [name for name in names if name not in ENGINES]:
        parser.error(f"unknown engines {', '.join(unknown)}: choose of {', '.join(ENGINES)}")

    tokenizer = load_tokenizer(options.tokenizer)
    cases = load_cases(options.schemas, tokenizer, options.limit)
    outcomes: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in names}
    starts: dict[str, dict[str, Any]] = {}
    remotes: dict[str, Remote] = {}
    with tempfile.TemporaryDirectory() as cache:
        os.environ["BYTEBOUND_CACHE_DIR"] = cache  # empty: our first start finds no cached vocabulary, the second does
        try:
            for name in names:
                if name == "ours":
                    uncached = Remote(name, options.tokenizer)
                    uncached.stop()
                    starts[name] = {"load_uncached_ns": uncached.ready["load_ns"]}
                remotes[name] = Remote(name, options.tokenizer)
                starts[name] = starts.get(name, {}) | remotes[name].ready
            for number, case in enumerate(tqdm(cases, unit="schema")):
                for turn in range(len(names)):
                    name = names[(number + turn) % len(names)]
                    if number % ENGINES[name].every == 0:
                        outcomes[name][case.id] = remotes[name].case(case)
            jobs = batch_jobs(cases, outcomes)
            for name in names:
                if jobs and ENGINES[name].every == 1:
                    starts[name]["batch_ms"] = remotes[name].batch(jobs)
        finally:
            for remote in remotes.values():
                remote.stop()
    versions = {name: engine_version(ENGINES[name]) for name in names}
    figures = summarize(cases, outcomes, starts, versions, options.tokenizer, len(tokenizer))
    options.out.mkdir(parents=True, exist_ok=True)
    report.write(figures, options.out)
    sys.stdout.write((options.out / "masks.md").read_text("utf-8"))


if __name__ == "__main__":
    main()
