"""Free text until a trigger: against a reference with bytes.find on every short string of a small alphabet."""

from __future__ import annotations

import itertools

import pytest
from bytebound.grammars import Grammar, GrammarError
from bytebound.grammars.network import Network
from bytebound.grammars.trigger import after


def literal(data: bytes) -> Grammar:
    def emit(network: Network, a: int, b: int) -> None:
        network.literal(a, data, b)

    return Grammar(emit, name=repr(data))


def in_language(data: bytes, trigger: bytes, tail: bytes) -> bool:
    place = data.find(trigger)
    return place < 0 or data[place + len(trigger) :] == tail


@pytest.mark.parametrize("trigger", [b"a", b"ab", b"aa", b"aab", b"aba", b"abab", b"aabaa"])
@pytest.mark.parametrize("tail", [b"b", b"ab", b"aa"])
def test_every_short_string(trigger: bytes, tail: bytes) -> None:
    grammar = after(trigger, literal(tail))
    for length in range(9):
        for letters in itertools.product(b"ab", repeat=length):
            data = bytes(letters)
            assert grammar.matches(data) == in_language(data, trigger, tail), data


def test_any_bytes_are_free_and_text_is_utf8() -> None:
    grammar = after("→", literal(b"x"))
    assert grammar.matches(b"\xff\x00\xe2\x86")  # two of the three bytes of the trigger
    assert grammar.matches(b"\xff\xe2\xe2\x86\x92x")
    assert not grammar.matches("→")
    assert not grammar.matches("→xx")


def test_the_automaton_knows_the_dead_end_at_once() -> None:
    automaton = after(b"##", literal(b"x")).automaton
    state = automaton.advance(automaton.start, b"free # text ##")
    assert automaton.forced_bytes(state) == b"x"
    assert automaton.is_dead(automaton.step(state, ord("y")))


def test_the_grammar_it_was_made_of_is_remembered() -> None:
    inner = Grammar(emit_x, name="x", schema={"const": "x"})
    assert after("go", inner).schema == {"const": "x"}


def emit_x(network: Network, a: int, b: int) -> None:
    network.literal(a, b"x", b)


@pytest.mark.parametrize("trigger", ["", b"", None, 3])
def test_a_trigger_must_be_something(trigger: object) -> None:
    with pytest.raises(GrammarError, match="trigger"):
        after(trigger, literal(b"x"))  # type: ignore[arg-type]


def test_what_follows_must_be_a_grammar() -> None:
    with pytest.raises(GrammarError, match="Grammar"):
        after("x", "y")  # type: ignore[arg-type]
