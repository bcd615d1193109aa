"""Random statements of a scope automaton: token by token, hurried to an end after a number of bytes."""

from __future__ import annotations

import random
from typing import Any

from bytebound.grammars.scoped import ANYTHING
from bytebound.grammars.sql.scope import BETWEEN, ScopeAutomaton

CREATE = (
    "CREATE TABLE country (code TEXT PRIMARY KEY, name TEXT NOT NULL, population INTEGER, area REAL, "
    "independent BOOLEAN, founded DATE)",
    "CREATE TABLE city (id INTEGER PRIMARY KEY, name TEXT, code TEXT REFERENCES country (code), population INTEGER, "
    '"Order" TEXT)',
    "CREATE TABLE language (code TEXT, language TEXT, percentage REAL, seen TIMESTAMP)",
    "CREATE VIEW big AS SELECT name, population FROM city WHERE population > 1000000",
)
_HURRY = (";", ")", "end", "from", "then", "when", "using", "preceding", "following", "by", "row")
_SLOW = (
    "(",
    "and",
    "or",
    ",",
    "+",
    "-",
    "*",
    "/",
    "%",
    "||",
    "join",
    "left",
    "right",
    "cross",
    "natural",
    "full",
    "inner",
    "case",
    "cast",
    "not",
    "with",
    "union",
    "except",
    "intersect",
    "group",
    "order",
    "between",
    "where",
    "filter",
    "over",
)
_STRINGS = ("", "a", "Paris", "x y", "it''s", "é")


def walk(automaton: ScopeAutomaton, rng: random.Random, hurry: int = 120) -> bytes | None:
    """A statement; None where it went on and on. Raises AssertionError in a dead end."""
    text, state = b"", automaton.start
    while len(text) < 12 * hurry:
        hurried = len(text) > hurry
        if automaton.is_accepting(state) and (hurried or rng.random() < 0.1):
            return text
        tokens = _tokens(automaton, state, rng, hurried)
        assert tokens or automaton.is_accepting(state), f"dead end: {text!r}"
        rng.shuffle(tokens)
        if hurried:
            tokens.sort(
                key=lambda token: (
                    60
                    if token in _SLOW
                    else 70
                    if token[0] == "n" and token[1:].isdigit()
                    else _HURRY.index(token)
                    if token in _HURRY
                    else 50
                )
            )
            if rng.random() < 0.05:
                rng.shuffle(tokens)
        for token in tokens:
            spelled = _spelled(token, rng)
            gap = rng.choice(("", " ", " ", " ", "\n"))
            for piece in (gap + spelled, " " + spelled, spelled):
                data = piece.encode()
                following = automaton.advance(state, data)
                # The token must also be able to end.
                if following >= 0 and (
                    automaton.is_accepting(following)
                    or automaton.step(following, 0x20) >= 0
                    or automaton.step(following, 0x28) >= 0  # the only thing behind functions of MySQL
                ):
                    break
            else:
                continue
            text, state = text + data, following
            break
        else:
            if automaton.is_accepting(state):
                return text
            raise AssertionError(f"no token goes on: {text!r}, {tokens[:20]}")
    return None


def _spelled(token: str, rng: random.Random) -> str:
    return token.upper() if token.isalpha() and rng.random() < 0.3 and token.isascii() else token


def _tokens(automaton: ScopeAutomaton, state: int, rng: random.Random, hurried: bool) -> list[str]:
    configuration, mode, text, extra = automaton._states[state]
    if mode != BETWEEN:
        ended = automaton._end(configuration, mode, text, extra)
        if ended is None:
            return []
        configuration = ended
    place: Any = automaton._place(configuration)
    place.look(ANYTHING)
    tokens = list(place.keywords) + list(place.symbols)
    names = [name for _, found, _ in place.names for name in found.words]
    tokens += rng.sample(sorted(names), min(len(names), 2 if hurried else 5))
    quoted = [name for _, found, _ in place.names for name in found.quoted]
    mark = automaton.rules.dialect.quote
    tokens += [mark + name + mark for name in rng.sample(sorted(quoted), min(len(quoted), 2))]
    if place.fresh:
        tokens += [rng.choice(("t1", "t1", "t2", "x", "total")), *(f"n{rng.randrange(1000)}" for _ in range(2))]
    if place.number:
        tokens += sorted(place.numerals)[:3] if place.numerals else ["1", "20"]
        tokens += ["3.5"] if place.decimal else []
    if place.string and place.is_dated:
        forms = {"date": "'2020-02-11'", "timestamp": "'2020-02-11 10:20:30'", "escape": "'!'"}
        tokens.append(forms[place.string[1][1].word])
    elif place.string:
        tokens += ["'" + rng.choice(_STRINGS) + "'"]
        if place.double:
            tokens.append('"Paris"')
    return tokens
