"""Contexts of a language model as a tree, so that covers of a text share what they have in common.

A `Node` is a context; a host may keep its keys and values for as long as the node or one that follows from it lives,
and evaluate any number of nodes in one call. The tree here keeps nothing and serves every `LanguageModel`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ..language_model import LanguageModel

Logprobs = NDArray[np.float64]


class Node:
    """A context of `length` tokens in a tree. `slot` is for the tree's own use."""

    __slots__ = ("__weakref__", "length", "slot", "tree")

    def __init__(self, tree: TokenTree, length: int, slot: Any) -> None:
        self.tree = tree
        self.length = length
        self.slot = slot


class Opened(NamedTuple):
    """A new context."""

    node: Node
    logprobs: Logprobs
    """[vocabulary] log-probabilities of the next token."""
    scores: Logprobs
    """[scored] log-probabilities of its last tokens, each after those before it."""


class Asked(NamedTuple):
    """A context to open, and a tree of tokens after it: places of their parents, -1 for the context, and ids."""

    context: Sequence[int]
    parents: Sequence[int]
    tokens: Sequence[int]


Grown = tuple[Opened, list[Node], Logprobs]
"""What opening one gives: the context, the nodes of the tree, and log-probabilities [n, vocabulary] after each."""


class TokenTree(ABC):
    """Contexts that grow by tokens."""

    shares = False
    """Whether several contexts in one call of `extend` cost little more than one."""

    @abstractmethod
    def open(self, context: Sequence[int], scored: int = 0) -> Opened:
        """Evaluate a whole context; `scored` (less than its length) is the number of its last tokens to score."""

    def open_tree(self, asked: Asked) -> Grown:
        """`open` a context, and `extend` it; in one call of the model where the tree can do that."""
        opened = self.open(asked.context)
        if not asked.tokens:
            return opened, [], opened.logprobs[None][:0]
        nodes, rows = self.extend([opened.node if place < 0 else place for place in asked.parents], asked.tokens)
        return opened, nodes, rows

    def open_trees(self, asked: Sequence[Asked]) -> list[Grown]:
        """`open_tree` of several; in one call of the model where the tree can do that."""
        return [self.open_tree(each) for each in asked]

    @abstractmethod
    def extend(self, parents: Sequence[Node | int], tokens: Sequence[int]) -> tuple[list[Node], Logprobs]:
        """Nodes with one token more, and the log-probabilities [n, vocabulary] after each, in one call of the model.
        A parent given as an int is the node that this call makes at that place, which must be an earlier one."""


class UncachedTree(TokenTree):
    """Evaluates every context whole."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model

    def open(self, context: Sequence[int], scored: int = 0) -> Opened:
        """See TokenTree."""
        ids = list(context)
        rows = self._evaluate([ids[: len(ids) - k] for k in range(scored, -1, -1)])
        scores = np.array([rows[i, ids[len(ids) - scored + i]] for i in range(scored)], np.float64)
        return Opened(Node(self, len(ids), tuple(ids)), rows[-1], scores)

    def open_tree(self, asked: Asked) -> Grown:
        """See TokenTree."""
        return self.open_trees([asked])[0]

    def open_trees(self, asked: Sequence[Asked]) -> list[Grown]:
        """See TokenTree."""
        roots = [Node(self, len(each.context), tuple(each.context)) for each in asked]
        trees = [
            self._grown([root if place < 0 else place for place in each.parents], each.tokens)
            for root, each in zip(roots, asked, strict=True)
        ]
        rows = self._evaluate(
            [list(node.slot) for root, nodes in zip(roots, trees, strict=True) for node in (root, *nodes)]
        )
        ends = np.cumsum([1 + len(nodes) for nodes in trees])
        parts = np.split(rows, ends[:-1])
        return [
            (Opened(root, part[0], np.zeros(0)), nodes, part[1:])
            for root, nodes, part in zip(roots, trees, parts, strict=True)
        ]

    def extend(self, parents: Sequence[Node | int], tokens: Sequence[int]) -> tuple[list[Node], Logprobs]:
        """See TokenTree."""
        nodes = self._grown(parents, tokens)
        return nodes, self._evaluate([list(node.slot) for node in nodes])

    def _grown(self, parents: Sequence[Node | int], tokens: Sequence[int]) -> list[Node]:
        nodes: list[Node] = []
        for parent, token in zip(parents, tokens, strict=True):
            above = nodes[parent] if isinstance(parent, int) else parent
            nodes.append(Node(self, above.length + 1, (*above.slot, token)))
        return nodes

    def _evaluate(self, contexts: list[list[int]]) -> Logprobs:
        return to_float64(self._model.next_logprobs(contexts))


class TemperedTree(TokenTree):
    """Another tree, with the logits of every distribution divided by a temperature."""

    def __init__(self, tree: TokenTree, temperature: float) -> None:
        self._tree = tree
        self._temperature = temperature
        self.shares = tree.shares

    def open(self, context: Sequence[int], scored: int = 0) -> Opened:
        """See TokenTree."""
        ids = list(context)
        begin = len(ids) - scored
        opened = self._tree.open(ids[:begin])
        rows, node = self._cooled(opened.logprobs[None]), opened.node
        if scored:
            parents: list[Node | int] = [node, *range(scored - 1)]
            nodes, more = self._tree.extend(parents, ids[begin:])
            rows, node = np.concatenate([rows, self._cooled(more)]), nodes[-1]
        return Opened(node, rows[-1], rows[np.arange(scored), ids[begin:]])

    def open_trees(self, asked: Sequence[Asked]) -> list[Grown]:
        """See TokenTree."""
        found = self._tree.open_trees(asked)
        return [
            (opened._replace(logprobs=self._cooled(opened.logprobs[None])[0]), nodes, self._cooled(rows))
            for opened, nodes, rows in found
        ]

    def open_tree(self, asked: Asked) -> Grown:
        """See TokenTree."""
        return self.open_trees([asked])[0]

    def extend(self, parents: Sequence[Node | int], tokens: Sequence[int]) -> tuple[list[Node], Logprobs]:
        """See TokenTree."""
        nodes, rows = self._tree.extend(parents, tokens)
        return nodes, self._cooled(rows)

    def _cooled(self, rows: Logprobs) -> Logprobs:
        scaled = rows / self._temperature
        cooled: Logprobs = scaled - np.logaddexp.reduce(scaled, axis=1, keepdims=True)
        return cooled


def to_float64(logprobs: torch.Tensor) -> Logprobs:
    """Log-probabilities on the host, in float64."""
    array: Logprobs = logprobs.detach().to("cpu", torch.float64).numpy()
    return array


def tree_of(model: LanguageModel) -> TokenTree:
    """The tree that the model offers (a method `tree`), or one that evaluates contexts whole."""
    tree = getattr(model, "tree", None)
    if tree is None:
        return UncachedTree(model)
    made: TokenTree = tree()
    return made
