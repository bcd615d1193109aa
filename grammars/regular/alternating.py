"""Determinisation of patterns with lookarounds, exactly, by alternating automata and trackers.

What the rest of the text has to satisfy is a Boolean function over nodes of the graph ("the rest is matched from
this node"): an or for each branch, an and with what a lookahead demands, a negation for a negative one (alternating
automata: Chandra, Kozen and Stockmeyer 1981). Decision diagrams keep the functions canonical. A lookbehind looks at
what was already read: its body is run forward from every place of the text by a *tracker*, which holds for each
node of the body the condition under which a thread is there; a condition, not a bit, because a lookahead inside the
body asks about the rest of the text again. A state of the deterministic automaton is the function together with the
trackers that it can still ask.
"""

from __future__ import annotations

from ..characters import Ranges, partition
from ..errors import BudgetExceeded
from .diagrams import FALSE, TRUE, Diagrams, WorkLimit
from .nfa import ACCEPT, ACCEPT_ANY, HALT, READ, SPLIT, Nfa

Rows = list[list[int]]
Threads = tuple[tuple[int, int], ...]  # of a tracker: (READ node, condition), nodes ascending
Trackers = tuple[Threads | None, ...]  # by condition; None for lookaheads and for what can no longer be asked
State = tuple[int, Trackers]


class _Place:
    """A place in the text: the start of it, or right after a character of `cell` where trackers stood as given."""

    def __init__(self, machine: _Machine, before: Trackers, cell: int) -> None:
        self._machine = machine
        self._cell = cell
        self._found: dict[int, int] = {}  # index of a lookbehind -> what it says here
        self._closure = {ACCEPT: machine.diagrams.variable_function(ACCEPT), ACCEPT_ANY: TRUE}
        self._carried: dict[int, int] = {}
        following: list[Threads | None] = [None] * len(before)
        for i, order in machine.trackers:  # those inside the bodies of others come first
            threads = before[i]
            if threads is not None:
                following[i] = self._move(i, order, threads)
        self.trackers: Trackers = tuple(following)

    def closure(self, v: int) -> int:
        """The function "the rest of the text is matched from node v"."""
        result = self._closure.get(v)
        if result is None:
            nfa, diagrams = self._machine.nfa, self._machine.diagrams
            if nfa.kind[v] == READ:
                result = diagrams.variable_function(v)
            elif nfa.kind[v] == SPLIT:
                result = FALSE
                for target in reversed(nfa.targets[v]):
                    result = diagrams.either(self.closure(target), result)
            else:
                result = diagrams.both(self._condition(nfa.condition[v]), self.closure(nfa.targets[v][0]))
            self._closure[v] = result
        return result

    def _condition(self, index: int) -> int:
        """The function that a lookaround comes to here."""
        condition = self._machine.nfa.conditions[index]
        value = self.closure(condition.entry) if condition.ahead else self._found[index]
        return self._machine.diagrams.negation(value) if condition.negative else value

    def carry(self, function: int) -> int:
        """What a function of the place before the character comes to here."""
        return self._machine.diagrams.substitute(function, self._after, self._carried)

    def _after(self, v: int) -> int:
        machine = self._machine
        return self.closure(machine.nfa.targets[v][0]) if self._cell in machine.reads[v] else FALSE

    def _move(self, index: int, order: list[int], threads: Threads) -> Threads:
        """Threads of a tracker here; notes what its lookbehind says."""
        nfa, diagrams = self._machine.nfa, self._machine.diagrams
        condition = nfa.conditions[index]
        reached = {condition.entry: TRUE}

        def reach(v: int, function: int) -> None:
            reached[v] = diagrams.either(reached.get(v, FALSE), function)

        for v, function in threads:
            if self._cell in self._machine.reads[v]:
                reach(nfa.targets[v][0], self.carry(function))
        for v in order:
            function = reached.get(v, FALSE)
            if function == FALSE or nfa.kind[v] in (READ, HALT):
                continue
            if nfa.kind[v] != SPLIT:
                function = diagrams.both(function, self._condition(nfa.condition[v]))
            for target in nfa.targets[v]:
                reach(target, function)
        self._found[index] = reached.get(condition.exit, FALSE)
        return tuple(sorted((v, f) for v, f in reached.items() if f != FALSE and nfa.kind[v] == READ))


