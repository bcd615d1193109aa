"""Real schemas with instances judged by others: nothing invalid accepted, nothing valid rejected, little refused."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bytebound.grammars import GrammarError, Unsupported, json_schema

# Six dependencies are 64 ways to read an object, and nested in any order they multiply: too ambiguous for the budget.
TOO_AMBIGUOUS = ("Github_medium---o39217.json",)
COMPILED_AT_LEAST = 229  # of 230: to be raised whenever more can be


def test_open_schemas(
    shared: Path, styles: Callable[[Any], list[str]], spell_by_schema: Callable[[Any, Any], list[str]]
) -> None:
    compiled, wrong = 0, []
    refused: Counter[str] = Counter()
    files = sorted((shared / "schemas" / "open").glob("*.json"))
    for file in files:
        case = json.loads(file.read_text(encoding="utf-8"))
        try:
            grammar = json_schema(case["schema"], cache=False)
            free = json_schema(case["schema"], property_order="any", cache=False)
        except GrammarError as error:
            assert isinstance(error, Unsupported), f"{file.name}: {error!r}"
            assert error.keyword and error.pointer is not None
            refused[error.keyword] += 1
            continue
        compiled += 1
        for test in case["tests"]:
            got = [grammar.matches(text) for text in styles(test["data"])]
            if test["valid"] and not all(got):
                got = [any(grammar.matches(text) for text in spell_by_schema(case["schema"], test["data"]))]
            if file.name not in TOO_AMBIGUOUS:
                got += [free.matches(text) for text in styles(test["data"])]
            if set(got) != {test["valid"]}:
                wrong.append(f"{file.name}: valid is {test['valid']}: {json.dumps(test['data'])[:200]}")
    print(f"compiled {compiled} of {len(files)}; refused: {dict(refused)}")
    assert not wrong, "\n".join(wrong)
    assert compiled >= COMPILED_AT_LEAST, refused
