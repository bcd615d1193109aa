"""Applying bitmasks to logits on a CPU: ours, llguidance's and XGrammar's, beside copies of the logits.

    python benchmarks/apply_masks.py [--size 131072] [--out DIR]

For one row and 64 rows of float32 and bfloat16 logits, and masks that allow nearly all, half and nearly none of the
tokens. Contenders take turns, ten calls each; a figure is the median of their CPU times (of the process, all threads;
torch is held to one). Logits are restored before every call, untimed. Writes apply_masks.md, .json and .png.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import llguidance.torch
import matplotlib
import numpy as np
import torch
import xgrammar
from bytebound.decoding.apply import apply_bitmask
from figures import processor
from report import COLORS, ratio, table

matplotlib.use("Agg")
from matplotlib import pyplot as plt

Apply = Callable[[torch.Tensor, torch.Tensor], Any]
CONTENDERS: dict[str, Apply] = {
    "ours": apply_bitmask,
    "llguidance": llguidance.torch.apply_token_bitmask_inplace,
    "xgrammar": xgrammar.apply_token_bitmask_inplace,
}
TITLES = {
    "ours": f"ours {version('bytebound')}",
    "llguidance": f"llguidance {version('llguidance')}",
    "xgrammar": f"XGrammar {version('xgrammar')}",
    "clone": "logits.clone()",
    "copy": "buffer.copy_(logits)",
}
DENSITIES = {"nearly all allowed": 0.999, "half allowed": 0.5, "nearly none allowed": 0.001}
REPEATS = {1: 500, 64: 50}
BLOCK = 10


def random_rows(rng: np.random.Generator, n: int, size: int, density: float) -> torch.Tensor:
    """int32 [n, words]: every token is allowed with probability `density`."""
    bits = rng.random((n, (size + 31) // 32 * 32), np.float32) < density
    return torch.from_numpy(np.packbits(bits, axis=1, bitorder="little").view(np.int32))


def measure(logits: torch.Tensor, rows: torch.Tensor, repeats: int) -> dict[str, float]:
    """Median CPU time of each contender in us; all must set the same logits to minus infinity."""
    pristine = logits.clone()
    expected = pristine.clone()
    apply_bitmask(expected, rows)
    buffer = torch.empty_like(logits)
    contenders: dict[str, Apply] = {
        **CONTENDERS,
        "clone": lambda logits, rows: logits.clone(),
        "copy": lambda logits, rows: buffer.copy_(logits),
    }
    spent: dict[str, list[int]] = {name: [] for name in contenders}
    for turn in range(-1, repeats // BLOCK):
        for name, apply in contenders.items():
            for _ in range(BLOCK):
                logits.copy_(pristine)
                began = time.process_time_ns()
                apply(logits, rows)
                took = time.process_time_ns() - began
                if turn >= 0:  # the first turn compiles
                    spent[name].append(took)
            if turn < 0 and name in CONTENDERS and not torch.equal(logits, expected):
                raise SystemExit(f"{name} disagrees about the masked logits")
    return {name: statistics.median(times) / 1e3 for name, times in spent.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description="Bitmasks applied to logits on a CPU.")
    parser.add_argument("--size", type=int, default=131_072, help="width of the logits")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results", help="folder of the results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    gc.disable()
    rng = np.random.default_rng(0)
    figures = []
    for n, repeats in REPEATS.items():
        for dtype in (torch.float32, torch.bfloat16):
            for label, density in DENSITIES.items():
                logits = torch.from_numpy(rng.standard_normal((n, options.size), np.float32)).to(dtype)
                us = measure(logits, random_rows(rng, n, options.size, density), repeats)
                figures.append({"rows": n, "dtype": str(dtype).removeprefix("torch."), "mask": label, "us": us})
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "apply_masks.json").write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    (options.out / "apply_masks.md").write_text(markdown(figures, options.size), "utf-8")
    draw(figures, options.out / "apply_masks.png")
    sys.stdout.write((options.out / "apply_masks.md").read_text("utf-8"))


def markdown(figures: list[dict[str, Any]], size: int) -> str:
    rows = []
    for figure in figures:
        us = figure["us"]
        best = min(us["llguidance"], us["xgrammar"])
        cells = [f"{us[name]:,.1f}" for name in TITLES]
        setting = f"{figure['rows']} x {figure['dtype']}, {figure['mask']}"
        rows.append([setting, *cells, ratio(best, us["ours"]), ratio(us["ours"], us["copy"])])
    header = ["us", *TITLES.values(), "best peer / ours", "ours / copy_"]
    return (
        f"# Applying masks to logits of width {size:,}\n\nCPU time on {processor()}, one thread, medians. "
        "Written by `python benchmarks/apply_masks.py`.\n\n" + table(header, rows)
    )


def draw(figures: list[dict[str, Any]], path: Path) -> None:
    picture, panels = plt.subplots(1, len(REPEATS), figsize=(11, 4.5), layout="constrained")
    for panel, n in zip(panels, REPEATS, strict=True):
        shown = [figure for figure in figures if figure["rows"] == n]
        for i, name in enumerate(TITLES):
            places = np.arange(len(shown)) + 0.16 * i
            panel.bar(places, [f["us"][name] for f in shown], 0.16, color=COLORS[name], label=TITLES[name])
        labels = [f"{f['dtype']}\n{f['mask'].replace(' allowed', '')}" for f in shown]
        panel.set_xticks(np.arange(len(shown)) + 0.32, labels, fontsize=8)
        panel.set(yscale="log", ylabel="us", title=f"{n} row{'s' if n > 1 else ''}")
        panel.legend(fontsize=8)
    picture.savefig(path, dpi=110)
    plt.close(picture)


if __name__ == "__main__":
    main()
