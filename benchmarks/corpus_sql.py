"""SQL of the generated corpus: a small library-and-shop database in SQLite and questions about it with their queries.

`create_database` fills five tables (authors, books, customers, orders, order_items) from a seed; every query that
`document` writes runs on it.
"""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import corpus_lexicon as lexicon
import corpus_words as words
from corpus_english import pick

DDL = """
CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT NOT NULL, country TEXT NOT NULL, born INTEGER NOT NULL);
CREATE TABLE books (id INTEGER PRIMARY KEY, title TEXT NOT NULL, author_id INTEGER NOT NULL REFERENCES authors (id),
    genre TEXT NOT NULL, year INTEGER NOT NULL, pages INTEGER NOT NULL, price REAL NOT NULL);
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT, city TEXT NOT NULL,
    age INTEGER NOT NULL);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (id),
    ordered_on TEXT NOT NULL, status TEXT NOT NULL);
CREATE TABLE order_items (order_id INTEGER NOT NULL REFERENCES orders (id),
    book_id INTEGER NOT NULL REFERENCES books (id), quantity INTEGER NOT NULL);
"""
STATUSES = ["open", "paid", "shipped", "cancelled"]

# table -> what one calls its rows, the column to show, number columns (unit words), text columns (how to ask, values)
_TEXTS: dict[str, dict[str, tuple[str, list[str]]]] = {
    "authors": {"country": ("from {}", sorted({row[1] for row in words.CITIES}))},
    "books": {"genre": ("of the genre {}", lexicon.GENRES)},
    "customers": {"city": ("who live in {}", [row[0] for row in words.CITIES])},
    "orders": {"status": ("with status {}", STATUSES)},
}
_SHOWN = {"authors": "name", "books": "title", "customers": "name", "orders": "id"}
_NUMBERS: dict[str, dict[str, tuple[int, int]]] = {
    "authors": {"born": (1900, 2000)}, "books": {"year": (1950, 2025), "pages": (50, 900), "price": (5, 60)},
    "customers": {"age": (18, 90)}, "orders": {"id": (1, 200)},
}  # fmt: skip
_PHRASES = {
    "born": "year of birth",
    "year": "year",
    "pages": "number of pages",
    "price": "price",
    "age": "age",
    "id": "id",
}


def create_database(path: str | Path = ":memory:", seed: int = 0) -> sqlite3.Connection:
    """Create the sample database at `path` and return the open connection.

    Args:
        path: a file to create (it must not exist), or ":memory:".
        seed: the rows depend on nothing else.

    Raises:
        sqlite3.OperationalError: the tables exist already.
    """
    rng = random.Random(seed)
    connection = sqlite3.connect(path)
    connection.executescript(DDL)
    countries = _TEXTS["authors"]["country"][1]
    people = [f"{first} {last}" for first in words.FIRST for last in words.LAST]
    authors = [
        (i, name, rng.choice(countries), rng.randint(1900, 2000)) for i, name in enumerate(rng.sample(people, 40), 1)
    ]
    titles = {f"The {adj.title()} {thing.title()}" for adj in lexicon.ADJECTIVES[:60] for thing in lexicon.THINGS[:60]}
    books = [
        (i, title, rng.randint(1, 40), rng.choice(lexicon.GENRES), rng.randint(1950, 2025), rng.randint(50, 900),
         rng.randint(500, 6000) / 100)
        for i, title in enumerate(rng.sample(sorted(titles), 120), 1)
    ]  # fmt: skip
    customers = [
        (i, name, f"customer{i}@example.com", rng.choice(words.CITIES)[0], rng.randint(18, 90))
        for i, name in enumerate(rng.sample(people, 80), 1)
    ]
    orders = [
        (i, rng.randint(1, 80), f"{rng.randint(2020, 2025)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}",
         rng.choice(STATUSES))
        for i in range(1, 201)
    ]  # fmt: skip
    items = [(i, rng.randint(1, 120), rng.randint(1, 4)) for i in range(1, 201) for _ in range(rng.randint(1, 3))]
    for table, rows in (("authors", authors), ("books", books), ("customers", customers), ("orders", orders),
                        ("order_items", items)):  # fmt: skip
        connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
    connection.commit()
    return connection


def _filter(rng: random.Random, table: str) -> tuple[str, str]:
    """A condition on one table, in words and in SQL."""
    if rng.random() < 0.5:
        column, (phrase, values) = rng.choice(list(_TEXTS[table].items()))
        value = rng.choice(values)
        return phrase.format(value), f"{column} = '{value}'"
    column, (low, high) = rng.choice(list(_NUMBERS[table].items()))
    number = rng.randint(low, high)
    word, sign = rng.choice([("above", ">"), ("below", "<"), ("at least", ">="), ("at most", "<="), ("equal to", "=")])
    return f"with {_PHRASES[column]} {word} {number}", f"{column} {sign} {number}"


