"""Sets of numbers against exact decimal arithmetic: nothing is allowed whose value is not in the set.

Plain spellings are allowed whenever their value is in it, those with an exponent as the module says.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import pytest
from bytebound.grammars import EmptyLanguage, Grammar
from bytebound.grammars.schema.canonical import canonical_automaton
from bytebound.grammars.schema.digits import Automaton
from bytebound.grammars.schema.numbers import NumberSet, add_number, add_numbers
from hypothesis import given, settings
from hypothesis import strategies as st

NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
NORMALISED = re.compile(r"-?[1-9](\.\d+)?[eE][+-]?\d+")
USUAL = re.compile(r"-?[1-9](?:\.0|\.\d*[1-9])?[eE](\+?\d+|-0*[1-9]\d*)")
CANONICAL = re.compile(r"-?(0|[1-9]\d*)(\.\d*[1-9])?")
STEPS = [Fraction(1), Fraction(3), Fraction(1, 100), Fraction(5, 2), Fraction(1, 8)]
ALPHABET = "-0125.eE+"


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


def grammar_of(numbers: NumberSet) -> Grammar | None:
    try:
        return Grammar(lambda net, a, b: add_numbers(net, a, numbers, b), "numbers")
    except EmptyLanguage:
        return None


def accepts(automaton: Automaton, text: str) -> bool:
    """Whether the text leads to an accepting state; no state may have two edges for a byte."""
    state = 0
    for byte in text.encode():
        targets = [target for source, low, high, target in automaton.edges if source == state and low <= byte <= high]
        assert len(targets) < 2
        if not targets:
            return False
        state = targets[0]
    return state in automaton.accepting


def short_texts(length: int) -> list[str]:
    """All beginnings of numbers over the alphabet, and what one more character makes of them."""
    texts, row = [], [""]
    for _ in range(length):
        row = [text + character for text in row for character in ALPHABET]
        texts += row
        row = [text for text in row if any(NUMBER.fullmatch(text + end) for end in ("", "1", "11", ".1", "e1"))]
    return texts


def test_short_texts_are_all_beginnings() -> None:
    texts = set(short_texts(5))
    assert {"-0.5", "1e+05", "-1e-2", "12.05", "1E5", "01", "1e5e", "--", "1.e"} <= texts


SETS = {
    "any": NumberSet(),
    "integers": NumberSet(step=Fraction(1)),
    "draft 4 integers": NumberSet(step=Fraction(1), whole=True),
    "from 12": NumberSet(low=Decimal(12), step=Fraction(1)),
    "to 2125": NumberSet(low=Decimal(-50), low_open=True, high=Decimal(2125), step=Fraction(1)),
    "115 to 1150": NumberSet(low=Decimal("114.5"), high=Decimal(1150), step=Fraction(1)),
    "unit interval": NumberSet(low=Decimal(0), high=Decimal(1)),
    "above 0.05": NumberSet(low=Decimal("0.05"), low_open=True, high=Decimal("1.2e3"), high_open=True),
    "fifths": NumberSet(low=Decimal(0), step=Fraction(1, 5)),
    "hundredths": NumberSet(step=Fraction(1, 100)),
    "twelves": NumberSet(step=Fraction(12)),
    "thousands": NumberSet(step=Fraction(1000)),
    "2.5": NumberSet(step=Fraction(5, 2), high=Decimal(500)),
    "fractions": NumberSet(unless=(Fraction(1),)),
    "odd": NumberSet(step=Fraction(1), unless=(Fraction(2),)),
    "not of 1/2 or 5": NumberSet(low=Decimal(-2), unless=(Fraction(5), Fraction(1, 2))),
    "not of 5": NumberSet(high=Decimal(100), high_open=True, unless=(Fraction(5),)),
    "above 0": NumberSet(low=Decimal(0), low_open=True),
    "below 0": NumberSet(high=Decimal(0), high_open=True),
    "from 0": NumberSet(low=Decimal(0)),
    "positive integers": NumberSet(low=Decimal(0), low_open=True, step=Fraction(1)),
    "listed": NumberSet(low=Decimal("-0.5"), high=Decimal(1250), step=Fraction(1001, 8), unless=(Fraction(2),)),
    "empty": NumberSet(low=Decimal(1), high=Decimal(2), low_open=True, high_open=True, step=Fraction(1)),
    "only 120": NumberSet().only(Decimal(120)),
}


@pytest.mark.parametrize("name", SETS)
def test_every_short_text(name: str) -> None:
    """What is accepted is in the set; what is in it is accepted if it is plain or usual; canonical is what it says."""
    numbers = SETS[name]
    grammar, canonical = grammar_of(numbers), canonical_automaton(numbers)
    for text in short_texts(5):
        inside = bool(NUMBER.fullmatch(text)) and Decimal(text) in numbers
        got = grammar is not None and grammar.matches(text)
        assert inside or not got, text
        if inside and not (numbers.whole and "." in text):
            assert got or "e" in text.lower(), text
            if (end := USUAL.fullmatch(text)) and abs(int(end[1])) <= 20:
                assert got != numbers.whole, text
        is_canonical = bool(CANONICAL.fullmatch(text)) and text != "-0"
        assert accepts(canonical, text) == (inside and is_canonical), text
    assert (grammar is None) == numbers.is_empty


@pytest.mark.parametrize("name", SETS)
def test_canonical_automata_are_trimmed(name: str) -> None:
    automaton = canonical_automaton(SETS[name])
    alive = set(automaton.accepting)
    for _ in range(automaton.size):
        alive |= {source for source, _, _, target in automaton.edges if target in alive}
    assert alive == set(range(automaton.size)) or (automaton.size, automaton.accepting) == (1, ())


@pytest.mark.parametrize("name", SETS)
def test_complements(name: str) -> None:
    """A number is in the set or in one of those of its complement, as far as its bounds and steps say."""
    numbers = SETS[name]
    others = numbers.complement()
    for text in short_texts(4):
        if NUMBER.fullmatch(text):
            assert (Decimal(text) in numbers) != any(Decimal(text) in other for other in others), text


@pytest.mark.parametrize("seed", range(6))
def test_against_decimal(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(50):
        numbers = a_set(rng)
        grammar, canonical = grammar_of(numbers), canonical_automaton(numbers)
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
                assert "e" not in text.lower() or NORMALISED.fullmatch(text)
                got = grammar is not None and grammar.matches(text)
                assert got == expected, f"{numbers}: {text}"
                if CANONICAL.fullmatch(text) and text != "-0":
                    assert accepts(canonical, text) == expected
                found |= expected
        assert not (found and numbers.is_empty)
        if grammar is None:
            assert numbers.is_empty


WRITERS: list[Callable[[float], str]] = [json.dumps, "{:.16e}".format, "{:.3E}".format, "{:e}".format]


@pytest.mark.parametrize("writer", WRITERS)
@settings(max_examples=300, deadline=None)
@given(
    value=st.one_of(
        st.floats(-1e307, 1e307),
        st.integers(-(2**70), 2**70).map(float),
        st.integers(-999, 999).flatmap(lambda n: st.integers(0, 300).map(lambda e: float(f"{n}e{e}"))),
    )
)
def test_written_doubles(writer: Callable[[float], str], value: float) -> None:
    """Doubles as they are usually written: nothing outside the set, and of what is most usual everything inside it."""
    text = writer(value)
    exact = Decimal(text)
    for name in ("any", "integers", "from 12", "to 2125", "unit interval", "hundredths", "twelves", "odd", "fractions"):
        numbers, grammar = SETS[name], GRAMMARS[name]
        inside = exact in numbers
        assert inside or not grammar.matches(text), (name, text)
        is_normal = exact == 0 or Decimal("1e-307") <= abs(exact) <= Decimal("1e308")
        if inside and is_normal and writer is json.dumps and name in ("any", "integers", "from 12", "unit interval"):
            assert grammar.matches(text), (name, text)


GRAMMARS = {name: grammar for name, numbers in SETS.items() if (grammar := grammar_of(numbers)) is not None}


@settings(max_examples=200, deadline=None)
@given(low=st.integers(0, 10**15), width=st.integers(0, 10**15), near=st.integers(-30, 30), zeros=st.integers(0, 15))
def test_bounded_integers(low: int, width: int, near: int, zeros: int) -> None:
    numbers = NumberSet(low=Decimal(low), high=Decimal(low + width), step=Fraction(1))
    grammar = grammar_of(numbers)
    assert grammar is not None
    for value in (low + near, low + width + near, low // 10**zeros * 10**zeros, low + width // 2):
        if value > 0:
            all_digits = f"{Decimal(value):.{len(str(value)) - 1}e}"
            for text in (all_digits, spellings(Decimal(value), random.Random(near))[2]):
                assert grammar.matches(text) == (low <= value <= low + width), text


@settings(max_examples=200, deadline=None)
@given(low=st.integers(0, 2000), width=st.integers(0, 2000), number=st.integers(10, 99999), places=st.integers(-3, 5))
def test_moved_points(low: int, width: int, number: int, places: int) -> None:
    """`12.5e1` and the like, at and between bounds of two decimal places."""
    numbers = NumberSet(low=Decimal(low).scaleb(-2), high=Decimal(low + width).scaleb(-2), high_open=width > 0)
    grammar = grammar_of(numbers)
    assert grammar is not None
    for value in (Decimal(number).scaleb(-places), numbers.low, numbers.high):
        assert value is not None
        for move in (-1, 1, 2):
            exponent = value.adjusted() - move
            text = f"{value.scaleb(-exponent):f}e{exponent}"
            is_moved = re.fullmatch(r"(0\.[1-9]\d*|[1-9]\d{1,2}(\.\d+)?)e(-[1-9]|\d)", text)
            if is_moved:
                assert grammar.matches(text) == (value in numbers), text


@settings(max_examples=200, deadline=None)
@given(value=st.decimals(allow_nan=False, allow_infinity=False, places=6), shift=st.integers(-20, 20))
def test_single_numbers(value: Decimal, shift: int) -> None:
    value = value.scaleb(shift)
    grammar = Grammar(lambda net, a, b: add_number(net, a, value, False, b), "number")
    rng = random.Random(shift)
    for other in (value, -value, value * 10, value + Decimal("0.1"), value.next_plus()):
        for text in spellings(other, rng):
            assert grammar.matches(text) == (other == value), text


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
