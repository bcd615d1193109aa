"""The ends of all covers of a byte prefix: heads, whose next tokens are known, and stubs, not evaluated yet.

A cover of a prefix x is a token string whose last token reaches the end of x or beyond it, and none before it does
(Phan et al. 2024, section 3). A head is a context and a node of the vocabulary's trie: the bytes of x after the
context. It stands for the covers that end in the tokens below that node. A stub is a context one token longer than an
evaluated one, with the bytes of x that come after it; its weight bounds what it could still contribute.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..vocabulary import Vocabulary
from .canonical import Canonical, Window
from .masses import GONE, ROOT, byte_masses, child, log_sum
from .tree import Logprobs, Node

EOS = 256

Path = tuple[Any, int] | None
"""Tokens after a state's context: the path before the last one, and that; None for no token."""
_ALL = np.zeros(0, np.uint8)


class Stub(NamedTuple):
    """A context that is not evaluated: `token` after the context `parent`."""

    parent: Node
    path: Path
    token: int
    window: Window
    weight: float
    """Log-probability of the tokens of the cover so far."""
    pending: bytes
    """Bytes of the prefix after the token."""
    reach: tuple[int, ...]
    """Trie nodes at which tokens that spell `pending` may stand at its end; ROOT where they may end there."""


class Head:
    """An evaluated context and the trie node of the bytes after it; immutable but for what it has worked out."""

    __slots__ = ("_below", "_masses", "_unknown", "logprobs", "node", "path", "v", "weight", "window")

    def __init__(self, node: Node, path: Path, window: Window, weight: float, logprobs: Logprobs, v: int) -> None:
        self.node = node
        self.path = path
        self.window = window
        self.weight = weight
        self.logprobs = logprobs
        self.v = v
        self._masses: Logprobs | None = None
        self._unknown: float | None = None
        self._below: dict[int, Head] = {}

    def at(self, v: int) -> Head:
        """The same context at another trie node; the same object each time."""
        found = self._below.get(v)
        if found is None:
            found = self._below[v] = Head(self.node, self.path, self.window, self.weight, self.logprobs, v)
        return found


class Frontier:
    """What can be worked out about heads over one vocabulary. `canonical`: None counts all covers."""

    def __init__(self, vocabulary: Vocabulary, canonical: Canonical | None) -> None:
        self.vocabulary = vocabulary
        self.canonical = canonical
        trie = vocabulary.trie
        self._byte, self._size, self._start, self._order = trie.byte, trie.size, trie.token_start, trie.order
        self._ids = trie.order.astype(np.int64)
        self._eos = np.array(vocabulary.eos_token_ids, np.int64)

    def walk(self, data: bytes) -> int:
        """The trie node of some bytes, GONE where no token begins so."""
        v = ROOT
        for byte in data:
            v = self.child(v, byte)
            if v == GONE:
                break
        return v

    def reach(self, nodes: tuple[int, ...], data: bytes) -> tuple[int, ...]:
        """Where tokens that spell `data` may stand at its end, from some places; () where none do."""
        for byte in data:
            after = [v for u in nodes if (v := self.child(u, byte)) != GONE]
            nodes = (*([ROOT] if any(map(self.ends, after)) else []), *filter(self.goes_on, after))
            if not nodes:
                break
        return nodes

    def child(self, v: int, byte: int) -> int:
        """The child of a trie node."""
        return GONE if v == GONE else int(child(self._byte, self._size, v, byte))

    def goes_on(self, v: int) -> bool:
        """Whether there are tokens below a node."""
        return v == ROOT or (v != GONE and bool(self._size[v] > 1))

    def ends(self, v: int) -> bool:
        """Whether a token ends at a node."""
        return v >= 0 and bool(self._start[v] < self._start[v + 1])

    def tokens_at(self, v: int) -> NDArray[np.int64]:
        """Ids of the tokens that end at a node (not ROOT)."""
        return self._ids[self._start[v] : self._start[v + 1]]

    def stubs_at(self, head: Head, v: int, pending: bytes) -> list[Stub]:
        """Stubs for the tokens that end at v, a node below the head's context."""
        tokens = self.tokens_at(v)
        tokens = tokens[head.logprobs[tokens] > -np.inf]
        if len(tokens) and self.canonical is not None:
            tokens = tokens[self.canonical.follows(head.window, tokens)]
        if not len(tokens):
            return []
        reach = self.reach((ROOT,), pending)
        if not reach:
            return []
        return [
            Stub(
                head.node,
                head.path,
                token,
                () if self.canonical is None else self.canonical.extend(head.window, token),
                head.weight + float(head.logprobs[token]),
                pending,
                reach,
            )
            for token in tokens.tolist()
        ]

    def open(self, stub: Stub, node: Node, logprobs: Logprobs) -> tuple[list[Head], list[Stub]]:
        """What an evaluated stub becomes: a head at the end of its pending bytes, and a stub for each token before."""
        v, stubs = ROOT, list[Stub]()
        root = Head(node, (stub.path, stub.token), stub.window, stub.weight, logprobs, ROOT)
        for i, byte in enumerate(stub.pending):
            v = self.child(v, byte)
            if v == GONE:
                return [], stubs
            if self.ends(v):
                stubs += self.stubs_at(root, v, stub.pending[i + 1 :])
        return ([root.at(v)] if self.goes_on(v) else []), stubs

    def masses(self, head: Head) -> Logprobs:
        """[257] log mass by next symbol, the head's weight left out. Tokens not known to be canonical count."""
        if head._masses is None:
            out = np.full(257, -np.inf)
            verdicts = _ALL if self.canonical is None else self.canonical.verdicts(head.window)
            byte_masses(head.logprobs, verdicts, self._order, self._byte, self._size, self._start, head.v, out)
            if head.v == ROOT and len(self._eos) and (self.canonical is None or self.canonical.is_whole(head.window)):
                out[EOS] = log_sum(head.logprobs[self._eos])
            head._masses = out
        return head._masses

    def unknown(self, head: Head) -> float:
        """Log mass of the tokens below a head not known to be canonical, its weight left out."""
        if head._unknown is None:
            if self.canonical is None:
                head._unknown = -np.inf
            else:
                ids = self.below(head.v)
                verdicts = self.canonical.verdicts(head.window)
                head._unknown = log_sum(head.logprobs[ids[verdicts[ids] == 0]])
        return head._unknown

    def resolve(self, head: Head, left: float) -> None:
        """Find out which tokens below a head are canonical, the likeliest first, until those that are not known have a
        log mass of at most `left`, the head's weight left out."""
        assert self.canonical is not None
        ids = self.below(head.v)
        ids = ids[(self.canonical.verdicts(head.window)[ids] == 0) & (head.logprobs[ids] > -np.inf)]
        if left > -np.inf:
            values = head.logprobs[ids]
            # Whole nats are fine enough a measure of where the tail begins, and need no sorting.
            level = np.minimum(-values, 700).astype(np.int64)
            tail = np.cumsum(np.bincount(level, np.exp(values))[::-1])[::-1]
            ids = ids[level < int((tail > np.exp(left)).sum())]
        self.canonical.follows(head.window, ids)
        head._masses = head._unknown = None

    def below(self, v: int) -> NDArray[np.int64]:
        """Ids of the tokens longer than the bytes up to v."""
        if v == ROOT:
            return self._ids
        return self._ids[self._start[v + 1] : self._start[v + self._size[v]]]
