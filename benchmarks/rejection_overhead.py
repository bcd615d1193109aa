"""What `reject` costs beside the model: CPU time of the processor and of a forward pass, in the ordinary `generate`.

    python benchmarks/rejection_overhead.py [--size 131072] [--out DIR]

The model is the body of small-bytes with a head of `--size` columns: the first 4,096 are its own, the others belong to
made-up tokens and are given logits so low that they do not change the text. The prompts are of a kind that it knows, so
that the constraints seldom forbid what it wants to say. Beside `reject` stands `constrain`, which masks. Times are CPU
times of one process, torch held to one thread. Writes rejection_overhead.md, .json and .png.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import torch
from bytebound import grammars
from bytebound.decoding import Vocabulary
from bytebound.integrations import models
from bytebound.integrations.transformers import constrain, reject
from figures import processor
from report import table

matplotlib.use("Agg")
from matplotlib import pyplot as plt

LIMIT = 5.0  # per cent of a forward pass, the aim
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}, "city": {"type": "string"}},
    "required": ["name", "age", "city"],
    "additionalProperties": False,
}
SENTENCE = "The concert takes place "
OBJECT = "Describe a person as JSON: Maria Keller is 34 years old and lives in Lisbon.\n"


def printable(text: bytes) -> bool:
    return text.isascii()


SETTINGS: dict[str, tuple[str, Callable[[], Any]]] = {
    "text (regex)": (SENTENCE, lambda: grammars.regex(r"[ -~\n]*")),
    "JSON schema": (OBJECT, lambda: grammars.json_schema(PERSON)),
    "text (Python predicate)": (SENTENCE, lambda: grammars.predicate(printable)),
}


def widen(model: Any, tokenizer: Any, size: int) -> Vocabulary:
    """Give the model a head of `size` columns, and return a vocabulary of as many tokens."""
    own = Vocabulary.from_tokenizer(tokenizer)
    torch.manual_seed(0)
    with torch.no_grad():
        head = model.lm_head.weight
        wide = torch.nn.Linear(head.shape[1], size)
        wide.weight.copy_(torch.cat([head, 0.02 * torch.randn(size - len(head), head.shape[1])]))
        wide.bias.copy_(torch.where(torch.arange(size) < len(head), 0.0, -12.0))
        embeddings = torch.nn.Embedding.from_pretrained(wide.weight.clone())
    model.lm_head, model.model.embed_tokens = wide, embeddings
    model.config.vocab_size = size
    rng = np.random.default_rng(0)
    letters = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz ", np.uint8)
    made_up = [b"%b%d" % (rng.choice(letters, 4).tobytes(), i) for i in range(size - own.size)]
    control = set(np.flatnonzero(own.special).tolist())
    tokens = [None if i in control else own.token_bytes(i) for i in range(own.size)]
    return Vocabulary.from_bytes([*tokens, *made_up], eos_token_ids=own.eos_token_ids)


class Clock:
    """CPU time of every call of an object, in us: its class is replaced by one that looks at the clock."""

    def __init__(self, timed: Any, name: str) -> None:
        self.times: list[float] = []
        base, times = type(timed), self.times

        def call(self: Any, *arguments: Any, **named: Any) -> Any:
            began = time.process_time_ns()
            result = getattr(base, name)(self, *arguments, **named)
            times.append((time.process_time_ns() - began) / 1e3)
            return result

        timed.__class__ = type(base.__name__, (base,), {name: call, "__module__": base.__module__})


def measure(model: Any, tokenizer: Any, make: Callable[[], Any], prompt: str, rows: int, runs: int) -> dict[str, Any]:
    """Means over the steps after the first of each run, in us; the first run, which warms up, does not count."""
    inputs = tokenizer([prompt], return_tensors="pt")
    used = make()
    kind = type(model)
    forward, called = Clock(model, "forward"), Clock(used, "__call__")
    steps: list[tuple[float, float]] = []
    evaluations: list[float] = []
    try:
        for run in range(runs + 1):
            forward.times.clear()
            called.times.clear()
            output = model.generate(
                **inputs,
                do_sample=True,
                top_k=0,
                num_return_sequences=rows,
                max_new_tokens=40,
                logits_processor=[used],
            )
            if run:
                steps += list(zip(forward.times[1:], called.times[1:], strict=True))
                tokens = output.shape[1] - inputs["input_ids"].shape[1]
                if hasattr(used, "evaluations"):
                    evaluations.append(float(used.evaluations.mean()) / tokens)
    finally:
        model.__class__ = kind
    times = np.array(steps)
    return {
        "steps": len(times),
        "forward": float(times[:, 0].mean()),
        "processor": float(times[:, 1].mean()),
        "median": float(np.median(times[:, 1])),
        "per_cent": 100 * float(times[:, 1].sum() / times[:, 0].sum()),
        "evaluations": float(np.mean(evaluations)) if evaluations else None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="What reject costs beside a forward pass.")
    parser.add_argument("--size", type=int, default=131_072, help="width of the logits")
    parser.add_argument("--runs", type=int, default=6, help="calls of generate for each figure")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results", help="folder of the results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    gc.disable()
    model, tokenizer = models.load("small-bytes")
    vocabulary = widen(model, tokenizer, options.size)
    figures = []
    for rows in (1, 8):
        for name, (prompt, constraint) in SETTINGS.items():
            made = constraint()
            makers = {
                "reject": lambda made=made: reject(tokenizer, made, vocabulary=vocabulary, seed=0, all_dead="keep")
            }
            if isinstance(made, grammars.Grammar):
                makers["constrain"] = lambda made=made: constrain(tokenizer, made, vocabulary=vocabulary)
            for kind, make in makers.items():
                figure = measure(model, tokenizer, make, prompt, rows, options.runs)
                figures.append({"rows": rows, "constraint": name, "processor_kind": kind, **figure})
                sys.stderr.write(f"{figures[-1]}\n")
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "rejection_overhead.json").write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    (options.out / "rejection_overhead.md").write_text(markdown(figures, options.size), "utf-8")
    draw(figures, options.out / "rejection_overhead.png")
    sys.stdout.write((options.out / "rejection_overhead.md").read_text("utf-8"))


def markdown(figures: list[dict[str, Any]], size: int) -> str:
    rows = []
    for f in figures:
        evaluations = "" if f["evaluations"] is None else f"{f['evaluations']:.1f}"
        times = [f"{f['forward']:,.0f}", f"{f['processor']:,.0f}", f"{f['median']:,.0f}", f"{f['per_cent']:.1f} %"]
        rows.append([f"{f['rows']} row(s), {f['constraint']}", f["processor_kind"], *times, evaluations])
    header = ["us per step", "processor", "forward, mean", "mean", "median", "of forward", "evaluations per token"]
    return (
        f"# Sampling by rejection inside `generate`, logits of width {size:,}\n\nThe body of small-bytes with a head "
        f"of that width; CPU time on {processor()}, one thread. Written by `python benchmarks/rejection_overhead.py`."
        "\n\n" + table(header, rows)
    )


def draw(figures: list[dict[str, Any]], path: Path) -> None:
    picture, panel = plt.subplots(figsize=(8, 4), layout="constrained")
    labels = [f"{f['processor_kind']}, {f['constraint']}, {f['rows']} row(s)" for f in figures]
    colors = ["#0b6e4f" if f["processor_kind"] == "reject" else "#bbbbbb" for f in figures]
    panel.barh(labels, [f["per_cent"] for f in figures], color=colors)
    panel.axvline(LIMIT, color="#c1666b", linestyle="--")
    panel.invert_yaxis()
    panel.set(xlabel="CPU time of the processor, per cent of a forward pass")
    picture.savefig(path, dpi=110)
    plt.close(picture)


if __name__ == "__main__":
    main()
