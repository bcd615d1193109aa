"""The keywords of JSON Schema by draft: what each one concerns, and what a well-formed value of it is.

A keyword is an annotation, an assertion about one type, a combination, or one that is refused because it is not
enforced. Sources: the validation and applicator vocabularies of drafts 4, 6, 7, 2019-09 and 2020-12.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any, NamedTuple

# Types of JSON values, as bits. Integers are the numbers without a fractional part.
NULL, BOOLEAN, INTEGER, FRACTION, STRING, ARRAY, OBJECT = (1 << i for i in range(7))
NUMBER = INTEGER | FRACTION
ANY = 127
TYPES = {
    "null": NULL,
    "boolean": BOOLEAN,
    "integer": INTEGER,
    "number": NUMBER,
    "string": STRING,
    "array": ARRAY,
    "object": OBJECT,
}

# What a keyword is, where it is no assertion about types.
ANNOTATION = 0
COMBINES = 1 << 8


class Keyword(NamedTuple):
    """What a keyword concerns (type bits, ANNOTATION or COMBINES), its check, and whether it is refused.

    `check(value)` returns None when the value is well formed, otherwise what was expected. `idle(value)` says that
    the value asserts nothing.
    """

    concerns: int
    check: Callable[[Any], str | None] | None = None
    refused: bool = False
    idle: Callable[[Any], bool] | None = None


def is_number(value: Any) -> bool:
    """A finite JSON number."""
    if isinstance(value, float):
        return isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def shown(value: Any) -> str:
    """The beginning of a value of any kind, for messages; a deep or long one is not written out."""
    if isinstance(value, dict | list | tuple):
        return f"{'an object' if isinstance(value, dict) else 'an array'} of {len(value)}"
    if isinstance(value, int) and abs(value) >= 10**60:
        return f"an integer of {value.bit_length()} bits"
    return f"{value!r:.60}"


def _schema(value: Any) -> str | None:
    return None if isinstance(value, dict | bool) else "a schema (an object or a boolean)"


def _schemas(value: Any) -> str | None:
    good = isinstance(value, list) and value and all(isinstance(v, dict | bool) for v in value)
    return None if good else "a non-empty array of schemas"


def _schema_or_list(value: Any) -> str | None:
    good = all(isinstance(v, dict | bool) for v in (value if isinstance(value, list) else [value]))
    return None if good else "a schema or an array of schemas"


def _schema_map(value: Any) -> str | None:
    good = isinstance(value, dict) and all(isinstance(v, dict | bool) for v in value.values())
    return None if good else "an object whose values are schemas"


def _object(value: Any) -> str | None:
    return None if isinstance(value, dict) else "an object"


def _array(value: Any) -> str | None:
    return None if isinstance(value, list) else "an array"


def _string(value: Any) -> str | None:
    return None if isinstance(value, str) else "a string"


def _itself(value: Any) -> str | None:
    return None if value == "#" else "'#'"


def _boolean(value: Any) -> str | None:
    return None if isinstance(value, bool) else "a boolean"


def _number(value: Any) -> str | None:
    return None if is_number(value) else "a finite number"


def _number_or_boolean(value: Any) -> str | None:
    return None if isinstance(value, bool) or is_number(value) else "a finite number"


def _positive(value: Any) -> str | None:
    return None if is_number(value) and value > 0 else "a number greater than 0"


def _count(value: Any) -> str | None:
    good = is_number(value) and value >= 0 and value == int(value)
    return None if good else "a non-negative integer"


def _names(value: Any) -> str | None:
    good = isinstance(value, list) and all(isinstance(v, str) for v in value)
    return None if good else "an array of property names (strings)"


def _dependencies(value: Any) -> str | None:
    good = isinstance(value, dict) and all(isinstance(v, dict | bool) or _names(v) is None for v in value.values())
    return None if good else "an object whose values are arrays of property names (or, in older drafts, schemas)"


def _types(value: Any) -> str | None:
    names = value if isinstance(value, list) and value else [value]
    good = all(isinstance(n, str) and n in TYPES for n in names)
    return None if good else f"one of {', '.join(TYPES)}, or a non-empty array of them"


def _anything(value: Any) -> str | None:
    return None


_NOTES = Keyword(ANNOTATION)
_DRAFT4: dict[str, Keyword] = {
    "$schema": _NOTES,
    "id": _NOTES,
    "$ref": Keyword(COMBINES, _string),
    "definitions": Keyword(ANNOTATION, _object),
    "title": _NOTES,
    "description": _NOTES,
    "default": _NOTES,
    "type": Keyword(ANY, _types),
    "enum": Keyword(ANY, _array),
    "allOf": Keyword(COMBINES, _schemas),
    "anyOf": Keyword(COMBINES, _schemas),
    "oneOf": Keyword(COMBINES, _schemas),
    "not": Keyword(COMBINES, _schema),
    "multipleOf": Keyword(NUMBER, _positive),
    "minimum": Keyword(NUMBER, _number),
    "maximum": Keyword(NUMBER, _number),
    "exclusiveMinimum": Keyword(NUMBER, _boolean),
    "exclusiveMaximum": Keyword(NUMBER, _boolean),
    "minLength": Keyword(STRING, _count),
    "maxLength": Keyword(STRING, _count),
    "pattern": Keyword(STRING, _string),
    "format": Keyword(STRING, _string),
    "items": Keyword(ARRAY, _schema_or_list),
    "additionalItems": Keyword(ARRAY, _schema),
    "minItems": Keyword(ARRAY, _count),
    "maxItems": Keyword(ARRAY, _count),
    "uniqueItems": Keyword(ARRAY, _boolean, idle=lambda v: v is False),
    "properties": Keyword(OBJECT, _schema_map),
    "patternProperties": Keyword(OBJECT, _schema_map),
    "additionalProperties": Keyword(OBJECT, _schema),
    "required": Keyword(OBJECT, _names),
    "minProperties": Keyword(OBJECT, _count),
    "maxProperties": Keyword(OBJECT, _count),
    "dependencies": Keyword(COMBINES, _dependencies),
}
_DRAFT6 = {
    **{k: v for k, v in _DRAFT4.items() if k != "id"},
    "$id": _NOTES,
    "examples": _NOTES,
    "const": Keyword(ANY, _anything),
    "exclusiveMinimum": Keyword(NUMBER, _number),
    "exclusiveMaximum": Keyword(NUMBER, _number),
    "contains": Keyword(ARRAY, _schema),
    "propertyNames": Keyword(OBJECT, _schema),
}
_DRAFT7 = {
    **_DRAFT6,
    "$comment": _NOTES,
    "readOnly": _NOTES,
    "writeOnly": _NOTES,
    # Draft 7 lets a validator look into encoded content; later drafts do not.
    "contentMediaType": Keyword(STRING, _string, refused=True, idle=lambda v: "json" not in v),
    "contentEncoding": Keyword(STRING, _string, refused=True, idle=lambda v: v in ("7bit", "8bit", "binary")),
    "if": Keyword(COMBINES, _schema),
    "then": Keyword(ANNOTATION, _schema),
    "else": Keyword(ANNOTATION, _schema),
}
_DRAFT2019 = {
    **_DRAFT7,
    "$defs": Keyword(ANNOTATION, _object),
    "$anchor": _NOTES,
    "$vocabulary": _NOTES,
    "$recursiveAnchor": _NOTES,
    "$recursiveRef": Keyword(COMBINES, _itself),
    "deprecated": _NOTES,
    "contentMediaType": _NOTES,
    "contentEncoding": _NOTES,
    "contentSchema": _NOTES,
    "minContains": Keyword(ANNOTATION, _count),
    "maxContains": Keyword(ANNOTATION, _count),
    "dependentRequired": Keyword(COMBINES, _dependencies),
    "dependentSchemas": Keyword(COMBINES, _schema_map),
    "unevaluatedItems": Keyword(COMBINES, _schema),
    "unevaluatedProperties": Keyword(COMBINES, _schema),
}
_DRAFT2020 = {
    **{k: v for k, v in _DRAFT2019.items() if k not in ("$recursiveAnchor", "additionalItems")},
    "$dynamicAnchor": _NOTES,
    "$dynamicRef": Keyword(COMBINES, _string),
    # Replaced by $dynamicRef: who writes it here means something that this draft does not have.
    "$recursiveRef": Keyword(ANY, _string, refused=True),
    "prefixItems": Keyword(ARRAY, _schemas),
    "items": Keyword(ARRAY, _schema),
}

_ANY_DRAFT = {
    **_DRAFT2020,
    "id": _NOTES,
    "$recursiveAnchor": _NOTES,
    "$recursiveRef": Keyword(COMBINES, _itself),
    "items": Keyword(ARRAY, _schema_or_list),
    "additionalItems": Keyword(ARRAY, _schema),
    "exclusiveMinimum": Keyword(NUMBER, _number_or_boolean),
    "exclusiveMaximum": Keyword(NUMBER, _number_or_boolean),
}

# Schemas that the compiler makes: type bits, numbers that are allowed, strings that are not, items that are counted,
# a property that there must be.
_INVENTED = {
    **_ANY_DRAFT,
    "!types": Keyword(ANY),
    "!numbers": Keyword(NUMBER),
    "!strings": Keyword(STRING),
    "!counted": Keyword(ARRAY),
    "!some": Keyword(OBJECT),
}

KEYWORDS: dict[int, dict[str, Keyword]] = {
    4: _DRAFT4,
    6: _DRAFT6,
    7: _DRAFT7,
    2019: _DRAFT2019,
    2020: _DRAFT2020,
    # A document that names no dialect: the newest one, with the older spellings of the same things.
    0: _ANY_DRAFT,
    -1: _INVENTED,
}
