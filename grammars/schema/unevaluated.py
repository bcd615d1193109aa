"""Unevaluated properties and items: what is evaluated below a schema object, and what then holds for all others.

Implements `unevaluatedProperties` and `unevaluatedItems` (JSON Schema core 2020-12, section 11, and 2019-09, sections
9.3.1.3 and 9.3.2.4). Within one alternative of a conjunction it is known which schemas hold, so what they evaluate is
known as well, and either keyword becomes an invented schema of ordinary keywords. What is evaluated only ever lifts
demands, so alternatives that overlap are harmless where together they show all that can be evaluated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..errors import BudgetExceeded
from .atom import Atom, Choice
from .document import Document, Place
from .keywords import ARRAY, OBJECT

BITS = {"unevaluatedProperties": OBJECT, "unevaluatedItems": ARRAY}
TELLING = {  # keywords that evaluate something
    OBJECT: ("properties", "patternProperties", "additionalProperties"),
    ARRAY: ("prefixItems", "items", "additionalItems", "contains"),
}
MAX_SUBSETS = 2048
SILENT = ("not", "enum")  # choices whose branches evaluate nothing

Chosen = tuple[tuple[Place, Place], ...]  # places with the branches chosen for them


class Evaluation:
    """Knows what evaluates what. `used` is False where no keyword of this kind is in the documents read so far."""

    def __init__(self, document: Document, atom: Callable[[Place], Atom]) -> None:
        self.document = document
        self.atom = atom
        self.used = document.unevaluated
        self._covered: dict[Place, dict[Place, int]] = {}
        self._telling: dict[tuple[Place, int], bool] = {}
        self._subsets: dict[tuple[Choice, int], list[list[Place]]] = {}
        self._made: dict[tuple[Any, ...], Place] = {}

    def covered(self, places: tuple[Place, ...]) -> dict[Place, int]:
        """The places in reach that may come to stand below an unevaluated keyword, with the types it concerns."""
        if not self.used:
            return {}
        for place in places:
            if place not in self._covered:
                found: dict[Place, int] = {}
                self._covered[place] = found
                for above in self._reach(place, self._parts):
                    bits = sum(BITS[keyword] for keyword in self.asserted(above))
                    if bits:
                        for below in self._reach(above, self._evaluating):
                            found[below] = found.get(below, 0) | bits
        if len(places) == 1:
            return self._covered[places[0]]
        together: dict[Place, int] = {}
        for place in places:
            for below, bits in self._covered[place].items():
                together[below] = together.get(below, 0) | bits
        return together

    def choices(self, atom: Atom, bits: int) -> list[Choice]:
        """The choices of an atom; where evaluation matters also those that assert nothing."""
        more = [c for c in atom.notices if self.annotates(c.branches[0], bits)]
        return [*atom.choices, *more]

    def subsets(self, choice: Choice, bits: int, excludes: Callable[[Place, Place, int], bool]) -> list[list[Place]]:
        """The branches of an anyOf by what may hold at once, as far as it makes a difference to what is evaluated."""
        key = (choice, bits)
        sets = self._subsets.get(key)
        if sets is None:
            telling = [branch for branch in choice.branches if self.annotates(branch, bits)]
            sets = []
            for branch in telling:
                self.document.check_time()
                excluded = {other for other in telling if other is not branch and excludes(branch, other, bits)}
                sets += [[branch], *([*part, branch] for part in sets if excluded.isdisjoint(part))]
                if len(sets) > MAX_SUBSETS:
                    why = f"more than {MAX_SUBSETS} sets of branches may hold at once, and evaluate different things"
                    raise BudgetExceeded(f"anyOf: {why}", pointer=choice.pointer, keyword="anyOf")
            sets.sort(key=len)
            self._subsets[key] = sets = [[b] for b in choice.branches if b not in telling] + sets
        return sets

    def annotates(self, place: Place, bits: int) -> bool:
        """Whether a schema may evaluate parts of arrays or objects, as given by `bits`."""
        return any(self._tells(place, kind) for kind in TELLING if bits & kind)

    def _tells(self, place: Place, kind: int) -> bool:
        known = self._telling.get((place, kind))
        if known is not None:
            return known
        visited = []
        for below in self._reach(place, self._evaluating):
            visited.append(below)
            atom = self.atom(below)
            own = atom.concerns & kind and any(keyword in atom.schema for keyword in TELLING[kind])
            if own or self._telling.get((below, kind)) or any(BITS[keyword] == kind for keyword in atom.unevaluated):
                self._telling[place, kind] = True
                return True
        self._telling.update(((below, kind), False) for below in visited)
        return False

    def demands(self, places: frozenset[Place], chosen: Chosen, types: int) -> list[Place]:
        """What the unevaluated keywords of `places` come to when these all hold, with the branches chosen for them."""
        taken: dict[Place, list[Place]] = {}
        for owner, branch in chosen:
            taken.setdefault(owner, []).append(branch)

        def inner(atom: Atom) -> Iterator[Place]:
            yield from atom.joins
            yield from taken.get(atom.place, ())

        above = [place for place in places if any(BITS[k] & types for k in self.asserted(place))] if self.used else []
        made = []
        for place in sorted(above, key=lambda place: place.pointer):
            below = list(self._reach(place, inner))
            made += [self._demand(place, k, below) for k in self.asserted(place) if BITS[k] & types]
        return [demand for demand in made if demand is not None]

    def fixed(self, place: Place, keyword: str) -> list[Place] | None:
        """What an unevaluated keyword comes to; None where a choice below it may change what is evaluated."""
        below = list(self._reach(place, lambda atom: iter(atom.joins)))
        for one in below:
            for choice in (*self.atom(one).choices, *self.atom(one).notices):
                if choice.keyword not in SILENT and any(self.annotates(b, BITS[keyword]) for b in choice.branches):
                    return None
        demand = self._demand(place, keyword, below)
        return [] if demand is None else [demand]

    def asserted(self, place: Place) -> list[str]:
        """The unevaluated keywords at a place that assert something."""
        return [k for k, rest in self.atom(place).unevaluated.items() if rest.schema is not True and rest.schema != {}]

    def _demand(self, place: Place, keyword: str, below: list[Place]) -> Place | None:
        """The invented schema that an unevaluated keyword comes to; None where everything is evaluated."""
        atoms = [self.atom(one) for one in below]
        if any(keyword in atom.unevaluated and atom.place is not place for atom in atoms):
            return None
        atoms = [atom for atom in atoms if atom.concerns & BITS[keyword]]
        rest = self.atom(place).unevaluated[keyword]
        made = self._properties(atoms, rest) if BITS[keyword] == OBJECT else self._items(place, atoms, rest)
        if made is None:
            return None
        key, schema = made
        demand = self._made.get((rest, *key))
        if demand is None:
            demand = self._made[(rest, *key)] = self.document.invented(schema, place.pointer)
        return demand

    def _properties(self, atoms: list[Atom], rest: Place) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        names: set[str] = set()
        patterns: set[str] = set()
        for atom in atoms:
            if "additionalProperties" in atom.schema:
                return None
            names.update(atom.schema.get("properties", ()))
            patterns.update(atom.schema.get("patternProperties", ()))
        schema = {
            "properties": dict.fromkeys(sorted(names), True),
            "patternProperties": dict.fromkeys(sorted(patterns), True),
            "additionalProperties": rest,
        }
        return (frozenset(names), frozenset(patterns)), schema

    def _items(self, place: Place, atoms: list[Atom], rest: Place) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        length = 0
        hits: dict[Place, None] = {}
        for atom in atoms:
            listed = isinstance(atom.schema.get("items"), list)
            if ("additionalItems" if listed else "items") in atom.schema:
                return None
            length = max(length, len(atom.schema.get("items" if listed else "prefixItems", ())))
            # Only since 2020-12 an item is evaluated by satisfying `contains`.
            if "contains" in atom.schema and atom.place.draft == place.draft == 2020:
                hits[self.document.child(atom.place, atom.schema["contains"], "contains")] = None
        others: Any = {"anyOf": [*hits, rest]} if hits else rest
        schema: dict[str, Any] = {"items": others}
        if length:
            schema["prefixItems"] = [True] * length
        return (length, frozenset(hits)), schema

    def _reach(self, start: Place, inner: Callable[[Atom], Iterator[Place]]) -> Iterator[Place]:
        """The schema objects in reach of one, which is the first of them."""
        seen, stack = {start}, [start]
        while stack:
            place = stack.pop()
            if isinstance(place.schema, bool):
                continue
            yield place
            if not len(seen) & 63:
                self.document.check_time()
            for below in inner(self.atom(place)):
                if below not in seen:
                    seen.add(below)
                    stack.append(below)

    @staticmethod
    def _parts(atom: Atom) -> Iterator[Place]:
        """All schemas applied to the same value, those below `not` as well."""
        yield from atom.joins
        for choice in (*atom.choices, *atom.notices):
            yield from choice.branches

    @staticmethod
    def _evaluating(atom: Atom) -> Iterator[Place]:
        """The schemas applied to the same value whose evaluations count for this one."""
        yield from atom.joins
        for choice in (*atom.choices, *atom.notices):
            if choice.keyword not in SILENT:
                yield from choice.branches
