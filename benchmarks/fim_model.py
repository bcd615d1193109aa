"""The small model of `fim.py`: small-bytes, fine-tuned to fill in middles (Bavarian et al. 2022), kept in the cache.

    python benchmarks/fim_model.py [--steps 1150]

StarCoder's markers are added to the tokenizer as control tokens. Documents of the training corpus are split at random
characters into prefix, middle and suffix; most become "spm" examples, in which prefix and middle are tokenized as one
text, some "psm" examples. The loss is that of the middle's tokens and EOS. One thread; seeded. The weights are kept in
the library's cache folder, by the settings they came from.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from typing import Any

import corpus
import torch
from bytebound.decoding.bytewise.infilling import FORMATS
from bytebound.integrations import models
from training import Batch, Record, Schedule, fine_tuned, kept, padded

BASE, STEPS, BATCH, DOCUMENTS = "small-bytes", 1150, 32, 20_000
SCHEDULE = Schedule(peak=2e-3, floor=5e-5, warm_up=40)
MARKERS = FORMATS["starcoder"]
PSM = 0.25  # share of psm examples
SHORTEST, LONGEST = 3, 20  # characters of a middle
CONTEXT = 220  # tokens of an example


def new_model() -> tuple[Any, Any]:
    """The shipped model and tokenizer, with rows for the markers."""
    torch.manual_seed(0)
    model, tokenizer = models.load(BASE)
    tokenizer.add_special_tokens({"additional_special_tokens": list(MARKERS)})
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    return model, tokenizer


def example(tokenizer: Any, document: str, rng: random.Random) -> tuple[list[int], list[int]]:
    """Token ids of the prompt, and of what is to be learned after it."""
    begin = rng.randrange(1, max(2, len(document) - SHORTEST))
    end = min(len(document), begin + rng.randint(SHORTEST, LONGEST))
    prefix, middle, suffix = document[:begin], document[begin:end], document[end:]
    before, after, between = tokenizer.convert_tokens_to_ids(list(MARKERS))
    tail = tokenizer(suffix).input_ids
    if rng.random() < PSM:
        head = tokenizer(prefix).input_ids
        return [before, *head, after, *tail, between], [*tokenizer(middle).input_ids, tokenizer.eos_token_id]
    encoded = tokenizer(prefix + middle, return_offsets_mapping=True)
    known = sum(stop <= begin for _, stop in encoded.offset_mapping)
    head, rest = encoded.input_ids[:known], encoded.input_ids[known:]
    return [before, after, *tail, between, *head], [*rest, tokenizer.eos_token_id]


def batches(tokenizer: Any) -> Iterator[Batch]:
    """Batches without end; examples of similar length are together, so that little is padding."""
    rng = random.Random(0)
    documents = training_documents()
    while True:
        rng.shuffle(documents)
        for at in range(0, len(documents), 20 * BATCH):
            rows = [example(tokenizer, document, rng) for document in documents[at : at + 20 * BATCH]]
            rows = sorted((row for row in rows if len(row[0]) + len(row[1]) <= CONTEXT), key=lambda r: len(r[0] + r[1]))
            groups = [rows[i : i + BATCH] for i in range(0, len(rows), BATCH)]
            rng.shuffle(groups)
            for group in groups:
                yield padded(group, tokenizer.pad_token_id)


def training_documents() -> list[str]:
    """What the model is fine-tuned on."""
    stream = corpus.documents(corpus.TRAIN)
    return [next(stream) for _ in range(DOCUMENTS)]


def train(steps: int) -> tuple[Any, Record]:
    """A trained model, and the record of its training."""
    model, tokenizer = new_model()
    *_, record = fine_tuned(model, batches(tokenizer), SCHEDULE, steps, "fill in the middle")
    return model, record


def load(steps: int = STEPS) -> tuple[Any, Any, Record]:
    """The model, its tokenizer and the record of its training; trained if the cache has no such model."""
    settings = (BASE, steps, BATCH, DOCUMENTS, *SCHEDULE, PSM, SHORTEST, LONGEST, CONTEXT)
    model, record = kept("fill-in-the-middle", settings, lambda: train(steps))
    return model, new_model()[1], record


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the model of fim.py.")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of {BATCH} examples each")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(load(options.steps)[2])


if __name__ == "__main__":
    main()
