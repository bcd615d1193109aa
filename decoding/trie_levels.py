"""Walks of any automaton along the trie of a vocabulary, level by level, with the nodes gathered by state.

Few states with many nodes, as in free text, cost a few array operations; the automaton is asked once for each state and
byte of a level. It is the way into masks where no kernel knows the automaton.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from ..grammars.automaton import DEAD, Automaton
from .trie import Trie

Nodes = NDArray[np.int64]


class Levels:
    """The trie with its children listed; node `root` stands for the empty text."""

    def __init__(self, trie: Trie) -> None:
        self.trie, self.root = trie, len(trie)
        self.byte = trie.byte.astype(np.int64)
        parents = np.full(len(trie), self.root, np.int64)
        above = np.flatnonzero(trie.depth == 0)
        while len(above):
            below = np.flatnonzero(trie.depth == trie.depth[above[0]] + 1)
            parents[below] = above[np.searchsorted(above, below) - 1]  # nodes are in preorder
            above = below
        self.parents = parents
        self._children = np.argsort(parents, kind="stable")
        self._starts = np.searchsorted(parents[self._children], np.arange(self.root + 2))
        self._tokens = trie.token_start.astype(np.int64)

    def children(self, nodes: Nodes) -> Nodes:
        """Of all the nodes."""
        return self._children[_ranges(self._starts, nodes)]

    def tokens(self, nodes: Nodes) -> NDArray[np.int32]:
        """Ids of the tokens that end at one of the nodes."""
        return self.trie.order[_ranges(self._tokens, nodes)]

    def before(self, values: list[int]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """The nodes with a child whose byte is one of the values, and those at or above one of them; bool [n + 1]."""
        found = np.zeros(self.root + 1, np.bool_)
        found[self.parents[np.isin(self.byte, values)]] = True
        found[self.root] = False
        sums = np.concatenate([[0], np.cumsum(found[:-1])])
        above = sums[np.arange(self.root) + self.trie.size] > sums[:-1]
        return found, np.append(above, above.any())

    def walk(
        self,
        automaton: Automaton,
        state: int,
        nodes: Nodes,
        keep: NDArray[np.bool_] | None = None,
        least: Callable[[int], int] | None = None,
    ) -> Iterator[tuple[int, Nodes]]:
        """States and nodes below `nodes`, in which `state` holds, wherever the automaton is alive.

        Nodes that are not to `keep` are left out with all below, and such as have fewer bytes below them than `least`
        says of their state.
        """
        groups = {state: nodes}
        while groups:
            following: dict[int, list[Nodes]] = {}
            for q, places in groups.items():
                below = self.children(places)
                if keep is not None:
                    below = below[keep[below]]
                if not len(below):
                    continue
                values, which = np.unique(self.byte[below], return_inverse=True)
                reached = np.array([automaton.step(q, byte) for byte in values.tolist()])[which]
                order = np.argsort(reached, kind="stable")
                states, starts = np.unique(reached[order], return_index=True)
                for target, group in zip(states.tolist(), np.split(below[order], starts[1:]), strict=True):
                    if target != DEAD:
                        following.setdefault(target, []).append(group)
            groups = {}
            for q, parts in following.items():
                places = np.concatenate(parts)
                if least is not None:
                    places = places[self.trie.height[places] >= least(q)]
                if len(places):
                    yield q, places
                    groups[q] = places


def _ranges(starts: Nodes, nodes: Nodes) -> Nodes:
    """Places starts[v] up to starts[v + 1] for all nodes v."""
    first, counts = starts[nodes], starts[nodes + 1] - starts[nodes]
    shifts = first - np.concatenate([[0], np.cumsum(counts)[:-1]])
    return np.repeat(shifts, counts) + np.arange(counts.sum())
