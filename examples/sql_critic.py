"""SQL: SQLite judges complete statements against the tables there are; a regular expression leads the way."""

from __future__ import annotations

import sqlite3

from bytebound import grammars
from bytebound.integrations import models
from bytebound.integrations.transformers import posterior

connection = sqlite3.connect(":memory:", check_same_thread=False)
connection.execute("CREATE TABLE authors (name TEXT, country TEXT)")
connection.execute("CREATE TABLE books (title TEXT, genre TEXT, pages INTEGER)")


def prepares(sql: str) -> bool:
    """Whether SQLite can prepare the statement: all tables and columns exist, and none is ambiguous."""
    try:
        connection.execute(f"EXPLAIN {sql}").close()
    except (sqlite3.Error, sqlite3.Warning):
        return False
    return True


critic = grammars.predicate(complete=prepares, text=True)
assert critic.matches("SELECT name FROM authors") and not critic.matches("SELECT pages FROM authors")

column = "(name|country|title|genre|year|pages|price)"  # two of them are not in the tables
where = rf"( WHERE {column} (=|<|>) ([1-9]\d{{0,3}}|'\w+'))?"
select = grammars.regex(rf" SELECT {column} FROM (authors|books|orders){where};")
model, tokenizer = models.load("small-bytes")
prompt = "Question: Where do the authors live?\nSQL:"
result = posterior(model, tokenizer, prompt, select & critic, particles=50)
for sql, share in list(result.probabilities().items())[:4]:
    print(f"{share:.3f}{sql}")
print(f"evidence e^{result.log_evidence:.1f}, {result.deaths} deaths")
connection.close()
