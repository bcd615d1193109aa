"""Trimming and minimising partial deterministic automata given as rows of next states (-1: none).

What leads nowhere is removed. States on no way to a cycle are merged from the ends upwards in linear time (Revuz
1992), the others by refining the partition that this leaves, smaller parts first (Hopcroft 1971).
"""

from __future__ import annotations

Rows = list[list[int]]


def minimal(rows: Rows, accepting: list[bool]) -> tuple[Rows, list[bool]]:
    """The smallest automaton of the same language; state 0 stays the start and remains even if nothing matches."""
    targets = [set(row) for row in rows]
    sources: list[list[int]] = [[] for _ in rows]
    for s, following in enumerate(targets):
        following.discard(-1)
        for t in following:
            sources[t].append(s)
    live = _live(sources, accepting)
    if not live[0]:
        return [[-1] * len(rows[0])], [False]
    if not all(live):
        rows = [[t if t >= 0 and live[t] else -1 for t in row] if live[s] else [] for s, row in enumerate(rows)]
        targets = [{t for t in following if live[t]} for following in targets]
    block = _blocks(rows, accepting, live, targets, sources)
    return _quotient(rows, accepting, block)


def _live(sources: list[list[int]], accepting: list[bool]) -> list[bool]:
    """States from which an accepting state can be reached."""
    live = accepting.copy()
    stack = [s for s, accepts in enumerate(accepting) if accepts]
    while stack:
        for s in sources[stack.pop()]:
            if not live[s]:
                live[s] = True
                stack.append(s)
    return live


def _blocks(
    rows: Rows, accepting: list[bool], live: list[bool], targets: list[set[int]], sources: list[list[int]]
) -> list[int]:
    """The class of every live state under equality of languages."""
    states = [s for s, alive in enumerate(live) if alive]
    waiting = [len(following) for following in targets]
    block = [-1] * (len(rows) + 1)  # the last one, at index -1, is the class of no transition
    known: dict[tuple[object, ...], int] = {}
    ready = [s for s in states if not waiting[s]]
    for s in ready:  # grows: a state is ready when all it leads to have their class
        block[s] = known.setdefault((accepting[s], *[block[t] for t in rows[s]]), len(known))
        for source in sources[s]:
            waiting[source] -= 1
            if not waiting[source]:
                ready.append(source)
    cyclic = [s for s in states if waiting[s]]
    if cyclic:
        _refine(rows, accepting, cyclic, block, len(known))
    block.pop()
    return block


def _refine(rows: Rows, accepting: list[bool], states: list[int], block: list[int], first: int) -> None:
    """Coarsest stable partition of `states` given the final classes of all others; class numbers from `first` on.

    `block[-1]` is -1, the class of no transition.

    When a class splits, its largest part keeps the number, so only what leads to the smaller parts is looked at again.
    """
    sources: dict[int, list[int]] = {s: [] for s in states}
    for s in states:
        block[s] = first
        for t in set(rows[s]):
            if t in sources:
                sources[t].append(s)
    members = [set(states)]
    touched = set(states)
    while touched:
        looked: dict[int, dict[tuple[int, ...], list[int]]] = {}
        for s in touched:
            key = (accepting[s], *[block[t] for t in rows[s]])
            looked.setdefault(block[s] - first, {}).setdefault(key, []).append(s)
        touched = set()
        for number, groups in looked.items():
            parts = sorted(groups.values(), key=len)
            whole = members[number]
            if len(whole) - sum(map(len, parts)) < len(parts[-1]):  # those not looked at, if any, are all alike
                rest = whole.difference(*parts)
                parts[-1:] = [list(rest)] if rest else []
            for part in parts:
                whole.difference_update(part)
                for s in part:
                    block[s] = first + len(members)
                    touched.update(sources[s])
                members.append(set(part))


def _quotient(rows: Rows, accepting: list[bool], block: list[int]) -> tuple[Rows, list[bool]]:
    """One state for each class, numbered breadth first from the start."""
    number = {block[0]: 0, -1: -1}
    order = [0]
    block = [*block, -1]
    result: Rows = []
    for s in order:  # grows while it is read
        row = [block[t] for t in rows[s]]
        for t in rows[s]:
            if block[t] not in number:
                number[block[t]] = len(number) - 1
                order.append(t)
        result.append([number[b] for b in row])
    return result, [accepting[s] for s in order]
