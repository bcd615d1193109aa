"""SQL: SQLite judges complete statements against the tables there are; a regular expression leads the way."""

from __future__ import annotations

import sqlite3

import numpy as np
from bytebound import decoding, grammars
from bytebound.integrations import models

connection = sqlite3.connect(":memory:", check_same_thread=False)
connection.execute("CREATE TABLE city (name TEXT, country TEXT, people INTEGER)")
connection.execute("CREATE TABLE country (code TEXT, area REAL)")


def prepares(sql: str) -> bool:
    """Whether SQLite can prepare the statement: all tables and columns exist, and none is ambiguous."""
    try:
        connection.execute(f"EXPLAIN {sql}").close()
    except (sqlite3.Error, sqlite3.Warning):
        return False
    return True


critic = grammars.predicate(complete=prepares, text=True)
assert critic.matches("SELECT name FROM city") and not critic.matches("SELECT area FROM city")

column = "(name|country|people|code|area)"
select = grammars.regex(rf"SELECT {column}(, {column})? FROM (city|country)( WHERE {column} (=|<) [1-9]0{{0,3}})?")
vocabulary = decoding.Vocabulary.from_tokenizer(models.load("small-bytes")[1])
tester = decoding.tester(select & critic, vocabulary)

rng = np.random.default_rng(0)
found = tried = 0
while found < 4:
    state, ids = tester.start, []
    while state >= 0:
        # Proposals at random. With a model, posterior() samples in its place, each with the right weight.
        proposals = rng.permutation(vocabulary.size)
        place = tester.first(np.array([state]), proposals[None])[0]
        if place == len(proposals):
            break  # the regex would end here, and SQLite refuses
        ids.append(int(proposals[place]))
        state = tester.accept(state, ids[-1])
    tried += 1
    if state == decoding.Masker.finished:
        found += 1
        print(vocabulary.text(ids).decode())
print(f"{tried - found} of {tried} statements refused by SQLite")
connection.close()
