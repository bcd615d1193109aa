"""Whether FROM can still meet what waits for it.

References in a select list come before FROM: they wait as obligations, and `feasible` tells whether tables that exist
could still meet them all. It is asked before a reference and before a table, so that nothing is allowed that FROM could
not repair. `surely_feasible` answers for many references at once where that is easily seen.
"""

from __future__ import annotations

from collections.abc import Sequence

from .levels import MAX_TABLES, Bound, Reference, Relation, Waiting, lookup

_SEARCH = 400
_INDICES = 16


def _suits(kinds: dict[str, str | None], wants: dict[str, str | None]) -> bool:
    """Whether a relation with these columns has those that are wanted, of these classes."""
    for name, kind in wants.items():
        found = kinds.get(name)
        if found is None or (kind and found != kind):
            return False
    return True


class _Index:
    """Relations by the names of their columns."""

    def __init__(self, relations: tuple[Relation, ...]) -> None:
        self.relations = relations
        self.kinds: dict[int, dict[str, str | None]] = {}  # by identity: classes of columns, None for a name twice
        self.once: dict[int, set[str]] = {}  # names of one column
        self._by_name: dict[str, list[Relation]] = {}
        for relation in relations:
            kinds: dict[str, str | None] = {}
            for name, kind in relation.columns:
                kinds[name] = None if name in kinds else kind
            self.kinds[id(relation)] = kinds
            self.once[id(relation)] = {name for name, kind in kinds.items() if kind is not None}
            for name in kinds:
                self._by_name.setdefault(name, []).append(relation)

    def holders(self, wants: dict[str, str | None]) -> Sequence[Relation]:
        """The relations that have these columns, of these classes."""
        first = next(iter(wants), None)
        if first is None:
            return self.relations
        return [relation for relation in self._by_name.get(first, ()) if _suits(self.kinds[id(relation)], wants)]

    def named(self, some: Sequence[Relation]) -> set[str]:
        """Names of one column of one of them."""
        return set().union(*(self.once[id(relation)] for relation in some))


_indices: dict[int, _Index] = {}


def _index(relations: tuple[Relation, ...]) -> _Index:
    """The index of the relations, of those that were asked about last."""
    known = _indices.get(id(relations))
    if known is None or known.relations is not relations:
        if len(_indices) >= _INDICES:
            _indices.clear()
        known = _indices[id(relations)] = _Index(relations)  # it keeps the relations, so that no others get their id
    return known


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


def _one_for_each(waiting: frozenset[Waiting], index: _Index) -> bool:
    """Whether `feasible` would find a relation for each alias, or one for all that waits without any."""
    wants = _wants(waiting)
    if wants is None or ("" in wants and len(wants) > 1) or len(wants.get("", wants)) > MAX_TABLES:
        return False
    return all(index.holders(names) for names in wants.values())


def surely_feasible(
    waiting: frozenset[Waiting], alias: str, relations: tuple[Relation, ...], forward: bool
) -> set[str]:
    """Names of columns that could wait, too, behind this alias: of any class, where no table is bound. `forward` may be
    true only where no enclosing query answers.

    Not all of them, but those where `feasible` needs one relation, or result of a subquery, for each alias, and one or
    two relations for what has none.
    """
    wants, index = _wants(waiting), _index(relations)
    if wants is None or sum(map(len, wants.values())) + len(wants) + 2 > MAX_TABLES:
        return set()
    bare, own = wants.pop("", {}), wants.pop(alias, {})
    if alias and not bare:
        if not all(forward or index.holders(names) for names in wants.values()):
            return set()
        return index.named(relations if forward else index.holders(own))
    if len(wants) > (not alias):
        return set()
    other = next(iter(wants.values()), own)  # what the one alias is asked for
    found = index.named(index.holders({**bare, **other}))
    holders = index.holders(bare)
    if not holders:
        return found
    apart = [r for r in index.holders(other) if index.kinds[id(r)].keys().isdisjoint(bare)]
    if alias:
        found |= index.named(apart)
        if forward and not own.keys() & bare:  # what no relation has beside its own, a subquery can have
            found |= index.named(relations).difference(bare, *(index.kinds[id(r)] for r in index.holders(own)))
    elif wants:
        behind = [index.kinds[id(relation)] for relation in apart]
        if forward and not index.holders(other) and not other.keys() & bare:
            behind = [other]
        for kinds in behind:
            found |= index.named(holders) - kinds.keys()
    elif bare:
        for holder in holders:
            found |= index.named(apart) - index.kinds[id(holder)].keys()
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
    if not tables and not outside and _one_for_each(waiting, _index(relations)):
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
    taken = sum(bool(_index(relations).holders(wants)) or not forward for wants in missing.values())
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
            options = [relation.columns for relation in _index(relations).holders(wants)]
            if not options and forward:
                options = [tuple((name, kind or "any") for name, kind in wants.items())]
            return attempt(options, left[1:])
        open_names = [name for name in sorted(names) if not counts[name] and ("", name) not in outside]
        if not open_names:
            return True
        return attempt([relation.columns for relation in _index(relations).holders({open_names[0]: None})], ())

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
