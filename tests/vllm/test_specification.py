"""Specifications of requests without an engine: SQL over tables that a request brings along, and what is refused."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from bytebound import grammars
from bytebound.grammars.scoped import Scoped
from bytebound.integrations.vllm import constraint_of
from bytebound.integrations.vllm.rest import Rest
from bytebound.integrations.vllm.slot import grammar_of
from bytebound.integrations.vllm.tables import MAX_COLUMNS, MAX_TABLES

CITIES = {"cities": {"name": "TEXT", "people": "INTEGER"}}
DDL = 'CREATE TABLE "cities" (name TEXT NOT NULL, people INTEGER DEFAULT (abs(-1)) CHECK (people > 0), UNIQUE (name));'


@pytest.mark.parametrize("schema", [CITIES, DDL])
@pytest.mark.parametrize("dialect", ["sqlite", "postgres", "mysql", "duckdb"])
def test_sql_is_that_of_the_tables(schema: Any, dialect: str) -> None:
    grammar = constraint_of({"sql": {"schema": schema, "dialect": dialect}})
    assert isinstance(grammar, Scoped) and constraint_of({"sql": {"schema": schema, "dialect": dialect}}) is grammar
    assert grammar.matches("SELECT name FROM cities WHERE people > 5;")
    for wrong in ("SELECT nam FROM cities", "SELECT name FROM towns", "DELETE FROM cities"):
        assert not grammar.matches(wrong)
    assert grammar_of("grammar", '{"bytebound": {"sql": {"schema": {"a": {"b": "INT"}}}}}').matches("SELECT b FROM a")


def test_statements_are_an_option() -> None:
    writes = constraint_of({"sql": {"schema": CITIES, "statements": ["delete"]}})
    assert writes.matches("DELETE FROM cities") and not writes.matches("SELECT name FROM cities")


def test_sql_within_a_number_of_tokens() -> None:
    rest = grammar_of("grammar", {"bytebound": {"sql": {"schema": CITIES}, "max_tokens": 40}})
    assert isinstance(rest, Rest) and rest.max_tokens == 40 and rest.grammar.matches("SELECT name FROM cities")


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT 1", 'object with a "schema"'),
        ({"tables": CITIES}, 'object with a "schema"'),
        ({"schema": CITIES, "url": "sqlite:///x"}, "unknown field 'url'"),
        ({"schema": ["cities"]}, "mapping"),
        ({"schema": {}}, "no tables"),
        ({"schema": {"t": {}}}, "no columns"),
        ({"schema": {"t": {"a": 5}}}, "must be str"),
        ({"schema": {"t": {"": "INT"}}}, "no name"),
        ({"schema": {"t": {"\ud800": "INT"}}}, "printable"),
        ({"schema": {"t": {"a\n": "INT"}}}, "printable"),
        ({"schema": {"t": {"a" * 200: "INT"}}}, "at most 128"),
        ({"schema": {"t": {"a": "INT", "A": "TEXT"}}}, "two columns of table 't'"),
        ({"schema": {"t": {"a": "INT"}, "T": {"a": "INT"}}}, "two tables"),
        ({"schema": {f"t{i}": {"a": "INT"} for i in range(MAX_TABLES + 1)}}, "a request may bring"),
        ({"schema": {"t": {f"a{i}": "INT" for i in range(MAX_COLUMNS + 1)}}}, "a request may bring"),
        ({"schema": {"t": {"x" * 200_000: "INT"}}}, "at most 131,072"),
        ({"schema": CITIES, "dialect": "oracle"}, "oracle"),
        ({"schema": CITIES, "dialect": 5}, "texts"),
        ({"schema": CITIES, "statements": "select"}, "list of texts"),
        ({"schema": CITIES, "statements": ["drop"]}, "'drop' is not supported"),
        ({"schema": CITIES, "statements": [["select"]]}, "texts"),
        ({"schema": "sqlite:///orders.db"}, "CREATE TABLE statements"),
        ({"schema": "CREATE TABLE t (a INT); SELECT 1;"}, "not authorized"),
        (
            {"schema": "CREATE TABLE t AS WITH RECURSIVE c(n) AS (VALUES (1) UNION ALL SELECT n FROM c) SELECT 1"},
            "not authorized",
        ),
        ({"schema": "CREATE TABLE t (a INT); INSERT INTO t VALUES (1);"}, "not authorized"),
        ({"schema": "PRAGMA journal_mode = OFF; CREATE TABLE t (a INT);"}, "not authorized"),
        ({"schema": "CREATE VIRTUAL TABLE t USING fts5(a)"}, "not authorized"),
        ({"schema": "CREATE TABLE t (a\0 INT)"}, "null character"),
        ({"schema": "CREATE TABLE t (a \ud800)"}, "surrogates"),
        ({"schema": "CREATE TABLE t (a INT CHECK (" + "(" * 5000 + "1" + ")" * 5000 + "))"}, "CREATE TABLE statements"),
    ],
)
def test_wrong_sql_is_refused(sql: Any, message: str) -> None:
    with pytest.raises(grammars.GrammarError, match=message):
        constraint_of({"sql": sql})


def test_no_file_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "orders.db"
    with pytest.raises(grammars.GrammarError, match="not authorized"):
        constraint_of({"sql": {"schema": f"ATTACH DATABASE '{path}' AS other; CREATE TABLE other.t (a INT);"}})
    assert not path.exists()
    with pytest.raises(grammars.GrammarError, match="cannot be written as JSON"):
        constraint_of({"sql": {"schema": sqlite3.connect(":memory:")}})
