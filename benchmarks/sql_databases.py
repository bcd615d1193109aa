"""Databases for `sql_walks.py`: Spider's ten and one with every type and awkward names, on four engines.

`databases(dialect, folder, spider)` yields connections: what the grammar reads its schema from, and a function that
prepares a statement. SQLite and DuckDB run in the process; PostgreSQL and MariaDB (which stands in for MySQL) are
started from Debian's packages with files of their own.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

Tables = dict[str, list[tuple[str, str]]]
"""Columns by table: names, and types of Spider's ("text", "number", "time", "boolean", "others") or of the dialect."""

SPIDER = {
    "sqlite": {"text": "TEXT", "number": "INTEGER", "time": "TIMESTAMP", "boolean": "BOOLEAN", "others": "BLOB"},
    "duckdb": {"text": "VARCHAR", "number": "INTEGER", "time": "TIMESTAMP", "boolean": "BOOLEAN", "others": "BLOB"},
    "postgres": {"text": "text", "number": "integer", "time": "timestamp", "boolean": "boolean", "others": "bytea"},
    "mysql": {"text": "VARCHAR(99)", "number": "INT", "time": "DATETIME", "boolean": "BOOLEAN", "others": "BLOB"},
}
TYPES = {
    "sqlite": "INTEGER,BIGINT,REAL,NUMERIC,DECIMAL(10;2),TEXT,VARCHAR(20),BOOLEAN,DATE,TIMESTAMP,TIME,BLOB,JSON",
    "duckdb": "TINYINT,UINTEGER,INTEGER,BIGINT,HUGEINT,FLOAT,DOUBLE,DECIMAL(10;2),VARCHAR,BOOLEAN,DATE,TIMESTAMP,"
    "TIMESTAMP WITH TIME ZONE,TIME,INTERVAL,BLOB,UUID,INTEGER[],STRUCT(a INTEGER),MAP(VARCHAR; INTEGER),BIT,"
    "ENUM('a'; 'b')",
    "postgres": "smallint,integer,bigint,real,double precision,numeric,numeric(10;2),text,varchar(20),char(3),boolean,"
    "date,timestamp,timestamp with time zone,time,interval,bytea,json,jsonb,uuid,integer[],money,xml,inet,bit(3),"
    "point,name,mood",
    "mysql": "TINYINT,SMALLINT,INT,BIGINT,FLOAT,DOUBLE,DECIMAL(10;2),CHAR(3),VARCHAR(20),TEXT,BOOLEAN,DATE,DATETIME,"
    "TIMESTAMP,TIME,YEAR,BLOB,JSON,ENUM('a'; 'b'),SET('a'; 'b'),BIT(1)",
}
NAMES = ("order", "Select", "group", "user", "left", "two words", "a.b", "42", "CamelCase", "größe", "count", "value")


class Database(NamedTuple):
    """A database on an engine: a source for `grammars.sql`, and what raises where a statement cannot be prepared."""

    name: str
    source: Any
    prepare: Callable[[str], object]


def spider_tables(folder: Path) -> dict[str, Tables]:
    """Spider's databases by name."""
    found = {}
    for database in json.loads((folder / "tables.json").read_text("utf-8")):
        columns = list(zip(database["column_names_original"], database["column_types"], strict=True))
        found[database["db_id"]] = {
            table: [(name, kind) for (of, name), kind in columns if of == i]
            for i, table in enumerate(database["table_names_original"])
            if not table.startswith("sqlite_")
        }
    return found


def awkward(dialect: str) -> Tables:
    """A database with a column of every type of the dialect, and names that must be quoted."""
    types = [kind.replace(";", ",") for kind in TYPES[dialect].split(",")]
    text, number = SPIDER[dialect]["text"], SPIDER[dialect]["number"]
    mark = "" if dialect == "mysql" else 'quo"te'
    return {
        "every_type": [("id", number), *((f"c{i}", kind) for i, kind in enumerate(types))],
        "order": [(name, (text, number)[i % 2]) for i, name in enumerate((*NAMES, *([mark] if mark else [])))],
        "two words": [("id", number), ("two words", text), ("every_type", number), ("max", number)],
        "Upper": [("ID", number), ("Name", text), ("order", number), ("c1", types[1])],
    }


def statements(dialect: str, tables: Tables) -> list[str]:
    """What creates the tables, and a view of the first one."""
    mark = "`" if dialect == "mysql" else '"'

    def quoted(name: str) -> str:
        return mark + name.replace(mark, 2 * mark) + mark

    made = ["CREATE TYPE mood AS ENUM ('sad', 'glad')"] if dialect == "postgres" else []
    for table, columns in tables.items():
        body = ", ".join(f"{quoted(name)} {SPIDER[dialect].get(kind, kind)}" for name, kind in columns)
        made.append(f"CREATE TABLE {quoted(table)} ({body})")
    first, columns = next(iter(tables.items()))
    made.append(f"CREATE VIEW seen AS SELECT {', '.join(quoted(name) for name, _ in columns[:3])} FROM {quoted(first)}")
    return made


@contextlib.contextmanager
def databases(dialect: str, folder: Path, spider: dict[str, Tables]) -> Iterator[list[Database]]:
    """All databases on the engine of the dialect; `folder` takes the files of a server."""
    every = {"awkward": awkward(dialect), **spider}
    with contextlib.ExitStack() as stack:
        if dialect == "postgres":
            port = stack.enter_context(_server(_postgres(folder), folder))
        elif dialect == "mysql":
            port = stack.enter_context(_server(_mariadb(folder), folder))
        else:
            port = 0
        found = []
        for name, tables in every.items():
            opened = OPEN[dialect](f"walk_{name.lower()}", port)
            stack.callback(opened[0].close)
            for statement in statements(dialect, tables):
                opened[1](statement)
            found.append(Database(name, opened[2](), opened[3]))
        yield found


