"""The search for the spellings of a finite choice: heaviest prefixes first, in cached waves (see `choices.py`).

A prefix of spellings whose probability is m bounds by m what all spellings below it add. Evaluating one needs a context
of the model, and a cache only ever goes on from its rows; so a wave starts from the prompts, goes down past the
ancestors of the prefixes that are its targets, and on to what is heavy enough below them.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .errors import DecodingError
from .language_model import LanguageModel
from .smc.resampling import log_sum
from .spellings import Spellings, State, Steps

Node = tuple[int, ...]

_REACH = math.log(1e3)  # a wave goes down to this share of the heaviest prefix while nothing has been found


class Search:
    """What is known of one prompt: the mass found of each option, and the prefixes that are not evaluated.

    Args:
        prompt: token ids.
        spellings: of the options.
        options: their number.
        tolerance: as in `choice_probabilities`, as is max_contexts.
    """

    def __init__(
        self, prompt: Sequence[int], spellings: Spellings, options: int, tolerance: float, max_contexts: int
    ) -> None:
        self.prompt = prompt
        self.found = np.full(options, -np.inf)
        """[options] logarithms of masses."""
        self.contexts = 0
        """Contexts evaluated."""
        self._spellings = spellings
        self._log_tolerance = math.log(tolerance) if tolerance > 0 else -math.inf
        self._max_contexts = max_contexts
        self._open: dict[Node, tuple[State, float]] = {(): (spellings.start, 0.0)}

    def log_unexplored(self) -> float:
        """Logarithm of a bound on the mass that is not found yet."""
        return log_sum(np.array([mass for _, mass in self._open.values()]))

    def is_done(self) -> bool:
        """Whether the tolerance is reached. Raises DecodingError where the contexts are used up before."""
        left, total = self.log_unexplored(), log_sum(self.found)
        if left <= self._log_tolerance + total:
            return True
        if self.contexts >= self._max_contexts:
            raise DecodingError(
                f"max_contexts={self._max_contexts} contexts were evaluated, and a mass of {math.exp(total):.3g} was "
                f"found; up to {math.exp(left):.3g} is unexplored: allow more contexts, or a tolerance"
            )
        return False

    def plan(self, room: int) -> tuple[float, dict[int, list[Node]]]:
        """The mass from which a prefix is worth evaluating now, and by length the prefixes that a wave must pass: at
        most `room` of each length."""
        total = log_sum(self.found)
        if self._log_tolerance == -math.inf:
            least = -math.inf
        elif total == -math.inf:
            least = max(mass for _, mass in self._open.values()) - _REACH
        else:  # all prefixes below this, as many as there are now, are within half the tolerance
            least = self._log_tolerance + total - math.log(2 * len(self._open))
        targets = heapq.nlargest(room, self._open, key=lambda node: self._open[node][1])
        heavy = [node for node in targets if self._open[node][1] >= least] or targets[:1]
        passed = sorted({node[:k] for node in heavy for k in range(len(node) + 1)})
        by_length = defaultdict(list)
        for node in passed:
            by_length[len(node)].append(node)
        return least, by_length

    def steps(self, node: Node) -> Steps | None:
        """What may follow a prefix that was not evaluated before; None for others."""
        return self._spellings.steps(self._open[node][0]) if node in self._open else None

    def expand(self, node: Node, steps: Steps, logprobs: NDArray[np.float64]) -> list[tuple[float, Node]]:
        """Take the log-probabilities of `steps.tokens` after `node`; the longer prefixes and their masses come back."""
        masses = self._open.pop(node)[1] + logprobs
        k = len(steps.targets)
        np.logaddexp.at(self.found, steps.completed, masses[k:])
        children = []
        for token, state, mass in zip(steps.tokens[:k].tolist(), steps.targets, masses[:k].tolist(), strict=True):
            if mass > -math.inf:
                child = (*node, token)
                self._open[child] = (state, mass)
                children.append((mass, child))
        return children

    def left(self) -> int:
        """Contexts that may still be evaluated."""
        return self._max_contexts - self.contexts


def wave(model: LanguageModel, searches: Sequence[Search], max_rows: int) -> None:
    """One pass down the prefixes of all searches, which are not done, with at most `max_rows` rows."""
    room = max(1, max_rows // len(searches))
    plans = [search.plan(room) for search in searches]
    batch = model.open([search.prompt for search in searches])
    rows: list[tuple[int, Node]] = [(i, ()) for i in range(len(searches))]
    while True:
        children = _evaluate(searches, rows, batch.logprobs)
        places = {row: place for place, row in enumerate(rows)}
        following: list[tuple[int, Node]] = []
        length = len(rows[0][1]) + 1
        for i, (search, (least, passed)) in enumerate(zip(searches, plans, strict=True)):
            nodes = [node for node in passed.get(length, []) if (i, node[:-1]) in places]
            new = [child for child in children[i] if child[0] >= least]
            nodes += [node for _, node in heapq.nlargest(room - len(nodes), new)]
            following += [(i, node) for node in nodes[: search.left()]]
        if not following:
            return
        batch.extend([places[i, node[:-1]] for i, node in following], [node[-1] for _, node in following])
        rows = following


def _evaluate(
    searches: Sequence[Search], rows: list[tuple[int, Node]], logprobs: torch.Tensor
) -> dict[int, list[tuple[float, Node]]]:
    """Expand the prefixes in `rows` that were not evaluated before; their children come back by search."""
    fresh = []
    for place, (i, node) in enumerate(rows):
        searches[i].contexts += 1
        steps = searches[i].steps(node)
        if steps is not None:
            fresh.append((place, i, node, steps))
    children: dict[int, list[tuple[float, Node]]] = defaultdict(list)
    if not fresh:
        return children
    lengths = [len(steps.tokens) for _, _, _, steps in fresh]
    places = np.repeat([place for place, _, _, _ in fresh], lengths)
    tokens = np.concatenate([steps.tokens for _, _, _, steps in fresh])
    device = logprobs.device
    index: Any = torch.from_numpy(places).to(device), torch.from_numpy(tokens).to(device)
    values = logprobs[index].double().cpu().numpy()
    for (_, i, node, steps), part in zip(fresh, np.split(values, np.cumsum(lengths)[:-1]), strict=True):
        children[i] += searches[i].expand(node, steps, part)
    return children
