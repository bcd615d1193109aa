"""Lark's grammar language against Lark's Earley parser with its complete dynamic lexer, on every short text."""

from __future__ import annotations

import itertools
import logging
import random
import re
from collections.abc import Callable

import lark as reference
import pytest
from bytebound import grammars

Accepted = Callable[[reference.Lark, str], bool]

# text, alphabet, and up to which length every string is tried
CASES = {
    "ambiguous": ('start: start start | "a"', "ab", 7),
    "more ambiguous": ('start: start start start | "a" | "b" start', "ab", 6),
    "operators": ('start: start "+" start | start "*" start | "-" start | "1"', "1+*-", 5),
    "nullable": ('start: a b a\na: "x"? \nb: ("y" a)*', "xy", 7),
    "left recursive": ('start: start "a" | "b"', "ab", 7),
    "indirect": ('start: x "a" | "c"\nx: y "b" | "d"\ny: start "e" | x "f" | "g"', "abcdefg", 4),
    "hidden left recursive": ('start: n start "a" | "b"\nn: "c"? | "d"*', "abcd", 5),
    "hidden behind two": ('start: n x "a" | "b"\nn: m m\nm: "c"?\nx: n start n "d" | m', "abcd", 5),
    "cyclic": ('start: start | x\nx: start | "a" x | "b"', "ab", 7),
    "right recursive": ('start: "a" start | ', "ab", 6),
    "palindromes": ('start: "a" start "a" | "b" start "b" | "a" | "b" | ', "ab", 7),
    "template": ('start: _sep{item, ","}\n_sep{x, y}: x (y x)*\nitem: "a" | "(" _sep{item, ";"} ")"', "a,;()", 5),
    "left recursive template": (
        'start: _many{"a"} | _pair{_many{"b"}, X}\n_many{x}: x | _many{x} x\n_pair{x, y}: "<" x y ">"\nX: "c"',
        "abc<>",
        5,
    ),
    "ignored": ('start: "a" b* "c"\nb: "b" | NAME\nNAME: /[bd]+/\n%ignore " "', "abcd ", 5),
    "ignored twice": ('start: A? B?\nA: "a"+\nB: "b"\n%ignore /[ x]+/\n%ignore "--"', "ab x-", 5),
    "counts": ('start: ("a" "b"?)~2..3 | "c"~3 | ("d" | "e"?)~0..2', "abcde", 5),
    "ranges": ('start: "a".."c" "x"i ["y"]\n', "abcxXy", 4),
    "lazy": ('start: (S | "a")+\nS: /".*?"/', 'a"', 7),
    "lookbehind": ('start: (S | "a")+\nS: /".*?(?<!\\\\)(\\\\\\\\)*?"/', 'a"\\', 6),
    "lookahead": ('start: (C | "x" | "-")+\nC: /<(?:(?!->)[-x>])*->/', "<->x", 7),
    "keywords": ('start: "if" NAME | NAME "=" NAME\nNAME: /[fi]+/\n%ignore " "', "if= ", 6),
    "terminals": ('start: (A B)+\nA: "x" B? | "y"i\nB: "z"+ | C~2\nC: "y"', "xyYz", 5),
    "dangling else": ('start: s\ns: "i" s "e" s | "i" s | "x"', "iex", 7),
    "mutually recursive": ('start: a\na: b "x" | "1"\nb: a "y" | b "z" | "2" a', "xyz12", 5),
    "marks": ('start: (_x | y | z)+ -> name\n_x.2: "x"\n!y: "y"\n?z: "z" | "(" z ")" -> b', "xyz()", 4),
}


