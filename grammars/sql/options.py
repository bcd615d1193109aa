"""The terminals that may come at a configuration, found by following the ways of the parser from there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from ..scoped import DIGITS, EVERY, LETTERS, byte_set
from .levels import Scope
from .machine import Machine, Way
from .terminals import NAMES, NUMBERS, STRINGS, Terminals

_Value = TypeVar("_Value")
Target = tuple[int, Scope]
"""A stack and a scope."""
QUOTES = byte_set(b"'\"")
"""Bytes with which strings begin."""
MARKS = EVERY & ~LETTERS & ~DIGITS
"""Bytes with which symbols, strings and names in quotes begin."""


def first_bytes(quote: str, terminal: str) -> int:
    """Bytes (a set) with which a terminal may begin."""
    if terminal in NAMES:
        return LETTERS | 1 << ord(quote)
    return DIGITS if terminal in NUMBERS else QUOTES


class remembered(Generic[_Value]):
    """`functools.cached_property` without its lock, which takes longer than most of what is remembered here."""

    def __init__(self, function: Callable[[Any], _Value]) -> None:
        self.function = function
        self.__doc__ = function.__doc__

    def __get__(self, instance: Any, owner: type) -> _Value:
        value = instance.__dict__[self.function.__name__] = self.function(instance)
        return value


class Options:
    """What may come at a configuration; ways to it are followed as far as they are asked for.

    Attributes:
        keywords, symbols: literals that were found, by whether they are words; `look` finds those that begin so.
        number, string: the terminal of this kind with its target, where it was found.
    """

    def __init__(self, machine: Machine, rules: Terminals, stack: int, scope: Scope) -> None:
        self.machine, self.rules, self.scope = machine, rules, scope
        self.keywords: dict[str, Target] = {}
        self.symbols: dict[str, Target] = {}
        self.number: tuple[str, Target] | None = None
        self.decimal = False
        self.string: tuple[str, Target] | None = None
        self._ends = False
        self._naming: list[tuple[str, Target]] = []
        self._left = machine.first(stack)
        self._open: list[tuple[int, tuple[Way, ...], Scope]] = [(self._left, machine.ways(stack), scope)]
        self._done: dict[tuple[str, int], tuple[Scope, Scope | None]] = {}

    def look(self, among: int) -> None:
        """Follow all ways to what begins with one of the bytes (a set, with END)."""
        if among & self._left:
            self._follow(among, False)

    def _follow(self, among: int, once: bool) -> bool:
        """Follow ways; with `once` only until something is found that is no name."""
        actions, done, machine = self.rules.actions, self._done, self.machine
        to_do, self._open, self._left = self._open, [], 0
        found = False
        while to_do and not (once and found):
            first, ways, scope = to_do.pop()
            if not first & among:
                self._open.append((first, ways, scope))
                self._left |= first
                continue
            if once and len(ways) > 1:  # the first way to its end, before others
                to_do.append((first, ways[1:], scope))
                ways = ways[:1]
            for way in ways:
                first, kind, text, after = way
                if not first & among:
                    self._open.append((first, (way,), scope))
                    self._left |= first
                elif kind == "action":
                    key = text, id(scope)
                    known = done.get(key)
                    if known is None:  # the scope is kept, so that no other one gets its identity
                        known = done[key] = scope, actions[text](scope)
                    if known[1] is not None:
                        to_do.append((first, machine.ways(after), known[1]))
                elif kind == "keyword":
                    assert text not in self.keywords, f"two ways begin with {text!r}"
                    self.keywords[text] = after, scope
                    found = True
                elif kind == "symbol":
                    assert text not in self.symbols, f"two ways begin with {text!r}"
                    self.symbols[text] = after, scope
                    found = True
                else:
                    found = self._found(kind, text, (after, scope)) or found
        for left in to_do:
            self._open.append(left)
            self._left |= left[0]
        if not self._open:
            self._done.clear()
        return found

    def _found(self, kind: str, text: str, target: Target) -> bool:
        """Note the end or a terminal; False for a name, and where nothing may come of it."""
        if kind == "end":
            self._ends = True
        elif text in NAMES:
            self._naming.append((text, target))
            return False
        elif text in NUMBERS:
            self.decimal = text == "NUMBER" and self.rules.number(text, target[1], "1.5") is not None
            if self.rules.number(text, target[1], "1") is None:
                return False
            self.number = (text, target)
        else:
            assert text in STRINGS, text
            if self.rules.string(text, target[1]) is None:
                return False
            self.string = (text, target)
        return True
