"""Languages along the edges of a graph, run in step: the automaton of `Mixed`.

A state is the set of all ways in which what was read may have come through the graph, each an edge with a state of the
automaton of its part, and whether the text may end. No part is ever dead, so neither is a state with a way left.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from .automaton import DEAD, Automaton
from .errors import BudgetExceeded, GrammarError

Edge = tuple[int, int, int]
"""A node, the number of a part or -1 for nothing, a node."""
Way = tuple[int, int]
"""An edge, and a state of its part."""
MAX_WAYS = 1000


class MixedAutomaton:
    """See the module. States are made while it runs; they may be kept and shared by threads.

    Args:
        edges: of the graph, from node 0 to node 1.
        automata: those of the parts.
        states: how many states are made before BudgetExceeded.
    """

    def __init__(self, edges: Sequence[Edge], automata: Sequence[Automaton], *, states: int = 2_000_000) -> None:
        self.edges, self.automata, self.limit = tuple(edges), tuple(automata), states
        self._leaving: dict[int, list[int]] = {}
        for number, (a, _, _) in enumerate(self.edges):
            self._leaving.setdefault(a, []).append(number)
        self._states: list[tuple[tuple[Way, ...], bool]] = []
        self._numbers: dict[tuple[tuple[Way, ...], bool], int] = {}
        self._steps: dict[int, int] = {}
        self._behind: dict[int, int] = {}
        self._lock = threading.RLock()
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
        return self._intern(tuple(sorted(found)), 1 in seen)

    def _intern(self, ways: tuple[Way, ...], ends: bool) -> int:
        if not ways and not ends:
            return DEAD
        known = self._numbers.get((ways, ends))
        if known is None:
            if len(ways) > MAX_WAYS or len(self._states) >= self.limit:
                raise BudgetExceeded(
                    f"the parts of this grammar can be told apart too late: more than {MAX_WAYS} readings of one text, "
                    f"or {self.limit} states; end each part by a text that it does not hold"
                )
            known = self._numbers[ways, ends] = len(self._states)
            self._states.append((ways, ends))
        return known

    def step(self, state: int, byte: int) -> int:
        """See `Automaton.step`."""
        following = self._steps.get(state << 8 | byte)
        if following is None:
            if not 0 <= byte <= 255:
                raise GrammarError(f"{byte} is not a byte: 0..255")
            if self.is_dead(state):
                return DEAD
            with self._lock:
                stepped = ((edge, self.of_edge(edge).step(q, byte)) for edge, q in self._states[state][0])
                following = self._settled([way for way in stepped if way[1] != DEAD], [])
                self._steps[state << 8 | byte] = following
        return following

    def advance(self, state: int, data: bytes) -> int:
        """See `Automaton.advance`."""
        steps = self._steps
        for byte in data:
            following = steps.get(state << 8 | byte)
            state = self.step(state, byte) if following is None else following
            if state == DEAD:
                return DEAD
        return state

    def is_accepting(self, state: int) -> bool:
        """See `Automaton.is_accepting`."""
        return not self.is_dead(state) and self._states[state][1]

    def is_dead(self, state: int) -> bool:
        """See `Automaton.is_dead`. Raises GrammarError for an integer that is no state."""
        if state == DEAD:
            return True
        if not 0 <= state < len(self._states):
            raise GrammarError(f"{state} is not a state of this automaton, which has {len(self._states)} so far")
        return False

    def forced_bytes(self, state: int, limit: int = 256) -> bytes:
        """See `Automaton.forced_bytes`; at most `limit`."""
        forced = bytearray()
        while not self.is_dead(state) and not self.is_accepting(state) and len(forced) < limit:
            following, only = DEAD, -1
            for byte in range(256):
                reached = self.step(state, byte)
                if reached != DEAD:
                    if only >= 0:
                        return bytes(forced)
                    following, only = reached, byte
            forced.append(only)
            state = following
        return bytes(forced)
