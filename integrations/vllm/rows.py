"""The rows of a batch that are sampled with weights, host-independent: histories in, forced tokens out.

A row's state is that of the tokens it has, and its random numbers are those of its seed and position, whatever its
neighbours are and however often it is asked. Only "head-tail" looks at more: it takes a mask where one is remembered,
so its draws depend on what was asked of the grammar before (their weights are proper either way).
"""

from __future__ import annotations

import logging
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ... import grammars
from ...decoding import Draws, Tester, Vocabulary, step_sampler, tester
from ...decoding.masker import DEAD, FINISHED
from ...decoding.sampling.uniforms import Uniforms
from ...decoding.smc.ending import ForcedEnd
from . import counts
from .request import Request
from .weights import Drawn, Weights, of_request

logger = logging.getLogger(__name__)

DEAD_SCORE = -9999.0
"""What stands for the log weight -inf in scores; vLLM writes -inf so in its responses, too."""
_END = "end"  # in place of a sampler's name
_testers: weakref.WeakValueDictionary[tuple[int, str], Tester] = weakref.WeakValueDictionary()


class Row:
    """One request."""

    def __init__(self, request: Request, vocabulary: Vocabulary, temperature: float, seed: Sequence[int]) -> None:
        key = (id(request.constraint), vocabulary.fingerprint)
        shared = _testers.get(key)
        if shared is None:
            shared = _testers[key] = tester(request.constraint, vocabulary)
        self.constraint = request.constraint  # kept, so that its id stays taken
        self.tester = shared
        self.sampler = request.sampler
        self.temperature = temperature
        self.weights: Weights | None = None if request.name is None else of_request(request.name)
        self.last = request.last
        self._after = list(request.after)
        self._seed = seed
        self._history: list[int] = []  # with the tokens of the answer that the prompt has
        self._state = shared.start

    def follow(self, history: Sequence[int]) -> int:
        """State after the tokens of the answer so far."""
        known = len(self._history)
        history = [*self._after, *history] if self._after else history
        if list(history[:known]) != self._history:
            self._history, self._state, known = [], self.tester.start, 0
        for token in history[known:]:
            if self._state not in (DEAD, FINISHED):
                inside = 0 <= token < self.tester.vocabulary.size
                self._state = self.tester.accept(self._state, token) if inside else DEAD
            self._history.append(token)
        return self._state

    def must_end(self) -> bool:
        """Whether nothing but EOS may follow."""
        return self.last is not None and len(self._history) >= self.last

    def generator(self) -> np.random.Generator:
        """Random numbers for the next draw."""
        return np.random.default_rng([*self._seed, len(self._history)])

    def record(self, state: int, token: int, log_weight: float, evaluations: int) -> None:
        """Keep a draw."""
        if self.weights is not None:
            after = DEAD if token < 0 else self.tester.accept(state, token)
            complete = after != DEAD and (after == FINISHED or self.tester.is_accepting(after))
            self.weights.draws[len(self._history)] = Drawn(token, log_weight, evaluations, complete)


class _EachItsOwn(Uniforms):
    """Random numbers from a generator for each row."""

    def __init__(self, generators: Sequence[np.random.Generator]) -> None:
        self._generators = generators

    def uniform(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """See Uniforms."""
        return np.array([self._generators[row].random() for row in rows.tolist()])


def draw(logits: torch.Tensor, places: Sequence[int], rows: Sequence[Row], histories: Sequence[Sequence[int]]) -> None:
    """Force the next token of rows: `logits` (float32 [n, width]) is written at the given places.

    A row becomes minus infinity but for one token, whose score is its log weight times the temperature: with
    vLLM's logprobs mode "processed_logits" the log weight is what a response shows. A row that is dead, that has ended,
    or whose constraint fails goes on with EOS.
    """
    groups: dict[tuple[Any, ...], list[int]] = {}
    states: list[int] = []
    for i, (row, history) in enumerate(zip(rows, histories, strict=True)):
        try:
            state = row.follow(history)
        except Exception as error:  # of a user's predicate, or a budget: its own request ends
            state = DEAD
            _fail(row, error)
        states.append(state)
        if state == DEAD:
            row.record(state, -1, -np.inf, 0)
        if state in (DEAD, FINISHED):
            _force(logits, places[i], row, None)
        elif row.must_end():
            groups[row.temperature, _END, i] = [i]  # alone: it picks among several EOS by its own random numbers
        else:
            groups.setdefault((row.temperature, row.sampler, id(row.tester)), []).append(i)
    for (temperature, name, _), members in groups.items():
        scaled = logits[list(map(places.__getitem__, members))]
        if temperature != 1:
            scaled = scaled / temperature
        _draw_alike(
            logits,
            scaled,
            [places[i] for i in members],
            [rows[i] for i in members],
            np.array([states[i] for i in members], np.int64),
            name,
        )


def use_kernels() -> None:
    """Draw once, so that kernels are compiled or loaded before the first request needs them."""
    vocabulary = Vocabulary.from_bytes([b"a", b"b", b"c", None], eos_token_ids=[3])
    constraint = grammars.regex("[ab]{2}")
    for sampler in ("head-tail", "masked", "awrs"):
        draw(torch.zeros(1, 4), [0], [Row(Request(constraint, sampler, None, None), vocabulary, 1.0, [0])], [[]])


def _draw_alike(
    logits: torch.Tensor,
    scaled: torch.Tensor,
    places: Sequence[int],
    rows: Sequence[Row],
    states: NDArray[np.int64],
    name: str,
) -> None:
    """Draw for rows of one tester, sampler and temperature; one after the other where they fail together."""
    sampler: Any = ForcedEnd() if name == _END else step_sampler(name)
    generators = [row.generator() for row in rows]
    generator = generators[0] if name == _END else _EachItsOwn(generators)
    try:
        draws: Draws = sampler(scaled, rows[0].tester, states, generator)
    except Exception as error:
        if len(rows) == 1:
            _fail(rows[0], error)
            rows[0].record(DEAD, -1, -np.inf, 0)
            _force(logits, places[0], rows[0], None)
            return
        for i, row in enumerate(rows):
            _draw_alike(logits, scaled[i : i + 1], places[i : i + 1], [row], states[i : i + 1], name)
        return
    counts.add("constraint_evaluations", int(draws.evaluations.sum()))
    for place, row, state, token, weight, evaluations in zip(
        places,
        rows,
        states.tolist(),
        draws.tokens.tolist(),
        draws.log_weights.tolist(),
        draws.evaluations.tolist(),
        strict=True,
    ):
        row.record(state, token, weight if token >= 0 else -np.inf, evaluations)
        _force(logits, place, row, (token, weight) if token >= 0 else None)


def _force(logits: torch.Tensor, place: int, row: Row, drawn: tuple[int, float] | None) -> None:
    """Leave one token in a row of scores; None is a dead or ended one."""
    token, weight = drawn or (row.tester.vocabulary.eos_token_ids[0], DEAD_SCORE)
    logits[place] = -torch.inf
    logits[place, token] = weight * row.temperature


def _fail(row: Row, error: Exception) -> None:
    logger.error("%r failed, so its request ends: %s", row.constraint, error)
    if row.weights is not None:
        row.weights.error = str(error)
