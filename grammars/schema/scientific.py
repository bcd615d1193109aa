"""Automata over the normalised spelling of positive numbers with an exponent, `[1-9](.[0-9]+)?[eE][+-]?[0-9]+`, exact.

The mantissa is compared with those of the bounds digit by digit; what it leaves open is a range of exponents, and so is
what makes the number a multiple of something. Grammar: RFC 8259, section 6; doubles: IEEE 754, binary64.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import lru_cache
from math import lcm

from .digits import Automaton, Magnitudes, State, explore, order_of
from .remainders import least_power, merged, scaled

# Only numbers that are normal doubles: readers take others for infinite or zero.
SMALLEST, LARGEST = Decimal("1e-307"), Decimal("1e308")
EXACT = 2**53  # up to here every whole number is a double
MAX_CLASSES = 32  # remainders that mantissas tell apart
ENOUGH_DIGITS, EXACT_DIGITS = 17, 15  # what writers of doubles need at most; what doubles always tell apart


def has_exponents(step: Fraction | None, unless: tuple[Fraction, ...]) -> bool:
    """Whether few remainders tell `scientific` the multiples of `step` that are multiples of none of `unless`."""
    classes = merged(tuple(scaled((*unless, *(() if step is None else (step,))))[1]))
    return classes is not None and len(set(classes)) <= MAX_CLASSES


@dataclass(frozen=True)
class Mantissas:
    """The normalised mantissas and the exponents of two bounds, to be compared with what is read."""

    low_digits: str
    low_exponent: int
    low_open: bool
    high_digits: str
    high_exponent: int
    high_open: bool

    @property
    def longest(self) -> int:
        """So many digits and no more need to be told apart."""
        return max(len(self.low_digits), len(self.high_digits), 2)

    def compared(self, count: int, digit: str, above: int, below: int) -> tuple[int, int]:
        """The orders to the low and to the high mantissa once `digit` comes after `count` others."""
        above = above or order_of(digit, self.low_digits[count] if count < len(self.low_digits) else "0")
        below = below or order_of(digit, self.high_digits[count] if count < len(self.high_digits) else "0")
        return above, below

    def exponents(self, count: int, above: int, below: int) -> tuple[int, int]:
        """The least and the greatest exponent for a mantissa of `count` digits with these orders."""
        fits_low = above > 0 or (above == 0 and count >= len(self.low_digits) and not self.low_open)
        fits_high = below < 0 or (below == 0 and (count < len(self.high_digits) or not self.high_open))
        return self.low_exponent + (not fits_low), self.high_exponent - (not fits_high)


def mantissas(bounds: Magnitudes) -> Mantissas | None:
    """Those of the bounds within SMALLEST to LARGEST; None if nothing lies there."""
    low, high = max(bounds.low, SMALLEST), LARGEST if bounds.high is None else min(bounds.high, LARGEST)
    if low > high:
        return None
    low_open = bounds.low_open and low == bounds.low
    high_open = bounds.high_open and high == bounds.high
    return Mantissas(*normalised(low), low_open, *normalised(high), high_open)


@lru_cache(maxsize=4096)
def scientific(bounds: Magnitudes, step: Fraction | None = None, unless: tuple[Fraction, ...] = ()) -> Automaton:
    """Positive magnitudes as mantissa and exponent, from SMALLEST to LARGEST.

    They are multiples of `step`, if there is one, and of none of `unless`; such mantissas have at most 17 digits, with
    no more of them behind the point than the exponent moves before it or the step has; and where rounding to a double
    could turn a multiple into none, at most 15 digits, in numbers that are doubles or have a fraction.

    Mantissa states are (0, digits, order to the low bound's, order to the high bound's, last digits, remainder), where
    last digits are 1 for a bare point, 2 for a single zero behind it (not counted as a digit yet), 3 for any other zero
    if that matters, and else 0. Exponent states are (1 before its sign or 2 after it, first, last), the least and the
    greatest exponent allowed, then (3, first, last, digits after leading zeros, order to first, order to last).
    """
    ends = mantissas(bounds)
    if ends is None:
        return Automaton(1, (), ())
    steps = (*unless, *(() if step is None else (step,)))
    places, avoided = scaled(steps)
    wanted = [] if step is None else [avoided.pop()]
    modulus = lcm(*avoided, *wanted)
    classes = merged((*avoided, *wanted)) or [0]
    # Multiples of powers of two stay multiples when they are rounded to doubles.
    exact = bool(unless) or (step is not None and step.numerator & (step.numerator - 1) != 0)
    longest = (EXACT_DIGITS if exact else ENOUGH_DIGITS) if steps else ends.longest

    def digit(state: State, character: str) -> State | None:
        _, count, above, below, ending, rest = state
        if (count == 0 and character == "0") or (count == 1 and not ending):
            return None
        read = count + (ending == 2)
        above, below = ends.compared(read, character, above, below)
        if not steps:
            return (0, min(count + 1, longest), above, below, 0, 0)
        if read == longest or (wanted and read - places > ends.high_exponent):
            return None
        if ending == 1 and character == "0":
            return (0, 1, above, below, 2, rest)
        rest = classes[(rest * 10 ** (read + 1 - count) + int(character)) % modulus]
        return (0, read + 1, above, below, 3 if unless and character == "0" else 0, rest)

    def move(state: State, character: str) -> State | None:
        if state[0]:
            return move_exponent(state, character)
        if character.isdigit():
            return digit(state, character)
        _, count, above, below, ending, rest = state
        if character == ".":
            return (0, 1, above, below, 1, rest) if count == 1 and not ending else None
        if character not in "eE" or not count or ending in (1, 3):
            return None
        read = count + (ending == 2)
        first, last = ends.exponents(read, above, below)
        behind = count - 1 - places  # the exponent that makes the mantissa so many units of the last place
        for unit in wanted:
            power = least_power(rest, unit)
            if power is None:
                return None
            first = max(first, behind + power)
        for unit in avoided:
            power = least_power(rest, unit)
            if power is not None:
                last = min(last, behind + power - 1)
        if exact:
            last = min(last, _largest_exponent(count))
        return (1, first, last) if first <= last else None

    return explore((0, 0, 0, 0, 0, 0), move, is_exponent)


def _largest_exponent(digits: int) -> int:
    """The greatest exponent with which every mantissa of so many digits is exactly a double."""
    power = 0
    while 10**digits * 5 ** (power + 1) <= EXACT:
        power += 1
    return digits - 1 + power


@lru_cache(maxsize=2**16)
def move_exponent(state: State, character: str) -> State | None:
    """The exponent state after one more character."""
    phase, first, last, *digits = state
    if phase == 1 and character == "-":
        return (2, max(0, -last), -first) if first <= 0 else None
    if last < 0 or (character == "+" and phase > 1):
        return None
    first = max(0, first)
    if character == "+":
        return (2, first, last)
    if not character.isdigit():
        return None
    count, above, below = digits or (0, 0, 0)
    if count or character != "0":
        least, most = str(first), str(last)
        if count == len(most) or last == 0:
            return None
        if first:
            above = above or order_of(character, least[count] if count < len(least) else "0")
        below = below or order_of(character, most[count])
        count += 1
        if first and count >= len(least) and above >= 0:
            first, above = 0, 0
    return (3, first, last, count, above, below)


def is_exponent(state: State) -> bool:
    """Whether the digits of the exponent make a number from first to last."""
    if state[0] < 3:
        return False
    _, first, last, count, above, below = state
    size = len(str(first))
    enough = first == 0 or count > size or (count == size and above >= 0)
    return enough and (count < len(str(last)) or below <= 0)


def normalised(value: Decimal) -> tuple[str, int]:
    """Significant digits and exponent of d.ddd * 10^e."""
    with localcontext() as context:
        context.prec = max(28, len(value.as_tuple().digits))
        digits = "".join(map(str, value.normalize().as_tuple().digits))
        return digits, value.adjusted()