class _Machine:
    """What all places share; and the states, which keep of the trackers those that can still be asked."""

    def __init__(self, nfa: Nfa, max_work: int) -> None:
        self.nfa = nfa
        self.diagrams = Diagrams(max_work)
        sets, which = nfa.character_sets()
        self.cells, parts = partition(sets)
        self.reads = [frozenset(parts[index]) if index >= 0 else frozenset() for index in which]
        self.trackers = [(i, _epsilon_order(nfa, c.entry)) for i, c in enumerate(nfa.conditions) if not c.ahead]
        self._asked = _askable(nfa)
        self._asked_by: dict[int, int] = {FALSE: 0, TRUE: 0}
        self._places: dict[tuple[Trackers, int], _Place] = {}

    def start(self, entry: int) -> State:
        """The state before the first character."""
        behind = {i for i, _ in self.trackers}
        place = _Place(self, tuple(() if i in behind else None for i in range(len(self.nfa.conditions))), -1)
        return self._state(place.closure(entry), place.trackers)

    def step(self, state: State, cell: int) -> State:
        """The state after a character of the cell."""
        function, trackers = state
        place = self._places.get((trackers, cell))
        if place is None:
            place = self._places[trackers, cell] = _Place(self, trackers, cell)
        self.diagrams.spend(1)
        return self._state(place.carry(function), place.trackers)

    def _state(self, function: int, trackers: Trackers) -> State:
        needed = self._lookbehinds(function)
        return function, tuple(t if needed >> i & 1 else None for i, t in enumerate(trackers))

    def _lookbehinds(self, function: int) -> int:
        """The lookbehinds that a function can still ask, as bits."""
        result = self._asked_by.get(function)
        if result is None:
            diagrams = self.diagrams
            result = self._asked[diagrams.variable[function]]
            result |= self._lookbehinds(diagrams.low[function]) | self._lookbehinds(diagrams.high[function])
            self._asked_by[function] = result
        return result


def _epsilon_order(nfa: Nfa, entry: int) -> list[int]:
    """The nodes of a lookbehind's body, every one before those that its epsilon edges lead to."""
    seen: set[int] = set()
    order: list[int] = []
    roots = [entry]  # and the targets of READ nodes: found all the same, but in no order with these
    for root in roots:
        stack = [(root, False)]
        while stack:
            v, done = stack.pop()
            if done:
                order.append(v)
            elif v not in seen:
                seen.add(v)
                stack.append((v, True))
                if nfa.kind[v] == READ:
                    roots.extend(nfa.targets[v])
                else:
                    stack.extend((target, False) for target in nfa.targets[v])
    return order[::-1]


def _askable(nfa: Nfa) -> list[int]:
    """For every node the lookbehinds that a match from it can come to ask, as bits."""
    asked = [0] * len(nfa.kind)
    changed = True
    while changed:
        changed = False
        inside = [asked[c.entry] | (0 if c.ahead else 1 << i) for i, c in enumerate(nfa.conditions)]
        for v in range(len(nfa.kind)):
            bits = asked[v]
            for target in nfa.targets[v]:
                bits |= asked[target]
            if nfa.condition[v] >= 0:
                bits |= inside[nfa.condition[v]]
            if bits != asked[v]:
                asked[v] = bits
                changed = True
    return asked


def determinize(
    nfa: Nfa, start: int, max_states: int, max_work: int, pattern: str
) -> tuple[tuple[Ranges, ...], Rows, list[bool]]:
    """Like `subset.determinize`, for graphs with lookarounds.

    Raises:
        BudgetExceeded: more than `max_states` states, or `max_work` operations on Boolean functions.
    """
    machine = _Machine(nfa, max_work)
    try:
        first = machine.start(start)
        index_of = {first: 0}
        pending = [first]
        rows: Rows = []
        for state in pending:  # grows while it is read
            row = []
            for cell in range(len(machine.cells)):
                target = machine.step(state, cell)
                index = -1 if target[0] == FALSE else index_of.setdefault(target, len(pending))
                if index == len(pending):
                    pending.append(target)
                row.append(index)
            rows.append(row)
            if len(pending) > max_states:
                raise BudgetExceeded(f"{pattern} needs more than {max_states} deterministic states")
    except (WorkLimit, RecursionError):
        raise BudgetExceeded(f"the lookarounds of {pattern} take too much work to make it deterministic") from None
    return machine.cells, rows, [machine.diagrams.holds(function, ACCEPT) for function, _ in pending]
