"""Operations on character automata against brute force over short strings, and the budgets of patterns."""

from __future__ import annotations

import itertools
import random
import re

import numpy as np
import pytest
from bytebound.grammars import BudgetExceeded, EmptyLanguage
from bytebound.grammars.characters import FULL, size, union
from bytebound.grammars.regular import CharacterAutomaton, parse
from hypothesis import given, settings
from hypothesis import strategies as st

WORDS = ["".join(letters) for n in range(6) for letters in itertools.product("abc", repeat=n)]
PATTERNS = [
    "", "a", "a*", "(a|b)*", "a+b?", "[^a]*", "(ab|ba)+", ".{2,4}", "(?:a{2}|b{3})*", "c|a(b|c)*", "(?!.*ab)[abc]*",
    r".*(?<=a)b.*", "(a|ab)(c|bcd)*", "[ab]{0,3}c", "(?:abc)*?", "[]", "b[ac]*b",
]  # fmt: skip
some = st.sampled_from(PATTERNS).map(lambda p: parse(p, "ecma").automaton())


def language(automaton: CharacterAutomaton) -> set[str]:
    return {word for word in WORDS if automaton.matches(word)}


@settings(deadline=None)
@given(some, some)
def test_boolean_operations(a: CharacterAutomaton, b: CharacterAutomaton) -> None:
    assert language(a.intersect(b)) == language(a) & language(b)
    assert language(a.union(b)) == language(a) | language(b)
    assert language(a.difference(b)) == language(a) - language(b)
    assert a.equivalent(b) == (a.difference(b).is_empty() and b.difference(a).is_empty())
    assert a.union(b).complement().equivalent(a.complement().intersect(b.complement()))


@settings(deadline=None)
@given(some)
def test_laws_of_one_automaton(a: CharacterAutomaton) -> None:
    assert language(a.complement()) == set(WORDS) - language(a)
    assert a.complement().complement().equivalent(a)
    assert a.difference(a).is_empty() and a.union(a.complement()).equivalent(CharacterAutomaton.everything())
    assert union(*a.classes) == FULL and sum(map(size, a.classes)) == size(FULL)
    assert a.table.dtype == np.int32 and a.table.shape == (a.states, len(a.classes)) and len(a.accepting) == a.states
    again = a.minimized()
    assert again.states == a.states and again.equivalent(a) and len(again.classes) <= len(a.classes)


@settings(deadline=None)
@given(some, st.integers(0, 4), st.none() | st.integers(0, 6))
def test_length_between(a: CharacterAutomaton, minimum: int, maximum: int | None) -> None:
    want = {w for w in language(a) if len(w) >= minimum and (maximum is None or len(w) <= maximum)}
    assert language(a.length_between(minimum, maximum)) == want


@settings(deadline=None)
@given(some)
def test_shortest_and_longest(a: CharacterAutomaton) -> None:
    if a.is_empty():
        with pytest.raises(EmptyLanguage):
            a.shortest()
        with pytest.raises(EmptyLanguage):
            a.longest()
        return
    shortest, longest = a.shortest(), a.longest()
    assert a.length_between(0, shortest - 1).is_empty() if shortest else a.matches("")
    assert not a.length_between(shortest, shortest).is_empty()
    assert longest is None or a.length_between(longest + 1, None).is_empty()


def test_lengths_count_code_points() -> None:
    three = parse(".*", "ecma").automaton().length_between(3, 3)
    assert three.matches("🐲é\u0301") and not three.matches("🐲")
    assert (three.shortest(), three.longest()) == (3, 3)
    assert parse("a{2,}").automaton().longest() is None


def test_lengths_have_a_budget() -> None:
    with pytest.raises(BudgetExceeded):
        parse("(ab)*").automaton().length_between(0, 10_000_000)


@settings(deadline=None)
@given(st.lists(st.text("abcé🐲", max_size=5), max_size=12))
def test_from_strings(words: list[str]) -> None:
    automaton = CharacterAutomaton.from_strings(words)
    assert all(automaton.matches(word) == (word in words) for word in [*words, *WORDS[:200], "é", "🐲", "x"])
    assert automaton.states == automaton.minimized().states
    assert automaton.is_empty() == (not words)
    if words:
        assert (automaton.shortest(), automaton.longest()) == (min(map(len, words)), max(map(len, words)))


