"""Schemas as conjunctions of atoms: references, allOf, anyOf, oneOf and composite enum values resolved away.

An atom is what one schema object asserts by itself. A set of schemas that must all hold becomes a list of alternatives,
each a tuple of atoms that must all hold: the disjunctive normal form over atoms, with branches of contradicting types
dropped early. Recursion through `$ref` stays finite because atoms are shared by place.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from ..errors import BudgetExceeded, GrammarError, Unsupported
from .document import Document, Place, escape
from .keywords import (
    ANNOTATION,
    ANY,
    ARRAY,
    BOOLEAN,
    COMBINES,
    FRACTION,
    INTEGER,
    KEYWORDS,
    NULL,
    NUMBER,
    OBJECT,
    STRING,
    TYPES,
)

MAX_ALTERNATIVES = 2048
TYPE_NAMES = {NULL: "null", BOOLEAN: "boolean", STRING: "string", ARRAY: "array", OBJECT: "object", INTEGER: "integer"}

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


class Choice:
    """Several schemas of which at least one (anyOf, enum) or exactly one (oneOf) must hold."""

    __slots__ = ("branches", "keyword", "pointer")

    def __init__(self, keyword: str, pointer: str, branches: list[Place]) -> None:
        self.keyword = keyword
        self.pointer = pointer
        self.branches = branches


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
        table = KEYWORDS[0 if place.draft == 2020 and not document.declared else place.draft]
        for name, value in schema.items():
            keyword = table.get(name)
            if keyword is None:
                document.ignored.append(f"{place.pointer}/{escape(name)}")
                continue
            if keyword.check is not None and (expected := keyword.check(value)) is not None:
                raise GrammarError(
                    f"{name} must be {expected}, not {value!r:.60}", pointer=f"{place.pointer}/{name}", keyword=name
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
        if name == "if" and "then" not in self.schema and "else" not in self.schema:
            return
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
        branches = [document.child(place, s, name, str(i)) for i, s in enumerate(value)]
        if name == "allOf" or len(branches) == 1:
            self.joins += branches
        else:
            self.choices.append(Choice(name, f"{place.pointer}/{name}", branches))

    def _constants(self, name: str, value: Any, document: Document) -> None:
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
        raise GrammarError(f"{name}: {value!r:.60} is no JSON value", pointer=pointer, keyword=name)


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


Alternative = tuple[Atom, ...]


class Expander:
    """Turns conjunctions of places into alternatives. `overlaps` collects what oneOf needs to be empty."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.overlaps: list[tuple[Choice, Alternative, Place, Place]] = []
        self._checked: set[tuple[int, frozenset[Atom]]] = set()
        self._steps = 0

    def atom(self, place: Place) -> Atom:
        """The atom of a place that holds a schema object."""
        atom: Atom | None = place.atom
        if atom is None:
            if not isinstance(place.schema, dict):
                raise GrammarError(
                    f"a schema must be an object or a boolean, not {place.schema!r:.60}", pointer=place.pointer
                )
            atom = place.atom = Atom(place, self.document)
        return atom

    def alternatives(
        self, places: tuple[Place, ...], atoms: Alternative = (), notes: list[str] | None = None
    ) -> list[Alternative]:
        """The alternatives of all `places` and `atoms` together; what was dropped is said in `notes`."""
        if len(places) == 1 and not atoms:
            schema = places[0].schema
            if schema is True:
                return [()]
            if schema is not False:
                atom = self.atom(places[0])
                if not atom.joins and not atom.choices:
                    return [()] if atom.plain else [(atom,)]
        found: dict[frozenset[Atom], Alternative] = {}
        nothing: frozenset[Place] = frozenset()
        types = ANY
        for atom in atoms:
            types &= atom.types
        pending = [(place, nothing) for place in places]
        self._expand(pending, atoms, nothing, types, [], found, [] if notes is None else notes)
        return list(found.values())

    def _expand(
        self,
        pending: list[tuple[Place, frozenset[Place]]],
        atoms: Alternative,
        seen: frozenset[Place],
        types: int,
        choices: list[tuple[Choice, frozenset[Place]]],
        found: dict[frozenset[Atom], Alternative],
        notes: list[str],
    ) -> None:
        self._steps += 1
        if self._steps > 200_000:
            raise BudgetExceeded("the schema's combinations of anyOf, oneOf and enum are too many")
        pending = list(reversed(pending))
        choices = list(choices)
        while pending:
            place, path = pending.pop()
            if place.schema is True:
                continue
            if place.schema is False:
                notes.append(f"{place.pointer or '/'} is false")
                return
            if place in path:
                notes.append(f"{place.pointer or '/'} refers to itself without an end")
                return
            if place in seen:
                continue
            seen = seen | {place}
            atom = self.atom(place)
            if not types & atom.types:
                notes.append(f"{place.pointer or '/'}: the types exclude each other")
                return
            types &= atom.types
            if not atom.plain and atom not in atoms:
                atoms = (*atoms, atom)
            if atom.joins or atom.choices:
                inner = path | {place}
                pending += [(join, inner) for join in reversed(atom.joins)]
                choices += [(choice, inner) for choice in atom.choices]
        if not choices:
            found.setdefault(frozenset(atoms), atoms)
            if len(found) > MAX_ALTERNATIVES:
                raise BudgetExceeded(f"more than {MAX_ALTERNATIVES} alternatives in one place of the schema")
            return
        (choice, path), *rest = choices
        if choice.keyword == "oneOf":
            self._exclusive(choice, atoms)
        for branch in choice.branches:
            self._expand([(branch, path)], atoms, seen, types, rest, found, notes)

    def _exclusive(self, choice: Choice, atoms: Alternative) -> None:
        key = (id(choice), frozenset(atoms))
        if key in self._checked:
            return
        self._checked.add(key)
        branches = choice.branches
        for i, one in enumerate(branches):
            self.overlaps += [(choice, atoms, one, other) for other in branches[i + 1 :]]


__all__ = ["NUMBER", "STRING", "Alternative", "Atom", "Choice", "Expander", "Scalar", "exact", "refusal", "scalar"]
