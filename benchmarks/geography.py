"""GeoQuery as questions with SQL, and a judge that runs queries: the data of `text_to_sql.py`.

Zelle and Mooney (1996), in SQL by Popescu et al. (2003), Giordani and Moschitti (2012) and Iyer et al. (2017), as
collected by Finegan-Dollak et al. (2018): 877 questions with their queries, templates with variables to fill in.

Queries are written the way the small models tokenise well, without another meaning: keywords in capitals, names in
small letters, `CITYalias0` as `city0`, single spaces and none inside parentheses.
"""

from __future__ import annotations

import json
import random
import re
import sqlite3
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

DATA = Path(__file__).resolve().parents[2] / "shared/sql/geography"
LIMIT = 2.0
"""Seconds of a thread's time that a query may run."""
MOST_ROWS = 100_000

_KEYWORDS = {
    "ALL", "AND", "AS", "ASC", "AVG", "BETWEEN", "BY", "COUNT", "DESC", "DISTINCT", "EXISTS", "FROM", "GROUP", "HAVING",
    "IN", "IS", "JOIN", "LEFT", "LIKE", "LIMIT", "MAX", "MIN", "NOT", "NULL", "ON", "OR", "ORDER", "SELECT", "SUM",
    "UNION", "WHERE",
}  # fmt: skip
_QUOTED = re.compile(r"(\"[^\"]*\"|'[^']*')")
_INNERMOST = re.compile(r"\([^()]*\)")
_COLUMNS = {
    "state_name": "state", "city_name": "city", "river_name": "river", "capital": "state",
    "mountain_name": "mountain", "highest_point": "highlow", "lowest_point": "highlow",
}  # fmt: skip


class Example(NamedTuple):
    """A question and the query that answers it."""

    question: str
    query: str

    @property
    def prompt(self) -> str:
        """What a model goes on from; the answer begins with a space."""
        return f"Question: {self.question}\nSQL:"


class Template(NamedTuple):
    """A question and a query with variables."""

    question: str
    query: str
    values: dict[str, str]
    """Of the variables, in this question."""
    types: dict[str, str]

    def fill(self, values: dict[str, str]) -> Example:
        """With values for the variables."""
        return Example(_fill(self.question, values), normalised(_fill(self.query, values)))


def templates(split: str, folder: Path = DATA) -> list[Template]:
    """Of the question split "train", "dev" or "test", with the first of the queries that are given for each."""
    found = []
    for entry in json.loads((folder / "geography.json").read_text("utf-8")):
        types = {variable["name"]: variable["type"] for variable in entry["variables"]}
        for sentence in entry["sentences"]:
            if sentence["question-split"] == split:
                found.append(Template(sentence["text"], entry["sql"][0], sentence["variables"], types))
    return found


def examples(split: str, folder: Path = DATA) -> list[Example]:
    """The questions of a split as they were asked."""
    return [template.fill(template.values) for template in templates(split, folder)]


def varied(template: Template, names: dict[str, list[str]], rng: random.Random) -> Example:
    """The question about other states, cities, rivers."""
    values = dict(template.values)
    for name, kind in template.types.items():
        if kind in names:
            values[name] = rng.choice([value for value in names[kind] if value not in values.values()])
    return template.fill(values)


def names_of(connection: sqlite3.Connection) -> dict[str, list[str]]:
    """The values that variables of a type may have: what stands in the database."""
    return {
        column: sorted(row[0] for row in connection.execute(f"SELECT DISTINCT {column} FROM {table}") if row[0])
        for column, table in _COLUMNS.items()
    }


def _fill(text: str, values: dict[str, str]) -> str:
    return re.sub(r"[a-z_]+\d+", lambda word: values.get(word[0], word[0]), text)


def normalised(query: str) -> str:
    """The same query in the spelling that the module's text describes."""
    parts = _QUOTED.split(" ".join(query.split()))
    parts[::2] = [_spelled(part) for part in parts[::2]]
    return "".join(parts).rstrip(" ;") + ";"


def _spelled(text: str) -> str:
    text = re.sub(r"alias(\d+)", r"\1", text)
    text = re.sub(r"[A-Za-z_]\w*", lambda word: word[0] if word[0] in _KEYWORDS else word[0].lower(), text)
    text = re.sub(r"\(\s+", "(", re.sub(r"\s+\)", ")", text))
    return re.sub(r"\s+,", ",", re.sub(r"\b(COUNT|MAX|MIN|SUM|AVG) \(", r"\1(", text))


def connect(folder: Path = DATA) -> sqlite3.Connection:
    """The database, read-only."""
    return sqlite3.connect(f"file:{folder / 'geography.sqlite'}?mode=ro", uri=True)


def execute(connection: sqlite3.Connection, query: str) -> list[tuple[Any, ...]] | None:
    """The rows, or None where the database refuses the query or it runs too long."""
    end = time.thread_time() + LIMIT
    connection.set_progress_handler(lambda: time.thread_time() > end, 10_000)
    try:
        rows = connection.execute(query).fetchmany(MOST_ROWS + 1)
    except (sqlite3.Error, sqlite3.Warning, ValueError):
        return None
    finally:
        connection.set_progress_handler(None, 0)
    return rows if len(rows) <= MOST_ROWS else None


def same(found: list[tuple[Any, ...]] | None, wanted: list[tuple[Any, ...]] | None, query: str) -> bool:
    """Whether both have the same rows: in the same order where `query`, the right one, orders them."""
    if found is None or wanted is None:
        return False
    while (outer := _INNERMOST.sub("", query)) != query:
        query = outer
    return found == wanted if "ORDER BY" in query else Counter(found) == Counter(wanted)
