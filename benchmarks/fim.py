"""Filling in a middle whose prefix is cut anywhere: exact matches of greedy generation, by kind of cut.

    python benchmarks/fim.py [--cuts N] [--steps N] [--out DIR]

A small model is fine-tuned for it first, once (`fim_model.py`; about ten CPU minutes). Held-out documents are cut at a
byte; the 4 to 20 bytes after it are the middle, the rest the suffix. It counts as a match when what is generated
greedily begins with exactly the middle; whether it also ends there is counted apart, since so small a model seldom
knows where to stop. All ways use the same model:

  naive          suffix first, then the prefix in its own tokens; "naive, psm": the prefix first, before a marker;
  token healing  suffix first; the prefix's last token is taken back, and the next one must begin with its bytes (what
                 transformers' `token_healing=True` does; that itself drops a prompt's markers);
  exact          suffix first: `generate_bytes(fill_in_middle(...))`, the most probable cover and what follows it.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import corpus
import fim_model
import matplotlib
import numpy as np
import torch
from bytebound.decoding import Vocabulary, fill_in_middle
from bytebound.integrations.transformers import generate_bytes
from report import COLORS, table

matplotlib.use("Agg")
from matplotlib import pyplot as plt

WAYS = ("naive", "naive, psm", "token healing", "exact")
KINDS = (
    "inside a word",
    "inside a character",
    "inside a number",
    "inside indentation",
    "after a space",
    "after a word",
)
MOST_NEW = 20  # tokens
DOCUMENTS = 6000


def kind_of(data: bytes, cut: int) -> str | None:
    """What is cut at a place."""
    before, after = data[:cut], data[cut:]
    if after[0] & 0xC0 == 0x80:
        return "inside a character"
    left, right = before.decode()[-1], after.decode()[0]
    line = before.rpartition(b"\n")[2]
    if left == right == " " and not line.strip():
        return "inside indentation"
    if left.isdigit() and right.isdigit():
        return "inside a number"
    if left.isalpha() and right.isalpha():
        return "inside a word"
    if left == " " and not right.isspace():
        return "after a space"
    return "after a word" if left.isalpha() and not right.isalpha() else None


def places(count: int) -> Iterator[tuple[str, bytes, bytes, bytes]]:
    """Kind, prefix, middle and suffix, `count` times for each kind."""
    rng = random.Random(0)
    documents = corpus.held_out(DOCUMENTS, set(fim_model.training_documents()))
    left = dict.fromkeys(KINDS, count)
    for document in documents:
        data = document.encode()
        by_kind: dict[str, list[int]] = {}
        for cut in range(8, len(data) - 4):
            kind = kind_of(data, cut)
            if kind:
                by_kind.setdefault(kind, []).append(cut)
        scarce = [kind for kind in ("inside a character", "inside indentation") if kind in by_kind and left[kind]]
        wanted = scarce or [kind for kind in by_kind if left[kind]]
        if not wanted or len(data) > 700:
            continue
        kind = rng.choice(wanted)
        cut = rng.choice(by_kind[kind])
        end = min(len(data), cut + rng.randint(4, 20))
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end += 1
        left[kind] -= 1
        yield kind, data[:cut], data[cut:end], data[end:]
        if not any(left.values()):
            return


class Filling:
    """The ways to fill in a middle."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.vocabulary = Vocabulary.from_tokenizer(tokenizer)
        self.bytes = [self.vocabulary.token_bytes(i) for i in range(self.vocabulary.size)]
        self.single = {data: i for i, data in enumerate(self.bytes) if len(data) == 1}

    def encode(self, data: bytes) -> list[int]:
        """Tokens of the whole characters of some bytes, then one for each byte of a character that is cut."""
        whole = len(data.decode(errors="ignore").encode())
        return [*self.tokenizer(data[:whole].decode()).input_ids, *(self.single[bytes([b])] for b in data[whole:])]

    def fill(self, way: str, prefix: bytes, suffix: bytes) -> bytes:
        """What the model puts between, up to EOS."""
        order = "psm" if way == "naive, psm" else "spm"
        if way == "exact":
            prompt = fill_in_middle(self.tokenizer, prefix, suffix, order="spm")
            return bytes(generate_bytes(self.model, self.tokenizer, prompt, max_new_tokens=MOST_NEW, do_sample=False))
        parts = fill_in_middle(self.tokenizer, prefix, suffix, order=order)
        ids = [i for part in parts for i in ([part] if isinstance(part, int) else self.encode(part))]
        return self._generate(ids[:-1], self.bytes[ids[-1]]) if way == "token healing" else self._generate(ids, b"")

    def _generate(self, ids: list[int], first: bytes) -> bytes:
        """Greedy, where the first token must begin with some bytes, which are left out."""
        begins = [i for i, data in enumerate(self.bytes) if data.startswith(first) and data] if first else None
        every = list(range(self.vocabulary.size))
        rows = self.model.generate(
            input_ids=torch.tensor([ids]),
            attention_mask=torch.ones((1, len(ids)), dtype=torch.long),
            prefix_allowed_tokens_fn=(lambda _, row: begins if len(row) == len(ids) else every) if first else None,
            max_new_tokens=MOST_NEW,
            do_sample=False,
        )
        new = [i for i in rows[0, len(ids) :].tolist() if not self.vocabulary.special[i]]
        return bytes(self.vocabulary.text(new))[len(first) :]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cuts", type=int, default=100, help="of each kind")
    parser.add_argument("--steps", type=int, default=fim_model.STEPS, help="of training")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model, tokenizer, record = fim_model.load(arguments.steps)
    filling = Filling(model, tokenizer)
    matches: dict[str, dict[str, list[bool]]] = {kind: {way: [] for way in WAYS} for kind in KINDS}
    ended: dict[str, list[bool]] = {way: [] for way in WAYS}
    for kind, prefix, middle, suffix in places(arguments.cuts):
        for way in WAYS:
            found = filling.fill(way, prefix, suffix)
            matches[kind][way].append(found.startswith(middle))
            ended[way].append(found == middle)
    write(matches, ended, record, arguments.out)


