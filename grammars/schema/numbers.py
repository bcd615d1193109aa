"""Sets of JSON numbers: bounds, integers and multiples, exact in decimal; their spellings in a network.

Plain spelling (`-12.50`) is always allowed; scientific spelling of bounded numbers is allowed when it is normalised
(one non-zero digit before the point: `1e-07`), within 1e-307 to 1e308, and no multiple is asked for. Grammar: RFC 8259,
section 6.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from math import gcd, lcm

from ..network import Network
from .digits import Automaton, Magnitudes, plain, scientific

EXACT = 2**53  # beyond it readers round what has a point or an exponent, so bounded integers are written without


@dataclass(frozen=True)
class NumberSet:
    """Numbers between two bounds (None: unbounded) that are multiples of `step` (None: any; integers: 1).

    They are multiples of none of `unless`. `whole` leaves out spellings with a point: in draft 4, 1.0 is no integer.
    `single` is the number of a set that has only one.
    """

    low: Decimal | None = None
    low_open: bool = False
    high: Decimal | None = None
    high_open: bool = False
    step: Fraction | None = None
    unless: tuple[Fraction, ...] = ()
    whole: bool = False
    single: Decimal | None = None

    def bounded_below(self, low: Decimal, is_open: bool) -> NumberSet:
        """Those at least `low`, or above it when `is_open`."""
        if self.low is None or low > self.low or (low == self.low and is_open):
            return replace(self, low=low, low_open=is_open)
        return self

    def bounded_above(self, high: Decimal, is_open: bool) -> NumberSet:
        """Those at most `high`, or below it when `is_open`."""
        if self.high is None or high < self.high or (high == self.high and is_open):
            return replace(self, high=high, high_open=is_open)
        return self

    def only(self, value: Decimal) -> NumberSet:
        """Just this one of them."""
        whole = self.whole or (abs(value) > EXACT and value == value.to_integral_value())
        return NumberSet(value, False, value, False, whole=whole, single=value)

    def multiples(self, step: Fraction) -> NumberSet:
        """Those that are multiples of `step` as well."""
        if self.step is not None:
            step = Fraction(lcm(self.step.numerator, step.numerator), gcd(self.step.denominator, step.denominator))
        return replace(self, step=step)

    def __contains__(self, value: Decimal) -> bool:
        if self.low is not None and (value < self.low or (self.low_open and value == self.low)):
            return False
        if self.high is not None and (value > self.high or (self.high_open and value == self.high)):
            return False
        if any((Fraction(value) / step).denominator == 1 for step in self.unless):
            return False
        return self.step is None or (Fraction(value) / self.step).denominator == 1

    def intersect(self, other: NumberSet) -> NumberSet:
        """Those in both sets."""
        result = replace(self, unless=tuple(sorted({*self.unless, *other.unless})), whole=self.whole or other.whole)
        if other.low is not None:
            result = result.bounded_below(other.low, other.low_open)
        if other.high is not None:
            result = result.bounded_above(other.high, other.high_open)
        return result if other.step is None else result.multiples(other.step)

    def complement(self) -> list[NumberSet]:
        """Sets whose union is all other numbers."""
        others = [NumberSet(step=step) for step in self.unless]
        if self.low is not None:
            others.append(NumberSet(high=self.low, high_open=not self.low_open))
        if self.high is not None:
            others.append(NumberSet(low=self.high, low_open=not self.high_open))
        if self.step is not None:
            others.append(NumberSet(unless=(self.step,)))
        return others

    @property
    def is_empty(self) -> bool:
        """Whether no number is in the set."""
        if self.unless:
            sides = [bounds for bounds in (_magnitudes(self, False), _magnitudes(self, True)) if bounds is not None]
            return not any(plain(bounds, self.step, self.unless, self.whole).accepting for bounds in sides)
        if self.low is None or self.high is None:
            return False
        if self.step is not None:
            first = -((-Fraction(self.low)) // self.step)
            if self.low_open and first * self.step == Fraction(self.low):
                first += 1
            last = Fraction(self.high) // self.step
            if self.high_open and last * self.step == Fraction(self.high):
                last -= 1
            return first > last
        return self.low > self.high or (self.low == self.high and (self.low_open or self.high_open))


def _magnitudes(numbers: NumberSet, negative: bool) -> Magnitudes | None:
    """The absolute values of the negative (or else the non-negative) numbers of the set; -0 counts on both sides."""
    low, low_open, high, high_open = numbers.low, numbers.low_open, numbers.high, numbers.high_open
    if negative:
        low, low_open, high, high_open = (
            None if high is None else high.copy_negate(),
            high_open,
            None if low is None else low.copy_negate(),
            low_open,
        )
    if low is None or low < 0:
        low, low_open = Decimal(0), False
    if high is not None and (high < low or (high == low and (low_open or high_open))):
        return None
    return Magnitudes(low.copy_abs(), low_open, None if high is None else high.copy_abs(), high_open)


def add_numbers(net: Network, a: int, numbers: NumberSet, b: int) -> None:
    """Add the spellings of the numbers of the set between the nodes a and b."""
    bounds_given = (numbers.low, numbers.high)
    if numbers.step == 1 and any(bound is not None and abs(bound) > EXACT for bound in bounds_given):
        numbers = replace(numbers, whole=True)
    if numbers.low is None and numbers.high is None and numbers.step in (None, 1) and not numbers.unless:
        _add_free(net, a, b, numbers)
        return
    positive, negative = (_magnitudes(numbers, side) for side in (False, True))
    for bounds in dict.fromkeys((positive, negative)):
        if bounds is None:
            continue
        start = a
        if bounds == negative:
            start = net.node()
            net.edge(a, 45, 45, start)
        if positive == negative:
            net.epsilon(a, start)
        _add_automaton(net, start, plain(bounds, numbers.step, numbers.unless, numbers.whole), b)
        if numbers.step is not None or numbers.whole:
            continue
        if not numbers.unless:
            _add_automaton(net, start, scientific(bounds), b)
        elif min(numbers.unless) >= 1 and bounds.low < 1:  # what lies below 1 is no multiple of anything above
            high = Decimal(1) if bounds.high is None else min(bounds.high, Decimal(1))
            below = replace(bounds, high=high, high_open=bounds.high_open or high == 1)
            _add_automaton(net, start, scientific(below), b)


def add_number(net: Network, a: int, value: Decimal, whole: bool, b: int) -> None:
    """Add the usual spellings of one number between the nodes a and b.

    These are the plain one, with further zeros behind the point unless `whole`, and the normalised scientific one where
    the exponent is below -4 or above 15, which is where readers and writers of doubles use it.
    """
    text = format(value.copy_abs(), "f")
    integer, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0")
    if value <= 0:
        sign = net.literal(a, b"-")
        if value == 0:
            net.epsilon(a, sign)
        a = sign
    plain_text = f"{integer}.{fraction}" if fraction else integer
    end = net.literal(a, plain_text.encode())
    net.epsilon(end, b)
    if whole:
        return
    key = ("zeros", b)
    zeros: int | None = net.memo.get(key)
    if zeros is None:
        zeros = net.memo[key] = net.node()
        net.edge(zeros, 48, 48, zeros)
        net.epsilon(zeros, b)
    if fraction:
        net.epsilon(end, zeros)
    else:
        net.edge(net.literal(end, b"."), 48, 48, zeros)
    if value and not -5 < value.adjusted() < 16:
        one = Magnitudes(value.copy_abs(), False, value.copy_abs(), False)
        _add_automaton(net, a, scientific(one), b)


def _add_automaton(net: Network, a: int, automaton: Automaton, b: int) -> None:
    nodes = [a] + [net.node() for _ in range(automaton.size - 1)]
    for source, low, high, target in automaton.edges:
        net.edge(nodes[source], low, high, nodes[target])
    for state in automaton.accepting:
        net.epsilon(nodes[state], b)


def _add_free(net: Network, a: int, b: int, numbers: NumberSet) -> None:
    """All numbers, or all integers."""
    integer = numbers.step is not None
    sign, zero, digits, point, fraction = (net.node() for _ in range(5))
    net.epsilon(a, sign)
    net.edge(a, 45, 45, sign)
    net.edge(sign, 48, 48, zero)
    net.edge(sign, 49, 57, digits)
    net.edge(digits, 48, 57, digits)
    last_digit = 48 if integer else 57
    for before in (zero, digits):
        if not numbers.whole:
            net.edge(before, 46, 46, point)
        net.epsilon(before, b)
    net.edge(point, 48, last_digit, fraction)
    net.edge(fraction, 48, last_digit, fraction)
    net.epsilon(fraction, b)
    if integer:
        return
    # Any mantissa with an exponent of one or two digits; normalised ones with every exponent of a double.
    mark, signed, first = (net.node() for _ in range(3))
    for before in (zero, digits, fraction):
        for byte in b"eE":
            net.edge(before, byte, byte, mark)
    net.epsilon(mark, signed)
    for byte in b"+-":
        net.edge(mark, byte, byte, signed)
    net.edge(signed, 48, 57, first)
    net.edge(first, 48, 57, b)
    net.epsilon(first, b)
    _add_automaton(net, sign, scientific(Magnitudes(Decimal(0), False, None, False)), b)
