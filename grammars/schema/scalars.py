"""The scalars of a value all together: its strings, its numbers in a canonical spelling, and how many there are; and
which arrays and objects are constants."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from ..regular import CharacterAutomaton
from .canonical import canonical_automaton
from .digits import Automaton
from .lengths import LISTED, lengths_of_numbers, lengths_of_strings
from .strings import automaton, members

if TYPE_CHECKING:
    from .plan import ArrayPlan, ObjectPlan, Value


def strings_of(value: Value) -> CharacterAutomaton:
    """All strings of a value."""
    machine = CharacterAutomaton.nothing()
    for strings in value.strings:
        machine = machine.union(automaton(strings))
    return machine


def numbers_of(value: Value) -> list[tuple[str, Automaton]]:
    """Canonical automata of the numbers of a value: of the whole ones, which may get a point, and of the others."""
    found = []
    one = Fraction(1)
    for numbers in value.numbers:
        if numbers.single is not None:
            whole = numbers.single == numbers.single.to_integral_value()
            found.append((("" if numbers.whole else "point") if whole else "more", canonical_automaton(numbers)))
            continue
        integers = numbers.multiples(one)
        if not integers.is_empty:
            found.append(("" if numbers.whole else "point", canonical_automaton(integers)))
        if numbers.step is None or numbers.step.denominator > 1:
            fractions = replace(numbers, unless=tuple(sorted({*numbers.unless, one})))
            if not fractions.is_empty:
                found.append(("more", canonical_automaton(fractions)))
    return found


def number_of_values(value: Value) -> int | None:
    """How many values there are, as far as arrays and objects are constants; None for LISTED or more."""
    lists = [sorted(map(len, value.constants)), lengths_of_strings(strings_of(value))]
    lists += [lengths_of_numbers(numbers) for _, numbers in numbers_of(value)]
    constants = {constant_of_plan(plan) for plan in value.plans() if plan.possible()}
    count = sum(map(len, lists)) + len(constants)
    return None if None in constants or count >= LISTED else count


def constant_of(value: Value) -> Hashable | None:
    """The only value that there is, such that equal ones are equal; None where there may be others."""
    plans = [plan for plan in value.plans() if plan.possible()]
    if len(value.constants) + len(value.numbers) + len(value.strings) + len(plans) != 1:
        return None
    if plans:
        return constant_of_plan(plans[0])
    if value.constants:
        return next(iter(value.constants))
    if value.numbers:
        single = next(iter(value.numbers)).single
        return None if single is None else Fraction(single)
    strings = next(iter(value.strings))
    texts = None if strings.values is None else members(strings)
    return texts[0] if texts is not None and len(texts) == 1 else None


def constant_of_plan(plan: ArrayPlan | ObjectPlan) -> Hashable | None:
    """The only array or object of a plan, likewise."""
    from .plan import ObjectPlan  # which needs this module

    return _constant_object(plan) if isinstance(plan, ObjectPlan) else _constant_array(plan)


def _constant_object(plan: ObjectPlan) -> Hashable | None:
    named = [member for member in plan.members if member.value.possible]
    if plan.needs or any(other.value.possible for other in plan.extra) or not all(m.required for m in named):
        return None
    parts = {(member.name, constant_of(member.value)) for member in named}
    return None if any(constant is None for _, constant in parts) else ("object", frozenset(parts))


def _constant_array(plan: ArrayPlan) -> Hashable | None:
    if plan.hits is not None or plan.maximum != plan.minimum or plan.minimum > len(plan.prefix):
        return None
    items = tuple(constant_of(value) for value in plan.prefix[: plan.minimum])
    return None if None in items else ("array", items)
