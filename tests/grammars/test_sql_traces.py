"""Names that were remembered by what they read of a scope, against names that are worked out for the scope itself."""

from __future__ import annotations

import pytest
from bytebound.grammars import sql
from bytebound.grammars.sql.levels import Frame, Level, Relation, Scope
from bytebound.grammars.sql.traces import Traces

TABLES = {
    "city": {"id": "integer", "name": "text", "country_id": "integer"},
    "country": {"id": "integer", "name": "text", "area": "integer"},
}
QUERIES = [
    "SELECT name FROM city WHERE id = 1 ORDER BY name",
    "SELECT name FROM country WHERE area > 2 ORDER BY area",
    "SELECT area, country.name FROM country JOIN city ON country.id = city.country_id WHERE city.name = 'x'",
    "SELECT a.name, b.area FROM city AS a JOIN country AS b ON a.country_id = b.id GROUP BY a.name, b.area",
    "SELECT x.total FROM (SELECT count(*) AS total FROM city) AS x WHERE x.total > 1",
    "SELECT count(*) FROM city WHERE country_id IN (SELECT id FROM country WHERE area = 3)",
    "WITH t AS (SELECT name FROM city) SELECT name FROM t UNION SELECT name FROM country ORDER BY name",
]


@pytest.mark.parametrize("dialect", ["sqlite", "postgres", "mysql", "duckdb"])
def test_names_are_those_of_the_scope(dialect: str) -> None:
    grammar = sql(TABLES, dialect=dialect)
    automaton, rules = grammar.automaton, sql(TABLES, dialect=dialect).automaton.rules
    checked = 0
    for query in QUERIES:
        state = automaton.start
        for byte in query.encode():
            state = automaton.step(state, byte)
    for place in filter(None, automaton._places):
        for terminal, names, (_, scope) in place.names:
            assert names == rules.names_of(terminal, scope), (terminal, scope)
            checked += 1
    assert checked > 60


def _scope(alias: str, word: str, phase: str = "items") -> Scope:
    return Scope((Level("main", phase=phase, naming=(alias,)),), (Frame("item"),), word)


def test_scopes_that_answer_alike_share_results() -> None:
    asked: list[str] = []

    def function(key: str, scope: Scope) -> tuple[str, ...]:
        asked.append(key)
        level = scope.levels[-1]
        if level.phase == "items":
            return (scope.word,)
        changed = scope._replace(word="changed", target=Relation("r", ()))
        return changed.word, *level._replace(role="other").naming, level.role

    traces = Traces(function)
    assert traces.result("f", _scope("a", "x")) == ("x",)
    assert traces.result("f", _scope("b", "x")) == ("x",)
    assert len(asked) == 1  # the alias was not read
    assert traces.result("f", _scope("a", "y")) == ("y",)
    assert traces.result("f", _scope("a", "y", "where")) == ("changed", "a", "main")
    assert traces.result("f", _scope("a", "z", "where")) == ("changed", "a", "main")
    assert len(asked) == 3  # the word was not read, but changed
    assert traces.result("f", _scope("b", "z", "where")) == ("changed", "b", "main")
    assert traces.result("g", _scope("a", "x")) == ("x",)
    assert asked == ["f", "f", "f", "f", "g"]
