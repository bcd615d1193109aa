"""SQL within a number of tokens: always complete, prepared by SQLite, along completions that stay as they were."""

from __future__ import annotations

import random
import sqlite3

import numpy as np
import pytest
from bytebound.decoding import CannotClose, Masker, Vocabulary
from bytebound.grammars import sql

CREATE = (
    "CREATE TABLE country (code TEXT PRIMARY KEY, name TEXT, population INTEGER, area REAL)",
    'CREATE TABLE city (id INTEGER PRIMARY KEY, name TEXT, code TEXT, population INTEGER, "Order" TEXT)',
    "CREATE TABLE language (code TEXT, language TEXT, percentage REAL)",
)
WORDS = (
    "SELECT FROM WHERE name id code population city country language count( ( ) , . * = < > '' ' 1 12 T1 t2 T1. AS AND "
    'OR NOT IN( ORDER BY GROUP LIMIT JOIN ON UNION CASE WHEN THEN END WITH x y ; " max( INSERT INTO VALUES SET'
)


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    words = {bytes([i]) for i in range(256)}
    words |= {(gap + word).encode() for word in WORDS.split(" ") for gap in ("", " ")}
    tokens: list[bytes | None] = [*sorted(words), None]
    return Vocabulary.from_bytes(tokens, eos_token_ids=[len(tokens) - 1])


def connected() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    for statement in CREATE:
        connection.execute(statement)
    return connection


@pytest.mark.parametrize("statements", [("select",), ("insert", "update", "delete")])
def test_closes_in_time(statements: tuple[str, ...], vocabulary: Vocabulary) -> None:
    connection = connected()
    grammar = sql(connection, statements=statements)
    masker = Masker(grammar, vocabulary)
    rng = random.Random(4)
    multibyte = [i for i in range(vocabulary.size - 1) if len(vocabulary.token_bytes(i)) > 1]
    for walk in range(6):
        budget = (4, 9, 70)[walk % 3] if statements == ("select",) else (20, 40)[walk % 2]
        state, text = masker.start, b""
        for left in range(budget, 0, -1):
            allowed = masker.allowed(state, left)
            assert not np.setdiff1d(allowed, masker.allowed(state)).size
            common = np.intersect1d(allowed, multibyte)
            token = int(rng.choice(common if len(common) and rng.random() < 0.9 else allowed))
            text += vocabulary.token_bytes(token)
            state = masker.accept(state, token)
            if state == masker.finished:
                break
        assert masker.is_accepting(state), (walk, budget, text)
        assert grammar.matches(text)
        connection.execute("EXPLAIN " + text.decode())
    connection.close()


@pytest.mark.parametrize(
    "prefix",
    [
        b"",
        b"SEL",
        b"SELECT T1.na",
        b"SELECT T1.name, T2.area, ",
        b"SELECT x.total, x.other FROM ",
        b"SELECT name, id, code FROM city WHERE code IN (SELECT",
        b"WITH",
        b"SELECT CASE WHEN (((",
        b"SELECT name FROM city WHERE name = '\xe6\x97",
        b'SELECT "Or',
        b"SELECT name, id, code FROM city UNION",
        b"INSERT INTO language (",
        b"UPDATE ci",
    ],
)
def test_completions(prefix: bytes, vocabulary: Vocabulary) -> None:
    grammar = sql(connected(), statements=("select", "insert", "update", "delete"))
    masker = Masker(grammar, vocabulary)
    state = grammar.automaton.advance(grammar.automaton.start, prefix)
    tokens = masker.closing_tokens(state)
    assert tokens is not None and len(tokens) < 60
    assert grammar.matches(prefix + vocabulary.text(tokens))
    for i, token in enumerate(tokens):  # a completion goes on as it was, and its first token is always allowed in time
        assert masker.closing_tokens(state) == tokens[i:]
        if i % 5 == 0:
            assert token in masker.allowed(state, len(tokens) - i)
        state = masker.accept(state, token)
    assert masker.is_accepting(state) and masker.closing_tokens(state) == []


def test_too_few_tokens(vocabulary: Vocabulary) -> None:
    masker = Masker(sql(connected()), vocabulary)
    with pytest.raises(CannotClose, match=r"1 tokens are left.*2 tokens would do"):
        masker.allowed(masker.start, 1)
