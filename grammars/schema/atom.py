"""Atoms: what one schema object asserts by itself, with its combinations (`$ref`, anyOf, not, if, ...) set apart.

Keywords are checked here, once for each place. Conditions and dependencies become choices between schemas made for the
purpose, and composite values of `enum` and `const` become schemas that exactly they satisfy.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

from ..errors import GrammarError, Unsupported
from .document import Document, Place, escape
from .keywords import ANNOTATION, ANY, COMBINES, FRACTION, INTEGER, TYPES, shown

Scalar = tuple[str, Any]  # ("null" | "boolean" | "number" | "string", value); numbers as Decimal, so that 1 == 1.0


def scalar(value: Any) -> Scalar:
    """A JSON scalar such that equal values are equal tuples."""
    if value is None:
        return ("null", None)
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, str):
        return ("string", value)
    return ("number", exact(value))


def exact(value: int | float) -> Decimal:
    """A JSON number as the decimal that is written in the schema, never its binary neighbour."""
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def scalar_type(value: Scalar) -> int:
    """Type bit of a scalar."""
    kind, content = value
    if kind == "number":
        return INTEGER if content == content.to_integral_value() else FRACTION
    return TYPES[kind]


class Counted(NamedTuple):
    """How many items from position `start` on must satisfy a schema (maximum None: any number)."""

    pointer: str
    start: int
    place: Place
    minimum: int
    maximum: int | None


class Choice:
    """Several schemas of which at least one (anyOf, enum, if, ...), exactly one (oneOf) or none (not) must hold."""

    __slots__ = ("branches", "keyword", "overlapping", "pointer")

    def __init__(self, keyword: str, pointer: str, branches: list[Place]) -> None:
        self.keyword = keyword
        self.pointer = pointer
        self.branches = branches
        self.overlapping: set[tuple[int, int]] = set()  # branches of a oneOf that have values in common


class Atom:
    """What one schema object asserts by itself.

    Attributes:
        schema, place: the object and where it is.
        types: bits of the allowed types.
        concerns: bits of the types that some other keyword of it constrains.
        values: the allowed scalars, in the order of `enum`, or None.
        refused: keywords that are not enforced, by type bit.
        joins: schemas that must hold as well ($ref, allOf).
        choices: anyOf, oneOf and composite enum values.
    """

    __slots__ = ("choices", "concerns", "joins", "place", "plain", "refused", "schema", "types", "values")

    def __init__(self, place: Place, document: Document) -> None:
        self.place = place
        self.schema: dict[str, Any] = place.schema
        self.types = ANY
        self.concerns = 0
        self.values: dict[Scalar, None] | None = None
        self.refused: list[tuple[int, str]] = []
        self.joins: list[Place] = []
        self.choices: list[Choice] = []
        self._read(document)
        # Whether it asserts anything besides its joins and choices.
        self.plain = self.types == ANY and not self.concerns and self.values is None

    def _read(self, document: Document) -> None:
        place, schema = self.place, self.schema
        if place.draft <= 7 and "$ref" in schema:
            self._combine("$ref", schema["$ref"], document)
            return
        table = document.keywords(place)
        for name, value in schema.items():
            keyword = table.get(name)
            if keyword is None:
                document.ignored.append(f"{place.pointer}/{escape(name)}")
                continue
            if keyword.check is not None and place.draft >= 0 and (expected := keyword.check(value)) is not None:
                raise GrammarError(
                    f"{name} must be {expected}, not {shown(value)}", pointer=f"{place.pointer}/{name}", keyword=name
                )
            concerns = keyword.concerns
            if concerns == ANNOTATION:
                continue
            if keyword.refused:
                if keyword.idle is None or not keyword.idle(value):
                    self._refuse(name, concerns)
            elif concerns == COMBINES:
                self._combine(name, value, document)
            elif concerns == ANY:
                self._constants(name, value, document)
            else:
                self.concerns |= concerns

    def _refuse(self, name: str, concerns: int) -> None:
        if concerns == ANY:
            raise refusal(name, self.place.pointer)
        self.refused.append((concerns, name))
        self.concerns |= concerns

    def _combine(self, name: str, value: Any, document: Document) -> None:
        place = self.place
        if name == "$ref":
            if not isinstance(value, str):
                raise GrammarError("$ref must be a string", pointer=f"{place.pointer}/$ref", keyword="$ref")
            self.joins.append(document.resolve(place, value))
            return
        if name == "not":
            self.choices.append(Choice(name, f"{place.pointer}/{name}", [document.child(place, value, name)]))
            return
        if name == "if":
            self._condition(document)
            return
        if isinstance(value, dict):
            self._dependencies(name, value, document)
            return
        branches = [document.child(place, s, name, str(i)) for i, s in enumerate(value)]
        if name == "allOf" or len(branches) == 1:
            self.joins += branches
        else:
            self.choices.append(Choice(name, f"{place.pointer}/{name}", branches))

    def _condition(self, document: Document) -> None:
        """if/then/else: `if` and `then`, or else not `if`, and `else`."""
        place = self.place
        parts = {n: document.child(place, self.schema[n], n) for n in ("if", "then", "else") if n in self.schema}
        if len(parts) > 1:
            hit = [parts[name] for name in ("if", "then") if name in parts]
            miss = [{"not": parts["if"]}, *(parts[name] for name in ("else",) if name in parts)]
            pointer = f"{place.pointer}/if"
            branches = [document.invented({"allOf": both}, pointer) for both in (hit, miss)]
            self.choices.append(Choice("if", pointer, branches))

    def _dependencies(self, name: str, value: dict[str, Any], document: Document) -> None:
        """dependentRequired, dependentSchemas, dependencies: without the property, or with what it asks for."""
        for key, needed in value.items():
            pointer = f"{self.place.pointer}/{name}/{escape(key)}"
            having: dict[str, Any] = {"type": "object", "required": [key]}
            if isinstance(needed, list):
                having["required"] = [key, *needed]
            else:
                having["allOf"] = [document.child(self.place, needed, name, escape(key))]
            branches = [document.invented(s, pointer) for s in ({"properties": {key: False}}, having)]
            self.choices.append(Choice(name, pointer, branches))

    def _constants(self, name: str, value: Any, document: Document) -> None:
        if name == "!types":
            self.types &= value
            return
        if name == "type":
            bits = 0
            for one in value if isinstance(value, list) else (value,):
                bits |= TYPES[one]
            self.types &= bits
            return
        pointer = f"{self.place.pointer}/{name}"
        values = value if name == "enum" else [value]
        simple: dict[Scalar, None] = {}
        composite: list[Place] = []
        for one in values:
            if isinstance(one, dict | list):
                composite.append(document.invented(_composite(one), pointer))
            else:
                _check_finite(one, pointer, name)
                simple[scalar(one)] = None
        if composite:
            rest = [document.invented({"enum": [v for v in values if not isinstance(v, dict | list)]}, pointer)]
            self.choices.append(Choice("enum", pointer, (rest if simple else []) + composite))
        elif self.values is None:
            self.values = simple
        else:
            self.values = {v: None for v in self.values if v in simple}


def _check_finite(value: Any, pointer: str, name: str) -> None:
    if not (value is None or isinstance(value, str | bool | int) or (isinstance(value, float) and value - value == 0)):
        raise GrammarError(f"{name}: {shown(value)} is no JSON value", pointer=pointer, keyword=name)


def _composite(value: dict[str, Any] | list[Any]) -> dict[str, Any]:
    """A schema that exactly this array or object satisfies."""
    if isinstance(value, list):
        items = {"prefixItems": [{"const": v} for v in value]} if value else {}
        return {"type": "array", **items, "minItems": len(value), "maxItems": len(value)}
    return {
        "type": "object",
        "properties": {k: {"const": v} for k, v in value.items()},
        "required": list(value),
        "additionalProperties": False,
    }


def refusal(keyword: str, pointer: str, why: str = "is not enforced yet") -> Unsupported:
    """The error for a keyword that is not enforced."""
    return Unsupported(f"the keyword {keyword!r} {why}", pointer=f"{pointer}/{keyword}", keyword=keyword)
