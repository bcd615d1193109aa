"""Figures of a run of `masks.py`: verdicts, distributions of times, and the outcome of every schema."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from engines import ENGINES
from instances import Case
from numpy.typing import NDArray

SLOWEST = 30

Outcomes = dict[str, dict[str, dict[str, Any]]]
Nanoseconds = NDArray[np.int64]
Times = NDArray[np.float64]


def summarize(
    cases: list[Case],
    outcomes: Outcomes,
    starts: dict[str, dict[str, Any]],
    versions: dict[str, str],
    tokenizer: str,
    size: int,
) -> dict[str, Any]:
    """All figures of a run. `outcomes`: by engine and schema, what `engine_process.Remote.case` returned (ns)."""
    whole = [name for name in outcomes if ENGINES[name].every == 1]
    common = [c for c in cases if all(outcomes[name][c.id]["status"] == "compiled" for name in whole)]
    engines = {}
    for name, results in outcomes.items():
        start, overhead = starts[name], starts[name]["overhead_ns"]
        done = [case for case in cases if results.get(case.id, {}).get("status") == "compiled"]
        process = {
            "load_s": start["load_ns"] / 1e9,
            "load_uncached_s": start["load_uncached_ns"] / 1e9 if "load_uncached_ns" in start else None,
            "first_use_s": start["first_use_ns"] / 1e9,
            "batch_ms": start.get("batch_ms"),
            "memory_mb": max((r["peak"] for r in results.values() if "peak" in r), default=0) / 1e6,
        }
        engines[name] = {
            "title": ENGINES[name].title,
            "version": versions[name],
            **_verdicts(cases, results),
            **_times([results[case.id] for case in done], overhead),
            **process,
            "common": _times([results[case.id] for case in common], overhead) if name in whole else {},
            "slowest_masks": _slowest(done, results, overhead),
            "schemas": {case.id: _schema(case, results[case.id], overhead) for case in cases if case.id in results},
        }
    return {
        "machine": {"processor": processor(), "cores": os.cpu_count(), "python": platform.python_version()},
        "tokenizer": {"name": tokenizer, "size": size},
        "schemas": len(cases),
        "texts": sum(len(case.texts) for case in cases),
        "tokens": sum(len(text.tokens) for case in cases for text in case.texts),
        "common_schemas": len(common),
        "engines": engines,
        "times": {name: _pooled(list(r.values()), starts[name]["overhead_ns"]) for name, r in outcomes.items()},
    }


def _pooled(results: Iterable[dict[str, Any]], overhead: int) -> dict[str, Times]:
    """The times of all masks, accepts (us) and compilations (ms), less the overhead of the clock."""
    done = [r for r in results if r["status"] == "compiled"]

    def gather(walk: str, what: str) -> Nanoseconds:
        return np.concatenate([np.empty(0, np.int64), *(r[walk][what] for r in done)])

    cold, warm = gather("first", "fills"), gather("again", "fills")
    accept_cold, accept_warm = gather("first", "accepts"), gather("again", "accepts")
    starts = np.array([r["first"]["starts"][0] for r in done])
    compiled = np.array([r["compile"] for r in done])
    firsts = np.array([r["first"]["fills"][0] for r in done if len(r["first"]["fills"])])
    return {
        "compile_ms": compiled / 1e6,
        "first_ms": (compiled + starts + firsts) / 1e6 if len(firsts) == len(done) else compiled / 1e6,
        "cold_us": _less(cold, overhead),
        "warm_us": _less(warm, overhead),
        "accept_cold_us": _less(accept_cold[accept_cold >= 0], overhead),
        "accept_warm_us": _less(accept_warm[accept_warm >= 0], overhead),
        "pair_us": _less(warm[accept_warm >= 0], overhead) + _less(accept_warm[accept_warm >= 0], overhead),
    }


def _less(ns: Nanoseconds, overhead: int) -> Times:
    return np.maximum(ns - overhead, 0) / 1e3


def _times(results: list[dict[str, Any]], overhead: int) -> dict[str, Any]:
    pooled = _pooled(results, overhead)
    figures: dict[str, Any] = {key: _distribution(values) for key, values in pooled.items()}
    matchers = sum(int(r["first"]["starts"].sum()) for r in results) / 1e3
    tokens = len(pooled["cold_us"])
    spent = pooled["compile_ms"].sum() * 1e3 + matchers + pooled["cold_us"].sum() + pooled["accept_cold_us"].sum()
    figures["all_in_us"] = spent / tokens if tokens else None
    figures["masks"] = tokens
    return figures


def _distribution(values: Times) -> dict[str, float | None]:
    if not len(values):
        return dict.fromkeys(("mean", "p50", "p90", "p99", "max"))
    p50, p90, p99, most = np.percentile(values, [50, 90, 99, 100]).tolist()
    return {"mean": float(values.mean()), "p50": p50, "p90": p90, "p99": p99, "max": most}


def _wrong(case: Case, result: dict[str, Any], valid: bool) -> list[int]:
    """Indices of the texts of one kind that were judged wrongly."""
    ends = result["first"]["ends"]
    return [i for i, text in enumerate(case.texts) if text.valid == valid and ends[i][0] != valid]


def _verdicts(cases: list[Case], results: dict[str, dict[str, Any]]) -> dict[str, int]:
    status = [r["status"] for r in results.values()]
    done = [case for case in cases if results.get(case.id, {}).get("status") == "compiled"]
    rejected = [case for case in done if _wrong(case, results[case.id], True)]
    accepted = [case for case in done if _wrong(case, results[case.id], False)]
    wrong = {case.id for case in rejected + accepted}
    return {
        "asked": len(status),
        "compiled": len(done),
        "refused": status.count("refused"),
        "failed": len(status) - len(done) - status.count("refused"),
        "right": len(done) - len(wrong),
        "valid_rejected": len(rejected),
        "invalid_accepted": len(accepted),
    }


def _schema(case: Case, result: dict[str, Any], overhead: int) -> dict[str, Any]:
    """One schema's outcome for the raw figures."""
    if result["status"] != "compiled":
        return {"status": result["status"], "why": result["why"]}
    outcome = _times([result], overhead)
    outcome |= {"status": "compiled", "compile_ms": result["compile"] / 1e6}
    for key, valid in (("valid_rejected", True), ("invalid_accepted", False)):
        outcome[key] = {
            str(i): {"token": result["first"]["ends"][i][1], "error": result["first"]["ends"][i][2]}
            for i in _wrong(case, result, valid)
        }
    return outcome


def _slowest(cases: list[Case], results: dict[str, dict[str, Any]], overhead: int) -> list[dict[str, Any]]:
    """The masks of the first walk that took longest."""
    found: list[tuple[float, str, int, int]] = []
    for case in cases:
        walk = results[case.id]["first"]
        place = [(i, j) for i, end in enumerate(walk["ends"]) for j in range(end[1] + 1)]
        for at in np.argsort(walk["fills"])[-SLOWEST:]:
            text, token = place[at] if at < len(place) else (-1, -1)
            found.append((float(_less(walk["fills"][at], overhead)), case.id, text, token))
    found.sort(reverse=True)
    return [dict(zip(("us", "schema", "text", "token"), entry, strict=True)) for entry in found[:SLOWEST]]


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
