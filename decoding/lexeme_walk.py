"""The walk of an automaton over lexemes along the trie of a vocabulary: what a mask is put together from."""

from __future__ import annotations

from ..grammars.automaton import DEAD
from ..grammars.scoped import DIGITS, EVERY, LETTERS, ScopingAutomaton, Shape
from .lexemes import Lexemes, Nodes, Spread, Tokens

_IN_WORDS = LETTERS | DIGITS
Work = dict[int, Nodes]


class Walk:
    """One walk. What is to be done is gathered by state, breadth first, so that few states are looked at twice."""

    def __init__(self, automaton: ScopingAutomaton, lexemes: Lexemes) -> None:
        self.automaton, self.lexemes = automaton, lexemes
        self._found: list[Tokens] = []
        self._to_read: dict[tuple[int, int], Nodes] = {}

    def tokens(self, state: int) -> list[Tokens]:
        """The tokens that leave the automaton alive, as arrays of ids (int32) and rows (uint32) that may overlap."""
        self._to_read[state, 0] = (0,)
        while self._to_read:
            work, self._to_read = self._to_read, {}
            for (state, skip), nodes in work.items():
                self._read(state, nodes, skip)
        return self._found

    def _read(self, state: int, nodes: Nodes, skip: int) -> None:
        """Tokens below the nodes, but for those that go on with one of the bytes (a set) to skip."""
        lexemes = self.lexemes
        spread = lexemes.spread(nodes)
        shape = self.automaton.shape(state, EVERY if spread.of_blanks else spread.bytes & ~skip)
        following: Work = {}
        blank = self.automaton.step(state, 0x20) if shape.blanks and spread.of_blanks else DEAD
        if blank != DEAD:
            for node in spread.of_blanks:
                part = lexemes.blanks(node, shape.blanks)
                self._found.append(part.tokens)
                for _, behind in part.leaving:
                    self._lexeme(blank, shape, behind, lexemes.spread(behind), 0, following)
        self._lexeme(state, shape, nodes, spread, skip, following)
        for reached, places in following.items():
            self._follow(reached, places)
        if spread.bytes & ~shape.own:
            self._end(state, nodes, shape.own)

    def _lexeme(self, state: int, shape: Shape, nodes: Nodes, spread: Spread, skip: int, following: Work) -> None:
        """The same where no white space comes first; what single bytes lead to is put into `following`."""
        automaton, lexemes, found = self.automaton, self.lexemes, self._found
        if spread.of_words and not skip & LETTERS:
            for node in spread.of_words:
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
        if shape.digits and spread.bytes & DIGITS & ~skip:
            for node in spread.of_words:
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
                    following[reached] = following.get(reached, ()) + lexemes.spread(leaving).children[quote]
        starts = spread.bytes & shape.starts & ~skip
        while starts:
            byte = (starts & -starts).bit_length() - 1
            starts &= starts - 1
            reached = automaton.step(state, byte)
            following[reached] = following.get(reached, ()) + spread.children[byte]

    def _follow(self, state: int, nodes: Nodes) -> None:
        """Tokens that end at the nodes or below, where the state is alive."""
        if state != DEAD:
            self._found.append(self.lexemes.ending(nodes))
            inner = self.lexemes.inner(nodes)
            if inner:
                self._later(state, inner, 0)

    def _end(self, state: int, nodes: Nodes, own: int) -> None:
        """Tokens below the nodes that end the lexeme there: those that do not go on with its own bytes (a set)."""
        if state != DEAD:
            ended = self.automaton.ended(state)
            if ended != DEAD:
                self._later(ended, nodes, own)

    def _later(self, state: int, nodes: Nodes, skip: int) -> None:
        key = state, skip
        self._to_read[key] = self._to_read.get(key, ()) + nodes
