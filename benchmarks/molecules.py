"""A tiny language model of molecules (SMILES) for `domains.py`, trained on demand.

    python benchmarks/molecules.py [--minutes 10] [--cache DIR]

The text is the MOSES training set (Polykovskiy et al. 2020; 1.6 million drug-like molecules of ZINC), which the PyPI
package `molsets` ships; its wheel is downloaded with pip, not installed. Tokenizer: byte-level BPE of 512 tokens.
Model: Llama of 0.5 million weights, one thread. Two models are kept, one after a quarter of the time ("early") and one
at the end ("late"), so that claims about better models can be tested. Nothing of it is part of the package.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import os
import random
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from tqdm import tqdm
from training import Schedule, packed, trained
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

PACKAGE = "molsets==0.3.1"
MEMBER = "moses/dataset/data/train.csv.gz"
VOCABULARY, CONTEXT, BATCH = 512, 128, 12
SCHEDULE = Schedule(peak=4e-3, floor=1.2e-4, warm_up=50)
SHARES = {"early": 1 / 4, "late": 1.0}
END = "<|end|>"


def cache() -> Path:
    """Where the data and the models are kept, outside the checkout."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "bytebound-benchmarks"


def texts(folder: Path) -> list[str]:
    """The molecules, in the order of the package."""
    wheels = list(folder.glob("molsets-*.whl"))
    if not wheels:
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, PACKAGE], check=True)
        wheels = list(folder.glob("molsets-*.whl"))
    with zipfile.ZipFile(wheels[0]) as wheel, gzip.open(io.BytesIO(wheel.read(MEMBER)), "rt") as file:
        return [row["SMILES"] for row in csv.DictReader(file)]


def train_tokenizer(lines: list[str]) -> PreTrainedTokenizerFast:
    """Byte-level BPE; the one special token ends and begins every molecule."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        max_token_length=8,
        show_progress=False,
    )
    tokenizer.train_from_iterator(lines, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=END, eos_token=END, pad_token=END)


def examples(tokenizer: PreTrainedTokenizerFast, lines: list[str]) -> Iterator[list[int]]:
    """Tokens of random molecules, each after an END token."""
    rng = random.Random(0)
    while True:
        for row in tokenizer([rng.choice(lines) for _ in range(1000)]).input_ids:
            yield [tokenizer.eos_token_id, *row]


def train(folder: Path, minutes: float) -> None:
    """Write `early` and `late` below `folder`."""
    lines = texts(folder.parent)
    tokenizer = train_tokenizer(random.Random(1).sample(lines, 30_000))
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=128,
            intermediate_size=320,
            num_hidden_layers=3,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=CONTEXT,
            tie_word_embeddings=True,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    optimiser = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.95), weight_decay=0.1)
    batches = packed(examples(tokenizer, lines), BATCH, CONTEXT)
    began, coming = time.monotonic(), ["early", "late"]

    def done(_: int) -> float:
        return (time.monotonic() - began) / 60 / minutes

    for progress in trained(model, optimiser, batches, SCHEDULE, done, "molecules"):
        while coming and progress.done >= SHARES[coming[0]]:
            tqdm.write(f"{coming[0]}: step {progress.step}, {progress.loss:.3f} nats per token")
            model.save_pretrained(folder / coming[0])
            tokenizer.save_pretrained(folder / coming.pop(0))


def model_folder(name: str, minutes: float = 10.0) -> Path:
    """The folder of the "early" or the "late" model, trained if need be."""
    folder = cache() / "molecules"
    if not (folder / "late" / "config.json").exists():
        train(folder, minutes)
    return folder / name


def main() -> None:
    parser = argparse.ArgumentParser(description="Train a tiny model of molecules.")
    parser.add_argument("--minutes", type=float, default=10.0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    train(cache() / "molecules", options.minutes)


if __name__ == "__main__":
    main()
