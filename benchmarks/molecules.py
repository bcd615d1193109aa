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
import math
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
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

PACKAGE = "molsets==0.3.1"
MEMBER = "moses/dataset/data/train.csv.gz"
VOCABULARY, CONTEXT, BATCH = 512, 128, 12
PEAK, WARM_UP = 4e-3, 50
EARLY = 1 / 4
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


def batches(tokenizer: PreTrainedTokenizerFast, lines: list[str]) -> Iterator[torch.Tensor]:
    """Packed int64 [BATCH, CONTEXT], every molecule between END tokens."""
    rng = random.Random(0)
    ids: list[int] = []
    while True:
        while len(ids) < BATCH * CONTEXT:
            for row in tokenizer([rng.choice(lines) for _ in range(1000)]).input_ids:
                ids += [tokenizer.eos_token_id, *row]
        yield torch.tensor(ids[: BATCH * CONTEXT]).view(BATCH, CONTEXT)
        del ids[: BATCH * CONTEXT]


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
    began, mean, saved = time.monotonic(), 0.0, False
    with tqdm(total=round(minutes * 60), desc="molecules", unit="s", mininterval=5) as bar:
        for step, batch in enumerate(batches(tokenizer, lines)):
            done = (time.monotonic() - began) / 60 / minutes
            rate = min(1.0, (step + 1) / WARM_UP) * PEAK * (0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * min(1, done))))
            for group in optimiser.param_groups:
                group["lr"] = rate
            loss = model(input_ids=batch, labels=batch).loss
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            mean = loss.item() if not step else 0.98 * mean + 0.02 * loss.item()
            bar.update(round(done * minutes * 60) - bar.n)
            if (done >= EARLY and not saved) or done >= 1:
                name = "late" if done >= 1 else "early"
                saved = True
                tqdm.write(f"{name}: step {step}, {mean:.3f} nats per token")
                model.save_pretrained(folder / name)
                tokenizer.save_pretrained(folder / name)
            if done >= 1:
                return


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
