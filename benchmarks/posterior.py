"""Sampling from the constrained posterior: ours and genlm-control, side by side in one run.

    python benchmarks/posterior.py --genlm PYTHON [--quick] [--cases LIST] [--rounds N] [--out DIR]

PYTHON is the interpreter of a virtual environment that has genlm-control; it is never imported here:

    python -m venv build/genlm && build/genlm/bin/pip install -c constraints.txt genlm-control==0.4.1

Writes posterior.md, .json and .png after each case. What the figures mean is in README.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import posterior_report
import torch
from bytebound.integrations import models
from figures import processor
from memo_model import MemoModel
from posterior_cases import CASES, Case
from posterior_ours import METHODS, Ours
from tqdm import tqdm

MODEL = "small-bytes"
PARTICLES = (1, 10)
RUNS = {1: 40, 10: 34}
"""Runs of each method in a round."""
MORE = {1: {"ours": 8, "masked": 8, "genlm": 8}, 10: {"ours": 4, "genlm": 6}}
"""Those that are compared have as many times the runs: heavy tails make the variance of few runs a poor estimate."""
REFERENCE = 400
"""Particles of the runs that give the evidence itself."""
INSTALL = (
    "genlm-control runs in a Python of its own. Make one and pass it:\n"
    "    python -m venv build/genlm\n"
    "    build/genlm/bin/pip install -c constraints.txt genlm-control==0.4.1\n"
    "    python benchmarks/posterior.py --genlm build/genlm/bin/python"
)


class Genlm:
    """The process of genlm-control."""

    def __init__(self, python: str) -> None:
        command = [python, str(Path(__file__).parent / "genlm_process.py"), str(models.model_path(MODEL))]
        try:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
        except OSError as error:
            raise SystemExit(f"{python}: {error.strerror}.\n{INSTALL}") from None
        self.version = self._answer()["version"]

    def run(self, case: dict[str, Any]) -> dict[str, Any]:
        """See `genlm_process.run`."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(case) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"The process of genlm-control ended. Is it installed in that Python?\n{INSTALL}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


def measure(
    case: Case, ours: Ours, genlm: Genlm, rounds: int, runs: dict[int, int], limit: float
) -> list[dict[str, Any]]:
    """The raw rows of one case for all numbers of particles: all methods take turns, round by round."""
    question: dict[str, Any] = {
        "kind": case.kind, "constraint": case.constraint, "max_tokens": case.max_tokens, "limit_s": limit,
        "prompt": ours.memo.tokenizer(case.prompt).input_ids,
    }  # fmt: skip
    known = ours.run(question | {"method": "ours", "particles": REFERENCE, "runs": 10, "cold": 0, "seed": 10_000})
    result = []
    for particles in PARTICLES:
        rows: dict[str, dict[str, list[Any]]] = {}
        for turn in range(rounds):
            asked = question | {"particles": particles, "runs": runs[particles], "seed": turn * 1000}
            for method in METHODS:
                if method == "masked" and particles > 1:
                    continue
                count, cold = runs[particles] * MORE[particles].get(method, 1), 20 if particles == 1 else 5
                cold *= MORE[particles].get(method, 1)
                answer = ours.run(asked | {"method": method, "runs": count, "cold": cold})
                gather(rows.setdefault(method, {}), answer)
            many = runs[particles] * MORE[particles]["genlm"]
            gather(rows.setdefault("genlm", {}), genlm.run(asked | {"runs": many}))
        result.append({"particles": particles, "evidence": known["log_evidence"], "rows": rows})
    return result


def gather(into: dict[str, list[Any]], answer: dict[str, list[Any]]) -> None:
    """Add the runs of a round to those before."""
    for name, values in answer.items():
        into.setdefault(name, []).extend(values)


