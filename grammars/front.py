"""The short ways to a grammar: a regular expression, a choice among strings."""

from __future__ import annotations

from collections.abc import Iterable

from .budget import Budget
from .errors import EmptyLanguage, GrammarError
from .grammar import Grammar
from .network import Network
from .regular import CharacterAutomaton, parse
from .utf8 import add_characters


def regex(pattern: str, *, dialect: str = "python", flags: str = "", budget: Budget | None = None) -> Grammar:
    """Texts that a regular expression matches in full (as `re.fullmatch` does), in UTF-8.

    Args:
        pattern: Python syntax, or ECMAScript's with `dialect="ecma"`. Unicode classes and `\\p{..}`, lookahead,
            lookbehind, anchors and word boundaries are exact; back-references and other constructs that are not
            regular are refused by name.
        flags: letters of inline flags: "i", "m", "s", "x", "a".
        budget: limits; `Budget()` unless given.

    Raises GrammarError for a broken pattern (with `.column`), Unsupported for what is not enforced (`.keyword`),
    EmptyLanguage where nothing matches, BudgetExceeded where the automaton would be too large.
    """
    if not isinstance(pattern, str):
        raise GrammarError(f"a pattern is a str, not {type(pattern).__name__}")
    expression = parse(pattern, dialect, flags)
    try:
        return Grammar(lambda net, a, b: expression.emit(net, a, b, add_characters), f"regex {pattern}", budget=budget)
    except EmptyLanguage:
        raise EmptyLanguage(f"no text matches the pattern {pattern!r}") from None


def choice(options: Iterable[str]) -> Grammar:
    """Exactly one of the given texts. Raises GrammarError for none, and for what is no list of str."""
    texts = list(options) if not isinstance(options, str) else []
    if not texts or not all(isinstance(text, str) for text in texts):
        raise GrammarError("choice() takes a non-empty list of str")
    automaton = CharacterAutomaton.from_strings(texts)

    def emit(network: Network, a: int, b: int) -> None:
        automaton.emit(network, a, b, add_characters)

    shown = ", ".join(map(repr, texts[:3])) + (", ..." if len(texts) > 3 else "")
    return Grammar(emit, f"choice of {shown}")
