"""Table and picture of `sql_walks.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib
from report import table

matplotlib.use("Agg")
from matplotlib import pyplot as plt

ENGINES = {
    "sqlite": "SQLite, in process",
    "duckdb": "DuckDB, in process, without its optimizer",
    "postgres": "PostgreSQL (PREPARE)",
    "mysql": "MariaDB for MySQL (PREPARE); sqlglot's parser for LATERAL",
}


def write(found: dict[str, Any], folder: Path) -> None:
    """Write sql_walks.json, sql_walks.md and sql_walks.png; dialects of earlier runs that are not in this one stay."""
    folder.mkdir(parents=True, exist_ok=True)
    stored = folder / "sql_walks.json"
    before = json.loads(stored.read_text("utf-8")) if stored.is_file() else {}
    every = {name: found.get(name) or before.get(name) for name in ENGINES}
    every = {name: figures for name, figures in every.items() if figures}
    stored.write_text(json.dumps(every, indent=1, ensure_ascii=False) + "\n", "utf-8")
    (folder / "sql_walks.md").write_text(markdown(every), "utf-8")
    draw(every, folder / "sql_walks.png")


def markdown(found: dict[str, Any]) -> str:
    """The table with what one must know to read it."""
    text = (
        "# Random statements on real engines\n\nWalks of the automata of `grammars.sql` over Spider's ten databases "
        "and one with every type and awkward names, each prepared by the engine. Mutated: one token changed. Written "
        "by `python benchmarks/sql_walks.py`; what the figures mean is in [README.md](../README.md).\n\n"
    )
    rows = [
        ("engine", lambda name, f: ENGINES[name]),
        ("seed", lambda name, f: str(f["seed"])),
        ("statements walked", lambda name, f: f"{f['counts']['walked']:,}"),
        ("prepared without error", lambda name, f: f"{f['counts']['walked'] - _of(f, 'not prepared', 'arithmetic'):,}"),
        ("prepared up to arithmetic of constants", lambda name, f: f"{_of(f, 'arithmetic'):,}"),
        ("refused by the engine", lambda name, f: f"{_of(f, 'not prepared'):,}"),
        ("refused by `matches`", lambda name, f: f"{_of(f, 'not accepted'):,}"),
        ("dead ends", lambda name, f: f"{_of(f, 'dead end'):,}"),
        ("walks given up as too long", lambda name, f: f"{_of(f, 'given up'):,}"),
        ("mutated", lambda name, f: f"{_of(f, 'mutated'):,}"),
        ("mutated, still accepted", lambda name, f: f"{_of(f, 'mutated accepted'):,}"),
        ("of these refused by the engine", lambda name, f: f"{_of(f, 'mutated not prepared'):,}"),
        ("productions visited", lambda name, f: f"{f['visited']} of {f['productions']}"),
        ("mean, longest statement (bytes)", lambda name, f: f"{f['bytes']:.0f}, {f['longest']:,}"),
        ("CPU time a walk (ms)", lambda name, f: f"{sum(f['cpu'].values()) / f['counts']['walked'] * 1e3:.0f}"),
    ]
    text += table(["", *found], [[title, *(show(name, f) for name, f in found.items())] for title, show in rows])
    text += "\n\nNever visited, because the dialect has no such thing (or walks did not come there):\n\n"
    return (
        text
        + "\n".join(f"- {name}: " + "; ".join(f"`{u}`" for u in f["unvisited"]) for name, f in found.items())
        + "\n"
    )


def _of(figures: dict[str, Any], *kinds: str) -> int:
    return sum(figures["counts"].get(kind, 0) for kind in kinds)


def draw(found: dict[str, Any], path: Path) -> None:
    """How often each production was visited, dialect by dialect."""
    figure, axes = plt.subplots(figsize=(7, 3.2), constrained_layout=True)
    for name, figures in found.items():
        visits = sorted(figures["visits"], reverse=True)
        axes.plot(range(1, len(visits) + 1), visits, label=f"{name}, {figures['counts']['walked']:,} statements")
    axes.set_yscale("log")
    axes.set_xlabel("productions of the grammar, by visits")
    axes.set_ylabel("visits")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)
    plt.close(figure)
