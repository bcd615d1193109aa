"""What values a schema allows, type by type: the finished form between conjunctions of schemas and the network.

Values refer to each other through arrays and objects and may be recursive. Which of them are possible at all is a least
fixed point, so a branch that could never be completed is never begun.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ..regular import CharacterAutomaton
from .conjunction import Alternative
from .numbers import NumberSet
from .scalars import number_of_values
from .strings import StringSet

MAX_GRID = 20_000  # nodes of one array or object whose items or members are counted


class Value:
    """The values that satisfy a conjunction: the union of scalars, arrays and objects listed here.

    Attributes:
        alternatives: the conjunctions of atoms that it was made from.
        constants: which of null, false, true (as JSON text) are allowed.
        numbers, strings: sets of scalars (ordered, without repetition).
        arrays, objects: plans.
        possible: whether there is any such value.
        notes: why branches were dropped, for the message when nothing is left.
    """

    __slots__ = ("alternatives", "arrays", "constants", "notes", "numbers", "objects", "possible", "strings")

    def __init__(self, alternatives: list[Alternative], notes: list[str]) -> None:
        self.alternatives = alternatives
        self.notes = notes
        self.constants: dict[bytes, None] = {}
        self.numbers: dict[NumberSet, None] = {}
        self.strings: dict[StringSet, None] = {}
        self.arrays: list[ArrayPlan] = []
        self.objects: list[ObjectPlan] = []
        self.possible = False

    def has_scalars(self) -> bool:
        """Whether some scalar is allowed."""
        return bool(self.constants or self.numbers or self.strings)

    def plans(self) -> list[ArrayPlan | ObjectPlan]:
        """All plans."""
        return [*self.objects, *self.arrays]


class Way(NamedTuple):
    """Values of an item, and for each of the counted schemas whether they count as hits of it."""

    value: Value
    hit: tuple[bool, ...]


@dataclass(slots=True)
class Hits:
    """Items that count: the ways of an item by position and for all others, and the bounds of each number of hits."""

    prefix: list[list[Way]]
    rest: list[Way]
    bounds: list[tuple[int, int | None]]


Counts = tuple[int, ...]  # items so far, then hits so far of each counted schema


@dataclass(slots=True)
class ArrayPlan:
    """Arrays: values by position, then `rest` for all others; lengths from minimum to maximum (None: any).

    With `hits`, an item is one of its ways instead, and the hits are counted. `unique`: the pointer of the schema that
    asks for different items, or None.
    """

    prefix: list[Value]
    rest: Value
    minimum: int
    maximum: int | None
    hits: Hits | None = None
    unique: str | None = None

    def begin(self) -> Counts:
        """The counts before the first item."""
        return (0,) * (1 + len(self.hits.bounds if self.hits is not None else ()))

    def grid(self) -> Iterator[tuple[Counts, Value, Counts]]:
        """The items of an array with hits, by counts: (before, value, after), all reachable ones.

        All counts stop where more makes no difference.
        """
        hits = self.hits
        assert hits is not None
        cap = max(len(self.prefix), self.minimum, 1) if self.maximum is None else self.maximum
        order = [self.begin()]
        seen = set(order)
        for before in order:
            items, *counts = before
            if self.maximum is not None and items >= self.maximum:
                continue
            for value, hit in hits.prefix[items] if items < len(self.prefix) else hits.rest:
                if not value.possible:
                    continue
                numbers = [number + yes for number, yes in zip(counts, hit, strict=True)]
                bounds = list(zip(numbers, hits.bounds, strict=True))
                if any(most is not None and number > most for number, (_, most) in bounds):
                    continue
                capped = [min(number, fewest) if most is None else number for number, (fewest, most) in bounds]
                after = (min(items + 1, cap), *capped)
                if after not in seen:
                    seen.add(after)
                    order.append(after)
                yield before, value, after

    def complete(self, counts: Counts) -> bool:
        """Whether an array with hits may end here."""
        if self.hits is None or counts[0] < self.minimum:
            return False
        return all(number >= fewest for number, (fewest, _) in zip(counts[1:], self.hits.bounds, strict=True))

    def possible(self) -> bool:
        """Whether there is such an array, as far as is known of its parts."""
        if self.maximum is not None and self.minimum > self.maximum:
            return False
        if self.hits is not None:
            return self.complete(self.begin()) or any(self.complete(after) for _, _, after in self.grid())
        needed = self.prefix[: self.minimum]
        if not all(v.possible for v in needed) or (self.minimum > len(self.prefix) and not self.rest.possible):
            return False
        if self.unique is None or self.minimum < 2 or self.prefix:
            return True
        count = number_of_values(self.rest)
        return count is None or self.minimum <= count

    def missing(self) -> list[tuple[str, Value]]:
        """What it needs and cannot have."""
        if self.hits is not None:
            for i, (fewest, _) in enumerate(self.hits.bounds):
                ways = [value for value, hit in self.hits.rest if hit[i]]
                if fewest and not any(value.possible for value in ways):
                    return [("contains", value) for value in ways[:1]]
            return []
        needed = [(f"item {i}", v) for i, v in enumerate(self.prefix[: self.minimum])]
        if self.minimum > len(self.prefix):
            needed.append((f"item {len(self.prefix)}", self.rest))
        return [(what, v) for what, v in needed if not v.possible]


@dataclass(slots=True)
class Member:
    """A property that the schema names."""

    name: str
    value: Value
    required: bool


@dataclass(frozen=True)
class KeySet:
    """Keys outside `excluded`; given by `automaton` (which leaves them out as well) where more is asked of them."""

    excluded: frozenset[str]
    automaton: CharacterAutomaton | None = None


class Extra(NamedTuple):
    """Members whose keys are in a set, with what they may be; `hits` are the needs they meet, as bits."""

    keys: KeySet
    value: Value
    hits: int = 0


@dataclass(slots=True)
class ObjectPlan:
    """Objects: the named members in order, then members whose keys are in one of the `extra` sets.

    minimum and maximum count members. `needs` is how many needs there are, each of which some extra member must meet.
    """

    members: list[Member]
    extra: list[Extra]
    minimum: int
    maximum: int | None
    needs: int = 0

    def counts_names(self) -> bool:
        """Whether it matters that the keys of extra members differ: JSON does not forbid to repeat one."""
        return bool(self.needs) or self.minimum - sum(m.required for m in self.members) > 1

    def possible(self) -> bool:
        """Whether there is such an object, as far as is known of its parts."""
        most = needed = 0
        for member in self.members:
            needed += member.required
            if member.value.possible:
                most += 1
            elif member.required:
                return False
        if self.maximum is not None and max(needed, self.minimum) > self.maximum:
            return False
        met = 0
        for other in self.extra:
            if other.value.possible:
                met |= other.hits | 1 << self.needs
        if met & ((1 << self.needs) - 1) != (1 << self.needs) - 1:
            return False
        return self.minimum <= most or bool(met)

    def missing(self) -> list[tuple[str, Value]]:
        """What it needs and cannot have."""
        return [(f"property {m.name!r}", m.value) for m in self.members if m.required and not m.value.possible]


def settle(values: Iterable[Value]) -> None:
    """Find out which values are possible: the least fixed point, `possible` of each value is set."""
    waiting = [v for v in values if not v.possible]
    while True:
        still = []
        for value in waiting:
            if value.has_scalars() or any(plan.possible() for plan in value.plans()):
                value.possible = True
            else:
                still.append(value)
        if len(still) == len(waiting):
            return
        waiting = still


def contradiction(value: Value, depth: int = 0) -> str:
    """Why an impossible value is impossible, in words."""
    for plan in value.plans():
        for what, part in plan.missing():
            if depth < 8 and part is not value:
                return f"{what}: {contradiction(part, depth + 1)}"
            return f"{what} can never be completed"
    return "; ".join(dict.fromkeys(value.notes)) or "nothing is left of it"
