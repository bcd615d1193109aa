"""A grammar with a second automaton: what a context-free grammar cannot say, and masks all the same.

The automaton reads lexemes (words, numbers, symbols, strings) between white space and says of every state, as a
`Shape`, what the lexeme at hand may still become, so that masks are put together from what is known for a vocabulary.
Its language lies within the grammar's, which is made only where it is asked for. As a part of others see `mixed.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, NamedTuple, NoReturn, Protocol

from .automaton import DEAD, Automaton
from .errors import GrammarError, Unsupported
from .grammar import Grammar
from .predicate import Judge


def byte_set(values: Iterable[int]) -> int:
    """A set of bytes as an integer: bit b is byte b."""
    found = 0
    for byte in values:
        found |= 1 << byte
    return found


EVERY = (1 << 256) - 1
END = 1 << 256
"""Beside the bytes of a set: the end of the text."""
ANYTHING = EVERY | END
LETTERS = byte_set(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
DIGITS = byte_set(b"0123456789")
BLANKS = byte_set(b" \t\r\n")
OPERATORS = byte_set(b"+-*/<>=!|%&~^#@?:")
"""Bytes of symbols that go on while they can."""
OTHER = b"\1"
"""Stands for what is in quotes and no name."""


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


class Quoted(NamedTuple):
    """What may stand in quotes, which are doubled within; no name holds one."""

    quote: int
    refused: bytes
    """Bytes that it may not hold."""
    names: frozenset[bytes]
    """Contents that lead to states of their own; all others lead to that of OTHER."""
    folded: bool
    """Whether ASCII letters of names, which are given in small ones, may be of either case."""
    free: bool
    """Whether there may be others, and all that is begun can be ended."""


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
    starts: int = 0
    """Bytes (a set) to ask `step` about."""
    own: int = EVERY
    """Bytes (a set) before which the lexeme does not end; before others the state is that of `ended`."""
    symbols: frozenset[str] = frozenset()
    """Whole symbols; those of operators may be followed by an operator only where the longer one is among them."""
    quoted: tuple[Quoted, ...] = ()
    told: int = 0
    """Those of `starts` with which `symbols` and `quoted` begin."""
    apart: bool = False
    """Whether white space before the lexeme makes a difference beyond itself."""


class ScopingAutomaton(Automaton, Protocol):
    """An automaton over lexemes."""

    def shape(self, state: int, among: int) -> Shape:
        """What may come next; of what begins with other bytes than those `among` which (a set) the next one is, nothing
        need be said."""

    def ended(self, state: int) -> int:
        """The state before white space and the next lexeme, where the one that was begun ends here; DEAD where it
        may not end."""

    def after(self, state: int, text: bytes, among: int) -> int:
        """The state behind the lexeme that this text completes; DEAD where it may not end there. It may be DEAD where
        nothing can follow that begins with one of the bytes `among` (a set, with END)."""

    def renamed(self, state: int, name: str) -> tuple[str, int] | None:
        """The word that was begun, in small letters, and the state with another (`name`) in its place, or DEAD; None
        where none was begun."""

    def estimate(self, state: int) -> int:
        """A guess of how many lexemes complete the text."""

    def leap(self, state: int) -> int:
        """How many lexemes one token may add at most to those that complete the text."""


class Scoped(Judge):
    """Texts of an automaton that lie within a grammar. It joins others with `&` as predicates do, and with `+` and `|`.

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

    def _refuse(self, operator: str) -> NoReturn:
        raise Unsupported(
            f"{operator} takes grammars, and {self.name} has scopes, which no grammar can hold: sequence, alternation, "
            "repeat, tags, after, + and | take it as a part, and & joins it with others. Its .grammar, the syntax "
            "without scopes and types, is a grammar",
            keyword=operator,
        )

    def __add__(self, other: Any) -> Scoped:
        """A text of this, then one of the other."""
        return self._joined("sequence", self, other)

    def __radd__(self, other: Any) -> Scoped:
        """A text of the other, then one of this."""
        return self._joined("sequence", other, self)

    def __or__(self, other: Any) -> Scoped:
        """Texts of either."""
        return self._joined("alternation", self, other)

    def __ror__(self, other: Any) -> Scoped:
        """Texts of either."""
        return self._joined("alternation", other, self)

    def __invert__(self) -> NoReturn:
        """Refused: texts that are none of these."""
        self._refuse("~")

    def _joined(self, how: str, *parts: Any) -> Scoped:
        from . import combinators

        joined: Scoped = getattr(combinators, how)(*parts)
        return joined

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"
