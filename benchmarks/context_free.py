"""Token masks of context-free grammars: ours and llguidance's from Lark's language, XGrammar's from GBNF.

    python benchmarks/context_free.py [--tokenizer tekken] [--rounds 3] [--out DIR]

Four grammars (`context_free/` and the library), one text each, all engines in one process. A text is walked token by
token (write the mask, accept), then again from the start with the same compiled grammar. Figures are CPU times of the
thread in us, of the round with the least mean; compiling is measured by the wall clock, because XGrammar uses threads.
Before the rounds each engine walks once, so that what an engine builds once for a vocabulary is not counted. Writes
context_free.md and context_free.json.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import llguidance
import llguidance.hf
import numpy as np
import torch
import xgrammar
from bytebound import decoding, grammars
from bytebound.grammars.context_free.modules import library_text
from instances import load_tokenizer

FOLDER = Path(__file__).parent / "context_free"
Walk = tuple[Callable[[], Any], Callable[[int], Any]]  # write the mask, accept a token


class Engines:
    """Functions that compile a grammar; what they return makes matchers."""

    def __init__(self, tokenizer: Any) -> None:
        self.vocabulary = decoding.Vocabulary.from_tokenizer(tokenizer)
        self.llguidance = llguidance.hf.from_tokenizer(tokenizer)
        info = xgrammar.TokenizerInfo.from_huggingface(tokenizer)
        self.xgrammar = xgrammar.GrammarCompiler(info, cache_enabled=False)
        self.row = np.zeros((1, (self.vocabulary.size + 31) // 32), np.uint32)

    def compile_ours(self, lark: str, gbnf: str) -> Callable[[], Walk]:
        masker = decoding.Masker(grammars.lark(lark), self.vocabulary)

        def matcher() -> Walk:
            state = masker.start

            def accept(token: int) -> bool:
                nonlocal state
                state = masker.accept(state, token)
                return state != grammars.DEAD

            return lambda: masker.fill(state, self.row[0]), accept

        return matcher

    def compile_llguidance(self, lark: str, gbnf: str) -> Callable[[], Walk]:
        made = llguidance.LLMatcher(self.llguidance, llguidance.LLMatcher.grammar_from_lark(lark), log_level=0)
        pointer, size = self.row.ctypes.data, self.row.nbytes

        def matcher() -> Walk:
            made.reset()
            return lambda: made.unsafe_compute_mask_ptr(pointer, size), made.consume_token

        return matcher

    def compile_xgrammar(self, lark: str, gbnf: str) -> Callable[[], Walk]:
        compiled = self.xgrammar.compile_grammar(gbnf)
        rows = torch.from_numpy(self.row.view(np.int32))

        def matcher() -> Walk:
            made = xgrammar.GrammarMatcher(compiled)
            return lambda: made.fill_next_token_bitmask(rows, 0), made.accept_token

        return matcher


def walk(matcher: Walk, tokens: list[int]) -> tuple[float, float, float]:
    """Mean and largest time of a mask, mean time to accept a token, in us."""
    fill, accept = matcher
    fills, accepts = [], []
    for token in tokens:
        start = time.thread_time_ns()
        fill()
        middle = time.thread_time_ns()
        taken = accept(token)
        accepts.append(time.thread_time_ns() - middle)
        fills.append(middle - start)
        assert taken, token
    return float(np.mean(fills)) / 1e3, max(fills) / 1e3, float(np.mean(accepts)) / 1e3


def main() -> None:
    """Run all, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tokenizer", default="tekken", help="a folder, or a name under ../shared/tokenizers")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    tokenizer = load_tokenizer(options.tokenizer)
    engines = Engines(tokenizer)
    names = {"ours": "bytebound", "llguidance": "llguidance", "xgrammar": "xgrammar"}
    figures: list[dict[str, Any]] = []
    for file in sorted(FOLDER.glob("*.gbnf")):
        name, gbnf = file.stem, file.read_text()
        own = FOLDER / f"{name}.lark"
        lark = own.read_text() if own.exists() else library_text(name)
        tokens = tokenizer.encode((FOLDER / f"{name}.txt").read_text(), add_special_tokens=False)
        for engine, package in names.items():
            compile_grammar = getattr(engines, f"compile_{engine}")
            walk(compile_grammar(lark, gbnf)(), tokens)
            rounds = []
            for _ in range(options.rounds):
                start = time.perf_counter()
                matcher = compile_grammar(lark, gbnf)
                compiled = (time.perf_counter() - start) * 1e3
                first, revisit = walk(matcher(), tokens), walk(matcher(), tokens)
                rounds.append((first[0], first[1], revisit[0], revisit[2], compiled))
            best = dict(zip(("first", "largest", "revisit", "accept", "compile"), min(rounds), strict=True))
            figures.append({"grammar": name, "tokens": len(tokens), "engine": f"{engine} {version(package)}", **best})
            print(figures[-1], flush=True)
    lines = [
        "| grammar (tokens) | engine | compile (ms) | mask, first walk: mean (us) | largest | mask, revisit | accept |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for f in figures:
        numbers = " | ".join(f"{f[key]:,.1f}" for key in ("compile", "first", "largest", "revisit", "accept"))
        lines.append(f"| {f['grammar']} ({f['tokens']}) | {f['engine']} | {numbers} |")
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "context_free.md").write_text("\n".join(lines) + "\n")
    (options.out / "context_free.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
