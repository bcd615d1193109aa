"""What values a schema allows, type by type: the finished form between conjunctions of schemas and the network.

Values refer to each other through arrays and objects and may be recursive. Which of them are possible at all is a least
fixed point, so a branch that could never be completed is never begun.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..regex import CharacterAutomaton
from .conjunction import Alternative
from .numbers import NumberSet
from .strings import StringSet


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


@dataclass(slots=True)
class ArrayPlan:
    """Arrays: values by position, then `rest` for all others; lengths from minimum to maximum (None: any)."""

    prefix: list[Value]
    rest: Value
    minimum: int
    maximum: int | None

    def possible(self) -> bool:
        """Whether there is such an array, as far as is known of its parts."""
        if self.maximum is not None and self.minimum > self.maximum:
            return False
        needed = self.prefix[: self.minimum]
        return all(v.possible for v in needed) and (self.minimum <= len(self.prefix) or self.rest.possible)

    def missing(self) -> list[tuple[str, Value]]:
        """What it needs and cannot have."""
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


@dataclass(slots=True)
class ObjectPlan:
    """Objects: the named members in order, then members whose keys are in one of the `extra` sets.

    minimum and maximum count members; beyond the named ones a minimum is at most one away.
    """

    members: list[Member]
    extra: list[tuple[KeySet, Value]]
    minimum: int
    maximum: int | None

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
        return self.minimum <= most or any(v.possible for _, v in self.extra)

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
