"""Dialects of SQL, by sqlglot's names: their words, functions and types, from the data files beside this module."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import NamedTuple

from ..errors import Unsupported

DIALECTS = ("sqlite", "postgres", "mysql", "duckdb")
NUMBERS = frozenset(("int", "number"))
ORDERED = frozenset(("int", "number", "text", "date", "timestamp"))
_CODES = {
    "a": None,
    "n": NUMBERS,
    "i": frozenset(("int",)),
    "l": frozenset(("int",)),
    "t": frozenset(("text",)),
    "q": frozenset(("text",)),
    "b": frozenset(("bool",)),
    "d": frozenset(("date", "timestamp")),
    "o": ORDERED,
}
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

Kinds = frozenset[str] | None
"""Classes of types that are allowed; None: all."""


class Function(NamedTuple):
    """A function: classes of its arguments ("s": as the first one, "l": a whole number written out, "q": a string
    written out), how many must and may be given (-1: any number), and the class of its result, or "same" for that of
    the first argument."""

    arguments: tuple[str, ...]
    minimum: int
    maximum: int
    result: str

    def code(self, i: int) -> str:
        """Code of argument i."""
        return self.arguments[min(i, len(self.arguments) - 1)]


def kinds_of(code: str) -> Kinds:
    """The classes that a code of an argument stands for."""
    return _CODES.get(code)


def _function(signature: str) -> Function:
    arguments, _, result = signature.partition(":")
    parts = arguments.split()
    minimum = sum(not part.endswith(("?", "*")) for part in parts)
    maximum = -1 if parts and parts[-1].endswith("*") else len(parts)
    return Function(tuple(part[0] for part in parts), minimum, maximum, result)


@dataclass(frozen=True)
class Dialect:
    """Words and functions of a dialect; `dialect(name)` gives it."""

    name: str
    typed: bool
    """Whether comparisons of different classes are errors, and columns beside aggregates must be grouped."""
    reserved: frozenset[str]
    """Words that name something only in quotes."""
    avoided: frozenset[str]
    """Words that no new alias is called."""
    called: frozenset[str]
    """Words that are functions wherever a parenthesis follows."""
    types: dict[str, str]
    aggregates: dict[str, Function]
    windows: dict[str, Function]
    functions: dict[str, Function]
    syntax: str
    """Rules of queries in Lark's language."""
    writing: str
    """Rules of statements that change rows."""

    @property
    def quote(self) -> str:
        """The mark around quoted names."""
        return "`" if self.name == "mysql" else '"'

    def key(self, name: str) -> str:
        """What two names have in common that mean the same: stored names, and quoted ones as they stand."""
        return name if self.name == "postgres" else name.encode().lower().decode()

    def is_plain(self, name: str) -> bool:
        """Whether a stored name may be written without quotes."""
        if not _PLAIN.match(name) or name.lower() in self.reserved:
            return False
        return self.name != "postgres" or name == name.lower()


@functools.cache
def dialect(name: str) -> Dialect:
    """The dialect of this name. Raises Unsupported for one that is not known."""
    if name not in DIALECTS:
        raise Unsupported(f"dialect={name!r} is not supported; there are {', '.join(DIALECTS)}", keyword="dialect")
    folder = files(__package__)
    data = json.loads((folder / f"{name}.json").read_text("utf-8"))
    syntax, writing, own = ((folder / f"{part}.lark").read_text("utf-8") for part in ("select", "write", name))
    keywords = frozenset(re.findall(r'"([a-z]+)"i', syntax + writing + own))
    functions = {
        part: {word: _function(text) for word, text in data[part].items()}
        for part in ("aggregates", "windows", "functions")
    }
    # Words of these rules that the dialect takes as names would make two readings of one text.
    return Dialect(
        name,
        data["typed"],
        frozenset(data["reserved"]) | keywords,
        frozenset(data["avoided"]) | keywords,
        frozenset(data.get("called", ())),
        data["types"],
        functions["aggregates"],
        functions["windows"],
        functions["functions"],
        syntax + own,
        writing,
    )
