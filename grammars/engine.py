"""The engine: runs a built network as a lazy deterministic automaton over bytes (see `engine_kernels.py`)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from . import alias_kernels as aliases
from . import arena as layout
from . import engine_kernels as k
from .automaton import DEAD
from .budget import Budget
from .errors import BudgetExceeded, GrammarError
from .kernel import link
from .network import Network
from .program import Program
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
        if code == layout.GROW_WORK:
            capacities["work"] *= 4
            if capacities["work"] > self.budget.configurations:
                raise BudgetExceeded(
                    f"one state of this grammar needs more than {self.budget.configurations} configurations: "
                    "it is too ambiguous, or a rule calls itself before it reads anything"
                )
        else:
            before = dict(capacities)
            for name, used in (("states", layout.N_STATES), ("items", layout.N_ITEMS), ("stacks", layout.N_STACKS)):
                if 2 * int(old[used]) >= capacities[name]:
                    capacities[name] *= 4 if capacities[name] < 1 << 14 else 2
            if capacities == before:  # one state has more configurations than there is room for
                capacities["items"] *= 2
            if capacities["states"] > 2 * self.budget.states:
                raise BudgetExceeded(
                    f"this grammar needs more than {self.budget.states} states; "
                    "simplify it, or give a larger Budget(states=...)"
                )
        self.arena = self._allocate(old)

    def _allocate(self, old: layout.Arena | None) -> layout.Arena:
        program, sizes = self.program, self._capacities
        classes = program.byte_classes
        bare = (
            (program.final == 1)
            & (np.diff(program.edge_ptr) == 0)
            & (np.diff(program.epsilon_ptr) == 0)
            & (np.diff(program.call_ptr) == 0)
            & (np.diff(program.repeat_ptr) == 0)
            & (np.diff(program.scoped_ptr) == 0)
            & (np.diff(program.option_ptr) == 0)
        ).astype(np.int32)
        constants = {
            layout.CLASSES: program.classes,
            layout.REPRESENTATIVES: np.append(program.representatives, np.int32(layout.SYMBOLS)),
            layout.DISTANCE: program.distance,
            layout.FINAL: program.final,
            layout.BARE: bare,
            layout.TEXT: program.text,
            layout.EDGE_PTR: program.edge_ptr,
            layout.EDGES: program.edges,
            layout.EPSILON_PTR: program.epsilon_ptr,
            layout.EPSILONS: program.epsilons,
            layout.CALL_PTR: program.call_ptr,
            layout.CALLS: program.calls,
            layout.REPEAT_PTR: program.repeat_ptr,
            layout.REPEATS: program.repeats,
            layout.SCOPED_PTR: program.scoped_ptr,
            layout.SCOPED: program.scoped,
            layout.OPTION_PTR: program.option_ptr,
            layout.OPTIONS: program.options,
            layout.SCOPES: program.scopes,
            layout.SCOPE_ITEMS: program.items,
            layout.BEFORE: program.before,
            layout.WAYS: program.ways,
            layout.LENGTHS: program.lengths,
            layout.BEGINS: program.begins,
        }
        state_slots, stack_slots = 2 * sizes["states"], 2 * sizes["stacks"]
        seen_slots = 2 * sizes["work"]
        of_states = range(layout.Q_OFFSET, layout.STATE_TABLE)
        of_stacks = range(layout.S_RETURN, layout.STACK_TABLE)
        tables = dict.fromkeys(of_states, (int(layout.N_STATES), sizes["states"]))
        tables |= dict.fromkeys(of_stacks, (int(layout.N_STACKS), sizes["stacks"]))
        tables |= dict.fromkeys((layout.I_NODE, layout.I_STACK), (int(layout.N_ITEMS), sizes["items"]))
        lengths = {section: len(values.reshape(-1)) for section, values in constants.items()}
        lengths |= {section: size for section, (_, size) in tables.items()}
        lengths |= {layout.STATE_TABLE: state_slots, layout.STACK_TABLE: stack_slots, layout.SEEN: 3 * seen_slots}
        lengths |= {layout.TRANSITIONS: sizes["states"] * classes}
        lengths |= dict.fromkeys((layout.W_NODE, layout.W_STACK, layout.K_NODE, layout.K_STACK), sizes["work"])
        total = layout.HEADER + sum(lengths.values())
        if 4 * total > self.budget.memory and old is not None:
            raise BudgetExceeded(
                f"this grammar needs more than {self.budget.memory} bytes of states; "
                "simplify it, or give a larger Budget(memory=...)"
            )
        arena = np.empty(total, np.int32)
        arena[: layout.HEADER] = 0
        end = layout.HEADER
        for section in sorted(lengths):
            arena[section] = end
            end += lengths[section]
        arena[layout.N_CLASSES], arena[layout.HORIZON] = classes, self.horizon
        arena[layout.CAP_STATES], arena[layout.CAP_ITEMS] = sizes["states"], sizes["items"]
        arena[layout.CAP_STACKS], arena[layout.CAP_WORK] = sizes["stacks"], sizes["work"]
        arena[layout.STATE_SLOTS], arena[layout.STACK_SLOTS] = state_slots, stack_slots
        arena[layout.SEEN_SLOTS] = seen_slots
        for section, values in constants.items():
            arena[arena[section] : arena[section] + lengths[section]] = values.reshape(-1)
        arena[arena[layout.SEEN] : arena[layout.SEEN] + 3 * seen_slots] = 0
        if old is None:
            arena[layout.N_STACKS] = 1  # stack 0 is the empty one
            for section in of_stacks:
                arena[arena[section]] = 0
        else:
            for counter in (layout.N_STATES, layout.N_ITEMS, layout.N_STACKS):
                arena[counter] = old[counter]
            tables[layout.TRANSITIONS] = (int(layout.N_STATES), 0)
            for section, (counter, _) in tables.items():
                used = int(old[counter]) * (classes if section == layout.TRANSITIONS else 1)
                arena[arena[section] : arena[section] + used] = old[old[section] : old[section] + used]
        link(arena)
        k.rehash(arena)
        return arena

    @property
    def states(self) -> int:
        """Number of states made so far."""
        return int(self.arena[layout.N_STATES])

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
        return not self.is_dead(state) and bool(self._of_state(layout.Q_ACCEPTING, state))

    def is_dead(self, state: int) -> bool:
        """Whether no continuation leads to a full match. Raises GrammarError for an integer that is no state."""
        if state == DEAD:
            return True
        if not 0 <= state < self.arena[layout.N_STATES]:
            raise GrammarError(f"{state} is not a state of this automaton, which has {self.states} so far")
        return False

    def forced_bytes(self, state: int, limit: int = 4096) -> bytes:
        """Bytes with which every full match goes on from here, at most `limit` of them."""
        if self.is_dead(state):
            return b""
        out = np.empty(limit, np.uint8)
        return out[: self.run(k.forced, state, out, True)].tobytes()

    def drafted_bytes(self, state: int, limit: int = 4096) -> bytes:
        """Bytes with which every full match goes on that escapes no character of a JSON string without need."""
        if self.is_dead(state):
            return b""
        out = np.empty(limit, np.uint8)
        return out[: self.run(k.forced, state, out, False)].tobytes()

    def distance(self, state: int) -> int:
        """Length in bytes of the shortest completion. Raises GrammarError in the dead state."""
        if self.is_dead(state):
            raise GrammarError("the dead state has no completion")
        return self._of_state(layout.Q_DISTANCE, state)

    def _of_state(self, section: int, state: int) -> int:
        arena = self.arena  # once: another thread may put a larger one in its place, with other offsets
        return int(arena[arena[section] + state])

    def alias(self, state: int) -> int:
        """A state that allows the same next `horizon` bytes, the same for all counts far from their bounds."""
        return DEAD if self.is_dead(state) else self.run(aliases.alias, state)


def _use_kernels() -> None:
    """Call every kernel of the engine once."""
    network = Network()
    body = network.rule()
    network.literal(body.start, b"a", body.end)
    network.repeat(network.main.start, body, network.main.end, 1, 1000)
    engine = Engine(network.build(), horizon=4)
    engine.drafted_bytes(engine.alias(engine.advance(engine.start, b"aa")))
    engine.run(aliases.relax, engine.step(engine.start, 97))
