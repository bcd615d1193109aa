"""Actions of rows of expressions: VALUES as a query, lists behind IN."""

from __future__ import annotations

from .dialects import ORDERED, Kinds
from .expressions import changed, completes, popped, pushed
from .levels import Output, Scope
from .queries import Queries, relevelled
from .resolution import FOLDED, NO_AGGREGATE, NO_QUERY, NO_WINDOW, comparable

_MOST = 30
_LITERALS = ORDERED | {"bool"}
_LISTED = 3
"""Argument of a frame whose first value of a list is being read; see also `expressions.py`."""


class Rows(Queries):
    """The actions, as in `Expressions`."""

    def if_values(self, scope: Scope) -> Scope | None:
        level = scope.levels[-1]
        if self.dialect.name == "mysql" or level.role == "insert" or level.itself:
            return None
        writable = all(allow is None or allow & _LITERALS for allow in level.allows or ())
        return scope if writable else None

    @property
    def folded(self) -> int:
        """Flag of the values of rows."""
        return FOLDED if self.dialect.name == "duckdb" else 0

    def column_name(self, i: int) -> str:
        """What the database calls column i of the rows."""
        return f"col{i}" if self.dialect.name == "duckdb" else f"column{i + 1}"

    def do_tuple(self, scope: Scope) -> Scope:
        return self.do_tuple_value(relevelled(scope, phase="values", written=0))

    def do_tuple_value(self, scope: Scope) -> Scope:
        level = scope.levels[-1]
        expect: Kinds = None
        if level.tuples and self.dialect.typed:
            expect = comparable(level.outputs[level.written].kind)
        if level.allows is not None:
            allow = level.allows[level.written]
            expect = allow if expect is None else expect if allow is None else expect & allow
        return pushed(scope, "value", expect, NO_AGGREGATE | NO_WINDOW | NO_QUERY | self.folded)

    def do_tuple_value_done(self, scope: Scope) -> Scope | None:
        level, frame = scope.levels[-1], scope.frames[-1]
        if not completes(frame) or frame.kind in ("?", "null", "opaque"):
            return None
        i, outputs = level.written, level.outputs
        exact = frame.exact or frame.kind == "bool"
        if not level.tuples:
            name = self.column_name(i)
            if not self.suits_outside(scope, name):
                return None
            outputs = (*outputs, Output(name, frame.kind, None, exact))
        else:
            before = outputs[i]
            same = before._replace(kind="number") if (before.kind, frame.kind) == ("int", "number") else before
            outputs = (*outputs[:i], same._replace(exact=before.exact and exact), *outputs[i + 1 :])
        return relevelled(popped(scope), written=i + 1, outputs=outputs)

    def _width(self, scope: Scope) -> int | None:
        """How many values the row must have."""
        level = scope.levels[-1]
        return len(level.outputs) if level.tuples else level.expected

    def do_more_tuple(self, scope: Scope) -> Scope | None:
        width = self._width(scope)
        return scope if scope.levels[-1].written < (_MOST if width is None else width) else None

    def do_tuple_done(self, scope: Scope) -> Scope | None:
        level = scope.levels[-1]
        if self._width(scope) not in (None, level.written):
            return None
        return relevelled(scope, tuples=level.tuples + 1)

    def do_more_tuples(self, scope: Scope) -> Scope | None:
        return scope if scope.levels[-1].tuples < 100 else None

    def do_tuples_done(self, scope: Scope) -> Scope:
        return relevelled(scope, phase="where")

    # Lists behind IN.

    def do_list(self, scope: Scope) -> Scope:
        return changed(self.do_compare(scope), argument=_LISTED)

    @staticmethod
    def may_be_list(scope: Scope) -> bool:
        """Whether a subquery here may be all that stands in parentheses behind IN, but for further ones: some databases
        take it for `IN (query)`."""
        for frame in reversed(scope.frames):
            if frame.kind or frame.function:
                return False
            if frame.argument == _LISTED:
                return True
            if frame.role != "paren" or frame.bare:
                return False
        return False
