"""Automata over the plain spelling of non-negative decimal numbers between two bounds, exact and without rounding.

A number is compared with a bound digit by digit while it is read, so bounds may have any size. Plain spelling is
`0|[1-9][0-9]*` with an optional fraction (RFC 8259, section 6).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from math import lcm

from ..errors import BudgetExceeded
from .remainders import merged, scaled

MAX_STATES = 20_000
State = tuple[int, ...]


@dataclass(frozen=True)
class Automaton:
    """Automaton over ASCII: `edges` are (state, low byte, high byte, state); it starts in state 0."""

    size: int
    edges: tuple[tuple[int, int, int, int], ...]
    accepting: tuple[int, ...]


@dataclass(frozen=True)
class Magnitudes:
    """The absolute values low..high as digit strings; None: no upper bound."""

    low: Decimal
    low_open: bool
    high: Decimal | None
    high_open: bool


def _digits(value: Decimal) -> tuple[str, str]:
    """Digits before and after the point, without superfluous zeros."""
    whole, _, fraction = format(value, "f").partition(".")
    return whole.lstrip("0") or "0", fraction.rstrip("0")


def explore(start: State, step: Callable[[State, str], State | None], done: Callable[[State], bool]) -> Automaton:
    """The reachable part of an automaton given by its transition function, digits with equal targets merged."""
    names = {start: 0}
    order = [start]
    edges: list[tuple[int, int, int, int]] = []
    for state in order:
        run: tuple[int, int, int] | None = None  # low byte, high byte, target
        for character in "+-.0123456789Ee":
            target = step(state, character)
            if target is None:
                continue
            name = names.get(target)
            if name is None:
                name = names[target] = len(order)
                order.append(target)
                if len(order) > MAX_STATES:
                    raise BudgetExceeded("the numbers allowed here need too large an automaton")
            byte = ord(character)
            if run is not None and run[1] == byte - 1 and run[2] == name:
                run = (run[0], byte, name)
            else:
                if run is not None:
                    edges.append((names[state], *run))
                run = (byte, byte, name)
        if run is not None:
            edges.append((names[state], *run))
    return Automaton(len(order), tuple(edges), tuple(names[s] for s in order if done(s)))


def order_of(a: str, b: str) -> int:
    """-1, 0 or 1: how the digit a compares with the digit b."""
    return (a > b) - (a < b)


@lru_cache(maxsize=4096)
def plain(
    bounds: Magnitudes, step: Fraction | None, unless: tuple[Fraction, ...] = (), whole_only: bool = False
) -> Automaton:
    """Magnitudes without exponent: `0|[1-9][0-9]*`, then optionally a fraction.

    They are multiples of `step`, if there is one, and of none of `unless`. A state is (phase, digits so far, order to
    the low bound, order to the high bound, remainder). Phases: 0 nothing read, 1 a leading zero, 2 digits before the
    point, 3 just after the point, 4 digits after it. The remainder is -1 where a digit has come that no multiple has.
    """
    low_whole, low_fraction = _digits(bounds.low)
    high_whole, high_fraction = ("", "") if bounds.high is None else _digits(bounds.high)
    longest = max(len(low_whole), len(high_whole))
    longest_fraction = max(len(low_fraction), len(high_fraction))
    unbounded = bounds.high is None
    steps = (*unless, *(() if step is None else (step,)))
    places, moduli = scaled(steps)
    modulus = lcm(*moduli)
    wanted = [] if step is None else [moduli.pop()]
    classes = merged((*moduli, *wanted))
    if classes is None or len(set(classes)) * (longest + places + 2) > MAX_STATES:
        raise BudgetExceeded("multiples of so long a number need too large an automaton", keyword="multipleOf")

    def ordered(before: int, digit: str, position: int, bound: str) -> int:
        """Order of what is read to the bound, digit by digit; past its end its digits are zeros."""
        if before:
            return before
        return order_of(digit, bound[position] if position < len(bound) else "0")

    def whole(state: State) -> State | None:
        """The state at the end of the digits before the point, with the orders settled; None: too large."""
        _, count, low, high, rest = state
        if count != len(low_whole):
            low = -1 if count < len(low_whole) else 1
        if unbounded:
            high = -1
        elif count != len(high_whole):
            high = -1 if count < len(high_whole) else 1
        return None if low < 0 or high > 0 else (3, 0, low, high, rest)

    def move(state: State, character: str) -> State | None:
        phase, count, low, high, rest = state
        if character == ".":
            return whole(state) if phase in (1, 2) and not whole_only else None
        if not character.isdigit() or phase == 1:
            return None
        if phase == 0:
            low = order_of(character, low_whole[0])
            high = -1 if unbounded else order_of(character, high_whole[0])
            return (1 if character == "0" else 2, 1, low, high, classes[int(character) % modulus])
        if phase == 2:
            if not unbounded and count >= len(high_whole):
                return None
            low = ordered(low, character, count, low_whole) if count < len(low_whole) else 1
            high = -1 if unbounded else ordered(high, character, count, high_whole)
            if high > 0 and count + 1 == len(high_whole):
                return None
            count = min(count + 1, longest + 1)
            return (2, count, low, high, classes[(rest * 10 + int(character)) % modulus])
        if count < places:
            rest = classes[(rest * 10 + int(character)) % modulus]
        elif character != "0" and steps:
            if wanted:
                return None
            rest = -1
        low = ordered(low, character, count, low_fraction)
        high = ordered(high, character, count, high_fraction)
        if high > 0 or low < 0:
            return None
        settled = low > 0 and high < 0
        needed = max(0 if settled else longest_fraction, places)
        return (4, min(count + 1, needed), low, high, rest)

    def done(state: State) -> bool:
        phase, count, low, high, rest = state
        if phase in (0, 3):
            return False
        if phase < 4:
            settled = whole(state)
            if settled is None:
                return False
            _, count, low, high, rest = settled
        if low == 0:
            if count < len(low_fraction):
                return False
            if bounds.low_open:
                return False
        if high == 0:
            if count < len(high_fraction):
                high = -1
            elif bounds.high_open:
                return False
        if rest < 0:
            return True
        shift: int = 10 ** max(0, places - count)
        return all(rest * shift % one == 0 for one in wanted) and all(rest * shift % one for one in moduli)

    return explore((0, 0, 0, 0, 0), move, done)
