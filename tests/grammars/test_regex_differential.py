"""Patterns against `re`, `regex` and interegular: 100,000 strings, matching, nearly matching, random; no disagreement.

Python before 3.14 says that \\B does not match in the empty text, against `regex`, ECMAScript and later Pythons; that
one case is left out of the comparison.
"""

from __future__ import annotations

import csv
import random
import re
import warnings
from collections.abc import Callable
from pathlib import Path

import interegular
import pytest
import regex
from bytebound.grammars import BudgetExceeded, Grammar, Unsupported
from bytebound.grammars.regular import CharacterAutomaton, Expression, parse
from bytebound.grammars.utf8 import add_characters

LETTERS = ["a", "b", "c", "A", "k", " ", "\n", "é", "É", "ſ", "\u212a", "1", "_", "-", "𝒳"]
CLASSES = [r"\w", r"\W", r"\d", r"\D", r"\s", r"\S"]
QUANTIFIERS = ["*", "+", "?", "{2}", "{1,2}", "{0,2}", "{2,}", "*?", "+?", "??", "{1,3}?"]
POSSESSIVE = ["*+", "++", "?+", "{1,2}+", "{2}+", "{1,}+"]
ANCHORS = ["^", "$", r"\b", r"\B", r"\A", r"\Z"]

# Of ../shared/patterns: what is refused, by construct. Everything else there is accepted.
REFUSED = {
    "back-reference": 43,
    "conditional group": 36,
    "subroutine call": 13,
    "recursion": 3,
    "branch reset": 4,
    "character class set operation": 12,
    "backtracking verb": 1,
    r"\G": 1,
}


class PatternGenerator:
    """Random patterns of Python's `re`, every construct of it that is regular."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def pattern(self) -> str:
        body = self.sequence(self.random.choice([0, 1, 1, 2]))
        if self.random.random() < 0.1:
            body = f"{body}|{self.sequence(1)}"
        frame = self.random.choice(["{}", "{}", "{}", "^{}$", "(?i){}", "(?a){}", "(?m){}", "(?s){}", "(?x){}", "^{}"])
        return frame.format(body)

    def sequence(self, depth: int) -> str:
        return "".join(self.item(depth) for _ in range(self.random.randint(1, 3)))

    def item(self, depth: int) -> str:
        chance = self.random.random()
        if depth == 0 or chance < 0.45:
            return self.character() + self.quantifier(POSSESSIVE)
        inner = self.sequence(depth - 1)
        if chance < 0.62:
            return f"(?:{inner}|{self.sequence(depth - 1)}){self.quantifier()}"
        if chance < 0.70:
            return f"({inner}){self.quantifier()}"
        if chance < 0.75:
            return f"({self.random.choice(['?i', '?s', '?m', '?-i', '?a'])}:{inner})"
        if chance < 0.82:
            return self.random.choice(ANCHORS)
        if chance < 0.89:
            return f"({self.random.choice(['?=', '?!'])}{inner})"
        if chance < 0.95:
            return f"({self.random.choice(['?<=', '?<!'])}{self.fixed_width()})"
        return f"(?>{inner}|{self.sequence(depth - 1)})"

    def quantifier(self, more: list[str] | None = None) -> str:
        if self.random.random() < 0.55:
            return ""
        return self.random.choice(QUANTIFIERS + (more or []))

    def character(self) -> str:
        chance = self.random.random()
        if chance < 0.5:
            return re.escape(self.random.choice(LETTERS))
        if chance < 0.6:
            return "."
        if chance < 0.7:
            return self.random.choice(CLASSES)
        items = self.random.choices(
            [*map(re.escape, LETTERS), *CLASSES, "a-c", "A-K", r"\d"], k=self.random.randint(1, 3)
        )
        return f"[{self.random.choice(['', '^'])}{''.join(items)}]"

    def fixed_width(self) -> str:
        """A lookbehind's body as `re` takes it, conditions inside included."""
        items = []
        for _ in range(self.random.randint(1, 3)):
            if self.random.random() < 0.2:
                inner = self.random.choice(["(?={})", "(?!{})", "(?<={})", "(?<!{})", "^", r"\b", r"\B", "$"])
                items.append(inner.format(self.character()))
            items.append(self.character())
        return "".join(items)


