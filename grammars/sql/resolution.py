"""Which names mean something at a place of a query: tables, columns, aliases, in this query and in those around it."""

from __future__ import annotations

import functools
import re
from typing import Any, NamedTuple

from .dialects import NUMBERS, Dialect, Kinds
from .enclosing import BEYOND, FRESH, Enclosing
from .feasibility import feasible, surely_feasible
from .levels import Bound, Frame, Level, Reference, Relation, Scope, Waiting, lookup
from .schema import Schema
from .traces import Traces

AGGREGATE, NO_AGGREGATE, NO_WINDOW, NO_QUERY, LONE, FIRST, COUNTING, WHOLE, FOLDED = (1 << i for i in range(9))
"""Flags of frames: within an aggregate; no aggregates, windows, subqueries; one column alone; no literal at the start;
an argument that any column may be; a whole number written out; constants that are worked out as soon as planned."""
MAX_DEPTH, MAX_FRAMES = 8, 12
_ANSWERS = 1 << 16
CUBE = 8
"""Columns in CUBE before only those may come that must: PostgreSQL takes 12."""
_MADE_UP = re.compile(r"column\d+\Z")
_NOTHING: frozenset[Reference] = frozenset()
_feasible = functools.lru_cache(maxsize=_ANSWERS)(feasible)


class Meaning(NamedTuple):
    """What a reference means: which level answers, its class, and the reference that waits there, if it does."""

    level: int
    kind: str
    reference: Reference
    waiting: Waiting | None = None


def fits(kind: str, allow: Kinds) -> bool:
    """Whether a class is among the allowed ones."""
    return allow is None or kind == "any" or kind in allow


def _kinds(relations: tuple[Relation, ...], name: str) -> frozenset[str]:
    found = (relation.kind(name) for relation in relations)
    return frozenset(kind for kind in found if kind is not None and kind != "opaque")


def comparable(kind: str) -> Kinds:
    """Classes that may be compared with this one."""
    return None if kind == "any" else NUMBERS if kind in NUMBERS else frozenset((kind,))


