"""One spelling for each number of a set: plain, without superfluous zeros, without an exponent.

What compares values by their text needs it: two canonical texts are equal exactly when the numbers are.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from .digits import Automaton, Magnitudes, plain
from .numbers import NumberSet, magnitudes

Edges = dict[int, list[tuple[int, int, int]]]  # from a state: low byte, high byte, state


def canonical_automaton(numbers: NumberSet) -> Automaton:
    """The automaton of `-?(0|[1-9][0-9]*)(.[0-9]*[1-9])?` without `-0`, for the numbers of the set, each exactly once.

    It is deterministic and trimmed: every state leads to an accepting one. If the set is empty it is one state that
    accepts nothing. Raises BudgetExceeded (keyword `multipleOf`) as the spellings of the set do.
    """
    edges: Edges = {0: []}
    accepting: set[int] = set()
    if numbers.listed is not None:
        for value in numbers.listed:
            _add_listed(edges, accepting, value)
        return _trimmed(edges, accepting)
    for negative in (False, True):
        bounds = magnitudes(numbers, negative)
        if bounds is None:
            continue
        start = 0
        if negative:
            bounds = _without_zero(bounds)
            start = len(edges)
            edges[start] = []
            edges[0].append((45, 45, start))
        _add_canonical(edges, accepting, start, plain(bounds, numbers.step, numbers.unless))
    return _trimmed(edges, accepting)


def _without_zero(bounds: Magnitudes) -> Magnitudes:
    return replace(bounds, low_open=True) if bounds.low == Decimal(0) else bounds


def _add_listed(edges: Edges, accepting: set[int], value: Decimal) -> None:
    """Add the spelling of one number, along the edges that are there already."""
    text = format(value, "f")
    state = 0
    for byte in (text.rstrip("0").rstrip(".") if "." in text else text).encode():
        target = next((target for low, _, target in edges[state] if low == byte), None)
        if target is None:
            target = len(edges)
            edges[target] = []
            edges[state].append((byte, byte, target))
        state = target
    accepting.add(state)


def _add_canonical(edges: Edges, accepting: set[int], start: int, automaton: Automaton) -> None:
    """Add the spellings of an automaton of plain numbers that do not end in a point or a zero behind it.

    A state is one of the automaton and what stands last: 0 a digit before the point, 1 the point or a zero, 2 a digit.
    """
    moves: Edges = {}
    for source, low, high, target in automaton.edges:
        moves.setdefault(source, []).append((low, high, target))
    accepts = set(automaton.accepting)
    names = {(0, 0): start}
    order = [(0, 0)]
    for state, ending in order:
        name = names[state, ending]
        if state in accepts and ending != 1:
            accepting.add(name)
        for low, high, target in moves.get(state, ()):
            for first, last in ((low, min(high, 48)), (max(low, 49), high)):
                if first > last:
                    continue
                after = 1 if first == 46 else 0 if not ending else 1 if first == 48 else 2
                key = (target, after)
                if key not in names:
                    names[key] = len(edges)
                    edges[names[key]] = []
                    order.append(key)
                edges[name].append((first, last, names[key]))


def _trimmed(edges: Edges, accepting: set[int]) -> Automaton:
    """The same without the states from which nothing is accepted, numbered from the start on."""
    sources: dict[int, list[int]] = {}
    for source, rows in edges.items():
        for _, _, target in rows:
            sources.setdefault(target, []).append(source)
    alive = set(accepting)
    waiting = list(accepting)
    while waiting:
        for source in sources.get(waiting.pop(), ()):
            if source not in alive:
                alive.add(source)
                waiting.append(source)
    names = {0: 0}
    for state in edges:
        if state in alive:
            names.setdefault(state, len(names))
    kept = [
        (names[source], low, high, names[target])
        for source, rows in edges.items()
        if source in names
        for low, high, target in rows
        if target in alive
    ]
    return Automaton(len(names), tuple(kept), tuple(sorted(names[state] for state in accepting)))
