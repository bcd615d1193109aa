"""Several words found at once in free bytes: the automaton of Aho and Corasick (1975), and its emission."""

from __future__ import annotations

from collections.abc import Sequence

from .errors import GrammarError
from .grammar import Grammar
from .network import Network


class Search:
    """The automaton that finds the first of some words to end. State 0 is the start.

    Attributes:
        rows: for each state the next state after each of the 256 bytes; -1 - i where word i has been found.
        words: how many there are.

    Raises GrammarError where a word can never be the first, for it holds another one.
    """

    def __init__(self, words: Sequence[bytes]) -> None:
        children: list[dict[int, int]] = [{}]
        ends: dict[int, int] = {}
        for number, word in enumerate(words):
            state = 0
            for byte in word:
                if byte not in children[state]:
                    children[state][byte] = len(children)
                    children.append({})
                state = children[state][byte]
            ends[state] = number
        for number, word in enumerate(words):
            for other in words:
                if other in word and other != word:
                    raise GrammarError(f"{words[number].decode()!r} is never found first: it holds {other.decode()!r}")
        rows: list[list[int]] = [[] for _ in children]
        borders = {0: 0}
        queue = [0]
        for state in queue:  # by rising depth, so that the row of the border is there
            border = borders[state]
            row = list(rows[border]) if state else [0] * 256
            for byte, child in children[state].items():
                borders[child] = row[byte] if state else 0
                row[byte] = -1 - ends[child] if child in ends else child
                queue.append(child)
            rows[state] = row
        self.rows = rows
        self.words = len(words)


def add_search(network: Network, search: Search, targets: Sequence[int | None]) -> list[int]:
    """Add the states as nodes, which are returned; finding word i leads to `targets[i]`, or nowhere (None)."""
    nodes = [network.node() for _ in search.rows]
    for node, row in zip(nodes, search.rows, strict=True):
        for first, last, target in _runs(row):
            to = nodes[target] if target >= 0 else targets[-1 - target]
            if to is not None:
                network.edge(node, first, last, to)
    return nodes


def searched(search: Search, word: int | None) -> Grammar:
    """Texts that end with the first word found in them, which is the given one; with None texts in which none is."""

    def emit(network: Network, a: int, b: int) -> None:
        nodes = add_search(network, search, [b if place == word else None for place in range(search.words)])
        network.epsilon(a, nodes[0])
        if word is None:
            for node in nodes:
                network.epsilon(node, b)

    return Grammar(emit, "free text")


def _runs(row: list[int]) -> list[tuple[int, int, int]]:
    """Maximal ranges of bytes with the same target: (first, last, target)."""
    runs: list[tuple[int, int, int]] = []
    for byte, target in enumerate(row):
        if runs and runs[-1][2] == target:
            runs[-1] = (runs[-1][0], byte, target)
        else:
            runs.append((byte, byte, target))
    return runs
