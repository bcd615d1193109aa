"""Actions of the clauses behind FROM, of subqueries, of common table expressions, and of statements that write."""

from __future__ import annotations

from .dialects import ORDERED, Kinds
from .expressions import completes, popped, pushed
from .joins import Joins
from .levels import Bound, Relation, Scope
from .queries import relevelled
from .resolution import CUBE, FIRST, LONE, MAX_DEPTH, NO_AGGREGATE, NO_QUERY, NO_WINDOW, fits

_SORTED = ORDERED | {"any", "bool"}


class Clauses(Joins):
    """The actions, as in `Expressions`."""

    def do_where(self, scope: Scope) -> Scope:
        return pushed(scope, "condition", self.truth, NO_AGGREGATE | NO_WINDOW)

    def do_condition_done(self, scope: Scope) -> Scope | None:
        return popped(scope) if completes(scope.frames[-1]) else None

    def do_group(self, scope: Scope) -> Scope | None:
        level = scope.levels[-1]
        if level.itself:
            return None
        place = relevelled(scope, phase="group", grouped=frozenset(), written=0)
        if not self.dialect.typed:
            return place
        if level.starred or any(out.kind == "opaque" for out in level.outputs):
            return None
        return place if self.names(pushed(place, "group", None, LONE)) or self.group_qualifiers(place) else None

    def group_qualifiers(self, scope: Scope) -> bool:
        """Whether a column can be grouped by behind its alias."""
        return bool(self.qualifiers(pushed(scope, "group", None, LONE))[0])

    def do_group_item(self, scope: Scope) -> Scope:
        flags = NO_AGGREGATE | NO_WINDOW | NO_QUERY | (LONE if self.dialect.typed else FIRST)
        return pushed(scope, "group", None, flags)

    def do_group_item_done(self, scope: Scope) -> Scope | None:
        frame, level = scope.frames[-1], scope.levels[-1]
        if not completes(frame):
            return None
        grouped = level.grouped or frozenset()
        if self.dialect.typed:
            if frame.reference is None:
                return None
            grouped |= {frame.reference}
        return relevelled(popped(scope), grouped=grouped, written=level.written + 1)

    def if_cube(self, scope: Scope) -> Scope | None:
        return scope if len(scope.levels[-1].bare) <= 4 else None

    def do_cube(self, scope: Scope) -> Scope:
        return relevelled(scope, cube=True)

    def do_more_cube(self, scope: Scope) -> Scope | None:
        level = scope.levels[-1]
        return scope if level.written < CUBE or not level.bare <= (level.grouped or frozenset()) else None

    def do_group_done(self, scope: Scope) -> Scope | None:
        level = scope.levels[-1]
        if self.dialect.typed and not level.bare <= (level.grouped or frozenset()):
            return None
        return relevelled(scope, phase="having", cube=False)

    def do_having(self, scope: Scope) -> Scope:
        return pushed(scope, "condition", self.truth, NO_WINDOW)

    def do_arm_done(self, scope: Scope) -> Scope | None:
        level = scope.levels[-1]
        if self.dialect.typed and level.aggregated and level.grouped is None and level.bare:
            return None
        return scope

    def positions(self, scope: Scope) -> set[int]:
        """Columns of the result that ORDER BY may name by number."""
        level = scope.levels[-1]
        outputs = level.first or level.outputs
        if not level.distinct_on <= {out.reference for out in outputs if out.kind in _SORTED}:
            return set()
        return {i for i, out in enumerate(outputs, 1) if out.kind in _SORTED and self.may_sort(level, out.reference)}

    def if_rollup(self, scope: Scope) -> Scope | None:
        return scope if self.dialect.name in ("postgres", "duckdb") else None

    def may_be_cut(self, scope: Scope) -> bool:
        """Whether ORDER BY and LIMIT may follow."""
        level = scope.levels[-1]
        if self.dialect.name == "mysql" and level.role == "exists":
            return False  # MariaDB counts no columns of a star there
        return not level.itself and not (level.tuples and self.dialect.name == "sqlite")

    def do_order(self, scope: Scope) -> Scope | None:
        if not self.may_be_cut(scope):
            return None
        place = relevelled(scope, phase="order")
        return place if self.positions(place) else None

    def do_order_item(self, scope: Scope) -> Scope:
        level = scope.levels[-1]
        flags = FIRST
        if level.compound:
            flags |= NO_AGGREGATE | NO_WINDOW
        return pushed(scope, "order", None, flags)

    def do_position(self, scope: Scope) -> Scope:
        return popped(scope)

    def do_order_item_done(self, scope: Scope) -> Scope | None:
        frame = scope.frames[-1]
        return popped(scope) if completes(frame) and frame.kind in _SORTED else None

    def if_nulls(self, scope: Scope) -> Scope | None:
        return None if self.dialect.name == "mysql" else scope

    def if_limit(self, scope: Scope) -> Scope | None:
        if self.dialect.name == "mysql" and scope.levels[-1].role == "in":
            return None
        return scope if self.may_be_cut(scope) else None

    def if_fetch(self, scope: Scope) -> Scope | None:
        return self.if_limit(scope) if self.dialect.name == "postgres" else None

    def if_limit_comma(self, scope: Scope) -> Scope | None:
        return scope if self.dialect.name in ("sqlite", "mysql") else None

    # Subqueries.

    def do_scalar(self, scope: Scope) -> Scope | None:
        if not self.may_nest(scope):
            return None
        allow: Kinds = scope.frames[-1].allow
        role = "in" if self.dialect.name == "mysql" and self.may_be_list(scope) else "scalar"
        return self.below(scope, role, 1, (allow,) if self.dialect.typed else None)

    def do_scalar_done(self, scope: Scope) -> Scope | None:
        kind = scope.levels[-1].outputs[0].kind
        if kind in ("opaque", "null"):
            return None
        scope, outputs = self.result(scope)
        kind = outputs[0].kind
        if not fits(kind, scope.frames[-1].allow):
            return None
        return self.operand(scope, self.combined(scope, kind))

    def do_in(self, scope: Scope) -> Scope | None:
        if not self.may_nest(scope):
            return None
        frame = scope.frames[-1]
        alone = frame.role == "paren" and not frame.boolean and self.may_be_list(popped(scope))
        if alone and self.dialect.name == "duckdb":
            return None  # of the two lists behind IN it takes the query for the outer one
        place = self.do_compare(scope)
        return self.below(place, "in", 1, (place.frames[-1].allow,) if self.dialect.typed else None)

    def do_in_done(self, scope: Scope) -> Scope:
        return self.result(scope)[0]

    def if_exists(self, scope: Scope) -> Scope | None:
        frame = scope.frames[-1]
        if frame.left or (self.dialect.typed and not fits("bool", frame.allow)) or not self.may_nest(scope):
            return None
        if self.dialect.name == "duckdb" and self.may_be_list(scope):
            return None
        return self.if_function_like(scope)

    def do_exists(self, scope: Scope) -> Scope:
        return self.below(scope, "exists")

    def do_exists_done(self, scope: Scope) -> Scope:
        return self.operand(scope, "bool" if self.dialect.typed else "any")

    # Common table expressions.

    def if_recursive(self, scope: Scope) -> Scope | None:
        within = self.dialect.name == "mysql" and any(level.ctes for level in scope.levels[:-1])
        return None if within else scope  # MariaDB looks for the tables of a WITH around it in the database

    def do_recursive(self, scope: Scope) -> Scope:
        return relevelled(scope, recursing=True)

    def do_cte(self, scope: Scope) -> Scope | None:
        return scope if len(scope.levels) < MAX_DEPTH - 1 and len(scope.levels[-1].ctes) < 8 else None

    def do_cte_columns(self, scope: Scope) -> Scope | None:
        return None if scope.levels[-1].naming[0] in self.dialect.called else scope

    def do_cte_query(self, scope: Scope) -> Scope:
        columns = scope.levels[-1].naming[1:]
        return self.below(scope, "cte", len(columns) or None)

    def do_cte_done(self, scope: Scope) -> Scope:
        scope, outputs = self.result(scope)
        level = scope.levels[-1]
        name, *names = level.naming
        given = names or [out.name or "" for out in outputs]
        columns = tuple((column, out.kind) for column, out in zip(given, outputs, strict=True))
        return relevelled(scope, ctes=(*level.ctes, Relation(name, columns)), naming=())

    # Statements that write.

    def _writing(self, scope: Scope) -> Scope:
        return self.below(scope, "write")._replace(columns=(), written=0)

    do_insert = do_update = do_delete = _writing

    def do_target(self, scope: Scope) -> Scope:
        target = scope.target
        assert target is not None
        return relevelled(scope, phase="where", tables=(Bound(target.name, target.columns),))

    def required(self, scope: Scope) -> set[str]:
        """Columns of the target that INSERT must give."""
        key = self.dialect.key
        assert scope.target is not None
        tables = [table for table in self.schema.tables if key(table.name) == scope.target.name]
        return {key(column.name) for column in tables[0].columns if column.required}

    def do_insert_columns(self, scope: Scope) -> Scope:
        return relevelled(scope, tables=())

    def writable(self, scope: Scope) -> set[str]:
        """Columns of the target that were not written yet."""
        assert scope.target is not None
        return {name for name, kind in scope.target.columns if kind != "opaque"} - set(scope.columns)

    def do_more_insert(self, scope: Scope) -> Scope | None:
        return scope if self.writable(scope) else None

    def do_insert_ready(self, scope: Scope) -> Scope | None:
        assert scope.target is not None
        columns = scope.columns or tuple(name for name, _ in scope.target.columns)
        if not self.required(scope) <= set(columns):
            return None
        if any(scope.target.kind(name) == "opaque" for name in columns):
            return None
        return relevelled(scope._replace(columns=columns), tables=())

    def _kind(self, scope: Scope, name: str) -> Kinds:
        assert scope.target is not None
        kind = scope.target.kind(name) or "any"
        return None if kind == "any" else frozenset(("int", "number")) if kind == "number" else frozenset((kind,))

    def do_insert_query(self, scope: Scope) -> Scope:
        kinds = tuple(self._kind(scope, name) for name in scope.columns)
        return self.below(scope, "insert", len(kinds), kinds if self.dialect.typed else None)

    def do_insert_done(self, scope: Scope) -> Scope:
        return self.result(scope)[0]

    def do_row(self, scope: Scope) -> Scope:
        return scope._replace(written=0)

    def do_value(self, scope: Scope) -> Scope:
        flags = NO_AGGREGATE | NO_WINDOW | self.folded
        return pushed(scope, "value", self._kind(scope, scope.columns[scope.written]), flags)

    def do_value_done(self, scope: Scope) -> Scope | None:
        return popped(scope)._replace(written=scope.written + 1) if completes(scope.frames[-1]) else None

    def do_more_values(self, scope: Scope) -> Scope | None:
        return scope if scope.written < len(scope.columns) else None

    def do_row_done(self, scope: Scope) -> Scope | None:
        return scope if scope.written == len(scope.columns) else None

    def do_assign(self, scope: Scope) -> Scope:
        expect = self._kind(scope, scope.columns[-1])
        return pushed(scope, "value", expect, NO_AGGREGATE | NO_WINDOW)

    def do_assign_done(self, scope: Scope) -> Scope | None:
        return popped(scope) if completes(scope.frames[-1]) else None

    def do_write_where(self, scope: Scope) -> Scope:
        return scope

    def do_write_done(self, scope: Scope) -> Scope:
        return scope