def write(
    matches: dict[str, dict[str, list[bool]]], ended: dict[str, list[bool]], record: dict[str, Any], out: Path
) -> None:
    """Table, figures and picture."""
    shares: dict[str, dict[str, float]] = {}
    counts: dict[str, int] = {}
    every = {way: [match for of in matches.values() for match in of[way]] for way in WAYS}
    for kind, of in {**matches, "all": every, "all, and ends there": ended}.items():
        counts[kind] = len(of[WAYS[0]])
        shares[kind] = {way: float(np.mean(of[way])) if of[way] else float("nan") for way in WAYS}
    body = [[kind, str(counts[kind]), *(f"{100 * of[way]:.0f} %" for way in WAYS)] for kind, of in shares.items()]
    lines = [
        "# Middles filled in",
        "",
        "Share of middles that greedy generation begins with exactly, by where the prefix is cut; "
        f"a model of {record['steps']} steps, {record['nats per token']:.2f} nats per token. "
        "`python benchmarks/fim.py` redraws this; [what is measured](../README.md#fimpy).",
        "",
        "![exact matches](fim.png)",
        "",
        table(["prefix cut", "places", *WAYS], body),
    ]
    out.mkdir(parents=True, exist_ok=True)
    (out / "fim.md").write_text("\n".join(lines) + "\n")
    (out / "fim.json").write_text(
        json.dumps({"training": record, "places": counts, "matches": shares}, indent=1) + "\n"
    )
    draw({kind: of for kind, of in shares.items() if kind != "all, and ends there"}, out / "fim.png")
    print("\n".join(lines))


def draw(shares: dict[str, dict[str, float]], path: Path) -> None:
    """Bars of exact matches, one group for each kind of cut."""
    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "figure.dpi": 130})
    colours = [COLORS["copy"], COLORS["xgrammar"], COLORS["llguidance"], COLORS["ours"]]
    figure, panel = plt.subplots(figsize=(8.4, 3.0))
    for i, (way, colour) in enumerate(zip(WAYS, colours, strict=True)):
        places = np.arange(len(shares)) + 0.2 * (i - 1.5)
        panel.bar(places, [100 * of[way] for of in shares.values()], 0.19, color=colour, label=way)
    panel.set_xticks(range(len(shares)), [kind.replace(" ", "\n", 1) for kind in shares])
    panel.set_ylabel("exact matches (%)")
    panel.legend(frameon=False, ncols=4, loc="upper center", bbox_to_anchor=(0.5, 1.18))
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


if __name__ == "__main__":
    main()
