"""Trains the two small Llama models that ship with the package (`integrations/models`), on a CPU, from generated text.

    python benchmarks/train_models.py small-bytes
    python benchmarks/train_models.py small-pieces
    python benchmarks/evaluate_models.py

The first two train one tokenizer and one model each and write the model's folder; the last measures both and writes
their cards.  Seeded: documents, their order and the initial weights depend on nothing but this folder.  One thread
each; on one core of a server CPU with bfloat16 matrix units a model takes about 40 minutes.  Progress is kept in
`--work`, so that a run that was stopped continues; `--minutes` fits the schedule to the time there is, and `--export`
ships the last checkpoint of a run that is to end at once.  `torch.compile` needs a C++ compiler.

Architecture: Llama (Touvron et al., 2023) with tied embeddings and grouped-query attention.  Optimiser: AdamW with
linear warm-up and cosine decay.  Weights are trained in float32 with bfloat16 products and stored in float16.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import corpus
import torch
import train_tokenizers
from tqdm import tqdm
from training import Schedule, packed, trained
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

MODELS = Path(__file__).resolve().parents[1] / "integrations" / "models"
TOKENIZERS: dict[str, Callable[[list[str]], PreTrainedTokenizerFast]] = {
    "small-bytes": train_tokenizers.byte_level,
    "small-pieces": train_tokenizers.pieces,
}
LAYERS = {"small-bytes": 4, "small-pieces": 5}
CONTEXT, BATCH, STEPS = 512, 8, 3600
SCHEDULE = Schedule(peak=3e-3, floor=1e-4, warm_up=150)


def tokenizer_of(name: str, folder: Path) -> PreTrainedTokenizerFast:
    """The tokenizer of a model: read from `folder`, or trained and written there."""
    if not (folder / "tokenizer.json").exists():
        TOKENIZERS[name](corpus.for_tokenizers(60_000)).save_pretrained(folder)
        path = folder / "tokenizer.json"
        path.write_text(
            json.dumps(json.loads(path.read_text("utf-8")), ensure_ascii=False, separators=(",", ":")), "utf-8"
        )
    tokenizer: PreTrainedTokenizerFast = PreTrainedTokenizerFast.from_pretrained(folder)
    return tokenizer


def new_model(name: str, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """A model with random weights for a tokenizer."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=192,
        intermediate_size=512,
        num_hidden_layers=LAYERS[name],
        num_attention_heads=6,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(0)
    return LlamaForCausalLM(config)


def examples(tokenizer: PreTrainedTokenizerFast) -> Iterator[list[int]]:
    """Tokens of the documents of the training stream, each ended by the EOS token."""
    stream = corpus.documents(corpus.TRAIN)
    while True:
        for row in tokenizer([next(stream) for _ in range(500)]).input_ids:
            yield [*row, tokenizer.eos_token_id]


@torch.no_grad()
def loss_of(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, texts: list[str]) -> tuple[float, float]:
    """Mean loss of `texts`, one by one: nats per predicted token (EOS included) and bits per byte."""
    nats, tokens, size = 0.0, 0, 0
    for text in texts:
        start = [] if tokenizer.bos_token_id != tokenizer.eos_token_id else [tokenizer.bos_token_id]
        ids = torch.tensor([start + tokenizer(text).input_ids + [tokenizer.eos_token_id]])
        nats += model(input_ids=ids, labels=ids).loss.item() * (ids.shape[1] - 1)
        tokens += ids.shape[1] - 1
        size += len(text.encode())
    return nats / tokens, nats / size / math.log(2)


def export(model: LlamaForCausalLM, folder: Path) -> None:
    """Write weights in float16; the configuration asks for float32, the fast type on CPUs."""
    half = LlamaForCausalLM(model.config).half()
    half.load_state_dict(model.state_dict())
    special = {f"{kind}_token_id": getattr(model.config, f"{kind}_token_id") for kind in ("bos", "eos", "pad")}
    half.generation_config = GenerationConfig(**special)
    half.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"dtype": "float32"}, indent=2) + "\n")


def train(name: str, work: Path, steps: int, minutes: float) -> dict[str, Any]:
    """Train from the last checkpoint in `work`, if any, until `steps` or `minutes` are up; returns the last one."""
    tokenizer = tokenizer_of(name, MODELS / name)
    model = new_model(name, tokenizer)
    decayed = [weight for weight in model.parameters() if weight.ndim > 1]
    plain = [weight for weight in model.parameters() if weight.ndim == 1]
    optimiser = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.1}, {"params": plain, "weight_decay": 0.0}],
        betas=(0.9, 0.95),
        fused=True,
    )
    checkpoint = work / f"{name}.pt"
    state: dict[str, Any] = {"step": 0, "seconds": 0.0}
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
    forward: Any = torch.compile(model)
    unseen = corpus.held_out(100, set())
    batches = packed(examples(tokenizer), BATCH, CONTEXT)
    for _ in range(state["step"]):
        next(batches)
    began = time.monotonic() - state["seconds"]

    def done(step: int) -> float:
        return max(step / steps, (time.monotonic() - began) / 60 / minutes)

    for step, mean, share in trained(forward, optimiser, batches, SCHEDULE, done, name, state["step"]):
        if step % 200 == 0 or share == 1:
            nats, bits = loss_of(model, tokenizer, unseen)
            tqdm.write(f"{name} step {step}: train {mean:.3f}, held out {nats:.3f} nats/token, {bits:.3f} bits/byte")
            state = {
                "step": step,
                "seconds": time.monotonic() - began,
                "model": model.state_dict(),
                "optimiser": optimiser.state_dict(),
            }
            torch.save(state, checkpoint.with_suffix(".new"))
            checkpoint.with_suffix(".new").replace(checkpoint)
    return state


def main() -> None:
    """Command line; see the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=sorted(TOKENIZERS))
    parser.add_argument("--work", type=Path, default=Path("build/models"), help="folder of checkpoints")
    parser.add_argument("--steps", type=int, default=STEPS, help="length of the training")
    parser.add_argument("--minutes", type=float, default=math.inf, help="end in this time, with fewer steps")
    parser.add_argument("--export", action="store_true", help="train no further; write the last checkpoint")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.work.mkdir(parents=True, exist_ok=True)
    if arguments.export:
        state = torch.load(arguments.work / f"{arguments.name}.pt", weights_only=True)
    else:
        state = train(arguments.name, arguments.work, arguments.steps, arguments.minutes)
    folder = MODELS / arguments.name
    model = new_model(arguments.name, tokenizer_of(arguments.name, folder))
    model.load_state_dict(state["model"])
    export(model, folder)
    record = {
        "steps": state["step"],
        "tokens": state["step"] * BATCH * CONTEXT,
        "minutes": round(state["seconds"] / 60, 1),
    }
    (arguments.work / f"{arguments.name}.json").write_text(json.dumps(record) + "\n")
    print(f"{arguments.name}: {record}, written to {folder}")


if __name__ == "__main__":
    main()