Opened = tuple[Any, Callable[[str], Any], Callable[[], Any], Callable[[str], Any]]
"""A connection, what runs a statement, what gives the source of the schema, what prepares a statement."""


def _open_sqlite(name: str, port: int) -> Opened:
    connection = sqlite3.connect(":memory:")
    return (
        connection,
        connection.execute,
        lambda: connection,
        lambda text: connection.execute("EXPLAIN " + text).close(),
    )


def _open_duckdb(name: str, port: int) -> Opened:
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    connection.execute("PRAGMA disable_optimizer")  # which divides constants by zero; the planner comes before it
    return connection, connection.execute, lambda: connection, lambda text: connection.execute("EXPLAIN " + text)


def _open_postgres(name: str, port: int) -> Opened:
    from pg8000 import native

    admin = native.Connection("postgres", host="127.0.0.1", port=port)
    admin.run(f"CREATE DATABASE {name} TEMPLATE template0")
    admin.close()
    connection = native.Connection("postgres", host="127.0.0.1", port=port, database=name)

    def prepare(text: str) -> None:
        connection.run(f"PREPARE statement AS {text.strip().rstrip(';')}")
        connection.run("DEALLOCATE statement")

    return (
        connection,
        connection.run,
        lambda: _inspected(f"postgresql+pg8000://postgres@127.0.0.1:{port}/{name}"),
        prepare,
    )


def _open_mysql(name: str, port: int) -> Opened:
    import pymysql
    import sqlglot

    connection = pymysql.connect(host="127.0.0.1", port=port, user="root", autocommit=True, charset="utf8mb4")
    cursor = connection.cursor()
    cursor.execute(f"CREATE DATABASE {name}")
    cursor.execute(f"USE {name}")
    cursor.execute("SET sql_mode = 'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO'")

    def prepare(text: str) -> None:
        if re.search(r"\blateral\b", text, re.IGNORECASE):  # which MySQL has, and MariaDB has not
            sqlglot.parse_one(text, read="mysql")
            return
        cursor.execute("PREPARE statement FROM %s", (text,))
        cursor.execute("DEALLOCATE PREPARE statement")

    return connection, cursor.execute, lambda: _inspected(f"mysql+pymysql://root@127.0.0.1:{port}/{name}"), prepare


OPEN = {"sqlite": _open_sqlite, "duckdb": _open_duckdb, "postgres": _open_postgres, "mysql": _open_mysql}


def _inspected(url: str) -> Any:
    """The schema as SQLAlchemy's inspector reports it."""
    import warnings

    import sqlalchemy
    from bytebound import grammars

    engine = sqlalchemy.create_engine(url)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sqlalchemy.exc.SAWarning)  # types that it does not know
        schema = grammars.Schema.read(engine)
    engine.dispose()
    return schema


def _found(name: str, pattern: str = "") -> str:
    """Path of a server's program. Raises RuntimeError where it is not installed."""
    path = (
        shutil.which(name) or next((str(p) for p in Path("/").glob(pattern)), None) if pattern else shutil.which(name)
    )
    if path is None:
        raise RuntimeError(f"{name} is not installed; leave its dialect out with --dialects")
    return path


def _owned(folder: Path, owner: str) -> dict[str, Any]:
    """The folder given to a user who may run servers, which root may not; options of subprocess for that."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid():
        return {}
    shutil.chown(folder, owner)
    for parent in folder.parents[:-1]:
        parent.chmod(parent.stat().st_mode | 0o055)
    return {"user": owner}


def _postgres(folder: Path) -> Callable[[int], tuple[list[str], dict[str, Any]]]:
    initdb = _found("initdb", "usr/lib/postgresql/*/bin/initdb")
    user = _owned(folder, "postgres")
    data = str(folder / "data")
    subprocess.run(
        [initdb, "-D", data, "-A", "trust", "-U", "postgres", "-N", "-E", "UTF8", "--locale=C"],
        check=True, stdout=subprocess.DEVNULL, cwd=folder, **user,
    )  # fmt: skip
    program = str(Path(initdb).resolve().with_name("postgres"))
    return lambda port: ([program, "-D", data, "-p", str(port), "-k", str(folder), "-c", "fsync=off"], user)


def _mariadb(folder: Path) -> Callable[[int], tuple[list[str], dict[str, Any]]]:
    program, install = _found("mariadbd"), _found("mariadb-install-db")
    user = _owned(folder, "nobody")
    common = ["--no-defaults", f"--datadir={folder / 'data'}"]
    subprocess.run(
        [install, *common, "--auth-root-authentication-method=normal", "--skip-test-db"],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, **user,
    )  # fmt: skip
    return lambda port: (
        [program, *common, f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder / 's'}",
         "--lower-case-table-names=1", "--innodb-flush-log-at-trx-commit=0"],
        user,
    )  # fmt: skip


@contextlib.contextmanager
def _server(command: Callable[[int], tuple[list[str], dict[str, Any]]], folder: Path) -> Iterator[int]:
    """The port of a running server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    words, user = command(port)
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, **user)
    try:
        for _ in range(200):
            with socket.socket() as attempt:
                if not attempt.connect_ex(("127.0.0.1", port)):
                    break
            time.sleep(0.1)
        else:
            raise RuntimeError(f"{words[0]} did not start")
        time.sleep(1)
        yield port
    finally:
        server.send_signal(signal.SIGINT if words[0].endswith("postgres") else signal.SIGTERM)
        server.wait()
