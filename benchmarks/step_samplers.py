"""Step samplers: variance of the weight against evaluations of the constraint, and time per row.

    python benchmarks/step_samplers.py [--distributions 60] [--out DIR]

Variance: synthetic distributions over 32,768 tokens, Zipf laws in random order, of which each token is allowed with the
same probability; so much that a model agrees with its constraint (low divergence), less (medium), hardly (high). Each
sampler draws 100 times from each distribution; the relative variance is the mean of (w / Z - 1)^2. Both genlm-control
estimators are ours, written after its version 0.4.1.

Time: CPU time of a call over rows of float32 logits, per row, torch held to one thread, medians; rows whose most
probable token is allowed and holds nearly all mass, and rows of medium divergence. Beside them the work that a sampler
begins with when it sorts the vocabulary by Gumbel keys, in numpy. Writes step_samplers.md, .json and .png.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import matplotlib
import numpy as np
import torch
from bytebound.decoding import (
    Awrs,
    GeometricAwrs,
    HeadTail,
    Masked,
    RecursiveAwrs,
    StepSampler,
    Tester,
)
from figures import processor
from report import table

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.ticker import NullFormatter, ScalarFormatter

SIZE = 32_768
DRAWS = 100
DIVERGENCES = {"low": (1.5, 0.75), "medium": (1.3, 0.2), "high": (1.05, 0.003)}
"""Exponent of Zipf's law, and the probability that a token is allowed."""
SAMPLERS: dict[str, tuple[StepSampler, float]] = {
    "head-tail": (HeadTail(), np.inf),
    "head-tail, mask for 64": (HeadTail(), 64.0),
    "awrs (definition 2)": (Awrs(), np.inf),
    "awrs-recursive (genlm)": (RecursiveAwrs(), np.inf),
    "awrs-geometric, 2 loops (genlm)": (GeometricAwrs(2), np.inf),
    "awrs-geometric, 4 loops (genlm)": (GeometricAwrs(4), np.inf),
    "masked, mask for 64": (Masked(), 64.0),
}
COLORS = ["#0b6e4f", "#6fb98f", "#c1666b", "#4f6d9a", "#9ab0d0", "#b5a267", "#888888"]


