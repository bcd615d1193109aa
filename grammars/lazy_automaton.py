"""Automata in Python whose states are descriptions, numbered as they are met."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Hashable
from typing import Generic, TypeVar

from .automaton import DEAD
from .errors import BudgetExceeded, GrammarError

Description = TypeVar("Description", bound=Hashable)


class LazyAutomaton(ABC, Generic[Description]):
    """The part of `Automaton` that does not depend on what a state is. States may be kept and shared by threads.

    limit: how many states are made before BudgetExceeded.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._states: list[Description] = []
        self._known: dict[Description, int] = {}
        self._steps: dict[int, int] = {}
        self._lock = threading.RLock()

    @abstractmethod
    def _following(self, state: int, byte: int) -> int:
        """The state after one more byte, worked out; asked once, with the lock held."""

    @abstractmethod
    def is_accepting(self, state: int) -> bool:
        """See `Automaton.is_accepting`."""

    def _intern(self, description: Description) -> int:
        known = self._known.get(description)
        if known is None:
            if len(self._states) >= self.limit:
                raise BudgetExceeded(f"this grammar has made {self.limit} states; make a new one, or raise states=")
            known = self._known[description] = len(self._states)
            self._states.append(description)
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
                following = self._steps[state << 8 | byte] = self._following(state, byte)
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

    def is_dead(self, state: int) -> bool:
        """See `Automaton.is_dead`. Raises GrammarError for an integer that is no state."""
        if state == DEAD:
            return True
        if not 0 <= state < len(self._states):
            raise GrammarError(f"{state} is not a state of this automaton, which has {len(self._states)} so far")
        return False

    def forced_bytes(self, state: int, limit: int = 256) -> bytes:
        """See `Automaton.forced_bytes`; at most `limit`. Upper and lower case are two ways."""
        forced = bytearray()
        while not self.is_dead(state) and not self.is_accepting(state) and len(forced) < limit:
            ways: list[tuple[int, int]] = []
            for byte in range(256):
                following = self.step(state, byte)
                if following != DEAD:
                    if ways:
                        return bytes(forced)
                    ways.append((byte, following))
            if not ways:
                break
            forced.append(ways[0][0])
            state = ways[0][1]
        return bytes(forced)
