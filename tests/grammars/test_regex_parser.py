r"""What patterns mean, what is refused by name and column, and what is broken, in both dialects."""

from __future__ import annotations

import functools
import re
import warnings

import pytest
from bytebound.grammars import BudgetExceeded, GrammarError, Unsupported
from bytebound.grammars.regular import parse

REFUSED = [
    (r"(a)\1", "back-reference", 4),
    (r"(?P<n>a)(?P=n)", "back-reference", 9),
    (r"(?<n>a)\k<n>", "back-reference", 8),
    (r"(a)\g<1>", "back-reference", 4),
    (r"(a)(?(1)b|c)", "conditional group", 4),
    (r"x(?(?=a)b|c)", "conditional group", 2),
    (r"(?|(a)|(b))", "branch reset", 1),
    (r"a(?R)?b", "recursion", 2),
    (r"a(?0)?b", "recursion", 2),
    (r"(a)(?1)", "subroutine call", 4),
    (r"(a)(?-1)", "subroutine call", 4),
    (r"(?<n>a)(?&n)", "subroutine call", 8),
    (r"(?P<n>a)(?P>n)", "subroutine call", 9),
    (r"\Ga", r"\G", 1),
    (r"a\Kb", r"\K", 2),
    (r"\X", r"\X", 1),
    (r"\R", r"\R", 1),
    (r"a(*PRUNE)b", "backtracking verb", 2),
    (r"[\w--\d]", "character class set operation", 4),
    (r"[a--b]", "character class set operation", 3),
    (r"[a&&b]", "character class set operation", 3),
    (r"[a||b]", "character class set operation", 3),
    (r"[a~~b]", "character class set operation", 3),
    (r"[[a-z]--[aeiou]]", "character class set operation", 1),
    (r"[[:alpha:]]", "POSIX character class", 2),
    (r"(?L)a", "locale flag", 1),
    (r"\p{Nonsense}", r"\p{Nonsense}", 1),
    (r"a\P{Nonsense}", r"\P{Nonsense}", 2),
    (r"(?>(a?)*b)", "atomic group", 4),
    (r"(?:a|b*)*+", "atomic group", 1),
    (r"(?>(?:ab){1,99}b)", "atomic group", 1),
    (r"(?<=(?>a|b))c", "atomic group", 5),
    ("(?>ab|" * 30 + "a" + "c|a)" * 30, "atomic group", 139),
]

BROKEN = [
    ("a(b", 2, "')' is missing"),
    ("ab)", 3, "unbalanced ')'"),
    ("[ab", 1, "']' is missing"),
    ("*a", 1, "nothing to repeat"),
    ("a|+", 3, "nothing to repeat"),
    ("^*", 2, "nothing to repeat"),
    (r"\b+", 3, "nothing to repeat"),
    ("a**", 3, "repeats a repetition"),
    ("a{2}{3}", 5, "repeats a repetition"),
    ("a{3,2}", 2, "maximum below its minimum"),
    ("[b-a]", 2, "runs backwards"),
    (r"[\d-z]", 2, "has a class for a border"),
    (r"\y", 1, "no escape"),
    (r"\z", 1, r"\Z"),
    ("\\", 2, "an escaped character"),
    (r"\x1", 1, "2 hexadecimal digits"),
    (r"\u12", 1, "4 hexadecimal digits"),
    (r"\U00110000", 1, "8 hexadecimal digits"),
    (r"\N{NO SUCH NAME}", 1, "no character of the name"),
    (r"\N", 3, "expected '{'"),
    (r"\777", 1, "beyond"),
    (r"[\8]", 2, "no escape in a class"),
    ("a(?i)b", 2, "global flags"),
    ("(?z)", 1, "unknown kind of group"),
    ("(?<1a>b)", 1, "no name for a group"),
    ("(?#a", 4, "the comment is not closed"),
    ("(?i-i:a)", 1, "contradictory flags"),
    ("(?-:a)", 1, "unknown kind of group"),
    (r"\p{L", 4, "the property is not closed"),
]