def figures(rows: dict[str, list[Any]], evidence: float) -> dict[str, Any]:
    """The figures of one method in one setting; `evidence` is the true one."""
    estimates = np.exp(np.array(rows["log_evidence"])) / evidence
    contexts, steps = np.mean(rows["contexts"]), np.array(rows["steps"])
    evaluations = np.sum(rows["evaluations"]) / steps.sum()
    if "cold_evaluations" in rows:
        evaluations = np.sum(rows["cold_evaluations"]) / np.sum(rows["cold_steps"])
    result = {
        "runs": len(estimates),
        "failures": sum(map(bool, rows["failure"])),
        "mean": estimates.mean(),
        "standard_error": estimates.std() / np.sqrt(len(estimates)),
        "variance": np.mean((estimates - 1) ** 2),
        "contexts": contexts,
        "variance_at_one_context": np.mean((estimates - 1) ** 2) * contexts,
        "evaluations": evaluations,
        "warm_evaluations": np.sum(rows["evaluations"]) / steps.sum(),
        "us": np.median(np.array(rows["seconds"]) / steps) * 1e6,
        "steps": steps.mean(),
    }
    if "cold_seconds" in rows:
        cold = np.exp(np.array(rows["cold_log_evidence"])) / evidence
        result["cold_variance"] = np.mean((cold - 1) ** 2)
        result["cold_variance_at_one_context"] = result["cold_variance"] * np.mean(rows["cold_contexts"])
        result["cold_us"] = np.median(np.array(rows["cold_seconds"]) / np.array(rows["cold_steps"])) * 1e6
    return {name: float(value) for name, value in result.items()} | {"texts": rows["texts"][:3]}


def main() -> None:
    parser = argparse.ArgumentParser(description="Posterior sampling beside genlm-control.")
    parser.add_argument("--genlm", metavar="PYTHON", help="interpreter that has genlm-control")
    parser.add_argument("--quick", action="store_true", help="few runs, to see that it works")
    parser.add_argument("--cases", help="cases such as regex-low,json-high; others keep their earlier results")
    parser.add_argument("--rounds", type=int, default=3, help="turns of all methods")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results", help="folder of the results")
    options = parser.parse_args()
    if options.genlm is None:
        raise SystemExit(INSTALL)
    torch.set_num_threads(1)
    runs = {1: 10, 10: 4} if options.quick else RUNS
    genlm = Genlm(options.genlm)
    ours = Ours(MemoModel(models.model_path(MODEL)))
    found = {
        "machine": processor(),
        "model": MODEL,
        "titles": {name: title for name, (title, _) in METHODS.items()} | {"genlm": f"genlm-control {genlm.version}"},
        "version": version("bytebound"),
    }
    asked = options.cases.split(",") if options.cases else [case.key for case in CASES]
    for case in tqdm([case for case in CASES if case.key in asked]):
        done = []
        for setting in measure(case, ours, genlm, options.rounds, runs, 10.0 if options.quick else 30.0):
            evidence = float(np.mean(np.exp(setting["evidence"])))
            methods = {name: figures(rows, evidence) for name, rows in setting["rows"].items()}
            done.append({
                "key": case.key, "case": case.name, "prompt": case.prompt, "constraint": case.constraint,
                "particles": setting["particles"], "evidence": evidence,
                "evidence_per_step": evidence ** (setting["particles"] / methods["awrs"]["steps"]),
                "methods": methods,
            })  # fmt: skip
        posterior_report.write(found, [*kept(options.out, case), *done], options.out)
    genlm.stop()
    sys.stdout.write((options.out / "posterior.md").read_text("utf-8"))


def kept(folder: Path, case: Case) -> list[dict[str, Any]]:
    """The results of earlier cases and runs that are in the folder, but for those of `case`."""
    earlier = folder / "posterior.json"
    if not earlier.exists():
        return []
    return [s for s in json.loads(earlier.read_text("utf-8"))["settings"] if s["key"] != case.key]


if __name__ == "__main__":
    main()
