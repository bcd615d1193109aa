"""Budgets: what one grammar may cost, so that a hostile one ends in an error and never in a hang."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Budget:
    """Limits of one grammar; what passes one raises BudgetExceeded.

    Attributes:
        nodes: nodes of the network that a grammar is compiled to.
        seconds: time to build that network.
        states: states of the automaton while it runs.
        memory: bytes of states, stacks and transitions.
        configurations: configurations of the network in one state (ambiguity).
    """

    nodes: int = 1 << 21
    seconds: float = 30.0
    states: int = 1 << 21
    memory: int = 1 << 29
    configurations: int = 1 << 18
