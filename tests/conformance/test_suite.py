"""The official JSON Schema test suite (drafts 2020-12 and 7) and keyword probes, against a ratchet baseline.

`baseline.json` lists every group that is not simply right: refused (by which keyword), or with valid instances that are
not accepted as written. It has to change in the same commit as the behaviour: set BYTEBOUND_UPDATE_BASELINE=1 to write
it. An invalid instance that is accepted is never a baseline entry; it fails.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bytebound.grammars import EmptyLanguage, Grammar, GrammarError, json_schema

BASELINE = Path(__file__).parent / "baseline.json"
FOLDERS = ("draft2020-12", "draft7", "probes")
DRAFT7 = "http://json-schema.org/draft-07/schema#"

Styles = Callable[[Any], list[str]]
Spell = Callable[[Any, Any], list[str]]


def matches(grammar: Grammar, text: str) -> bool:
    return grammar.matches(text.encode("utf-8", "surrogatepass"))


def judge(
    group: dict[str, Any], folder: str, file: str, styles: Styles, spell_by_schema: Spell
) -> tuple[Any, list[str]]:
    """What there is to say about a group (None: all is right), and the invalid instances that were accepted.

    Valid instances are to be accepted with properties in any order, and, in the schema's order, in some spelling."""
    schema = group["schema"]
    if folder == "draft7" and isinstance(schema, dict) and "$schema" not in schema:
        schema = {"$schema": DRAFT7, **schema}
    formats = "annotation" if file == "format.json" else "assert"  # that file says what is so by default
    try:
        ordered, free = (
            json_schema(schema, property_order=order, formats=formats, cache=False) for order in ("schema", "any")
        )
    except EmptyLanguage:
        wrong = [t.get("description", "") for t in group["tests"] if t["valid"]]
        return ({"rejected": wrong} if wrong else None), []
    except GrammarError as error:
        return {type(error).__name__: error.keyword}, []
    accepted, rejected = [], []
    for test in group["tests"]:
        name = test.get("description") or json.dumps(test["data"])
        texts = styles(test["data"])
        if not test["valid"]:
            if any(matches(grammar, text) for text in texts for grammar in (ordered, free)):
                accepted.append(name)
        elif not all(matches(free, text) for text in texts) or not (
            any(matches(ordered, text) for text in [*texts, *spell_by_schema(schema, test["data"])])
        ):
            rejected.append(name)
    return ({"rejected": rejected} if rejected else None), accepted


def run(shared: Path, folder: str, styles: Styles, spell_by_schema: Spell) -> tuple[dict[str, Any], list[str], int]:
    notes, accepted, groups = {}, [], 0
    root = shared / "schemas" / "suite" / folder
    for file in sorted(root.rglob("*.json")):
        for group in json.loads(file.read_text(encoding="utf-8")):
            groups += 1
            name = f"{file.relative_to(root)}: {group['description']}"
            note, wrong = judge(group, folder, str(file.relative_to(root)), styles, spell_by_schema)
            if note is not None:
                notes[name] = note
            accepted += [f"{name}: {which}" for which in wrong]
    return notes, accepted, groups


@pytest.mark.parametrize("folder", FOLDERS)
def test_suite(shared: Path, folder: str, styles: Styles, spell_by_schema: Spell) -> None:
    notes, accepted, groups = run(shared, folder, styles, spell_by_schema)
    assert not accepted, "invalid instances accepted:\n" + "\n".join(accepted)
    assert groups > 80
    baseline = json.loads(BASELINE.read_text(encoding="utf-8")) if BASELINE.exists() else {}
    if os.environ.get("BYTEBOUND_UPDATE_BASELINE"):
        baseline[folder] = notes
        BASELINE.write_text(json.dumps(baseline, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
        return
    known = baseline[folder]
    worse = [f"{name}: {note}" for name, note in notes.items() if known.get(name) != note]
    better = [name for name in known if name not in notes]
    assert not worse, "not in the baseline:\n" + "\n".join(worse)
    assert not better, "right now, so to be taken out of the baseline:\n" + "\n".join(better)
