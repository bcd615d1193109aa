"""SQL: names, scopes and types by cases; the laws of the automaton; the schema reader; masks."""

from __future__ import annotations

import random
import sqlite3
from typing import Any

import numpy as np
import pytest
from bytebound import decoding, grammars
from bytebound.grammars.automaton import Automaton

from .sql_walks import CREATE, walk

TABLES = {
    "country": {"code": "text", "name": "text", "population": "integer", "area": "real", "founded": "date"},
    "city": {"id": "integer", "name": "text", "code": "text", "population": "integer", "Order": "text"},
    "language": {"code": "text", "language": "text", "percentage": "real", "seen": "timestamp"},
}


@pytest.fixture(scope="module", params=["sqlite", "postgres", "mysql", "duckdb"])
def of_dialect(request: pytest.FixtureRequest) -> tuple[str, grammars.SqlGrammar]:
    return request.param, grammars.sql(TABLES, dialect=request.param)


ACCEPTED = [
    "SELECT name FROM city",
    " select  Name\nFROM City ;",
    "SELECT * FROM city",
    "SELECT c.*, l.language FROM city AS c, language l",
    "SELECT T1.name, T2.language FROM city AS T1 JOIN language AS T2 ON T1.code = T2.code",
    "SELECT city.name FROM city",
    "SELECT code FROM city JOIN country USING (code)",
    "SELECT count(*), max(population) FROM city WHERE population > 3 AND name <> 'Rome'",
    "SELECT count(DISTINCT name) FROM city",
    "SELECT name, count(*) FROM city GROUP BY name HAVING count(*) > 2 ORDER BY count(*) DESC LIMIT 3",
    "SELECT name FROM city WHERE population = (SELECT max(population) FROM city)",
    "SELECT name FROM country AS c WHERE EXISTS (SELECT 1 FROM city WHERE city.code = c.code)",
    "SELECT name FROM country WHERE code NOT IN (SELECT code FROM city) UNION SELECT name FROM city ORDER BY name",
    "WITH big AS (SELECT name AS n, population AS p FROM city WHERE population > 5) SELECT n FROM big WHERE p < 9",
    "SELECT x.total FROM (SELECT sum(population) AS total FROM city) AS x",
    "SELECT CASE WHEN population > 3 THEN 'big' ELSE 'small' END AS size FROM city ORDER BY size",
    "SELECT row_number() OVER (PARTITION BY code ORDER BY population DESC) FROM city",
    "SELECT name FROM city WHERE population BETWEEN 1 AND 2 OR name LIKE 'a%' AND code IS NOT NULL",
    "SELECT name FROM city LEFT JOIN language ON city.code = language.code WHERE language.percentage > 1.5",
]
REFUSED = [
    "SELECT name FROM city WHERE population = (SELECT area FROM country ORDER BY id)",  # not seen there in SQLite
    "SELECT name FROM city WHERE population = (SELECT max(area) FROM country GROUP BY id)",
    "SELECT nam FROM city",  # no such column
    "SELECT name FROM town",
    "SELECT language FROM city",  # a column of another table
    "SELECT T1.language FROM city AS T1",
    "SELECT T2.name FROM city AS T1",
    "SELECT name FROM city, country",  # ambiguous
    "SELECT name FROM city WHERE x.name = 'a'",
    "SELECT name FROM city AS a, country AS a",
    "SELECT city.name FROM city JOIN country ON language.code = city.code JOIN language ON city.code = language.code",
    "SELECT name FROM city WHERE count(*) > 1",
    "SELECT max(count(*)) FROM city",
    "SELECT name FROM city UNION SELECT name, code FROM city",
    "SELECT name FROM city WHERE code IN (SELECT code, name FROM city)",
    "SELECT name FROM city WHERE (population > 3",
    "SELECT name FROM city WHERE population > 3)",
    "SELECT name FROM city WHERE name = Rome",
    "SELECT name FROM city ORDER BY 2",
    "SELECT name FROM city -- comment",
    "SELECT name FROM city; SELECT 1",
    "DELETE FROM city",
    "SELECT abs(name, 1) FROM city",
    "SELECT nameFROM city",
    "SELECT name FROM city          WHERE population > 3",
    "",
]
TYPED = [
    "SELECT name FROM city WHERE population = 'a'",
    "SELECT name, count(*) FROM city",
    "SELECT name, code FROM city GROUP BY name",
    "SELECT sum(name) FROM city",
    "SELECT name FROM city UNION SELECT population FROM city",
    "SELECT name FROM city WHERE name",
]


