"""The tables of a request for SQL: a plain schema, or CREATE TABLE statements; never a database of the server's.

    {"sql": {"schema": {"cities": {"name": "TEXT", "people": "INTEGER"}}, "dialect": "postgres"}}
    {"sql": {"schema": "CREATE TABLE cities (name TEXT, people INTEGER);"}}

Statements are read by SQLite, in memory and with leave to create tables and nothing else. Masks of SQL are made token
by token, and every request of an engine waits for them, so a schema that strangers bring is small (`MAX_COLUMNS`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from ...grammars import GrammarError
from ...grammars.sql.schema import Schema

MAX_TABLES = 64
MAX_COLUMNS = 512
"""Of all tables together."""
MAX_NAME = 128
"""Length of a name or type in characters."""

# What CREATE TABLE needs; where a table is written, only SQLite's own ones.
_ALLOWED = {sqlite3.SQLITE_CREATE_TABLE, sqlite3.SQLITE_CREATE_INDEX, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION}
_OF_CATALOGUE = {sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE}
_CATALOGUE = ("sqlite_master", "sqlite_sequence")


def schema_of(source: Any) -> Schema:
    """The schema of `{"table": {"column": "type"}}`, or of the text of CREATE TABLE statements.

    Raises GrammarError where it is none of these, or larger than a request may bring along.
    """
    if isinstance(source, str):
        schema = _of_statements(source)
    elif isinstance(source, Mapping):
        schema = Schema.read(source)
    else:
        raise GrammarError(
            'schema is a mapping {"table": {"column": "type"}} or the text of CREATE TABLE statements, not '
            f"{type(source).__name__}; databases are registered by whoever runs the server"
        )
    columns = sum(len(table.columns) for table in schema.tables)
    if len(schema.tables) > MAX_TABLES or columns > MAX_COLUMNS:
        raise GrammarError(
            f"the schema has {len(schema.tables):,} tables with {columns:,} columns; a request may bring {MAX_TABLES} "
            f"with {MAX_COLUMNS}: leave out what is not needed, or have the server register the database"
        )
    for table in schema.tables:
        names = [column.name for column in table.columns]
        for text in (table.name, *names, *(column.type for column in table.columns)):
            _check(text)
        _distinct(names, f"columns of table {table.name!r}")
        if not all(names) or not table.name:
            raise GrammarError("a table or column has no name")
    _distinct([table.name for table in schema.tables], "tables")
    return schema


def _of_statements(text: str) -> Schema:
    connection = sqlite3.connect(":memory:")
    try:
        connection.set_authorizer(_authorize)
        connection.executescript(text)
        connection.set_authorizer(None)
        return Schema.read(connection)
    except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
        if isinstance(error, GrammarError):
            raise
        raise GrammarError(
            f"schema: {error}; it is CREATE TABLE statements that SQLite understands, and nothing else, or a mapping "
            '{"table": {"column": "type"}}'
        ) from None
    finally:
        connection.close()


def _authorize(action: int, first: str | None, *_: str | None) -> int:
    allowed = action in _ALLOWED or (action in _OF_CATALOGUE and first in _CATALOGUE)
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def _check(text: str) -> None:
    if len(text) > MAX_NAME or not text.isprintable():
        raise GrammarError(f"names and types have at most {MAX_NAME} printable characters, unlike {text[:40]!r}")


def _distinct(names: list[str], what: str) -> None:
    folded = [name.casefold() for name in names]
    for i, name in enumerate(folded):
        if name in folded[:i]:
            raise GrammarError(f"two {what} are called {names[i]!r}, upper and lower case aside")
