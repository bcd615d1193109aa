"""Places: what the lexer needs to know about a configuration, worked out once for each."""

from __future__ import annotations

from functools import cached_property, lru_cache

from ..scoped import DIGITS, Shape, byte_set
from .contents import PATTERNS
from .levels import Scope
from .machine import Machine
from .terminals import NAMES, NUMBERS, STRINGS, Names, Terminals
from .traces import Traces

Target = tuple[int, Scope]
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


class Place:
    """The tokens that may come at a configuration; names are looked up where they are asked for.

    Attributes:
        keywords, symbols: literals, by whether they are words.
        number, string: the terminal of this kind with its target, if any.
        ends: whether the statement may end here.
        shapes: those of the place, by how much white space came and whether names in quotes and words are asked for.
    """

    def __init__(self, machine: Machine, rules: Terminals, named: Traces[Names], stack: int, scope: Scope) -> None:
        options = machine.options(stack, scope)
        self.rules, self._named = rules, named
        self.shapes: dict[tuple[int, bool, bool], Shape] = {}
        self.scope = scope
        self.ends = options.ends
        self.keywords = {text: target for text, target in options.literals.items() if text.isalpha()}
        self.symbols = {text: target for text, target in options.literals.items() if not text.isalpha()}
        self.number: tuple[str, Target] | None = None
        self.decimal = False
        self.string: tuple[str, Target] | None = None
        self._naming: list[tuple[str, Target]] = []
        for terminal, target in options.terminals.items():
            if terminal in NAMES:
                self._naming.append((terminal, target))
            elif terminal in NUMBERS:
                if rules.number(terminal, target[1], "1") is not None:
                    self.number = (terminal, target)
                self.decimal = terminal == "NUMBER" and rules.number(terminal, target[1], "1.5") is not None
            else:
                assert terminal in STRINGS, terminal
                if rules.string(terminal, target[1]) is not None:
                    self.string = (terminal, target)
        self.is_dated = self.string is not None and self.string[0] == "DATED"
        self.double = self.string is not None and not self.is_dated and rules.dialect.name in ("sqlite", "mysql")
        if self.double and rules.dialect.name == "sqlite":
            within = self.string[1][1]  # type: ignore[index]
            # SQLite would take such a string for the name of the column.
            self.double = within.levels[-1].role not in ("derived", "cte") or within.frames[-1].role not in _NAMING

    @cached_property
    def names(self) -> list[tuple[str, Names, Target]]:
        """Terminals that are names, with their names."""
        found = [(terminal, self._named.result(terminal, target[1]), target) for terminal, target in self._naming]
        return [
            (terminal, names, target) for terminal, names, target in found if names.quoted or names.words or names.fresh
        ]

    @cached_property
    def words(self) -> frozenset[str]:
        """Keywords, and names without quotes."""
        return frozenset(self.keywords).union(*(names.words for _, names, _ in self.names))

    @cached_property
    def fresh(self) -> bool:
        """Whether a new name may come."""
        return any(names.fresh for _, names, _ in self.names)

    @cached_property
    def quoted(self) -> frozenset[str]:
        """Names that may come in quotes."""
        return frozenset[str]().union(*(names.quoted for _, names, _ in self.names))

    @cached_property
    def word_prefixes(self) -> frozenset[str]:
        """Prefixes of the words."""
        return prefixes(self.words)

    @cached_property
    def symbol_prefixes(self) -> frozenset[str]:
        """Prefixes of the symbols."""
        return prefixes(frozenset(self.symbols))

    @cached_property
    def numerals(self) -> frozenset[str] | None:
        """The numbers that may come, None where any may."""
        return self.rules.numerals(*self.number_terminal()) if self.number else None

    @cached_property
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

    @property
    def alive(self) -> bool:
        """Whether anything may come."""
        if self.ends or self.keywords or self.symbols or self.number or self.string:
            return True
        return bool(self.words or self.fresh or self.quoted)

    def starts(self, quotes: bool) -> int:
        """Bytes (a set) with which tokens begin that are no words, nor any numbers; with `quotes`, those of names."""
        found = self._marks
        return found | 1 << ord(self.rules.dialect.quote) if quotes and self.quoted else found

    @cached_property
    def _marks(self) -> int:
        found = byte_set(ord(symbol[0]) for symbol in self.symbols)
        if self.string is not None:
            found |= 1 << 0x27
        if self.double:
            found |= 1 << 0x22
        if self.number is not None and self.numerals is not None:
            found |= DIGITS
        return found

    @cached_property
    def quoted_prefixes(self) -> frozenset[str]:
        """Prefixes of what may stand in double quotes as a name, in UTF-8, each byte a character."""
        return _in_utf8(self.quoted | self.rules.stored | self.scope.names if self.double else self.quoted)

    def goes_on_without(self, symbol: str) -> bool:
        """Whether anything but this symbol may come."""
        words = self.words or self.fresh or self.quoted or self.number or self.string
        return bool(self.ends or words or len(self.symbols) > (symbol in self.symbols))

    def number_terminal(self) -> tuple[str, Scope]:
        """The number's terminal and its scope."""
        assert self.number is not None
        return self.number[0], self.number[1][1]

    def by_word(self, word: str) -> Target | None:
        """Where a word (in lower case) leads."""
        if word in self.keywords:
            return self.keywords[word]
        for terminal, names, (stack, scope) in self.names:
            if word in names.words or (names.fresh and word not in names.excluded):
                after = self.rules.taken(terminal, scope, word, False)
                return None if after is None else (stack, after)
        return None

    def by_quoted(self, key: str) -> Target | None:
        """Where a name in quotes leads."""
        for terminal, names, (stack, scope) in self.names:
            if key in names.quoted:
                after = self.rules.taken(terminal, scope, key, True)
                return None if after is None else (stack, after)
        return None

    def by_number(self, text: str) -> Target | None:
        """Where a number leads."""
        if self.number is None or (self.numerals is not None and text not in self.numerals):
            return None
        terminal, (stack, scope) = self.number
        after = self.rules.number(terminal, scope, text)
        return None if after is None else (stack, after)

    def by_string(self) -> Target | None:
        """Where a string leads."""
        assert self.string is not None
        terminal, (stack, scope) = self.string
        after = self.rules.string(terminal, scope)
        return None if after is None else (stack, after)

    def is_name(self, key: str) -> bool:
        """Whether a string in double quotes would be taken for a name."""
        return key in self.rules.stored or key in self.scope.names