@pytest.mark.parametrize("text", ACCEPTED)
def test_accepted(of_dialect: tuple[str, grammars.SqlGrammar], text: str) -> None:
    assert of_dialect[1].matches(text)


@pytest.mark.parametrize("text", REFUSED)
def test_refused(of_dialect: tuple[str, grammars.SqlGrammar], text: str) -> None:
    assert not of_dialect[1].matches(text)


@pytest.mark.parametrize("text", TYPED)
def test_types(of_dialect: tuple[str, grammars.SqlGrammar], text: str) -> None:
    assert of_dialect[1].matches(text) == (of_dialect[0] == "sqlite")


def test_dates() -> None:
    g = grammars.sql(TABLES, dialect="postgres")
    assert g.matches("SELECT name FROM country WHERE founded > DATE '1990-02-28'")
    for wrong in ("'1990-02-28'", "DATE '1990-13-01'", "DATE '1990-1-1'", "DATE '1990-00-01'", "DATE 'x'"):
        assert not g.matches(f"SELECT name FROM country WHERE founded > {wrong}")


def test_quoted_names_and_strings() -> None:
    lite, pg = grammars.sql(TABLES), grammars.sql(TABLES, dialect="postgres")
    assert lite.matches('SELECT "Order" FROM city WHERE name = "Rome"') and lite.matches('SELECT "ORDER" FROM city')
    assert not lite.matches("SELECT Order FROM city")
    assert not lite.matches('SELECT name FROM city WHERE name = "language"')  # a column, though of another table
    assert pg.matches('SELECT "Order" FROM city') and not pg.matches('SELECT "ORDER" FROM city')
    assert not pg.matches('SELECT name FROM city WHERE name = "Rome"')
    assert lite.matches("SELECT name FROM city WHERE name = 'it''s é'")
    assert not lite.matches(b"SELECT name FROM city WHERE name = '\xff'")
    assert grammars.sql(TABLES, dialect="mysql").matches('SELECT `Order` FROM city WHERE name = "Rome"')


def test_strings_that_would_name_columns() -> None:
    g = grammars.sql(TABLES)
    assert not g.matches('WITH t AS (VALUES ("Paris")) SELECT 1 FROM t') and g.matches('VALUES ("Paris")')
    assert g.matches("WITH t AS (VALUES ('Paris')) SELECT 1 FROM t")


def test_forward_columns() -> None:
    strict = grammars.sql(TABLES, forward_columns=False)
    assert not strict.matches(ACCEPTED[14]) and strict.matches(ACCEPTED[4])


def test_writing() -> None:
    g = grammars.sql(TABLES, statements=("insert", "update", "delete"))
    assert g.matches("INSERT INTO city (id, name) VALUES (1, 'Rome'), (2, 'Oslo')")
    assert g.matches("INSERT INTO language SELECT code, name, area, 1 FROM country")
    assert g.matches("UPDATE city SET name = 'x', population = population + 1 WHERE id = 3")
    assert g.matches("DELETE FROM city WHERE id IN (SELECT id FROM city WHERE population < 5)")
    for wrong in (
        "INSERT INTO city (id, name) VALUES (1)",
        "INSERT INTO city (id, id) VALUES (1, 2)",
        "INSERT INTO city (id) SELECT id, name FROM city",
        "UPDATE city SET nam = 1",
        "DELETE FROM town",
        "SELECT name FROM city",
    ):
        assert not g.matches(wrong)


def test_schema_of_a_connection() -> None:
    connection = sqlite3.connect(":memory:")
    for statement in CREATE:
        connection.execute(statement)
    schema = grammars.Schema.read(connection)
    assert [table.name for table in schema.tables] == ["country", "city", "language", "big"]
    country, city, _, view = schema.tables
    assert country.columns[0].primary_key and country.columns[1].required and view.is_view
    assert city.foreign_keys[0].table == "country" and city.columns[4].name == "Order"
    assert [column.kind for column in country.columns] == ["text", "text", "int", "number", "bool", "date"]
    connection.close()


def test_schema_of_sqlalchemy() -> None:
    sqlalchemy = pytest.importorskip("sqlalchemy")
    engine = sqlalchemy.create_engine("sqlite://")
    with engine.begin() as connection:
        for statement in CREATE:
            connection.execute(sqlalchemy.text(statement))
    for source in (engine, sqlalchemy.inspect(engine)):
        schema = grammars.Schema.read(source)
        assert {table.name for table in schema.tables} == {"country", "city", "language", "big"}
    engine.dispose()


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ({}, "no tables"),
        ({"a": {}}, "no columns"),
        (3, "sql() takes"),
        ({"a": {"b": 1}}, "must be str"),
        ({"a": 1}, "map"),
    ],
)
def test_sources_refused(source: Any, says: str) -> None:
    with pytest.raises(grammars.GrammarError) as caught:
        grammars.sql(source)
    assert says in str(caught.value)


