"""SELECT in full: what each dialect has is accepted and prepared by its engine, and what it has not is refused."""

from __future__ import annotations

import pytest
from bytebound import grammars

DIALECTS = ("sqlite", "duckdb", "postgres", "mysql")
ALL = frozenset(DIALECTS)
NO_ROWS = ALL - {"mysql"}  # there rows are written ROW(1, 2)
SETS = frozenset(("duckdb", "postgres"))

LEGAL = [
    ("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 10) SELECT x FROM n", ALL),
    ("WITH RECURSIVE n AS (SELECT 1 AS x UNION SELECT n.x + 1 FROM n WHERE n.x < 10) SELECT * FROM n", ALL),
    ("WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n WHERE x < 5) SELECT x FROM n", NO_ROWS),
    (
        "WITH RECURSIVE n(x, y) AS (SELECT 1, 'a' UNION ALL SELECT x + 1, y FROM n JOIN city ON city.id = n.x) "
        "SELECT x FROM n",
        ALL,
    ),
    (
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x IN (SELECT id FROM city)), "
        "m AS (SELECT max(x) AS y FROM n) SELECT y FROM m",
        ALL,
    ),
    ("WITH RECURSIVE a AS (SELECT name FROM city) SELECT name FROM a", ALL),
    (
        "SELECT name FROM city, LATERAL (SELECT language.language AS l FROM language WHERE language.code = city.code) "
        "AS x",
        ALL - {"sqlite"},
    ),
    (
        "SELECT name, x.l FROM city LEFT JOIN LATERAL (SELECT language AS l FROM language WHERE code = city.code "
        "LIMIT 1) AS x ON true",
        ALL - {"sqlite"},
    ),
    ("VALUES (1, 'a'), (2, 'b')", NO_ROWS),
    ("SELECT v.column1 FROM (VALUES (1), (2)) AS v", {"sqlite", "postgres"}),
    ("SELECT v.col0 FROM (VALUES (1), (2.5)) AS v", {"duckdb"}),
    ("SELECT name FROM city WHERE id IN (VALUES (1), (2))", NO_ROWS),
    ("SELECT id, name FROM city UNION VALUES (1, 'a')", NO_ROWS),
    ("SELECT name FROM city WHERE name LIKE 'a!%' ESCAPE '!'", ALL),
    ("SELECT name FROM city WHERE name NOT LIKE 'a!%' ESCAPE '!' AND id = 1", ALL),
    ("SELECT name FROM city WHERE name LIKE 'a^%' ESCAPE '^'", ALL),
    ("SELECT name FROM city ORDER BY name COLLATE NOCASE, id", {"sqlite"}),
    ("SELECT max(name COLLATE RTRIM) FROM city WHERE name = 'x' COLLATE BINARY", {"sqlite"}),
    ('SELECT name FROM city WHERE name COLLATE "C" < \'b\' ORDER BY name COLLATE "C"', {"postgres"}),
    ("SELECT name FROM city INTERSECT ALL SELECT name FROM country", ALL - {"sqlite"}),
    ("SELECT name FROM city EXCEPT ALL SELECT name FROM country", ALL - {"sqlite"}),
    ("SELECT name FROM city GROUP BY (name)", ALL),
    ("SELECT code, count(*) FROM city GROUP BY (code), id HAVING count(*) > 1", ALL),
    ("SELECT name, count(*) FROM city GROUP BY ROLLUP (name, code)", SETS),
    ("SELECT name, count(*) FROM city GROUP BY CUBE (name, code) HAVING count(*) > 1", SETS),
    ("SELECT code, count(*) FROM city GROUP BY GROUPING SETS ((code, name), (code), ())", SETS),
    ("SELECT name FROM city ORDER BY name FETCH FIRST 3 ROWS ONLY", {"postgres"}),
    ("SELECT name FROM city ORDER BY name OFFSET 2 ROWS FETCH FIRST 3 ROWS ONLY", {"postgres"}),
    ("SELECT count(*) FILTER (WHERE id > 3) FROM city", ALL - {"mysql"}),
    (
        "SELECT sum(id) OVER (PARTITION BY code ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM city",
        ALL,
    ),
    ("SELECT name FROM city ORDER BY population DESC NULLS LAST", ALL - {"mysql"}),
    ("SELECT name, (SELECT count(*) FROM city AS o WHERE o.code = c.code) FROM country AS c", ALL),
    ("SELECT (SELECT max(id) FROM city WHERE city.code = country.code) AS m, name FROM country ORDER BY m", ALL),
    ("SELECT c.code, EXISTS (SELECT 1 FROM city AS o WHERE o.code = c.code AND o.id > 3) FROM country AS c", ALL),
    ("SELECT c.code, c.name IN (SELECT name FROM city WHERE city.code = c.code) FROM country AS c", ALL),
    ("SELECT c.code, (SELECT c.code FROM city LIMIT 1) FROM country AS c", ALL),
    (
        "SELECT count(*), (SELECT max(o.id) FROM city AS o WHERE o.code = c.code) FROM country AS c GROUP BY c.code",
        ALL,
    ),
    (
        "SELECT (SELECT max(o.id) FROM city AS o WHERE EXISTS (SELECT 1 FROM language AS l WHERE l.code = c.code AND "
        "l.language = o.name)) FROM country AS c",
        ALL,
    ),
    ("SELECT sum(id) OVER w FROM city WINDOW w AS (PARTITION BY code ORDER BY id)", ALL),
    (
        "SELECT sum(id) OVER w, count(*) OVER v, avg(id) OVER w FROM city WHERE id > 1 WINDOW w AS (ORDER BY id "
        "ROWS UNBOUNDED PRECEDING), v AS () ORDER BY first_value(id) OVER v",
        ALL - {"duckdb"},
    ),
    ("SELECT rank() OVER w FROM city WINDOW w AS (ORDER BY id)", ALL - {"mysql"}),
    ("SELECT code, first_value(code) OVER w FROM city GROUP BY code WINDOW w AS (ORDER BY code)", ALL),
    ("SELECT count(*) OVER w WINDOW w AS ()", ALL - {"mysql"}),
    ("SELECT sum(id) OVER (ORDER BY id RANGE UNBOUNDED PRECEDING) FROM city", ALL),
    ("SELECT sum(id) OVER (ORDER BY id RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) FROM city", ALL),
    ("SELECT sum(id) OVER (ORDER BY id GROUPS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM city", ALL - {"mysql"}),
    ("SELECT DISTINCT ON (code) code, name FROM city", SETS),
    ("SELECT DISTINCT ON (code) * FROM city ORDER BY code, id DESC", SETS),
    ("SELECT DISTINCT ON (c.code, c.name) c.name AS n, code, id FROM city AS c ORDER BY n, 2 DESC, id", SETS),
    ("SELECT DISTINCT ON (c.code) c.id FROM city AS c", SETS),
    ("SELECT DISTINCT ON (code) code, count(*) AS n FROM city GROUP BY code, name ORDER BY code, n", SETS),
    ("SELECT city.name FROM city JOIN country ON city.code = (SELECT max(code) FROM country)", ALL),
    ("SELECT c.name FROM city AS c JOIN country AS d ON c.id IN (SELECT id FROM city WHERE code = d.code)", ALL),
    ("SELECT name FROM city ORDER BY (SELECT max(name) FROM country), name", ALL),
    ("SELECT c.name FROM country AS c ORDER BY (SELECT count(*) FROM city WHERE city.code = c.code) DESC", ALL),
]
REFUSED = [
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT y + 1 FROM n) SELECT x FROM n",  # no such column
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n, n) SELECT x FROM n",  # twice
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT max(x) FROM n) SELECT x FROM n",
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x, 1 FROM n) SELECT x FROM n",
    "WITH RECURSIVE n(x) AS (SELECT x FROM n) SELECT x FROM n",  # of itself alone
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT id FROM city WHERE id IN (SELECT x FROM n)) SELECT x FROM n",
    "WITH n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 10) SELECT x FROM n",  # not RECURSIVE
    "SELECT name FROM city, (SELECT language AS l FROM language WHERE language.code = city.code) AS x",  # not LATERAL
    "SELECT name FROM city, LATERAL (SELECT language AS l FROM language WHERE code = country.code) AS x, country",
    "VALUES (1, 'a'), (2)",
    "VALUES (name)",
    "SELECT v.column2 FROM (VALUES (1), (2)) AS v",
    "SELECT name FROM city WHERE id IN (VALUES (1, 2))",
    "SELECT id FROM city UNION VALUES (1, 'a')",
    "SELECT name FROM city WHERE name LIKE 'a%' ESCAPE 'ab'",
    "SELECT name FROM city WHERE name LIKE 'a%' ESCAPE ''",
    "SELECT name FROM city ORDER BY name COLLATE nowhere",
    "SELECT name FROM city GROUP BY (2)",
    "SELECT name, (SELECT count(*) FROM city AS o WHERE o.code = c.code) FROM country AS d",  # no c
    "SELECT name, (SELECT count(*) FROM city AS o WHERE o.code = c.id) FROM country AS c",  # no such column
    "SELECT (SELECT max(id) FROM city AS o WHERE o.name = o.area) FROM country AS c",  # o is a city
    "SELECT (SELECT max(o.id) FROM city AS o WHERE o.name = c.name) FROM (SELECT code FROM country) AS c",
    "SELECT x.n FROM (SELECT (SELECT max(id) FROM city AS o WHERE o.code = c.code) AS n FROM city) AS x, country AS c",
    "SELECT c.name FROM city AS c JOIN country AS d ON c.id IN (SELECT id FROM city WHERE code = e.code), big AS e",
    "SELECT c.name FROM country AS c ORDER BY (SELECT count(*) FROM city WHERE city.code = d.code)",
    "SELECT DISTINCT ON (name) name, id FROM city ORDER BY id",  # must begin with what is distinct
    "SELECT DISTINCT ON (name) name, id FROM city ORDER BY id, name",
    "SELECT DISTINCT ON (name) id FROM city ORDER BY 1",
    "SELECT DISTINCT ON (name, code) name, id, code FROM city ORDER BY name, id",
    "SELECT DISTINCT ON (area) name FROM city",
    "SELECT DISTINCT ON (name) name, count(*) FROM city",
    "SELECT DISTINCT ON (name) name, count(*) AS n FROM city GROUP BY id",
    "SELECT DISTINCT ON (name) id AS name, name FROM city",
    "SELECT DISTINCT ON () name FROM city",
    "SELECT sum(id) OVER w FROM city",  # no such window
    "SELECT sum(id) OVER w FROM city WINDOW v AS (ORDER BY id)",
    "SELECT sum(id) OVER w FROM city WINDOW w AS (ORDER BY area)",
    "SELECT sum(id) OVER w FROM city WINDOW w AS (ORDER BY id), w AS (ORDER BY name)",
    "SELECT sum(id) OVER w FROM city WINDOW w AS (ORDER BY id) ORDER BY sum(id) OVER v",
    "SELECT sum(id) OVER w FROM city UNION SELECT sum(id) OVER w FROM city WINDOW w AS (ORDER BY id)",
    "SELECT id FROM city WHERE id IN (SELECT sum(id) OVER w FROM city) WINDOW w AS (ORDER BY id)",
    "SELECT sum(id) OVER (RANGE UNBOUNDED PRECEDING) FROM city",  # not ordered
    "SELECT sum(id) OVER (ORDER BY id RANGE BETWEEN CURRENT ROW AND UNBOUNDED PRECEDING) FROM city",
    "SELECT sum(id) OVER (ORDER BY id RANGE UNBOUNDED FOLLOWING) FROM city",
]


