"""Bytes per second of byte-level distributions: every byte's 257 probabilities along held-out text, and generation.

    python benchmarks/next_byte.py [--byte-sampler PYTHON] [--genlm PYTHON] [--tokenizer FILE] [--bytes N] [--out DIR]

For each shipped model and an untrained one with a large vocabulary, in CPU time of one process with one thread: a plain
loop over tokens with a cache (`open`, `extend`: probabilities of tokens only), `ByteModel` at several eps, first with
nothing known of the vocabulary's canonical pairs (*first*) and then again (*again*), byte-sampler and genlm-bytes
(`byte_peers.py`), and `generate_bytes` beside `generate` from the same prompt, cut in a word, for as many tokens.

An exact distribution of every byte takes a context for every byte: *one row a byte, model alone* is what the model
itself would do at one call for each, as in the token loop. Contexts that are foreseen (`lookahead`) save calls, not
rows; *rows* and *calls* a byte and the model's share of the time are those of the second walk.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import lzma
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import corpus
import matplotlib
import numpy as np
import torch
from bytebound.decoding import ByteModel
from bytebound.decoding.bytewise import parts
from bytebound.decoding.language_model import as_language_model
from bytebound.integrations import models
from bytebound.integrations.transformers import generate_bytes
from report import COLORS, table
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

matplotlib.use("Agg")
from matplotlib import pyplot as plt

TOKENIZER = Path(__file__).parents[2] / "shared" / "tokenizers" / "qwen25" / "tokenizer.json.xz"
END = "<|endoftext|>"
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


@contextlib.contextmanager
def timed(model: Any) -> Iterator[list[float]]:
    """CPU times of the calls of a model."""
    forward, spent = model.forward, list[float]()

    def call(*arguments: Any, **keywords: Any) -> Any:
        begin = time.process_time()
        found = forward(*arguments, **keywords)
        spent.append(time.process_time() - begin)
        return found

    model.forward = call
    try:
        yield spent
    finally:
        model.forward = forward


def walk(bytewise: ByteModel, text: bytes) -> int:
    """The most rows of token probabilities that were held at once, one for each head."""
    state, held = bytewise.start(""), 0
    bytewise.calls = bytewise.evaluated = 0
    for byte in text:
        state.next_byte()
        held = max(held, len(state.heads))
        state.advance(byte)
    return held


def peer(name: str, python: Path | None, folder: Path, text: bytes) -> dict[str, Any]:
    """What a peer's process says; {"failed": why} where there is none, or it cannot do with the model."""
    if python is None:
        return {"failed": "not given"}
    with tempfile.NamedTemporaryFile() as file:
        file.write(text)
        file.flush()
        command = [str(python), str(Path(__file__).with_name("byte_peers.py")), name, str(folder), file.name]
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        done = subprocess.run(command, capture_output=True, text=True, env={**environment, "OMP_NUM_THREADS": "1"})
    if done.returncode:
        return {"failed": done.stderr.strip().rpartition("\n")[2][:200]}
    found: dict[str, Any] = json.loads(done.stdout.strip().rpartition("\n")[2])
    return found


def untrained(tokenizer: Path, folder: Path) -> None:
    """A Llama of two layers and random weights over a tokenizer's whole vocabulary, into a folder."""
    data = tokenizer.read_bytes()
    (folder / "tokenizer.json").write_bytes(lzma.decompress(data) if tokenizer.suffix == ".xz" else data)
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": END, "eos_token": END}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    read = AutoTokenizer.from_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(read),
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        tie_word_embeddings=True,
        initializer_range=0.15,  # probabilities as uneven as a trained model's, if wrong
        bos_token_id=read.bos_token_id,
        eos_token_id=read.eos_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder)


