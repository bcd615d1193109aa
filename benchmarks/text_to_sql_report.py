"""Table and picture of `text_to_sql.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from report import table

matplotlib.use("Agg")
from matplotlib import pyplot as plt

PANELS = [("runs", "queries that run", "#9ab0d0"), ("right", "right, one answer", "#5fb49c")]
CHOICES = [("probable", "right, most probable", "#0b6e4f"), ("majority", "right, most probable result", "#b5a267")]


def write(found: dict[str, Any], folder: Path) -> None:
    """Write text_to_sql.json, text_to_sql.md and text_to_sql.png."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "text_to_sql.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    (folder / "text_to_sql.md").write_text(markdown(found), "utf-8")
    draw(found, folder / "text_to_sql.png")


def markdown(found: dict[str, Any]) -> str:
    """The table with what one must know to read it."""
    training, gold, n = found["training"], found["gold"], found["questions"]
    grammar = "tables, columns and scope included" if found["scope"] else "the syntax alone, without scope"
    text = (
        f"# Text to SQL on GeoQuery\n\n{n} questions of the test split, {found['particles']} samples or particles; "
        f"small-bytes (2.4 million weights) fine-tuned for {training['steps']} steps ({training['cpu_minutes']:.0f} "
        f"minutes; {training['dev']:.3f} nats per token on the dev split). Grammar: `grammars.sql` of the database, "
        f"{grammar}; it takes {gold['accepted']} of the {n} right queries. {gold['failing']} of these do not run in "
        f"SQLite, so that no answer counts as right; {gold['empty']} give no rows. CPU time on {found['machine']}, one "
        "thread, model included. Written by `python benchmarks/text_to_sql.py`; what the figures mean is in "
        "[README.md](../README.md).\n\n"
    )
    header = [
        "", "run", "right", "right, most probable", "right, most probable result", "evaluations per step",
        "ms per question", "ms per step",
    ]  # fmt: skip
    rows = []
    for f in found["methods"].values():
        chosen = ["", ""] if f["single"] else [percent(f, key) for key, _, _ in CHOICES]
        rows.append([
            f["title"], percent(f, "runs"), percent(f, "right"), *chosen, f"{f['evaluations']:.2f}", f"{f['ms']:,.0f}",
            f"{f['ms_per_step']:.1f}",
        ])  # fmt: skip
    return text + table(header, rows) + changes(found["methods"])


def percent(f: dict[str, Any], key: str) -> str:
    """A mean with its standard error."""
    return f"{f[key]:.1%} ± {f[f'{key}_error']:.1%}"


def changes(methods: dict[str, Any]) -> str:
    """How masks change greedy answers, question by question."""
    if "greedy" not in methods or "masked greedy" not in methods:
        return ""
    pairs = list(zip(methods["greedy"]["answers"], methods["masked greedy"]["answers"], strict=True))
    better = sum(a["right"] < b["right"] for a, b in pairs)
    worse = sum(a["right"] > b["right"] for a, b in pairs)
    other = sum(a["answer"] != b["answer"] for a, b in pairs)
    return f"\nMasks change {other} greedy answers: {better} become right, {worse} become wrong.\n"


def draw(found: dict[str, Any], path: Path) -> None:
    """Bars of what runs and what is right."""
    methods = list(found["methods"].values())
    figure, panel = plt.subplots(figsize=(10, 4.5), layout="constrained")
    for i, (key, label, color) in enumerate(PANELS + CHOICES):
        known = [j for j, f in enumerate(methods) if key in ("runs", "right") or not f["single"]]
        heights = [methods[j][key] for j in known]
        errors = [methods[j][f"{key}_error"] for j in known]
        panel.bar(np.array(known) + 0.2 * i, heights, 0.2, yerr=errors, color=color, label=label, ecolor="#555555")
    panel.set(title=f"GeoQuery, {found['questions']} test questions", ylim=(0, 1))
    panel.set_xticks(np.arange(len(methods)) + 0.3, [f["title"] for f in methods])
    panel.grid(alpha=0.3, axis="y")
    figure.legend(fontsize=8, loc="outside lower center", ncols=4)
    figure.savefig(path, dpi=100)
    plt.close(figure)