def test_legal_statements_are_accepted_and_prepared(judged) -> None:  # type: ignore[no-untyped-def]
    dialect, grammar, prepares = judged
    for text, dialects in LEGAL:
        assert grammar.matches(text) == (dialect in dialects), text
        if dialect in dialects:
            prepares(text)


def test_frames_without_offsets(judged) -> None:  # type: ignore[no-untyped-def]
    dialect, grammar, prepares = judged
    text = "SELECT sum(id) OVER (ORDER BY code, id {} BETWEEN {} AND {}) FROM city"
    for unit in ("RANGE", "GROUPS"):
        for start in ("UNBOUNDED PRECEDING", "CURRENT ROW"):
            for end in ("UNBOUNDED FOLLOWING", "CURRENT ROW"):
                accepted = grammar.matches(text.format(unit, start, end))
                assert accepted == (unit == "RANGE" or dialect != "mysql")
                if accepted:
                    prepares(text.format(unit, start, end))


def test_refused_statements(judged) -> None:  # type: ignore[no-untyped-def]
    for text in REFUSED:
        assert not judged[1].matches(text), text


def test_columns_of_enclosing_queries_that_are_grouped_or_of_a_wrong_type(judged) -> None:  # type: ignore[no-untyped-def]
    dialect, grammar, prepares = judged
    correlated = "(SELECT max(o.id) FROM city AS o WHERE o.code = c.{})"
    for text, wrong in (
        (f"SELECT count(*), {correlated.format('code')} FROM country AS c", {"duckdb", "postgres"}),
        (f"SELECT count(*), {correlated.format('code')} FROM country AS c GROUP BY c.name", {"duckdb", "postgres"}),
        (f"SELECT {correlated.format('population')} FROM country AS c", {"postgres"}),
    ):
        assert grammar.matches(text) == (dialect == "sqlite"), text
        if dialect in wrong:
            with pytest.raises(Exception, match=r"."):
                prepares(text)


