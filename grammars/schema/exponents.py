"""Spellings with exponents, put into a network node by node: of whole numbers, of zero, and of single numbers.

Mantissas are normalised (one digit before the point, not 0). What does not depend on bounds is one rule in a network,
shared by all its numbers; bounds cost the nodes of their own digits only. Grammar: RFC 8259, section 6.
"""

from __future__ import annotations

from decimal import Decimal

from ..network import Network, Rule
from .scientific import ENOUGH_DIGITS, LARGEST, SMALLEST, normalised

ZERO, ONE, NINE, POINT, PLUS, MINUS = b"019.+-"
MOST = LARGEST.adjusted() - 1  # the exponent that every mantissa may have


def add_whole(net: Network, a: int, low: int, high: int | None, b: int) -> None:
    """Add the whole numbers low..high between the nodes a and b, 1 <= low; None: up to the largest double's decade.

    The mantissa has at most 17 digits, and no more of them behind the point than the exponent moves before it, but for
    a single zero.
    """
    if high is not None and low > high:
        return
    first = len(str(low)) - 1
    if low > 10**first:
        nines = 10 ** (first + 1) - 1
        _add_decade(net, a, low, nines if high is None else min(high, nines), b)
        if high is not None and high <= nines:
            return
        first += 1
    last = None
    if high is not None:
        last = len(str(high + 1)) - 2
        if high >= 10 ** (last + 1):
            _add_decade(net, a, 10 ** (last + 1), high, b)
    if last is None or first <= last:
        net.call(a, net.piece(_fill_decades, first, last), b)


def add_zero(net: Network, a: int, b: int) -> None:
    """Add zero with any exponent of one or two digits."""
    net.call(a, net.piece(_fill_zero), b)


def _fill_zero(net: Network, rule: Rule) -> None:
    zero, point, fraction, mark, sign, digit = (net.node() for _ in range(6))
    net.edge(rule.start, ZERO, ZERO, zero)
    net.edge(zero, POINT, POINT, point)
    net.edge(point, ZERO, ZERO, fraction)
    net.edge(fraction, ZERO, ZERO, fraction)
    for node in (zero, fraction):
        _add_mark(net, node, mark)
    for byte in (PLUS, MINUS):
        net.edge(mark, byte, byte, sign)
    net.epsilon(mark, sign)
    net.edge(sign, ZERO, NINE, digit)
    net.edge(digit, ZERO, NINE, rule.end)
    net.epsilon(digit, rule.end)


def add_single(net: Network, a: int, value: Decimal, b: int) -> None:
    """Add one number that is not negative: plain, or with its exponent if it is a double's. More zeros may end it."""
    whole, _, fraction = format(value, "f").partition(".")
    fraction = fraction.rstrip("0")
    digits, exponent = normalised(value)
    has_exponent = SMALLEST <= value <= LARGEST
    first = net.literal(a, whole[:1].encode())
    if value == 0:
        add_zero(net, a, b)
    elif has_exponent and exponent:
        end = first if exponent > 0 else net.literal(a, digits[:1].encode())
        if digits[1:]:
            end = net.literal(end, f".{digits[1:]}".encode())
        net.call(end, exponent_rule(net, exponent), b)
        _add_zeros(net, end, bool(digits[1:]), exponent, b)
    end = net.literal(first, whole[1:].encode())
    if fraction:
        end = net.literal(end, f".{fraction}".encode())
    net.epsilon(end, b)
    units = 0 if has_exponent and exponent == 0 else None
    if units is not None:
        net.call(end, exponent_rule(net, units), b)
    _add_zeros(net, end, bool(fraction), units, b)


def _add_zeros(net: Network, a: int, has_point: bool, exponent: int | None, b: int) -> None:
    """Further zeros behind the point from node a, then the exponent, which may be left out if it is 0 (None: none)."""
    key = ("zeros", exponent, b)
    found: tuple[int, int] | None = net.memo.get(key)
    if found is None:
        found = net.memo[key] = (net.node(), net.node())
        point, zeros = found
        net.edge(point, ZERO, ZERO, zeros)
        net.edge(zeros, ZERO, ZERO, zeros)
        if not exponent:
            net.epsilon(zeros, b)
        if exponent is not None:
            net.call(zeros, exponent_rule(net, exponent), b)
    point, zeros = found
    if has_point:
        net.edge(a, ZERO, ZERO, zeros)
    else:
        net.edge(a, POINT, POINT, point)


def exponent_rule(net: Network, exponent: int) -> Rule:
    """The rule of just this exponent: the mark, a sign where one is needed or usual, zeros and the digits."""
    return net.piece(_fill_exponent, exponent)


