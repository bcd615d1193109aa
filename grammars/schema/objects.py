"""Objects of a conjunction: the named members in order, and the classes of all other keys with what they allow.

A complement may ask for some property whose key is in a class and whose value satisfies a schema (a `Need`). It is one
of the named members, in a plan of its own, or any other one.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from ..errors import BudgetExceeded, Unsupported
from .atom import Atom
from .conjunction import Alternative, clash, concerned, count, least
from .document import Place, escape
from .keys import Need, key_classes, listed
from .keywords import OBJECT
from .plan import Extra, Member, ObjectPlan, Value
from .strings import StringSet, check_pattern, pattern_matches

if TYPE_CHECKING:
    from .gather import Gatherer

MAX_PLANS, MAX_NEEDS, MAX_LISTED = 64, 4, 64

Patterned = list[tuple[Atom, str, Place]]


def gather_objects(gatherer: Gatherer, atoms: Alternative, notes: list[str]) -> list[ObjectPlan]:
    """The objects that satisfy all atoms."""
    atoms = tuple(concerned(atoms, OBJECT))
    names: dict[str, bool] = {}
    patterned: Patterned = []
    minimum, maximum = 0, None
    key_places: list[Place] = []
    needs: dict[Need, None] = {}
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
        if "!some" in schema:
            needs[schema["!some"]] = None
        minimum = max(minimum, count(schema.get("minProperties", 0)))
        maximum = least(maximum, schema.get("maxProperties"))
    for atom in atoms:
        for name in atom.schema.get("required", ()):
            names[name] = True
    keys = key_strings(gatherer, key_places)
    if maximum is not None and maximum < max(minimum, sum(names.values())):
        notes.append(clash(atoms, OBJECT, "object"))
    gathering = _Gathering(gatherer, atoms, patterned, names, keys, minimum, maximum)
    if needs:
        return gathering.with_needs(list(needs))
    if minimum - sum(names.values()) > 1:  # so many different keys there must be: few are named one by one
        for _, _, key_set in key_classes(frozenset(names), gathering.patterns, keys):
            if key_set.automaton is not None and (texts := listed(key_set.automaton, MAX_LISTED)) is not None:
                names |= dict.fromkeys(texts, False)
    return [gathering.plan({}, [])]


class _Gathering:
    """What the atoms say together."""

    def __init__(
        self,
        gatherer: Gatherer,
        atoms: Alternative,
        patterned: Patterned,
        names: dict[str, bool],
        keys: tuple[StringSet, ...] | None,
        minimum: int,
        maximum: int | None,
    ) -> None:
        self.gatherer = gatherer
        self.atoms = atoms
        self.patterned = patterned
        self.patterns = tuple(dict.fromkeys(pattern for _, pattern, _ in patterned))
        self.names = names
        self.keys = keys
        self.minimum = minimum
        self.maximum = maximum

    def with_needs(self, needs: list[Need]) -> list[ObjectPlan]:
        """A plan for each way to meet the needs: by named members, or by others."""
        for need in needs:  # classes of few keys are named one by one
            texts = listed(need.keys.automaton(), MAX_LISTED)
            if texts is not None:
                self.names |= dict.fromkeys((t for t in texts if t not in self.names), False)
        ways: list[list[str | None]] = []
        others = bool(self._extra([]))
        for need in needs:
            machine = need.keys.automaton()
            way: list[str | None] = [name for name in self.names if machine.matches(name)]
            if others and listed(machine, MAX_LISTED) is None:
                way.append(None)
            ways.append(way)
        total = 1
        for way in ways:
            total *= len(way)
        if total > MAX_PLANS:
            raise BudgetExceeded("too many ways to violate what properties must be", pointer=needs[0].pointer)
        plans = []
        for choice in product(*ways):
            chosen: dict[str, list[Need]] = {}
            for name, need in zip(choice, needs, strict=True):
                if name is not None:
                    chosen.setdefault(name, []).append(need)
            plans.append(self.plan(chosen, [n for name, n in zip(choice, needs, strict=True) if name is None]))
        return plans

    def plan(self, chosen: dict[str, list[Need]], needs: list[Need]) -> ObjectPlan:
        """The plan where named members meet the chosen needs, and others the rest of them."""
        if len(needs) > MAX_NEEDS:
            message = f"complements that ask for some property are not enforced more than {MAX_NEEDS} times at once"
            raise Unsupported(message, pointer=needs[0].pointer, keyword="not")
        members = []
        for name, required in self.names.items():
            asked = chosen.get(name, [])
            if self.keys is not None and not any(name in strings for strings in self.keys):
                value = self.gatherer.nothing(f"propertyNames forbids {name!r}")
            else:
                value = self._member(name, [need.place for need in asked])
            members.append(Member(name, value, required or bool(asked)))
        return ObjectPlan(members, self._extra(needs), self.minimum, self.maximum, len(needs))

    def _member(self, name: str, places: list[Place]) -> Value:
        places = list(places)
        child = self.gatherer.document.child
        for atom in self.atoms:
            schema = atom.schema
            properties = schema.get("properties", ())
            free = name not in properties
            if not free:
                places.append(child(atom.place, properties[name], "properties", escape(name)))
            for owner, pattern, place in self.patterned:
                if owner is atom and pattern_matches(pattern, name):
                    places.append(place)
                    free = False
            if free and "additionalProperties" in schema:
                places.append(child(atom.place, schema["additionalProperties"], "additionalProperties"))
        return self.gatherer.value(tuple(places))

    def _extra(self, needs: list[Need]) -> list[Extra]:
        """The key classes outside the names: every combination of patterns and needs that some key is in."""
        names = frozenset(self.names)
        extra = []
        for matched, met, key_set in key_classes(names, self.patterns, self.keys, tuple(n.keys for n in needs)):
            places = []
            for atom in self.atoms:
                hits = [place for owner, pattern, place in self.patterned if owner is atom and pattern in matched]
                places += hits
                if not hits and "additionalProperties" in atom.schema:
                    below = atom.schema["additionalProperties"]
                    places.append(self.gatherer.document.child(atom.place, below, "additionalProperties"))
            if any(place.schema is False for place in places):
                continue
            for subset in range(1 << len(met)):
                chosen = [i for k, i in enumerate(met) if subset >> k & 1]
                value = self.gatherer.value((*places, *(needs[i].place for i in chosen)))
                extra.append(Extra(key_set, value, sum(1 << i for i in chosen)))
        return extra


def key_strings(gatherer: Gatherer, places: list[Place]) -> tuple[StringSet, ...] | None:
    """The strings that satisfy all the schemas (such as those of propertyNames); None: every string."""
    if not places:
        return None
    value = gatherer.value(tuple(places))
    probe = Value(value.alternatives, [])
    gatherer.fill(probe)
    strings = tuple(probe.strings)
    return None if StringSet() in strings else strings
