"""Parts of masks that are known for a vocabulary: which tokens are a word, digits, white space, what stands in quotes.

A `Part` is asked for below nodes of the vocabulary's trie (where a text begun inside a token has led to): the tokens
there that lie within one lexeme, and the nodes from which others go on behind it. Parts do not depend on a
grammar's state, and are kept with the vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from ..grammars.scoped import ANYTHING, BLANKS, DIGITS, LETTERS, OPERATORS, OTHER, Content, Quoted, byte_set
from . import lexeme_kernels as lk
from .lexeme_parts import Leaving, Nodes, Part, Spread, Tokens
from .lexeme_tables import content_table, run_table
from .mask_kernels import SiblingTrie

_IN_WORDS = LETTERS | DIGITS
_NONE = np.empty(0, np.int32)
_SPARSE = 2048
_REMEMBERED = 1 << 16


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
            children = self._joined(nodes)
            of_words = tuple(node for node in nodes if self.below(node) & _IN_WORDS)
            of_blanks = tuple(node for node in nodes if self.below(node) & BLANKS)
            behind, level = 0, of_blanks
            while level:
                level = tuple(node for b, places in self._joined(level).items() if BLANKS >> b & 1 for node in places)
                behind |= byte_set(self._joined(level)) & ~BLANKS
            self._forget()
            known = self._spreads[nodes] = Spread(children, byte_set(children), of_words, of_blanks, behind)
        return known

    def _joined(self, nodes: Iterable[int]) -> dict[int, Nodes]:
        found: dict[int, list[int]] = {}
        for node in nodes:
            for byte, child in self.children(node).items():
                found.setdefault(byte, []).append(child)
        return {byte: tuple(places) for byte, places in found.items()}

    def below(self, node: int) -> int:
        """The bytes, a set, of the children of a node."""
        return byte_set(self.children(node))

    def inner(self, nodes: Iterable[int]) -> Nodes:
        """Those of the nodes that have children."""
        return tuple(node for node in nodes if self.trie[node + 3])

    def ending(self, nodes: Iterable[int]) -> NDArray[np.int32]:
        """Ids of the tokens that end at one of the nodes."""
        nodes = tuple(nodes)
        known = self._ids.get(nodes)
        if known is None:
            trie = self.trie
            ranges = [trie[trie[node + 1] : trie[node + 1] + (trie[node] >> 8)] for node in nodes]
            known = self._ids[nodes] = np.concatenate([_NONE, *ranges])
        return known

    def leave(self, text: bytes, nodes: Iterable[int], own: int, whole: bool = False) -> tuple[Leaving, ...]:
        """Where tokens leave a lexeme at the nodes, if any do; `whole`: those that end there ask for its end."""
        nodes = tuple(nodes)
        inner, tokens = self.inner(nodes), self.ending(nodes) if whole else _NONE
        spread = self.spread(inner)
        among = ANYTHING if len(tokens) or spread.of_blanks else spread.bytes & ~own
        return (Leaving(text, inner, own, among, tokens),) if among else ()

    def blanks(self, nodes: Nodes, most: int) -> Part:
        """White space, at least one byte of it; the nodes behind are joined."""
        key = ("blanks", nodes, most)
        known = self._parts.get(key)
        if known is None:
            reached: list[int] = []
            level: Iterable[int] = nodes
            for _ in range(most):
                level = [child for node in level for b, child in self.children(node).items() if BLANKS >> b & 1]
                if not level:
                    break
                reached += level
            known = self._keep(key, Part(self.ending(reached), self.leave(b" ", reached, BLANKS)))
        return known

    def of_words(self, nodes: Nodes, words: frozenset[str]) -> Part:
        """Prefixes of words, in letters of both cases."""
        key = ("words", nodes, words)
        known = self._parts.get(key)
        if known is None:
            parts = [self._word(nodes, word) for word in words]
            tokens = np.unique(np.concatenate([_NONE, *(part.tokens for part in parts)]))
            known = self._keep(key, Part(tokens.astype(np.int32), tuple(e for part in parts for e in part.leaving)))
        return known

    def _word(self, nodes: Nodes, word: str) -> Part:
        key = ("word", nodes, word)
        known = self._parts.get(key)
        if known is None:
            passed, level = self._spelled(nodes, word.encode(), True)
            known = self._keep(
                key, Part(self.ending(passed), self.leave(word.encode(), level, _IN_WORDS) if word else ())
            )
        return known

    def _spelled(self, nodes: Iterable[int], text: bytes, fold: bool) -> tuple[list[int], Iterable[int]]:
        """The nodes that a text passes, in letters of both cases with `fold`, and the last of them."""
        passed: list[int] = []
        for byte in text:
            both = {byte, byte - 32} if fold and 0x61 <= byte <= 0x7A else {byte}
            nodes = [child for node in nodes for b, child in self.children(node).items() if b in both]
            passed += nodes
        return passed, nodes

    def of_symbols(self, nodes: Nodes, symbols: frozenset[str]) -> Part:
        """Symbols; of operators the prefixes, while others must be whole."""
        key = ("symbols", nodes, symbols)
        known = self._parts.get(key)
        if known is None:
            begun: list[int] = []
            leaving: tuple[Leaving, ...] = ()
            for symbol in symbols:
                text = symbol.encode()
                passed, level = self._spelled(nodes, text, False)
                operator = bool(OPERATORS >> text[0] & 1)
                begun += passed if operator else ()
                leaving += self.leave(text, level, OPERATORS if operator else 0, not operator)
            known = self._keep(key, Part(self.ending(dict.fromkeys(begun)), leaving))
        return known

    def of_name(self, nodes: Nodes, longest: int, begun: bool) -> Part:
        """Any word of at most so many bytes; the first one is a digit only if it has begun."""
        first = _IN_WORDS if begun else LETTERS
        return self._of_table(
            ("name", longest, begun), nodes, 0, _IN_WORDS, lambda: run_table(longest, first, _IN_WORDS)
        )

    def of_digits(self, nodes: Nodes, longest: int) -> Part:
        """At most so many digits."""
        return self._of_table(("digits", longest), nodes, 0, DIGITS, lambda: run_table(longest, DIGITS, DIGITS))

    def of_content(self, nodes: Nodes, content: Content) -> Part:
        """UTF-8 up to a quote; the nodes are those before the quote, by content as far as it makes a difference."""
        key = ("content", nodes, *content)
        known = self._parts.get(key)
        if known is None:
            states, table = content_table(content.quote, content.refused)
            name = ("content", content.quote, content.refused)
            plain = self._of_table(name, nodes, states[content.pending], 0, lambda: table)
            groups: dict[bytes, list[int]] = {}
            texts: dict[bytes, bytes] = {}
            for text, places, *_ in plain.leaving:
                group = _folded(text) if content.known is not None else b""
                group = group if group.decode("latin-1") in (content.known or ()) else OTHER
                texts.setdefault(group, text)
                groups.setdefault(group, []).extend(places)
            leaving = tuple(Leaving(texts[group], tuple(found), 0, ANYTHING, _NONE) for group, found in groups.items())
            known = self._keep(key, Part(plain.tokens, leaving))
        return known

    def of_string(self, nodes: Nodes, quoted: Quoted) -> Part:
        """What stands in quotes, from the first one to the last, with all that it leads to (see `Quoted`)."""
        key = ("string", nodes, quoted)
        known = self._parts.get(key)
        if known is None:
            quote, row = quoted.quote, np.zeros(self.words, np.uint32)
            opened = self.spread(nodes).children.get(quote, ())
            table = content_table(quote, quoted.refused)[1]
            groups: dict[bytes, Nodes] = {}
            first = True
            while opened:
                part = self._of_table(("content", quote, quoted.refused), opened, 0, 0, lambda: table)
                self.add(part.tokens, row)
                doubled: Nodes = ()
                for text, places, *_ in part.leaving:
                    closed = self.spread(places).children.get(quote, ())
                    name = _folded(text) if quoted.folded else text
                    group = name if first and name in quoted.names else OTHER
                    groups[group] = groups.get(group, ()) + closed
                    self.add(self.ending(closed), row)
                    doubled += self.spread(closed).children.get(quote, ())
                self.add(self.ending(opened), row)
                opened, first = doubled, False
            mark = bytes([quote])
            leaving = tuple(e for text, at in groups.items() for e in self.leave(mark + text + mark, at, 1 << quote))
            known = self._keep(key, Part(_thin(row), leaving))
        return known

    def of_quoted(self, nodes: Nodes, quoted: Quoted) -> Part:
        """Names in quotes, from the first quote to the last."""
        key = ("quoted", nodes, quoted)
        known = self._parts.get(key)
        if known is None:
            quote = quoted.quote
            mark = bytes([quote])
            opened = self.spread(nodes).children.get(quote, ())
            begun = [*opened]
            leaving: tuple[Leaving, ...] = ()
            for name in quoted.names if opened else ():
                passed, level = self._spelled(opened, name, quoted.folded)
                begun += passed
                closed = [child for node in level for b, child in self.children(node).items() if b == quote]
                leaving += self.leave(mark + name + mark, closed, 1 << quote, True)
            known = self._keep(key, Part(self.ending(dict.fromkeys(begun)), leaving))
        return known

    def _of_table(
        self, name: tuple[object, ...], nodes: Nodes, start: int, own: int, make: Callable[[], NDArray[np.int32]]
    ) -> Part:
        key = (*name, nodes, start)
        known = self._parts.get(key)
        if known is None:
            table = self._tables.get(name)
            if table is None:
                table = self._tables[name] = make()
            row = np.zeros(self.words, np.uint32)
            found: dict[bytes, Nodes] = {}
            for node in nodes:
                while True:
                    count = lk.walk_lexeme(self.trie, self._stack, table, node, start, row, self._leaving)
                    if 2 * count <= self._leaving.size:
                        break
                    self._leaving = np.empty(4 * count, np.int32)
                base = self._depth[node]
                for place, depth in self._leaving[: 2 * count].reshape(-1, 2).tolist():
                    text = self._text(int(self.trie[self.trie[place + 1]]))[base : base + depth]
                    self._depth[place] = base + depth
                    found[text] = (*found.get(text, ()), place)
            leaving = tuple(e for text, places in found.items() for e in self.leave(text, places, own))
            known = self._keep(key, Part(_thin(row), leaving))
        return known

    @staticmethod
    def add(tokens: Tokens, row: NDArray[np.uint32]) -> None:
        """Set the bits of tokens in a row."""
        if tokens.dtype == np.int32:
            lk.set_tokens(row, tokens)
        else:
            lk.add_row(row, tokens)

    def _keep(self, key: tuple[object, ...], part: Part) -> Part:
        self._forget()
        self._parts[key] = part
        return part

    def _forget(self) -> None:
        for memo in (self._parts, self._spreads, self._ids):
            if len(memo) > _REMEMBERED:
                memo.clear()  # type: ignore[attr-defined]


def _folded(text: bytes) -> bytes:
    return text.lower()  # of bytes, which leaves those of other letters as they are


def _thin(row: NDArray[np.uint32]) -> Tokens:
    ids = np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little"))
    return ids.astype(np.int32) if len(ids) <= _SPARSE else row
