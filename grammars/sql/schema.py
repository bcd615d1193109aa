"""The schema of a database: tables, views, columns, types and keys, read from a live connection or a plain mapping.

Connections are recognised by what they can do, so neither SQLAlchemy nor DuckDB need be installed. Types are sorted
into the few classes that comparisons depend on: int, number, text, bool, date, timestamp, blob, opaque.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import GrammarError

_CLASSES = (
    ("bool", ("BOOL",)),
    ("timestamp", ("TIMESTAMP", "DATETIME")),
    (
        "opaque",
        ("BIT", "TIME", "INTERVAL", "JSON", "XML", "UUID", "[]", "STRUCT", "MAP", "LIST", "UNION", "POINT", "MONEY"),
    ),
    ("date", ("DATE",)),
    ("int", ("INT", "SERIAL", "YEAR")),
    ("text", ("CHAR", "TEXT", "CLOB", "STRING", "ENUM", "NAME")),
    ("blob", ("BLOB", "BYTEA", "BINARY")),
    ("number", ("REAL", "FLOA", "DOUB", "NUM", "DEC")),
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name as stored, its declared type, its class, whether it is part of the primary key."""

    name: str
    type: str = ""
    primary_key: bool = False
    required: bool = False
    """Whether an INSERT must give it: NOT NULL and without a default."""

    @property
    def kind(self) -> str:
        """Class of the type; `opaque` for types that no operator here takes."""
        upper = self.type.upper()
        return next((kind for kind, marks in _CLASSES if any(mark in upper for mark in marks)), "opaque")


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """Columns of a table that refer to columns of another."""

    columns: tuple[str, ...]
    table: str
    referred: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table or view with its columns, in order."""

    name: str
    columns: tuple[Column, ...]
    is_view: bool = False
    foreign_keys: tuple[ForeignKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Schema:
    """Tables and views of a database; `Schema.read` makes one."""

    tables: tuple[Table, ...]

    @classmethod
    def read(cls, source: Any) -> Schema:
        """From a connection of sqlite3 or DuckDB, an engine, connection or inspector of SQLAlchemy, a mapping
        `{"table": {"column": "type"}}`, or a Schema. Raises GrammarError where it has no tables or is none of these."""
        if isinstance(source, Schema):
            schema = source
        elif isinstance(source, Mapping):
            schema = cls(tuple(_from_mapping(name, columns) for name, columns in source.items()))
        elif isinstance(source, sqlite3.Connection):
            schema = cls(_from_sqlite(source))
        elif type(source).__module__.partition(".")[0] in ("duckdb", "_duckdb"):
            schema = cls(_from_duckdb(source))
        elif hasattr(source, "get_table_names"):
            schema = cls(_from_inspector(source))
        elif type(source).__module__.partition(".")[0] == "sqlalchemy":
            import sqlalchemy

            schema = cls(_from_inspector(sqlalchemy.inspect(source)))
        else:
            raise GrammarError(
                "sql() takes a connection of sqlite3 or DuckDB, an engine, connection or inspector of SQLAlchemy, or a "
                f'mapping {{"table": {{"column": "type"}}}}, not {type(source).__name__}'
            )
        if not schema.tables:
            raise GrammarError("the database has no tables or views, so no query of it exists; create them first")
        for table in schema.tables:
            if not table.columns:
                raise GrammarError(f"the table {table.name!r} has no columns")
        return schema


def _from_mapping(name: Any, columns: Any) -> Table:
    if not isinstance(name, str) or not isinstance(columns, Mapping):
        raise GrammarError(f'a schema is a mapping {{"table": {{"column": "type"}}}}; {name!r} gives {columns!r}')
    for column, kind in columns.items():
        if not isinstance(column, str) or not isinstance(kind, str):
            raise GrammarError(f"column {column!r} of table {name!r} has the type {kind!r}: both must be str")
    return Table(name, tuple(Column(column, kind) for column, kind in columns.items()))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _from_sqlite(connection: sqlite3.Connection) -> tuple[Table, ...]:
    rows = connection.execute(
        "SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE "
        "'\\' ORDER BY rowid"
    ).fetchall()
    tables = []
    for name, kind in rows:
        columns = []
        for _, column, declared, not_null, default, key, hidden in connection.execute(
            f"PRAGMA table_xinfo({_quoted(name)})"
        ):
            if hidden != 1:
                required = bool(not_null) and default is None and not key
                columns.append(Column(column, declared or "", bool(key), required))
        keys: dict[int, list[tuple[str, str, str]]] = {}
        for number, _, table, column, referred, *_ in connection.execute(f"PRAGMA foreign_key_list({_quoted(name)})"):
            keys.setdefault(number, []).append((table, column, referred or ""))
        foreign = tuple(
            ForeignKey(tuple(c for _, c, _ in parts), parts[0][0], tuple(r for *_, r in parts))
            for parts in keys.values()
        )
        tables.append(Table(name, tuple(columns), kind == "view", foreign))
    return tuple(tables)


def _from_inspector(inspector: Any) -> tuple[Table, ...]:
    views = list(inspector.get_view_names())
    tables = []
    for name in [*inspector.get_table_names(), *views]:
        is_view = name in views
        key = set() if is_view else set(inspector.get_pk_constraint(name)["constrained_columns"])
        columns = tuple(
            Column(
                c["name"],
                _spelled(c["type"], inspector),
                c["name"] in key,
                not c.get("nullable", True) and c.get("default") is None and c["name"] not in key,
            )
            for c in inspector.get_columns(name)
        )
        foreign = (
            ()
            if is_view
            else tuple(
                ForeignKey(tuple(k["constrained_columns"]), k["referred_table"], tuple(k["referred_columns"]))
                for k in inspector.get_foreign_keys(name)
            )
        )
        tables.append(Table(name, columns, is_view, foreign))
    return tuple(tables)


def _spelled(kind: Any, inspector: Any) -> str:
    """A type of SQLAlchemy as the database calls it; PostgreSQL compares its enumerations with no text."""
    if getattr(kind, "enums", None) and inspector.dialect.name == "postgresql":
        return "USER-DEFINED"
    return str(kind)


def _from_duckdb(connection: Any) -> tuple[Table, ...]:
    rows = connection.execute(
        "SELECT c.table_name, c.column_name, c.data_type, c.is_nullable = 'NO' AND c.column_default IS NULL, "
        "t.table_type = 'VIEW' FROM information_schema.columns AS c JOIN information_schema.tables AS t "
        "USING (table_catalog, table_schema, table_name) "
        "WHERE c.table_schema = current_schema() ORDER BY c.table_name, c.ordinal_position"
    ).fetchall()
    tables: dict[str, tuple[list[Column], bool]] = {}
    for table, column, kind, required, is_view in rows:
        tables.setdefault(table, ([], bool(is_view)))[0].append(Column(column, kind, required=bool(required)))
    return tuple(Table(name, tuple(columns), is_view) for name, (columns, is_view) in tables.items())
