"""The judges of SQL: what prepares a statement of a dialect without running it, on the tables of `sql_walks.CREATE`."""

from __future__ import annotations

import shutil
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .sql_walks import CREATE

Judge = Callable[[str], None]
"""Raises where the statement cannot be prepared."""


@contextmanager
def engine(dialect: str, folder: Path) -> Iterator[tuple[Any, Judge]]:
    """A source of the schema and the judge; skips the test where the engine is absent."""
    if dialect == "sqlite":
        lite = sqlite3.connect(":memory:")
        for statement in CREATE:
            lite.execute(statement)
        yield lite, lambda text: lite.execute(f"EXPLAIN {text}").close()
        lite.close()
    elif dialect == "duckdb":
        duckdb = pytest.importorskip("duckdb")
        duck = duckdb.connect()
        duck.execute("PRAGMA disable_optimizer")  # it divides constants by zero
        for statement in CREATE:
            duck.execute(statement)
        yield duck, lambda text: duck.execute(f"EXPLAIN {text}").fetchall()
        duck.close()
    elif dialect == "postgres":
        with _postgres(folder) as connection:
            for statement in CREATE:
                connection.run(statement)

            def prepares(text: str) -> None:
                connection.run(f"PREPARE statement AS {text.strip().rstrip(';')}")
                connection.run("DEALLOCATE statement")

            yield _TABLES, prepares
    else:
        sqlglot = pytest.importorskip("sqlglot")
        yield _TABLES, lambda text: sqlglot.parse_one(text, read="mysql")


_TABLES = {
    "country": {
        "code": "text",
        "name": "text",
        "population": "integer",
        "area": "real",
        "independent": "boolean",
        "founded": "date",
    },
    "city": {"id": "integer", "name": "text", "code": "text", "population": "integer", "Order": "text"},
    "language": {"code": "text", "language": "text", "percentage": "real", "seen": "timestamp"},
    "big": {"name": "text", "population": "integer"},
}


@contextmanager
def _postgres(folder: Path) -> Iterator[Any]:
    """A connection to a PostgreSQL of its own, with its files in `folder`."""
    native = pytest.importorskip("pg8000.native")
    initdb = shutil.which("initdb") or next(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")), None)
    if initdb is None:
        pytest.skip("needs PostgreSQL's initdb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    user = {}
    if not folder.stat().st_uid and shutil.which("su"):  # PostgreSQL refuses to run as root
        shutil.chown(folder, "postgres")
        for parent in folder.parents[:3]:
            parent.chmod(parent.stat().st_mode | 0o055)
        user = {"user": "postgres"}
    data = folder / "data"
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder, **user}
    subprocess.run(
        [initdb, "-D", data, "-A", "trust", "-U", "postgres", "-N", "-E", "UTF8", "--locale=C"], check=True, **quiet
    )
    server = subprocess.Popen(
        [
            Path(initdb).resolve().with_name("postgres"),
            "-D",
            data,
            "-p",
            str(port),
            "-k",
            str(folder),
            "-c",
            "fsync=off",
        ],
        **quiet,
    )
    try:
        for _ in range(100):
            try:
                connection = native.Connection("postgres", host="127.0.0.1", port=port)
                break
            except Exception:
                time.sleep(0.1)
        else:
            raise RuntimeError("PostgreSQL did not start")
        yield connection
        connection.close()
    finally:
        server.send_signal(signal.SIGINT)  # its fast way: it does not wait for connections
        server.wait()
