"""States of token prefixes: what makes a processor independent of how often, and in which order, it is called."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

Tokens = NDArray[np.int64]
Accept = Callable[[int, int, int], int]

KEPT = 64  # lengths whose states are remembered; what is older is walked again from the prompt


class Prefixes:
    """The states of one generation: a function of the tokens after the prompt, remembered for the latest lengths.

    Beam search permutes rows, assisted decoding repeats and shortens them, drafts branch off: all of them ask again
    for prefixes, and none of them depends on what was asked before.

    Args:
        prompts: tokens [n, length] of the first call, left padding included; int tensor on any device.
        starts: for each row, the number of its constraint and its start state.
        accept: (number of the constraint, state, token) -> state.
    """

    def __init__(self, prompts: torch.Tensor, starts: Sequence[tuple[int, int]], accept: Accept) -> None:
        self.prompts = prompts.detach().clone()
        self.length = prompts.shape[1]
        self.longest = 0  # tokens after the prompt
        self._starts = starts
        self._accept = accept
        self._levels: dict[int, dict[tuple[int, bytes], int]] = {}

    def states(self, generated: Tokens) -> list[int]:
        """States of the rows of `generated`, the tokens [n, length] after the prompt."""
        length = generated.shape[1]
        self.longest = max(self.longest, length) if length else 0
        level = self._levels.setdefault(length, {})
        parents = self._levels.get(length - 1, {})
        states = []
        for (number, start), row in zip(self._starts, generated, strict=True):
            key = (number, row.tobytes())
            state = level.get(key)
            if state is None:
                parent = parents.get((number, key[1][: -row.itemsize])) if length else start
                if parent is None:
                    state = start
                    for token in row.tolist():
                        state = self._accept(number, state, token)
                else:
                    state = self._accept(number, parent, int(row[-1])) if length else start
                level[key] = state
            states.append(state)
        if len(self._levels) > 2 * KEPT:
            self._levels = {n: level for n, level in self._levels.items() if n >= length - KEPT}
        return states

    def follows(self, tokens: torch.Tensor) -> bool:
        """Whether rows [n, prompt and generated] begin with these prompts and are longer than before by one at most."""
        return (
            tokens.shape[0] == self.prompts.shape[0]
            and self.length <= tokens.shape[1] <= self.length + self.longest + 1
            and torch.equal(tokens[:, : self.length], self.prompts)
        )

    def known(self, generated: Tokens) -> list[int] | None:
        """States of rows whose last token follows a remembered prefix; None where one does not."""
        if generated.shape[1] == 0:
            return [start for _, start in self._starts]
        parents = self._levels.get(generated.shape[1] - 1, {})
        states = []
        for (number, _), row in zip(self._starts, generated, strict=True):
            parent = parents.get((number, row[:-1].tobytes()))
            if parent is None:
                return None
            states.append(self._accept(number, parent, int(row[-1])))
        return states


def to_array(tokens: torch.Tensor) -> Tokens:
    """A tensor of token ids as an int64 array on the host."""
    array: Tokens = tokens.detach().cpu().numpy().astype(np.int64, copy=False)
    return array