def test_a_reference_that_waits_for_from_is_met() -> None:
    tables = {"t": {"a": "integer", "b": "text"}, "u": {"c": "integer"}}
    for dialect in DIALECTS:
        automaton = grammars.sql(tables, dialect=dialect).automaton
        state = automaton.advance(automaton.start, b"SELECT (SELECT max(a) FROM t WHERE a = x.c) FROM ")
        assert state >= 0 and automaton.advance(state, b"u AS x") >= 0
        for wrong in (b"u AS y ORDER ", b"u AS y WHERE ", b"u ORDER ", b"t AS x "):
            assert automaton.advance(state, wrong) == -1
        assert automaton.is_accepting(automaton.advance(state, b"t AS y, u AS x"))
        assert automaton.advance(automaton.start, b"SELECT (SELECT max(a) FROM t WHERE a = x.d") == -1


def test_no_dead_ends_that_walks_found() -> None:
    tables = {"t": {"a": "integer", "b": "blob", "c": "text"}}
    lite = grammars.sql(tables).automaton
    start = lite.advance(lite.start, b"SELECT x.y FROM " + b"(SELECT 1), " * 40)
    assert lite.advance(start, b"(SELECT 1 AS y) AS x") >= 0  # an alias that waits is met behind any number of others
    deep = b"SELECT 1 FROM (" * 7
    assert lite.advance(lite.start, deep + b"SELECT a") >= 0
    assert lite.advance(lite.start, deep + b"WITH") == -1 and lite.advance(lite.start, deep + b"SELECT x.y") == -1
    duck = grammars.sql(tables, dialect="duckdb").automaton
    assert duck.advance(duck.start, b"SELECT a FROM t WHERE b IN (VALUES") == -1  # a blob cannot be written
    named = duck.advance(duck.start, b"SELECT a, count(*), rank() OVER w FROM t ")
    assert duck.advance(named, b"WINDOW ") == -1 and duck.advance(named, b"GROUP BY a WINDOW w AS (") >= 0
    mysql = grammars.sql(tables, dialect="mysql").automaton
    assert mysql.advance(mysql.start, b"WITH x AS (SELECT * FROM t JOIN (") == -1  # columns must differ in name
    two = grammars.sql({"t": {"a": "integer", "b": "boolean"}, "u": {"a": "text"}}, dialect="mysql").automaton
    assert two.advance(two.start, b"SELECT EXISTS (SELECT true UNION SELECT x.a ") >= 0  # it may be compared
    assert mysql.advance(mysql.start, b"SELECT sum(") >= 0 and mysql.advance(mysql.start, b"SELECT cast ") == -1


