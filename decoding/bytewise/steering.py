"""Texts from a model of bytes that an automaton steers, byte by byte and without a mask over tokens.

Each byte b is drawn from q(b) in proportion to P(b | x) where the automaton stays alive, and the sum Z(x) of these
probabilities is the step's weight: E[w f(text)] over these draws is the expectation of f over the model's own texts
that the automaton accepts, so the weights are those of sequential Monte Carlo, and their mean estimates the evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...grammars import Grammar
from ...grammars.automaton import Automaton
from ...grammars.scoped import Scoped
from ..errors import DecodingError, NoCover
from .byte_model import ByteModel
from .frontier import EOS
from .masses import log_sum
from .prefixes import Prefix
from .state import ByteState
from .temperature import check_byte_temperature, tempered
from .tree import Logprobs


class SteeredText(NamedTuple):
    """One text."""

    text: bytes
    log_weight: float
    """Sum of the log normalisers of its steps; -inf where it could not go on."""
    complete: bool
    """Whether the model ended it, in an accepting state; else it was cut at `max_bytes`."""


class Steering:
    """An automaton's say on next symbols. `automaton`: any `Automaton`, or what has one, such as a Grammar. Raises
    DecodingError for anything else."""

    def __init__(self, automaton: Automaton | Grammar | Scoped) -> None:
        found = automaton.automaton if isinstance(automaton, Grammar | Scoped) else automaton
        if not isinstance(found, Automaton):
            raise DecodingError(f"a Grammar or another Automaton over bytes steers, not {type(automaton).__name__}")
        self.automaton: Automaton = found
        self._alive: dict[int, NDArray[np.bool_]] = {}

    def alive(self, state: int) -> NDArray[np.bool_]:
        """bool [257], remembered: bytes after which the text can still be completed, and whether it may end."""
        found = self._alive.get(state)
        if found is None:
            step, dead = self.automaton.step, self.automaton.is_dead
            found = np.array([*(not dead(step(state, b)) for b in range(256)), self.automaton.is_accepting(state)])
            self._alive[state] = found
        return found

    def proposal(self, symbols: Logprobs, state: int) -> tuple[Logprobs, float]:
        """From log-probabilities [257] the normalised log q [257], and the log of what was divided by (-inf, and q all
        -inf, where nothing is left)."""
        kept = np.where(self.alive(state), symbols, -np.inf)
        total = log_sum(kept)
        return (kept if total == -np.inf else kept - total), total


def steer(
    model: ByteModel,
    automaton: Automaton | Grammar | Scoped,
    prefix: Prefix = b"",
    *,
    n: int = 1,
    max_bytes: int = 256,
    byte_temperature: float = 1.0,
    generator: np.random.Generator | int | None = None,
) -> list[SteeredText]:
    """Draw n texts that follow a prefix, steered by an automaton, with calls of the model in common.

        letterless = steer(ByteModel(model, tokenizer), grammars.regex("[^e]*"), "Once there was", generator=0)

    Args:
        automaton: what the bytes after the prefix must match: a Grammar, `grammars.sql`, or any Automaton.
        n: number of texts.
        max_bytes: after which a text is cut off, not complete.
        byte_temperature: of the next byte: the 257 log-probabilities are divided by it and normalised, byte by byte,
            before the automaton has its say; the weights are then those of texts drawn so. The `temperature` of a
            ByteModel is that of tokens, which gives other texts: one of the two must be 1. It takes eps 0.
        generator: of numpy, or its seed.

    Where the model's eps has left out all that the automaton allows, that step is evaluated exactly.

    Raises DecodingError for wrong arguments, and what `ByteModel.start` raises.
    """
    if n < 1 or max_bytes < 1:
        raise DecodingError(f"n and max_bytes must be at least 1, not {n} and {max_bytes}")
    check_byte_temperature(byte_temperature, model.temperature, model.eps)
    rng = np.random.default_rng(generator)
    steering = Steering(automaton)
    first = model.start(prefix)
    states = [first.fork() for _ in range(n)]
    places = [steering.automaton.start] * n
    texts, weights = [b""] * n, [0.0] * n
    complete = [False] * n
    running = list(range(n))
    for _ in range(max_bytes):
        if not running:
            break
        still = []
        for i, symbols in zip(running, _symbols(model, [states[i] for i in running]), strict=True):
            logq, total = steering.proposal(tempered(symbols, byte_temperature), places[i])
            if total == -np.inf and model.eps > 0:  # what the automaton wants may be among what was left out
                (symbols,) = _symbols(model, [states[i]], 0.0)
                logq, total = steering.proposal(symbols, places[i])
            weights[i] += total
            if total == -np.inf:
                continue
            chances = np.exp(logq)
            symbol = int(rng.choice(257, p=chances / chances.sum()))
            if symbol == EOS:
                complete[i] = True
                continue
            texts[i] += bytes([symbol])
            places[i] = steering.automaton.step(places[i], symbol)
            states[i].advance(symbol)
            still.append(i)
        running = still
    return [SteeredText(*found) for found in zip(texts, weights, complete, strict=True)]


def _symbols(model: ByteModel, states: Sequence[ByteState], eps: float | None = None) -> list[Logprobs]:
    """Distributions of next symbols; all -inf for a state after which nothing has a probability above zero."""
    try:
        return model.next_bytes(states, eps)
    except NoCover:
        found = []
        for state in states:
            try:
                found += model.next_bytes([state], eps)
            except NoCover:
                found.append(np.full(257, -np.inf))
        return found