def _fill_exponent(net: Network, rule: Rule, exponent: int) -> None:
    mark, sign = net.node(), net.node()
    _add_mark(net, rule.start, mark)
    for byte in (PLUS, MINUS) if exponent == 0 else (PLUS,) if exponent > 0 else (MINUS,):
        net.edge(mark, byte, byte, sign)
    if exponent >= 0:
        net.epsilon(mark, sign)
    net.edge(sign, ZERO, ZERO, sign)
    net.literal(sign, str(abs(exponent)).encode(), rule.end)


def _add_mark(net: Network, a: int, b: int) -> None:
    for byte in b"eE":
        net.edge(a, byte, byte, b)


def _add_decade(net: Network, a: int, low: int, high: int, b: int) -> None:
    """Add the numbers low..high, which have equally many digits."""
    least, most = str(low), str(high)
    exponent = exponent_rule(net, len(least) - 1)
    row = {(True, True): a}  # by whether all digits were those of the low bound, and of the high bound
    for i in range(len(least)):
        below: dict[tuple[bool, bool], int] = {}
        for (is_least, is_most), node in row.items():
            if i == 1:
                node = net.literal(node, b".")
            lo, hi = int(least[i]) if is_least else 0, int(most[i]) if is_most else 9
            for digit in range(lo, hi + 1):
                key = (is_least and digit == lo, is_most and digit == hi)
                if key not in below:
                    below[key] = net.node()
                net.edge(node, ZERO + digit, ZERO + digit, below[key])
        for (is_least, _), node in below.items():
            if not is_least or not least[i + 1 :].strip("0"):
                net.call(node, exponent, b)
                if len(least) == 1:
                    net.call(net.literal(node, b".0"), exponent, b)
        row = below


def _fill_decades(net: Network, rule: Rule, first: int, last: int | None) -> None:
    """Add all whole numbers with exponents first..last to a rule; None: as far as doubles go."""
    most = MOST if last is None else last
    longest = min(ENOUGH_DIGITS - 1, most)
    marks = _exponents_from(net, first, max(first, longest), most, rule.end)
    node = net.node()
    net.edge(rule.start, ONE, NINE, node)
    _add_mark(net, node, marks[first])
    for behind in range(1, longest + 1):
        if behind == 1:
            node = net.literal(node, b".")
            if first == 0:
                _add_mark(net, net.literal(node, b"0"), marks[0])
        node, before = net.node(), node
        net.edge(before, ZERO, NINE, node)
        _add_mark(net, node, marks[max(first, behind)])
    if last is None:  # of the largest decade just its first number, 1e308
        lone = net.literal(rule.start, b"1")
        zeros = net.literal(lone, b".0")
        net.edge(zeros, ZERO, ZERO, zeros)
        for before in (lone, zeros):
            net.call(before, exponent_rule(net, MOST + 1), rule.end)


def _exponents_from(net: Network, first: int, last_first: int, most: int, end: int) -> dict[int, int]:
    """For each n of first..last_first a node before the sign of the exponents n..most, all of which lead to `end`.

    `most` is at most 15 or else MOST.
    """
    marks: dict[int, int] = {}
    teens: dict[int, int] = {}  # before an exponent of two digits or more, the least of them
    last_digit = net.node() if most == MOST else None
    longer = net.node()  # before exponents from 20 on, none of them with a leading zero
    if last_digit is not None:
        twenties, thirties, hundreds = (net.node() for _ in range(3))
        net.edge(last_digit, ZERO, NINE, end)
        for low, high, node in ((2, 2, twenties), (3, 3, thirties), (4, 9, last_digit)):
            net.edge(longer, ZERO + low, ZERO + high, node)
        for node in (twenties, thirties):
            net.edge(node, ZERO, NINE, end)
        net.edge(twenties, ZERO, NINE, last_digit)
        net.edge(thirties, ZERO, ZERO, hundreds)
        net.edge(hundreds, ZERO, ZERO + most % 10, end)
    for n in range(first, last_first + 1):
        mark, digits = net.node(), net.node()
        marks[n] = mark
        net.edge(mark, PLUS, PLUS, digits)
        net.epsilon(mark, digits)
        zeros = digits
        if n == 0:
            zeros = net.node()
            net.edge(zeros, ZERO, ZERO, zeros)
            net.epsilon(zeros, end)
        net.edge(digits, ZERO, ZERO, zeros)
        teen = max(n, 10)
        if teen not in teens and teen <= most:
            teens[teen] = net.node()
            net.edge(teens[teen], ONE, ONE, ten := net.node())
            net.edge(ten, ZERO + teen - 10, ZERO + min(9, most - 10), end)
            if last_digit is not None:
                net.edge(ten, ZERO, NINE, last_digit)
                net.epsilon(teens[teen], longer)
        for start in dict.fromkeys((digits, zeros)):
            if max(n, 1) <= min(9, most):
                net.edge(start, ZERO + max(n, 1), ZERO + min(9, most), end)
            if teen <= most:
                net.epsilon(start, teens[teen])
    return marks
