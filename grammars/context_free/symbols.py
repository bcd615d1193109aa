"""What rules are made of once names are resolved: regular expressions over symbols ("regular right parts").

A grammar is a dict from names of rules to expressions. Symbols are hashable, so equal ones are one symbol of the
automaton of a rule (`automata.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from ..characters import Ranges


@dataclass(frozen=True, slots=True)
class Chars:
    """One character of a set."""

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Terminal:
    """A string of a regular expression (Python's syntax) that is not empty."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Call:
    """A string of a rule; in automata one that is not empty."""

    name: str


@dataclass(frozen=True, slots=True)
class Counted:
    """`minimum` to `maximum` (None: no bound) strings of a rule, none of them empty; `maximum` is above 0."""

    name: str
    minimum: int
    maximum: int | None


@dataclass(frozen=True, slots=True)
class Hole:
    """A string of another grammar; in automata one that is not empty."""

    name: str


Symbol: TypeAlias = Chars | Terminal | Call | Counted | Hole


@dataclass(frozen=True, slots=True)
class Seq:
    """The items one after the other; no items: the empty string."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Alt:
    """One of the options; no options: nothing matches."""

    options: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Rep:
    """`minimum` to `maximum` (None: no bound) times the body."""

    body: Expr
    minimum: int
    maximum: int | None


Expr: TypeAlias = Symbol | Seq | Alt | Rep
Rules: TypeAlias = dict[str, Expr]
EPSILON = Seq(())


def symbols(expression: Expr) -> Iterator[Symbol]:
    """All symbols in an expression, in order."""
    match expression:
        case Seq(items) | Alt(items):
            for item in items:
                yield from symbols(item)
        case Rep(body):
            yield from symbols(body)
        case _:
            yield expression


def size(expression: Expr) -> int:
    """How many symbols there are, rounds of repetitions written out."""
    match expression:
        case Seq(items) | Alt(items):
            return 1 + sum(map(size, items))
        case Rep(body, minimum, maximum):
            return size(body) * max(1, minimum, maximum or 0)
    return 1
