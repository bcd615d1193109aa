"""Subset construction (Rabin and Scott 1959) for patterns without lookarounds; sets of nodes are bits of integers."""

from __future__ import annotations

from ..characters import Ranges, partition
from ..errors import BudgetExceeded
from .nfa import ACCEPT, ACCEPT_ANY, FREE, READ, Nfa

Rows = list[list[int]]


def determinize(
    nfa: Nfa, start: int, max_states: int, max_work: int, pattern: str
) -> tuple[tuple[Ranges, ...], Rows, list[bool]]:
    """Deterministic automaton of the strings that lead from node `start` to the end of the text at ACCEPT.

    Returns (classes, rows, accepting): `rows[state][class]` is the next state or -1; state 0 is the start.

    Raises:
        BudgetExceeded: more than `max_states` states, or `max_work` visits of nodes.
    """
    sets, which = nfa.character_sets()
    cells, parts = partition(sets)
    closures = _closures(nfa)
    moves = [(parts[index], closures[nfa.targets[v][0]]) if index >= 0 else None for v, index in enumerate(which)]
    free = 1 << ACCEPT_ANY
    nothing = [0] * len(cells)

    def canonical(nodes: int) -> int:
        return free if nodes & free else nodes

    index_of = {canonical(closures[start]): 0}
    pending = list(index_of)
    rows: Rows = []
    work = 0
    for nodes in pending:  # grows while it is read
        following = nothing.copy()
        if nodes == free:
            following = [free] * len(cells)
        else:
            rest = nodes
            while rest:
                low = rest & -rest
                rest ^= low
                move = moves[low.bit_length() - 1]
                if move is not None:
                    classes, target = move
                    work += len(classes)
                    for c in classes:
                        following[c] |= target
        row = []
        for target in following:
            if not target:
                row.append(-1)
                continue
            target = canonical(target)
            state = index_of.get(target)
            if state is None:
                state = index_of[target] = len(pending)
                pending.append(target)
            row.append(state)
        rows.append(row)
        work += nodes.bit_length() >> 4
        if len(pending) > max_states:
            raise BudgetExceeded(f"{pattern} needs more than {max_states} deterministic states")
        if work > max_work:
            raise BudgetExceeded(f"{pattern} takes too much work to make it deterministic")
    final = 1 << ACCEPT | free
    return cells, rows, [bool(nodes & final) for nodes in pending]


def _closures(nfa: Nfa) -> list[int]:
    """For every node the READ, ACCEPT and FREE nodes that epsilon edges lead to, as bits."""
    closures = [-1] * len(nfa.kind)
    for root in range(len(nfa.kind)):
        stack = [root]
        while stack:
            v = stack[-1]
            if closures[v] >= 0:
                stack.pop()
            elif nfa.kind[v] in (READ, FREE) or v == ACCEPT:
                closures[v] = 1 << v
                stack.pop()
            else:
                missing = [target for target in nfa.targets[v] if closures[target] < 0]
                if missing:
                    stack.extend(missing)
                else:
                    closures[v] = 0
                    for target in nfa.targets[v]:
                        closures[v] |= closures[target]
                    stack.pop()
    return closures
