"""Regular expressions of Python and ECMAScript, compiled exactly: lookarounds, anchors and Unicode included."""

from .automaton import AddCharacters, CharacterAutomaton
from .expression import Expression, parse

__all__ = ["AddCharacters", "CharacterAutomaton", "Expression", "parse"]
