"""From conjunctions of schemas to plans: the assertions of all atoms of an alternative, put together type by type.

Works from a list of values still to do, so that recursive schemas end; equal conjunctions are one value.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from ..errors import BudgetExceeded, GrammarError, Unsupported
from . import formats
from .arrays import check_unique, gather_array
from .atom import Atom, Choice, Counted, Scalar, exact, refusal, scalar_type
from .conjunction import Alternative, Expander, clash, concerned, count, least
from .document import Document, Place, escape
from .keywords import ANY, ARRAY, BOOLEAN, INTEGER, NULL, NUMBER, OBJECT, STRING
from .negation import Negator
from .numbers import NumberSet
from .objects import gather_objects
from .plan import Value, settle
from .strings import StringSet, check_pattern

MAX_VALUES = 50_000


class Gatherer:
    """Makes the plan of a document. `values` are all values made so far."""

    def __init__(self, document: Document, unknown_formats: str) -> None:
        """`unknown_formats`: "annotation", "refuse", or "none" where no format asserts anything."""
        self.document = document
        self.expander = Expander(document, Negator(self))
        self.formats = unknown_formats
        self.values: list[Value] = []
        self._by_places: dict[tuple[Place, ...], Value] = {}
        self._by_atoms: dict[frozenset[frozenset[Atom]], Value] = {}
        self._done = 0
        self._ignored: set[str] = set()

    def plan(self) -> Value | None:
        """The value of the whole document, settled. Raises what is wrong or refused anywhere in reach.

        None: some branches of a oneOf turned out to overlap, which is noted in the document, or another document with
        unevaluated keywords has been read; plan it anew.
        """
        root = self.value((self.document.root,))
        self._drain()
        settle(self.values)
        if self._find_overlaps() or self.is_late:
            return None
        for value in self.values:
            for array in value.arrays:
                check_unique(array)
        return root

    @property
    def is_late(self) -> bool:
        """Whether planning went on without heed of the unevaluated keywords of a document that was read later."""
        return self.document.unevaluated and not self.expander.evaluation.used

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
            self.document.check_time()
            self.fill(value)

    def _find_overlaps(self) -> bool:
        """Whether branches of a oneOf, thought to exclude each other, have values in common; notes which."""
        overlaps = self.expander.overlaps
        found: list[tuple[Choice, int, int, Value]] = []
        while len(found) < len(overlaps):  # looking into some may find others
            choice, atoms, i, j = overlaps[len(found)]
            try:
                both = self._of(self.expander.alternatives((choice.branches[i], choice.branches[j]), atoms), [])
                self._drain()
            except GrammarError as cause:
                why = f"cannot be decided for {choice.branches[i].pointer} and {choice.branches[j].pointer}"
                raise Unsupported(f"oneOf {why}: {cause}", pointer=choice.pointer, keyword="oneOf") from cause
            found.append((choice, i, j, both))
        settle(self.values)
        for choice, i, j, both in found:
            if both.possible:
                choice.overlapping.add((i, j))
        return any(both.possible for *_, both in found)

    def fill(self, value: Value) -> None:
        """Work out what a value allows, type by type; its parts are left for later."""
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
                numbers = self.numbers(alternative, types)
                if numbers.is_empty:
                    value.notes.append(clash(alternative, NUMBER, "number"))
                else:
                    value.numbers[numbers] = None
            if types & STRING:
                strings = self.strings(alternative)
                if strings.is_empty:
                    value.notes.append(clash(alternative, STRING, "string"))
                else:
                    value.strings[strings] = None
            if types & ARRAY:
                value.arrays.append(gather_array(self, alternative, value.notes))
            if types & OBJECT:
                value.objects += gather_objects(self, alternative, value.notes)
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
            numbers = self.numbers(atoms, types)
            for kind, content in values:
                if kind == "number" and content in numbers:
                    value.numbers[numbers.only(content)] = None
                    found = True
        if "string" in kinds:
            strings = self.strings(atoms)
            chosen = strings.among(content for kind, content in values if kind == "string")
            if chosen:
                value.strings[StringSet(values=chosen)] = None
                found = True
        if not found:
            value.notes.append(clash(atoms, ANY, "value"))

    def numbers(self, atoms: Alternative, types: int) -> NumberSet:
        """The numbers of the given types that satisfy the atoms."""
        numbers = {NUMBER: _NUMBERS, INTEGER: _INTEGERS}.get(types & NUMBER, _FRACTIONS)
        for atom in atoms:
            if atom.place.draft == 4 and atom.types & NUMBER == INTEGER:
                numbers = replace(numbers, whole=True)
            if not atom.concerns & NUMBER:
                continue
            schema = atom.schema
            if "!numbers" in schema:
                numbers = numbers.intersect(schema["!numbers"])
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

    def strings(self, atoms: Alternative) -> StringSet:
        """The strings that satisfy the atoms."""
        patterns: dict[str, None] = {}
        names: dict[str, None] = {}
        excluded: dict[StringSet, None] = {}
        minimum, maximum = 0, None
        for atom in concerned(atoms, STRING):
            schema = atom.schema
            minimum = max(minimum, count(schema.get("minLength", 0)))
            maximum = least(maximum, schema.get("maxLength"))
            if "!strings" in schema:
                excluded[schema["!strings"]] = None
            if "pattern" in schema:
                check_pattern(schema["pattern"], f"{atom.place.pointer}/pattern", "pattern")
                patterns[schema["pattern"]] = None
            if "format" in schema and self._knows_format(atom, schema["format"]):
                names[schema["format"]] = None
        if not patterns and not names and not minimum and maximum is None and not excluded:
            return _STRINGS
        return StringSet(tuple(sorted(patterns)), tuple(sorted(names)), minimum, maximum, None, tuple(excluded))

    def _knows_format(self, atom: Atom, name: str) -> bool:
        if self.formats != "none" and formats.is_known(name, atom.place.draft):
            return True
        if self.formats == "refuse":
            raise refusal("format", atom.place.pointer, f"has the unknown value {name!r}")
        pointer = f"{atom.place.pointer}/format"
        if pointer not in self._ignored:
            self._ignored.add(pointer)
            self.document.ignored.append(pointer)
        return False

    def contains(self, atom: Atom) -> Counted:
        """What contains, minContains and maxContains of an atom ask for."""
        schema, place = atom.schema, atom.place
        inner = self.document.child(place, schema["contains"], "contains")
        if place.draft in (4, 6, 7):
            return Counted(place.pointer, 0, inner, 1, None)
        most = schema.get("maxContains")
        return Counted(place.pointer, 0, inner, count(schema.get("minContains", 1)), least(None, most))

    def items(self, atom: Atom) -> tuple[list[Place], Place | None]:
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

    def properties(self, atom: Atom) -> list[tuple[str, Place]]:
        """The named properties of an atom and where their schemas are."""
        below = atom.schema.get("properties", {})
        return [(name, self.document.child(atom.place, s, "properties", escape(name))) for name, s in below.items()]

    def nothing(self, note: str) -> Value:
        """A value that is impossible for the given reason."""
        value = Value([], [note])
        self.values.append(value)
        return value


_NUMBERS = NumberSet()
_INTEGERS = NumberSet(step=Fraction(1))
_FRACTIONS = NumberSet(unless=(Fraction(1),))
_STRINGS = StringSet()


def plan(document: Document, unknown_formats: str) -> Value:
    """The settled value of a document."""
    while True:  # ends: each round knows more overlapping branches, or is the first that heeds unevaluated keywords
        gatherer = Gatherer(document, unknown_formats)
        try:
            value = gatherer.plan()
        except GrammarError:
            if not gatherer.is_late:
                raise
            continue
        if value is not None:
            return value
