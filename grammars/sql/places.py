"""Places: what the lexer needs to know about a configuration, worked out once for each."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from .levels import Scope
from .machine import Machine
from .terminals import NAMES, NUMBERS, STRINGS, Names, Terminals

Target = tuple[int, Scope]
_NAMING = ("item", "paren")


def prefixes(words: Iterable[str]) -> frozenset[str]:
    """All prefixes of the words, themselves included."""
    return frozenset(word[:n] for word in words for n in range(len(word) + 1))


class Place:
    """The tokens that may come at a configuration.

    Attributes:
        keywords, symbols: literals, by whether they are words.
        names: terminals that are names, with their names.
        number, string: the terminal of this kind with its target, if any.
        ends: whether the statement may end here.
    """

    def __init__(self, machine: Machine, rules: Terminals, stack: int, scope: Scope) -> None:
        options = machine.options(stack, scope)
        self.rules = rules
        self.scope = scope
        self.ends = options.ends
        self.keywords = {text: target for text, target in options.literals.items() if text.isalpha()}
        self.symbols = {text: target for text, target in options.literals.items() if not text.isalpha()}
        self.names: list[tuple[str, Names, Target]] = []
        self.number: tuple[str, Target] | None = None
        self.decimal = False
        self.string: tuple[str, Target] | None = None
        for terminal, target in options.terminals.items():
            if terminal in NAMES:
                names = rules.names_of(terminal, target[1])
                if names.quoted or names.words or names.fresh:
                    self.names.append((terminal, names, target))
            elif terminal in NUMBERS:
                if rules.number(terminal, target[1], "1") is not None:
                    self.number = (terminal, target)
                self.decimal = terminal == "NUMBER" and rules.number(terminal, target[1], "1.5") is not None
            else:
                assert terminal in STRINGS, terminal
                if rules.string(terminal, target[1]) is not None:
                    self.string = (terminal, target)
        words = set(self.keywords).union(*(names.words for _, names, _ in self.names))
        self.word_prefixes = prefixes(words)
        self.words = frozenset(words)
        self.fresh = any(names.fresh for _, names, _ in self.names)
        self.quoted = frozenset[str]().union(*(names.quoted for _, names, _ in self.names))
        self.symbol_prefixes = prefixes(self.symbols)
        self.numerals = rules.numerals(*self.number_terminal()) if self.number else None
        self.numeral_prefixes = prefixes(self.numerals) if self.numerals is not None else None
        self.alive = bool(self.ends or words or self.fresh or self.quoted or self.symbols or self.number or self.string)
        self.is_dated = self.string is not None and self.string[0] == "DATED"
        self.double = self.string is not None and not self.is_dated and rules.dialect.name in ("sqlite", "mysql")
        if self.double and rules.dialect.name == "sqlite":
            within = self.string[1][1]  # type: ignore[index]
            # SQLite would take such a string for the name of the column.
            self.double = within.levels[-1].role not in ("derived", "cte") or within.frames[-1].role not in _NAMING

    @cached_property
    def quoted_prefixes(self) -> frozenset[str]:
        """Prefixes of what may stand in double quotes as a name, in UTF-8, each byte a character."""
        names = set(self.quoted)
        if self.double:
            names |= self.rules.stored | self.scope.names
        return prefixes(name.encode().decode("latin-1") for name in names)

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
