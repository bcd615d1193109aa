"""The scalars of a value all together: its strings, its numbers in a canonical spelling, and how many there are."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from ..regular import CharacterAutomaton
from .canonical import canonical_automaton
from .digits import Automaton
from .lengths import LISTED, lengths_of_numbers, lengths_of_strings
from .strings import automaton

if TYPE_CHECKING:
    from .plan import Value


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


def number_of_scalars(value: Value) -> int | None:
    """How many scalars a value has; None for LISTED or more."""
    lists = [sorted(map(len, value.constants)), lengths_of_strings(strings_of(value))]
    lists += [lengths_of_numbers(numbers) for _, numbers in numbers_of(value)]
    count = sum(map(len, lists))
    return None if count >= LISTED else count
