"""Broken, empty, hostile and unsupported grammars: where and why, and within budgets."""

from __future__ import annotations

import pytest
from bytebound import decoding, grammars
from bytebound.grammars import Budget, BudgetExceeded, EmptyLanguage, GrammarError, Unsupported

# grammar: (line, column, what the message says)
BROKEN = {
    "start: a": (1, 8, "rule 'a' is not defined"),
    'start: exprr\nexpr: "a"': (1, 8, "did you mean expr"),
    "start: NUMBR\nNUMBER: /[0-9]/": (1, 8, "terminal 'NUMBR' is not defined; did you mean NUMBER"),
    "": (1, 1, "rule 'start' is not defined"),
    'start: "a': (1, 8, "not closed"),
    'start: "a" )': (1, 12, "expected the end of the line.*found '\\)'"),
    'start: ("a"': (1, 12, "expected '\\)'.*found the end of the grammar"),
    'start "a"': (1, 7, "expected ':'"),
    'start: "a"\n\nstart: "b"': (3, 1, "defined twice, first in line 1"),
    'start: "a"\n  | /b(/': (2, 7, "not closed"),
    "start: /a": (1, 8, "regular expression is not closed"),
    'start: A\nA: A "x"': (2, 4, "refers to itself"),
    'start: A\nA: b "x"\nb: "b"': (2, 4, "rule 'b' stands in a terminal"),
    'start: "z".."a"': (1, 8, "range"),
    'start: "a"~3..2': (1, 12, "n..m"),
    'start: "a"~': (1, 12, "expected a number"),
    'start: "a"**': (1, 12, "second"),
    'start: _s{"a"}\n_s{x, y}: x y': (1, 8, "takes 2 arguments, not 1"),
    'start: _s{"a"}\n_s{x, x}: x': (2, 7, "twice"),
    "start: _s{}\n_s{x}: x": (1, 11, "expected an argument"),
    'start: _s{"a"}\n_s{x}: x{"b"}': (2, 8, "takes no arguments"),
    'start: ""': (1, 8, "empty string"),
    "%import foo.bar\nstart: bar": (1, 1, "imports="),
    "%import common.NUMBR\nstart: NUMBR": (1, 1, "did you mean NUMBER"),
    "%import common\nstart: NUMBR": (1, 15, "expected '.'"),
    "%foo x": (1, 1, "no directive"),
    '%extend x: "a"': (1, 9, "'x' is not defined"),
    '%hole x\nstart: x "a"': (1, 7, "holes="),
    "%hole\nstart: x": (1, 6, "name of a hole"),
    'start: "a" ->': (1, 12, "expected a name"),
    r'start: "\xZZ"': (1, 9, "hexadecimal"),
}

REFUSED = {
    "%declare X\nstart: X": (1, 1, "%declare"),
    "start: /a(?=b)/": (1, 8, "lookaround"),
    "start: NAME\nNAME: /\\bx/": (2, 7, "lookaround"),
    r"start: /(a)\1/": (1, 8, "back-reference"),
    "start: /(?<!x)y/": (1, 8, "lookaround"),
    "start: /x$/": (1, 8, "lookaround"),
    "start: /(?!if)[a-z]+/": (1, 8, "lookaround"),
    "start: /[a-z]++/": (1, 8, "lookaround"),
}


