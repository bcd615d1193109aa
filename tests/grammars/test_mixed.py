"""SQL as a part of other grammars: texts against a reference that tries every place to cut, and automaton laws."""

from __future__ import annotations

import random
import re
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from bytebound.decoding import Masker, Vocabulary
from bytebound.grammars import (
    DEAD,
    BudgetExceeded,
    GrammarError,
    Unsupported,
    after,
    alternation,
    lark,
    predicate,
    regex,
    repeat,
    sequence,
    sql,
    tags,
    until,
)
from bytebound.grammars.mixed import Mixed
from bytebound.grammars.scoped import Scoped

TABLES = {"city": {"name": "text", "people": "integer"}, "lake": {"name": "text", "depth": "integer"}}
SQL = sql(TABLES)
ALONE = sql(TABLES)  # judges for the reference
GOOD = ["SELECT name FROM city", "SELECT l.depth FROM lake AS l;", " SELECT 1 ", "SELECT people FROM city LIMIT 3"]
BAD = ["SELECT depth FROM city", "SELECT nam FROM lake", "SELECT c.name FROM lake AS l", "SELECT", "x"]
GLUE = ["<sql>", "</sql>", "<x>", "</x>", "think ", "x", "ab", ";", "=>", "", "é"]


def _is_sql(text: str) -> bool:
    return ALONE.matches(text)


def _cut(text: str, *tests: Callable[[str], bool]) -> bool:
    """Whether the text can be cut into pieces of which each passes its test."""
    if len(tests) == 1:
        return tests[0](text)
    return any(tests[0](text[:i]) and _cut(text[i:], *tests[1:]) for i in range(len(text) + 1))


def _is(*words: str) -> Callable[[str], bool]:
    return lambda text: text in words


def _tagged(text: str, counts: tuple[int, int], contents: dict[str, Callable[[str], bool]]) -> bool:
    """Free text with regions by name, `counts` of them; a region may end at any of its end tags."""
    begin = re.search("|".join(f"<{name}>" for name in contents), text)
    if begin is None:
        return counts[0] <= 0
    if counts[1] == 0:
        return False
    name = begin.group()[1:-1]
    rest = text[begin.end() :]
    fewer = counts[0] - 1, counts[1] - 1
    return any(
        contents[name](rest[: end.start()]) and _tagged(rest[end.end() :], fewer, contents)
        for end in re.finditer(f"</{name}>", rest)
    )


CASES: list[tuple[str, Callable[[], Any], Callable[[str], bool]]] = [
    ("sum", lambda: "<sql>" + SQL + "</sql>", lambda t: _cut(t, _is("<sql>"), _is_sql, _is("</sql>"))),
    ("union", lambda: SQL | regex("ab|x") | SQL, lambda t: _is_sql(t) or t in ("ab", "x")),
    (
        "grammar first",
        lambda: regex("(ab)*") + SQL,
        lambda t: _cut(t, lambda u: bool(re.fullmatch("(ab)*", u)), _is_sql),
    ),
    ("two", lambda: sequence(SQL, "x", SQL), lambda t: _cut(t, _is_sql, _is("x"), _is_sql)),
    ("touching", lambda: SQL + SQL, lambda t: _cut(t, _is_sql, _is_sql)),
    ("optional", lambda: repeat("ab" + SQL, 0, 1) + "x", lambda t: _cut(t, _is("ab"), _is_sql, _is("x")) or t == "x"),
    (
        "counted",
        lambda: repeat(SQL + "</sql>", 1, 2),
        lambda t: _cut(t, _is_sql, _is("</sql>")) or _cut(t, _is_sql, _is("</sql>"), _is_sql, _is("</sql>")),
    ),
    ("until", lambda: sequence(until("<sql>"), SQL), lambda t: "<sql>" in t and _is_sql(t.split("<sql>", 1)[1])),
    ("after", lambda: after("=>", SQL), lambda t: "=>" not in t or _is_sql(t.split("=>", 1)[1])),
    (
        "tags",
        lambda: tags([("<sql>", SQL, "</sql>"), ("<x>", "ab", "</x>")]),
        lambda t: _tagged(t, (0, 99), {"sql": _is_sql, "x": _is("ab")}),
    ),
    (
        "counted tags",
        lambda: tags([("<sql>", SQL, "</sql>"), ("<x>", SQL, "</x>")], at_least=1, at_most=2),
        lambda t: _tagged(t, (1, 2), {"sql": _is_sql, "x": _is_sql}),
    ),
    (
        "first only",
        lambda: tags([("<sql>", SQL, "</sql>")], at_least=1, stop_after_first=True),
        lambda t: "<sql>" in t and _cut(t.split("<sql>", 1)[1], _is_sql, _is("</sql>")),
    ),
    (
        "first if any",
        lambda: tags([("<sql>", SQL, "</sql>")], stop_after_first=True),
        lambda t: "<sql>" not in t or _cut(t.split("<sql>", 1)[1], _is_sql, _is("</sql>")),
    ),
    (
        "nested",
        lambda: alternation("x", sequence("<x>", tags([("<sql>", SQL, "</sql>")], at_least=1), "</x>")),
        lambda t: t == "x" or _cut(t, _is("<x>"), lambda u: _tagged(u, (1, 99), {"sql": _is_sql}), _is("</x>")),
    ),
]