def walk(automaton: CharacterAutomaton, generator: random.Random, limit: int = 8) -> str:
    """A random string of the language, or the beginning of one."""
    state, text = 0, []
    while len(text) < limit:
        moves = [(c, int(t)) for c, t in enumerate(automaton.table[state]) if t >= 0]
        if not moves or (automaton.accepting[state] and generator.random() < 0.25):
            break
        cell, state = generator.choice(moves)
        ranges = automaton.classes[cell]
        usual = [c for c in LETTERS if any(low <= ord(c) <= high for low, high in ranges)]
        text.append(generator.choice(usual) if usual else chr(generator.randint(*generator.choice(ranges))))
    return "".join(text)


def mutated(text: str, generator: random.Random) -> str:
    at = generator.randint(0, len(text))
    edit = generator.choice(["insert", "delete", "replace"])
    middle = "" if edit == "delete" else generator.choice(LETTERS)
    return text[:at] + middle + text[at + (edit != "insert") :]


def strings(automaton: CharacterAutomaton, generator: random.Random, count: int) -> list[str]:
    found = [walk(automaton, generator) for _ in range(count // 3)]
    found += [mutated(text, generator) for text in found]
    return found + ["".join(generator.choices(LETTERS, k=generator.randint(0, 6))) for _ in range(count - len(found))]


def compare(
    expression: Expression, reference: re.Pattern[str] | regex.Pattern[str], generator: random.Random, count: int
) -> int:
    """Compare full matches and searches on `count` strings each; the number of strings compared."""
    compared = 0
    for search in (False, True):
        automaton = expression.automaton(search, max_states=4000)
        judge: Callable[[str], object] = reference.search if search else reference.fullmatch
        for text in strings(automaton, generator, count):
            if text == "" and r"\B" in expression.pattern and isinstance(reference, re.Pattern):
                continue
            compared += 1
            assert automaton.matches(text) == (judge(text) is not None), (expression.pattern, search, text)
    return compared


@pytest.mark.parametrize("block", range(10))
def test_generated_patterns_agree_with_re(block: int) -> None:
    compared = over_budget = 0
    for k in range(60):
        patterns = PatternGenerator(1000 * block + k)
        pattern = patterns.pattern()
        try:
            compared += compare(parse(pattern), re.compile(pattern), patterns.random, 90)
        except Unsupported as error:
            assert error.keyword == "atomic group"
        except BudgetExceeded:
            over_budget += 1
    assert compared > 9_000 and over_budget <= 3


def shared_patterns(shared: Path) -> list[str]:
    with (shared / "patterns" / "patterns.csv").open(newline="") as file:
        return [row["regex"] for row in csv.DictReader(file)]


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_shared_patterns_agree_or_are_refused_by_name(shared: Path) -> None:
    generator = random.Random(7)
    refused: dict[str, int] = {}
    compared = by_regex_alone = 0
    for pattern in shared_patterns(shared):
        try:
            expression = parse(pattern)
        except Unsupported as error:
            assert error.keyword is not None and error.column is not None
            refused[error.keyword] = refused.get(error.keyword, 0) + 1
            continue
        reference: re.Pattern[str] | regex.Pattern[str]
        try:
            reference = re.compile(pattern)
        except re.error:
            reference = regex.compile(pattern)
            by_regex_alone += 1
        compared += compare(expression, reference, generator, 150)
    assert refused == REFUSED
    assert by_regex_alone == 25 and compared > 20_000


def test_properties_agree_with_regex() -> None:
    generator = random.Random(3)
    patterns = [
        r"\p{Lu}\p{Ll}*", r"[\p{Greek}\d]+", r"[^\P{L}x]{1,3}", r"(?i)\p{Lu}b", r"(?i)[\P{Upper}\p{Greek}]",
        r"\p{Sc}\p{Nd}+(?!\p{P})",
        r"(?<!1)\p{Alphabetic}+(?<=\p{InGreek})", r"(?<word>\p{L}+)\pN", r"(?<=a|bcd)e", r"(?<!a{2,4})b",
    ]  # fmt: skip
    for pattern in patterns:
        compare(parse(pattern), regex.compile(pattern), generator, 300)


@pytest.mark.parametrize(
    "pattern",
    ["a(b|c)*d", "[a-f]{2,5}x?", "(ab|ba)+|c", "[^ab]c+", "x(?!y)[a-z]", r"\d{1,3}(\.\d{1,3}){3}", "b(?=c).*",
     "(a|b)*a(a|b){4}", "a?b??c*", r"[\-+]?(0|[1-9]\d*)"],
)  # fmt: skip
def test_interegular_agrees(pattern: str) -> None:
    generator = random.Random(5)
    machine = interegular.parse_pattern(pattern).to_fsm()
    automaton = parse(pattern, flags="a").automaton()
    tried = {walk(automaton, generator) for _ in range(200)}
    tried |= {mutated(text, generator) for text in tried} | {
        mutated(mutated(text, generator), generator) for text in tried
    }
    for text in tried:
        if text.isascii() and "\n" not in text:  # the dot of interegular takes line breaks after a lookahead
            assert automaton.matches(text) == machine.accepts(text), text


def emitted(expression: Expression, search: bool) -> Grammar:
    return Grammar(lambda net, a, b: expression.emit(net, a, b, add_characters, search), expression.pattern)


EMITTED = [
    "[a-c]{1,6}", "^[a-c]{5,}$", r"\w{3,}", "(?:[a-b]{1,5}-)+c", "^.{0,6}$|1", "x[a-c]{2,9}y{0,7}",
    "(a{2,3}){1,3}", "a?b*c+",
    "(?:[ab]{2,6}c|c)*", "[a-b]{1,5}[b-c]{1,5}", "((a|bc){1,6}b){0,5}", "^(?!a)[a-c]{1,5}$", r"\b\w+(?<!s)\b",
    "a{0}b", "é|𝒳{5,6}",
    r"(?:a|b|[a-c]{5,7})?\d{5}", "(?:|a{5})b", "(?i)k{5,6}", "a{5,6}?b++", "[ab]{0,1500}c", "(?:a[bc]){3,900}",
    "(?:b?c?){5,9}a",
]  # fmt: skip


@pytest.mark.parametrize("search", [False, True])
@pytest.mark.parametrize("pattern", EMITTED)
def test_emitted_networks_agree_with_re(pattern: str, search: bool) -> None:
    generator = random.Random(11)
    reference, expression = re.compile(pattern), parse(pattern)
    grammar = emitted(expression, search)
    try:
        automaton = expression.automaton(search)
    except BudgetExceeded:
        automaton = CharacterAutomaton.everything()
    for text in strings(automaton, generator, 150):
        want = reference.search(text) if search else reference.fullmatch(text)
        assert grammar.matches(text) == (want is not None), text
        assert not grammar.matches(text.encode() + b"\xff")


def test_generated_patterns_are_emitted_right() -> None:
    for k in range(120):
        patterns = PatternGenerator(50_000 + k)
        expression = parse(patterns.pattern())
        automaton = expression.automaton()
        if automaton.is_empty():
            continue
        grammar = emitted(expression, search=False)
        for text in strings(automaton, patterns.random, 30):
            assert grammar.matches(text) == automaton.matches(text), (expression.pattern, text)


def test_long_counts_are_counted_by_the_network() -> None:
    sizes = [emitted(parse(f"^[a-z]{{1,{n}}}@.{{0,{n}}}$", "ecma"), True).program.nodes for n in (10, 65_536)]
    assert sizes[0] == sizes[1] < 60
    grammar = emitted(parse("^.{0,65536}$", "ecma"), True)
    assert grammar.matches("é" * 65_536) and not grammar.matches("é" * 65_537)


def test_automata_of_parts_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    expression = parse.__wrapped__("(?:foo|ba[rz]|[a-z]{5,9})-x+y+[0-9]{7}(?:ab|cd)*", "python", "")
    emitted(expression, False)
    monkeypatch.setattr(Expression, "_determinized", lambda *_: pytest.fail("made again"))
    emitted(expression, False)


def test_a_search_that_cannot_be_made_deterministic_is_still_emitted() -> None:
    grammar = emitted(parse("a.{3000}b|(a|b)*a(a|b){20}c"), True)
    assert grammar.matches("x" + "a" + "y" * 3000 + "b") and not grammar.matches("a" + "y" * 2999 + "b")
    assert grammar.matches("ba" + "ab" * 10 + "c") and not grammar.matches("bb" + "bb" * 10 + "c")


def test_no_warning_is_raised_for_patterns_that_re_warns_about() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert parse("[[a]").automaton().matches("[")
