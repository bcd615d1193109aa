"""GBNF: against the same grammars in Lark's language, regular expressions and json."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable

import pytest
from bytebound import grammars
from bytebound.grammars import EmptyLanguage, Grammar, GrammarError, Unsupported, ebnf, lark, regex

JSON = r"""
# A value, and white space where it may be.
root    ::= ws value
value   ::= object | array | string | number
          | ("true" | "false" | "null") ws     # names
object  ::= "{" ws ( pair ("," ws pair)* )? "}" ws
pair    ::= string ":" ws value
array   ::= "[" ws (
              value ("," ws value)*
            )? "]" ws
string  ::= "\"" ([^"\\\x00-\x1f] | "\\" (["\\/bfnrt] | "u" [0-9a-fA-F]{4}))* "\"" ws
number  ::= "-"? ("0" | [1-9] [0-9]*) ("." [0-9]+)? ([eE] [+\-]? [0-9]+)? ws
ws      ::= [ \t\n\r]*
"""


def is_json(text: str) -> bool:
    try:
        json.loads(text, parse_constant=int)
    except ValueError:
        return False
    return True


def test_json(
    sampler: Callable[[Grammar, random.Random, int], bytes], mutate: Callable[[str, random.Random, str], str]
) -> None:
    grammar, rng = ebnf(JSON), random.Random(1)
    for _ in range(100):
        text = sampler(grammar, rng, rng.randrange(40)).decode()
        assert is_json(text), text
        for _ in range(10):
            near = mutate(text, rng, '{}[]",:0-1.eE+ tnu\\\t\x01')
            assert grammar.matches(near) == is_json(near), near
    assert grammar.matches("[" * 10_000 + "]" * 10_000)


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        (r'root ::= [a-c\]x-]{2,3} | "d"{2,} | "e"{2} | "f"{,2}', r"[abc\]x-]{2,3}|d{2,}|ee|f{0,2}"),
        ('root ::= "a"* ("b" | "c")+ "d"?', "a*[bc]+d?"),
        ('root ::= [^a-c] . "d"?', r"(?s:[^abc].d?)"),
        ('root ::= ("a"?)* "" "b"', "a*b"),
        ('root ::= x-1 | y.2\nx-1 ::= "a" y.2\ny.2 ::= "b" | ""', "ab?|b?"),
        (r'root ::= "\x61\u0062\U00000063" [\u0064\n]', r"abc[d\n]"),
        ('root ::= "a" # one\n  "b"\n\n  | "c"\nother ::= "d"', "ab|c"),
        ('root ::= "a"{3}{2} | ("b"{2}){,1}', "a{6}|(bb)?"),
        ('root ::= | "a" |', "a?"),
        ("root ::= [+-] [.] [$]", r"[+-][.]\$"),
    ],
)
def test_regular_ones(text: str, pattern: str) -> None:
    grammar, expected = ebnf(text), regex(pattern)
    for n in range(6):
        for letters in itertools.product("abcd" if n > 3 else "abcdef]x-\n+.$", repeat=n):
            string = "".join(letters)
            assert grammar.matches(string) == expected.matches(string), string


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ('root ::= root "a" | "b"', 'start: start "a" | "b"'),
        ('root ::= n root "a" | "b"\nn ::= "c"?', 'start: n start "a" | "b"\nn: "c"?'),
        ('root ::= "a" root "b" | ', 'start: "a" start "b" | '),
        ('root ::= root root | "a" | "(" root ")"', 'start: start start | "a" | "(" start ")"'),
    ],
)
def test_recursive_ones(text: str, same: str) -> None:
    grammar, expected = ebnf(text), lark(same)
    for n in range(7):
        for letters in itertools.product("abc()" if n < 6 else "ab", repeat=n):
            assert grammar.matches("".join(letters)) == expected.matches("".join(letters)), letters


def test_holes_and_other_roots() -> None:
    grammar = ebnf('top ::= "<" inner ">" top | ""', root="top", holes={"inner": grammars.regex("[0-9]*")})
    assert grammar.matches("<1><><22>") and grammar.matches("") and not grammar.matches("<x>")


BROKEN = {
    'root = "a"': (1, 6, "expected '::='"),
    "root ::= foo": (1, 10, "'foo' is not defined"),
    'root ::= vlue\nvalue ::= "a"': (1, 10, "did you mean value"),
    "root ::= [a": (1, 10, "class is not closed"),
    "root ::= []": (1, 10, "empty class"),
    "root ::= [z-a]": (1, 14, "range"),
    'root ::= "a" | (': (1, 17, "expected '\\)'"),
    'root ::= "a': (1, 10, "not closed"),
    r'root ::= "\q"': (1, 11, "no escape"),
    'root ::= "a"{3,2}': (1, 13, "n <= m"),
    'root ::= "a"{x}': (1, 14, "number of times"),
    'x ::= "a"': (1, 1, "'root' is not defined"),
    'root ::= "a"\nroot ::= "b"': (2, 1, "defined twice, first in line 1"),
    'root ::= "a" ::= "b"': (1, 14, "expected the name of a rule"),
    "root ::= " + "(" * 500: (1, 111, "deep"),
}


@pytest.mark.parametrize("text", BROKEN)
def test_broken(text: str) -> None:
    line, column, message = BROKEN[text]
    with pytest.raises(GrammarError, match=message) as caught:
        ebnf(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert str(caught.value).endswith("^")


@pytest.mark.parametrize(
    ("text", "keyword"),
    [
        ("root ::= <think>", "<token>"),
        ("root ::= !<[12]>", "<token>"),
        ('root ::= "a" (= "b")', "(="),
        ('root ::= TagDispatch(("a", b))\nb ::= "c"', "TagDispatch"),
    ],
)
def test_refused(text: str, keyword: str) -> None:
    with pytest.raises(Unsupported) as caught:
        ebnf(text)
    assert caught.value.keyword == keyword


def test_nothing_matches() -> None:
    with pytest.raises(EmptyLanguage, match="root"):
        ebnf('root ::= root "a"')
    with pytest.raises(GrammarError, match="str"):
        ebnf(b"root ::= x")  # type: ignore[arg-type]