def test_columns_of_a_star_over_merged_columns() -> None:
    tables = {"a": {"x": "integer", "y": "text"}, "b": {"z": "integer", "y": "text"}}
    text = "SELECT * FROM a JOIN b USING (y) UNION SELECT {}"
    orders = {"postgres": "'a', 1, 2", "mysql": "'a', 1, 2", "duckdb": "1, 'a', 2"}
    for dialect, row in orders.items():
        grammar = grammars.sql(tables, dialect=dialect)
        assert [grammar.matches(text.format(r)) for r in ("'a', 1, 2", "1, 'a', 2")] == [row[0] == "'", row[0] != "'"]


def test_types_without_a_class() -> None:
    grammar = grammars.sql({"t": {"a": "integer", "b": "bit(3)", "c": "xml"}}, dialect="postgres")
    assert grammar.matches("SELECT a FROM t") and grammar.matches("SELECT * FROM t")
    for text in ("SELECT true < b FROM t", "SELECT DISTINCT x.c FROM t AS x", "SELECT b FROM t"):
        assert not grammar.matches(text)


def test_results_of_integers_stay_integers_where_nothing_else_is_taken() -> None:
    duck = grammars.sql({"t": {"a": "integer"}}, dialect="duckdb")
    assert duck.matches("SELECT a % (SELECT 2 UNION SELECT a FROM t LIMIT 1) FROM t")
    for wrong in ("SELECT 2 UNION SELECT 2.5", "VALUES (2), (2.5)"):
        assert not duck.matches(f"SELECT a % ({wrong}) FROM t")


def test_quoted_names_beyond_ascii() -> None:
    for dialect in DIALECTS:
        quote = "`" if dialect == "mysql" else '"'
        grammar = grammars.sql({"t": {"größe": "integer", "ß": "text"}}, dialect=dialect)
        assert grammar.matches(f"SELECT {quote}größe{quote}, t.{quote}ß{quote} FROM t")
        assert not grammar.matches(f"SELECT {quote}grÖße{quote} FROM t") or dialect == "sqlite"


def test_a_cube_names_what_it_must() -> None:
    duck = grammars.sql({"t": {"a": "integer", "b": "text"}}, dialect="duckdb").automaton
    state = duck.advance(duck.start, b"SELECT a FROM t GROUP BY CUBE (" + b"b, " * 8)
    assert state >= 0 and duck.advance(state, b"b") == -1 and duck.advance(state, b"a)") >= 0
