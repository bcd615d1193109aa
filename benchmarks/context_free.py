"""Token masks of context-free grammars: ours and llguidance's from Lark's language, XGrammar's from GBNF.

    python benchmarks/context_free.py [--tokenizer tekken] [--rounds 3] [--out DIR]

Four grammars (`context_free/` and the library), one text each, and SQL on the schema of a database of spider (in
../shared), with all its queries as texts; all engines in one process. Texts are walked token by token (write the mask,
accept), then again from the start with the same compiled grammar. Figures are CPU times of the thread in us, of the
round with the least mean; compiling is measured by the wall clock, because XGrammar uses threads. Before the rounds
each engine walks once, so that what an engine builds once for a vocabulary is not counted, and Python's garbage
collector is off. Writes context_free.md and context_free.json.

Of SQL the peers get what is context-free, with the schema's names as terminals (`sql_text.py`); ours is `grammars.sql`,
which also enforces scopes, and in a row of its own the Lark grammar that llguidance gets.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import llguidance
import llguidance.hf
import numpy as np
import torch
import xgrammar
from bytebound import decoding, grammars
from bytebound.grammars.context_free.modules import library_text
from instances import SHARED, load_tokenizer
from sql_text import texts

FOLDER = Path(__file__).parent / "context_free"
Walk = tuple[Callable[[], Any], Callable[[int], Any]]  # write the mask, accept a token


class Case(NamedTuple):
    """A grammar in both languages, what is walked, and the schema where it is SQL."""

    name: str
    lark: str
    gbnf: str
    texts: list[str]
    schema: grammars.Schema | None = None


def cases(database: str) -> list[Case]:
    """The grammars with their texts; of SQL the queries that all three accept."""
    found = []
    for file in sorted(FOLDER.glob("*.gbnf")):
        own = FOLDER / f"{file.stem}.lark"
        lark = own.read_text() if own.exists() else library_text(file.stem)
        found.append(Case(file.stem, lark, file.read_text(), [(FOLDER / f"{file.stem}.txt").read_text()]))
    spider = SHARED / "sql" / "spider"
    about = next(d for d in json.loads((spider / "tables.json").read_text("utf-8")) if d["db_id"] == database)
    columns = list(zip(about["column_names_original"], about["column_types"], strict=True))
    tables = {
        table: {name: kind for (of, name), kind in columns if of == i}
        for i, table in enumerate(about["table_names_original"])
    }
    schema = grammars.Schema.read(tables)
    lark, gbnf = texts(schema)
    entries = json.loads((spider / "queries.json").read_text("utf-8"))
    queries = dict.fromkeys(entry["query"] for entry in entries if entry["db_id"] == database)
    readers = (grammars.sql(schema), grammars.lark(lark), grammars.ebnf(gbnf))
    taken = [query for query in queries if all(reader.matches(query) for reader in readers)]
    print(f"sql: {len(taken)} of {len(queries)} queries are accepted by all")
    return [*found, Case(f"sql sqlite, {database}", lark, gbnf, taken, schema)]


class Engines:
    """Functions that compile a grammar; what they return makes matchers."""

    def __init__(self, tokenizer: Any) -> None:
        self.vocabulary = decoding.Vocabulary.from_tokenizer(tokenizer)
        self.llguidance = llguidance.hf.from_tokenizer(tokenizer)
        info = xgrammar.TokenizerInfo.from_huggingface(tokenizer)
        self.xgrammar = xgrammar.GrammarCompiler(info, cache_enabled=False)
        self.row = np.zeros((1, (self.vocabulary.size + 31) // 32), np.uint32)

    def compile_ours(self, case: Case) -> Callable[[], Walk]:
        return self._matcher(grammars.lark(case.lark) if case.schema is None else grammars.sql(case.schema))

    def compile_ours_from_lark(self, case: Case) -> Callable[[], Walk]:
        return self._matcher(grammars.lark(case.lark))

    def _matcher(self, grammar: Any) -> Callable[[], Walk]:
        masker = decoding.Masker(grammar, self.vocabulary)

        def matcher() -> Walk:
            state = masker.start

            def accept(token: int) -> bool:
                nonlocal state
                state = masker.accept(state, token)
                return state != grammars.DEAD

            return lambda: masker.fill(state, self.row[0]), accept

        return matcher

    def compile_llguidance(self, case: Case) -> Callable[[], Walk]:
        made = llguidance.LLMatcher(self.llguidance, llguidance.LLMatcher.grammar_from_lark(case.lark), log_level=0)
        pointer, size = self.row.ctypes.data, self.row.nbytes

        def matcher() -> Walk:
            made.reset()
            return lambda: made.unsafe_compute_mask_ptr(pointer, size), made.consume_token

        return matcher

    def compile_xgrammar(self, case: Case) -> Callable[[], Walk]:
        compiled = self.xgrammar.compile_grammar(case.gbnf)
        rows = torch.from_numpy(self.row.view(np.int32))

        def matcher() -> Walk:
            made = xgrammar.GrammarMatcher(compiled)
            return lambda: made.fill_next_token_bitmask(rows, 0), made.accept_token

        return matcher


def walk(start: Callable[[], Walk], texts: list[list[int]]) -> tuple[float, float, float]:
    """Mean and largest time of a mask, mean time to accept a token, in us."""
    fills, accepts = [], []
    for tokens in texts:
        fill, accept = start()
        for token in tokens:
            began = time.thread_time_ns()
            fill()
            middle = time.thread_time_ns()
            taken = accept(token)
            accepts.append(time.thread_time_ns() - middle)
            fills.append(middle - began)
            assert taken, token
    return float(np.mean(fills)) / 1e3, max(fills) / 1e3, float(np.mean(accepts)) / 1e3


def main() -> None:
    """Run all, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tokenizer", default="tekken", help="a folder, or a name under ../shared/tokenizers")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--database", default="concert_singer", help="of spider, for SQL")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    tokenizer = load_tokenizer(options.tokenizer)
    engines = Engines(tokenizer)
    figures: list[dict[str, Any]] = []
    for case in cases(options.database):
        encoded = [tokenizer.encode(text, add_special_tokens=False) for text in case.texts]
        own = f"ours {version('bytebound')}"
        titles = {"ours": own}
        if case.schema is not None:
            titles = {"ours": f"{own}, scopes and types too", "ours_from_lark": f"{own}, from Lark"}
        titles |= {peer: f"{peer} {version(peer)}" for peer in ("llguidance", "xgrammar")}
        for engine, title in titles.items():
            compile_grammar = getattr(engines, f"compile_{engine}")
            walk(compile_grammar(case), encoded)
            rounds = []
            for _ in range(options.rounds):
                gc.collect()
                gc.disable()
                start = time.perf_counter()
                matcher = compile_grammar(case)
                compiled = (time.perf_counter() - start) * 1e3
                first, revisit = walk(matcher, encoded), walk(matcher, encoded)
                gc.enable()
                rounds.append((first[0], first[1], revisit[0], revisit[2], compiled))
            best = dict(zip(("first", "largest", "revisit", "accept", "compile"), min(rounds), strict=True))
            count = sum(map(len, encoded))
            figures.append({"grammar": case.name, "tokens": count, "engine": title, **best})
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