def measure(folder: Path, length: int, pythons: dict[str, Path | None]) -> dict[str, Any]:
    """All figures of one model."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    text = " ".join(corpus.held_out(8, set()))[:length].encode()
    found: dict[str, Any] = {"vocabulary": len(tokenizer)}
    token_loop(model, tokenizer, text[:40])
    loop = seconds(lambda: token_loop(model, tokenizer, text))
    found["token loop"] = length / loop
    found["one row a byte, model alone"] = len(tokenizer(text.decode(), add_special_tokens=False)["input_ids"]) / loop
    walk(ByteModel(model, tokenizer, semantics="canonical", eps=0.01), text[:5])
    for eps in (0.0, 1e-3, 1e-2):
        parts._known.clear()
        made = seconds(lambda: ByteModel(model, tokenizer, semantics="canonical"))
        bytewise = ByteModel(model, tokenizer, semantics="canonical", eps=eps)
        for time_ in ("first", "again"):
            held = [0]
            with timed(model) as calls:
                spent = seconds(lambda: held.append(walk(bytewise, text)))  # noqa: B023
            found[f"ByteModel, eps {eps:g}, {time_}"] = length / spent
        found[f"rows a byte, eps {eps:g}"] = bytewise.evaluated / length
        found[f"calls a byte, eps {eps:g}"] = bytewise.calls / length
        found[f"the model's share, eps {eps:g}"] = sum(calls) / spent
        found[f"rows held at most, eps {eps:g}"] = max(held)
    found["ByteModel, made in (s)"] = made
    plain = ByteModel(model, tokenizer, semantics="canonical", lookahead=0)
    found["ByteModel, eps 0, again, no lookahead"] = length / seconds(lambda: walk(plain, text))
    exact = np.exp(ByteModel(model, tokenizer, semantics="canonical").next_byte(text[:-1]))
    for name, python in pythons.items():
        of_peer = peer(name, python, folder, text)
        found[f"{name}, first"], found[f"{name}, again"] = of_peer.get("first"), of_peer.get("again")
        if "failed" in of_peer:
            found[f"{name} failed"] = of_peer["failed"]
        elif "last" in of_peer:
            found[f"{name}, total variation from ours at the end"] = float(np.abs(exact - of_peer["last"]).sum() / 2)
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
    theirs, ours = np.median(np.array(pairs), axis=0)
    found["generate_bytes, speed over generate's"] = float(theirs / ours)
    return found


def shown(key: str, value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if key.startswith(("rows a", "calls a")):
        return f"{value:.2f}"
    if "share" in key:
        return f"{100 * value:.0f} %"
    if "variation" in key:
        return f"{value:.1e}"
    return f"{value:.2f}x" if "over" in key else f"{value:,.0f}" if value >= 20 else f"{value:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bytes", type=int, default=400, help="of text; a quarter of it with the untrained model")
    parser.add_argument("--byte-sampler", type=Path, help="a Python that imports byte_sampling")
    parser.add_argument("--genlm", type=Path, help="a Python that imports genlm.bytes")
    parser.add_argument("--tokenizer", type=Path, default=TOKENIZER, help="tokenizer.json of the untrained model")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    pythons = {"byte-sampler": arguments.byte_sampler, "genlm-bytes": arguments.genlm}
    figures: dict[str, dict[str, Any]] = {}
    for name in models.names():
        figures[name] = measure(models.model_path(name), arguments.bytes, pythons)
        write(figures, arguments.out)
    if arguments.tokenizer.exists():
        with tempfile.TemporaryDirectory() as folder:
            untrained(arguments.tokenizer, Path(folder))
            figures["untrained"] = measure(Path(folder), arguments.bytes // 4, pythons)
    else:
        print(f"no {arguments.tokenizer}: no untrained model is measured")
    write(figures, arguments.out)
    print((arguments.out / "next_byte.md").read_text())


def write(figures: dict[str, dict[str, Any]], out: Path) -> None:
    """Table, figures and picture, of the models so far."""
    keys = list(dict.fromkeys(key for of in figures.values() for key in of if not key.endswith("failed")))
    rows = [[key, *(shown(key, of.get(key)) for of in figures.values())] for key in keys]
    missing = [f"{key} on {name}: {of[key]}" for name, of in figures.items() for key in of if key.endswith("failed")]
    head = "# Bytes per CPU second\n\n`python benchmarks/next_byte.py` redraws this; "
    head += "[what is measured](../README.md#next_bytepy).\n\n![speeds](next_byte.png)\n\n"
    text = head + table(["", *figures], rows) + "".join(f"\n- {line}" for line in missing) + "\n"
    out.mkdir(parents=True, exist_ok=True)
    (out / "next_byte.md").write_text(text)
    (out / "next_byte.json").write_text(json.dumps(figures, indent=1) + "\n")
    draw(figures, out / "next_byte.png")


def draw(figures: dict[str, dict[str, Any]], path: Path) -> None:
    """Bars of bytes per CPU second, one panel for each model."""
    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "figure.dpi": 130})
    bars = [f"ByteModel, eps {eps}, {walk}" for eps in ("0", "0.01") for walk in ("first", "again")]
    bars += [f"{peer}, {walk}" for peer in ("byte-sampler", "genlm-bytes") for walk in ("first", "again")]
    figure, panels = plt.subplots(1, len(figures), figsize=(3.4 * len(figures), 2.9), squeeze=False, sharey=True)
    for panel, (name, of) in zip(panels[0], figures.items(), strict=True):
        values = [of.get(bar) or 0.0 for bar in bars]
        colours = [COLORS["ours" if bar.startswith("Byte") else "copy"] for bar in bars]
        drawn = panel.barh(range(len(bars)), values, color=colours)
        panel.bar_label(drawn, [shown(bar, of.get(bar)) for bar in bars], padding=3)
        panel.axvline(of["token loop"], color=COLORS["llguidance"], lw=1, ls=":", label="plain token loop")
        panel.set_yticks(range(len(bars)), bars)
        panel.set_ylim(len(bars) - 0.5, -0.5)
        panel.set_xlim(0, 1.12 * max(of["token loop"], *values))
        panel.set_title(f"{name}, {of['vocabulary']:,} tokens", fontsize=9)
        panel.set_xlabel("bytes per CPU second")
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, loc="lower left")
    figure.tight_layout()
    figure.savefig(path)


if __name__ == "__main__":
    main()
