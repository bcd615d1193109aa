"""Places: what the lexer needs to know about a configuration, worked out once for each."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Generic, TypeVar

from ..scoped import ANYTHING, DIGITS, END, EVERY, LETTERS, Shape, byte_set
from .contents import PATTERNS
from .levels import Scope
from .machine import Machine, Way
from .terminals import NAMES, NUMBERS, STRINGS, Names, Terminals
from .traces import Traces

_Value = TypeVar("_Value")
Target = tuple[int, Scope]
LONGEST_NAME = 30
"""Letters of a new name."""
_NAMING = ("item", "paren", "value")
QUOTES = byte_set(b"'\"")
"""Bytes with which strings begin."""
MARKS = EVERY & ~LETTERS & ~DIGITS
"""Bytes with which symbols, strings and names in quotes begin."""


def first_bytes(quote: str, terminal: str) -> int:
    """Bytes (a set) with which a terminal may begin."""
    if terminal in NAMES:
        return LETTERS | 1 << ord(quote)
    return DIGITS if terminal in NUMBERS else QUOTES


class remembered(Generic[_Value]):
    """`functools.cached_property` without its lock, which takes longer than most of what is remembered here."""

    def __init__(self, function: Callable[[Any], _Value]) -> None:
        self.function = function
        self.__doc__ = function.__doc__

    def __get__(self, instance: Any, owner: type) -> _Value:
        value = instance.__dict__[self.function.__name__] = self.function(instance)
        return value


@lru_cache(maxsize=1 << 12)
def prefixes(words: frozenset[str]) -> frozenset[str]:
    """All prefixes of the words, themselves included."""
    return frozenset(word[:n] for word in words for n in range(len(word) + 1))


@lru_cache(maxsize=1 << 12)
def _in_utf8(words: frozenset[str]) -> frozenset[str]:
    return prefixes(frozenset(word.encode().decode("latin-1") for word in words))


class Place:
    """The tokens that may come at a configuration; ways to them are followed as far as they are asked for.

    Attributes:
        keywords, symbols: literals that were found, by whether they are words; `look` finds those that begin so.
        number, string: the terminal of this kind with its target, where it was found.
        shapes: those of the place, by how much white space came and what they were asked for.
    """

    def __init__(self, machine: Machine, rules: Terminals, named: Traces[Names], stack: int, scope: Scope) -> None:
        self.machine, self.rules, self._named = machine, rules, named
        self.shapes: dict[tuple[int, int], Shape] = {}
        self.scope = scope
        self.keywords: dict[str, Target] = {}
        self.symbols: dict[str, Target] = {}
        self.number: tuple[str, Target] | None = None
        self.decimal = False
        self.string: tuple[str, Target] | None = None
        self._ends = False
        self._naming: list[tuple[str, Target]] = []
        self._left = machine.first(stack)
        self._open: list[tuple[int, tuple[Way, ...], Scope]] = [(machine.first(stack), machine.ways(stack), scope)]
        self._done: dict[tuple[str, int], tuple[Scope, Scope | None]] = {}

    def look(self, among: int) -> None:
        """Follow all ways to what begins with one of the bytes (a set, with END)."""
        if among & self._left:
            self._follow(among, False)

    def _follow(self, among: int, once: bool) -> bool:
        """Follow ways; with `once` only until something is found that is no name."""
        actions, done, machine = self.rules.actions, self._done, self.machine
        to_do, self._open, self._left = self._open, [], 0
        found = False
        while to_do and not (once and found):
            first, ways, scope = to_do.pop()
            if not first & among:
                self._open.append((first, ways, scope))
                self._left |= first
                continue
            if once and len(ways) > 1:  # the first way to its end, before others
                to_do.append((first, ways[1:], scope))
                ways = ways[:1]
            for way in ways:
                first, kind, text, after = way
                if not first & among:
                    self._open.append((first, (way,), scope))
                    self._left |= first
                elif kind == "action":
                    key = text, id(scope)
                    known = done.get(key)
                    if known is None:  # the scope is kept, so that no other one gets its identity
                        known = done[key] = scope, actions[text](scope)
                    if known[1] is not None:
                        to_do.append((first, machine.ways(after), known[1]))
                elif kind == "keyword":
                    assert text not in self.keywords, f"two ways begin with {text!r}"
                    self.keywords[text] = after, scope
                    found = True
                elif kind == "symbol":
                    assert text not in self.symbols, f"two ways begin with {text!r}"
                    self.symbols[text] = after, scope
                    found = True
                else:
                    found = self._found(kind, text, (after, scope)) or found
        for left in to_do:
            self._open.append(left)
            self._left |= left[0]
        if not self._open:
            self._done.clear()
        return found

    def _found(self, kind: str, text: str, target: Target) -> bool:
        """Note the end or a terminal; False for a name, and where nothing may come of it."""
        if kind == "end":
            self._ends = True
        elif text in NAMES:
            self._naming.append((text, target))
            return False
        elif text in NUMBERS:
            self.decimal = text == "NUMBER" and self.rules.number(text, target[1], "1.5") is not None
            if self.rules.number(text, target[1], "1") is None:
                return False
            self.number = (text, target)
        else:
            assert text in STRINGS, text
            if self.rules.string(text, target[1]) is None:
                return False
            self.string = (text, target)
        return True

    @remembered
    def alive(self) -> bool:
        """Whether anything may come."""
        if self._ends or self.keywords or self.symbols or self.number or self.string:
            return True
        return self._follow(ANYTHING, True) or bool(self.words or self.fresh or self.quoted)

    @property
    def ends(self) -> bool:
        """Whether the statement may end here."""
        self.look(END)
        return self._ends

    @remembered
    def is_dated(self) -> bool:
        """Whether a string must have a form."""
        self.look(QUOTES)
        return self.string is not None and self.string[0] == "DATED"

    @remembered
    def double(self) -> bool:
        """Whether strings may stand in double quotes."""
        if self.is_dated or self.string is None or self.rules.dialect.name not in ("sqlite", "mysql"):
            return False
        if self.rules.dialect.name == "mysql":
            return True
        within = self.string[1][1]
        # SQLite would take such a string for the name of the column.
        return within.levels[-1].role not in ("derived", "cte") or within.frames[-1].role not in _NAMING

    @remembered
    def names(self) -> list[tuple[str, Names, Target]]:
        """Terminals that are names, with their names."""
        self.look(LETTERS)  # whatever leads to a name does so for all letters
        found = [
            (terminal, self._named.result(terminal, self.rules.like(terminal, target[1])), target)
            for terminal, target in self._naming
        ]
        return [
            (terminal, names, target) for terminal, names, target in found if names.quoted or names.words or names.fresh
        ]

    @remembered
    def words(self) -> frozenset[str]:
        """Keywords, and names without quotes."""
        self.look(LETTERS)
        return frozenset(self.keywords).union(*(names.words for _, names, _ in self.names))

    @remembered
    def fresh(self) -> bool:
        """Whether a new name may come."""
        return any(names.fresh for _, names, _ in self.names)

    @remembered
    def quoted(self) -> frozenset[str]:
        """Names that may come in quotes."""
        return frozenset[str]().union(*(names.quoted for _, names, _ in self.names))

    @remembered
    def word_prefixes(self) -> frozenset[str]:
        """Prefixes of the words."""
        return prefixes(self.words)

    @remembered
    def symbol_prefixes(self) -> frozenset[str]:
        """Prefixes of the symbols."""
        self.look(MARKS)
        return prefixes(frozenset(self.symbols))

    @remembered
    def numerals(self) -> frozenset[str] | None:
        """The numbers that may come, None where any may."""
        self.look(DIGITS)
        return self.rules.numerals(*self.number_terminal()) if self.number else None

    @remembered
    def numeral_prefixes(self) -> frozenset[str] | None:
        """Their prefixes."""
        return None if self.numerals is None else prefixes(self.numerals)

    @property
    def longest_number(self) -> int:
        """Digits before and behind the point."""
        return 15 if self.decimal else 9

    @property
    def pattern(self) -> str:
        """What a string of a form looks like."""
        assert self.string is not None
        return PATTERNS[self.string[1][1].word]

    def starts(self, among: int) -> int:
        """Bytes (a set) of those with which tokens begin that are no words, nor any numbers."""
        self.look(among)
        found = 0
        for symbol in self.symbols:
            found |= 1 << ord(symbol[0])
        if self.string is not None:
            found |= 1 << 0x27
            if among >> 0x22 & 1 and self.double:
                found |= 1 << 0x22
        if among & DIGITS and self.number is not None and self.numerals is not None:
            found |= DIGITS
        quote = 1 << ord(self.rules.dialect.quote)
        if among & quote & ~found and self.quoted:
            found |= quote
        return found & among

    @property
    def strings_are_quoted(self) -> bool:
        """Whether what stands in quotes of names may be a string."""
        return self.rules.dialect.quote == '"' and self.double

    @property
    def known_quoted(self) -> frozenset[str]:
        """What may stand in double quotes as a name, or would be taken for one."""
        return self.quoted | self.rules.stored | self.scope.names

    @remembered
    def quoted_prefixes(self) -> frozenset[str]:
        """Prefixes of what may stand in quotes as a name, in UTF-8, each byte a character."""
        return _in_utf8(self.known_quoted if self.strings_are_quoted else self.quoted)

    def goes_on_without(self, symbol: str) -> bool:
        """Whether anything but this symbol may come."""
        self.look(EVERY)
        words = self.words or self.fresh or self.quoted or self.number or self.string
        return bool(self.ends or words or len(self.symbols) > (symbol in self.symbols))

    def number_terminal(self) -> tuple[str, Scope]:
        """The number's terminal and its scope."""
        assert self.number is not None
        return self.number[0], self.number[1][1]

    def by_word(self, word: str, among: int = ANYTHING) -> Target | None:
        """Where a word (in lower case) leads; None also where nothing can follow that begins with bytes `among`."""
        self.look(1 << ord(word[0]))
        first = self.machine.first
        if word in self.keywords:
            target = self.keywords[word]
            return target if first(target[0]) & among else None
        for terminal, names, (stack, scope) in self.names:
            if word in names.words or (names.fresh and word not in names.excluded):
                after = self.rules.taken(terminal, scope, word, False) if first(stack) & among else None
                return None if after is None else (stack, after)
        return None

    def by_quoted(self, key: str, among: int = ANYTHING) -> Target | None:
        """Where a name in quotes leads, as `by_word`."""
        for terminal, names, (stack, scope) in self.names:
            if key in names.quoted:
                after = self.rules.taken(terminal, scope, key, True) if self.machine.first(stack) & among else None
                return None if after is None else (stack, after)
        return None

    def by_number(self, text: str) -> Target | None:
        """Where a number leads."""
        self.look(DIGITS)
        if self.number is None or (self.numerals is not None and text not in self.numerals):
            return None
        terminal, (stack, scope) = self.number
        after = self.rules.number(terminal, scope, text)
        return None if after is None else (stack, after)

    def by_string(self, among: int = ANYTHING) -> Target | None:
        """Where a string leads, as `by_word`."""
        self.look(QUOTES)
        assert self.string is not None
        terminal, (stack, scope) = self.string
        if not self.machine.first(stack) & among:
            return None
        after = self.rules.string(terminal, scope)
        return None if after is None else (stack, after)

    def by_symbol(self, symbol: str, among: int = ANYTHING) -> Target | None:
        """Where a symbol leads, as `by_word`."""
        self.look(1 << ord(symbol[0]))
        target = self.symbols.get(symbol)
        return target if target is not None and self.machine.first(target[0]) & among else None

    def is_name(self, key: str) -> bool:
        """Whether a string in double quotes would be taken for a name."""
        return key in self.rules.stored or key in self.scope.names
