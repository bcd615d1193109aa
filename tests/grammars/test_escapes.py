"""Escape sequences in JSON strings: every spelling of every character, no dead ends, exact distances."""

from __future__ import annotations

import random

import pytest
from bytebound.grammars import DEAD, Grammar, json_schema
from bytebound.grammars.characters import from_pairs
from bytebound.grammars.schema.spelling import CHARACTERS, add_json_characters

UNITS = [0x00, 0x09, 0x1F, 0x20, 0x22, 0x41, 0x5C, 0x7F, 0x80, 0x7FF, 0x800, 0xFFF, 0xD7FF, 0xE000, 0xFFFF]
UNITS += [0x10000, 0x103FF, 0x10400, 0x1F600, 0xFFFFF, 0x10FFFF]


def random_set(rng: random.Random) -> Grammar:
    """A string of one or two characters, each of a random set that may share characters with another way."""
    sets = []
    for _ in range(3):
        bounds = sorted(rng.sample(UNITS, 4))
        sets.append(from_pairs(zip(bounds[::2], bounds[1::2], strict=True)))

    def emit(net, a, b):  # type: ignore[no-untyped-def]
        middle = net.node()
        add_json_characters(net, a, sets[0], middle)
        add_json_characters(net, a, sets[1], b)
        add_json_characters(net, middle, sets[2], b)

    return Grammar(emit, "characters")


@pytest.mark.parametrize("seed", range(12))
def test_no_dead_ends_and_exact_distances(seed: int) -> None:
    automaton = random_set(random.Random(seed)).automaton
    order = [automaton.start]
    seen = set(order)
    for state in order:  # every state that can be reached
        targets = {automaton.step(state, byte) for byte in range(256)} - {DEAD}
        shortest = min((automaton.distance(t) for t in targets), default=None)
        if automaton.is_accepting(state):
            assert automaton.distance(state) == 0
        else:
            assert shortest is not None
            assert automaton.distance(state) == 1 + shortest
        order += [t for t in targets if t not in seen]
        seen |= targets
    assert len(order) > 10


def test_escapes_add_few_states() -> None:
    """What is read of an escape is forgotten where nothing depends on it."""
    automaton = Grammar(lambda net, a, b: add_json_characters(net, a, CHARACTERS, b), "character").automaton
    rng = random.Random(1)
    for _ in range(500):
        automaton.advance(automaton.start, f"\\u{rng.randrange(0xD800):04x}".encode())
        automaton.advance(automaton.start, f"\\ud8{rng.randrange(256):02x}\\udc{rng.randrange(256):02x}".encode())
    assert automaton.states < 60


@pytest.mark.parametrize("combined", [False, True])
def test_constants_by_escape(combined: bool) -> None:
    grammar = json_schema({"enum": ["ab", 'q"\\', "😀", "\n"]})
    if combined:  # included into another network
        grammar = grammar | json_schema({"const": "zz"})
    inside = ['"ab"', r'"\u0061b"', r'"a\u0062"', r'"q\"\\"', r'"q\u0022\u005C"', r'"\ud83d\uDE00"', r'"\n"']
    for text in inside:
        assert grammar.matches(text), text
    outside = [r'"\u0061"', r'"\u0062b"', r'"\ud83d\uDE01"', r'"\ud83d"', '"\n"', r'"\r"', r'"q"\\"']
    for text in outside:
        assert not grammar.matches(text), text


def test_structure_is_never_escaped() -> None:
    grammar = json_schema({"type": ["boolean", "object"]})
    assert grammar.matches('{"\\u0061": true}')
    for text in (r"\u0074rue", r"\u007b}", r'{\u0022a": 1}', r'{"a"\u003a 1}'):
        assert not grammar.matches(text), text


def test_a_draft_takes_no_needless_escapes() -> None:
    automaton = json_schema({"const": "ab\n"}).automaton
    assert automaton.forced_bytes(automaton.start) == b'"'
    assert automaton.drafted_bytes(automaton.start) == b'"ab\\'
    assert automaton.drafted_bytes(automaton.advance(automaton.start, b'"ab\\n')) == b'"'