@pytest.mark.parametrize("name", CASES)
def test_every_short_text(name: str, accepted: Accepted) -> None:
    text, alphabet, length = CASES[name]
    grammar = grammars.lark(text)
    parser = reference.Lark(text, parser="earley", lexer="dynamic_complete")
    rng = random.Random(name)
    hits = 0
    for n in range(length + 1):
        for letters in itertools.product(alphabet, repeat=n):
            string = "".join(letters)
            ours = grammar.matches(string)
            hits += ours
            if ours or n < 4 or rng.random() < 0.05:
                assert ours == accepted(parser, string), string
    assert hits > 1


def test_long_counts() -> None:
    grammar = grammars.lark('start: "a"~5..700 x~6\nx: "c" | "d"?')
    for string, expected in {
        "a" * 5: True, "a" * 4: False, "a" * 700 + "cddcdc": True, "a" * 701: False, "a" * 5 + "c" * 7: False,
    }.items():  # fmt: skip
        assert grammar.matches(string) == expected, string
    recursive = grammars.lark('start: "a" | start "b" | start~6..7 "e" | "c" start~0..8 "d"')
    for string, expected in {
        "ab" * 6 + "e": True, "ab" * 5 + "e": False, "a" * 7 + "eb": True, "a" * 8 + "e": False, "cd": True,
        "a" * 6 + "e" + "a" * 5 + "e": True, "c" + "a" * 8 + "d": True, "c" + "a" * 9 + "d": False,
    }.items():  # fmt: skip
        assert recursive.matches(string) == expected, string
    rounds = grammars.lark('start: (("a"~0..1000)~0..1000)~3 "b"')  # rounds of rounds are rounds
    assert rounds.matches("a" * 5_000 + "b")


def test_what_is_read_may_be_deep_or_long() -> None:
    nested = grammars.lark('start: "(" start ")" | "[" start* "]" | e\ne: e "+" e | "1"')
    assert nested.matches("(" * 10_000 + "1" + ")" * 10_000)
    assert not nested.matches("(" * 10_000 + "1" + ")" * 9_999)
    assert nested.matches("[(1)" * 5_000 + "]" * 5_000)
    states = grammars.lark('start: e\ne: e "+" e | e "*" e | "1"').automaton
    assert states.advance(states.start, b"1+1*" * 20_000 + b"1") >= 0
    assert states.states < 10  # ambiguity costs nothing here
    right = grammars.lark('start: x\nx: "a" "," x | "a"').automaton
    right.advance(right.start, b"a," * 5_000)
    assert right.states < 10  # tail calls need no stack


def test_comments_lines_and_escapes() -> None:
    text = r"""
    // a comment
    start: "\"" "\\" "\n" "\x41" "é"  # another
         | a    -> with_name
    # and one between
         | ("b"
            | "c" "\u00e9")   // groups go on over lines
    a: /\/\d+\x2f/i /(?x: y  # why
        z)/s
    """
    grammar = grammars.lark(text)
    for string, expected in {
        '"\\\nAé': True,
        "/12/yz": True,
        "b": True,
        "cé": True,
        "c": False,
        "/x/yz": False,
    }.items():
        assert grammar.matches(string) == expected, string


def test_common_terminals_agree_with_larks(accepted: Accepted) -> None:
    names = "INT NUMBER SIGNED_NUMBER FLOAT ESCAPED_STRING WORD CNAME WS NEWLINE SH_COMMENT CPP_COMMENT C_COMMENT"
    rng = random.Random(1)
    for name in names.split():
        text = f"start: {name}\n%import common.{name}"
        ours, parser = grammars.lark(text), reference.Lark(text, parser="earley", lexer="dynamic_complete")
        for _ in range(400):
            string = "".join(rng.choice('1.e+-"\\ab_ \n\r/*#') for _ in range(rng.randrange(6)))
            assert ours.matches(string) == accepted(parser, string), (name, string)


