"""What may come at a place, asked about byte by byte and all at once."""

from __future__ import annotations

import random
from typing import Any

import pytest
from bytebound.grammars import sql
from bytebound.grammars.scoped import ANYTHING, END
from bytebound.grammars.sql.places import Place

from .sql_walks import walk

TABLES = {"city": {"id": "integer", "name": "text", "founded": "date"}, "country": {"id": "integer", "Order": "text"}}


def _found(place: Place) -> tuple[Any, ...]:
    return (
        place.keywords,
        place.symbols,
        place.number,
        place.string,
        place.ends,
        place.decimal,
        place.double,
        {terminal: names for terminal, names, _ in place.names},
    )


@pytest.mark.parametrize("dialect", ["sqlite", "postgres", "mysql", "duckdb"])
def test_looks_at_parts_find_all(dialect: str) -> None:
    automaton = sql(TABLES, dialect=dialect).automaton
    rng = random.Random(4)
    for _ in range(8):
        walk(automaton, rng, 30)
    targets = rng.sample(automaton._configurations, min(150, len(automaton._configurations)))
    alive = 0
    for target in targets:
        whole, parts, asked = (Place(automaton.machine, automaton.rules, automaton._named, *target) for _ in range(3))
        whole.look(ANYTHING)
        bits = [1 << byte for byte in range(256)] + [END]
        rng.shuffle(bits)
        assert asked.alive == any(_found(whole)[:5]) or any(_found(whole)[7].values())
        for bit in bits:
            parts.look(bit)
            assert not parts._left & bit
        asked.look(ANYTHING)
        assert _found(parts) == _found(whole) == _found(asked)
        alive += whole.alive
    assert alive > 50
