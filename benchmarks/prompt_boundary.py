"""What cutting a prompt anywhere costs: bits of the true next bytes, and exact matches of greedy completions.

    python benchmarks/prompt_boundary.py [--documents N] [--cuts N] [--bytes N] [--out DIR]

Held-out documents of the shipped models' corpus are cut at every kind of place. The bits are those of the next bytes as
the document has them, given the bytes before the cut, summed over all canonical tokenizations that each way allows:

  naive          the tokens of the cut prompt are kept as they are;
  token healing  the last token is taken back, and the next one must begin with its text (drawn, not the most probable
                 one, which is what transformers' `token_healing=True` takes: that could not give the true bytes at all
                 where it is wrong);
  exact          all canonical covers of the prompt, in proportion to their probability: `ByteModel`.

The exact matches are of real greedy generation: `generate`, `generate(token_healing=True)`, `generate_bytes`.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import corpus
import numpy as np
import torch
from bytebound.decoding import ByteModel, NoCover
from bytebound.decoding.bytewise.masses import ROOT
from bytebound.decoding.bytewise.state import ByteState
from bytebound.integrations import models
from bytebound.integrations.transformers import generate_bytes
from report import table

WAYS = ("naive", "token healing", "exact")
KINDS = ("inside a token", "after a token", "after a space")
_FLOOR = 100.0  # bits counted where a way gives the true bytes no probability at all


def kind_of(model: ByteModel, text: str, cut: int) -> str:
    """Where the cut is in the text's own tokens."""
    assert model.encoder is not None
    (ids,) = model.encoder.encode([model.encoder.begin(text.encode()).decode()])
    ends = set(np.cumsum([len(model.vocabulary.token_bytes(i)) for i in ids]) - len(model.encoder.dummy))
    if text[cut - 1].isspace():
        return "after a space"
    return "after a token" if cut in ends else "inside a token"


def bits(state: ByteState, ahead: bytes) -> float:
    """-log2 of the probability that `ahead` follows."""
    before = state.fork().log_evidence()[0]
    try:
        after = state.advance(ahead).log_evidence()[0]
    except NoCover:
        return _FLOOR
    return min(_FLOOR, (before - after) / math.log(2))


def healed(model: ByteModel, ids: list[int]) -> ByteState:
    """The state after `ids` without the last one, when the next token must begin with its text."""
    state = model.start_after(ids[:-1], b"")
    (root,) = state.heads
    assert root.v == ROOT
    frontier = state._frontier
    v = frontier.walk(model.vocabulary.token_bytes(ids[-1]))
    state.heads = [root.at(v)] if frontier.goes_on(v) else []
    state.stubs = frontier.stubs_at(root, v, b"")
    return state


def scores(model: ByteModel, text: str, cut: int, ahead: int) -> dict[str, float]:
    """Bits of the next bytes by each way."""
    prompt, following = text[:cut].encode(), text[cut : cut + ahead].encode()
    assert model.encoder is not None
    (ids,) = model.encoder.encode([model.encoder.begin(prompt).decode()])
    ids = [*model.start_tokens, *ids]
    return {
        "naive": bits(model.start_after(ids, b""), following),
        "token healing": bits(healed(model, ids), following),
        "exact": bits(model.start(prompt), following),
    }


@torch.no_grad()
def matches(model: Any, tokenizer: Any, text: str, cut: int, ahead: int) -> dict[str, bool]:
    """Whether greedy generation goes on as the text does."""
    prompt, following = text[:cut], text[cut : cut + ahead]
    inputs = tokenizer(prompt, return_tensors="pt")
    if inputs["input_ids"][0, 0] != tokenizer.bos_token_id:
        first = torch.tensor([[tokenizer.bos_token_id]])
        inputs = {"input_ids": torch.cat([first, inputs["input_ids"]], dim=1)}
        inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    found = {}
    for way, options in (("naive", {}), ("token healing", {"token_healing": True, "tokenizer": tokenizer})):
        try:
            rows = model.generate(**inputs, **options, max_new_tokens=ahead, do_sample=False)
        except KeyError:  # transformers' token healing, where no token extends the last one's text
            found[way], found["healing failed"] = False, True
            continue
        whole = tokenizer.decode(rows[0], skip_special_tokens=True)
        found[way] = whole.startswith(prompt + following)
    out = generate_bytes(model, tokenizer, prompt, max_new_tokens=ahead, do_sample=False)
    found["exact"] = out.startswith(following.encode())
    return found


def measure(name: str, documents: int, cuts: int, ahead: int) -> dict[str, Any]:
    """All figures of one model."""
    model, tokenizer = models.load(name)
    bytewise = ByteModel(model, tokenizer, semantics="canonical")
    rng = np.random.default_rng(0)
    rows: list[dict[str, Any]] = []
    for text in corpus.held_out(documents, set()):
        if not text.isascii() or len(text) < ahead + 20 or len(tokenizer(text)["input_ids"]) > 400:
            continue
        for cut in rng.choice(np.arange(10, len(text) - ahead), min(cuts, len(text) - ahead - 10), replace=False):
            rows.append({"kind": kind_of(bytewise, text, int(cut)), "bits": scores(bytewise, text, int(cut), ahead)})
            if len(rows) % 3 == 0:
                rows[-1]["match"] = matches(model, tokenizer, text, int(cut), ahead)
    figures: dict[str, Any] = {"cuts": len(rows), "kinds": {}}
    for kind in (*KINDS, "all"):
        here = [row for row in rows if kind in (row["kind"], "all")]
        matched = [row["match"] for row in here if "match" in row]
        figures["kinds"][kind] = {
            "cuts": len(here),
            "bits": {way: float(np.mean([row["bits"][way] for row in here])) for way in WAYS},
            "impossible": {way: float(np.mean([row["bits"][way] >= _FLOOR for row in here])) for way in WAYS},
            "match": {way: float(np.mean([m[way] for m in matched])) for way in WAYS},
            "matched": len(matched),
            "healing_failed": sum("healing failed" in m for m in matched),
        }
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=30)
    parser.add_argument("--cuts", type=int, default=8, help="places in each document")
    parser.add_argument("--bytes", type=int, default=8, help="bytes after the cut that are scored")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    figures = {name: measure(name, arguments.documents, arguments.cuts, arguments.bytes) for name in models.names()}
    lines = [
        "# Prompts cut anywhere",
        "",
        f"Bits of the next {arguments.bytes} bytes of held-out text given the text before the cut, and the share of "
        "greedy completions that go on as the text does. `python benchmarks/prompt_boundary.py` redraws this; "
        "[what is measured](../README.md#prompt_boundarypy).",
        "",
    ]
    for name, of_model in figures.items():
        header = ["cut", "places", *(f"bits, {w}" for w in WAYS), *(f"exact match, {w}" for w in WAYS)]
        body = [
            [
                kind,
                str(row["cuts"]),
                *(f"{row['bits'][way]:.2f}" for way in WAYS),
                *(f"{100 * row['match'][way]:.0f} %" for way in WAYS),
            ]
            for kind, row in of_model["kinds"].items()
        ]
        every = of_model["kinds"]["all"]
        failed = f"transformers' healing raised a KeyError at {every['healing_failed']} of {every['matched']} places."
        lines += [f"## {name}", "", table(header, body), failed, ""]
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "prompt_boundary.md").write_text("\n".join(lines))
    (arguments.out / "prompt_boundary.json").write_text(json.dumps(figures, indent=1) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
