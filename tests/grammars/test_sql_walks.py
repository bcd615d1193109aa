"""Random statements: every one is prepared by the engine; mutated ones that are accepted, too."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from bytebound import grammars

from .sql_engines import engine
from .sql_walks import walk

DIALECTS = ("sqlite", "duckdb", "postgres", "mysql")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_walks_are_prepared(dialect: str, tmp_path: Path) -> None:
    with engine(dialect, tmp_path) as (source, prepares):
        rng = random.Random(dialect)
        ended = 0
        for writing in (False, True):
            g = grammars.sql(
                source, dialect=dialect, statements=("insert", "update", "delete") if writing else "select"
            )
            for i in range(10 if writing else 40):
                text = walk(g.automaton, rng, rng.choice((15, 25, 50)))
                if text is not None:
                    assert g.grammar.matches(text), (i, text)
                    prepares(text.decode())
                    ended += 1
        assert ended > 15


def mutated(text: str, rng: random.Random) -> str:
    """A statement with a name, a parenthesis, a quote or a word changed."""
    tokens = re.findall(r"'[^']*'|\"[^\"]*\"|\w+|\s+|.", text)
    i = rng.randrange(len(tokens))
    kind = rng.randrange(5)
    if kind == 0:
        tokens[i] = rng.choice(("nowhere", "name", "code", "t1", "percentage", "1", "count", "(", ")"))
    elif kind == 1:
        del tokens[i]
    elif kind == 2:
        tokens[i] = tokens[i].strip("'") or " "
    elif kind == 3:
        j = rng.randrange(len(tokens))
        tokens[i], tokens[j] = tokens[j], tokens[i]
    else:
        tokens.insert(i, rng.choice(("(", ")", ", name", ".name", " WHERE ", " x ", " , ", "'")))
    return "".join(tokens)


@pytest.mark.parametrize("dialect", ("sqlite", "duckdb"))
def test_mutated_statements(dialect: str, tmp_path: Path) -> None:
    with engine(dialect, tmp_path) as (source, prepares):
        rng = random.Random(5)
        g = grammars.sql(source, dialect=dialect)
        refused = 0
        for _ in range(15):
            text = walk(g.automaton, rng, 40)
            for _ in range(20 if text else 0):
                changed = mutated(text.decode(), rng)  # type: ignore[union-attr]
                if g.matches(changed):
                    prepares(changed)  # raises where the engine disagrees
                else:
                    refused += 1
        assert refused > 50
