"""Actions of FROM: tables and subqueries that are bound to aliases, joins and their conditions."""

from __future__ import annotations

from .expressions import completes, popped, pushed
from .levels import MAX_TABLES, Bound, Level, Output, Relation, Scope, is_merged, lookup, visible
from .queries import NAMED, relevelled
from .resolution import MAX_DEPTH, NO_AGGREGATE, NO_QUERY, NO_WINDOW, comparable
from .rows import Rows


class Joins(Rows):
    """The actions, as in `Expressions`."""

    def do_from(self, scope: Scope) -> Scope:
        return relevelled(scope, phase="from")

    def do_source(self, scope: Scope) -> Scope:
        return scope

    def counted_star(self, level: Level) -> bool:
        """Whether the number of columns of all tables is fixed."""
        return level.expected is not None and level.outputs[0].kind == "*"

    def if_derived(self, scope: Scope) -> Scope | None:
        level = scope.levels[-1]
        if len(scope.levels) >= MAX_DEPTH or self.counted_star(level) or level.join == "natural":
            return None
        if self.has_unique_names(scope) and level.starred and level.tables:
            return None  # its columns could be called like those before
        aliases = {bound.alias for bound in level.tables}
        needed = any(want.alias and want.alias not in aliases for want in level.waiting)
        return scope if needed or sum(bound.derived for bound in level.tables) < MAX_TABLES else None

    def if_lateral(self, scope: Scope) -> Scope | None:
        level = scope.levels[-1]
        if self.dialect.name == "sqlite" or not level.tables or level.join == "right":
            return None
        return self.if_derived(scope)

    def do_lateral(self, scope: Scope) -> Scope:
        return relevelled(self.do_derived(scope), lateral=True)

    def do_derived(self, scope: Scope) -> Scope:
        return self.below(scope, "derived")

    def do_derived_done(self, scope: Scope) -> Scope:
        lateral = scope.levels[-1].lateral and self.dialect.name == "duckdb"
        scope, outputs = self.result(scope)
        columns = tuple((out.name or "", out.kind) for out in outputs)
        join = scope.levels[-1].join
        return relevelled(scope, pending=Relation("", columns), join="lateral" if lateral and join == "join" else join)

    def bound(self, scope: Scope, relation: Relation, alias: str) -> Level | None:
        """The level with the relation in FROM, None where that may not be."""
        level = scope.levels[-1]
        if alias and any(bound.alias == alias for bound in level.tables):
            return None
        tables = level.tables
        if self.counted_star(level):
            total = sum(len(bound.columns) for bound in tables) + len(relation.columns)
            further = MAX_TABLES - 1 - len(tables)  # none of them is the result of a subquery
            if level.expected is None or not self.may_total(scope, level.expected - total, further):
                return None
        if relation.name and sum(not bound.derived for bound in tables) >= MAX_TABLES:
            return None
        names = [name for name, _ in relation.columns]
        if self.has_unique_names(scope) and level.starred and {n for b in tables for n, _ in b.columns} & set(names):
            return None
        seen = tables[level.group_start :] if self.dialect.typed else tables
        if level.join.startswith("natural"):
            common = [
                name for name in dict.fromkeys(names) if name and any(n == name for b in seen for n, _ in b.columns)
            ]
            if any(map(self.is_made_up, names)):
                return None
            if not common and self.dialect.name == "duckdb":
                return None  # an error there
            for name in common:
                left = visible(seen, name)
                kind = relation.kind(name)
                if len(left) != 1 or kind is None or "opaque" in (kind, left[0][1]):
                    return None
                if kind not in (comparable(left[0][1]) or (kind,)):
                    return None
            merged = tuple(common)
            must: tuple[str, ...] = ()
        else:
            double = [w.name for w in level.waiting if not w.alias and w.name in names and visible(tables, w.name)]
            if double and (
                level.join not in ("join", "right") or not all(self.mergeable(level, relation, n) for n in double)
            ):
                return None
            merged = must = tuple(dict.fromkeys(double))
        new = Bound(alias, relation.columns, merged, not relation.name, not tables or level.join == "comma")
        if not self.satisfiable(scope, level, level.waiting, (*tables, new)):
            return None
        return level._replace(tables=(*tables, new), using=must, pending=None)

    def mergeable(self, level: Level, relation: Relation, name: str) -> bool:
        """Whether the join with the relation may merge columns of this name."""
        seen = level.tables[level.group_start :] if self.dialect.typed else level.tables
        if (level.outer and not self.dialect.typed) or self.is_made_up(name):
            return False
        left, kind = visible(seen, name), relation.kind(name)
        if len(left) != 1 or kind is None or "opaque" in (kind, left[0][1]):
            return False
        return not self.counted_star(level) and kind in (comparable(left[0][1]) or (kind,))

    def aliases(self, scope: Scope) -> tuple[set[str], set[str], bool]:
        """Names that the pending relation may take, ones that it may not, and whether any other will do."""
        level = scope.levels[-1]
        relation = level.pending
        assert relation is not None
        waiting = {w.alias for w in level.waiting if w.alias}
        good = {alias for alias in waiting if self.bound(scope, relation, alias) is not None}
        bad = (waiting | {bound.alias for bound in level.tables}) - good
        return good, bad, self.bound(scope, relation, "\0") is not None

    def if_alias(self, scope: Scope) -> Scope | None:
        good, _, fresh = self.aliases(scope)
        return scope if good or fresh else None

    def may_join(self, scope: Scope, relation: Relation) -> bool:
        """Whether the relation may come next in FROM."""
        place = relevelled(scope, pending=relation)
        if self.bound(place, relation, "\0") is not None or self.do_same_name(place) is not None:
            return True
        return bool(self.aliases(place)[0])

    def do_same_name(self, scope: Scope) -> Scope | None:
        relation = scope.levels[-1].pending
        assert relation is not None
        level = self.bound(scope, relation, relation.name)
        return None if level is None else scope._replace(levels=(*scope.levels[:-1], level))

    def do_no_name(self, scope: Scope) -> Scope | None:
        return self.do_same_name(scope) if self.dialect.name in ("sqlite", "duckdb") else None

    def _join(self, scope: Scope, kind: str) -> Scope | None:
        level = scope.levels[-1]
        level = level._replace(join=kind, group_start=len(level.tables) if kind == "comma" else level.group_start)
        place = scope._replace(levels=(*scope.levels[:-1], level))
        ways = self.if_derived(place) or any(self.may_join(place, relation) for relation in self.known(scope))
        return place if ways else None

    def do_comma(self, scope: Scope) -> Scope | None:
        return self._join(scope, "comma")

    def do_cross(self, scope: Scope) -> Scope | None:
        return self._join(scope, "cross")

    def do_natural(self, scope: Scope) -> Scope | None:
        level = scope.levels[-1]
        if (level.outer and not self.dialect.typed) or self.counted_star(level):
            return None
        return self._join(scope, "natural")

    def do_join(self, scope: Scope) -> Scope | None:
        return self._join(scope, "join")

    def do_right(self, scope: Scope) -> Scope | None:
        level = scope.levels[-1]
        if level.itself:
            return None
        if not self.dialect.typed and any(bound.merged for bound in level.tables):
            return None  # SQLite takes a merged column for one of the right table, too
        return relevelled(scope, join="right", outer=True)

    def do_full(self, scope: Scope) -> Scope | None:
        if self.dialect.typed:
            return None  # only some conditions can be joined on
        return self.do_right(scope)

    def do_joined(self, scope: Scope) -> Scope:
        return relevelled(scope, join="", using=())

    def if_on(self, scope: Scope) -> Scope | None:
        return None if scope.levels[-1].using else scope

    def do_on(self, scope: Scope) -> Scope:
        flags = NO_AGGREGATE | NO_WINDOW
        if scope.levels[-1].join == "lateral":
            flags |= NO_QUERY  # DuckDB knows none there
        return pushed(relevelled(scope, phase="on"), "condition", self.truth, flags)

    def do_on_done(self, scope: Scope) -> Scope | None:
        return relevelled(popped(scope), phase="from") if completes(scope.frames[-1]) else None

    def using_columns(self, scope: Scope) -> set[str]:
        """Columns that USING may name next."""
        level = scope.levels[-1]
        *left, right = level.tables
        before = level._replace(tables=tuple(left))
        relation = Relation("", right.columns)
        must = set(level.using)
        chosen = set(right.merged) - must
        return {
            name for name, _ in right.columns if name and name not in chosen and self.mergeable(before, relation, name)
        }

    def if_using(self, scope: Scope) -> Scope | None:
        if scope.levels[-1].outer and not self.dialect.typed:
            return None
        return scope if self.using_columns(scope) else None

    def do_more_using(self, scope: Scope) -> Scope | None:
        return self.if_using(scope)

    def use(self, scope: Scope, name: str) -> Scope:
        """The scope after a column in USING."""
        level = scope.levels[-1]
        *left, right = level.tables
        right = right._replace(merged=(*(n for n in right.merged if n != name), name))
        return relevelled(scope, tables=(*left, right), using=tuple(n for n in level.using if n != name))

    def do_using_done(self, scope: Scope) -> Scope | None:
        return None if scope.levels[-1].using else scope

    def do_from_done(self, scope: Scope) -> Scope | None:
        level = scope.levels[-1]
        answered = self.answered(scope, level.waiting)
        for want in level.waiting:
            if want.name == "*":
                if not any(bound.alias == want.alias for bound in level.tables):
                    return None
            elif len(lookup(level.tables, want.alias, want.name)) != 1 and (
                (want.alias, want.name) not in answered or any(b.alias == want.alias for b in level.tables if b.alias)
            ):
                return None
        return self.settled(scope)

    def do_no_from(self, scope: Scope) -> Scope | None:
        level = scope.levels[-1]
        if level.windows and self.dialect.name == "mysql":
            return None  # MariaDB has WINDOW behind FROM only
        if level.itself or any(out.kind in ("*", "star") for out in level.outputs):
            return None
        return self.do_from_done(scope)

    def settled(self, scope: Scope) -> Scope | None:
        """The scope behind FROM: what waited is known."""
        level = scope.levels[-1]
        outputs: list[Output] = []
        for out in level.outputs:
            if out.kind in ("*", "star"):
                outputs += [
                    Output(n or None, k, self._settle(level, alias, n)) for alias, n, k in self.starred(level, out)
                ]
                continue
            kind, reference = out.kind, out.reference
            if reference is not None:
                found = lookup(level.tables, *reference)
                if found:
                    kind, reference = found[0], self.canonical(level.tables, *reference)
                else:
                    outer = self.outside(scope, *reference)
                    kind, reference = (outer.kind if outer else kind), None
            outputs.append(out._replace(kind=kind, reference=reference))
        if any(out.kind == "?" for out in outputs) or (level.expected is not None and len(outputs) != level.expected):
            return None
        if level.role in NAMED and self.dialect.typed and any(out.kind == "null" for out in outputs):
            return None
        bare = frozenset(
            self.canonical(level.tables, *reference) for reference in level.bare if lookup(level.tables, *reference)
        )
        distinct_on = frozenset(self.canonical(level.tables, *reference) for reference in level.distinct_on)
        return relevelled(
            scope, phase="where", outputs=tuple(outputs), bare=bare, waiting=frozenset(), join="", outer=False,
            distinct_on=distinct_on,
        )  # fmt: skip

    def starred(self, level: Level, output: Output) -> list[tuple[str, str, str]]:
        """Alias, name and class of the columns that a star stands for, in order."""
        if output.reference is not None:
            bounds = [bound for bound in level.tables if bound.alias == output.reference[0]]
            return [(bound.alias, name, kind) for bound in bounds for name, kind in bound.columns]
        whole: list[tuple[str, str, str]] = []
        joined: list[tuple[str, str, str]] = []
        for bound in level.tables:
            if bound.first:
                whole, joined = whole + joined, []
            if bound.merged and self.dialect.name in ("postgres", "mysql"):  # merged columns come first there
                names = bound.merged if self.dialect.name == "postgres" else [n for _, n, _ in joined]
                front = [column for name in names if name in bound.merged for column in joined if column[1] == name]
                joined = front + [column for column in joined if column not in front]
            joined += [(bound.alias, name, kind) for name, kind in bound.columns if name not in bound.merged]
        return whole + joined

    @staticmethod
    def _settle(level: Level, alias: str, name: str) -> tuple[str, str]:
        return ("", name) if is_merged(level.tables, name) else (alias, name)
