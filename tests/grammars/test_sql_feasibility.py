"""What FROM can still meet, against all ways to choose tables."""

from __future__ import annotations

import itertools
import random

from bytebound.grammars.sql.feasibility import feasible, surely_feasible
from bytebound.grammars.sql.levels import Relation, Waiting

NAMES = "abcd"


def _relations(rng: random.Random) -> tuple[Relation, ...]:
    return tuple(
        Relation(f"t{i}", tuple((name, "any") for name in rng.choices(NAMES, k=rng.randint(1, 3))))
        for i in range(rng.randint(1, 4))
    )


def _waiting(rng: random.Random) -> frozenset[Waiting]:
    found = (Waiting(rng.choice(("", "", "x", "y")), rng.choice((*NAMES, "e")), None) for _ in range(rng.randint(0, 4)))
    return frozenset(found)


def _has(columns: tuple[str, ...], names: set[str]) -> bool:
    return all(columns.count(name) == 1 for name in names)


def _by_hand(
    waiting: frozenset[Waiting], outside: frozenset[tuple[str, str]], relations: tuple[Relation, ...], forward: bool
) -> bool:
    """Whether some tables do, of which one stands for each alias that is needed."""
    every = [tuple(name for name, _ in relation.columns) for relation in relations]
    bare = {want.name for want in waiting if not want.alias}
    aliases: dict[str, set[str]] = {}
    for want in waiting:
        if want.alias and (want.alias, want.name) not in outside:
            aliases.setdefault(want.alias, set()).add(want.name)
    options = []
    for names in aliases.values():
        found = [columns for columns in every if _has(columns, names)]
        options.append(found or ([tuple(names)] if forward else []))
    for chosen in itertools.product(*options):
        for n in range(len(every) + 1):
            for more in itertools.combinations(every, n):
                columns = tuple(itertools.chain(*chosen, *more))
                if all(
                    columns.count(name) == 1 or (not columns.count(name) and ("", name) in outside) for name in bare
                ):
                    return True
    return False


def test_against_all_choices() -> None:
    rng = random.Random(5)
    answers = set()
    for _ in range(1500):
        relations, waiting, forward = _relations(rng), _waiting(rng), rng.random() < 0.5
        outside = frozenset((w.alias, w.name) for w in waiting if rng.random() < 0.2)
        answer = feasible((), waiting, outside, relations, forward)
        assert answer == _by_hand(waiting, outside, relations, forward), (relations, waiting, outside, forward)
        answers.add(answer)
    assert answers == {True, False}


def test_what_is_sure_is_feasible() -> None:
    rng = random.Random(6)
    sure, left = 0, 0
    for _ in range(1500):
        relations, waiting, forward = _relations(rng), _waiting(rng), rng.random() < 0.5
        outside = frozenset((w.alias, w.name) for w in waiting if rng.random() < 0.2)
        if not feasible((), waiting, outside, relations, forward):
            continue
        alias = rng.choice(("", "x", "z"))
        names = surely_feasible(waiting, alias, relations, forward and not outside)
        for name in NAMES:
            answer = feasible((), waiting | {Waiting(alias, name, None)}, outside, relations, forward)
            assert answer or name not in names, (relations, waiting, outside, alias, name)
            if not outside:
                sure += name in names
                left += answer and name not in names
    assert sure > left
