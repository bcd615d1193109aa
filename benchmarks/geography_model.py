"""The small model of `text_to_sql.py`: small-bytes, fine-tuned on GeoQuery's train split, kept outside the checkout.

    python benchmarks/geography_model.py [--steps 800]

Half of the examples are as they were asked, half are asked about other states, cities and rivers of the database (the
same templates with other values). The loss is that of the query and EOS, after the question. AdamW, linear warm-up,
cosine decay, one thread; seeded. The weights are kept in the library's cache folder, by the settings they came from.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geography
import torch
from bytebound.grammars.cache import cache_folder
from bytebound.integrations import models
from geography import Example
from tqdm import tqdm
from transformers import AutoModelForCausalLM

BASE, STEPS, BATCH = "small-bytes", 800, 24
PEAK, FLOOR, WARM_UP = 1.5e-3, 3e-5, 50
IGNORED = -100


def encode(tokenizer: Any, example: Example) -> tuple[list[int], list[int]]:
    """Token ids of the prompt, and of the answer with its EOS."""
    prompt = tokenizer(example.prompt).input_ids
    return prompt, [*tokenizer(" " + example.query).input_ids, tokenizer.eos_token_id]


def padded(rows: list[tuple[list[int], list[int]]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs and labels, int64 [rows, longest]; what is not to be predicted is labelled -100."""
    longest = max(len(prompt) + len(answer) for prompt, answer in rows)
    inputs = torch.full((len(rows), longest), pad)
    labels = torch.full((len(rows), longest), IGNORED)
    for i, (prompt, answer) in enumerate(rows):
        inputs[i, : len(prompt) + len(answer)] = torch.tensor(prompt + answer)
        labels[i, len(prompt) : len(prompt) + len(answer)] = torch.tensor(answer)
    return inputs, labels


def batches(tokenizer: Any, folder: Path) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
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
        inputs, labels = padded([encode(tokenizer, example)], tokenizer.pad_token_id)
        count = int((labels != IGNORED).sum())
        nats += model(input_ids=inputs, labels=labels).loss.item() * count
        tokens += count
    return nats / tokens


def train(steps: int, folder: Path) -> tuple[Any, dict[str, Any]]:
    """A model trained on the train split, and the record of its training."""
    torch.manual_seed(0)
    model, tokenizer = models.load(BASE)
    model.train()
    optimiser = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98), weight_decay=0.1, fused=True)
    dev = geography.examples("dev", folder)
    stream = batches(tokenizer, folder)
    began, mean, record = time.process_time(), 0.0, {}
    with tqdm(total=steps, desc="text to SQL", mininterval=5) as bar:
        for step in range(steps):
            share = (step + 1) / steps
            rate = min(1.0, (step + 1) / WARM_UP) * (FLOOR + (PEAK - FLOOR) * 0.5 * (1 + math.cos(math.pi * share)))
            for group in optimiser.param_groups:
                group["lr"] = rate
            inputs, labels = next(stream)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                loss = model(input_ids=inputs, labels=labels).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad()
            mean = loss.item() if not step else 0.95 * mean + 0.05 * loss.item()
            bar.update()
            if (step + 1) % 100 == 0 or step + 1 == steps:
                record = {"steps": step + 1, "train": mean, "dev": loss_of(model, tokenizer, dev)}
                record["cpu_minutes"] = (time.process_time() - began) / 60
                tqdm.write(json.dumps(record))
    return model.eval(), record


def load(steps: int = STEPS, folder: Path = geography.DATA) -> tuple[Any, Any, dict[str, Any]]:
    """The model, its tokenizer and the record of its training; trained if the cache has no such model."""
    settings = (BASE, steps, BATCH, PEAK, FLOOR, WARM_UP, geography.examples("train", folder))
    key = hashlib.sha256(repr(settings).encode()).hexdigest()[:16]
    place = cache_folder("text-to-sql")
    _, tokenizer = models.load(BASE)
    kept = place / key if place else None
    if kept and (kept / "record.json").exists():
        model = AutoModelForCausalLM.from_pretrained(kept, dtype=torch.float32).eval()
        return model, tokenizer, json.loads((kept / "record.json").read_text("utf-8"))
    model, record = train(steps, folder)
    if kept:
        model.save_pretrained(kept)
        (kept / "record.json").write_text(json.dumps(record) + "\n", "utf-8")
    return model, tokenizer, record


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the model of text_to_sql.py.")
    parser.add_argument("--steps", type=int, default=STEPS, help="of 24 examples each")
    parser.add_argument("--data", type=Path, default=geography.DATA, help="folder with geography.json and .sqlite")
    options = parser.parse_args()
    torch.set_num_threads(1)
    load(options.steps, options.data)


if __name__ == "__main__":
    main()