def test_options_refused() -> None:
    for options in ({"dialect": "oracle"}, {"statements": ("drop",)}):
        with pytest.raises(grammars.Unsupported):
            grammars.sql(TABLES, **options)  # type: ignore[arg-type]
    with pytest.raises(grammars.GrammarError):
        grammars.sql(TABLES, statements=())


def test_laws_of_the_automaton() -> None:
    automaton = grammars.sql(TABLES, dialect="duckdb").automaton
    assert isinstance(automaton, Automaton)
    rng = random.Random(3)
    for _ in range(10):
        text = walk(automaton, rng, 40)
        if text is None:
            continue
        cut = rng.randrange(len(text))
        middle = automaton.advance(automaton.start, text[:cut])
        assert automaton.advance(middle, text[cut:]) == automaton.advance(automaton.start, text) >= 0
        assert automaton.advance(middle, b"") == middle
        forced = automaton.forced_bytes(middle)
        assert text[cut:].startswith(forced) or len(forced) > len(text) - cut
        shape = automaton.shape(middle)
        for word in shape.words:
            assert automaton.advance(middle, word.encode()) >= 0
        ended = automaton.ended(middle)
        assert ended == -1 or automaton.step(ended, 0x20) == automaton.step(middle, 0x20)


def _vocabulary() -> decoding.Vocabulary:
    words = [
        b"SELECT",
        b" name",
        b" FROM",
        b" city",
        b"city WHERE",
        b" (",
        b")",
        b" = '",
        b"x'",
        b"ab",
        b"', ",
        b"count(*)",
    ]
    words += [b"population ", b" AS T1", b" T1.", b"a b", "é".encode(), b"' AND", b"FROM city", b" \xff", b"name,"]
    return decoding.Vocabulary.from_bytes(
        [bytes([i]) for i in range(256)] + words + [None], eos_token_ids=[256 + len(words)]
    )


def test_masks_are_what_is_accepted() -> None:
    g, vocabulary = grammars.sql(TABLES), _vocabulary()
    masker = decoding.Masker(g, vocabulary)
    assert isinstance(masker, decoding.Masker) and decoding.Masker(g.grammar, vocabulary).grammar is g.grammar
    tester = decoding.tester(g, vocabulary)
    rng = np.random.default_rng(0)
    for _ in range(6):
        state = masker.start
        for _ in range(25):
            allowed = masker.allowed(state)
            assert len(allowed)
            ids = np.arange(vocabulary.size)
            assert np.array_equal(
                np.flatnonzero(tester.test(np.full(len(ids), tester.start), ids)), _allowed_by(tester)
            )
            taken = [i for i in range(vocabulary.size) if masker.accept(state, i) != -1]
            assert taken == allowed.tolist()
            state = masker.accept(state, int(rng.choice(allowed)))
            if state == decoding.Masker.finished:
                break


def _allowed_by(tester: decoding.Tester) -> np.ndarray[Any, Any]:
    row = np.empty((tester.vocabulary.size + 31) // 32, np.uint32)
    tester.fill(tester.start, row)
    return np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little"))


def test_tokens_and_states_that_are_none() -> None:
    masker = decoding.Masker(grammars.sql(TABLES), _vocabulary())
    with pytest.raises(decoding.WrongVocabulary):
        masker.accept(masker.start, 100_000)
    assert masker.accept(masker.start, ord("F")) == -1
    with pytest.raises(decoding.DeadEnd):
        masker.fill(-1, np.empty(masker.words, np.uint32))


def test_with_a_predicate() -> None:
    short = grammars.predicate(lambda text: len(text) < 30, name="short")
    both = grammars.sql(TABLES) & short
    assert both.matches("SELECT name FROM city") and not both.matches("SELECT name, population FROM city")
    tester = decoding.tester(both, _vocabulary())
    assert tester.accept(tester.start, 256) >= 0


def test_its_syntax_as_a_part_of_grammars() -> None:
    g = grammars.sql(TABLES)
    tagged = grammars.tags([("<sql>", g.grammar, "</sql>")], at_least=1)  # the syntax alone
    assert tagged.matches("Well. <sql>SELECT nam FROM city</sql>") and not tagged.matches("<sql>SELECT (1</sql>")
