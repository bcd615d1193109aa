"""Combinators against regular expressions and sets, on every short string."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator

import pytest
from bytebound.grammars import (
    EmptyLanguage,
    Grammar,
    GrammarError,
    Unsupported,
    alternation,
    excluding,
    json_schema,
    lark,
    regex,
    repeat,
    sequence,
    tags,
    until,
)

NESTED = 'start: "(" start ")" | '


def strings(alphabet: str, length: int) -> Iterator[str]:
    for n in range(length + 1):
        yield from map("".join, itertools.product(alphabet, repeat=n))


@pytest.mark.parametrize(
    ("make", "pattern"),
    [
        (lambda: sequence("a", regex("b?"), "c"), "ab?c"),
        (lambda: sequence(), ""),
        (lambda: alternation("ab", regex("c+")), "ab|c+"),
        (lambda: repeat("ab", 2, 3), "(ab){2,3}"),
        (lambda: repeat(regex("a|bc"), 2), "(a|bc){2,}"),
        (lambda: repeat(regex("a?b?"), 2, 3), "(a?b?){2,3}"),
        (lambda: repeat(regex("(ab|c*)*"), 3, 3), "(ab|c)*"),
        (lambda: repeat("a", 0, 0), ""),
        (lambda: repeat(regex("")), ""),
        (lambda: repeat(repeat("a", 2, 2), 1, 2), "aa|aaaa"),
        (lambda: excluding(regex("[abc]+"), ["ab", "c", "xyz"]), "(?!(ab|c)$)[abc]+"),
        (lambda: excluding(regex("[abc]*"), ["ab", "cc"], anywhere=True), "(?!.*(ab|cc))[abc]*"),
        (lambda: ~regex("[ab]*c"), "(?![ab]*c$)[abc]*"),
        (lambda: ~~regex("a(b|c)*"), "a(b|c)*"),
        (lambda: until("ab", "c"), "((?!ab|c).)*(ab|c)"),
    ],
)
def test_every_short_string(make: Callable[[], Grammar], pattern: str) -> None:
    grammar = make()
    for text in strings("abc", 6):
        assert grammar.matches(text) == bool(re.fullmatch(pattern, text)), text


def test_counts_are_not_written_out() -> None:
    grammar = repeat(lark('start: "(" start ")" | "x"'), 1000, 100_000)
    assert grammar.program.nodes < 50
    assert grammar.matches("(x)" * 1000) and not grammar.matches("(x)" * 999)


def test_a_grammar_that_may_be_empty_is_repeated() -> None:
    grammar = repeat(lark('start: a a\na: "(" start ")" | "x" a | '), 0, 50)
    assert grammar.matches("") and grammar.matches("(x)xx()") and not grammar.matches("(x")


def test_complements_are_texts() -> None:
    grammar = ~regex("é*")
    assert grammar.matches("e") and not grammar.matches("éé") and not grammar.matches(b"\xc3")


def test_complements_of_nested_languages_are_refused() -> None:
    with pytest.raises(Unsupported, match="complement"):
        ~lark(NESTED)
    with pytest.raises(Unsupported, match="intersection"):
        excluding(lark(NESTED), ["()"])
    with pytest.raises(EmptyLanguage):
        excluding(regex("a|b"), ["a", "b"])


def accepts(text: str, *, least: int, most: int | None, stop: bool) -> bool:
    """Reference for tags <a>..</a> of digits and <b>..</b> of anything."""
    count, rest = 0, text
    while (found := re.search("<a>|<b>", rest)) is not None:
        body = re.match(r"\d*</a>" if found[0] == "<a>" else "(?s:.*?)</b>", rest[found.end() :])
        count += 1
        if body is None or (most is not None and count > most):
            return False
        rest = rest[found.end() + body.end() :]
        if stop:
            return rest == ""
    return count >= least


@pytest.mark.parametrize(
    ("least", "most", "stop"),
    [(0, None, False), (1, None, False), (1, 1, False), (0, 2, False), (0, 1, True), (1, 1, True)],
)
def test_tags(least: int, most: int | None, stop: bool) -> None:
    regions = [("<a>", regex("[0-9]*"), "</a>"), ("<b>", None, "</b>")]
    grammar = tags(regions, at_least=least, at_most=most, stop_after_first=stop)
    pieces = ["<a>", "</a>", "<b>", "</b>", "1", "x", "<"]
    hits = 0
    for n in range(7):
        for chosen in itertools.product(pieces if n < 5 else pieces[:5], repeat=n):
            text = "".join(chosen)
            expected = accepts(text, least=least, most=most, stop=stop)
            assert grammar.matches(text) == expected, text
            hits += expected
    assert hits > 20


def test_reason_first_then_call_a_tool() -> None:
    weather = json_schema({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]})
    tools = [("<function=weather>", weather, "</function>"), ("<function=now>", "{}", "</function>")]
    calls = tags(tools, triggers=["<function="], at_least=1, stop_after_first=True)
    grammar = sequence("<think>", until("</think>"), calls)
    assert grammar.matches('<think>Let < me think</think>\n<function=weather>{"city": "Rome"}</function>')
    assert not grammar.matches("<think>x</think>")
    assert not grammar.matches("<think>x</think><function=now>{}</function> more")
    automaton = grammar.automaton
    state = automaton.advance(automaton.start, b"<think></think>text <function=n")
    assert automaton.forced_bytes(state) == b"ow>{}</function>"
    assert automaton.is_dead(automaton.advance(automaton.start, b"<think></think><function=r"))


def test_free_text_without() -> None:
    grammar = tags([("<a>", "1", "")], without=["stop", "<|"])
    assert grammar.matches("x<a>1sto<a>1") and not grammar.matches("x stop") and not grammar.matches("<|<a>1")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tags([]), "one region"),
        (lambda: tags([("<a>", regex("x"))]), "begin, grammar, end"),  # type: ignore[list-item]
        (lambda: tags([("", regex("x"), "y")]), "begin is not empty"),
        (lambda: tags([("<a>", None, "")]), "needs an end"),
        (lambda: tags([("<a>", 3, "x")]), "not int"),  # type: ignore[list-item]
        (lambda: tags([("<a>", "x", "")], triggers=["<b"]), "no trigger begins"),
        (lambda: tags([("<a>", "x", "")], triggers=["<a", "<b"]), "no tag begins"),
        (lambda: tags([("<a>", "x", "")], triggers=[""]), "not empty"),
        (lambda: tags([("<a>", "x", "")], at_least=2, at_most=1), "impossible"),
        (lambda: tags([("<a>", "x", "")], at_least=2, stop_after_first=True), "one region|impossible"),
        (lambda: tags([("<a>", "x", ""), ("a", "x", "")]), "holds 'a'"),
        (lambda: repeat("a", 2, 1), "impossible"),
        (lambda: repeat(b"a"), "not bytes"),  # type: ignore[arg-type]
        (lambda: alternation(), "one grammar"),
        (lambda: sequence("a", 3), "not int"),  # type: ignore[arg-type]
        (lambda: excluding(regex("a"), []), "takes one text at least"),
        (lambda: excluding(regex("a"), "ab"), "takes one text at least"),
        (lambda: repeat("a", 1.5), "whole numbers, not 1.5"),  # type: ignore[call-overload]
        (lambda: until(), "takes one text at least"),
        (lambda: until("a", ""), "takes one text at least"),
    ],
)
def test_errors(make: Callable[[], Grammar], message: str) -> None:
    with pytest.raises(GrammarError, match=message):
        make()
