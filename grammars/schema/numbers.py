"""Sets of JSON numbers: bounds, integers and multiples, exact in decimal; their spellings in a network.

Plain spelling (`-12.50`) is always allowed. Before an exponent stands a normalised mantissa (one digit before the
point, not 0: `1e-07`), and the number is within 1e-307 to 1e308, but:
- unbounded numbers, and those above or below 0, take an exponent of one or two digits behind any mantissa, and other
  bounded ones a small one behind the mantissas of `shifted`;
- integers have at most 17 digits, with none but a single zero behind the point in the end (`1.5e3`, not `1.50e1`);
  those of draft 4 have neither point nor exponent;
- multiples, and what is no multiple, are as `scientific` says, or have no exponent if that needs too many remainders;
- integers from 2**53 on have neither point nor exponent if a bound lies there, and other multiples no exponent, as
  readers would round them.
Grammar: RFC 8259, section 6.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from math import gcd, lcm

from ..network import Network, Rule
from .digits import Automaton, Magnitudes, plain
from .exponents import add_single, add_whole, add_zero
from .remainders import merged, scaled
from .scientific import EXACT, has_exponents, scientific
from .shifted import shifted

MAX_LISTED, MANY_REMAINDERS = 1000, 500  # so many numbers are listed where so many remainders would be read
ALL = Magnitudes(Decimal(0), False, None, False)


@dataclass(frozen=True)
class NumberSet:
    """Numbers between two bounds (None: unbounded) that are multiples of `step` (None: any; integers: 1).

    They are multiples of none of `unless`. `whole` leaves out spellings with a point or an exponent: in draft 4,
    1.0 is no integer.
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
        whole = self.whole or (value == value.to_integral_value() and not _is_double(value))
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

    @cached_property
    def listed(self) -> tuple[Decimal, ...] | None:
        """The numbers of the set one by one, where they are multiples between two bounds and few; else None."""
        if self.step is None or self.low is None or self.high is None:
            return None
        places, units = scaled((self.step, *self.unless))
        first, last = -(-Fraction(self.low) // self.step), Fraction(self.high) // self.step
        if last - first >= MAX_LISTED:
            return None
        remainders = merged(tuple(units))
        if remainders is not None and len(set(remainders)) <= MANY_REMAINDERS:
            return None
        multiples = (count * units[0] for count in range(first, last + 1))
        values = (Decimal((n < 0, tuple(map(int, str(abs(n)))), -places)) for n in multiples)
        return tuple(value for value in values if value in self)

    @property
    def is_empty(self) -> bool:
        """Whether no number is in the set."""
        if self.unless and self.listed is not None:
            return not self.listed
        if self.unless:
            sides = [bounds for bounds in (magnitudes(self, False), magnitudes(self, True)) if bounds is not None]
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


def magnitudes(numbers: NumberSet, negative: bool) -> Magnitudes | None:
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


def _is_double(value: Decimal) -> bool:
    """Whether readers that make it a double do not round the whole number."""
    return abs(value) <= EXACT or (value.adjusted() < 308 and Decimal(float(value)) == value)


def fill_numbers(net: Network, rule: Rule, numbers: NumberSet) -> None:
    """Add the spellings of the numbers of the set to a rule."""
    add_numbers(net, rule.start, numbers, rule.end)


def add_numbers(net: Network, a: int, numbers: NumberSet, b: int) -> None:
    """Add the spellings of the numbers of the set between the nodes a and b."""
    is_long = any(bound is not None and abs(bound) >= EXACT for bound in (numbers.low, numbers.high))
    if is_long and numbers.step is not None and not numbers.whole:
        inner = numbers.bounded_below(Decimal(1 - EXACT), False).bounded_above(Decimal(EXACT - 1), False)
        if not inner.is_empty:
            add_numbers(net, a, inner, b)
        numbers = replace(numbers, whole=numbers.step.denominator == 1)
    if numbers.listed is not None:
        for value in numbers.listed:
            add_number(net, a, value, numbers.only(value).whole, b)
        return
    positive, negative = (magnitudes(numbers, side) for side in (False, True))
    for bounds in dict.fromkeys((positive, negative)):
        if bounds is None:
            continue
        start = a
        if bounds == negative:
            start = net.node()
            net.edge(a, 45, 45, start)
        if positive == negative:
            net.epsilon(a, start)
        if bounds == replace(ALL, low_open=bounds.low_open) and numbers.step in (None, 1) and not numbers.unless:
            _add_free(net, start, numbers, bounds.low_open, b)
        else:
            _add_automaton(net, start, plain(bounds, numbers.step, numbers.unless, numbers.whole), b)
            if not numbers.whole and not (is_long and numbers.step is not None):
                _add_exponents(net, start, bounds, numbers, b)


def _add_exponents(net: Network, a: int, bounds: Magnitudes, numbers: NumberSet, b: int) -> None:
    """Add magnitudes of numbers of the set with an exponent."""
    if bounds.low == 0 and not bounds.low_open and not numbers.unless:
        add_zero(net, a, b)
    if numbers.step == 1 and not numbers.unless:
        low = int(bounds.low)
        low += bounds.low_open or low != bounds.low
        high = None
        if bounds.high is not None:
            high = int(bounds.high)
            high -= bounds.high_open and high == bounds.high
        add_whole(net, a, max(low, 1), high, b)
    elif has_exponents(numbers.step, numbers.unless):
        _add_automaton(net, a, scientific(bounds, numbers.step, numbers.unless), b)
        if numbers.step is None and not numbers.unless:
            _add_automaton(net, a, shifted(bounds), b)
    if numbers.step is None and numbers.unless and min(numbers.unless) >= 1 and bounds.low < 1:
        # What lies below 1 is no multiple of anything above, whatever its digits.
        high_below = Decimal(1) if bounds.high is None else min(bounds.high, Decimal(1))
        below = replace(bounds, high=high_below, high_open=bounds.high_open or high_below == 1)
        _add_automaton(net, a, scientific(below), b)


def add_number(net: Network, a: int, value: Decimal, whole: bool, b: int) -> None:
    """Add one number between the nodes a and b: plain, and unless `whole` with more zeros or normalised.

    Readers find the same number in all of these: `100`, `100.0`, `1e2`, `1.0E+02`.
    """
    if value <= 0:
        sign = net.literal(a, b"-")
        if value == 0:
            net.epsilon(a, sign)
        a = sign
    value = value.copy_abs()
    if whole:
        net.literal(a, format(value, "f").partition(".")[0].encode(), b)
    else:
        add_single(net, a, value, b)


def _add_automaton(net: Network, a: int, automaton: Automaton, b: int) -> None:
    nodes = [a] + [net.node() for _ in range(automaton.size - 1)]
    for source, low, high, target in automaton.edges:
        net.edge(nodes[source], low, high, nodes[target])
    for state in automaton.accepting:
        net.epsilon(nodes[state], b)


def _add_free(net: Network, a: int, numbers: NumberSet, nonzero: bool, b: int) -> None:
    """All numbers, or all integers, without a sign; all but zero if `nonzero`."""
    integer = numbers.step is not None
    zero, digits, point, zeros, fraction = (net.node() for _ in range(5))
    net.edge(a, 48, 48, zero)
    net.edge(a, 49, 57, digits)
    net.edge(digits, 48, 57, digits)
    ends = [digits]
    if not numbers.whole:
        net.edge(zero, 46, 46, zeros if nonzero else point)
        net.edge(digits, 46, 46, point)
        net.edge(point, 48, 48 if integer else 57, fraction)
        net.edge(fraction, 48, 48 if integer else 57, fraction)
        ends.append(fraction)
    if not nonzero:
        ends.append(zero)
    elif not integer:
        net.edge(zeros, 48, 48, zeros)
        net.edge(zeros, 49, 57, fraction)
    for node in ends:
        net.epsilon(node, b)
    if integer:
        if not numbers.whole:
            add_whole(net, a, 1, None, b)
            if not nonzero:
                add_zero(net, a, b)
        return
    # Any mantissa with an exponent of one or two digits; normalised ones with every exponent of a double.
    mark, signed, first = (net.node() for _ in range(3))
    for node in ends:
        for byte in b"eE":
            net.edge(node, byte, byte, mark)
    net.epsilon(mark, signed)
    for byte in b"+-":
        net.edge(mark, byte, byte, signed)
    net.edge(signed, 48, 57, first)
    net.edge(first, 48, 57, b)
    net.epsilon(first, b)
    net.call(a, net.piece(_fill_scientific), b)


def _fill_scientific(net: Network, rule: Rule) -> None:
    _add_automaton(net, rule.start, scientific(ALL), rule.end)
