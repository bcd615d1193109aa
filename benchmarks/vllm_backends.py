"""Structured output in vLLM: our backend beside XGrammar's and llguidance's, in the same engine, the same requests.

    FOLDER/bin/python benchmarks/vllm_backends.py [--schemas DIR] [--rounds 7] [--quick] [--out DIR]

FOLDER is the environment of `vllm_engine.py`. Half of the requests are free text. Each backend has an engine in a
process of its own; the processes take turns, round by round, so that what else the machine does is shared by all.
Schemas that one of the backends refuses, or with which its answer is shorter than the others (so that its batches would
be less full), are left out for all: every backend makes the same number of tokens. Each round has schemas of its own;
its first pass compiles them, the second is a repetition. Times are CPU times of the whole process, and, to the first
token, of the wall, with waiting; medians over the rounds. The last column is what writing masks and following tokens
takes by itself, for each token of a constrained answer. Writes vllm_backends.md, .json and .png.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import vllm_engine
from instances import SHARED
from report import COLORS, plt, table
from vllm_backend_process import TOKENS, Remote

BACKENDS = {"bytebound": "ours", "xgrammar": "xgrammar", "guidance": "llguidance"}  # names of their colors
PASSES = ("first", "again")
REQUESTS, SCHEMAS = 200, 20

Found = dict[str, list[list[dict[str, float]]]]  # by backend, round and pass


@contextmanager
def remotes() -> Iterator[dict[str, Remote]]:
    """An engine for each backend."""
    with tempfile.TemporaryDirectory() as cache:
        found = {backend: Remote(backend, f"{cache}/{backend}") for backend in BACKENDS}
        try:
            yield found
        finally:
            for remote in found.values():
                remote.stop()


def judged(schemas: list[Any]) -> list[Any]:
    """The schemas that all backends serve alike."""
    with remotes() as processes:
        alike = set.intersection(*(set(process.ask("judge", schemas)) for process in processes.values()))
    return [schemas[i] for i in sorted(alike)]


def measure(warm: list[Any], rounds: list[list[Any]], requests: int) -> Found:
    """All rounds, after one that does not count."""
    found: Found = {backend: [] for backend in BACKENDS}
    with remotes() as processes:
        for process in processes.values():
            process.ask("run", warm, requests)
        for part in rounds:
            for backend, process in processes.items():
                found[backend].append(process.ask("run", part, requests))
    return found


def ratios(found: Found, other: str, i: int) -> list[float]:
    """Our tokens per CPU second by another backend's, round by round."""
    pairs = zip(found["bytebound"], found[other], strict=True)
    return [ours[i]["tokens / CPU s"] / theirs[i]["tokens / CPU s"] for ours, theirs in pairs]


def markdown(found: Found, schemas: int, requests: int) -> str:
    """The medians, and the ratios of all rounds."""
    names = list(found["bytebound"][0][0])
    rows = [
        [f"{backend}, {label}", *(f"{statistics.median(passes[i][name] for passes in each):,.0f}" for name in names)]
        for backend, each in found.items()
        for i, label in enumerate(PASSES)
    ]
    text = (
        f"{len(found['bytebound'])} rounds of {schemas} schemas, {requests} requests of {TOKENS} tokens, 16 at a time; "
    )
    text += "medians. What the figures mean is in [README.md](../README.md).\n\n"
    text += table(["backend, pass", *names], rows) + "\nTokens per CPU second, ours by theirs, in each round:\n\n"
    lines = []
    for other in list(BACKENDS)[1:]:
        for i, label in enumerate(PASSES):
            each = sorted(ratios(found, other, i))
            lines.append([f"{other}, {label}", f"{statistics.median(each):.3f}", ", ".join(f"{r:.2f}" for r in each)])
    return text + table(["backend, pass", "median", "all"], lines)


def draw(found: Found, path: Path) -> None:
    """Tokens per CPU second and the masks' share of it; a dot for each round."""
    figure, panels = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    for panel, name in zip(panels, ("tokens / CPU s", "masks (us / token)"), strict=True):
        for place, (backend, color) in enumerate(BACKENDS.items()):
            for i, label in enumerate(PASSES):
                values = [passes[i][name] for passes in found[backend]]
                at = place + 0.4 * i
                panel.bar(at, statistics.median(values), 0.36, color=COLORS[color], alpha=1 - 0.4 * i)
                panel.plot([at] * len(values), values, ".", color="black", markersize=4)
                panel.text(at, 0, label, ha="center", va="bottom", fontsize=8, color="white")
        panel.set_xticks([place + 0.2 for place in range(len(BACKENDS))], list(BACKENDS))
        panel.set_title(name)
        panel.grid(alpha=0.3, axis="y")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> None:
    parser = vllm_engine.parser("Structured output in vLLM, backend by backend.")
    parser.add_argument("--schemas", type=Path, default=SHARED / "schemas" / "open", help="folder of schema files")
    parser.add_argument("--rounds", type=int, default=7, help=f"at most; each has {SCHEMAS} schemas of its own")
    options = parser.parse_args()
    schemas = [json.loads(path.read_text("utf-8"))["schema"] for path in sorted(options.schemas.glob("*.json"))]
    size, requests = (3, 12) if options.quick else (SCHEMAS, REQUESTS)
    schemas = schemas[:24] if options.quick else schemas
    alike = judged(schemas) if len(schemas) >= 2 * size else []
    parts = [alike[i : i + size] for i in range(0, len(alike) - size + 1, size)]
    if len(parts) < 2:
        parser.error(
            f"{options.schemas} has {len(schemas)} schemas, {len(alike)} of them served alike: {2 * size} needed"
        )
    warm, *rounds = parts[: (2 if options.quick else options.rounds) + 1]
    found = measure(warm, rounds, requests)
    text = markdown(found, size, requests)
    vllm_engine.write("vllm_backends", "Backends of structured output in vLLM", text, found, options.out)
    draw(found, options.out / "vllm_backends.png")


if __name__ == "__main__":
    main()
