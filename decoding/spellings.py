"""The ways in which tokens spell the options of a finite choice, as a graph that `choices.py` walks.

The texts that are prefixes of options are the nodes of a directed acyclic graph whose edges are tokens; the spellings
of an option are its paths (the covers of Phan et al. 2024, for a finite set of strings).
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from .vocabulary import Vocabulary

State = bytes | tuple[int, ...]


class Steps(NamedTuple):
    """What may follow one node."""

    tokens: NDArray[np.int64]
    """[k + m] ids to read the probabilities of: first those that lead on, then those that complete an option."""
    targets: list[State]
    """[k] nodes that the first k lead to."""
    completed: NDArray[np.int64]
    """[m] which option the others complete; an option may be completed by several."""


class Spellings(Protocol):
    """The spellings of options."""

    start: State

    def steps(self, state: State) -> Steps:
        """What may follow a node."""


class AllSpellings:
    """Every way to spell the options.

    Args:
        options: distinct byte strings; where `end` is "text", none of them a prefix of another.
        end: "eos": an option and then an EOS token; "text": any token string whose text begins with the option, the
            last of them running over its end or not.
    """

    start: State = b""

    def __init__(self, vocabulary: Vocabulary, options: Sequence[bytes], end: str) -> None:
        self._vocabulary = vocabulary
        self._options = options
        self._over = end == "text"
        self._known: dict[State, Steps] = {}

    def steps(self, state: State) -> Steps:
        assert isinstance(state, bytes)
        if state not in self._known:
            self._known[state] = self._make(state)
        return self._known[state]

    def _make(self, text: bytes) -> Steps:
        onward: dict[int, State] = {}
        hits: list[tuple[int, int]] = []
        order = self._vocabulary.trie.order
        for number, option in enumerate(self._options):
            if option == text and not self._over:
                hits += [(token, number) for token in self._vocabulary.eos_token_ids]
            if len(option) <= len(text) or not option.startswith(text):
                continue
            low, high = 0, len(order)
            for k in range(len(text) + 1, len(option) + 1):
                low, high = self._narrow(option[len(text) : k], low, high)
                if k == len(option) and self._over:
                    hits += [(token, number) for token in order[low:high].tolist()]
                else:  # of the tokens that begin so, those that end here come first
                    for token in order[low:high].tolist():
                        if len(self._vocabulary.token_bytes(token)) > k - len(text):
                            break
                        onward[token] = option[:k]
                if low == high:
                    break
        return _steps(onward, hits)

    def _narrow(self, begin: bytes, low: int, high: int) -> tuple[int, int]:
        """The part of the interval [low, high) of the sorted tokens that begins so."""
        order, token_bytes = self._vocabulary.trie.order, self._vocabulary.token_bytes
        low = bisect.bisect_left(order, begin, low, high, key=token_bytes)
        return low, bisect.bisect_right(order, begin, low, high, key=lambda i: token_bytes(i)[: len(begin)])


class OneSpelling:
    """One spelling of each option, such as the tokenizer's.

    Args:
        spellings: distinct and not empty; where `end` is "text", none of them a prefix of another.
    """

    start: State = ()

    def __init__(self, vocabulary: Vocabulary, spellings: Sequence[tuple[int, ...]], end: str) -> None:
        self._spellings = spellings
        self._eos = None if end == "text" else vocabulary.eos_token_ids

    def steps(self, state: State) -> Steps:
        assert isinstance(state, tuple)
        onward: dict[int, State] = {}
        hits: list[tuple[int, int]] = []
        for number, spelling in enumerate(self._spellings):
            if spelling == state and self._eos is not None:
                hits += [(token, number) for token in self._eos]
            elif len(spelling) > len(state) and spelling[: len(state)] == state:
                token = spelling[len(state)]
                if self._eos is None and len(spelling) == len(state) + 1:
                    hits.append((token, number))
                else:
                    onward[token] = (*state, token)
        return _steps(onward, hits)


def _steps(onward: dict[int, State], hits: list[tuple[int, int]]) -> Steps:
    tokens = np.array([*onward, *(token for token, _ in hits)], np.int64)
    return Steps(tokens, list(onward.values()), np.array([number for _, number in hits], np.int64))
