"""What is known at a place of a query: levels of nested queries, tables bound, references that wait for FROM.

All immutable, so that states of the scope automaton can be kept, compared and forked.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

from .dialects import Kinds

Reference = tuple[str, str]
"""Alias and column; the alias is "" for a column without one that waits, or that a join has merged."""
_Tuple = TypeVar("_Tuple", bound=tuple[Any, ...])
MAX_TABLES = 8
"""Tables in one FROM, those that are results of subqueries aside."""


def _quickly_replaced(cls: type[_Tuple]) -> type[_Tuple]:
    """Decorator: a `_replace` that takes a third of the time, since a mask asks for a hundred."""
    new: Any = tuple.__new__
    places = {name: i for i, name in enumerate(cls._fields)}  # type: ignore[attr-defined]

    def replace(self: _Tuple, /, **values: object) -> _Tuple:
        items = list(self)
        for name in values:
            items[places[name]] = values[name]
        replaced: _Tuple = new(cls, items)
        return replaced

    cls._replace = replace  # type: ignore[attr-defined]
    return cls


class Relation(NamedTuple):
    """A table, a view, or the result of a query: names and classes of its columns."""

    name: str
    columns: tuple[tuple[str, str], ...]

    def kind(self, column: str) -> str | None:
        """Class of the column of this name, None where there is none or more than one."""
        found = [kind for name, kind in self.columns if name == column]
        return found[0] if len(found) == 1 else None


class Bound(NamedTuple):
    """A relation in FROM: its alias, its columns, and those that a join merged with columns to the left."""

    alias: str
    columns: tuple[tuple[str, str], ...]
    merged: tuple[str, ...] = ()
    derived: bool = False
    """Whether it is the result of a subquery."""
    first: bool = False
    """Whether it is the first of FROM, or behind a comma."""


class Output(NamedTuple):
    """A column of a result; kind "?": to be found out when `reference` is bound; "*": all of a table, or of all."""

    name: str | None
    kind: str
    reference: Reference | None = None
    exact: bool = False
    """Whether its type is known, and not only its class."""


@_quickly_replaced
class Frame(NamedTuple):
    """An expression that is being read."""

    role: str
    expect: Kinds = None
    """Classes that the whole may have."""
    allow: Kinds = None
    """Classes that the next operand may have."""
    kind: str = ""
    """Class of what was read; "" at the start."""
    left: str = ""
    """Class of what is compared with."""
    boolean: bool = False
    """Whether what is being read must be a truth value."""
    flags: int = 0
    function: str = ""
    argument: int = 0
    reference: Reference | None = None
    """The column where that is all that was read."""
    bare: bool = False
    """Whether nothing but one operand was read."""
    exact: bool = False
    """Whether that operand is a literal or a cast."""


class Waiting(NamedTuple):
    """A reference that waits for FROM; `kind`: the class that it must turn out to have, if any."""

    alias: str
    name: str
    kind: str | None
    inner: bool = False
    """Whether no enclosing query may answer, because it is within an aggregate."""


@_quickly_replaced
class Level(NamedTuple):
    """A query, from its first SELECT on."""

    role: str
    phase: str = "items"
    expected: int | None = None
    """How many columns it must have."""
    allows: tuple[Kinds, ...] | None = None
    outputs: tuple[Output, ...] = ()
    first: tuple[Output, ...] | None = None
    """Columns of the first SELECT of a compound."""
    waiting: frozenset[Waiting] = frozenset()
    tables: tuple[Bound, ...] = ()
    group_start: int = 0
    """First of the tables that a join condition sees."""
    join: str = ""
    outer: bool = False
    """Whether a RIGHT or FULL JOIN is among the joins."""
    using: tuple[str, ...] = ()
    pending: Relation | None = None
    """The relation that awaits its alias."""
    ctes: tuple[Relation, ...] = ()
    naming: tuple[str, ...] = ()
    """Name and column names of the common table expression that is being defined."""
    aggregated: bool = False
    inner: frozenset[Reference] = frozenset()
    """References within the aggregate that is being read."""
    bare: frozenset[Reference] = frozenset()
    """References outside aggregates, which must be grouped where anything is."""
    grouped: frozenset[Reference] | None = None
    distinct: bool = False
    distinct_on: frozenset[Reference] = frozenset()
    """Columns of DISTINCT ON, which ORDER BY must begin with."""
    sorted_on: frozenset[Reference] = frozenset()
    """Those of them that it has named."""
    starred: bool = False  # whether `*` is among the columns
    renamed: frozenset[str] = frozenset()  # names given to columns, which may hide those of enclosing queries
    compound: bool = False
    lateral: bool = False
    """Whether it sees the tables to its left in FROM."""
    recursing: bool = False
    """Whether its common table expressions may refer to themselves."""
    itself: Relation | None = None
    """The common table expression that this SELECT of its own refers to."""
    tuples: int = 0
    """How many rows of VALUES were read."""
    windows: frozenset[str] = frozenset()
    """Names of windows that were used, and that the WINDOW clause must define."""
    defined: frozenset[str] = frozenset()
    """Those of them that it has defined."""
    cube: bool = False
    """Whether GROUP BY CUBE is being read."""
    written: int = 0
    """How many values of such a row, or columns behind GROUP BY, were read."""


@_quickly_replaced
class Scope(NamedTuple):
    """All that the scope automaton knows at a place."""

    levels: tuple[Level, ...] = ()
    frames: tuple[Frame, ...] = ()
    word: str = ""
    quoted: bool = False
    names: frozenset[str] = frozenset()
    """Names that were made up so far."""
    target: Relation | None = None
    """The table that is written."""
    columns: tuple[str, ...] = ()
    """Columns that are written."""
    written: int = 0
    """How many values of a row were read."""


def visible(tables: tuple[Bound, ...], name: str) -> list[tuple[Bound, str]]:
    """The columns of this name that an unqualified reference may mean."""
    return [
        (bound, kind)
        for bound in tables
        for column, kind in bound.columns
        if column == name and name not in bound.merged
    ]


def lookup(tables: tuple[Bound, ...], alias: str, name: str) -> list[str]:
    """Classes of all columns that the reference may mean; it is right where there is one."""
    if not alias:
        return [kind for _, kind in visible(tables, name)]
    return [kind for bound in tables if bound.alias == alias for column, kind in bound.columns if column == name]


def is_merged(tables: tuple[Bound, ...], name: str) -> bool:
    """Whether a join has merged columns of this name."""
    return any(name in bound.merged for bound in tables)
