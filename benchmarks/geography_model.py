"""The small model of `text_to_sql.py`: small-bytes, fine-tuned on GeoQuery's train split, kept outside the checkout.

    python benchmarks/geography_model.py [--steps 800]

Half of the examples are as they were asked, half are asked about other states, cities and rivers of the database (the
same templates with other values). The loss is that of the query and EOS, after the question. One thread; seeded. The
weights are kept in the library's cache folder, by the settings they came from.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geography
import torch
from bytebound.integrations import models
from geography import Example
from tqdm import tqdm
from training import IGNORED, Batch, Record, Schedule, fine_tuned, kept, padded

BASE, STEPS, BATCH = "small-bytes", 800, 24
SCHEDULE = Schedule(peak=1.5e-3, floor=3e-5, warm_up=50)


def encode(tokenizer: Any, example: Example) -> tuple[list[int], list[int]]:
    """Token ids of the prompt, and of the answer with its EOS."""
    prompt = tokenizer(example.prompt).input_ids
    return prompt, [*tokenizer(" " + example.query).input_ids, tokenizer.eos_token_id]


def batches(tokenizer: Any, folder: Path) -> Iterator[Batch]:
    """Batches without end; examples of similar length are together, so that little is padding."""
    rng = random.Random(0)
    names = geography.names_of(geography.connect(folder))
    train = geography.templates("train", folder)
    while True:
        found = [t.fill(t.values) if rng.random() < 0.5 else geography.varied(t, names, rng) for t in train]
        rows = [encode(tokenizer, example) for example in found]
        rows.sort(key=lambda row: len(row[0]) + len(row[1]) + 8 * rng.random())
        groups = [rows[i : i + BATCH] for i in range(0, len(rows), BATCH)]
        rng.shuffle(groups)
        for group in groups:
            yield padded(group, tokenizer.pad_token_id)


@torch.no_grad()
def loss_of(model: Any, tokenizer: Any, examples: list[Example]) -> float:
    """Nats per token of the answers."""
    nats = tokens = 0.0
    for example in examples:
        batch = padded([encode(tokenizer, example)], tokenizer.pad_token_id)
        count = int((batch["labels"] != IGNORED).sum())
        nats += model(**batch).loss.item() * count
        tokens += count
    return nats / tokens


def train(steps: int, folder: Path) -> tuple[Any, Record]:
    """A model trained on the train split, and the record of its training."""
    torch.manual_seed(0)
    model, tokenizer = models.load(BASE)
    dev, record = geography.examples("dev", folder), Record()
    for record in fine_tuned(model, batches(tokenizer, folder), SCHEDULE, steps, "text to SQL"):
        if record["steps"] % 100 == 0 or record["steps"] == steps:
            record["dev"] = loss_of(model, tokenizer, dev)
            tqdm.write(json.dumps(record))
    return model, record


def load(steps: int = STEPS, folder: Path = geography.DATA) -> tuple[Any, Any, Record]:
    """The model, its tokenizer and the record of its training; trained if the cache has no such model."""
    settings = (BASE, steps, BATCH, *SCHEDULE, geography.examples("train", folder))
    model, record = kept("text-to-sql", settings, lambda: train(steps, folder))
    return model, models.load(BASE)[1], record


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the model of text_to_sql.py.")
    parser.add_argument("--steps", type=int, default=STEPS, help="of 24 examples each")
    parser.add_argument("--data", type=Path, default=geography.DATA, help="folder with geography.json and .sqlite")
    options = parser.parse_args()
    torch.set_num_threads(1)
    load(options.steps, options.data)


if __name__ == "__main__":
    main()
