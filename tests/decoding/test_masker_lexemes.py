"""Masks of SQL against brute force over every token, with tokens that cross from one lexeme into others."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
import random

import numpy as np
import pytest
from bytebound.decoding import Masker, Vocabulary
from bytebound.grammars import SqlGrammar, sql

TABLES = {
    "country": {"code": "text", "name": "text", "population": "integer", "founded": "date"},
    "city": {"id": "integer", "name": "text", "Größe": "integer", "Order": "text"},
}
WORDS = """
    SELECT FROM WHERE name id code population city country count max ( ) , . * = < <= <> || ' '' " " "" ` ; 1 12 3.5
    T1 t2 x AS AND OR IN NOT NULL ORDER BY GROUP LIMIT JOIN ON WITH UNION DATE '2020-01-3 '2020 Größe Gr ö ß "Order
    Order" "name "x é 日本 \u0131 CASE WHEN THEN END EXISTS INSERT INTO VALUES UPDATE SET DELETE
"""
PIECES = WORDS.split()
BLANKS = ["", "", "", " ", " ", "  ", "\n", "\t "]


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    rng = random.Random(7)
    words = {bytes([i]) for i in range(256)} | {"ö".encode()[:1], "日本".encode()[:4], b"'\xe6", b" \xff", b'"\xc3'}
    words |= {b" " * n for n in range(1, 11)}
    while len(words) < 1500:
        text = "".join(rng.choice(BLANKS) + rng.choice(PIECES) for _ in range(rng.choice((1, 1, 2, 2, 3, 4))))
        words.add(rng.choice((text, text.lower())).encode()[: rng.choice((40, 40, 5))])
    tokens: list[bytes | None] = [*sorted(words), None]
    return Vocabulary.from_bytes(tokens, eos_token_ids=[len(tokens) - 1])


CASES = [(dialect, ("select",)) for dialect in ("sqlite", "postgres", "mysql", "duckdb")]
CASES.append(("sqlite", ("insert", "update", "delete")))


@pytest.mark.parametrize(("dialect", "statements"), CASES)
def test_against_brute_force(dialect: str, statements: tuple[str, ...], vocabulary: Vocabulary) -> None:
    grammar: SqlGrammar = sql(TABLES, dialect=dialect, statements=statements)
    masker, oracle = Masker(grammar, vocabulary), sql(TABLES, dialect=dialect, statements=statements).automaton
    rng = random.Random(3)
    checked = 0
    for _ in range(5):
        state, prefix = masker.start, b""
        for _ in range(16):
            place = oracle.advance(oracle.start, prefix)
            allowed = set(masker.allowed(state).tolist())
            for token in range(vocabulary.size - 1):
                alive = oracle.advance(place, vocabulary.token_bytes(token)) >= 0
                assert (token in allowed) == alive, (prefix, vocabulary.token_bytes(token))
            assert (vocabulary.size - 1 in allowed) == oracle.is_accepting(place)
            checked += len(allowed)
            longer = [token for token in allowed if len(vocabulary.token_bytes(token)) > 2]
            token = rng.choice(sorted(longer if longer and rng.random() < 0.8 else allowed))
            if token == vocabulary.size - 1:
                break
            state, prefix = masker.accept(state, token), prefix + vocabulary.token_bytes(token)
            assert grammar.grammar.automaton.advance(grammar.grammar.automaton.start, prefix) >= 0, prefix
    assert checked > 1000


@pytest.mark.parametrize("dialect", ["sqlite", "postgres", "mysql", "duckdb"])
def test_names_that_hold_quotes(dialect: str) -> None:
    tables = {"t": {'a"b': "text", "c`d": "integer", "a": "integer", "É": "text"}}
    rng = random.Random(11)
    pieces = [
        '"',
        '""',
        '"a',
        'a"',
        'a""b',
        "`",
        "``",
        "`c",
        "c``d",
        "É",
        "é",
        "A",
        "b",
        "'",
        "''",
        "x",
        ",",
        "=",
        " ",
        "(",
    ]
    words = {bytes([i]) for i in range(256)}
    while len(words) < 1200:
        words.add("".join(rng.choice(pieces) for _ in range(rng.choice((2, 2, 3, 4)))).encode())
    tokens: list[bytes | None] = [*sorted(words), None]
    vocabulary = Vocabulary.from_bytes(tokens, eos_token_ids=[len(tokens) - 1])
    masker, oracle = Masker(sql(tables, dialect=dialect), vocabulary), sql(tables, dialect=dialect).automaton
    prefixes = [
        "SELECT ",
        "SELECT a FROM t WHERE a = ",
        "SELECT a FROM t WHERE ",
        'SELECT "',
        "SELECT `",
        "SELECT a, a",
    ]
    for prefix in prefixes:
        state = masker.automaton.advance(masker.start, prefix.encode())
        place = oracle.advance(oracle.start, prefix.encode())
        if place == -1:
            continue
        allowed = set(masker.allowed(state).tolist())
        for token in range(vocabulary.size - 1):
            text = vocabulary.token_bytes(token)
            assert (token in allowed) == (oracle.advance(place, text) >= 0), (prefix, text)


def _allowed(grammar: SqlGrammar, vocabulary: Vocabulary, prefix: bytes) -> list[int]:
    automaton, masker = grammar.automaton, Masker(grammar, vocabulary)
    allowed: list[int] = masker.allowed(automaton.advance(automaton.start, prefix)).tolist()
    return allowed


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
def test_pickled_and_copied(dialect: str) -> None:
    small = Vocabulary.from_bytes([bytes([i]) for i in range(256)] + [b" name", b" code"])
    grammar = sql(TABLES, dialect=dialect, statements=("select", "delete"), forward_columns=False, whitespace=2)
    grammar.matches("SELECT name FROM city")
    prefixes = (b"", b"SELECT name FROM city  ", b"DELETE FROM country WHERE")
    expected = [_allowed(grammar, small, prefix) for prefix in prefixes]
    for other in (pickle.loads(pickle.dumps(grammar)), copy.deepcopy(grammar)):
        assert isinstance(other, SqlGrammar) and other.schema == grammar.schema and other.name == grammar.name
        assert [_allowed(other, small, prefix) for prefix in prefixes] == expected
        assert other.automaton.advance(other.automaton.start, b"SELECT x.y") == -1  # no forward columns
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(grammar.matches, ("SELECT name FROM city",))
        assert not pool.apply(grammar.matches, ("SELECT nam FROM city",))


def test_masks_after_rollback(vocabulary: Vocabulary) -> None:
    masker = Masker(sql(TABLES), vocabulary)
    rng = np.random.default_rng(2)
    visited = [masker.start]
    for _ in range(20):
        state = masker.accept(visited[-1], int(rng.choice(masker.allowed(visited[-1]))))
        if state == masker.finished:
            break
        visited.append(state)
    fresh = Masker(masker.grammar, vocabulary)
    for state in reversed(visited):
        assert np.array_equal(fresh.allowed(state), masker.allowed(state))
