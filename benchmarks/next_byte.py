"""Bytes per second of byte-level distributions: every byte's 257 probabilities along held-out text, and generation.

    python benchmarks/next_byte.py [--bytes N] [--out DIR]

For each shipped model, in CPU time of one process with one thread: a plain loop over tokens with a cache (`open`,
`extend`: probabilities of tokens only), `ByteModel` at several eps, first with nothing known of the vocabulary's
canonical pairs (*first*) and then again (*again*), genlm-bytes where it is installed (a beam of 5), and
`generate_bytes` beside `generate` from the same prompt, cut in a word, for the same number of tokens.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import corpus
import numpy as np
import torch
from bytebound.decoding import ByteModel
from bytebound.decoding.bytewise import parts
from bytebound.decoding.language_model import as_language_model
from bytebound.integrations import models
from bytebound.integrations.transformers import generate_bytes
from report import table

PROMPT = "Once there was a young man who lived in a small house. One Monday, the man found a broken chair."


def seconds(work: Callable[[], Any]) -> float:
    """CPU time of a call."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def token_loop(model: Any, tokenizer: Any, text: bytes) -> None:
    batch = as_language_model(model).open([[tokenizer.bos_token_id]])
    for token in tokenizer(text.decode(), add_special_tokens=False)["input_ids"]:
        batch.extend([0], [token])


def walk(bytewise: ByteModel, text: bytes) -> None:
    state = bytewise.start("")
    for byte in text:
        state.next_byte()
        state.advance(byte)


def genlm(name: str, text: bytes) -> float:
    """Seconds of genlm-bytes, without loading."""
    from genlm.backend import load_model_by_name
    from genlm.bytes import BeamParams, ByteBeamState

    async def run() -> float:
        options = {"hf_opts": {"device_map": None, "dtype": torch.float32}}
        host = load_model_by_name(str(models.model_path(name)), backend="hf", llm_opts=options)
        beam = await ByteBeamState.initial(host, BeamParams(K=5))
        begin = time.process_time()
        for byte in text:
            await beam.logp_next()
            beam = await (beam.prune() << byte)
        spent = time.process_time() - begin
        await beam.cleanup()
        return spent

    return asyncio.run(run())


def measure(name: str, length: int) -> dict[str, float]:
    model, tokenizer = models.load(name)
    text = " ".join(corpus.held_out(8, set()))[:length].encode()
    found = {"token loop": length / seconds(lambda: token_loop(model, tokenizer, text))}
    for eps in (0.0, 1e-3, 1e-2):
        parts._known.clear()
        bytewise = ByteModel(model, tokenizer, semantics="canonical", eps=eps)
        for time_ in ("first", "again"):
            found[f"ByteModel, eps {eps:g}, {time_}"] = length / seconds(lambda: walk(bytewise, text))  # noqa: B023
    if importlib.util.find_spec("genlm") is not None and importlib.util.find_spec("genlm.bytes") is not None:
        found["genlm-bytes, beam of 5"] = length / genlm(name, text)
    options = {"max_new_tokens": 64, "min_new_tokens": 64, "do_sample": True, "top_k": 0}
    inputs = tokenizer(PROMPT, return_tensors="pt")
    generate_bytes(model, tokenizer, PROMPT[:-3], **options)
    pairs = [
        (
            seconds(lambda: model.generate(**inputs, **options)),
            seconds(lambda: generate_bytes(model, tokenizer, PROMPT[:-3], **options)),
        )
        for _ in range(9)
    ]
    plain, ours = np.median(np.array(pairs), axis=0)
    found["generate_bytes, speed over generate's"] = float(plain / ours)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bytes", type=int, default=400)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    figures = {name: measure(name, arguments.bytes) for name in models.names()}
    keys = list(next(iter(figures.values())))
    rows = [
        [key, *(f"{of[key]:.2f}x" if "over" in key else f"{of[key]:,.0f}" for of in figures.values())] for key in keys
    ]
    text = "# Bytes per CPU second\n\n" + table(["", *figures], rows)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "next_byte.md").write_text(text)
    (arguments.out / "next_byte.json").write_text(json.dumps(figures, indent=1) + "\n")
    print(text)


if __name__ == "__main__":
    main()
