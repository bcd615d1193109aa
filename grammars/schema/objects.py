"""Objects of a conjunction: the named members in order, and the classes of all other keys with what they allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .atom import Atom, refusal
from .conjunction import Alternative, clash, concerned, count, least
from .document import Place, escape
from .keys import key_classes
from .keywords import OBJECT
from .plan import KeySet, Member, ObjectPlan, Value
from .strings import StringSet, check_pattern, pattern_matches

if TYPE_CHECKING:
    from .gather import Gatherer


def gather_object(gatherer: Gatherer, atoms: Alternative, notes: list[str]) -> ObjectPlan:
    """The objects that satisfy all atoms."""
    atoms = tuple(concerned(atoms, OBJECT))
    names: dict[str, bool] = {}
    patterned: list[tuple[Atom, str, Place]] = []
    minimum, maximum = 0, None
    key_places: list[Place] = []
    child = gatherer.document.child
    for atom in atoms:
        schema = atom.schema
        for name in schema.get("properties", ()):
            names.setdefault(name, False)
        for pattern, below in schema.get("patternProperties", {}).items():
            check_pattern(pattern, f"{atom.place.pointer}/patternProperties/{escape(pattern)}", "patternProperties")
            patterned.append((atom, pattern, child(atom.place, below, "patternProperties", escape(pattern))))
        if "propertyNames" in schema:
            key_places.append(child(atom.place, schema["propertyNames"], "propertyNames"))
        minimum = max(minimum, count(schema.get("minProperties", 0)))
        maximum = least(maximum, schema.get("maxProperties"))
    for atom in atoms:
        for name in atom.schema.get("required", ()):
            names[name] = True
    keys = _key_strings(gatherer, key_places)
    members = []
    for name, required in names.items():
        value = _member(gatherer, atoms, patterned, name)
        if keys is not None and not any(name in strings for strings in keys):
            value = gatherer.nothing(f"propertyNames forbids {name!r}")
        members.append(Member(name, value, required))
    if maximum is not None and maximum < max(minimum, sum(names.values())):
        notes.append(clash(atoms, OBJECT, "object"))
    extra = _extra(gatherer, atoms, patterned, frozenset(names), keys)
    if extra and minimum - sum(names.values()) > 1:
        for atom in atoms:
            if "minProperties" in atom.schema:
                why = "is enforced only where properties of any name count for at most one of them"
                raise refusal("minProperties", atom.place.pointer, why)
    return ObjectPlan(members, extra, minimum, maximum)


def _member(gatherer: Gatherer, atoms: Alternative, patterned: list[tuple[Atom, str, Place]], name: str) -> Value:
    places = []
    child = gatherer.document.child
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
    return gatherer.value(tuple(places))


def _extra(
    gatherer: Gatherer,
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
                places.append(gatherer.document.child(atom.place, below, "additionalProperties"))
        if all(place.schema is not False for place in places):
            extra.append((key_set, gatherer.value(tuple(places))))
    return extra


def _key_strings(gatherer: Gatherer, places: list[Place]) -> tuple[StringSet, ...] | None:
    """What propertyNames allows; None: everything."""
    if not places:
        return None
    value = gatherer.value(tuple(places))
    probe = Value(value.alternatives, [])
    gatherer.fill(probe)
    strings = tuple(probe.strings)
    return None if StringSet() in strings else strings