def _single(rng: random.Random) -> tuple[str, str]:
    table = rng.choice(list(_SHOWN))
    shown, (text, condition) = _SHOWN[table], _filter(rng, table)
    if rng.random() < 0.25:
        more, second = _filter(rng, table)
        text, condition = f"{text} and {more}", f"{condition} AND {second}"
    column = rng.choice(list(_NUMBERS[table]))
    phrase = _PHRASES[column]
    limit = rng.randint(2, 20)
    return rng.choice([
        (f"How many {table} {text} are there?", f"SELECT COUNT(*) FROM {table} WHERE {condition}"),
        (f"List the {shown} of all {table} {text}.", f"SELECT {shown} FROM {table} WHERE {condition}"),
        (f"What is the average {phrase} of {table} {text}?", f"SELECT AVG({column}) FROM {table} WHERE {condition}"),
        (f"What is the largest {phrase} of {table} {text}?", f"SELECT MAX({column}) FROM {table} WHERE {condition}"),
        (f"Show the {limit} {table} with the highest {phrase}.",
         f"SELECT {shown} FROM {table} ORDER BY {column} DESC LIMIT {limit}"),
        (f"Show the {limit} {table} with the lowest {phrase}.",
         f"SELECT {shown} FROM {table} ORDER BY {column} LIMIT {limit}"),
    ])  # fmt: skip


def _joined(rng: random.Random) -> tuple[str, str]:
    name = f"{rng.choice(words.FIRST)} {rng.choice(words.LAST)}"
    title = f"The {pick(rng, lexicon.ADJECTIVES).title()} {pick(rng, lexicon.THINGS).title()}"
    country, city = rng.choice(_TEXTS["authors"]["country"][1]), rng.choice(words.CITIES)[0]
    genre, status, year = rng.choice(lexicon.GENRES), rng.choice(STATUSES), rng.randint(2020, 2025)
    by_author = "FROM books JOIN authors ON books.author_id = authors.id"
    by_customer = "FROM orders JOIN customers ON orders.customer_id = customers.id"
    return rng.choice([
        (f"Which books did {name} write?", f"SELECT books.title {by_author} WHERE authors.name = '{name}'"),
        (f"Who wrote {title}?", f"SELECT authors.name {by_author} WHERE books.title = '{title}'"),
        (f"List the titles of books by authors from {country}.",
         f"SELECT books.title {by_author} WHERE authors.country = '{country}'"),
        (f"How many {genre} books has each author written?",
         f"SELECT authors.name, COUNT(*) {by_author} WHERE books.genre = '{genre}' GROUP BY authors.name"),
        (f"How many orders came from {city}?", f"SELECT COUNT(*) {by_customer} WHERE customers.city = '{city}'"),
        (f"Which customers have {status} orders?",
         f"SELECT DISTINCT customers.name {by_customer} WHERE orders.status = '{status}'"),
        (f"How many copies of {title} were sold?",
         "SELECT SUM(order_items.quantity) FROM order_items JOIN books ON order_items.book_id = books.id "
         f"WHERE books.title = '{title}'"),
        (f"When did {name} order?", f"SELECT orders.ordered_on {by_customer} WHERE customers.name = '{name}'"),
        (f"How many orders were placed in {year}?", f"SELECT COUNT(*) FROM orders WHERE ordered_on LIKE '{year}-%'"),
        ("How many books are there of each genre?", "SELECT genre, COUNT(*) FROM books GROUP BY genre"),
        (f"Which genres have more than {year - 2018} books?",
         f"SELECT genre FROM books GROUP BY genre HAVING COUNT(*) > {year - 2018}"),
        ("What is the average price of each genre?", "SELECT genre, AVG(price) FROM books GROUP BY genre"),
        ("How many customers live in each city?", "SELECT city, COUNT(*) FROM customers GROUP BY city"),
    ])  # fmt: skip


def question_and_query(rng: random.Random) -> tuple[str, str]:
    """The prompt up to and with `SQL:`, and the query with its semicolon."""
    question, query = _single(rng) if rng.random() < 0.6 else _joined(rng)
    return f"Question: {question}\nSQL:", f"{query};"


def document(rng: random.Random) -> str:
    """One question with its query."""
    prompt, query = question_and_query(rng)
    return f"{prompt} {query}"
