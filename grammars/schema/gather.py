"""From conjunctions of schemas to plans: the assertions of all atoms of an alternative, put together type by type.

Works from a list of values still to do, so that recursive schemas end; equal conjunctions are one value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

from ..errors import BudgetExceeded, GrammarError, Unsupported
from . import formats
from .conjunction import Alternative, Atom, Expander, Scalar, exact, refusal, scalar_type
from .document import Document, Place, escape
from .keys import key_classes
from .keywords import ANY, ARRAY, BOOLEAN, INTEGER, NULL, NUMBER, OBJECT, STRING
from .numbers import NumberSet
from .plan import ArrayPlan, KeySet, Member, ObjectPlan, Value, settle
from .strings import StringSet, check_pattern, pattern_matches

MAX_VALUES = 50_000


class Gatherer:
    """Makes the plan of a document. `values` are all values made so far."""

    def __init__(self, document: Document, unknown_formats: str) -> None:
        self.document = document
        self.expander = Expander(document)
        self.strict_formats = unknown_formats == "refuse"
        self.values: list[Value] = []
        self._by_places: dict[tuple[Place, ...], Value] = {}
        self._by_atoms: dict[frozenset[frozenset[Atom]], Value] = {}
        self._done = 0
        self._ignored: set[str] = set()

    def plan(self) -> Value:
        """The value of the whole document, settled. Raises what is wrong or refused anywhere in reach."""
        root = self.value((self.document.root,))
        self._drain()
        settle(self.values)
        self._check_overlaps()
        return root

    def value(self, places: tuple[Place, ...]) -> Value:
        """The value of all these schemas together; its plan may still be to do."""
        value = self._by_places.get(places)
        if value is None:
            notes: list[str] = []
            value = self._by_places[places] = self._of(self.expander.alternatives(places, (), notes), notes)
        return value

    def _of(self, alternatives: list[Alternative], notes: list[str]) -> Value:
        key = frozenset(map(frozenset, alternatives))
        value = self._by_atoms.get(key)
        if value is None:
            if len(self.values) >= MAX_VALUES:
                raise BudgetExceeded(f"the schema needs more than {MAX_VALUES} combinations of its parts")
            value = self._by_atoms[key] = Value(alternatives, notes)
            self.values.append(value)
        return value

    def _drain(self) -> None:
        while self._done < len(self.values):
            value = self.values[self._done]
            self._done += 1
            self._fill(value)

    def _check_overlaps(self) -> None:
        """oneOf is a union where no two branches share a value; anything else is refused."""
        overlaps = self.expander.overlaps
        checked = 0
        while checked < len(overlaps):
            choice, atoms, one, other = overlaps[checked]
            checked += 1
            why = "is enforced only where its branches exclude each other"
            error = Unsupported(f"the keyword 'oneOf' {why}", pointer=choice.pointer, keyword="oneOf")
            try:
                both = self._of(self.expander.alternatives((one, other), atoms), [])
                self._drain()
            except GrammarError as cause:
                raise error from cause
            settle(self.values)
            if both.possible:
                raise Unsupported(
                    f"the keyword 'oneOf' {why}; {one.pointer} and {other.pointer} have values in common",
                    pointer=choice.pointer,
                    keyword="oneOf",
                )

    def _fill(self, value: Value) -> None:
        for alternative in value.alternatives:
            types = ANY
            values: dict[Scalar, None] | None = None
            for atom in alternative:
                types &= atom.types
                if atom.values is not None:
                    values = atom.values if values is None else {v: None for v in values if v in atom.values}
            if values is not None:
                self._fill_scalars(value, alternative, types, values)
                continue
            if types & NULL:
                value.constants[b"null"] = None
            if types & BOOLEAN:
                value.constants[b"false"] = value.constants[b"true"] = None
            if types & NUMBER:
                numbers = self._numbers(alternative, types)
                if numbers.is_empty:
                    value.notes.append(_clash(alternative, NUMBER, "number"))
                else:
                    value.numbers[numbers] = None
            if types & STRING:
                strings = self._strings(alternative)
                if strings.is_empty:
                    value.notes.append(_clash(alternative, STRING, "string"))
                else:
                    value.strings[strings] = None
            if types & ARRAY:
                value.arrays.append(self._array(alternative, value.notes))
            if types & OBJECT:
                value.objects.append(self._object(alternative, value.notes))
        value.possible = value.has_scalars()

    def _fill_scalars(self, value: Value, atoms: Alternative, types: int, values: dict[Scalar, None]) -> None:
        values = {v: None for v in values if scalar_type(v) & types}
        kinds = {kind for kind, _ in values}
        found = False
        for kind, content in values:
            if kind in ("null", "boolean"):
                text = b"null" if kind == "null" else b"true" if content else b"false"
                value.constants[text] = None
                found = True
        if "number" in kinds:
            numbers = self._numbers(atoms, types)
            for kind, content in values:
                if kind == "number" and content in numbers:
                    value.numbers[numbers.only(content)] = None
                    found = True
        if "string" in kinds:
            strings = self._strings(atoms)
            chosen = tuple(content for kind, content in values if kind == "string" and content in strings)
            if chosen:
                value.strings[StringSet(values=chosen)] = None
                found = True
        if not found:
            value.notes.append(_clash(atoms, ANY, "value"))

    def _numbers(self, atoms: Alternative, types: int) -> NumberSet:
        numbers = _NUMBERS if types & NUMBER == NUMBER else _INTEGERS
        for atom in atoms:
            if atom.place.draft == 4 and atom.types & NUMBER == INTEGER:
                numbers = replace(numbers, whole=True)
            if not atom.concerns & NUMBER:
                continue
            schema = atom.schema
            low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
            high, below = schema.get("maximum"), schema.get("exclusiveMaximum")
            if low is not None:
                numbers = numbers.bounded_below(exact(low), above is True)
            if above is not None and not isinstance(above, bool):
                numbers = numbers.bounded_below(exact(above), True)
            if high is not None:
                numbers = numbers.bounded_above(exact(high), below is True)
            if below is not None and not isinstance(below, bool):
                numbers = numbers.bounded_above(exact(below), True)
            if "multipleOf" in schema:
                numbers = numbers.multiples(Fraction(exact(schema["multipleOf"])))
        return numbers

    def _strings(self, atoms: Alternative) -> StringSet:
        patterns: dict[str, None] = {}
        names: dict[str, None] = {}
        minimum, maximum = 0, None
        for atom in _concerned(atoms, STRING):
            schema = atom.schema
            minimum = max(minimum, int(schema.get("minLength", 0)))
            maximum = _least(maximum, schema.get("maxLength"))
            if "pattern" in schema:
                check_pattern(schema["pattern"], f"{atom.place.pointer}/pattern", "pattern")
                patterns[schema["pattern"]] = None
            if "format" in schema and self._knows_format(atom, schema["format"]):
                names[schema["format"]] = None
        if not patterns and not names and not minimum and maximum is None:
            return _STRINGS
        return StringSet(tuple(sorted(patterns)), tuple(sorted(names)), minimum, maximum)

    def _knows_format(self, atom: Atom, name: str) -> bool:
        if name in formats.NAMES:
            return True
        if formats.is_refused(name, atom.place.draft):
            raise refusal("format", atom.place.pointer, f"with the value {name!r} is not enforced yet")
        if self.strict_formats:
            raise refusal("format", atom.place.pointer, f"has the unknown value {name!r}")
        pointer = f"{atom.place.pointer}/format"
        if pointer not in self._ignored:
            self._ignored.add(pointer)
            self.document.ignored.append(pointer)
        return False

    def _array(self, atoms: Alternative, notes: list[str]) -> ArrayPlan:
        minimum, maximum = 0, None
        columns: list[tuple[list[Place], Place | None]] = []
        for atom in _concerned(atoms, ARRAY):
            schema = atom.schema
            minimum = max(minimum, int(schema.get("minItems", 0)))
            maximum = _least(maximum, schema.get("maxItems"))
            columns.append(self._items(atom))
        length = max((len(prefix) for prefix, _ in columns), default=0)
        if maximum is not None:
            length = min(length, maximum)
            if minimum > maximum:
                notes.append(_clash(atoms, ARRAY, "array"))
        prefix = []
        for i in range(length):
            at = [part[i] if i < len(part) else rest for part, rest in columns]
            prefix.append(self.value(tuple(p for p in at if p is not None)))
        return ArrayPlan(prefix, self.value(tuple(rest for _, rest in columns if rest is not None)), minimum, maximum)

    def _items(self, atom: Atom) -> tuple[list[Place], Place | None]:
        """The schemas of the first items, and that of all others."""
        place, schema = atom.place, atom.schema
        name, rest_name = "prefixItems", "items"
        if isinstance(schema.get("items"), list):
            name, rest_name = "items", "additionalItems"
        child = self.document.child
        prefix = [child(place, s, name, str(i)) for i, s in enumerate(schema.get(name, ()))]
        if rest_name not in schema:
            return prefix, None
        return prefix, child(place, schema[rest_name], rest_name)

    def _object(self, atoms: Alternative, notes: list[str]) -> ObjectPlan:
        atoms = tuple(_concerned(atoms, OBJECT))
        names: dict[str, bool] = {}
        patterned: list[tuple[Atom, str, Place]] = []
        minimum, maximum = 0, None
        key_places: list[Place] = []
        child = self.document.child
        for atom in atoms:
            schema = atom.schema
            for name in schema.get("properties", ()):
                names.setdefault(name, False)
            for pattern, below in schema.get("patternProperties", {}).items():
                check_pattern(pattern, f"{atom.place.pointer}/patternProperties/{escape(pattern)}", "patternProperties")
                patterned.append((atom, pattern, child(atom.place, below, "patternProperties", escape(pattern))))
            if "propertyNames" in schema:
                key_places.append(child(atom.place, schema["propertyNames"], "propertyNames"))
            minimum = max(minimum, int(schema.get("minProperties", 0)))
            maximum = _least(maximum, schema.get("maxProperties"))
        for atom in atoms:
            for name in atom.schema.get("required", ()):
                names[name] = True
        keys = self._key_strings(key_places)
        members = []
        for name, required in names.items():
            value = self._member(atoms, patterned, name)
            if keys is not None and not any(name in strings for strings in keys):
                value = self._nothing(f"propertyNames forbids {name!r}")
            members.append(Member(name, value, required))
        if maximum is not None and maximum < max(minimum, sum(names.values())):
            notes.append(_clash(atoms, OBJECT, "object"))
        extra = self._extra(atoms, patterned, frozenset(names), keys)
        if extra and minimum - sum(names.values()) > 1:
            for atom in atoms:
                if "minProperties" in atom.schema:
                    why = "is enforced only where properties of any name count for at most one of them"
                    raise refusal("minProperties", atom.place.pointer, why)
        return ObjectPlan(members, extra, minimum, maximum)

    def _member(self, atoms: Alternative, patterned: list[tuple[Atom, str, Place]], name: str) -> Value:
        places = []
        child = self.document.child
        for atom in atoms:
            schema = atom.schema
            properties = schema.get("properties", ())
            free = name not in properties
            if not free:
                places.append(child(atom.place, properties[name], "properties", escape(name)))
            for owner, pattern, place in patterned:
                if owner is atom and pattern_matches(pattern, name):
                    places.append(place)
                    free = False
            if free and "additionalProperties" in schema:
                places.append(child(atom.place, schema["additionalProperties"], "additionalProperties"))
        return self.value(tuple(places))

    def _extra(
        self,
        atoms: Alternative,
        patterned: list[tuple[Atom, str, Place]],
        names: frozenset[str],
        keys: tuple[StringSet, ...] | None,
    ) -> list[tuple[KeySet, Value]]:
        """The key classes outside `names`: every combination of patterns that some key matches, with its value."""
        patterns = tuple(dict.fromkeys(pattern for _, pattern, _ in patterned))
        extra = []
        for matched, key_set in key_classes(names, patterns, keys):
            places = []
            for atom in atoms:
                hits = [place for owner, pattern, place in patterned if owner is atom and pattern in matched]
                places += hits
                if not hits and "additionalProperties" in atom.schema:
                    below = atom.schema["additionalProperties"]
                    places.append(self.document.child(atom.place, below, "additionalProperties"))
            if all(place.schema is not False for place in places):
                extra.append((key_set, self.value(tuple(places))))
        return extra

    def _key_strings(self, places: list[Place]) -> tuple[StringSet, ...] | None:
        """What propertyNames allows; None: everything."""
        if not places:
            return None
        value = self.value(tuple(places))
        probe = Value(value.alternatives, [])
        self._fill(probe)
        strings = tuple(probe.strings)
        return None if _STRINGS in strings else strings

    def _nothing(self, note: str) -> Value:
        value = Value([], [note])
        self.values.append(value)
        return value


_NUMBERS = NumberSet()
_INTEGERS = NumberSet(step=Fraction(1))
_STRINGS = StringSet()


def _concerned(atoms: Alternative, bits: int) -> Iterator[Atom]:
    """The atoms that constrain a type; refuses what is not enforced there."""
    for atom in atoms:
        if atom.concerns & bits:
            for concerns, name in atom.refused:
                if concerns & bits:
                    raise refusal(name, atom.place.pointer)
            yield atom


def _least(a: int | None, b: Any) -> int | None:
    if b is None:
        return a
    return int(b) if a is None else min(a, int(b))


def _clash(atoms: Alternative, bits: int, what: str) -> str:
    places = [atom.place.pointer or "/" for atom in atoms if atom.concerns & bits or atom.values is not None]
    return f"no {what} satisfies {' and '.join(dict.fromkeys(places))}"
