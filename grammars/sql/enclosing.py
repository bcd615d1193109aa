"""What is seen from a place of a query: tables, those of the queries around it, and what waits for a FROM around it."""

from __future__ import annotations

from .dialects import Dialect
from .levels import Bound, Level, Reference, Relation, Scope, is_merged, visible

_CLOSED = ("derived", "cte")  # queries that see nothing of those around them
_SEEING = ("items", "on", "where", "group", "having", "order")
FRESH = "\0"
"""An alias that nobody has."""
BEYOND = ("where", "having")
"""Where a reference may wait for FROM of an enclosing query, since all tables of its own are known."""


class Enclosing:
    """The base of `Resolution`; `relations` are the tables of the database."""

    dialect: Dialect
    relations: tuple[Relation, ...]

    def known(self, scope: Scope) -> tuple[Relation, ...]:
        """Tables and common table expressions, the innermost of a name."""
        for level in scope.levels:
            if level.ctes:
                break
        else:
            return self.relations
        found: dict[str, Relation] = {relation.name: relation for relation in self.relations}
        visible = 0
        if self.dialect.name == "mysql":  # MariaDB looks for the tables of a WITH around this one in the database
            visible = max((i for i, level in enumerate(scope.levels) if level.role == "cte"), default=1) - 1
        for i, level in enumerate(scope.levels):
            for relation in level.ctes:
                if i < visible:
                    found.pop(relation.name, None)
                else:
                    found[relation.name] = relation
        return tuple(found.values())

    def around(self, scope: Scope) -> list[tuple[int, Level]]:
        """The enclosing queries whose tables are seen from the innermost one, nearest first; the last may be one whose
        columns are being listed, so that only what waits for its FROM is known."""
        found: list[tuple[int, Level]] = []
        if scope.levels[-1].phase in ("group", "window", "order"):
            return found  # SQLite does not see them there
        for i in range(len(scope.levels) - 2, -1, -1):
            within, level = scope.levels[i + 1], scope.levels[i]
            if not within.lateral and (within.role in _CLOSED or level.phase not in _SEEING):
                break
            if level.phase == "items" and any(inner.lateral for inner in scope.levels[i + 1 :]):
                break
            found.append((i, level))
            if level.phase in ("items", "on"):
                break
        return found

    def tables(self, level: Level) -> tuple[Bound, ...]:
        """The tables that expressions at this place of the level see."""
        if level.phase == "on" and self.dialect.typed:
            return level.tables[level.group_start :]
        return level.tables

    def canonical(self, tables: tuple[Bound, ...], alias: str, name: str) -> Reference:
        """One reference for all spellings of it; a merged column is one of its own."""
        if alias or is_merged(tables, name):
            return alias, name
        return visible(tables, name)[0][0].alias, name

    def may_be_bare(self, level: Level, reference: Reference) -> bool:
        """Whether the reference may stand outside aggregates, behind GROUP BY."""
        if not self.dialect.typed or level.phase not in ("having", "window", "order"):
            return True
        if level.grouped is None:
            return not level.aggregated
        if self.dialect.name == "mysql" and level.phase == "having":  # it looks for the column by its name there
            return reference in level.grouped and all(r == reference or r[1] != reference[1] for r in level.grouped)
        return reference in level.grouped

    def is_result(self, level: Level, alias: str, name: str, reference: Reference | None = None) -> bool:
        """Whether the database takes a name for a column of the result of this query that is another than the column
        `reference` of a table: for one that the select list calls so, before it looks into the queries around."""
        if alias:
            return False
        if reference is None:
            places = {"duckdb": (*BEYOND, "items", "from"), "sqlite": BEYOND, "mysql": BEYOND[1:]}
            return name in level.renamed and level.phase in places.get(self.dialect.name, ())
        if self.dialect.name != "mysql" or level.phase != "having":
            return False
        return any(out.name == name and out.reference != reference for out in level.outputs)

    def listed(self, scope: Scope) -> Scope | None:
        """The scope up to the nearest query seen from here whose columns are being listed, None where there is none."""
        if scope.levels[-1].phase == "items":
            return scope
        around = self.around(scope) if scope.levels[-1].phase in BEYOND else []
        if not around or around[-1][1].phase != "items":
            return None
        return scope._replace(levels=scope.levels[: around[-1][0] + 1])

    @staticmethod
    def alias_like(scope: Scope, alias: str) -> str:
        """An alias that means the same here: one for all that nothing is called or waits for."""
        for level in scope.levels:
            if any(bound.alias == alias for bound in level.tables) or any(w.alias == alias for w in level.waiting):
                return alias
        return FRESH if alias else alias

    def aliases_around(self, scope: Scope) -> set[str]:
        """Aliases that mean something here, or could not be new ones."""
        candidates = {bound.alias for bound in scope.levels[-1].tables}
        for _, outer in self.around(scope):
            candidates |= {bound.alias for bound in outer.tables}
        listed = self.listed(scope)
        if listed is not None:
            candidates |= {want.alias for want in listed.levels[-1].waiting} | {r.name for r in self.known(listed)}
        return candidates
