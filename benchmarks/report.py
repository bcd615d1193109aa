"""Tables and pictures of the benchmarks of masks.

`write` puts the figures of `masks.py` into a folder as masks.json (all figures, and the outcome of every schema),
masks.md (the table) and masks.png (the picture). `table` and `COLORS` also serve `apply_masks.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from engines import ENGINES
from figures import Times

matplotlib.use("Agg")
from matplotlib import pyplot as plt

COLORS = {
    "ours": "#0b6e4f",
    "llguidance": "#c1666b",
    "xgrammar": "#4f6d9a",
    "xgrammar-loose": "#9ab0d0",
    "outlines": "#b5a267",
    "clone": "#bbbbbb",
    "copy": "#888888",
}

# Rows of the table: label, key of the figure, digits after the point.
VERDICTS: list[tuple[str, str, int]] = [
    ("schemas asked", "asked", 0),
    ("compiled", "compiled", 0),
    ("refused", "refused", 0),
    ("not done in time, or crashed", "failed", 0),
    ("compiled and fully right", "right", 0),
    ("with a valid instance rejected", "valid_rejected", 0),
    ("with an invalid instance accepted", "invalid_accepted", 0),
]
TIMES: list[tuple[str, str, int]] = [
    ("compile, p50 (ms)", "compile_ms.p50", 2),
    ("compile, p90 (ms)", "compile_ms.p90", 1),
    ("compile, p99 (ms)", "compile_ms.p99", 1),
    ("compile + first mask, p50 (ms)", "first_ms.p50", 2),
    ("compile + first mask, p90 (ms)", "first_ms.p90", 1),
    ("mask, first walk, mean (us)", "cold_us.mean", 1),
    ("mask, first walk, p50 (us)", "cold_us.p50", 2),
    ("mask, first walk, p99 (us)", "cold_us.p99", 1),
    ("mask, revisit, mean (us)", "warm_us.mean", 2),
    ("mask, revisit, p50 (us)", "warm_us.p50", 2),
    ("mask, revisit, p99 (us)", "warm_us.p99", 1),
    ("accept, first walk, mean (us)", "accept_cold_us.mean", 2),
    ("accept, first walk, p99 (us)", "accept_cold_us.p99", 1),
    ("accept, revisit, mean (us)", "accept_warm_us.mean", 2),
    ("accept, revisit, p50 (us)", "accept_warm_us.p50", 2),
    ("accept, revisit, p99 (us)", "accept_warm_us.p99", 1),
    ("mask + accept, revisit, mean (us)", "pair_us.mean", 2),
    ("mask + accept, revisit, p99 (us)", "pair_us.p99", 1),
    ("all in: compile and first walk, per token (us)", "all_in_us", 1),
]
PROCESS: list[tuple[str, str, int]] = [
    ("vocabulary load (s)", "load_s", 2),
    ("vocabulary load without disk cache (s)", "load_uncached_s", 2),
    ("first use in a new process (s)", "first_use_s", 2),
    ("64 masks, revisit (ms)", "batch_ms", 3),
    ("memory, largest growth (MB)", "memory_mb", 0),
]


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A markdown table."""
    lines = [list(header), ["---"] + ["---:"] * (len(header) - 1), *map(list, rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def ratio(a: float, b: float) -> str:
    """a / b for a cell of a table."""
    return f"{a / b:.2g}x" if a < 10 * b else f"{a / b:,.0f}x"


def _lookup(figures: dict[str, Any], key: str) -> float | None:
    first, _, rest = key.partition(".")
    value: Any = figures.get(first)
    return _lookup(value, rest) if rest and value is not None else value


def _rows(engines: dict[str, dict[str, Any]], rows: list[tuple[str, str, int]], compare: bool) -> list[list[str]]:
    """Rows of the table; with `compare`, the best peer that was asked about all schemas, as a multiple of ours."""
    lines = []
    for label, key, digits in rows:
        values = {name: _lookup(figures, key) for name, figures in engines.items()}
        cells = ["" if value is None else f"{value:,.{digits}f}" for value in values.values()]
        if compare:
            peers = [v for name, v in values.items() if name != "ours" and ENGINES[name].every == 1 and v]
            ours = values.get("ours")
            cells.append(ratio(min(peers), ours) if peers and ours else "")
        lines.append([label, *cells])
    return lines


def write(figures: dict[str, Any], folder: Path) -> None:
    """Write masks.json, masks.md and masks.png."""
    times = figures.pop("times")
    (folder / "masks.json").write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", "utf-8")
    (folder / "masks.md").write_text(_markdown(figures), "utf-8")
    _draw(figures, times, folder / "masks.png")


def _markdown(figures: dict[str, Any]) -> str:
    engines, tokenizer, machine = figures["engines"], figures["tokenizer"], figures["machine"]
    header = ["", *(f"{e['title']} {e['version']}" for e in engines.values()), "best peer / ours"]
    rows = _rows(engines, VERDICTS, compare=False)
    rows = [[*row, ""] for row in rows] + _rows(engines, TIMES + PROCESS, compare=True)
    text = (
        f"# Masks of {figures['schemas']} JSON schemas\n\n"
        f"{figures['texts']:,} instances, {figures['tokens']:,} tokens of {tokenizer['name']} ({tokenizer['size']:,} "
        f"ids); CPU time on {machine['processor']}, Python {machine['python']}. Written by "
        "`python benchmarks/masks.py`; what the figures mean is in [README.md](../README.md).\n\n" + table(header, rows)
    )
    sampled = [e["title"] for name, e in engines.items() if ENGINES[name].every > 1]
    if sampled:
        text += f"\n{', '.join(sampled)}: a sample of the schemas, with a time limit, and not in the last column.\n"
    whole = {name: e["common"] | {"title": e["title"]} for name, e in engines.items() if e["common"]}
    if len(whole) > 1:
        text += f"\nOn the {figures['common_schemas']} schemas that all of these compile:\n\n" + table(
            ["", *(e["title"] for e in whole.values()), "best peer / ours"], _rows(whole, TIMES, compare=True)
        )
    return text


def _draw(figures: dict[str, Any], times: dict[str, dict[str, Times]], path: Path) -> None:
    """Verdicts as bars, and the times as the share of cases that took longer."""
    figure, panels = plt.subplots(2, 2, figsize=(11, 7.5), layout="constrained")
    engines = figures["engines"]
    _draw_verdicts(panels[0, 0], {name: e for name, e in engines.items() if ENGINES[name].every == 1})
    for panel, key, unit, title in (
        (panels[0, 1], "first_ms", "ms", "compile + first mask"),
        (panels[1, 0], "cold_us", "us", "mask, first walk"),
        (panels[1, 1], "pair_us", "us", "mask + accept, revisit"),
    ):
        for name, pooled in times.items():
            values = np.sort(pooled[key])
            if len(values):
                share = 1 - np.arange(len(values)) / len(values)
                panel.step(np.maximum(values, 0.1), share, color=COLORS[name], label=engines[name]["title"])
        panel.set(xscale="log", yscale="log", xlabel=unit, title=title, ylim=(1e-4 if unit == "us" else 3e-3, 1.1))
        panel.set_ylabel("share that takes longer")
        panel.grid(alpha=0.3)
        panel.legend(fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _draw_verdicts(panel: Any, engines: dict[str, dict[str, Any]]) -> None:
    parts: list[tuple[str, str, Callable[[dict[str, Any]], int]]] = [
        ("right", "#0b6e4f", lambda e: e["right"]),
        ("wrong on an instance", "#c1666b", lambda e: e["compiled"] - e["right"]),
        ("refused", "#cccccc", lambda e: e["refused"]),
        ("no result in time", "#777777", lambda e: e["failed"]),
    ]
    names = [e["title"] for e in engines.values()]
    left = np.zeros(len(names))
    for label, color, count in parts:
        widths = [count(e) for e in engines.values()]
        panel.barh(names, widths, left=left, color=color, label=label)
        left += widths
    panel.invert_yaxis()
    panel.set_title("schemas")
    panel.legend(fontsize=8, loc="lower left")
