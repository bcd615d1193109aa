"""Arrays of a conjunction: the schemas of the items by position, and which of them are counted by `contains`.

Implements the array keywords of JSON Schema (2020-12 validation, section 6.4, and core, section 10.3.1) for all atoms
of an alternative together.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from ..errors import BudgetExceeded
from .atom import Counted, refusal
from .conjunction import Alternative, clash, concerned, count, least
from .document import Place
from .keywords import ARRAY
from .plan import MAX_GRID, ArrayPlan, Hits, Way
from .scalars import constant_of_plan, number_of_values

if TYPE_CHECKING:
    from .gather import Gatherer


def gather_array(gatherer: Gatherer, atoms: Alternative, notes: list[str]) -> ArrayPlan:
    """The arrays that satisfy all atoms."""
    minimum, maximum = 0, None
    columns: list[tuple[list[Place], Place | None]] = []
    asked: list[Counted] = []
    unique: str | None = None
    for atom in concerned(atoms, ARRAY):
        schema = atom.schema
        minimum = max(minimum, count(schema.get("minItems", 0)))
        maximum = least(maximum, schema.get("maxItems"))
        columns.append(gatherer.items(atom))
        if schema.get("uniqueItems"):
            unique = atom.place.pointer
        if "!counted" in schema:
            asked.append(schema["!counted"])
        elif "contains" in schema:
            asked.append(gatherer.contains(atom))
    counted = _merged(asked)
    length = max((len(prefix) for prefix, _ in columns), default=0)
    length = max([length, *(one.start for one in counted)])
    if maximum is not None:
        length = min(length, maximum)
        if minimum > maximum:
            notes.append(clash(atoms, ARRAY, "array"))
    places: list[tuple[Place, ...]] = []
    for i in range(length + 1):
        at = [part[i] if i < len(part) else rest for part, rest in columns]
        places.append(tuple(p for p in at if p is not None))
    if not counted:
        values = [gatherer.value(p) for p in places]
        return ArrayPlan(values[:-1], values[-1], minimum, maximum, None, unique)
    if unique is not None and (maximum is None or maximum > 1):
        raise refusal("uniqueItems", unique, "is not enforced together with contains")
    return _counted_array(gatherer, places, minimum, maximum, counted)


def check_unique(plan: ArrayPlan) -> None:
    """Refuse what is not enforced of uniqueItems, once it is known what the items may be."""
    if plan.unique is None or (plan.maximum is not None and plan.maximum < 2) or not plan.possible():
        return
    values = [*plan.prefix, plan.rest]
    composite = [p for value in values if value.possible for p in value.plans() if p.possible()]
    if composite and (plan.prefix or any(constant_of_plan(p) is None for p in composite)):
        why = "is enforced only for items that are scalars, or constants without prefixItems"
        raise refusal("uniqueItems", plan.unique, why)
    needed = values[: plan.minimum] if plan.prefix and plan.minimum > 1 else []
    if any(number_of_values(value) is not None for value in needed):
        raise refusal("uniqueItems", plan.unique, "is not enforced where few values are left to required items")


def _merged(asked: list[Counted]) -> list[Counted]:
    """One entry for each schema that is counted from the same position on; those that ask for nothing left out."""
    merged: dict[tuple[int, Place], Counted] = {}
    for one in asked:
        key = (one.start, one.place)
        known = merged.get(key)
        if known is not None:
            fewest = max(known.minimum, one.minimum)
            one = known._replace(minimum=fewest, maximum=least(known.maximum, one.maximum))
        merged[key] = one
    return [one for one in merged.values() if one.minimum or one.maximum is not None]


def _counted_array(
    gatherer: Gatherer,
    places: list[tuple[Place, ...]],
    minimum: int,
    maximum: int | None,
    counted: list[Counted],
) -> ArrayPlan:
    """An array with counted items; `places` are the schemas of the items, the last for all others."""
    size = nodes = max(len(places), minimum if maximum is None else maximum)
    for one in counted:
        most = one.minimum if one.maximum is None else one.maximum
        nodes *= 1 + (most if maximum is None else min(most, size))
        if one.maximum is not None and one.minimum > one.maximum:
            nothing = gatherer.nothing(f"{one.pointer}/minContains is above maxContains")
            return ArrayPlan([nothing], nothing, 1, maximum)
    if nodes << (len(counted) - 1) > MAX_GRID:
        raise BudgetExceeded("contains with these numbers of items is too large", keyword="contains")
    ways = [_ways(gatherer, at, i, counted) for i, at in enumerate(places)]
    values = [gatherer.value(at) for at in places]
    hits = Hits(ways[:-1], ways[-1], [(one.minimum, one.maximum) for one in counted])
    return ArrayPlan(values[:-1], values[-1], minimum, maximum, hits)


def _ways(gatherer: Gatherer, at: tuple[Place, ...], i: int, counted: list[Counted]) -> list[Way]:
    """What item i may be, by which of the counted schemas it satisfies. Where hits have no upper bound it does no harm
    that an uncounted item satisfies the schema too."""
    ways = []
    for hit in product((False, True), repeat=len(counted)):
        parts = list(at)
        for one, yes in zip(counted, hit, strict=True):
            if i < one.start:
                continue
            if yes:
                parts.append(one.place)
            elif one.maximum is not None:
                parts.append(gatherer.document.opposite(one.place))
        if not any(yes and i < one.start for one, yes in zip(counted, hit, strict=True)):
            ways.append(Way(gatherer.value(tuple(parts)), hit))
    return ways