@pytest.mark.parametrize("text", BROKEN)
def test_broken_grammars(text: str) -> None:
    line, column, message = BROKEN[text]
    with pytest.raises(GrammarError, match=message) as caught:
        grammars.lark(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    *_, shown, caret = str(caught.value).split("\n")
    assert shown[4:] == (text.split("\n")[line - 1] if text else "")
    assert caret.index("^") == column + 3


@pytest.mark.parametrize("text", REFUSED)
def test_refused_by_name(text: str) -> None:
    line, column, keyword = REFUSED[text]
    with pytest.raises(Unsupported) as caught:
        grammars.lark(text)
    assert (caught.value.line, caught.value.column, caught.value.keyword) == (line, column, keyword)


def test_errors_in_other_modules_say_so() -> None:
    with pytest.raises(GrammarError, match="in other: rule 'b' is not defined") as caught:
        grammars.lark("%import other.a\nstart: a", imports={"other": '\na: "x" b'})
    assert (caught.value.line, caught.value.column) == (2, 8)


@pytest.mark.parametrize("text", ['start: start "a"', "start: a\na: b\nb: a | b b", "start: A\nA: /[^\\s\\S]/"])
def test_nothing_matches(text: str) -> None:
    with pytest.raises(EmptyLanguage, match="no text"):
        grammars.lark(text)


def test_wrong_arguments() -> None:
    with pytest.raises(GrammarError, match="str"):
        grammars.lark(3)  # type: ignore[arg-type]
    with pytest.raises(GrammarError, match="not a Grammar"):
        grammars.lark("start: h", holes={"h": "x"})  # type: ignore[dict-item]
    with pytest.raises(GrammarError, match="library, which has arithmetic"):
        grammars.library("rust")
    with pytest.raises(GrammarError, match="'other' is not defined"):
        grammars.lark('start: "a"', start="other")


HOSTILE = {
    "growing templates": 'start: _t{"a"}\n_t{x}: _t{(x x)} | x',
    "doubling templates": 'start: _t0{"a"}\n'
    + "\n".join(f"_t{i}{{x}}: _t{i + 1}{{x}} _t{i + 1}{{_t{i + 1}{{x}}}}" for i in range(20))
    + "\n_t20{x}: x x",
    "doubling terminals": "start: A0\n" + "\n".join(f"A{i}: A{i + 1} A{i + 1}" for i in range(40)) + '\nA40: "a"',
    "deep groups": "start: " + "(" * 5000 + '"a"' + ")" * 5000,
    "deep arguments": "start: " + "_t{" * 5000 + '"a"' + "}" * 5000 + "\n_t{x}: x",
    "doubling rules": "start: a0\n" + "\n".join(f"a{i}: a{i + 1} a{i + 1}" for i in range(40)) + '\na40: "a"',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_grammars_end_in_errors(name: str) -> None:
    with pytest.raises(GrammarError, match=r"more than|less than|deep"):
        grammars.lark(HOSTILE[name])


def test_large_grammars_work() -> None:
    assert grammars.lark('start: ((("a"~1000)~1000)~1000)~2..1000').automaton.start == 0
    assert grammars.lark("start: " + "(" * 90 + '"a"' + ")~3" * 90).automaton.start == 0
    chain = "start: a0\n" + "\n".join(f'a{i}: a{i + 1} | "x" a{i}' for i in range(1000)) + '\na1000: "a"'
    assert grammars.lark(chain).matches("x" * 100 + "a")
    words = grammars.lark("start: " + " | ".join(f'"word{i}x"' for i in range(2000)))
    assert words.matches("word777x") and not words.matches("word7777x")
    subsets = grammars.lark('start: ("a" | "b")* "a" ' + '("a" | "b") ' * 40)
    assert subsets.matches("b" * 9 + "a" + "ba" * 20) and not subsets.matches("b" * 50)
    rules = "\n".join(f'a{i}: a{(i + 1) % 25} "x" | "y" a{(i * 7) % 25} | "z"' for i in range(25))
    assert grammars.lark(f"start: a0\n{rules}").matches("yyz" + "x" * 50)


def test_budgets_hold() -> None:
    with pytest.raises(BudgetExceeded, match="nodes"):
        grammars.lark("start: " + " ".join(f'"word{i}"' for i in range(200)), budget=Budget(nodes=500))
    with pytest.raises(BudgetExceeded, match="seconds"):
        grammars.lark('start: "a" start | "b"', budget=Budget(seconds=0))
    tight = grammars.lark('start: "a" start "b" | "a" start | ', budget=Budget(configurations=5_000))
    with pytest.raises(BudgetExceeded, match="configurations"):
        tight.matches("a" * 10_000)


def test_mutually_left_recursive_rules_while_they_run() -> None:
    """A state with more configurations than the first arena has room for: it grows, or the budget ends it."""
    n = 150
    rules = (f'r{i}: r{(i + 1) % n} "a" | r{(7 * i + 3) % n} "b" r{(5 * i + 1) % n} | "c"\n' for i in range(n))
    hostile = grammars.lark("start: r0\n" + "".join(rules))
    assert hostile.matches("c")
    with pytest.raises(BudgetExceeded, match="configurations"):
        hostile.matches("cbcbcbcbcb")
    masker = decoding.Masker(hostile, decoding.Vocabulary.from_bytes([b"a", b"b", b"c", b"cbcbcb", b"bcb", b"bc"]))
    with pytest.raises(BudgetExceeded, match="configurations"):
        masker.allowed(masker.start)
