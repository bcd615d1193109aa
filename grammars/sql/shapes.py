"""Shapes of SQL's lexemes: what the token that was begun may become, for masks (see `Shape`)."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from .. import scoped
from ..scoped import DIGITS, LETTERS, OPERATORS, Content, Quoted, Shape, byte_set
from ..utf8 import unfinished
from .places import LONGEST_NAME, Place

if TYPE_CHECKING:
    from .scope import ScopeAutomaton

BETWEEN, WORD, NUMBER, SYMBOL, STRING, STRING_END, QUOTED, QUOTED_END = range(8)
"""Modes: between tokens, and within or behind one of a kind."""
IN_WORDS = LETTERS | DIGITS
OTHER = scoped.OTHER.decode()
"""The content of a string in double quotes that is no prefix of a name; what is pending of a character follows."""
_NOTHING: frozenset[str] = frozenset()
_NO_NAMES: frozenset[bytes] = frozenset()
_SMALL = byte_set(b"abcdefghijklmnopqrstuvwxyz")
_POINT = byte_set(b".")
_IN_NUMBERS = IN_WORDS | _POINT
_IN_DATES = byte_set(b"0123456789-: '!#$&*+/;<=>?@^|~")


def shape_of(automaton: ScopeAutomaton, place: Place, mode: int, text: str, extra: int, among: int) -> Shape:
    """The shape of a lexeme, see `ScopeAutomaton`."""
    if mode == BETWEEN:
        shape = place.shapes.get((extra, among))
        if shape is None:
            shape = place.shapes[extra, among] = _of_place(automaton, place, extra, among)
        return shape
    if mode == WORD:
        fresh = LONGEST_NAME - len(text) if place.fresh else 0
        return Shape(words=rests(place.words, text), fresh=fresh, begun=True, own=IN_WORDS)
    if mode == NUMBER:
        if place.numerals is not None:
            return Shape(starts=DIGITS, own=_IN_NUMBERS)
        digits = place.longest_number - len(text.rpartition(".")[2])
        return Shape(digits=digits, starts=_POINT if place.decimal else 0, own=_IN_NUMBERS)
    if mode == SYMBOL:
        return Shape(starts=_following(place.symbol_prefixes, text), own=OPERATORS)
    if mode in (STRING_END, QUOTED_END):
        quote = 1 << extra
        return Shape(starts=quote, own=quote)
    if mode == STRING:
        if place.is_dated:
            return Shape(starts=_IN_DATES)
        return Shape(content=Content(extra, text, b"\0\\" if automaton.is_escape(0x5C) else b"\0"))
    if place.double and extra == 0x22:
        if text.startswith(OTHER):
            return Shape(content=Content(extra, text[1:], b"\0", frozenset()))
        return Shape(content=Content(extra, unfinished(text), b"\0", rests(place.quoted_prefixes, text)))
    following = _following(place.quoted_prefixes, text)
    return Shape(starts=following | (following & _SMALL) >> 32 | 1 << extra)


def _of_place(automaton: ScopeAutomaton, place: Place, blanks: int, among: int) -> Shape:
    """What may come between tokens."""
    starts = place.starts(among)
    words, fresh, digits = _NOTHING, 0, 0
    if among & DIGITS and place.number and place.numerals is None:
        digits = place.longest_number
    if among & LETTERS:
        words, fresh = place.words, LONGEST_NAME if place.fresh else 0
    symbols = frozenset(symbol for symbol in place.symbols if among >> ord(symbol[0]) & 1)
    dialect = automaton.rules.dialect
    quote = ord(dialect.quote)
    quoted: list[Quoted] = []
    for mark in (0x27, 0x22):
        if starts >> mark & 1 and mark != quote and not place.is_dated:
            refused = b"\0\\" if automaton.is_escape(0x5C) else b"\0"
            quoted.append(Quoted(mark, refused, _NO_NAMES, False, True))
    if starts >> quote & 1:
        free = place.strings_are_quoted
        quoted += _names_in(quote, place.known_quoted if free else place.quoted, dialect.name != "postgres", free)
    told = byte_set(form.quote for form in quoted) | byte_set(ord(symbol[0]) for symbol in symbols)
    most = automaton.whitespace - blanks if automaton.may_be_blank(place) else 0
    return Shape(
        most, words, fresh, digits=digits, starts=starts, symbols=symbols, quoted=tuple(quoted), told=told,
        apart=automaton.is_call(place),
    )  # fmt: skip


@functools.lru_cache(maxsize=1 << 12)
def _names_in(quote: int, names: frozenset[str], folded: bool, free: bool) -> tuple[Quoted, ...]:
    """Names in quotes; nothing, so that `step` is asked, where one of them has a quote within."""
    if any(chr(quote) in name for name in names):
        return ()
    known = frozenset(name.encode() for name in names)
    return (Quoted(quote, b"\0", known, folded, free),)


@functools.lru_cache(maxsize=1 << 12)
def _following(beginnings: frozenset[str], text: str) -> int:
    return byte_set(ord(rest[0]) for rest in rests(beginnings, text) if rest)


@functools.lru_cache(maxsize=1 << 12)
def rests(words: frozenset[str], text: str) -> frozenset[str]:
    """What is left of the words that begin so."""
    return frozenset(word[len(text) :] for word in words if word.startswith(text)) if text else words
