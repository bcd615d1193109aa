"""Atoms of a pattern: literals, the dot, anchors and word boundaries, under the flags in force.

Anchors and boundaries are lookarounds over characters: ^ is (?<!any), \\b is (?<=word)(?!word)|(?<!word)(?=word).
"""

from __future__ import annotations

from ..characters import Ranges, complement
from ..unicode_tables import ECMA_NEWLINES, named_class
from .escapes import EscapeScanner
from .scanner import Flags
from .syntax import END, FAIL, NEWLINE_END, START, Characters, Look, Node, choice, literal, sequence

_NEWLINE: Ranges = ((10, 10),)


def characters(ranges: Ranges) -> Node:
    """One character of the set; FAIL if there is none."""
    return Characters(ranges) if ranges else FAIL


class AtomScanner(EscapeScanner):
    """Reads atoms at the current place."""

    def __init__(self, pattern: str, dialect: str, flags: Flags) -> None:
        super().__init__(pattern, dialect)
        self.flags = flags
        self.python = dialect == "python"

    def literal(self, code_point: int) -> Node:
        """One character, or its case variants too."""
        if not self.flags.i:
            return literal(code_point)
        return Characters(self.folded(((code_point, code_point),), self.flags))

    def newlines(self) -> Ranges:
        """Characters that end a line: the dot excludes them."""
        return _NEWLINE if self.python else ECMA_NEWLINES

    def anchor(self, c: str) -> Node:
        """What ^ or $ asks for."""
        if self.flags.m:
            body = Characters(complement(self.newlines()))
            return Look(body, ahead=c == "$", negative=True)
        if c == "^":
            return START
        return NEWLINE_END if self.python else END

    def escaped(self, start: int) -> tuple[Node, bool]:
        """The atom of an escape, and whether it may be repeated."""
        if self.next and self.next in "bB":
            return self.boundary(inverted=self.take("") == "B"), False
        if self.python and self.next and self.next in "AZ":
            return (START if self.take("") == "A" else END), False
        atom = self.escape(start, self.flags, in_class=False)
        if isinstance(atom, int):
            return self.literal(atom), True
        return characters(self.folded(atom, self.flags) if self.folds(self.text[start + 1]) else atom), True

    def boundary(self, inverted: bool) -> Node:
        r"""What \b asks for, or (inverted) \B: a word character on just one side."""
        word = Characters(named_class("w", self.dialect, self.flags.a))

        def beside(before: bool, after: bool) -> Node:
            return sequence((Look(word, ahead=False, negative=not before), Look(word, ahead=True, negative=not after)))

        return choice((beside(True, inverted), beside(False, not inverted)))