class TableTester(Tester):
    """Allowed tokens in a table; one state."""

    start = 0

    def __init__(self, allowed: np.ndarray, price: float) -> None:
        self.allowed, self.cost = allowed, price
        self.vocabulary: Any = SimpleNamespace(size=len(allowed))
        bits = np.packbits(np.append(allowed, np.zeros(-len(allowed) % 32, np.bool_)), bitorder="little")
        self.mask = bits.view(np.uint32)

    def test(self, states: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        return self.allowed[tokens]

    def accept(self, state: int, token: int) -> int:
        return state if self.allowed[token] else -1

    def is_accepting(self, state: int) -> bool:
        return False

    def price(self, state: int) -> float:
        return self.cost

    def fill(self, state: int, row: np.ndarray) -> None:
        row[:] = self.mask


def synthetic(rng: np.random.Generator, divergence: str, size: int) -> tuple[np.ndarray, np.ndarray]:
    exponent, density = DIVERGENCES[divergence]
    p = rng.permutation(1.0 / np.arange(1, size + 1) ** exponent)
    return p / p.sum(), rng.random(size) < density


def variance(divergence: str, distributions: int) -> dict[str, dict[str, float]]:
    """Relative variance of the weight and mean evaluations of each sampler."""
    rng = np.random.default_rng(0)
    outcomes: dict[str, list[tuple[float, float]]] = {name: [] for name in SAMPLERS}
    states = np.zeros(DRAWS, np.int64)
    for _ in range(distributions):
        p, allowed = synthetic(rng, divergence, SIZE)
        mass = p[allowed].sum()
        logits = torch.from_numpy(p).log().expand(DRAWS, -1)
        for name, (sampler, price) in SAMPLERS.items():
            draws = sampler(logits, TableTester(allowed, price), states, rng)
            outcomes[name].append((((np.exp(draws.log_weights) / mass - 1) ** 2).mean(), draws.evaluations.mean()))
    means = {name: np.mean(pairs, 0).tolist() for name, pairs in outcomes.items()}
    return {name: {"variance": spread, "evaluations": count} for name, (spread, count) in means.items()}


def median_us(call: Callable[[], Any], repeats: int) -> float:
    spent = []
    for turn in range(repeats + 3):
        began = time.process_time_ns()
        call()
        if turn >= 3:
            spent.append(time.process_time_ns() - began)
    return statistics.median(spent) / 1e3


def times(size: int, rows: int) -> dict[str, dict[str, float]]:
    """us per row of each sampler, for rows whose argmax is allowed and for rows of medium divergence."""
    rng = np.random.default_rng(1)
    peaked = np.exp(2.0 * rng.standard_normal(size))
    peaked *= 0.001 / peaked.sum()
    peaked[size // 3] = 0.999
    states = np.zeros(rows, np.int64)
    figures: dict[str, dict[str, float]] = {}
    medium, few = synthetic(rng, "medium", size)
    for label, p, allowed in (("peaked", peaked, rng.random(size) < 0.5), ("medium", medium, few)):
        allowed[size // 3] = True
        logits = torch.from_numpy(p).log().float().repeat(rows, 1)
        figures[label] = {}
        for name, (sampler, price) in SAMPLERS.items():
            tester = TableTester(allowed, price)
            us = median_us(lambda s=sampler, t=tester, x=logits: s(x, t, states, rng), 100)  # type: ignore[misc]
            figures[label][name] = us / rows
        row = logits[0].double().numpy()
        us = median_us(lambda row=row: np.argsort(rng.gumbel(size=size) - row), 20)  # type: ignore[misc]
        figures[label]["Gumbel keys and argsort (numpy)"] = us
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description="Step samplers: variance, evaluations, time.")
    parser.add_argument("--distributions", type=int, default=60, help="of low and medium divergence; a tenth of high")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results", help="folder of the results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    gc.disable()
    counts = {name: max(1, options.distributions // (10 if name == "high" else 1)) for name in DIVERGENCES}
    figures = {
        "distributions": counts,
        "variance": {name: variance(name, count) for name, count in counts.items()},
        "us": {f"{rows} x {size}": times(size, rows) for size in (SIZE, 131_072) for rows in (1, 10)},
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "step_samplers.json").write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    (options.out / "step_samplers.md").write_text(markdown(figures), "utf-8")
    draw(figures["variance"], options.out / "step_samplers.png")
    sys.stdout.write((options.out / "step_samplers.md").read_text("utf-8"))


def markdown(figures: dict[str, Any]) -> str:
    spreads = [
        [name, *(f"{f[name]['variance']:.2g} @ {f[name]['evaluations']:,.1f}" for f in figures["variance"].values())]
        for name in SAMPLERS
    ]
    settings = [(kind, size) for kind in ("peaked", "medium") for size in figures["us"]]
    names = [*SAMPLERS, "Gumbel keys and argsort (numpy)"]
    spent = [[name, *(f"{figures['us'][size][kind][name]:,.0f}" for kind, size in settings)] for name in names]
    return (
        "# Step samplers\n\nRelative variance of the weight @ evaluations of the constraint per draw, on synthetic "
        f"distributions over {SIZE:,} tokens. Written by `python benchmarks/step_samplers.py`.\n\n"
        + table(["divergence", *figures["variance"]], spreads)
        + f"\nus per row of float32 logits, CPU time on {processor()}, one thread, medians; a table as constraint. "
        "Peaked: the most probable token is allowed and has 99.9 %.\n\n"
        + table(["us per row", *(f"{kind}, {size}" for kind, size in settings)], spent)
    )


def draw(figures: dict[str, Any], path: Path) -> None:
    picture, panels = plt.subplots(1, len(figures), figsize=(12, 4.2), layout="constrained")
    for panel, (divergence, outcome) in zip(panels, figures.items(), strict=True):
        for color, (name, figure) in zip(COLORS, outcome.items(), strict=True):
            shown = max(figure["variance"], 1e-3)
            panel.scatter(figure["evaluations"], shown, 60, color=color, label=name, zorder=2, alpha=0.8)
        panel.set(xscale="log", yscale="log", xlabel="evaluations per draw", title=f"{divergence} divergence")
        panel.xaxis.set_major_formatter(ScalarFormatter())
        panel.xaxis.set_minor_formatter(NullFormatter())
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("relative variance of the weight (0 at the bottom)")
    picture.legend(*panels[0].get_legend_handles_labels(), fontsize=8, loc="outside lower center", ncols=4)
    picture.savefig(path, dpi=110)
    plt.close(picture)


if __name__ == "__main__":
    main()
