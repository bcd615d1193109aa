"""Table and picture of `domains.py`."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from report import table

matplotlib.use("Agg")
from matplotlib import pyplot as plt

COLORS = ["#bbbbbb", "#b5a267", "#d8cda0", "#9ab0d0", "#4f6d9a", "#5fb49c", "#0b6e4f", "#06402d"]
PANELS = [("valid", "valid answers"), ("right", "right answers or fields"), ("ms", "ms per run, model included")]


def write(found: dict[str, Any], folder: Path) -> None:
    """Write domains.json, domains.md and domains.png."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "domains.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    (folder / "domains.md").write_text(markdown(found), "utf-8")
    draw(found, folder / "domains.png")


def markdown(found: dict[str, Any]) -> str:
    text = (
        "# Patterns, JSON and molecules\n\n"
        f"Every method with {found['particles']} samples or particles; CPU time on {found['machine']}, one thread. "
        "Written by `python benchmarks/domains.py`; what the figures mean is in [README.md](../README.md).\n"
    )
    header = ["", "valid", "right", "nats of valid answers", "evaluations per step", "ms per run", "runs"]
    for domain in found["domains"].values():
        rows = []
        for name, f in domain["methods"].items():
            rows.append([
                found["titles"][name], f"{f['valid']:.1%} ± {f['standard_error']:.1%}", f"{f['right']:.1%}",
                "" if math.isnan(f["nats"]) else f"{f['nats']:.1f}", f"{f['evaluations']:.2f}", f"{f['ms']:,.0f}",
                f"{f['runs']}",
            ])  # fmt: skip
        text += f"\n{domain['title']}, {domain['tasks']} tasks:\n\n"
        text += table(header, rows)
    return text


def draw(found: dict[str, Any], path: Path) -> None:
    domains = list(found["domains"].values())
    figure, panels = plt.subplots(len(PANELS), 1, figsize=(11, 9), layout="constrained")
    width = 0.8 / len(found["titles"])
    for panel, (key, title) in zip(panels, PANELS, strict=True):
        for i, (name, label) in enumerate(found["titles"].items()):
            values = [domain["methods"].get(name, {}).get(key, 0.0) for domain in domains]
            panel.bar(np.arange(len(domains)) + width * i, values, width, color=COLORS[i], label=label)
        panel.set(title=title, **({"yscale": "log"} if key == "ms" else {"ylim": (0, 1)}))
        panel.set_xticks(np.arange(len(domains)) + 0.4, [domain["title"] for domain in domains])
        panel.grid(alpha=0.3, axis="y")
    figure.legend(*panels[0].get_legend_handles_labels(), fontsize=8, ncols=4, loc="outside upper center")
    figure.savefig(path, dpi=100)
    plt.close(figure)
