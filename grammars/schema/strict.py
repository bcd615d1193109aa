"""The subset of JSON Schema that strict structured outputs of OpenAI's API accept: `strict_subset`.

Source: the section "Supported schemas" of OpenAI's guide to structured outputs, with its limits. Character bounds of
strings are taken as allowed, annotations and unknown keywords as well; every other keyword of JSON Schema that the
guide does not list is named. Nesting is counted in objects, from the root or from a definition on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .document import escape
from .keywords import ANNOTATION, KEYWORDS
from .refusals import Finding

MAX_PROPERTIES = 5000
MAX_NESTING = 10
MAX_CHARACTERS = 120_000  # of the names of properties and definitions, and of the values of enum and const
MAX_ENUM_VALUES = 1000  # of all enums together
MANY_VALUES, MAX_ENUM_CHARACTERS = 250, 15_000  # an enum of more strings than that has no more characters than these
FORMATS = ("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid")
SUPPORTED = frozenset(("type", "enum", "const", "anyOf", "$ref", "$defs", "definitions"))
SUPPORTED |= {"properties", "required", "additionalProperties", "items", "minItems", "maxItems"}
SUPPORTED |= {"pattern", "format", "minLength", "maxLength"}
SUPPORTED |= {"multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
NAMED = frozenset({"then", "else", "minContains", "maxContains"}) | {  # not supported, and no annotations
    name for table in KEYWORDS.values() for name, keyword in table.items() if keyword.concerns != ANNOTATION
}


class _Totals:
    """What is counted over a whole schema."""

    def __init__(self) -> None:
        self.properties = self.characters = self.enum_values = 0


def strict_subset(schema: Any) -> list[Finding]:
    """What of a schema is outside of the subset that strict structured outputs accept; empty where nothing is."""
    if not isinstance(schema, dict):
        return [Finding("", None, "the root must be a schema of an object")]
    found = []
    if "anyOf" in schema:
        found.append(Finding("/anyOf", "anyOf", "the root must not be a choice: anyOf stands only below it"))
    if schema.get("type") != "object":
        found.append(Finding("/type", "type", "the root must be an object: type must be 'object'"))
    totals = _Totals()
    stack: list[tuple[Any, str, int]] = [(schema, "", 0)]
    while stack:
        here, pointer, depth = stack.pop()
        if not isinstance(here, dict):
            found.append(Finding(pointer, None, "a schema must be an object that says a type"))
            continue
        if _is_object(here):
            depth += 1
            if depth == MAX_NESTING + 1:
                found.append(Finding(pointer, None, f"more than {MAX_NESTING} levels of objects"))
        found += _violations(here, pointer, totals)
        stack += reversed([(below, f"{pointer}/{path}", 0 if own else depth) for below, path, own in _below(here)])
    for number, most, what in (
        (totals.properties, MAX_PROPERTIES, "properties"),
        (totals.characters, MAX_CHARACTERS, "characters of names and values of enum and const"),
        (totals.enum_values, MAX_ENUM_VALUES, "values of enums"),
    ):
        if number > most:
            found.append(Finding("", None, f"{number} {what}, of which there may be {most}"))
    return found


def _is_object(schema: dict[str, Any]) -> bool:
    types = schema.get("type")
    return types == "object" or (isinstance(types, list) and "object" in types) or "properties" in schema


def _below(schema: dict[str, Any]) -> Iterator[tuple[Any, str, bool]]:
    """The schemas below, where they are, and whether their nesting counts by itself."""
    for keyword in ("properties", "$defs", "definitions"):
        if isinstance(schema.get(keyword), dict):
            for name, below in schema[keyword].items():
                yield below, f"{keyword}/{escape(name)}", keyword != "properties"
    if "items" in schema:
        yield schema["items"], "items", False
    if isinstance(schema.get("anyOf"), list):
        for i, below in enumerate(schema["anyOf"]):
            yield below, f"anyOf/{i}", False


def _violations(schema: dict[str, Any], pointer: str, totals: _Totals) -> Iterator[Finding]:
    for keyword in schema:
        if keyword in NAMED and keyword not in SUPPORTED:
            yield Finding(f"{pointer}/{keyword}", keyword, f"the keyword {keyword!r} is not supported")
    if not any(keyword in schema for keyword in ("type", "anyOf", "$ref", "enum", "const")):
        yield Finding(pointer, None, "it says no type")
    name = schema.get("format")
    if isinstance(name, str) and name not in FORMATS:
        yield Finding(f"{pointer}/format", "format", f"the format {name!r:.60} is not supported")
    for keyword in ("$defs", "definitions"):
        if isinstance(schema.get(keyword), dict):
            totals.characters += sum(map(len, schema[keyword]))
    if _is_object(schema):
        if schema.get("additionalProperties") is not False:
            where = f"{pointer}/additionalProperties"
            yield Finding(where, "additionalProperties", "additionalProperties must be given, and false")
        properties, required = schema.get("properties"), schema.get("required")
        if isinstance(properties, dict):
            totals.properties += len(properties)
            totals.characters += sum(map(len, properties))
            known = required if isinstance(required, list) else []
            listed = {one for one in known if isinstance(one, str)}
            for one in properties:
                if one not in listed:
                    yield Finding(f"{pointer}/required", "required", f"the property {one!r:.60} must be required")
    if isinstance(schema.get("const"), str):
        totals.characters += len(schema["const"])
    values = schema.get("enum")
    if isinstance(values, list):
        totals.enum_values += len(values)
        characters = sum(len(value) for value in values if isinstance(value, str))
        totals.characters += characters
        if len(values) > MANY_VALUES and characters > MAX_ENUM_CHARACTERS:
            many = f"more than {MANY_VALUES} values have {characters} characters, beyond {MAX_ENUM_CHARACTERS}"
            yield Finding(f"{pointer}/enum", "enum", many)