@pytest.mark.parametrize("pattern, keyword, column", REFUSED)
def test_refused_by_name_and_column(pattern: str, keyword: str, column: int) -> None:
    with pytest.raises(Unsupported) as caught:
        parse(pattern)
    assert (caught.value.keyword, caught.value.column) == (keyword, column)
    assert keyword in str(caught.value) and len(str(caught.value)) < 300


@pytest.mark.parametrize("pattern, column, message", BROKEN)
def test_broken_patterns(pattern: str, column: int, message: str) -> None:
    with pytest.raises(GrammarError, match=re.escape(message)) as caught:
        parse(pattern)
    assert not isinstance(caught.value, Unsupported)
    assert caught.value.column == column
    if r"\p" not in pattern:
        with pytest.raises(re.error):
            re.compile(pattern)


@pytest.mark.parametrize(
    "pattern",
    [r"\n", r"\t\a\f\v\r", r"\x41", r"\u00e9", r"\U0001F432", r"\N{DRAGON}", r"\0", r"\012", r"\101", r"[\101\1]",
     r"[\b]", r"[]a]", r"[^]a]", r"[a-]", r"[-a]", r"[a\-z]", r"[\]]", r"[[a]", r"[a[]", r"\.\-\_\ ", "a{", "a{,",
     "a{x}", "{1", "a{}", "a{,2}", "a{,}", "a{2,}", "(?x) a b # comment\n c", "(?x)[ ]a", "a(?#comment)b",
     "a(?#comment)*", "(?i:a)b", "(?s).", "(?s:.).", "(?i)k", "(?i)[^k]", "(?i)[a-f]", "(?ai)k", r"(?a)\w",
     r"(?a:\d)\d", r"(?-i:a)", "(?m)^a$", "(?P<n>a)", "(a|)", "(|a)+", "()", "", "a??b*?c+?d{1,2}?", r"a(?=b)*b",
     r"\A\Z", r"(?u)\w", r"[^\W\d_]", r"[\s\S]", "]", "}", "a}"],
)  # fmt: skip
def test_python_patterns_mean_what_re_says(pattern: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        reference = re.compile(pattern)
    expression = parse(pattern)
    tried = ["", "\n", "\t\a\f\v\r", "\0", "\b", "\x01", "abc", "ab", "aa", "aaa", "b", "K", "k", "\u212a", "a\nb",
             "a\n", " a", "a{", "a{,", "a{x}", "a{}", "{1", "a}", "é", "É", "🐲", ".-_ ", "aabccdd", "-", "]", "[",
             "^", "A", "Ab", "aB", "F", "G", "٣", "1٣", "_", "z", "acb", "a b", "a b # comment\n c", "\\"]  # fmt: skip
    for text in tried:
        assert expression.automaton().matches(text) == bool(reference.fullmatch(text)), text
        assert expression.automaton(search=True).matches(text) == bool(reference.search(text)), text


@pytest.mark.parametrize(
    "pattern, matching, others",
    [
        (r"^\cC$", ["\x03"], ["\\cC", "\x03\n", "C"]),
        (r"^\cc$", ["\x03"], ["c"]),
        (r"^\d$", ["7"], ["٣", "7\n"]),
        (r"^\w$", ["a", "_", "9"], ["é", "-"]),
        (r"^\W$", ["é", "-"], ["a"]),
        (r"^\s$", [" ", "\ufeff", "\u2029", "\u00a0", "\v"], ["\x1c", "\u0085"]),
        (r"^\S$", ["\x1c", "\u0085", "\u180e"], [" "]),
        (r"^.$", ["a", "\u0085", "🐲"], ["\n", "\r", "\u2028", "\u2029"]),
        (r"^[^]$", ["\n", "a"], ["", "ab"]),
        (r"^[]$", [], ["", "a"]),
        (r"a|[]", ["a"], ["b"]),
        (r"^\u{1F432}*$", ["", "🐲🐲"], ["\ud83d"]),
        (r"^\ud83d\udc32$", ["🐲"], ["\ud83d"]),
        (r"^[\ud83d\udc32-\u{1f433}]$", ["🐲", "🐳"], ["🐴"]),
        (r"^\x41\/\-\.\0$", ["A/-.\0"], []),
        (r"^\p{Letter}cole$", ["école", "Zcole"], ["1cole"]),
        (r"^\p{Script=Greek}$", ["λ"], ["l"]),
        (r"^[\p{Lu}\d]\P{Lu}$", ["Aé", "1b"], ["aA"]),
        (r"^(?<year>\d{4})$", ["2024"], ["202"]),
        (r"^[\w-.]+$", ["a-.b"], ["a/b"]),
        (r"^[a-z0-9-_]+$", ["a-_"], ["A"]),
        (r"^[a&&b||c]+$", ["a&b|c"], ["d"]),
        (r"^[[a]$", ["[", "a"], ["]"]),
        (r"x{,2}", ["x{,2}"], ["xx"]),
        (r"^a{$", ["a{"], ["a"]),
        (r"(?i:a)b", ["Ab", "ab"], ["aB"]),
        (r"(?=a)*b", ["b"], ["a"]),
        (r"\bfoo\b", ["a foo", "éfoo"], ["afoo"]),
        (r"(?<!\$)\b\d+$", ["12"], ["$12", "12\n"]),
        (r"^abc$", ["abc"], ["abc\n", "\nabc"]),
    ],
)
def test_ecma_patterns(pattern: str, matching: list[str], others: list[str]) -> None:
    automaton = parse(pattern, "ecma").automaton(search=True)
    assert [automaton.matches(text) for text in matching] == [True] * len(matching)
    assert [automaton.matches(text) for text in others] == [False] * len(others)


def test_ecma_flags() -> None:
    assert parse("^a.b$", "ecma", "is").automaton(search=True).matches("A\nB")
    lines = parse("^a$", "ecma", "m").automaton(search=True)
    assert lines.matches("x\u2028a\rb") and not lines.matches("x\u0085a")


@pytest.mark.parametrize(
    "pattern, column",
    [(r"\a", 1), (r"\Z", 1), (r"\c1", 1), (r"\u{110000}", 1), (r"\01", 1), ("a*+", 3), ("(?<=a)*", 7), (r"\p", 3)],
)
def test_broken_ecma_patterns(pattern: str, column: int) -> None:
    with pytest.raises(GrammarError) as caught:
        parse(pattern, "ecma")
    assert caught.value.column == column and not isinstance(caught.value, Unsupported)


@pytest.mark.parametrize(
    "pattern, keyword", [(r"(a)\1", "back-reference"), (r"\k<n>", "back-reference"), ("(?i)a", "inline flags")]
)
def test_refused_ecma_patterns(pattern: str, keyword: str) -> None:
    with pytest.raises(Unsupported) as caught:
        parse(pattern, "ecma")
    assert caught.value.keyword == keyword


def test_flags_and_dialects_are_checked() -> None:
    with pytest.raises(GrammarError, match="flag 'q'"):
        parse("a", flags="q")
    with pytest.raises(GrammarError, match="dialect 'perl'"):
        parse("a", "perl")
    assert parse("a b", flags="xi").automaton().matches("AB")


def test_nesting_and_counts_have_limits() -> None:
    assert parse("(" * 100 + "a" + ")" * 100).automaton().matches("a")
    with pytest.raises(BudgetExceeded, match="nest deeper"):
        parse("(" * 5000 + "a" + ")" * 5000)
    with pytest.raises(BudgetExceeded, match="too large"):
        parse(functools.reduce(lambda inner, _: f"(?:{inner}(?:bc)?{inner})*", range(8), "a?"))
    with pytest.raises(BudgetExceeded, match="beyond"):
        parse("a{99999999999}")


def test_parsed_patterns_are_remembered() -> None:
    assert parse("a+b") is parse("a+b")
    assert parse("a+b").automaton() is parse("a+b").automaton()