def test_imports_override_extend() -> None:
    other = 'item: "x" | NAME\nNAME: "n" tail\ntail_: "t"\n'.replace('NAME: "n" tail', 'NAME: "n" TAIL\nTAIL: "t"')
    base = "%import other.item\n%import other (NAME)\nstart: item NAME\n"
    assert grammars.lark(base, imports={"other": other}).matches("xnt")
    extended = grammars.lark(base + '%extend item: "y"\n', imports={"other": other})
    assert extended.matches("ynt") and extended.matches("xnt")
    changed = grammars.lark(base + '%override NAME: "m"\n', imports={"other": other})
    assert changed.matches("mm") and not changed.matches("xnt")
    renamed = grammars.lark("%import other.item -> thing\nstart: thing+", imports={"other": other})
    assert renamed.matches("xntx")


def test_holes_are_other_grammars() -> None:
    schema = grammars.json_schema({"type": "integer"})
    text = 'start: "call(" [value ("," value)*] ")"\n%hole value\n%ignore " "'
    grammar = grammars.lark(text, holes={"value": schema})
    assert grammar.matches("call( 12 , 5 )") and grammar.matches("call()") and not grammar.matches("call(x)")
    undeclared = grammars.lark('start: VALUE "." start | VALUE', holes={"VALUE": schema})
    assert undeclared.matches("1.-2.3") and not undeclared.matches("1..3")


@pytest.mark.parametrize("hole", [r"a*", r"(a|b{2})?", r"", r"(?:a{0,9}b){0,7}"])
def test_a_hole_may_be_empty(hole: str) -> None:
    """Also where an empty one makes a rule left recursive, or is repeated."""
    filling = grammars.regex(hole)
    grammar = grammars.lark('start: H start "x" | "y" | "z" H~5..6 "z"', holes={"H": filling})
    rewritten = grammars.regex(rf"(?:{hole})*(?:y|z(?:{hole}){{5,6}}z)x*")
    for n in range(7):
        for letters in itertools.product("abxyz", repeat=n):
            string = "".join(letters)
            body = string.rstrip("x")
            expected = rewritten.matches(string) if len(string) == len(body) else None
            if expected is not None and string[:1] in "yz":
                assert grammar.matches(string) == expected, string
    assert grammar.matches("yxx") and grammar.matches("zz") == filling.matches("")


def test_rules_without_use_are_named(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "bytebound.grammars"):
        grammars.lark('start: "a" | barren\nbarren: barren "x"\nunused: "b"')
    assert "not reachable from the start: unused" in caplog.text
    assert "match nothing: barren" in caplog.text


LOOKING = [
    "a(?=b)b",
    "(?!ab)[ab]{3}",
    "a(?<=a)b*",
    "b(?!a(?!b))[ab]{2}",
    "a(?:(?!bb).)*bb",
    "(?>ab|a)b",
    "a(?<!b)(?<=a)b",
]
SEEING_FAR = [
    "a(?=b)",
    "(?<=a)b",
    "(?!ab)[ab]+",
    "a(?!b(?!a))b?",
    "a++",
    "(?<!a)b|ab",
    "^a",
    "a$",
    r"\ba",
    "(?>ab|a)b?",
]


@pytest.mark.parametrize("pattern", LOOKING)
def test_lookarounds_that_see_their_own_terminal_only(pattern: str) -> None:
    grammar = grammars.lark(f"start: X\nX: /{pattern}/")
    strings = ["".join(p) for n in range(5) for p in itertools.product("ab", repeat=n)]
    assert any(map(grammar.matches, strings))
    for before, after in itertools.product(["", "a", "b", "ab", "ba"], repeat=2):
        around = re.compile(rf"{before}(?:{pattern}){after}")
        for string in strings:
            assert grammar.matches(string) == bool(around.fullmatch(before + string + after)), (before, string, after)


@pytest.mark.parametrize("pattern", SEEING_FAR)
def test_lookarounds_that_see_beyond_are_refused(pattern: str) -> None:
    with pytest.raises(grammars.Unsupported, match="depends on what stands around"):
        grammars.lark(f"start: X\nX: /{pattern}/")
