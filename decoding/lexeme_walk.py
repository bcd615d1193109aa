"""The walk of an automaton over lexemes along the trie of a vocabulary: what a mask is put together from."""

from __future__ import annotations

from ..grammars.automaton import DEAD
from ..grammars.scoped import DIGITS, EVERY, LETTERS, NOTHING, ScopingAutomaton, Shape
from .lexemes import BLANKS, Lexemes, Nodes, Tokens

_IN_WORDS = LETTERS | DIGITS


class Walk:
    """One walk. What is to be done is gathered by state, breadth first, so that few states are looked at twice."""

    def __init__(self, automaton: ScopingAutomaton, lexemes: Lexemes) -> None:
        self.automaton, self.lexemes = automaton, lexemes
        self._found: list[Tokens] = []
        self._to_read: dict[tuple[int, frozenset[int]], Nodes] = {}

    def tokens(self, state: int) -> list[Tokens]:
        """The tokens that leave the automaton alive, as arrays of ids (int32) and rows (uint32) that may overlap."""
        self._to_read[state, NOTHING] = (0,)
        while self._to_read:
            work, self._to_read = self._to_read, {}
            for (state, skip), nodes in work.items():
                self._read(state, nodes, skip)
        return self._found

    def _read(self, state: int, nodes: Nodes, skip: frozenset[int]) -> None:
        """Tokens below the nodes, but for those that go on with one of the bytes to skip."""
        spread = self.lexemes.spread(nodes)
        blank = not spread.keys().isdisjoint(BLANKS)
        shape = self.automaton.shape(state, EVERY if blank else spread.keys())
        following: dict[int, Nodes] = {}
        if blank and shape.blanks:
            for node in nodes:
                part = self.lexemes.blanks(node, shape.blanks)
                self._found.append(part.tokens)
                for _, behind in part.leaving:
                    self._lexeme(state, shape, behind, NOTHING, following)
        self._lexeme(state, shape, nodes, skip, following)
        for reached, places in following.items():
            self._follow(reached, places)
        if shape.own is not EVERY:
            self._end(state, nodes, shape.own)

    def _lexeme(
        self, state: int, shape: Shape, nodes: Nodes, skip: frozenset[int], following: dict[int, Nodes]
    ) -> None:
        """The same where no white space comes first; what single bytes lead to is put into `following`."""
        automaton, lexemes, found = self.automaton, self.lexemes, self._found
        spread = lexemes.spread(nodes)
        if (shape.words or shape.fresh) and not skip >= LETTERS and not spread.keys().isdisjoint(_IN_WORDS):
            for node in nodes:
                if shape.words:
                    part = lexemes.of_words(node, shape.words)
                    found.append(part.tokens)
                    for text, leaving in part.leaving:
                        self._end(automaton.advance(state, text), leaving, _IN_WORDS)
                if shape.fresh:
                    part = lexemes.of_name(node, shape.fresh, shape.begun)
                    found.append(part.tokens)
                    for text, leaving in part.leaving:
                        if text.decode().lower() not in shape.words:
                            self._end(automaton.advance(state, text), leaving, _IN_WORDS)
        if shape.digits and not skip >= DIGITS and not spread.keys().isdisjoint(DIGITS):
            for node in nodes:
                part = lexemes.of_digits(node, shape.digits)
                found.append(part.tokens)
                for text, leaving in part.leaving:
                    self._later(automaton.advance(state, text), leaving, DIGITS)
        if shape.content is not None:
            quote = shape.content.quote
            for node in nodes:
                part = lexemes.of_content(node, shape.content)
                found.append(part.tokens)
                for text, leaving in part.leaving:
                    reached = automaton.step(automaton.advance(state, text), quote)
                    following[reached] = following.get(reached, ()) + lexemes.spread(leaving)[quote]
        for byte in spread.keys() & shape.starts - skip:
            reached = automaton.step(state, byte)
            following[reached] = following.get(reached, ()) + spread[byte]

    def _follow(self, state: int, nodes: Nodes) -> None:
        """Tokens that end at the nodes or below, where the state is alive."""
        if state != DEAD:
            self._found.append(self.lexemes.ending(nodes))
            inner = self.lexemes.inner(nodes)
            if inner:
                self._later(state, inner, NOTHING)

    def _end(self, state: int, nodes: Nodes, own: frozenset[int]) -> None:
        """Tokens below the nodes that end the lexeme there: those that do not go on with its own bytes."""
        if state != DEAD and not self.lexemes.spread(nodes).keys() <= own:
            ended = self.automaton.ended(state)
            if ended != DEAD:
                self._later(ended, nodes, own)

    def _later(self, state: int, nodes: Nodes, skip: frozenset[int]) -> None:
        key = state, skip
        self._to_read[key] = self._to_read.get(key, ()) + nodes
