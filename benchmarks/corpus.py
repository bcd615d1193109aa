"""The generated corpus that the shipped models are trained on, and the sample database its SQL is about.

Run as a script it shows documents or writes the database:

    python benchmarks/corpus.py --show 20
    python benchmarks/corpus.py --database library.sqlite

All text comes from seeded templates and word lists of this project and is licensed as the project is.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator

import corpus_english
import corpus_json
import corpus_sql

TRAIN, HELD_OUT = 1, 2
_SHARES = [(corpus_english.document, 0.42), (corpus_json.document, 0.40), (corpus_sql.document, 0.18)]


def documents(seed: int) -> Iterator[str]:
    """An endless stream of documents; the same seed gives the same stream."""
    rng = random.Random(seed)
    makers, shares = zip(*_SHARES, strict=True)
    while True:
        yield rng.choices(makers, shares)[0](rng)


def for_tokenizers(count: int) -> list[str]:
    """Distinct documents to learn tokenizers from: `count` drawn as for training and as many of English alone."""
    stream, rng = documents(TRAIN), random.Random(TRAIN)
    mixed = [next(stream) for _ in range(count)]
    return list(dict.fromkeys(mixed + [corpus_english.document(rng) for _ in range(count)]))


def held_out(count: int, known: set[str]) -> list[str]:
    """`count` documents of the held-out stream that are not in `known`, each once."""
    found: dict[str, None] = {}
    for document in documents(HELD_OUT):
        if document not in known:
            found[document] = None
        if len(found) == count:
            break
    return list(found)


def main() -> None:
    """Show documents or write the sample database."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--show", type=int, default=0, help="number of documents to print")
    parser.add_argument("--database", help="file to write the sample SQLite database to")
    arguments = parser.parse_args()
    stream = documents(TRAIN)
    for _ in range(arguments.show):
        print(next(stream), end="\n\n")
    if arguments.database:
        corpus_sql.create_database(arguments.database).close()


if __name__ == "__main__":
    main()
