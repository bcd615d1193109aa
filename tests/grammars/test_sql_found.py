"""SQL statements that random walks found: engines refuse what the grammar once took, and take what stands beside it."""

from __future__ import annotations

import pytest
from bytebound import grammars

FOUND = {
    "sqlite": [
        "WITH a AS (VALUES (1)) SELECT column1 FROM a CROSS JOIN (SELECT TRUE) AS b",  # ambiguous
        "VALUES (1) EXCEPT SELECT 2 ORDER BY column1",
        "VALUES (1) LIMIT 1",
        'SELECT a.*, b."*" FROM city AS a, country AS b',
        # The name of the count comes before the column of the query around.
        "SELECT name FROM city WHERE EXISTS (SELECT count(*) AS id FROM language WHERE id > 1)",
        'SELECT sum(id) OVER w FROM city WINDOW "w" AS ()',
    ],
    "duckdb": [
        "SELECT string_agg(name, code) FROM city",  # not constant
        # A name of the select list comes before columns of the query around, also where it is not defined yet.
        "SELECT name FROM city WHERE EXISTS (SELECT id + 1 AS id FROM country)",
        "SELECT name FROM city WHERE EXISTS (SELECT id AS x, 1 AS id FROM country)",
        "SELECT name FROM city WHERE EXISTS (SELECT name AS id, id + 1 FROM country)",
        'SELECT x.id FROM city, LATERAL (SELECT true AS y, false IN ("id" = 1) AS id) AS x',
        "SELECT name FROM city WHERE EXISTS (SELECT name AS id FROM country WHERE upper(code) IN (SELECT code FROM "
        "language WHERE id + 1 > 2))",
        "SELECT name FROM city WHERE true IN (EXISTS (SELECT 'a'))",  # taken for IN (SELECT 'a')
        "SELECT name FROM city WHERE true IN ((name IN (VALUES ('a'))))",
        "SELECT name FROM city WHERE false NOT IN (((EXISTS (VALUES ('a')))))",
        "SELECT name FROM city LEFT JOIN LATERAL (SELECT city.id AS n) AS x ON (SELECT true)",
        # Worked out when planned.
        "VALUES (1 % 0)",
        "VALUES (1), (999999999 * 7)",
        "SELECT name FROM city WHERE id IN (VALUES (CASE WHEN true THEN 999999999 * 7 END))",
        "VALUES (CAST(9999999999.5 AS integer))",
        f"SELECT count(*) FROM city GROUP BY CUBE ({', '.join(['id'] * 20)})",
    ],
    "postgres": [
        "SELECT * FROM city JOIN country USING (name) INTERSECT SELECT 1, 'a', 'a', 1, 'a', 'a', 1, 1.5, true, DATE "
        "'2020-02-02'",  # the merged column comes first
        "SELECT 1 % coalesce(id, ceil(2)) FROM city",
        "SELECT coalesce(id, ceil(2)) % 2 FROM city",
        "SELECT name BETWEEN name COLLATE \"C\" AND 'b' FROM city",
        "SELECT name FROM city WHERE (name || 'a') GLOB 'b'",
        "WITH RECURSIVE n(x) AS (SELECT id FROM city UNION ALL SELECT x / 2.5 FROM n) SELECT x FROM n",
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT CAST(x AS bigint) FROM n) SELECT x FROM n",
    ],
    "mysql": [
        "WITH std(x) AS (SELECT 1) SELECT x FROM std",
        "SELECT sum (id) FROM city",  # white space before the parenthesis of a call
        "SELECT cast (id AS signed) FROM city",
        "SELECT name, * FROM city",
        "SELECT rank() OVER () FROM city",
        "SELECT x.a FROM (SELECT 1 AS a, 2 AS a) AS x",
        "SELECT name FROM city WHERE id IN (SELECT id FROM city LIMIT 2)",
        "SELECT row_number.id FROM city AS row_number",
        "SELECT std(DISTINCT id) FROM city",
        "WITH a AS (SELECT 1 AS x) SELECT (WITH RECURSIVE b AS (SELECT x FROM a) SELECT x FROM b)",
        # MariaDB, which the walks ask in the place of MySQL, looks for a table called a in the database.
        "WITH a AS (SELECT 1 AS x) SELECT (WITH b AS (SELECT x FROM a) SELECT x FROM b)",
        "WITH city AS (SELECT 1 AS id) SELECT (WITH b AS (SELECT id FROM city) SELECT id FROM b)",
        "WITH a AS (SELECT 1 AS x), b AS (SELECT (WITH c AS (SELECT x FROM a) SELECT 1) AS y) SELECT y FROM b",
        # It makes a table of the SELECT before INTERSECT.
        "SELECT 1 AS x, 2 AS y UNION SELECT id, id FROM city INTERSECT SELECT 3, 4",
        "SELECT 1, 2 UNION SELECT 1, 1 INTERSECT SELECT 3, 4",
        "SELECT name FROM city WHERE id IN ((SELECT id FROM city LIMIT 2))",
        "SELECT name FROM city WHERE id IN (((SELECT 1 UNION SELECT 2 LIMIT 2)))",
        # HAVING looks for columns by their names, among those of the result and of GROUP BY.
        "SELECT 1 AS x FROM city JOIN country USING (code) GROUP BY country.code, code HAVING code > 'a'",
        "SELECT name AS code FROM city GROUP BY code, name HAVING code > 'a'",
        "SELECT city.code FROM city, country GROUP BY city.code, country.code HAVING city.code > 'a'",
        "SELECT count(*) AS id FROM city GROUP BY id HAVING sum(id) > 1",
    ],
}
"""What walks of the grammar found that engines refuse, by dialect."""
TAKEN = {
    "sqlite": [
        "SELECT a.*, b.name, b.* FROM city AS a, country AS b",
        "SELECT name FROM city WHERE EXISTS (SELECT count(*) AS id FROM city WHERE id > 1)",
        "SELECT name FROM city WHERE EXISTS (SELECT count(*) AS n FROM language WHERE id > 1)",
        "VALUES (1 % 0)",
    ],
    "duckdb": [
        "SELECT name FROM city WHERE EXISTS (SELECT city.id + 1 AS id FROM country)",
        "SELECT name FROM city WHERE EXISTS (SELECT id, id + 1 FROM country)",
        "SELECT name FROM city WHERE EXISTS (SELECT code AS x, population AS code FROM country)",
        "SELECT name FROM city WHERE EXISTS (SELECT 'a' AS n FROM country WHERE id > 5)",
        "SELECT name FROM city WHERE true IN ((NOT EXISTS (SELECT 'a')))",
        "SELECT name FROM city WHERE true = (EXISTS (SELECT 'a'))",
        "SELECT name FROM city WHERE true IN ((NOT name IN (SELECT 'a')))",
        "SELECT name FROM city WHERE 1 IN ((SELECT id FROM city LIMIT 1))",
        "SELECT name FROM city LEFT JOIN LATERAL (SELECT city.id AS n) AS x ON x.n = 1",
        "SELECT name FROM city LEFT JOIN (SELECT 1 AS n) AS x ON (SELECT true)",
        "SELECT 1 % 0",
        "VALUES (-1, 2.5, 'a' || 'b', CAST(2 AS double), upper('a'), 1 < 2)",
    ],
    "postgres": ["VALUES (1 + 1)", "SELECT name FROM city WHERE EXISTS (SELECT id + 1 AS id FROM country)"],
    "mysql": [
        "WITH std AS (SELECT 1 AS x) SELECT x FROM std",
        "WITH s(x) AS (SELECT 1) SELECT x FROM s",
        "WITH a AS (SELECT 1 AS x) SELECT (WITH b AS (SELECT 2 AS y) SELECT y FROM b, a)",
        "WITH a AS (SELECT 1 AS x), b AS (SELECT x FROM a) SELECT x FROM b",
        "SELECT (WITH a AS (SELECT 1 AS x), b AS (SELECT x FROM a) SELECT x FROM b)",
        "SELECT 1, 1 INTERSECT SELECT 2, 2 UNION SELECT 3, 3",
        "SELECT 1 AS x, 2 AS y UNION SELECT id AS x, population FROM city INTERSECT SELECT 3, 4",
        "SELECT 1 UNION SELECT 2 INTERSECT SELECT 3",
        "SELECT name FROM city WHERE id IN ((SELECT 1 ORDER BY 1))",
        "SELECT name FROM city WHERE id = (SELECT 1 LIMIT 1)",
        "SELECT name FROM city WHERE id IN (2, (SELECT 1 LIMIT 1))",
        "SELECT name FROM city GROUP BY name HAVING name > 'a'",
        "SELECT id AS x FROM city GROUP BY id, name HAVING id > 1 AND name > 'a' AND count(id) > 1",
    ],
}
"""What stands beside them and is right."""


