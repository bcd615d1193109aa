"""A grammar with a second automaton: what a context-free grammar cannot say, and masks all the same.

The automaton reads lexemes (words, numbers, symbols, strings) between white space and says of every state, as a
`Shape`, what the lexeme at hand may still become, so that masks are put together from parts that are known for a vocabulary.
Its language lies within the grammar's, which is made only where it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cached_property
from typing import NamedTuple, Protocol

from .automaton import DEAD, Automaton
from .errors import GrammarError
from .grammar import Grammar
from .predicate import Judge

EVERY = frozenset(range(256))
LETTERS = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
DIGITS = frozenset(b"0123456789")
NOTHING: frozenset[int] = frozenset()


class Content(NamedTuple):
    """UTF-8 up to a quote."""

    quote: int
    """The byte that ends it; it comes next only where a character is complete."""
    pending: str
    """Bytes, as characters, of a character that was begun."""
    refused: bytes
    """Bytes that it may not hold."""
    known: frozenset[str] | None = None
    """Beginnings (bytes as characters, in small letters) that lead to states of their own; all other contents lead to
    one state, and with None all do."""


class Shape(NamedTuple):
    """What may come up to the end of a lexeme; what holds of its parts holds of all their prefixes."""

    blanks: int = 0
    """White space (space, tab, line feed, return) that may come first."""
    words: frozenset[str] = frozenset()
    """Rests of words, in small letters; bytes may be of either case."""
    fresh: int = 0
    """Most letters, digits and underscores of a word that may be any."""
    begun: bool = False
    """Whether that word has begun, so that a digit may come next."""
    digits: int = 0
    """Most digits that may follow."""
    content: Content | None = None
    starts: frozenset[int] = NOTHING
    """Bytes to ask `step` about."""
    own: frozenset[int] = EVERY
    """Bytes before which the lexeme does not end; before others the state is that of `ended`."""


class ScopingAutomaton(Automaton, Protocol):
    """An automaton over lexemes."""

    def shape(self, state: int, among: Collection[int]) -> Shape:
        """What may come next; of what begins with other bytes than those `among` which the next one is, nothing need be
        said."""

    def ended(self, state: int) -> int:
        """The state before white space and the next lexeme, where the one that was begun ends here; DEAD where it
        may not end."""


class Scoped(Judge):
    """Texts of an automaton that lie within a grammar. It joins others with `&`, as predicates do.

    Args:
        grammar: makes the grammar.
        automaton: decides.
        name: what messages call it.
    """

    def __init__(self, grammar: Callable[[], Grammar], automaton: ScopingAutomaton, name: str) -> None:
        self._grammar = grammar
        self.automaton = automaton
        self.name = name

    @cached_property
    def grammar(self) -> Grammar:
        """The syntax alone, made on first use."""
        return self._grammar()

    def matches(self, data: bytes | str) -> bool:
        """Whether the whole of `data` (text is taken as UTF-8) is accepted."""
        if isinstance(data, str):
            data = data.encode("utf-8", "surrogatepass")
        if not isinstance(data, bytes | bytearray | memoryview):
            raise GrammarError(f"matches() takes bytes or str, not {type(data).__name__}")
        state = self.automaton.advance(self.automaton.start, bytes(data))
        return state != DEAD and self.automaton.is_accepting(state)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"