def test_from_many_strings() -> None:
    generator = random.Random(0)
    words = {"".join(generator.choices("abcdefghij", k=generator.randint(1, 12))) for _ in range(500)}
    automaton = CharacterAutomaton.from_strings(words)
    assert all(map(automaton.matches, words))
    assert parse("|".join(sorted(words))).automaton().equivalent(automaton)


def test_automata_are_minimal() -> None:
    # states are the distinct sets of continuations: 2**3 for "the third letter from the end is an a"
    assert parse("[ab]*a[ab]{2}").automaton().states == 8
    assert parse("(?:a|b)(?:c|d)|(?:a|b)(?:d|c)").automaton().states == 3
    assert parse("(?:ab){3}(?:ab)*").automaton().equivalent(parse("(?:ab){3,}").automaton())
    assert parse("a(?!a)|[]", "ecma").automaton().states == 2
    assert parse("(?!a)a").automaton().is_empty()


@pytest.mark.parametrize(
    "pattern",
    [
        "(a|b)*a(a|b){30}",
        "((a{1,100}){1,100}b){1,100}",
        "(?<=a.{20})b",
        "(?=.*a.{16}$)(?=.*b.{17}$).*",
        r"(?!(?:\w+ ?){1,300}x)(?:\w+ ?){1,300}",
        "(a?b?){1000}c",
    ],
)
def test_what_grows_too_large_is_refused_with_its_pattern(pattern: str) -> None:
    with pytest.raises(BudgetExceeded, match=re.escape(pattern[:20].replace("\\", "\\\\"))):
        parse(pattern).automaton()
        parse(pattern).automaton(search=True)  # where it is the search that grows


def test_a_smaller_budget() -> None:
    with pytest.raises(BudgetExceeded, match="more than 100 deterministic states"):
        parse("[ab]*a[ab]{10}").automaton(max_states=100)
    assert parse("[ab]*a[ab]{10}").automaton().states == 2048


def test_split_is_a_partition() -> None:
    whole = parse("[ab]{0,5}").automaton()
    others = [parse(pattern).automaton() for pattern in ("a.*", ".*b", "(aa|b)*")]
    parts = whole.split(others)
    assert len({holders for holders, _ in parts}) == len(parts)
    for text in ("", "a", "ab", "aab", "ba", "aa", "baab", "ababa", "bbbbbb", "c"):
        found = [holders for holders, part in parts if part.matches(text)]
        expected = tuple(i for i, other in enumerate(others) if other.matches(text))
        assert found == ([expected] if whole.matches(text) else [])


@pytest.mark.parametrize("whole", ["[ab]{0,5}", "[ab]*", "a[ab]*", "[abc]*b", "(ab)*"])
@pytest.mark.parametrize("others", [["a.*"], ["ab", "ba"], ["a+", "b+"], ["(ab)*", "abab"], ["a[abc]", "[bc]*"]])
def test_parts_of_a_split_are_minimal_and_exact(whole: str, others: list[str]) -> None:
    machine = parse(whole).automaton()
    machines = [parse(pattern).automaton() for pattern in others]
    for holders, part in machine.split(machines):
        expected = machine
        for i, other in enumerate(machines):
            expected = expected.intersect(other) if i in holders else expected.difference(other)
        assert part.equivalent(expected)
        assert part.states == expected.states


def test_equal_branches_cost_what_is_written() -> None:
    with pytest.raises(BudgetExceeded, match="nodes"):
        parse("|".join(["(?:a|b|cd){2000}x"] * 20)).automaton()
    assert parse("|".join(["ab{3}x", "cb{3}x"] * 20)).automaton().states == 6


def test_edges_are_the_transitions() -> None:
    for pattern in ("", "a", "(?:ab|c+)*d?", "[^a-f]{2,5}x"):
        automaton = parse(pattern).automaton()
        found = {(s, t): ranges for s, t, ranges in automaton.edges}
        assert len(found) == len(automaton.edges)
        for s, row in enumerate(automaton.table.tolist()):
            for t in {t for t in row if t >= 0}:
                cells = [ranges for ranges, target in zip(automaton.classes, row, strict=True) if target == t]
                assert found.pop((s, t)) == union(*cells)
        assert not found
