"""Random statements of `grammars.sql`, each prepared by a real engine, and mutated ones that are accepted, too.

    python benchmarks/sql_walks.py [--walks 10000] [--dialects sqlite,duckdb,postgres,mysql] [--spider DIR] [--out DIR]

Per dialect, walks of the automaton (`sql_walker.py`) over Spider's ten databases and an awkward one
(`sql_databases.py`): seven in eight are queries, the others INSERT, UPDATE or DELETE. Every statement must be accepted
by `matches` and be prepared by the engine without an error. Then one token of it is changed, twice anew; where the
grammar still accepts the result, the engine must prepare that as well. Writes sql_walks.md, sql_walks.json and
sql_walks.png.
"""

from __future__ import annotations

import argparse
import gc
import random
import re
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import sql_databases
from bytebound import grammars
from bytebound.grammars.sql.dialects import DIALECTS, dialect
from sql_walker import Walker
from sql_walks_report import write

CHUNK = 100
"""Walks with one automaton: it keeps the states that it made."""
MUTATIONS = 2
"""Mutated statements for each."""
FAILURES = 50
"""Failures that are kept."""
WRITING = ("insert", "update", "delete")


def main() -> None:
    """Run it; see the module."""
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--walks", type=int, default=10_000, help="statements per dialect")
    parser.add_argument("--dialects", default=",".join(DIALECTS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--spider", type=Path, default=here.parents[1] / "shared" / "sql" / "spider")
    parser.add_argument("--out", type=Path, default=here / "results")
    options = parser.parse_args()
    spider = sql_databases.spider_tables(options.spider)
    found = {}
    for name in options.dialects.split(","):
        with (
            tempfile.TemporaryDirectory() as folder,
            sql_databases.databases(name, Path(folder) / "s", spider) as opened,
        ):
            found[name] = walked(name, opened, options.walks, options.seed)
    write(found, options.out)


def walked(name: str, databases: list[sql_databases.Database], walks: int, seed: int) -> dict[str, Any]:
    """Figures of one dialect."""
    rng = random.Random(f"{name} {seed}")
    words = dialect(name)
    every = {word for other in map(dialect, DIALECTS) for word in (*other.avoided, *other.functions, *other.aggregates)}
    walker = Walker(rng, sorted(every))
    counts: Counter[str] = Counter()
    failures: list[dict[str, str]] = []
    lengths: list[int] = []
    clock = Counter[str]()

    def fails(database: sql_databases.Database, kind: str, text: str, error: object) -> None:
        counts[kind] += 1
        failures.append({"database": database.name, "kind": kind, "statement": text, "error": str(error)[:400]})

    gc.disable()  # it goes through all states that were made, and finds nothing
    for chunk in range((walks + CHUNK - 1) // CHUNK):
        gc.collect()
        database = databases[chunk % len(databases)]
        kinds = WRITING if chunk % 8 == 7 else ("select",)
        started = time.process_time()
        grammar = grammars.sql(database.source, dialect=name, statements=kinds)
        automaton = walker.trace(grammar, syntax_of(words, kinds))
        for _ in range(min(CHUNK, walks - chunk * CHUNK)):
            text = None
            while text is None:
                try:
                    text = walker.walk(automaton, rng.choice((4, 8, 12, 20, 32, 48)))
                except AssertionError as error:
                    fails(database, "dead end", str(error), error)
                counts["given up"] += text is None
            counts["walked"] += 1
            lengths.append(len(text))
            clock["walking"] += time.process_time() - started
            started = time.process_time()
            if not grammar.grammar.matches(text):
                fails(database, "not accepted", text, "")
            clock["matching"] += time.process_time() - started
            started = time.process_time()
            try:
                database.prepare(text)
            except Exception as error:
                fails(database, "arithmetic" if is_arithmetic(error) else "not prepared", text, error)
            clock["preparing"] += time.process_time() - started
            started = time.process_time()
            for _ in range(MUTATIONS):
                changed = mutated(text, rng)
                counts["mutated"] += changed != text
                if changed != text and accepts(grammar, automaton, changed):
                    counts["mutated accepted"] += 1
                    try:
                        database.prepare(changed)
                    except Exception as error:
                        if not is_arithmetic(error):
                            fails(database, "mutated not prepared", changed, error)
            clock["mutating"] += time.process_time() - started
            started = time.process_time()
    unvisited = sorted(walker.possible - set(walker.visits))
    print(name, dict(counts), {key: round(value) for key, value in clock.items()})
    return {
        "seed": seed,
        "counts": dict(counts),
        "bytes": sum(lengths) / len(lengths),
        "longest": max(lengths),
        "productions": len(walker.possible),
        "visited": len(walker.possible) - len(unvisited),
        "unvisited": unvisited,
        "visits": sorted(n for label, n in walker.visits.items() if label in walker.possible),
        "cpu": dict(clock),
        "failures": failures[:FAILURES],
    }


def is_arithmetic(error: Exception) -> bool:
    """Whether a database that works out constants while it plans divided by zero or left a type's range."""
    if type(error).__module__.startswith("pymysql"):
        return error.args[0] == 1690
    return type(error).__module__ in ("duckdb", "_duckdb") and bool(
        re.match(
            "Out of Range|Conversion Error: (Type .* with value|Failed to cast decimal)|Invalid Input Error: Division",
            str(error),
        )
    )


def accepts(grammar: grammars.SqlGrammar, automaton: Any, text: str) -> bool:
    """`grammar.matches(text)` with the states that the walk made."""
    state = automaton.advance(automaton.start, text.encode())
    return state >= 0 and automaton.is_accepting(state) and grammar.grammar.matches(text)


def syntax_of(words: Any, kinds: tuple[str, ...]) -> str:
    """The rules of statements, as `grammars.sql` puts them together."""
    from bytebound.grammars.sql.front import _RULES

    start = f'start: ({" | ".join(_RULES[kind] for kind in kinds)}) [";"]\n'
    return start + words.syntax + (words.writing if kinds != ("select",) else "")


def mutated(text: str, rng: random.Random) -> str:
    """A statement with a name, a parenthesis, a quote or a word changed."""
    tokens = re.findall(r"'[^']*'|\"[^\"]*\"|`[^`]*`|\w+|\s+|.", text)
    i = rng.randrange(len(tokens))
    kind = rng.randrange(5)
    if kind == 0:
        tokens[i] = rng.choice(("nowhere", "id", "t1", "1", "count", "(", ")", *(t for t in tokens if t.isalpha())))
    elif kind == 1:
        del tokens[i]
    elif kind == 2:
        tokens[i] = tokens[i].strip("'") or " "
    elif kind == 3:
        j = rng.randrange(len(tokens))
        tokens[i], tokens[j] = tokens[j], tokens[i]
    else:
        tokens.insert(i, rng.choice(("(", ")", ", id", ".id", " WHERE ", " x ", " , ", "'", "not ", "distinct ")))
    return "".join(tokens)


if __name__ == "__main__":
    main()
