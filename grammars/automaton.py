"""The protocol through which everything else sees a grammar: a deterministic automaton over bytes.

States are plain integers, immutable and hash-consed: equal integers mean equal futures as far as the engine knows,
so rollback, forking, beams and speculation need nothing but keeping the integer. `DEAD` is the one state from which
no completion exists.

Laws, tested for every implementation:
  - `advance(q, x + y) == advance(advance(q, x), y)` and `advance(q, b"") == q`;
  - `is_dead(q)` exactly when no byte string leads from q to an accepting state;
  - `is_accepting(advance(start, x))` exactly when x is in the language;
  - every accepting continuation of q begins with `forced_bytes(q)`.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

DEAD = -1


@runtime_checkable
class Automaton(Protocol):
    """A lazy deterministic automaton over bytes."""

    @property
    def start(self) -> int:
        """State of the empty prefix."""

    def step(self, state: int, byte: int) -> int:
        """State after one more byte (0..255); `DEAD` when no completion is left."""

    def advance(self, state: int, data: bytes) -> int:
        """State after the bytes of `data`."""

    def is_accepting(self, state: int) -> bool:
        """Whether the bytes read so far are a full match."""

    def is_dead(self, state: int) -> bool:
        """Whether no continuation at all leads to a full match."""

    def forced_bytes(self, state: int) -> bytes:
        """Longest byte string with which every full match must go on from here."""
