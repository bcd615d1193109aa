"""Sets of numbers against exact decimal arithmetic: every spelling is allowed exactly when its value is in the set."""

from __future__ import annotations

import random
import re
from decimal import Decimal
from fractions import Fraction

import pytest
from bytebound.grammars import EmptyLanguage, Grammar
from bytebound.grammars.schema.numbers import NumberSet, add_numbers

NORMALISED = re.compile(r"-?[1-9](\.\d+)?[eE][+-]?\d+")
STEPS = [Fraction(1), Fraction(3), Fraction(1, 100), Fraction(5, 2), Fraction(1, 8)]


def a_number(rng: random.Random) -> Decimal:
    kind = rng.randrange(4)
    if kind == 0:
        return Decimal(rng.randint(-20, 20))
    if kind == 1:
        return Decimal(rng.randint(-2000, 2000)).scaleb(-rng.randint(0, 4))
    if kind == 2:
        return Decimal(rng.randint(-12, 12)).scaleb(rng.randint(-7, 9))
    return Decimal(rng.randint(-(10**6), 10**6))


def a_set(rng: random.Random) -> NumberSet:
    numbers = NumberSet()
    if rng.random() < 0.8:
        numbers = numbers.bounded_below(a_number(rng), rng.random() < 0.5)
    if rng.random() < 0.8:
        numbers = numbers.bounded_above(a_number(rng), rng.random() < 0.5)
    if rng.random() < 0.4:
        numbers = numbers.multiples(rng.choice(STEPS))
    return numbers


def spellings(value: Decimal, rng: random.Random) -> list[str]:
    """The value written out, with a further zero, and normalised with an exponent."""
    text = format(value, "f")
    found = [text, text + ("0" if "." in text else ".0")]
    if value == 0:
        return [*found, "-0", "-0.0", "0"]
    digits = "".join(map(str, value.as_tuple().digits)).strip("0")
    point = f"{digits[0]}.{digits[1:]}" if digits[1:] else digits
    exponent = value.adjusted()
    sign = "-" if exponent < 0 else rng.choice(["", "+"])
    found.append(f"{'-' * (value < 0)}{point}{rng.choice('eE')}{sign}{rng.choice(['', '0', '00'])}{abs(exponent)}")
    return found


@pytest.mark.parametrize("seed", range(6))
def test_against_decimal(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(50):
        numbers = a_set(rng)
        try:
            grammar = Grammar(lambda net, a, b, n=numbers: add_numbers(net, a, n, b), "numbers")
        except EmptyLanguage:
            grammar = None
        found = False
        for _ in range(40):
            value = a_number(rng)
            for bound in (numbers.low, numbers.high):
                if bound is not None and rng.random() < 0.3:
                    value = bound + Decimal(rng.choice(["0", "1", "-1", "0.1", "-0.001"]))
            if numbers.step is not None and rng.random() < 0.5:
                value = (value // 5) * 5
            for text in spellings(value, rng):
                expected = Decimal(text) in numbers
                if "e" in text.lower() and numbers.step is not None:
                    expected = False
                assert "e" not in text.lower() or NORMALISED.fullmatch(text)
                got = grammar is not None and grammar.matches(text)
                assert got == expected, f"{numbers}: {text}"
                found |= expected
        assert not (found and numbers.is_empty)
        if grammar is None:
            assert numbers.is_empty


def test_huge_and_tiny_bounds() -> None:
    numbers = NumberSet().bounded_below(Decimal("1e-300"), True).bounded_above(Decimal("1e308"), False)
    grammar = Grammar(lambda net, a, b: add_numbers(net, a, numbers, b), "numbers")
    inside = ["1e308", "1" + "0" * 308, "9.9e307", "1.1e-300", "1e-0299", "5", "0." + "0" * 299 + "11"]
    outside = ["1.1e308", "1e309", "2" + "0" * 308, "1e-300", "0." + "0" * 299 + "1", "0", "-5", "9e-301"]
    assert [text for text in inside if not grammar.matches(text)] == []
    assert [text for text in outside if grammar.matches(text)] == []


def test_nothing_unbounded_becomes_infinite() -> None:
    grammar = Grammar(lambda net, a, b: add_numbers(net, a, NumberSet(), b), "numbers")
    for text in ("1e308", "-9.99e307", "1e-307", "123456.789e99", "1E-5", "0e0", "0.5e+12", "1e0000307"):
        assert grammar.matches(text), text
    for text in ("1e309", "1.1e308", "12e307", "1e1000", "9e-308", "01", "1.", ".1", "1e", "--1", "+1", "1e+-1"):
        assert not grammar.matches(text), text
