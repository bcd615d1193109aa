"""Terminals of the longest match against Lark's LALR parser with its basic lexer, on every short text."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

import lark as reference
import pytest
from bytebound import grammars

Accepted = Callable[[reference.Lark, str], bool]

CASES = {
    "keywords": ('start: "if" NAME | NAME "=" NAME\nNAME: /[fi]+/\n%ignore " "', "if= ", 6),
    "numbers": (
        'start: e\ne: e OP t | t\nt: INT | FLOAT | NAME | "(" e ")"\nOP: "+" | "++" | "<" | "<=" | "="\n'
        "INT: /[0-9]+/\nFLOAT: /[0-9]+\\.[0-9]*/\nNAME: /[a-z]+/\n%ignore /[ ]+/",
        "1.+<=a (",
        4,
    ),
    "comments": (
        'start: s*\ns: "a" X ";" | X ";" | "b" "a"\nX: /[ab]+/ | "1"\n%ignore /[ \\n]+/\n%ignore /#[^\\n]*/',
        "ab1; #\n",
        5,
    ),
    "strings": ('start: (S | N)+\nS: /".*?"/\nN: /[a-z]+/\n%ignore " "', '"a ', 7),
}


@pytest.mark.parametrize("name", CASES)
def test_every_short_text(name: str, accepted: Accepted) -> None:
    text, alphabet, length = CASES[name]
    grammar = grammars.lark(text, lexing="longest")
    parser = reference.Lark(text, parser="lalr", lexer="basic")
    hits = 0
    for n in range(length + 1):
        for letters in itertools.product(alphabet, repeat=n):
            string = "".join(letters)
            assert grammar.matches(string) == accepted(parser, string), string
            hits += grammar.matches(string)
    assert hits > 20


def test_only_terminals_that_may_come_compete_if_contextual(accepted: Accepted) -> None:
    text = 'start: "a" "in" X\nX: /[a-z]+/\n%ignore " "'
    assert grammars.lark(text, lexing="contextual").matches("a inx")  # X cannot stand where "in" does
    assert not grammars.lark(text, lexing="longest").matches("a inx")
    assert grammars.lark(text).matches("ainx")
    parser = reference.Lark(
        'start: e\ne: e OP t | t\nt: N | F\nOP: "+" | "++"\nN: /[0-9]+/\nF: /[0-9]+\\.[0-9]*/\n', parser="lalr"
    )
    grammar = grammars.lark(
        'start: e\ne: e OP t | t\nt: N | F\nOP: "+" | "++"\nN: /[0-9]+/\nF: /[0-9]+\\.[0-9]*/\n%ignore " "',
        lexing="contextual",
    )
    for n in range(6):
        for letters in itertools.product("1.+", repeat=n):
            assert grammar.matches("".join(letters)) == accepted(parser, "".join(letters)), letters


@pytest.mark.parametrize("lexing", ["longest", "contextual"])
@pytest.mark.parametrize("name", CASES)
def test_no_dead_ends_and_distances_are_bounds(name: str, lexing: str) -> None:
    text, alphabet, _ = CASES[name]
    automaton = grammars.lark(text, lexing=lexing).automaton
    for letters in itertools.product(alphabet, repeat=3):
        state = automaton.advance(automaton.start, "".join(letters).encode())
        if automaton.is_dead(state):
            continue
        bound = automaton.distance(state)
        seen, steps = {state}, 0
        while not any(map(automaton.is_accepting, seen)):
            seen = {t for s in seen for b in range(256) if not automaton.is_dead(t := automaton.step(s, b))}
            steps += 1
            assert steps <= bound, letters


def test_words_that_no_rule_uses_are_reserved_too() -> None:
    grammar = grammars.lark('start: NAME+\nNAME: /[a-z]+/\nRESERVED: "while" | "for"\n%ignore " "', lexing="longest")
    assert grammar.matches("whiles format") and not grammar.matches("a while b")


def test_a_character_beyond_ascii_is_a_letter_too() -> None:
    grammar = grammars.lark('start: "in" NAME | NAME\nNAME: /\\w+/\n%ignore " "', lexing="longest")
    assert grammar.matches("iné") and grammar.matches("in é") and grammar.matches("日本")
    assert not grammar.matches("in") and not grammar.matches("é é")


REFUSED = {
    "start: NAME NAME\nNAME: /[a-z]+/": "nothing is ignored",
    'start: A\nA: /[a-z ]+/\n%ignore " "': "swallow|ends all",
    'start: A+\nA: /[a-z ]+x/\n%ignore " "': "swallow|ends all",
    'start: A*\nA: "x"\n%ignore /#.*/': "swallow",
    'start: A "→"\nA: /\\w+/\n%ignore " "': "beyond ASCII",
    'start: A\nA.2: "x"\n%ignore " "': "priority",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_refused(text: str) -> None:
    with pytest.raises(grammars.Unsupported, match=REFUSED[text]):
        grammars.lark(text, lexing="longest")


def test_empty_terminals_and_holes_are_refused() -> None:
    with pytest.raises(grammars.GrammarError, match="empty string"):
        grammars.lark('start: A "y"\nA: "x"*\n%ignore " "', lexing="longest")
    with pytest.raises(grammars.Unsupported, match="hole"):
        grammars.lark('start: h\n%ignore " "', lexing="longest", holes={"h": grammars.regex("a")})
    with pytest.raises(grammars.GrammarError, match="dynamic"):
        grammars.lark('start: "a"', lexing="earley")


def test_it_stands_alone() -> None:
    grammar = grammars.lark('start: "x"\n%ignore " "', lexing="longest")
    for combine in (lambda: grammar + grammar, lambda: grammars.after("x", grammar), lambda: grammars.repeat(grammar)):
        with pytest.raises(grammars.Unsupported, match="stands alone"):
            combine()


def test_samples_end(sampler: Callable[[grammars.Grammar, random.Random, int], bytes], accepted: Accepted) -> None:
    rng = random.Random(3)
    for name, (text, _, _) in CASES.items():
        grammar = grammars.lark(text, lexing="longest")
        parser = reference.Lark(text, parser="lalr", lexer="basic")
        for _ in range(40):
            assert accepted(parser, sampler(grammar, rng, rng.randrange(30)).decode()), name
