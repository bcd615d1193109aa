"""The tasks of `domains.py`: what is to be generated, under which constraint, and who judges the answers."""

from __future__ import annotations

import csv
import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import corpus_json
import jsonschema_rs
import partialsmiles
from bytebound import grammars
from bytebound.grammars.errors import ByteboundError
from rdkit import Chem, RDLogger

SHARED = Path(__file__).resolve().parents[1] / ".." / "shared"
HELD_OUT = 20_000_003
"""Seed of the JSON prompts; no seed of the training corpus."""
LONGEST = 160
"""Bytes of the instance of an open schema that a prompt describes."""


class Task(NamedTuple):
    """One prompt with its constraint."""

    name: str
    prompt: str
    constraint: Any
    judge: Callable[[str], tuple[bool, float]]
    """Whether a text is valid, and how right it is, from 0 to 1; independent of the constraint's implementation."""
    max_tokens: int


def patterns(limit: int) -> list[Task]:
    """Regular expressions of ../shared/patterns that both `grammars.regex` and `re` take; a neutral prompt."""
    with (SHARED / "patterns" / "patterns.csv").open(newline="", encoding="utf-8") as file:
        found = [row["regex"] for row in csv.DictReader(file)]
    tasks = []
    for pattern in found:
        try:
            compiled = re.compile(pattern)
            constraint = grammars.regex(pattern)
        except (re.error, ByteboundError):
            continue

        def judge(text: str, compiled: re.Pattern[str] = compiled) -> tuple[bool, float]:
            matched = compiled.fullmatch(text) is not None
            return matched, float(matched)

        tasks.append(Task(pattern, "The answer is: ", constraint, judge, 32))
    return _spread(tasks, limit)


def known_json(limit: int) -> list[Task]:
    """Records of the schemas that the model was trained on, described in words it has not seen; rightness is the share
    of the record's fields that are as described."""
    rng = random.Random(HELD_OUT)
    tasks = []
    for _ in range(limit):
        kind, prompt, record = corpus_json.prompt_and_record(rng)
        schema = corpus_json.SCHEMAS[kind]
        tasks.append(Task(kind, prompt, grammars.json_schema(schema), json_judge(schema, record), 90))
    return tasks


def open_json(limit: int) -> list[Task]:
    """Schemas of ../shared/schemas/open, which the model does not know, with a short instance described by its keys
    and values; rightness as above."""
    tasks = []
    for path in sorted((SHARED / "schemas" / "open").glob("*.json")):
        content = json.loads(path.read_text("utf-8"))
        schema, valid = content["schema"], [test["data"] for test in content["tests"] if test["valid"]]
        records = [r for r in valid if isinstance(r, dict) and r and len(json.dumps(r)) <= LONGEST]
        if not records:
            continue
        facts = ", ".join(f"{key} is {json.dumps(value)}" for key, value in records[0].items())
        try:
            constraint = grammars.json_schema(schema)
            judge = json_judge(schema, records[0])
        except (ByteboundError, ValueError):
            continue
        tasks.append(Task(content["id"], f"Describe a record as JSON: {facts}.\n", constraint, judge, 90))
    return _spread(tasks, limit)


def json_judge(schema: Any, record: Any) -> Callable[[str], tuple[bool, float]]:
    """jsonschema-rs on what the parser of the standard library reads."""
    validator = jsonschema_rs.validator_for(schema)

    def judge(text: str) -> tuple[bool, float]:
        try:
            data = json.loads(text)
        except ValueError:
            return False, 0.0
        if not validator.is_valid(data):
            return False, 0.0
        return True, sum(data.get(key) == value for key, value in record.items()) / len(record)

    return judge


def molecules(limit: int) -> list[Task]:
    """SMILES of any molecule: partialsmiles is the constraint, a Python predicate; RDKit judges."""
    RDLogger.DisableLog("rdApp.*")

    def parses(text: str, partial: bool) -> bool:
        try:
            partialsmiles.ParseSmiles(text, partial=partial)
        except partialsmiles.Error:
            return False
        return True

    constraint = grammars.predicate(
        lambda text: parses(text, True), complete=lambda text: bool(text) and parses(text, False), text=True
    )

    def judge(text: str) -> tuple[bool, float]:
        valid = bool(text) and Chem.MolFromSmiles(text) is not None
        return valid, float(valid)

    return [Task(f"molecule {i}", "", constraint, judge, 60) for i in range(limit)]


def _spread(tasks: list[Task], limit: int) -> list[Task]:
    """At most `limit` of them, evenly spread."""
    return [tasks[i * len(tasks) // limit] for i in range(limit)] if limit < len(tasks) else tasks
