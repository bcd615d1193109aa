"""Conjunctions of schemas as alternatives of atoms: references, allOf, anyOf, oneOf and not resolved away.

A set of schemas that must all hold becomes a list of alternatives, each a tuple of atoms that must all hold: the
disjunctive normal form over atoms, with branches of contradicting types dropped early. Recursion through `$ref` stays
finite because atoms are shared by place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ..errors import BudgetExceeded, GrammarError
from .atom import Atom, Choice, Scalar, refusal
from .document import Document, Place, escape
from .keywords import ANY, ARRAY, OBJECT, shown
from .unevaluated import SILENT, Chosen, Evaluation

MAX_ALTERNATIVES = 2048
MAX_STEPS = 100_000
MAX_OVERLAPS = 10_000
MAX_COUNT = 1 << 31

Alternative = tuple[Atom, ...]


class Facts(NamedTuple):
    """What is plain to see about a schema: type bits, the only scalars, and the values of required properties."""

    types: int
    values: set[Scalar] | None
    tags: dict[str, set[Scalar]]

    def excludes(self, other: Facts) -> bool:
        """Whether nothing can satisfy both."""
        both = self.types & other.types
        if not both:
            return True
        if self.values is not None and other.values is not None and self.values.isdisjoint(other.values):
            return True
        return both == OBJECT and any(
            name in other.tags and tag.isdisjoint(other.tags[name]) for name, tag in self.tags.items()
        )


class _Search(NamedTuple):
    """What all branches of one search for alternatives share."""

    found: dict[frozenset[Atom], Alternative]
    notes: list[str]
    covered: dict[Place, int]  # places below unevaluated keywords, with the types these concern


class Expander:
    """Turns conjunctions of places into alternatives. `overlaps` collects what oneOf needs to be empty."""

    def __init__(self, document: Document, negate: Callable[[Place], list[Place]]) -> None:
        self.document = document
        self.negate = negate
        self.evaluation = Evaluation(document, self.atom)
        self.overlaps: list[tuple[Choice, Alternative, int, int]] = []
        self._checked: set[tuple[int, frozenset[Atom]]] = set()
        self._separated: dict[Choice, list[Place]] = {}
        self._plain: dict[tuple[Place, int], Facts] = {}
        self._steps = 0

    def atom(self, place: Place) -> Atom:
        """The atom of a place that holds a schema object."""
        atom: Atom | None = place.atom
        if atom is None:
            if not isinstance(place.schema, dict):
                raise GrammarError(
                    f"a schema must be an object or a boolean, not {shown(place.schema)}", pointer=place.pointer
                )
            atom = place.atom = Atom(place, self.document)
        return atom

    def alternatives(
        self, places: tuple[Place, ...], atoms: Alternative = (), notes: list[str] | None = None
    ) -> list[Alternative]:
        """The alternatives of all `places` and `atoms` together; what was dropped is said in `notes`."""
        covered = self.evaluation.covered(places)
        if len(places) == 1 and not atoms and not covered:
            schema = places[0].schema
            if schema is True:
                return [()]
            if schema is not False:
                atom = self.atom(places[0])
                if not atom.joins and not atom.choices:
                    return [()] if atom.plain else [(atom,)]
        search = _Search({}, [] if notes is None else notes, covered)
        nothing: frozenset[Place] = frozenset()
        types = ANY
        for atom in atoms:
            types &= atom.types
        self._expand([(place, nothing) for place in places], atoms, nothing, types, [], (), search)
        return _without_redundant(search.found) if covered else list(search.found.values())

    def _expand(
        self,
        pending: list[tuple[Place, frozenset[Place]]],
        atoms: Alternative,
        seen: frozenset[Place],
        types: int,
        choices: list[tuple[Choice, Place, frozenset[Place]]],
        chosen: Chosen,
        search: _Search,
    ) -> None:
        self._steps += 1
        if not self._steps & 63:
            self.document.check_time()
        if self._steps > MAX_STEPS:
            raise BudgetExceeded("the schema's combinations of anyOf, oneOf and enum are too many")
        pending = list(reversed(pending))
        choices = list(choices)
        while pending:
            place, path = pending.pop()
            if place.schema is True:
                continue
            if place.schema is False:
                search.notes.append(f"{place.pointer or '/'} is false")
                return
            if place in path:
                search.notes.append(f"{place.pointer or '/'} refers to itself without an end")
                return
            if place in seen:
                continue
            seen = seen | {place}
            atom = self.atom(place)
            if not types & atom.types:
                search.notes.append(f"{place.pointer or '/'}: the types exclude each other")
                return
            types &= atom.types
            if not atom.plain and atom not in atoms:
                if types == OBJECT and (name := _contradiction(atom, atoms)) is not None:
                    search.notes.append(f"{place.pointer or '/'}: the property {name!r} is required and forbidden")
                    return
                atoms = (*atoms, atom)
            below = self.evaluation.choices(atom, search.covered.get(place, 0) & types)
            if atom.joins or below:
                inner = path | {place}
                pending += [(join, inner) for join in reversed(atom.joins)]
                choices += [(choice, place, inner) for choice in below]
        if not choices:
            if search.covered:
                atoms = (*atoms, *map(self.atom, self.evaluation.demands(seen, chosen, types)))
            search.found.setdefault(frozenset(atoms), atoms)
            if len(search.found) > MAX_ALTERNATIVES:
                raise BudgetExceeded(f"more than {MAX_ALTERNATIVES} alternatives in one place of the schema")
            return
        (choice, owner, path), *rest = choices
        bits = search.covered.get(owner, 0) & types
        if bits and choice.keyword == "anyOf":
            for branches in self.evaluation.subsets(choice, bits, self._exclude):
                more = (*chosen, *((owner, branch) for branch in branches))
                self._expand([(branch, path) for branch in branches], atoms, seen, types, rest, more, search)
            return
        branches = choice.branches
        if choice.keyword == "oneOf":
            branches = self._exclusive(choice, atoms)
        elif choice.keyword == "not":
            branches = self.negate(branches[0])
        for branch in branches:
            more = chosen if not bits or choice.keyword in SILENT else (*chosen, (owner, branch))
            self._expand([(branch, path)], atoms, seen, types, rest, more, search)

    def _exclusive(self, choice: Choice, atoms: Alternative) -> list[Place]:
        """The branches of a oneOf, without what the others hold too; those not known to overlap are to be checked."""
        branches = choice.branches
        key = (id(choice), frozenset(atoms))
        if key not in self._checked:
            self._checked.add(key)
            types = ANY
            for atom in atoms:
                types &= atom.types
            facts = [self._facts(branch, types) for branch in branches]
            for i, one in enumerate(facts):
                for j in range(i + 1, len(facts)):
                    if (i, j) not in choice.overlapping and not one.excludes(facts[j]):
                        self.overlaps.append((choice, atoms, i, j))
                if len(self.overlaps) > MAX_OVERLAPS:
                    why = f"more than {MAX_OVERLAPS} pairs of branches of oneOf may overlap"
                    raise BudgetExceeded(why, pointer=choice.pointer, keyword="oneOf")
        if not choice.overlapping:
            return branches
        if choice not in self._separated:
            self._separated[choice] = [self._only(choice, i) for i in range(len(branches))]
        return self._separated[choice]

    def _exclude(self, one: Place, other: Place, bits: int) -> bool:
        """Whether it is plain to see that no value of the types can satisfy both."""
        for kind in (OBJECT, ARRAY):
            if bits & kind:
                for place in (one, other):
                    if (place, kind) not in self._plain:
                        self._plain[place, kind] = self._facts(place, kind)
                if not self._plain[one, kind].excludes(self._plain[other, kind]):
                    return False
        return True

    def _facts(self, place: Place, types: int) -> Facts:
        """What is plain to see about a schema: enough for most of the oneOf that are meant to exclude each other."""
        values: set[Scalar] | None = None
        required: set[str] = set()
        tags: dict[str, set[Scalar]] = {}
        stack, seen = [place], {place}
        while stack:
            here = stack.pop()
            if isinstance(here.schema, bool):
                continue
            atom = self.atom(here)
            types &= atom.types
            if atom.values is not None:
                values = set(atom.values)
            if atom.concerns & OBJECT:
                required.update(atom.schema.get("required", ()))
                for name, below in atom.schema.get("properties", {}).items():
                    if isinstance(below, dict) and ("const" in below or "enum" in below):
                        inner = self.atom(self.document.child(here, below, "properties", escape(name)))
                        if inner.values is not None and not inner.joins:
                            tags[name] = set(inner.values)
            for join in atom.joins:
                if join not in seen:
                    seen.add(join)
                    stack.append(join)
        return Facts(types, values, {name: tag for name, tag in tags.items() if name in required})

    def _only(self, choice: Choice, i: int) -> Place:
        """Branch i of a oneOf without the branches that overlap with it."""
        others = [choice.branches[a + b - i] for a, b in sorted(choice.overlapping) if i in (a, b)]
        parts = [choice.branches[i], *({"not": other} for other in others)]
        return self.document.invented({"allOf": parts}, choice.pointer)


def _without_redundant(found: dict[frozenset[Atom], Alternative]) -> list[Alternative]:
    """The alternatives besides those that ask for all that another one asks for, and for more."""
    kept: list[frozenset[Atom]] = []
    for atoms in sorted(found, key=len):
        if not any(less < atoms for less in kept):
            kept.append(atoms)
    still = set(kept)
    return [alternative for atoms, alternative in found.items() if atoms in still]


def _contradiction(atom: Atom, others: Alternative) -> str | None:
    """A property that the atom requires and one of the others forbids, or the other way round, if that is plain."""
    if atom.concerns & OBJECT:
        for other in others:
            if other.concerns & OBJECT:
                for one, two in ((atom, other), (other, atom)):
                    for name in one.schema.get("required", ()):
                        if _forbids(two.schema, name):
                            return str(name)
    return None


def _forbids(schema: dict[str, Any], name: str) -> bool:
    properties = schema.get("properties", {})
    if name in properties:
        return properties[name] is False
    return schema.get("additionalProperties") is False and not schema.get("patternProperties")


def concerned(atoms: Alternative, bits: int) -> Iterator[Atom]:
    """The atoms that constrain a type; refuses what is not enforced there."""
    for atom in atoms:
        if atom.concerns & bits:
            for concerns, name in atom.refused:
                if concerns & bits:
                    raise refusal(name, atom.place.pointer)
            yield atom


def least(a: int | None, b: Any) -> int | None:
    """The smaller of two upper bounds; None is no bound."""
    if b is None:
        return a
    return count(b) if a is None else min(a, count(b))


def count(value: Any) -> int:
    """A count given in a schema; beyond MAX_COUNT, where networks no longer count, all are one."""
    return min(int(value), MAX_COUNT)


def clash(atoms: Alternative, bits: int, what: str) -> str:
    """Says which places contradict each other about a type."""
    places = [atom.place.pointer or "/" for atom in atoms if atom.concerns & bits or atom.values is not None]
    return f"no {what} satisfies {' and '.join(dict.fromkeys(places))}"
