"""Random texts of grammars, texts near them, and what Lark's own parser says of a text, as fixtures."""

from __future__ import annotations

import random
from collections.abc import Callable

import lark
import pytest
from bytebound import grammars
from bytebound.grammars import Grammar

from .sql_engines import engine


def sample(grammar: Grammar, rng: random.Random, length: int) -> bytes:
    """A random text: any bytes that may come, and after so many the shortest way to an end."""
    automaton = grammar.automaton
    state, text = automaton.start, bytearray()
    while True:
        live = [b for b in range(256) if automaton.step(state, b) >= 0]
        if automaton.is_accepting(state) and (len(text) >= length or not live or rng.random() < 0.02):
            return bytes(text)
        assert live, f"a dead end after {bytes(text)!r}"
        assert len(text) < length + 1000, f"no end of {bytes(text)!r}"
        if len(text) > length:
            left = {b: automaton.distance(automaton.step(state, b)) for b in live}
            live = [b for b in live if left[b] == min(left.values())]
        elif rng.random() < 0.95:
            live = [b for b in live if 0x20 <= b < 0x7F] or live
        text.append(rng.choice(live))
        state = automaton.step(state, text[-1])


def mutated(text: str, rng: random.Random, alphabet: str) -> str:
    """The text with one character taken away, put in or replaced."""
    place = rng.randrange(len(text) + 1)
    return text[:place] + rng.choice([rng.choice(alphabet), ""]) + text[place + rng.randrange(2) :]


def is_parsed(parser: lark.Lark, text: str) -> bool:
    """Whether the parser takes the text."""
    try:
        parser.parse(text)
    except lark.exceptions.LarkError:
        return False
    return True


@pytest.fixture(scope="session")
def sampler() -> Callable[[Grammar, random.Random, int], bytes]:
    """`sample` above."""
    return sample


@pytest.fixture(scope="session")
def mutate() -> Callable[[str, random.Random, str], str]:
    """`mutated` above."""
    return mutated


@pytest.fixture(scope="session")
def accepted() -> Callable[[lark.Lark, str], bool]:
    """`is_parsed` above."""
    return is_parsed


@pytest.fixture(scope="module", params=("sqlite", "duckdb", "postgres", "mysql"))
def judged(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    """A dialect, its grammar of the tables of the walks, and its engine."""
    with engine(request.param, tmp_path_factory.mktemp(request.param)) as (source, prepares):
        yield request.param, grammars.sql(source, dialect=request.param), prepares
