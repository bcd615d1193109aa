"""Classes of the keys that an object does not name: by the patterns of patternProperties that they match."""

from __future__ import annotations

from functools import lru_cache

from ..errors import BudgetExceeded
from ..regular import CharacterAutomaton
from .plan import KeySet
from .strings import StringSet, automaton

MAX_KEY_CLASSES = 64


@lru_cache(maxsize=1024)
def key_classes(
    names: frozenset[str], patterns: tuple[str, ...], keys: tuple[StringSet, ...] | None
) -> list[tuple[frozenset[str], KeySet]]:
    """The keys outside `names` and allowed by `keys`, by which of the patterns they match."""
    if not patterns and keys is None:
        return [(frozenset(), KeySet(names))]
    whole = CharacterAutomaton.everything()
    if keys is not None:
        whole = CharacterAutomaton.nothing()
        for strings in keys:
            whole = whole.union(automaton(strings))
    if names:
        whole = whole.difference(CharacterAutomaton.from_strings(sorted(names)))
    classes = [(frozenset[str](), whole)]
    for pattern in patterns:
        machine = automaton(StringSet(patterns=(pattern,)))
        split = []
        for matched, part in classes:
            split += [(matched | {pattern}, part.intersect(machine)), (matched, part.difference(machine))]
        classes = [(matched, part) for matched, part in split if not part.is_empty()]
        if len(classes) > MAX_KEY_CLASSES:
            why = "the patterns of patternProperties overlap in too many ways"
            raise BudgetExceeded(why, keyword="patternProperties")
    return [(matched, KeySet(names, part)) for matched, part in classes if not part.is_empty()]
