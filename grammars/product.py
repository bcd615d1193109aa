"""Intersection of two grammars by the product of their automata.

Exact where both languages are regular and the product has few states; a grammar that nests without bound has no end of
states and is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from .errors import Unsupported
from .network import Network

if TYPE_CHECKING:
    from .grammar import Grammar

MAX_STATES = 20_000


def intersection(left: Grammar, right: Grammar) -> Callable[[Network, int, int], None]:
    """What adds the strings of both grammars to a network. Raises Unsupported beyond MAX_STATES pairs of states."""
    first, second = left.automaton, right.automaton
    cuts = np.zeros(256, bool)
    for program in (left.program, right.program):
        cuts[program.representatives[: program.byte_classes]] = True
    lows = np.flatnonzero(cuts).tolist()
    highs = [*(low - 1 for low in lows[1:]), 255]

    def emit(network: Network, a: int, b: int) -> None:
        start = (first.start, second.start)
        nodes = {start: network.node()}
        network.epsilon(a, nodes[start])
        queue = [start]
        for pair in queue:  # grows while it is read
            p, q = pair
            if first.is_accepting(p) and second.is_accepting(q):
                network.epsilon(nodes[pair], b)
            for lo, hi in zip(lows, highs, strict=True):
                target = (first.step(p, lo), second.step(q, lo))
                if first.is_dead(target[0]) or second.is_dead(target[1]):
                    continue
                if target not in nodes:
                    if len(nodes) >= MAX_STATES:
                        raise Unsupported(
                            f"the intersection of {left.name!r} and {right.name!r} needs more than {MAX_STATES} "
                            "states: only regular languages of moderate size can be intersected; for sampling, "
                            "grammars.Conjunction(a, b) runs the automata of both in step instead",
                            keyword="&",
                        )
                    nodes[target] = network.node()
                    queue.append(target)
                network.edge(nodes[pair], lo, hi, nodes[target])

    return emit