class Resolution(Enclosing):
    """Names of a database under a dialect.

    Args:
        forward: whether references may wait for results of subqueries whose columns no table has.
    """

    def __init__(self, dialect: Dialect, schema: Schema, forward: bool) -> None:
        self.dialect, self.schema, self.forward = dialect, schema, forward
        self._kinds: dict[str, frozenset[str]] = {}
        self._feasible: dict[Any, tuple[tuple[Bound, ...], bool]] = {}
        self._named = Traces(self._names_behind)
        key = dialect.key
        self.relations = tuple(
            Relation(
                key(table.name),
                tuple((key(c.name), c.kind if dialect.typed else "any") for c in table.columns),
            )
            for table in schema.tables
        )
        stored = [table.name for table in schema.tables]
        stored += [column.name for table in schema.tables for column in table.columns]
        self.unplain = frozenset(key(name) for name in stored if not dialect.is_plain(name))
        self.stored = frozenset(map(key, stored)) | {"rowid", "oid", "_rowid_"}
        self.has_opaque = any(kind == "opaque" for relation in self.relations for _, kind in relation.columns)

    def outside(self, scope: Scope, alias: str, name: str) -> Meaning | None:
        """What an enclosing query takes the reference for."""
        if self.is_result(scope.levels[-1], alias, name):
            return None
        for i, level in self.around(scope):
            if level.phase == "items":
                return self._awaited(scope, i, alias, name)
            if not alias and level.phase in ("on", "order"):
                return None  # tables that are joined later, or columns of the result, could have the name
            found = lookup(self.tables(level), alias, name)
            if found:
                if len(found) > 1 or found[0] == "opaque":
                    return None
                reference = self.canonical(level.tables, alias, name)
                if self.is_result(level, alias, name, reference) or not self.may_be_bare(level, reference):
                    return None
                return Meaning(i, found[0], reference)
            if any(bound.alias == alias for bound in level.tables):
                return None
            if level.phase in BEYOND and self.is_result(level, alias, name):
                return None
        return None

    def _awaited(self, scope: Scope, i: int, alias: str, name: str) -> Meaning | None:
        """What the reference means if it waits for FROM of enclosing query i; a new one waits where no FROM between
        can answer, and behind an alias."""
        within, level = scope.levels[-1], scope.levels[i]
        same = [want for want in level.waiting if (want.alias, want.name, want.inner) == (alias, name, False)]
        if not alias or (not same and within.phase not in BEYOND):
            return None
        if within.phase not in BEYOND:
            kinds = {want.kind for want in same if want.kind} if self.dialect.typed else {"any"}
            return Meaning(i, kinds.pop(), (alias, name)) if len(kinds) == 1 else None
        place = scope._replace(levels=scope.levels[: i + 1])
        known = bool(same) or any(relation.kind(name) is not None for relation in self.known(place))
        return self._waiting(place, alias, name) if known else None

    def meaning(self, scope: Scope, alias: str, name: str) -> Meaning | None:
        """What a column reference means where it stands, None where it may not stand there."""
        level, frame = scope.levels[-1], scope.frames[-1]
        if not alias and self.is_made_up(name):
            return None
        if level.phase == "items":
            return self._waiting(scope, alias, name)
        tables = self.tables(level)
        found = lookup(tables, alias, name)
        if len(found) == 1:
            reference = self.canonical(tables, alias, name)
            if found[0] == "opaque" or not fits(found[0], frame.allow):
                return None
            if self.is_result(level, alias, name, reference):
                return None
            if level.cube and level.written >= CUBE and reference not in level.bare - (level.grouped or frozenset()):
                return None
            if not frame.flags & AGGREGATE and not self.may_be_bare(level, reference):
                return None
            want = None
            if level.phase == "on" and not alias and not self.dialect.typed:
                want = Waiting(alias, name, None)  # SQLite looks at tables that are joined later, too
                if not self.satisfiable(scope, level, level.waiting | {want}):
                    return None
            return Meaning(len(scope.levels) - 1, found[0], reference, want)
        if found or level.phase == "on" or any(bound.alias == alias for bound in level.tables):
            return None
        if frame.flags & AGGREGATE:
            return None
        outer = self.outside(scope, alias, name)
        return outer if outer is not None and fits(outer.kind, frame.allow) else None

    def is_made_up(self, name: str) -> bool:
        """Whether the database may call any column without a name like this, so that it is ambiguous."""
        return self.dialect.name == "sqlite" and name not in self.stored and bool(_MADE_UP.match(name))

    def _waiting(self, scope: Scope, alias: str, name: str) -> Meaning | None:
        level, frame = scope.levels[-1], scope.frames[-1]
        if self.is_exact_arm(scope) and not (
            alias in ("", level.tables[0].alias) and lookup(level.tables, alias, name)
        ):
            return None
        kinds = set(lookup(level.tables, alias, name)) - {"opaque"}
        kinds |= self._kinds_of(self.known(scope), name)
        inner = bool(frame.flags & AGGREGATE) or frame.role == "distinct"
        outer = None if inner else self.outside(scope, alias, name)
        if outer is not None:
            kinds.add(outer.kind)
        lone = self.dialect.typed and self._is_lone(frame)
        unknown = not kinds and bool(alias) and self.forwards(scope) and (lone or not self.dialect.typed)
        if unknown and any(name == column for relation in self.known(scope) for column, _ in relation.columns):
            unknown = False
        if not self.dialect.typed:
            kinds = {"any"} if kinds or unknown else set()
        known_kind = len(kinds) == 1
        if (kinds or unknown) and frame.allow is None and (known_kind or lone):
            options: list[str | None] = [None]
        else:
            options = [kind for kind in sorted(kinds) if fits(kind, frame.allow)]
        for kind in options:
            told = kind or (next(iter(kinds)) if known_kind else "?")
            want = Waiting(alias, name, None if told in ("?", "any") else told, inner)
            if self.satisfiable(scope, level, level.waiting | {want}):
                return Meaning(len(scope.levels) - 1, told, (alias, name), want)
        return None

    def _is_lone(self, frame: Frame) -> bool:
        """Whether what comes first may be the whole expression, of any class."""
        alone = frame.role == "item" or frame.flags & COUNTING or (frame.role == "distinct" and not self.has_opaque)
        return bool(not frame.kind and alone and not frame.boolean and not frame.expect)

    def _kinds_of(self, relations: tuple[Relation, ...], name: str) -> frozenset[str]:
        """Classes of the columns of this name in relations where it is no other's name."""
        if relations is not self.relations:
            return _kinds(relations, name)
        known = self._kinds.get(name)
        if known is None:
            known = self._kinds[name] = _kinds(relations, name)
        return known

    def is_exact_arm(self, scope: Scope) -> bool:
        """Whether columns must have the types of a first SELECT: PostgreSQL where a table expression calls itself."""
        level = scope.levels[-1]
        return self.dialect.name == "postgres" and level.itself is not None and level.phase == "items"

    def satisfiable(
        self, scope: Scope, level: Level, waiting: frozenset[Waiting], tables: tuple[Bound, ...] | None = None
    ) -> bool:
        """Whether FROM can still meet these waiting references of the innermost level."""
        if not waiting:
            return True
        bound = level.tables if tables is None else tables
        answered, forwards, relations = self.answered(scope, waiting), self.forwards(scope), self.known(scope)
        if relations is not self.relations:
            return _feasible(bound, waiting, answered, relations, forwards)
        key = id(bound), waiting, answered, forwards  # what is bound has many columns to hash, and relations more
        known = self._feasible.get(key)
        if known is None or known[0] is not bound:
            if len(self._feasible) > _ANSWERS:
                self._feasible.clear()
            known = self._feasible[key] = (bound, feasible(bound, waiting, answered, relations, forwards))
        return known[1]

    def forwards(self, scope: Scope) -> bool:
        """Whether references may wait for results of subqueries in FROM."""
        return self.forward and len(scope.levels) < MAX_DEPTH

    def answered(self, scope: Scope, waiting: frozenset[Waiting]) -> frozenset[Reference]:
        """Those of the waiting references that an enclosing query answers where this one does not."""
        if not self.around(scope):
            return _NOTHING
        refused = {(want.alias, want.name) for want in waiting if want.inner}
        found = []
        for want in waiting:
            if (want.alias, want.name) not in refused:
                outer = self.outside(scope, want.alias, want.name)
                if outer is not None and want.kind in (None, outer.kind):
                    found.append((want.alias, want.name))
        return frozenset(found)

    def names(self, scope: Scope, alias: str = "") -> frozenset[str]:
        """Columns that may be referred to here, without an alias or behind one (`alias`)."""
        within = scope._replace(frames=scope.frames[-1:])  # no other frame is looked at
        return self._named.result(self.alias_like(scope, alias), within)

    def _names_behind(self, alias: str, scope: Scope) -> frozenset[str]:
        level, found = scope.levels[-1], set()
        if level.phase == "items" and not self.dialect.typed and not level.tables:
            forward = self.forwards(scope) and not self.around(scope)
            found = surely_feasible(level.waiting, alias, self.known(scope), forward)
            found = {name for name in found if name and (alias or not self.is_made_up(name))}
        left = self._candidates(scope) - found
        return frozenset(found.union(name for name in left if self.meaning(scope, alias, name) is not None))

    def has_names(self, scope: Scope, alias: str) -> bool:
        """Whether `names` has any."""
        return bool(self.names(scope, alias))

    def _candidates(self, scope: Scope) -> set[str]:
        level = scope.levels[-1]
        relations: list[tuple[tuple[str, str], ...]] = [bound.columns for bound in level.tables]
        listed = self.listed(scope)
        if listed is not None:
            relations += [relation.columns for relation in self.known(listed)]
            relations += [tuple((want.name, "") for want in listed.levels[-1].waiting if want.name != "*")]
        relations += [bound.columns for _, outer in self.around(scope) for bound in outer.tables]
        return {name for columns in relations for name, _ in columns if name}

    def qualifiers(self, scope: Scope) -> tuple[set[str], bool]:
        """Aliases that may stand here, and whether any other new name may be one."""
        candidates = self.aliases_around(scope) - {""}
        used = {alias for alias in candidates if self.alias_like(scope, alias) == alias}
        any_other = self.has_names(scope, FRESH)
        found = {alias for alias in used if self.has_names(scope, alias)}
        return found | candidates - used if any_other else found, any_other and self.listed(scope) is not None

    def may_sort(self, level: Level, reference: Reference | None) -> bool:
        """Whether DISTINCT ON lets ORDER BY go on with this column: its own come first."""
        return level.distinct_on <= level.sorted_on or reference in level.distinct_on

    def sorted_on(self, scope: Scope, references: list[Reference | None]) -> Scope:
        """The scope after a column of the result in ORDER BY."""
        level = scope.levels[-1]
        found = level.distinct_on & {reference for reference in references if reference}
        if not found:
            return scope
        return scope._replace(levels=(*scope.levels[:-1], level._replace(sorted_on=level.sorted_on | found)))

    def only_outputs(self, scope: Scope) -> bool:
        """Whether ORDER BY takes nothing but columns of the result."""
        level = scope.levels[-1]
        return level.compound or (level.distinct and self.dialect.typed)

    def order_output(self, scope: Scope, name: str) -> str | None:
        """Class of the result's column that this name means in ORDER BY, None where it means none; "" where several."""
        level, frame = scope.levels[-1], scope.frames[-1]
        if level.phase != "order" or frame.role != "order" or self.is_made_up(name):
            return None
        found = {(out.kind, out.reference, i) for i, out in enumerate(level.first or level.outputs) if out.name == name}
        if not found:
            return None
        kind, reference, _ = next(iter(found))
        if not self.may_sort(level, reference):
            return ""
        return kind if len(found) == 1 and kind not in ("opaque", "null") else ""
