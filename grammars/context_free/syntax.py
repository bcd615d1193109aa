"""Syntax trees of grammar files, as they are written: what both readers make and `definitions.py` makes a grammar of.

Every leaf knows its offset in the text, for error messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ..characters import Ranges


@dataclass(frozen=True, slots=True)
class Literal:
    """A string in quotes."""

    text: str
    ignore_case: bool
    at: int


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression between slashes, in Python's syntax."""

    source: str
    flags: str
    at: int


@dataclass(frozen=True, slots=True)
class Characters:
    """One character of a set."""

    ranges: Ranges
    at: int


@dataclass(frozen=True, slots=True)
class Name:
    """A rule, a terminal or a template with its arguments."""

    name: str
    arguments: tuple[Tree, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Sequence:
    """The items one after the other; no items: the empty string."""

    items: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the options."""

    options: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """`minimum` to `maximum` (None: no bound) times the body."""

    body: Tree
    minimum: int
    maximum: int | None


Tree: TypeAlias = Literal | Pattern | Characters | Name | Sequence | Choice | Repeat


def sequence(items: list[Tree]) -> Tree:
    """The items in order."""
    return items[0] if len(items) == 1 else Sequence(tuple(items))


def choice(options: list[Tree]) -> Tree:
    """One of the options."""
    return options[0] if len(options) == 1 else Choice(tuple(options))


@dataclass(frozen=True, slots=True)
class Definition:
    """A rule or a terminal, `parameters` being those of a template. Its priority is 0 unless given."""

    name: str
    parameters: tuple[str, ...]
    body: Tree
    at: int
    priority: int = 0
