"""Real queries: every one of spider's and GeoQuery's is accepted by the grammar of its database, or listed.

A ratchet: `sql_baseline.json` lists what is refused, with the reason; it may only become shorter.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from bytebound import grammars

_BASELINE = Path(__file__).parent / "sql_baseline.json"


def _spider(shared: Path) -> list[tuple[str, str, grammars.SqlGrammar]]:
    folder = shared / "sql" / "spider"
    made = {}
    for database in json.loads((folder / "tables.json").read_text("utf-8")):
        columns = list(zip(database["column_names_original"], database["column_types"], strict=True))
        made[database["db_id"]] = grammars.sql(
            {
                table: {name: kind for (of, name), kind in columns if of == i}
                for i, table in enumerate(database["table_names_original"])
            }
        )
    entries = json.loads((folder / "queries.json").read_text("utf-8"))
    return [(entry["db_id"], entry["query"], made[entry["db_id"]]) for entry in entries]


def _geography(shared: Path) -> list[tuple[str, str, grammars.SqlGrammar]]:
    folder = shared / "sql" / "geography"
    connection = sqlite3.connect(f"file:{folder / 'geography.sqlite'}?mode=ro", uri=True)
    grammar = grammars.sql(connection)
    found = []
    for entry in json.loads((folder / "geography.json").read_text("utf-8")):
        for sentence in entry["sentences"]:
            query = entry["sql"][0]
            for name, value in sentence["variables"].items():
                query = query.replace(name, value)
            found.append(("geography", query, grammar))
    connection.close()
    return found


def test_real_queries(shared: Path) -> None:
    queries = dict.fromkeys(_spider(shared) + _geography(shared))
    refused = {f"{name}: {query}" for name, query, grammar in queries if not grammar.matches(query)}
    baseline = json.loads(_BASELINE.read_text("utf-8"))
    assert not refused - set(baseline), f"newly refused: {sorted(refused - set(baseline))}"
    assert not set(baseline) - refused, f"accepted now, take them off the list: {sorted(set(baseline) - refused)}"
    assert len(refused) <= 0.03 * len(queries)