def test_what_walks_found(judged) -> None:  # type: ignore[no-untyped-def]
    dialect, grammar, prepares = judged
    for text in FOUND[dialect]:
        assert not grammar.matches(text), text
        if dialect != "mysql":  # sqlglot's parser takes them all
            with pytest.raises(Exception, match=r"."):
                prepares(text)


def test_what_stands_beside_it(judged) -> None:  # type: ignore[no-untyped-def]
    dialect, grammar, prepares = judged
    for text in TAKEN[dialect]:
        assert grammar.matches(text), text
        prepares(text)


@pytest.mark.parametrize(
    "text",
    [
        "UPDATE t SET a = (VALUES (- CASE WHEN true THEN 1 ELSE 3.5 END))",
        "INSERT INTO t VALUES (CASE WHEN true THEN 1 ELSE 3.5 END)",
        "INSERT INTO t VALUES (CAST(3.5 AS integer))",
        "INSERT INTO t VALUES (1 + 1)",
    ],
)
def test_whole_numbers_stay_whole(text: str) -> None:
    grammar = grammars.sql({"t": {"a": "integer"}}, dialect="duckdb", statements=("insert", "update"))
    automaton = grammar.automaton
    dead = max(i for i in range(len(text) + 1) if automaton.advance(automaton.start, text[:i].encode()) >= 0)
    assert dead < len(text) - 1  # no way goes on that leads nowhere
    assert grammar.matches(text.replace("3.5", "3").replace("1 + 1", "2"))


def test_stars_that_add_up_within_eight_tables() -> None:
    """29 columns are three tables of three and five of four: no fourth table of three leads anywhere."""
    tables = {name: {f"{name}{i}": "integer" for i in range(width)} for name, width in (("three", 3), ("four", 4))}
    grammar = grammars.sql(tables, dialect="postgres")
    names = ", ".join(f"c{i}" for i in range(29))
    taken: list[str] = []
    for name in (["three"] * 3 + ["four"] * 5)[::-1]:
        taken.append(f"{name} AS a{len(taken)}")
        text = f"WITH n({names}) AS (SELECT * FROM {', '.join(taken)}"
        more = grammar.automaton.advance(grammar.automaton.start, f"{text}, three AS b".encode()) >= 0
        assert more == (len(taken) < 8)
    assert grammar.matches(f"{text}) SELECT 1")
    some = ", ".join(f"three AS a{i}" for i in range(3))
    start = grammar.automaton.start
    assert grammar.automaton.advance(start, f"WITH n({names}) AS (SELECT * FROM {some}, four AS b".encode()) >= 0
    assert grammar.automaton.advance(start, f"WITH n({names}) AS (SELECT * FROM {some}, three AS b".encode()) < 0
