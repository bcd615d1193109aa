"""Actions of queries: compounds, and lists of columns."""

from __future__ import annotations

from .calls import Calls
from .dialects import Kinds
from .expressions import changed, completes, popped, pushed
from .levels import MAX_TABLES, Bound, Level, Output, Relation, Scope, lookup
from .resolution import LONE, NO_AGGREGATE, NO_QUERY, NO_WINDOW, comparable

NAMED = ("derived", "cte")


def relevelled(scope: Scope, **values: object) -> Scope:
    """The scope with its innermost level changed."""
    return scope._replace(levels=(*scope.levels[:-1], scope.levels[-1]._replace(**values)))  # type: ignore[arg-type]


class Queries(Calls):
    """The actions, as in `Expressions`."""

    def below(
        self, scope: Scope, role: str, expected: int | None = None, allows: tuple[Kinds, ...] | None = None
    ) -> Scope:
        """The scope at the start of a query within."""
        return scope._replace(levels=(*scope.levels, Level(role, expected=expected, allows=allows)))

    def result(self, scope: Scope) -> tuple[Scope, tuple[Output, ...]]:
        """The scope behind the innermost query, and its columns."""
        level = scope.levels[-1]
        return scope._replace(levels=scope.levels[:-1]), level.first or level.outputs

    def do_main(self, scope: Scope) -> Scope:
        return self.below(scope, "main")

    # Compounds.

    def do_arm(self, scope: Scope) -> Scope:
        return scope

    def if_set_operator(self, scope: Scope) -> Scope | None:
        level = scope.levels[-1]
        if level.itself or any(out.kind in ("opaque", "?", "null") for out in level.outputs):
            return None
        if self.dialect.name == "mysql" and level.role == "exists" and level.starred:
            return None  # MariaDB counts no columns of a star there
        return scope

    def if_intersect(self, scope: Scope) -> Scope | None:
        level = scope.levels[-1]
        if self.dialect.name != "mysql" or not level.compound or len(level.outputs) == 1:
            return scope
        names = {out.name for out in level.outputs}  # it binds more tightly: MariaDB makes a table of the SELECT
        return scope if None not in names and len(names) == len(level.outputs) else None

    def if_multiset(self, scope: Scope) -> Scope | None:
        return None if self.dialect.name == "sqlite" else scope

    def recursion(self, scope: Scope) -> Relation | None:
        """The relation that the next SELECT of a common table expression refers to as itself, None where it may not."""
        level = scope.levels[-1]
        if level.role != "cte" or level.compound or not scope.levels[-2].recursing:
            return None
        name, *columns = scope.levels[-2].naming
        columns = columns or [out.name or "" for out in level.outputs]
        if "" in columns or len(set(columns)) < len(columns):
            return None
        if self.dialect.name == "postgres" and not all(out.exact for out in level.outputs):
            return None  # it compares types there, and not classes
        return Relation(name, tuple(zip(columns, (out.kind for out in level.outputs), strict=True)))

    def if_recursion(self, scope: Scope) -> Scope | None:
        return scope if self.recursion(scope) else None

    def if_no_recursion(self, scope: Scope) -> Scope | None:
        return None if self.recursion(scope) else scope

    def do_recursive_arm(self, scope: Scope) -> Scope:
        relation = self.recursion(scope)
        assert relation is not None
        outputs = scope.levels[-1].outputs
        scope = relevelled(
            self.do_next_arm(scope), itself=relation, tables=(Bound(relation.name, relation.columns, first=True),)
        )
        if self.dialect.name != "postgres":
            return scope
        return relevelled(scope, first=outputs, allows=tuple(frozenset((out.kind,)) for out in outputs))

    def if_recursive_arm(self, scope: Scope) -> Scope | None:
        return scope if scope.levels[-1].itself else None

    def if_plain_arm(self, scope: Scope) -> Scope | None:
        return None if scope.levels[-1].itself else scope

    def is_named(self, scope: Scope) -> bool:
        """Whether columns of the result are called by the names that they have in this SELECT."""
        level = scope.levels[-1]
        if level.role == "cte" and scope.levels[-2].naming[1:]:
            return False
        return level.role in NAMED and not level.compound

    def has_unique_names(self, scope: Scope) -> bool:
        """Whether no two columns of the result may share a name."""
        return self.dialect.name == "mysql" and self.is_named(scope)

    def do_next_arm(self, scope: Scope) -> Scope:
        level = scope.levels[-1]
        first = level.first
        if first is None:
            asked = level.allows or (None,) * len(level.outputs)
            wider = [allow is None or "number" in allow for allow in asked]
            first = tuple(
                Output(out.name, "number" if out.kind == "int" and wide else out.kind)
                for out, wide in zip(level.outputs, wider, strict=True)
            )
        allows = tuple(frozenset(("int",)) if out.kind == "int" else comparable(out.kind) for out in first)
        return relevelled(
            scope,
            phase="items", expected=len(first), allows=allows, outputs=(), first=first, waiting=frozenset(), tables=(),
            group_start=0, aggregated=False, bare=frozenset(), grouped=None, starred=False, distinct=False,
            compound=True, tuples=0, windows=frozenset(), defined=frozenset(),
            distinct_on=frozenset(), sorted_on=frozenset(), renamed=frozenset(),
        )  # fmt: skip

    def do_arms_done(self, scope: Scope) -> Scope:
        return scope

    def do_query_done(self, scope: Scope) -> Scope:
        return scope

    # The list of columns.

    def do_distinct(self, scope: Scope) -> Scope | None:
        return None if scope.levels[-1].itself else relevelled(scope, distinct=True)

    def if_distinct_on(self, scope: Scope) -> Scope | None:
        if self.dialect.name not in ("postgres", "duckdb"):
            return None
        place = self.do_distinct_item(scope)
        return scope if self.names(place) or any(self.qualifiers(place)) else None

    def do_distinct_item(self, scope: Scope) -> Scope:
        return pushed(scope, "distinct", None, NO_AGGREGATE | NO_WINDOW | NO_QUERY | LONE)

    def do_distinct_item_done(self, scope: Scope) -> Scope | None:
        reference = scope.frames[-1].reference
        if reference is None:
            return None
        return relevelled(popped(scope), distinct_on=scope.levels[-1].distinct_on | {reference})

    def has_plain_distinct(self, level: Level, name: str | None = None) -> bool:
        """Whether DISTINCT ON has a column (of this name) without an alias, which a result of that name would mean."""
        return any(not alias and name in (None, column) for alias, column in level.distinct_on)

    def do_item(self, scope: Scope) -> Scope:
        level = scope.levels[-1]
        expect = level.allows[len(level.outputs)] if level.allows is not None else None
        return pushed(scope, "item", expect)

    def if_star(self, scope: Scope) -> Scope | None:
        level = scope.levels[-1]
        if level.itself or (level.expected is not None and level.waiting):
            return None
        if level.outputs and (level.expected is not None or self.dialect.name == "mysql"):
            return None  # MySQL takes a star before all others only
        if self.dialect.typed and (
            level.aggregated or level.allows is not None or (level.distinct and self.has_opaque)
        ):
            return None
        if level.expected is not None and not self.may_total(scope, level.expected):
            return None
        return scope

    def may_total(self, scope: Scope, columns: int, tables: int = MAX_TABLES) -> bool:
        """Whether tables can be joined, at most so many, that have so many columns together."""
        widths, reached = {len(relation.columns) for relation in self.known(scope)}, {0}
        for _ in range(tables):
            reached |= {n + width for n in reached for width in widths if n + width <= columns}
        return columns in reached

    def do_star(self, scope: Scope) -> Scope:
        return changed(scope, kind="*")

    def do_item_expression(self, scope: Scope) -> Scope | None:
        frame = scope.frames[-1]
        return scope if completes(frame) or (frame.kind == "star" and frame.role == "item") else None

    def named(self, scope: Scope, name: str) -> Scope | None:
        """The scope with a name for the column that was read; None where it may not have this one."""
        if scope.frames[-1].kind in ("*", "star") or not self.suits_outside(scope, name):
            return None
        level = scope.levels[-1]
        if self.has_plain_distinct(level, name):
            return None
        if len(scope.levels) > 1:
            scope = relevelled(scope, renamed=level.renamed | {name})
            if self.dialect.name == "duckdb" and not self.satisfiable(scope, scope.levels[-1], level.waiting):
                return None  # it would be taken for itself
        return changed(scope._replace(names=scope.names | {name}), left=name)

    def if_named(self, scope: Scope) -> Scope | None:
        return None if scope.frames[-1].kind in ("*", "star") else scope

    def suits_outside(self, scope: Scope, name: str) -> bool:
        """Whether the query around a derived table still works out when that has a column of this name."""
        level = scope.levels[-1]
        if self.has_unique_names(scope) and any(out.name == name for out in level.outputs):
            return False
        if level.role != "derived" or level.compound:
            return True
        outer = scope._replace(levels=scope.levels[:-1])
        own = tuple((out.name, "any") for out in level.outputs if out.name and out.kind not in ("*", "star"))
        tables = (*outer.levels[-1].tables, Bound("\0", (*own, (name, "any")), derived=True))
        waiting = frozenset(w._replace(kind=None) for w in outer.levels[-1].waiting if not w.alias)
        if any(len(lookup(tables, "", w.name)) > 1 for w in waiting):
            return False
        free = frozenset(
            w for w in outer.levels[-1].waiting if w.kind is None or w.name not in {n for n, _ in own} | {name}
        )
        if len(free) < len(outer.levels[-1].waiting):
            return False  # of which class it is would have to be known
        return self.satisfiable(outer, outer.levels[-1], free, tables)

    def do_item_done(self, scope: Scope) -> Scope | None:
        level, frame = scope.levels[-1], scope.frames[-1]
        name = frame.left or None
        if frame.kind in ("*", "star"):
            if level.role == "derived" and scope.levels[-2].waiting:
                return None
            reference = frame.reference if frame.kind == "star" else None
            output = Output(None, frame.kind, reference)
        else:
            alias, column = frame.reference or ("?", None)
            if name is None and alias and self.has_plain_distinct(level, column):
                return None
            if name is None and frame.reference is not None:
                name = frame.reference[1]
                if not self.suits_outside(scope, name):
                    return None
            if name is None and self.dialect.typed and self.is_named(scope):
                return None
            output = Output(name, frame.kind, frame.reference, frame.exact or frame.kind == "bool")
        outputs = (*level.outputs, output)
        if level.expected is not None and len(outputs) > level.expected:
            return None
        return relevelled(popped(scope), outputs=outputs, starred=level.starred or output.kind in ("*", "star"))

    def do_more_items(self, scope: Scope) -> Scope | None:
        level = scope.levels[-1]
        if self.has_unique_names(scope) and level.outputs[-1].kind == "*":
            return None
        if level.expected is None:
            return scope if len(level.outputs) < 100 else None
        return scope if len(level.outputs) < level.expected and level.outputs[-1].kind != "*" else None

    def do_items_done(self, scope: Scope) -> Scope | None:
        level = scope.levels[-1]
        counted = level.expected is None or len(level.outputs) == level.expected or level.outputs[0].kind == "*"
        return scope if counted else None
