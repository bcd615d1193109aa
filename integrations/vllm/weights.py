"""The weights of requests that were sampled with weights: written by `Constrain`, step by step, read by `weights`.

Entries are keyed by request and position and overwritten, never added to: vLLM computes positions again after
preemption, and asks about prompts that it has read only in part.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...decoding import DecodingError

_MOST = 1 << 14  # requests that are remembered


class Drawn(NamedTuple):
    """One draw."""

    token: int
    """-1 where no allowed token was found: the row is dead, and ended by force."""
    log_weight: float
    """Logarithm of the weight of this draw; -inf where it is dead."""
    evaluations: int
    """Evaluations of the constraint."""
    complete: bool
    """Whether the text is complete after it."""


class Weights:
    """Draws of one request by position (0 is the first token of the answer)."""

    def __init__(self) -> None:
        self.draws: dict[int, Drawn] = {}
        self.error = ""
        """Why the request was ended, where its constraint failed."""

    @property
    def evaluations(self) -> int:
        """Evaluations of the constraint in all draws."""
        return sum(draw.evaluations for draw in self.draws.values())

    def log_weight(self, tokens: Sequence[int]) -> float:
        """Log weight of an answer (all its token ids, EOS included): the sum over its draws, and -inf where a draw is
        dead or the text is not complete.

        Raises DecodingError where these are not the tokens that were drawn.
        """
        total = 0.0
        for position, token in enumerate(tokens):
            draw = self.draws.get(position)
            if draw is None or (token != draw.token and draw.token >= 0):
                drawn = "nothing" if draw is None else f"token {draw.token}"
                raise DecodingError(f"token {token} stands at {position}, where {drawn} was drawn")
            total += draw.log_weight
        return total if tokens and self.draws[len(tokens) - 1].complete else -np.inf


_table: OrderedDict[str, Weights] = OrderedDict()
_lock = threading.Lock()


def weights(name: str) -> Weights:
    """The weights of the request with this id, kept in the process of the engine; the latest 16,384 are remembered.

    Raises DecodingError for an unknown one: where the engine runs in another process, read the weights off the
    logprobs (`python -m bytebound.integrations.vllm --weights`).
    """
    with _lock:
        if name not in _table:
            raise DecodingError(f"no weights of a request with id {name!r} are kept in this process")
        return _table[name]


def of_request(name: str) -> Weights:
    """The entry of a request, made if need be."""
    with _lock:
        entry = _table.setdefault(name, Weights())
        _table.move_to_end(name)
        if len(_table) > _MOST:
            _table.popitem(last=False)
        return entry