def _texts(rng: random.Random) -> list[str]:
    """Texts of all forms, of which many are right in some case, and others by little not."""
    texts = ["", *GLUE]
    for query in (*GOOD, *BAD):
        other = rng.choice(GOOD)
        texts += [query, f"<sql>{query}</sql>", f"so <sql>{query}", f"abab{query}", f"ab{query}x", f"=>{query}"]
        texts += [f"{query}</sql>", f"{query}</sql>{other}</sql>", f"{other}x{query}", query + other, f"a => {query}"]
        texts += [f"hm<sql>{other}</sql>, <x>ab</x> or<sql>{query}</sql> é", f"<x>a <sql>{query}</sql></x>"]
        texts += [f"<x>{query}</x> <sql>{other}</sql>", f"<sql>{query}</sql><x>b", f"<sql>{query}</x>"]
    for _ in range(150):
        texts.append("".join(rng.choice((*GLUE, *GLUE, *GOOD, *BAD[:2])) for _ in range(rng.randint(1, 6))))
    return texts


@pytest.mark.parametrize(("name", "make", "reference"), CASES, ids=[case[0] for case in CASES])
def test_texts(name: str, make: Callable[[], Any], reference: Callable[[str], bool]) -> None:
    grammar = make()
    assert isinstance(grammar, Mixed)
    automaton, right = grammar.automaton, 0
    texts = _texts(random.Random(name))
    for text in texts:
        expected = reference(text)
        assert grammar.matches(text) == expected, text
        right += expected
        if expected:  # no beginning of a text is dead, and what is forced does follow
            state, data = automaton.start, text.encode()
            for place, byte in enumerate(data):
                assert data[place:].startswith(automaton.forced_bytes(state)[: len(data) - place])
                state = automaton.step(state, byte)
                assert state != DEAD and not automaton.is_dead(state), data[: place + 1]
            assert state == automaton.advance(automaton.start, data)
            assert grammar.grammar.matches(data)
    assert 2 <= right < len(texts)


def test_names_of_one_region_are_unknown_in_the_next() -> None:
    grammar = tags([("<sql>", SQL, "</sql>")])
    first = "<sql>SELECT l.depth FROM lake AS l</sql> then "
    assert grammar.matches(first + "<sql>SELECT c.name FROM city AS c</sql>")
    assert not grammar.matches(first + "<sql>SELECT l.depth FROM city AS c</sql>")


def test_typed_dialects_and_several_databases() -> None:
    towns, sea = sql({"town": {"n": "int"}}, dialect="postgres"), sql({"sea": {"s": "text"}}, dialect="duckdb")
    grammar = tags([("<towns>", towns, "</towns>"), ("<sea>", sea, "</sea>")], triggers=["<"], at_least=1)
    assert grammar.matches("Ask <sea>SELECT upper(s) FROM sea</sea> and <towns>SELECT n + 1 FROM town</towns>")
    assert not grammar.matches("<sea>SELECT n FROM town</sea>")
    assert not grammar.matches("<towns>SELECT upper(n) FROM town</towns>")
    assert not grammar.matches("a < b <towns>SELECT n FROM town</towns>")


def test_statements_drawn_by_random_walks_are_prepared() -> None:
    grammar = tags([("<sql>", SQL, "</sql>")], at_least=1, at_most=2)
    database = sqlite3.connect(":memory:")
    database.executescript(
        "CREATE TABLE city (name TEXT, people INTEGER); CREATE TABLE lake (name TEXT, depth INTEGER)"
    )
    words = [b"<sql>", b"</sql>", b" SELECT", b" FROM", b" city", b" lake", b" name", b" depth", b" WHERE", b" = 1"]
    others = [bytes([byte]) for byte in range(256) if byte not in b"'\"`"]  # an end tag may stand in quotes
    tokens = [*words, *others, None]
    masker = Masker(grammar, Vocabulary.from_bytes(tokens, eos_token_ids=[len(tokens) - 1]))
    rng = random.Random(1)
    prepared = 0
    for _ in range(4):
        state, text, left = masker.start, b"", 40
        while state != masker.finished and left:
            allowed = masker.allowed(state, left).tolist()
            longer = [token for token in allowed if token < len(words)]
            token = rng.choice(longer if longer and rng.random() < 0.8 else allowed)
            state, text, left = masker.accept(state, token), text + (tokens[token] or b""), left - 1
        assert grammar.matches(text)
        for statement in re.findall(r"<sql>(.*?)</sql>", text.decode("latin-1"), re.DOTALL):
            database.execute(f"EXPLAIN {statement}")
            prepared += 1
    assert prepared >= 4


def test_refused() -> None:
    with pytest.raises(Unsupported, match=r"holes.*has scopes.*sequence.*\.grammar"):
        lark('start: "(" query ")"\n%declare query', holes={"query": SQL})  # type: ignore[dict-item]
    with pytest.raises(Unsupported, match=r"~ takes grammars.*has scopes.*sequence"):
        _ = ~SQL
    with pytest.raises(Unsupported, match="2000 repetitions of SQL"):
        repeat(SQL, 0, 2000)
    with pytest.raises(Unsupported, match="predicate"):
        SQL + predicate(lambda text: True, name="short")
    with pytest.raises(GrammarError, match="sequence"):
        SQL + 3
    with pytest.raises(GrammarError, match="a trigger is"):
        after("", SQL)
    grammar = sequence(SQL, "x")
    assert isinstance(grammar, Scoped)
    for state in (10**6, -2):
        with pytest.raises(GrammarError, match="is not a state"):
            grammar.automaton.step(state, 65)
    with pytest.raises(GrammarError, match="not a byte"):
        grammar.automaton.step(grammar.automaton.start, 256)


def test_too_many_readings_are_an_error() -> None:
    grammar = alternation(*(sequence(regex(f"[a-z]{{{n}}}"), SQL) for n in range(1001)))
    with pytest.raises(BudgetExceeded, match="more than 1000 readings"):
        grammar.matches("a")
