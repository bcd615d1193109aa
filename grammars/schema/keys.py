"""Classes of the keys that an object does not name: by the patterns of patternProperties and the needs they match."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from ..characters import members
from ..errors import BudgetExceeded
from ..regular import CharacterAutomaton
from .document import Place
from .plan import KeySet
from .strings import StringSet, automaton


class KeyClass(NamedTuple):
    """Keys that match a pattern (None: all do), are in one of `strings` (None: all are), but not among `names`, and
    match none of `others`."""

    pattern: str | None = None
    strings: tuple[StringSet, ...] | None = None
    names: frozenset[str] = frozenset()
    others: tuple[str, ...] = ()

    def automaton(self) -> CharacterAutomaton:
        """The keys as an automaton."""
        return _automaton(self)


@lru_cache(maxsize=1024)
def _automaton(keys: KeyClass) -> CharacterAutomaton:
    machine = _union(keys.strings)
    if keys.pattern is not None:
        machine = machine.intersect(automaton(StringSet(patterns=(keys.pattern,))))
    if keys.names:
        machine = machine.difference(CharacterAutomaton.from_strings(sorted(keys.names)))
    for pattern in keys.others:
        machine = machine.difference(automaton(StringSet(patterns=(pattern,))))
    return machine


class Need(NamedTuple):
    """Some property with a key of a class must satisfy the schema at a place; `pointer` is where that comes from."""

    pointer: str
    keys: KeyClass
    place: Place


def _union(strings: tuple[StringSet, ...] | None) -> CharacterAutomaton:
    if strings is None:
        return CharacterAutomaton.everything()
    whole = CharacterAutomaton.nothing()
    for one in strings:
        whole = whole.union(automaton(one))
    return whole


@lru_cache(maxsize=1024)
def key_classes(
    names: frozenset[str],
    patterns: tuple[str, ...],
    keys: tuple[StringSet, ...] | None,
    needs: tuple[KeyClass, ...] = (),
) -> list[tuple[frozenset[str], tuple[int, ...], KeySet]]:
    """The keys outside `names` and allowed by `keys`, by which of the patterns and needs (their numbers) they match."""
    if not patterns and keys is None and not needs:
        return [(frozenset(), (), KeySet(names))]
    whole = _union(keys)
    if names:
        whole = whole.difference(CharacterAutomaton.from_strings(sorted(names)))
    if not patterns and not needs:
        return [] if whole.is_empty() else [(frozenset(), (), KeySet(names, whole))]
    machines = [automaton(StringSet(patterns=(pattern,))) for pattern in patterns]
    try:
        parts = whole.split([*machines, *(need.automaton() for need in needs)])
    except BudgetExceeded as error:
        raise BudgetExceeded(f"patternProperties: {error.message}", keyword="patternProperties") from error
    count = len(patterns)
    return [
        (
            frozenset(patterns[i] for i in matched if i < count),
            tuple(i - count for i in matched if i >= count),
            KeySet(names, part),
        )
        for matched, part in parts
    ]


def listed(machine: CharacterAutomaton, most: int) -> list[str] | None:
    """All strings of an automaton in some order; None where they are more than `most`, or without end."""
    if machine.is_empty():
        return []
    if machine.longest() is None:
        return None
    following: dict[int, list[tuple[int, int]]] = {}
    for s, t, ranges in machine.edges:
        following.setdefault(s, []).extend((c, t) for c, _ in zip(members(ranges), range(most + 1), strict=False))
    found: list[str] = []
    stack = [(0, "")]
    while stack:
        state, text = stack.pop()
        if machine.accepting[state]:
            found.append(text)
        if len(found) + len(stack) > 4 * most or len(found) > most:
            return None
        stack += [(t, text + chr(c)) for c, t in following.get(state, ())]
    return found
