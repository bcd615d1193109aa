"""Table and picture of `sql_walks.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def write(found: dict[str, Any], walks: int, folder: Path) -> None:
    """Write sql_walks.json, sql_walks.md and sql_walks.png."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sql_walks.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
