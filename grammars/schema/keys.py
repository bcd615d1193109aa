"""Classes of the keys that an object does not name: by the patterns of patternProperties that they match."""

from __future__ import annotations

from functools import lru_cache

from ..errors import BudgetExceeded
from ..regular import CharacterAutomaton
from .plan import KeySet
from .strings import StringSet, automaton


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
    if not patterns:
        return [] if whole.is_empty() else [(frozenset(), KeySet(names, whole))]
    try:
        parts = whole.split([automaton(StringSet(patterns=(pattern,))) for pattern in patterns])
    except BudgetExceeded as error:
        raise BudgetExceeded(f"patternProperties: {error.message}", keyword="patternProperties") from error
    return [(frozenset(patterns[i] for i in matched), KeySet(names, part)) for matched, part in parts]
