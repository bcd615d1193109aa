"""Parts of masks that are known for a vocabulary: which tokens are a word, digits, white space, what stands in quotes.

A `Part` is asked for below a node of the vocabulary's trie (where a text begun inside a token has led to): the tokens
there that lie within one lexeme, and the nodes from which others go on behind it. Parts do not depend on a
grammar's state, and are kept with the vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..grammars.scoped import BLANKS, DIGITS, LETTERS, Content, byte_set
from ..grammars.utf8 import follow
from . import lexeme_kernels as lk
from .mask_kernels import SiblingTrie

Nodes = tuple[int, ...]
Tokens = NDArray[np.int32] | NDArray[np.uint32]
_IN_WORDS = LETTERS | DIGITS
_NONE = np.empty(0, np.int32)
_SPARSE = 2048
_REMEMBERED = 1 << 16


class Part(NamedTuple):
    """Tokens, as ids (int32) or as a row (uint32), and the nodes to go on from, with what was read before them."""

    tokens: Tokens
    leaving: tuple[tuple[bytes, Nodes], ...] = ()


class Spread(NamedTuple):
    """What lies below some nodes."""

    children: dict[int, Nodes]
    """By their bytes."""
    bytes: int
    """The bytes, a set."""
    of_words: Nodes
    """Those of the nodes that have children with bytes of words."""
    of_blanks: Nodes
    """Those that have children with white space."""


class Lexemes:
    """The parts of one vocabulary.

    Args:
        trie: its sibling trie (see `mask_kernels.py`).
        words: cells of a row.
        depths: bytes of the longest token.
        text: bytes of a token.
    """

    def __init__(self, trie: SiblingTrie, words: int, depths: int, text: Callable[[int], bytes]) -> None:
        self.trie, self.words, self._text = trie, words, text
        self._stack = np.empty(4 * (depths + 2), np.int32)
        self._leaving = np.empty(1 << 12, np.int32)
        self._depth = {0: 0}
        self._children: dict[int, dict[int, int]] = {}
        self._spreads: dict[Nodes, Spread] = {}
        self._parts: dict[tuple[object, ...], Part] = {}
        self._tables: dict[tuple[object, ...], NDArray[np.int32]] = {}
        self._ids: dict[Nodes, NDArray[np.int32]] = {}

    def children(self, node: int) -> dict[int, int]:
        """The children of a node by their bytes."""
        known = self._children.get(node)
        if known is None:
            trie, first = self.trie, int(self.trie[node + 2])
            places = range(first, first + 4 * int(trie[node + 3]), 4)
            known = self._children[node] = {int(trie[place]) & 255: place for place in places}
            depth = self._depth[node] + 1
            self._depth.update((place, depth) for place in known.values())
        return known

    def spread(self, nodes: Nodes) -> Spread:
        """What lies below some nodes."""
        known = self._spreads.get(nodes)
        if known is None:
            found: dict[int, list[int]] = {}
            for node in nodes:
                for byte, child in self.children(node).items():
                    found.setdefault(byte, []).append(child)
            children = {byte: tuple(places) for byte, places in found.items()}
            of_words = tuple(node for node in nodes if self.below(node) & _IN_WORDS)
            of_blanks = tuple(node for node in nodes if self.below(node) & BLANKS)
            self._forget()
            known = self._spreads[nodes] = Spread(children, byte_set(children), of_words, of_blanks)
        return known

    def below(self, node: int) -> int:
        """The bytes, a set, of the children of a node."""
        return byte_set(self.children(node))

    def inner(self, nodes: Iterable[int]) -> Nodes:
        """Those of the nodes that have children."""
        return tuple(node for node in nodes if self.trie[node + 3])

    def ending(self, nodes: Nodes) -> NDArray[np.int32]:
        """Ids of the tokens that end at one of the nodes."""
        known = self._ids.get(nodes)
        if known is None:
            trie = self.trie
            ranges = [trie[trie[node + 1] : trie[node + 1] + (trie[node] >> 8)] for node in nodes]
            known = self._ids[nodes] = np.concatenate([_NONE, *ranges])
        return known

    def blanks(self, node: int, most: int) -> Part:
        """White space, at least one byte of it; the nodes behind are joined."""
        key = ("blanks", node, most)
        known = self._parts.get(key)
        if known is None:
            reached, level = [], [node]
            for _ in range(most):
                level = [child for node in level for b, child in self.children(node).items() if BLANKS >> b & 1]
                reached += level
            inner = self.inner(reached)
            known = self._keep(key, Part(self.ending(tuple(reached)), ((b" ", inner),) if inner else ()))
        return known

    def of_words(self, node: int, words: frozenset[str]) -> Part:
        """Prefixes of words, in letters of both cases."""
        key = ("words", node, words)
        known = self._parts.get(key)
        if known is None:
            parts = [self._word(node, word) for word in words]
            tokens = np.unique(np.concatenate([part.tokens for part in parts]))
            known = self._keep(key, Part(tokens.astype(np.int32), tuple(e for part in parts for e in part.leaving)))
        return known

    def _word(self, node: int, word: str) -> Part:
        key = ("word", node, word)
        known = self._parts.get(key)
        if known is None:
            passed: list[int] = []
            level = [node]
            for byte in word.encode():
                both = {byte, byte - 32} if 0x61 <= byte <= 0x7A else {byte}
                level = [child for node in level for b, child in self.children(node).items() if b in both]
                passed += level
            leaving = tuple(node for node in level if self.below(node) & ~_IN_WORDS)
            known = Part(self.ending(tuple(passed)), ((word.encode(), leaving),) if leaving and word else ())
            self._keep(key, known)
        return known

    def of_name(self, node: int, longest: int, begun: bool) -> Part:
        """Any word of at most so many bytes; the first one is a digit only if it has begun."""
        return self._of_table(("name", longest, begun), node, 0, lambda: _name_table(longest, begun))

    def of_digits(self, node: int, longest: int) -> Part:
        """At most so many digits."""
        return self._of_table(("digits", longest), node, 0, lambda: _digit_table(longest))

    def of_content(self, node: int, content: Content) -> Part:
        """UTF-8 up to a quote; the nodes are those before the quote, by content as far as it makes a difference."""
        key = ("content", node, *content)
        known = self._parts.get(key)
        if known is None:
            states, table = _content_table(content.quote, content.refused)
            name = ("content", content.quote, content.refused)
            plain = self._of_table(name, node, states[content.pending], lambda: table)
            groups: dict[str, list[bytes]] = {}
            places: dict[str, list[int]] = {}
            for text, leaving in plain.leaving:
                readable = text.decode("latin-1")
                folded = "".join(c.lower() if c < "\x80" else c for c in readable)
                group = folded if content.known is not None and folded in content.known else "\1"
                groups.setdefault(group, []).append(text)
                places.setdefault(group, []).extend(leaving)
            grouped = tuple((texts[0], tuple(places[group])) for group, texts in groups.items())
            known = self._keep(key, Part(plain.tokens, grouped))
        return known

    def _of_table(self, name: tuple[object, ...], node: int, start: int, make: Callable[[], NDArray[np.int32]]) -> Part:
        key = (*name, node, start)
        known = self._parts.get(key)
        if known is None:
            table = self._tables.get(name)
            if table is None:
                table = self._tables[name] = make()
            row = np.zeros(self.words, np.uint32)
            while True:
                count = lk.walk_lexeme(self.trie, self._stack, table, node, start, row, self._leaving)
                if 2 * count <= self._leaving.size:
                    break
                self._leaving = np.empty(4 * count, np.int32)
            base = self._depth[node]
            leaving: list[tuple[bytes, Nodes]] = []
            for place, depth in self._leaving[: 2 * count].reshape(-1, 2).tolist():
                text = self._text(int(self.trie[self.trie[place + 1]]))[base : base + depth]
                self._depth[place] = base + depth
                leaving.append((text, (place,)))
            known = self._keep(key, Part(_thin(row), tuple(leaving)))
        return known

    def _keep(self, key: tuple[object, ...], part: Part) -> Part:
        self._forget()
        self._parts[key] = part
        return part

    def _forget(self) -> None:
        for memo in (self._parts, self._spreads, self._ids):
            if len(memo) > _REMEMBERED:
                memo.clear()  # type: ignore[attr-defined]


def _thin(row: NDArray[np.uint32]) -> Tokens:
    ids = np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little"))
    return ids.astype(np.int32) if len(ids) <= _SPARSE else row


def _name_table(longest: int, begun: bool) -> NDArray[np.int32]:
    """State n has n bytes behind it."""
    table = np.full((longest + 1, 256), lk.LEAVE, np.int32)
    table[:, _listed(_IN_WORDS)] = table[:, 128:] = lk.STOP
    for n in range(longest):
        table[n, _listed(_IN_WORDS if n or begun else LETTERS)] = n + 1
    table[0, table[0] == lk.LEAVE] = lk.STOP
    return table.reshape(-1)


def _digit_table(longest: int) -> NDArray[np.int32]:
    """State n has n digits behind it."""
    table = np.full((longest + 1, 256), lk.LEAVE, np.int32)
    table[:, _listed(_IN_WORDS)] = table[:, 128:] = lk.STOP
    for n in range(longest):
        table[n, _listed(DIGITS)] = n + 1
    table[0, table[0] == lk.LEAVE] = lk.STOP
    return table.reshape(-1)


def _listed(values: int) -> list[int]:
    return [byte for byte in range(256) if values >> byte & 1]


@cache
def _content_table(quote: int, refused: bytes) -> tuple[dict[str, int], NDArray[np.int32]]:
    """States are what is pending of a character, numbered."""
    states = {"": 0}
    rows: list[NDArray[np.int32]] = []
    for before in (order := [""]):
        row = np.full(256, lk.STOP, np.int32)
        for byte in range(256):
            after = follow(before, byte)
            if after is not None and byte not in refused:
                if after not in states:
                    states[after] = len(states)
                    order.append(after)
                row[byte] = states[after]
        if not before:
            row[quote] = lk.LEAVE
        rows.append(row)
    return states, np.concatenate(rows)
