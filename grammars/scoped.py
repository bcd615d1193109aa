"""A grammar with a second automaton in step: what a context-free grammar cannot say, and masks all the same.

The automaton's language lies within the grammar's as far as dead ends go: from every pair of states that a text leads
to, both alive, some text completes both. So the two are run side by side, and a token is allowed where both live on.
"""

from __future__ import annotations

from typing import Protocol

from .automaton import DEAD, Automaton
from .errors import GrammarError
from .grammar import Grammar
from .predicate import Judge


class ScopingAutomaton(Automaton, Protocol):
    """An automaton that says where it need not be asked."""

    def free_bytes(self, state: int) -> tuple[bytes, int]:
        """Bytes, and a number: any string of these bytes that is no longer than that leaves the automaton alive."""


class Scoped(Judge):
    """Texts that a grammar and an automaton both accept. It joins others with `&`, as predicates do.

    Args:
        grammar: its masks are made first.
        automaton: asked about the tokens that the grammar allows.
        name: what messages call it.
    """

    def __init__(self, grammar: Grammar, automaton: ScopingAutomaton, name: str) -> None:
        self.grammar = grammar
        self.automaton = automaton
        self.name = name

    def matches(self, data: bytes | str) -> bool:
        """Whether the whole of `data` (text is taken as UTF-8) is accepted by both."""
        if isinstance(data, str):
            data = data.encode("utf-8", "surrogatepass")
        if not isinstance(data, bytes | bytearray | memoryview):
            raise GrammarError(f"matches() takes bytes or str, not {type(data).__name__}")
        data = bytes(data)
        state = self.automaton.advance(self.automaton.start, data)
        return state != DEAD and self.automaton.is_accepting(state) and self.grammar.matches(data)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"
