"""Schemas with their test instances, and a tokenizer, as the benchmarks read them from disk.

A schema file is JSON: `id`, `schema`, and `tests`, a list of `{"valid": bool, "data": instance}`. Instances become
texts by `json.dumps` with its default separators. JSON objects have no order, but every engine here writes properties
in the order of the schema, so `in_schema_order` sorts the members of an instance first, by the alternatives that it
matches where the schema has some; what is sorted wrongly counts against all engines alike.
"""

from __future__ import annotations

import json
import lzma
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import transformers

SHARED = Path(__file__).resolve().parents[1] / ".." / "shared"


@dataclass(frozen=True)
class Text:
    """One instance as the tokens of a tokenizer, and whether the schema allows it."""

    tokens: list[int]
    valid: bool


@dataclass(frozen=True)
class Case:
    """A schema with its texts."""

    id: str
    schema: Any
    texts: list[Text]


def load_tokenizer(name: str) -> Any:
    """A fast tokenizer of transformers from a folder, or by its name under ../shared/tokenizers."""
    folder = Path(name) if Path(name).is_dir() else SHARED / "tokenizers" / name
    with tempfile.TemporaryDirectory() as unpacked:
        for path in folder.iterdir():
            if path.suffix == ".xz":
                Path(unpacked, path.stem).write_bytes(lzma.decompress(path.read_bytes()))
            elif path.is_file():
                shutil.copy(path, unpacked)
        return transformers.PreTrainedTokenizerFast.from_pretrained(unpacked)


def load_cases(folder: Path, tokenizer: Any, limit: int | None = None) -> list[Case]:
    """The schema files of a folder in the order of their names; with `limit`, as many, evenly spread."""
    paths = sorted(folder.glob("*.json"))
    if not paths:
        raise SystemExit(f"{folder} holds no schema files (*.json)")
    if limit is not None and limit < len(paths):
        paths = [paths[i * len(paths) // limit] for i in range(limit)]
    cases = []
    for path in paths:
        content = json.loads(path.read_text("utf-8"))
        schema = content["schema"]
        texts = []
        for test in content["tests"]:
            text = json.dumps(in_schema_order(schema, test["data"]), ensure_ascii=False)
            # Text that happens to spell a control token must stay text.
            tokens = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
            texts.append(Text(tokens, test["valid"]))
        cases.append(Case(content["id"], schema, texts))
    return cases


def in_schema_order(schema: Any, data: Any) -> Any:
    """`data` with the members of each object in the order of the schema's properties, then those it requires without
    describing them, then all others as they were."""
    if not isinstance(schema, dict):
        return data
    validator = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)(schema)
    return _sorted([schema], data, validator)


def _sorted(schemas: list[Any], data: Any, validator: Any) -> Any:
    applying = [found for schema in schemas for found in _applying(schema, data, validator, set())]
    if isinstance(data, dict):
        known = [key for schema in applying for key in schema.get("properties", {})]
        required = [key for schema in applying for key in schema.get("required", ()) if isinstance(key, str)]
        keys = [key for key in dict.fromkeys(known + required) if key in data]
        keys += [key for key in data if key not in keys]
        return {
            key: _sorted([part for schema in applying for part in _of_member(schema, key)], data[key], validator)
            for key in keys
        }
    if isinstance(data, list):
        return [
            _sorted([part for schema in applying for part in _of_item(schema, i)], item, validator)
            for i, item in enumerate(data)
        ]
    return data


def _applying(schema: Any, data: Any, validator: Any, seen: set[int]) -> Iterator[dict[str, Any]]:
    """The schema and all that it may apply to the same instance, alternatives that `data` matches before others."""
    if not isinstance(schema, dict) or id(schema) in seen:
        return
    seen.add(id(schema))
    if isinstance(schema.get("properties", {}), dict) and isinstance(schema.get("required", []), list):
        yield schema
    if isinstance(schema.get("$ref"), str):
        yield from _applying(_resolve(schema["$ref"], validator.schema), data, validator, seen)
    for keyword in ("allOf", "anyOf", "oneOf"):
        parts = schema.get(keyword)
        if isinstance(parts, list):
            if keyword != "allOf":
                parts = sorted(parts, key=lambda part: not validator.evolve(schema=part).is_valid(data))
            for part in parts:
                yield from _applying(part, data, validator, seen)
    for keyword in ("if", "then", "else"):
        yield from _applying(schema.get(keyword), data, validator, seen)
    for part in _values(schema, "dependentSchemas"):
        yield from _applying(part, data, validator, seen)


def _of_member(schema: dict[str, Any], key: str) -> Iterator[Any]:
    """The schemas of the value under `key`."""
    described = False
    if key in schema.get("properties", {}):
        described = True
        yield schema["properties"][key]
    patterns = schema.get("patternProperties")
    for pattern, part in (patterns if isinstance(patterns, dict) else {}).items():
        if _search(pattern, key):
            described = True
            yield part
    if not described:
        yield schema.get("additionalProperties")
    yield schema.get("unevaluatedProperties")


def _of_item(schema: dict[str, Any], index: int) -> Iterator[Any]:
    """The schemas of item `index` of an array."""
    items = schema.get("items")
    first = schema.get("prefixItems", items if isinstance(items, list) else [])
    if index < len(first):
        yield first[index]
    else:
        yield items if isinstance(items, dict) else schema.get("additionalItems")
    yield schema.get("contains")


def _values(schema: dict[str, Any], keyword: str) -> list[Any]:
    value = schema.get(keyword)
    return list(value.values()) if isinstance(value, dict) else []


def _search(pattern: str, key: str) -> bool:
    try:
        return re.search(pattern, key) is not None
    except re.error:  # a pattern of ECMA-262 that Python does not know orders nothing
        return False


def _resolve(reference: str, root: Any) -> Any:
    """The schema at a local reference; None for any other."""
    if not reference.startswith("#") or (reference != "#" and not reference.startswith("#/")):
        return None
    found = root
    for part in reference[2:].split("/") if reference != "#" else ():
        part = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and part.isdigit() and int(part) < len(found):
            found = found[int(part)]
        elif isinstance(found, dict) and part in found:
            found = found[part]
        else:
            return None
    return found
