"""Training small models on a CPU: one loop for all benchmarks that need a model of their own.

Used by `fim_model.py` and `geography_model.py` (fine-tuned from a model that ships), `molecules.py` and
`train_models.py` (from random weights). Weights in float32, products in bfloat16, gradients clipped at norm 1.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from bytebound.grammars.cache import cache_folder
from tqdm import tqdm
from transformers import AutoModelForCausalLM

IGNORED = -100

Batch = dict[str, torch.Tensor]
Record = dict[str, Any]
Row = tuple[list[int], list[int]]


class Schedule(NamedTuple):
    """Learning rates: linear over the first steps, then down a cosine from `peak` to `floor`."""

    peak: float
    floor: float
    warm_up: int

    def rate(self, step: int, done: float) -> float:
        """The rate of a step, counted from 1, which ends at this share of the training."""
        cosine = 0.5 * (1 + math.cos(math.pi * done))
        return min(1.0, step / self.warm_up) * (self.floor + (self.peak - self.floor) * cosine)


class Progress(NamedTuple):
    """Where a training is: steps so far, mean loss of the last ones in nats per token, share that is done."""

    step: int
    loss: float
    done: float


def trained(
    model: Any,
    optimiser: torch.optim.Optimizer,
    batches: Iterator[Batch],
    schedule: Schedule,
    done: Callable[[int], float],
    title: str,
    first: int = 0,
) -> Iterator[Progress]:
    """Train step by step, from step `first` until `done(steps)`, a share, reaches 1."""
    loss, share = 0.0, min(1.0, done(first))
    with tqdm(total=100, desc=title, unit="%", bar_format="{l_bar}{bar}| {elapsed}<{remaining}{postfix}") as bar:
        for step in itertools.count(first + 1):
            if share == 1:
                return
            share = min(1.0, done(step))
            for group in optimiser.param_groups:
                group["lr"] = schedule.rate(step, share)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                output = model(**next(batches)).loss
            output.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad()
            loss = output.item() if step == first + 1 else 0.98 * loss + 0.02 * output.item()
            bar.set_postfix(step=step, loss=loss, refresh=False)
            bar.update(100 * share - bar.n)
            yield Progress(step, loss, share)


def fine_tuned(model: Any, batches: Iterator[Batch], schedule: Schedule, steps: int, title: str) -> Iterator[Record]:
    """Train all weights of a model with AdamW; after each step the record so far."""
    model.train()
    optimiser = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98), weight_decay=0.1, fused=True)
    began = time.process_time()
    for progress in trained(model, optimiser, batches, schedule, lambda step: step / steps, title):
        minutes = (time.process_time() - began) / 60
        yield {"steps": progress.step, "nats per token": progress.loss, "cpu_minutes": minutes}
    model.eval()


def kept(kind: str, settings: tuple[Any, ...], train: Callable[[], tuple[Any, Record]]) -> tuple[Any, Record]:
    """A model and the record of its training, out of the library's cache folder; trained where that has none yet.

    Args:
        kind: a folder there.
        settings: all that the weights depend on.
        train: makes both.
    """
    place = cache_folder(kind)
    folder = place / hashlib.sha256(repr(settings).encode()).hexdigest()[:16] if place else None
    if folder and (folder / "record.json").exists():
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        return model, json.loads((folder / "record.json").read_text("utf-8"))
    model, record = train()
    if folder:
        model.save_pretrained(folder)
        (folder / "record.json").write_text(json.dumps(record) + "\n", "utf-8")
    return model, record


def padded(rows: list[Row], pad: int) -> Batch:
    """Prompts with answers, int64 [rows, longest]; what is not to be predicted is labelled -100."""
    longest = max(len(prompt) + len(answer) for prompt, answer in rows)
    inputs = torch.full((len(rows), longest), pad)
    labels = torch.full((len(rows), longest), IGNORED)
    for i, (prompt, answer) in enumerate(rows):
        inputs[i, : len(prompt) + len(answer)] = torch.tensor(prompt + answer)
        labels[i, len(prompt) : len(prompt) + len(answer)] = torch.tensor(answer)
    return {"input_ids": inputs, "labels": labels}


def packed(texts: Iterator[list[int]], rows: int, length: int) -> Iterator[Batch]:
    """Batches int64 [rows, length] of texts one after another, all of it to be predicted."""
    ids: list[int] = []
    for text in texts:
        ids += text
        while len(ids) >= rows * length:
            batch = torch.tensor(ids[: rows * length]).view(rows, length)
            del ids[: rows * length]
            yield {"input_ids": batch, "labels": batch}
