"""Places: what the lexer needs to know about a configuration, worked out once for each."""

from __future__ import annotations

from functools import lru_cache

from ..scoped import ANYTHING, DIGITS, END, EVERY, LETTERS, Shape
from .contents import PATTERNS
from .levels import Scope
from .machine import Machine
from .options import MARKS, QUOTES, Options, Target, remembered
from .terminals import Names, Terminals
from .traces import Traces

LONGEST_NAME = 30
"""Letters of a new name."""
_NAMING = ("item", "paren", "value")


@lru_cache(maxsize=1 << 12)
def prefixes(words: frozenset[str]) -> frozenset[str]:
    """All prefixes of the words, themselves included."""
    return frozenset(word[:n] for word in words for n in range(len(word) + 1))


@lru_cache(maxsize=1 << 12)
def _in_utf8(words: frozenset[str]) -> frozenset[str]:
    return prefixes(frozenset(word.encode().decode("latin-1") for word in words))


class Place(Options):
    """The tokens that may come at a configuration, with the names that may.

    Attributes:
        shapes: those of the place, by how much white space came and what they were asked for.
    """

    def __init__(self, machine: Machine, rules: Terminals, named: Traces[Names], stack: int, scope: Scope) -> None:
        super().__init__(machine, rules, stack, scope)
        self._named = named
        self.shapes: dict[tuple[int, int], Shape] = {}

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
