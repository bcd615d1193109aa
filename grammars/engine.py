"""The engine: runs a built network as a lazy deterministic automaton over bytes (see `engine_kernels.py`)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from . import engine_kernels as k
from .automaton import DEAD
from .budget import Budget
from .errors import BudgetExceeded, GrammarError
from .network import Network, Program
from .warmup import warm_up


class Engine:
    """Lazy deterministic automaton of a program; implements the `Automaton` protocol.

    States are created while it runs and never change, so they may be kept, compared and shared by threads.
    `horizon` is the length in bytes of the longest token that masks will ask about: counters farther than that from
    their bounds share masks (`alias`).
    """

    def __init__(self, program: Program, *, horizon: int = 256, budget: Budget | None = None) -> None:
        warm_up("engine", _use_kernels)
        self.program = program
        self.horizon = horizon
        self.budget = budget or Budget()
        self.lock = threading.RLock()
        self._capacities = {"states": 4096, "items": 32768, "stacks": 8192, "work": 1024}
        self.arena = self._allocate(None)
        self.start: int = self.run(k.initial, program.start)

    def run(self, kernel: Callable[..., int], *arguments: Any) -> int:
        """Call `kernel(arena, *arguments)`, enlarging the arena as often as it asks for."""
        with self.lock:
            while True:
                result: int = kernel(self.arena, *arguments)
                if result >= DEAD:
                    return result
                self.grow(result)

    def grow(self, code: int) -> None:
        """Enlarge the arena after a kernel returned `code`; raises BudgetExceeded."""
        old, capacities = self.arena, self._capacities
        if code == k.GROW_WORK:
            capacities["work"] *= 4
            if capacities["work"] > self.budget.configurations:
                raise BudgetExceeded(
                    f"one state of this grammar needs more than {self.budget.configurations} configurations: "
                    "it is too ambiguous, or a rule calls itself before it reads anything"
                )
        else:
            for name, used in (("states", k.N_STATES), ("items", k.N_ITEMS), ("stacks", k.N_STACKS)):
                if 2 * int(old[used]) >= capacities[name]:
                    capacities[name] *= 4 if capacities[name] < 1 << 14 else 2
            if capacities["states"] > 2 * self.budget.states:
                raise BudgetExceeded(
                    f"this grammar needs more than {self.budget.states} states; "
                    "simplify it, or give a larger Budget(states=...)"
                )
        self.arena = self._allocate(old)
        k.rehash(self.arena)

    def _allocate(self, old: k.Arena | None) -> k.Arena:
        program, sizes = self.program, self._capacities
        classes = len(program.representatives)
        bare = (
            (program.final == 1)
            & (np.diff(program.edge_ptr) == 0)
            & (np.diff(program.epsilon_ptr) == 0)
            & (np.diff(program.call_ptr) == 0)
            & (np.diff(program.repeat_ptr) == 0)
        ).astype(np.int32)
        constants = {
            k.CLASSES: program.classes,
            k.REPRESENTATIVES: program.representatives,
            k.DISTANCE: program.distance,
            k.FINAL: program.final,
            k.BARE: bare,
            k.EDGE_PTR: program.edge_ptr,
            k.EDGES: program.edges,
            k.EPSILON_PTR: program.epsilon_ptr,
            k.EPSILONS: program.epsilons,
            k.CALL_PTR: program.call_ptr,
            k.CALLS: program.calls,
            k.REPEAT_PTR: program.repeat_ptr,
            k.REPEATS: program.repeats,
        }
        state_slots, stack_slots = 2 * sizes["states"], 2 * sizes["stacks"]
        seen_slots = 2 * sizes["work"]
        tables = {section: (int(k.N_STATES), sizes["states"]) for section in range(k.Q_OFFSET, k.STATE_TABLE)}
        tables |= {section: (int(k.N_STACKS), sizes["stacks"]) for section in range(k.S_RETURN, k.STACK_TABLE)}
        tables |= {section: (int(k.N_ITEMS), sizes["items"]) for section in (k.I_NODE, k.I_STACK)}
        lengths = {section: len(values.reshape(-1)) for section, values in constants.items()}
        lengths |= {section: size for section, (_, size) in tables.items()}
        lengths |= {k.STATE_TABLE: state_slots, k.STACK_TABLE: stack_slots, k.SEEN: 3 * seen_slots}
        lengths |= {k.TRANSITIONS: sizes["states"] * classes}
        lengths |= dict.fromkeys((k.W_NODE, k.W_STACK, k.K_NODE, k.K_STACK), sizes["work"])
        total = k.HEADER + sum(lengths.values())
        if 4 * total > self.budget.memory and old is not None:
            raise BudgetExceeded(
                f"this grammar needs more than {self.budget.memory} bytes of states; "
                "simplify it, or give a larger Budget(memory=...)"
            )
        arena = np.empty(total, np.int32)
        arena[: k.HEADER] = 0
        end = k.HEADER
        for section in sorted(lengths):
            arena[section] = end
            end += lengths[section]
        arena[k.N_CLASSES], arena[k.HORIZON] = classes, self.horizon
        arena[k.CAP_STATES], arena[k.CAP_ITEMS] = sizes["states"], sizes["items"]
        arena[k.CAP_STACKS], arena[k.CAP_WORK] = sizes["stacks"], sizes["work"]
        arena[k.STATE_SLOTS], arena[k.STACK_SLOTS], arena[k.SEEN_SLOTS] = state_slots, stack_slots, seen_slots
        for section, values in constants.items():
            arena[arena[section] : arena[section] + lengths[section]] = values.reshape(-1)
        arena[arena[k.SEEN] : arena[k.SEEN] + 3 * seen_slots] = 0
        if old is None:
            arena[k.N_STACKS] = 1  # stack 0 is the empty one
            for section in (k.S_RETURN, k.S_DATA, k.S_PARENT, k.S_DISTANCE, k.S_ALIAS):
                arena[arena[section]] = 0
            for section, slots in ((k.STATE_TABLE, state_slots), (k.STACK_TABLE, stack_slots)):
                arena[arena[section] : arena[section] + slots] = -1
            return arena
        for counter in (k.N_STATES, k.N_ITEMS, k.N_STACKS):
            arena[counter] = old[counter]
        tables[k.TRANSITIONS] = (int(k.N_STATES), 0)
        for section, (counter, _) in tables.items():
            used = int(old[counter]) * (classes if section == k.TRANSITIONS else 1)
            arena[arena[section] : arena[section] + used] = old[old[section] : old[section] + used]
        return arena

    @property
    def states(self) -> int:
        """Number of states made so far."""
        return int(self.arena[k.N_STATES])

    def step(self, state: int, byte: int) -> int:
        """State after one more byte (0..255); DEAD when no completion is left."""
        if not 0 <= byte <= 255:
            raise GrammarError(f"{byte} is not a byte: 0..255")
        return DEAD if self.is_dead(state) else self.run(k.step, state, byte)

    def advance(self, state: int, data: bytes) -> int:
        """State after the bytes of `data`."""
        if self.is_dead(state):
            return DEAD
        return self.run(k.advance, state, np.frombuffer(data, np.uint8), 0, len(data))

    def is_accepting(self, state: int) -> bool:
        """Whether the bytes read so far are a full match."""
        return not self.is_dead(state) and bool(self.arena[self.arena[k.Q_ACCEPTING] + state])

    def is_dead(self, state: int) -> bool:
        """Whether no continuation leads to a full match. Raises GrammarError for an integer that is no state."""
        if state == DEAD:
            return True
        if not 0 <= state < self.arena[k.N_STATES]:
            raise GrammarError(f"{state} is not a state of this automaton, which has {self.states} so far")
        return False

    def forced_bytes(self, state: int, limit: int = 4096) -> bytes:
        """Bytes with which every full match goes on from here, at most `limit` of them."""
        if self.is_dead(state):
            return b""
        out = np.empty(limit, np.uint8)
        return out[: self.run(k.forced, state, out)].tobytes()

    def distance(self, state: int) -> int:
        """Length in bytes of the shortest completion. Raises GrammarError in the dead state."""
        if self.is_dead(state):
            raise GrammarError("the dead state has no completion")
        return int(self.arena[self.arena[k.Q_DISTANCE] + state])

    def alias(self, state: int) -> int:
        """A state that allows the same next `horizon` bytes, the same for all counts far from their bounds."""
        return DEAD if self.is_dead(state) else self.run(k.alias, state)


def _use_kernels() -> None:
    """Call every kernel of the engine once."""
    network = Network()
    body = network.rule()
    network.literal(body.start, b"a", body.end)
    network.repeat(network.main.start, body, network.main.end, 1, 1000)
    engine = Engine(network.build(), horizon=4)
    engine.forced_bytes(engine.alias(engine.advance(engine.start, b"aa")))
    engine.run(k.relax, engine.step(engine.start, 97))
    k.rehash(engine.arena)
