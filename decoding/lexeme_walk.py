"""The walk of an automaton over lexemes along the trie of a vocabulary: what a mask is put together from.

What tokens do below some nodes of the trie, from a state on, is found out once for each: the parts of it that lie
within one lexeme, and from which nodes and states tokens go on behind it. The walk from a state follows these.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..grammars.automaton import DEAD
from ..grammars.scoped import DIGITS, LETTERS, ScopingAutomaton, Shape
from .lexeme_parts import Leaving, Nodes, Part, Spread, Tokens
from .lexemes import Lexemes

_IN_WORDS = LETTERS | DIGITS
_REMEMBERED = 1 << 16
Key = tuple[int, Nodes, int]
"""A state, nodes, and the bytes (a set) with which tokens below them are not meant to go on."""


class Step:
    """What tokens do up to the end of the next lexeme, and what is left to be read."""

    __slots__ = ("further", "tokens")

    def __init__(self) -> None:
        self.tokens: list[Tokens] = []
        self.further: list[Key] = []


class Walk:
    """The walks of one automaton over one vocabulary."""

    def __init__(self, automaton: ScopingAutomaton, lexemes: Lexemes) -> None:
        self.automaton, self.lexemes = automaton, lexemes
        self._steps: dict[Key, Step] = {}

    def tokens(self, state: int) -> dict[int, Tokens]:
        """The tokens that leave the automaton alive, as arrays of ids (int32) and rows (uint32) that may overlap, by
        their identity.

        What is to be read is gathered by state, breadth first, so that few states are looked at twice.
        """
        if len(self._steps) > _REMEMBERED:
            self._steps.clear()
        known, found = self._steps, {}
        to_read: dict[tuple[int, int], Nodes] = {(state, 0): (0,)}
        while to_read:
            work, to_read = to_read, {}
            for (state, skip), nodes in work.items():
                key = state, nodes, skip
                step = known.get(key)
                if step is None:
                    step = known[key] = self._read(state, nodes, skip)
                for tokens in step.tokens:
                    found[id(tokens)] = tokens
                for reached, behind, own in step.further:
                    entry = reached, own
                    before = to_read.get(entry)
                    if before is None:
                        to_read[entry] = behind
                    elif before != behind:
                        to_read[entry] = (*before, *behind)
        return found

    def _read(self, state: int, nodes: Nodes, skip: int) -> Step:
        step, lexemes = Step(), self.lexemes
        spread = lexemes.spread(nodes)
        begins = spread.bytes & ~skip
        shape = self.automaton.shape(state, begins | spread.behind)
        if shape.blanks and spread.of_blanks:
            part = lexemes.blanks(spread.of_blanks, shape.blanks)
            step.tokens.append(part.tokens)
            for leaving in part.leaving:
                if skip or shape.apart:
                    blank = self.automaton.step(state, 0x20)
                    self._lexeme(step, blank, shape, leaving.nodes, lexemes.spread(leaving.nodes), 0)
                else:
                    nodes += leaving.nodes
                    spread = lexemes.spread(nodes)
        self._lexeme(step, state, shape, nodes, spread, skip)
        if begins & ~shape.own:
            ended = self.automaton.ended(state)
            if ended != DEAD:
                step.further.append((ended, nodes, shape.own))
        return step

    def _lexeme(self, step: Step, state: int, shape: Shape, nodes: Nodes, spread: Spread, skip: int) -> None:
        """The same where no white space comes first."""
        lexemes, begins = self.lexemes, spread.bytes & ~skip
        if begins & _IN_WORDS:
            if shape.words and begins & LETTERS | shape.begun:
                self._part(step, state, lexemes.of_words(spread.of_words, shape.words))
            if shape.fresh and begins & LETTERS | shape.begun:
                part = lexemes.of_name(spread.of_words, shape.fresh, shape.begun)
                step.tokens.append(part.tokens)
                others = (leaving for leaving in part.leaving if leaving.text.decode().lower() not in shape.words)
                self._leave(step, state, others)
            if shape.digits and begins & DIGITS:
                part = lexemes.of_digits(spread.of_words, shape.digits)
                step.tokens.append(part.tokens)
                for leaving in part.leaving:
                    step.further.append((self.automaton.advance(state, leaving.text), leaving.nodes, DIGITS))
        symbols = shape.symbols
        if skip & shape.told:
            symbols = frozenset(symbol for symbol in symbols if not skip >> ord(symbol[0]) & 1)
        if symbols:
            self._part(step, state, lexemes.of_symbols(nodes, symbols))
        for quoted in shape.quoted:
            if begins >> quoted.quote & 1:
                read = lexemes.of_string if quoted.free else lexemes.of_quoted
                self._part(step, state, read(nodes, quoted))
        if shape.content is not None:
            part = lexemes.of_content(nodes, shape.content)
            step.tokens.append(part.tokens)
            for leaving in part.leaving:
                within = self.automaton.advance(state, leaving.text)
                self._byte(step, within, shape.content.quote, leaving.nodes)
        starts = shape.starts & ~shape.told & begins
        while starts:
            self._byte(step, state, (starts & -starts).bit_length() - 1, nodes)
            starts &= starts - 1

    def _part(self, step: Step, state: int, part: Part) -> None:
        step.tokens.append(part.tokens)
        if part.leaving:
            self._leave(step, state, part.leaving)

    def _leave(self, step: Step, state: int, all_leaving: Iterable[Leaving]) -> None:
        """Go on behind lexemes."""
        after = self.automaton.after
        for text, nodes, own, among, tokens in all_leaving:
            reached = after(state, text, among)
            if reached != DEAD:
                if len(tokens):
                    step.tokens.append(tokens)
                if nodes:
                    step.further.append((reached, nodes, own))

    def _byte(self, step: Step, state: int, byte: int, nodes: Nodes) -> None:
        """Go on behind a byte within a lexeme."""
        reached = self.automaton.step(state, byte)
        if reached != DEAD:
            children = self.lexemes.spread(nodes).children[byte]
            step.tokens.append(self.lexemes.ending(children))
            inner = self.lexemes.inner(children)
            if inner:
                step.further.append((reached, inner, 0))
