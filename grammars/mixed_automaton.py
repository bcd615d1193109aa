"""Languages along the edges of a graph, run in step: the automaton of `Mixed`.

A state is the set of all ways in which what was read may have come through the graph, each an edge with a state of the
automaton of its part, and whether the text may end. No part is ever dead, so neither is a state with a way left.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .automaton import DEAD, Automaton
from .errors import BudgetExceeded
from .lazy_automaton import LazyAutomaton

Edge = tuple[int, int, int]
"""A node, the number of a part or -1 for nothing, a node."""
Way = tuple[int, int]
"""An edge, and a state of its part."""
MAX_WAYS = 1000


class MixedAutomaton(LazyAutomaton[tuple[tuple[Way, ...], bool]]):
    """See the module.

    Args:
        edges: of the graph, from node 0 to node 1.
        automata: those of the parts.
        states: how many states are made before BudgetExceeded.
    """

    def __init__(self, edges: Sequence[Edge], automata: Sequence[Automaton], *, states: int = 2_000_000) -> None:
        super().__init__(states)
        self.edges, self.automata = tuple(edges), tuple(automata)
        self._leaving: dict[int, list[int]] = {}
        for number, (a, _, _) in enumerate(self.edges):
            self._leaving.setdefault(a, []).append(number)
        self._behind: dict[int, int] = {}
        self.start = self.entered(0)

    def of_edge(self, edge: int) -> Automaton:
        """The automaton of an edge's part."""
        return self.automata[self.edges[edge][1]]

    def ways(self, state: int) -> tuple[Way, ...]:
        """The ways of a state that is not dead: edges with states of their parts."""
        return self._states[state][0]

    def entered(self, node: int) -> int:
        """The state in which a node was just reached; DEAD where nothing follows it."""
        state = self._behind.get(node)
        if state is None:
            with self._lock:
                state = self._behind[node] = self._settled((), [node])
        return state

    def _settled(self, ways: Iterable[Way], nodes: list[int]) -> int:
        """The state of some ways and of all that begin behind those which may end, and at the nodes."""
        found, seen = set(ways), set(nodes)
        for edge, q in sorted(found):
            if self.of_edge(edge).is_accepting(q) and self.edges[edge][2] not in seen:
                seen.add(self.edges[edge][2])
                nodes.append(self.edges[edge][2])
        for node in nodes:  # grows while it is read
            for edge in self._leaving.get(node, ()):
                _, part, target = self.edges[edge]
                ends = part < 0
                if not ends:
                    automaton = self.automata[part]
                    found.add((edge, automaton.start))
                    ends = automaton.is_accepting(automaton.start)
                if ends and target not in seen:
                    seen.add(target)
                    nodes.append(target)
        return self._state(tuple(sorted(found)), 1 in seen)

    def _state(self, ways: tuple[Way, ...], ends: bool) -> int:
        if not ways and not ends:
            return DEAD
        if len(ways) > MAX_WAYS:
            raise BudgetExceeded(
                f"the parts of this grammar can be told apart too late: more than {MAX_WAYS} readings of one text; "
                "end each part by a text that it does not hold"
            )
        return self._intern((ways, ends))

    def _following(self, state: int, byte: int) -> int:
        stepped = ((edge, self.of_edge(edge).step(q, byte)) for edge, q in self._states[state][0])
        return self._settled([way for way in stepped if way[1] != DEAD], [])

    def is_accepting(self, state: int) -> bool:
        """See `Automaton.is_accepting`."""
        return not self.is_dead(state) and self._states[state][1]
