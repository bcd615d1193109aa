"""Whether FROM can still meet what waits for it.

References in a select list come before FROM: they wait as obligations, and `feasible` tells whether tables that exist
could still meet them all. It is asked before a reference and before a table, so that nothing is allowed that FROM could
not repair. `surely_feasible` answers for many references at once where that is easily seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .levels import MAX_TABLES, Bound, Reference, Relation, Waiting, lookup

_SEARCH = 400


def _suits(kinds: dict[str, str | None], wants: dict[str, str | None]) -> bool:
    """Whether a relation with these columns has those that are wanted, of these classes."""
    for name, kind in wants.items():
        found = kinds.get(name)
        if found is None or (kind and found != kind):
            return False
    return True


def _named_once(kinds: dict[str, str | None]) -> set[str]:
    return {name for name, kind in kinds.items() if kind is not None}


class _Holders:
    """Relations by the names of their columns; made once for the relations that were asked about last."""

    _last: tuple[tuple[Relation, ...], dict[str, list[Relation]], dict[int, dict[str, str | None]]] = ((), {}, {})

    @classmethod
    def of(cls, relations: tuple[Relation, ...], wants: dict[str, str | None]) -> Sequence[Relation]:
        """The relations that have these columns, of these classes."""
        first = next(iter(wants), None)
        if first is None:
            return relations
        _, index, kinds = cls._of(relations)
        return [relation for relation in index.get(first, ()) if _suits(kinds[id(relation)], wants)]

    @classmethod
    def kinds(cls, relations: tuple[Relation, ...], relation: Relation) -> dict[str, str | None]:
        """Classes of the columns of one of the relations, None for a name that comes twice."""
        return cls._of(relations)[2][id(relation)]

    @classmethod
    def alone(cls, relations: tuple[Relation, ...], relation: Relation) -> set[str]:
        """Names of one column of one of the relations."""
        return _named_once(cls.kinds(relations, relation))

    @classmethod
    def _of(
        cls, relations: tuple[Relation, ...]
    ) -> tuple[Any, dict[str, list[Relation]], dict[int, dict[str, str | None]]]:
        if cls._last[0] is not relations:
            index: dict[str, list[Relation]] = {}
            kinds = {}
            for relation in relations:
                kinds[id(relation)] = {name: relation.kind(name) for name, _ in relation.columns}
                for name in kinds[id(relation)]:
                    index.setdefault(name, []).append(relation)
            cls._last = relations, index, kinds
        return cls._last


def _alone(relations: tuple[Relation, ...], some: Sequence[Relation]) -> set[str]:
    return {name for relation in some for name in _Holders.alone(relations, relation)}


def _wants(waiting: frozenset[Waiting]) -> dict[str, dict[str, str | None]] | None:
    """Names that wait by alias, with their classes; None where two classes are wanted of one."""
    wants: dict[str, dict[str, str | None]] = {}
    for alias, name, kind, _ in waiting:
        names = wants.setdefault(alias, {})
        if name != "*":
            if kind and names.get(name) not in (None, kind):
                return None
            names[name] = kind or names.get(name)
    return wants


def _one_for_each(waiting: frozenset[Waiting], relations: tuple[Relation, ...]) -> bool:
    """Whether `feasible` would find a relation for each alias, or one for all that waits without any."""
    wants = _wants(waiting)
    if wants is None or ("" in wants and len(wants) > 1) or len(wants.get("", wants)) > MAX_TABLES:
        return False
    return all(_Holders.of(relations, names) for names in wants.values())


def surely_feasible(
    waiting: frozenset[Waiting], alias: str, relations: tuple[Relation, ...], forward: bool
) -> set[str]:
    """Names of columns that could wait, too, behind this alias: of any class, where no table is bound. `forward` may be
    true only where no enclosing query answers.

    Not all of them, but those where `feasible` needs one relation, or result of a subquery, for each alias, and one or
    two relations for what has none.
    """
    wants = _wants(waiting)
    if wants is None or sum(map(len, wants.values())) + len(wants) + 2 > MAX_TABLES:
        return set()
    bare, own = wants.pop("", {}), wants.pop(alias, {})
    every = {name for relation in relations for name in _Holders.alone(relations, relation)}
    if alias and not bare:
        if not all(forward or _Holders.of(relations, names) for names in wants.values()):
            return set()
        return every if forward else _alone(relations, _Holders.of(relations, own))
    if len(wants) > (not alias):
        return set()
    other = next(iter(wants.values()), own)  # what the one alias is asked for
    found = _alone(relations, _Holders.of(relations, {**bare, **other}))
    holders = _Holders.of(relations, bare)
    if not holders:
        return found
    behind = [_Holders.kinds(relations, relation) for relation in _Holders.of(relations, other)]
    if alias:
        for kinds in behind:
            if kinds.keys().isdisjoint(bare):
                found |= {name for name, kind in kinds.items() if kind is not None}
        if forward and not own.keys() & bare:
            found |= every.difference(bare, *behind)  # no relation has these, but a subquery can
        return found
    if not wants:
        behind = [_Holders.kinds(relations, relation) for relation in relations] if bare else []
        return found.union(
            *(_named_once(kinds) - _Holders.kinds(relations, holder).keys()
              for kinds in behind if kinds.keys().isdisjoint(bare) for holder in holders)
        )  # fmt: skip
    for kinds in behind or ([dict(other)] if forward else []):
        if kinds.keys().isdisjoint(bare):
            found |= _alone(relations, holders) - kinds.keys()
    return found


def feasible(
    tables: tuple[Bound, ...],
    waiting: frozenset[Waiting],
    outside: frozenset[Reference],
    relations: tuple[Relation, ...],
    forward: bool,
) -> bool:
    """Whether further relations can be joined so that every waiting reference means one column of the right class.

    `outside`: those of the references that an enclosing query answers where this one does not; `forward`: whether
    results of subqueries may answer to aliases and columns that no relation has. A search, cut off after a number of
    steps (and then no, which allows less).
    """
    if not tables and not outside and _one_for_each(waiting, relations):
        return True
    aliases = {bound.alias for bound in tables}
    for want in waiting:
        if not want.alias or want.alias in aliases:
            found = lookup(tables, want.alias, want.name)
            if len(found) > 1 or (want.kind and found and found[0] != want.kind):
                return False
            if want.alias and not found and want.name != "*":
                return False
    names: dict[str, str | None] = {}
    missing: dict[str, dict[str, str | None]] = {}
    for want in waiting:
        if want.alias and (want.alias in aliases or (want.alias, want.name) in outside):
            continue
        wants = missing.setdefault(want.alias, {}) if want.alias else names
        if want.kind and wants.get(want.name) not in (None, want.kind):
            return False
        if want.name != "*":
            wants[want.name] = want.kind or wants.get(want.name)
    counts = {name: len(lookup(tables, "", name)) for name in names}
    open_names = sum(not counts[name] and ("", name) not in outside for name in names)
    named = sum(not bound.derived for bound in tables)
    taken = sum(bool(_Holders.of(relations, wants)) or not forward for wants in missing.values())
    if named + taken + open_names > MAX_TABLES:  # each of these takes one more table at most
        return False
    steps = [0]

    def fits(columns: tuple[tuple[str, str], ...]) -> dict[str, int] | None:
        """Counts with these columns added, None where one would then be ambiguous or of the wrong class."""
        added: dict[str, int] = {}
        for column, kind in columns:
            if column in names:
                added[column] = added.get(column, 0) + 1
                if counts[column] + added[column] > 1 or (names[column] and kind != names[column]):
                    return None
        return added

    def search(left: tuple[str, ...]) -> bool:
        steps[0] += 1
        if steps[0] > _SEARCH:
            return False
        if left:
            wants = missing[left[0]]
            options = [relation.columns for relation in _Holders.of(relations, wants)]
            if not options and forward:
                options = [tuple((name, kind or "any") for name, kind in wants.items())]
            return attempt(options, left[1:])
        open_names = [name for name in sorted(names) if not counts[name] and ("", name) not in outside]
        if not open_names:
            return True
        return attempt([relation.columns for relation in _Holders.of(relations, {open_names[0]: None})], ())

    def attempt(options: list[tuple[tuple[str, str], ...]], left: tuple[str, ...]) -> bool:
        tried = set()
        for columns in options:
            added = fits(columns)
            if added is None or (key := tuple(sorted(added.items()))) in tried:
                continue
            tried.add(key)
            for name, n in added.items():
                counts[name] += n
            found = search(left)
            for name, n in added.items():
                counts[name] -= n
            if found:
                return True
        return False

    return search(tuple(sorted(missing)))
