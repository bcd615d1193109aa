"""Contexts that are evaluated before they are asked for, along the likeliest next bytes.

An exact distribution of the next byte takes about one new context a byte, which is known only when the byte before it
is: one call of the model a byte. But most bytes of a text are foreseen by the model itself, so the contexts that end at
each of them can be evaluated in the call that is due anyway (speculative decoding, Leviathan et al. 2023, with the
model as its own draft). A context that was foreseen in vain costs a row of a call; no result changes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .frontier import Frontier, Stub
from .masses import ROOT, log_sum
from .tree import Logprobs, Node

if TYPE_CHECKING:
    from .canonical import Window
    from .state import ByteState

Key = tuple[Node, int]  # a context: its parent, and its last token
Evaluated = tuple[Node, Logprobs]
Extend = Callable[[Sequence[Node | int], Sequence[int]], tuple[list[Node], Logprobs]]
Foreseen = tuple[Node | int, "Window", int, float]  # a context (int: by its place in the call), and a node of the trie;
# its last tokens, and what bounds the log-probability of the whole

_WORTH = 0.1  # chance of being asked for from which a context is worth a row
_KEPT = 32  # evaluated contexts that are kept; each holds a row as wide as the vocabulary
_FADE = 0.97  # of the record of what was foreseen rightly, by call
_TRUST = 4.0  # rows that the record begins with


class Lookahead:
    """What was evaluated lately, and what is evaluated along with it. `most`: rows of a call up to which contexts are
    foreseen; 0 foresees none."""

    def __init__(self, frontier: Frontier, most: int) -> None:
        self._frontier = frontier
        self._most = most
        self._kept: dict[Key, Evaluated] = {}
        self._foreseen: set[Key] = set()  # of the kept ones, those that nobody has asked for
        self._used = self._tried = _TRUST

    def evaluate(self, extend: Extend, asked: Sequence[tuple[ByteState, Stub]], eps: float) -> dict[Key, Evaluated]:
        """Contexts and rows [vocabulary] of stubs by parent and token, in one call, or in none where all are kept.
        Contexts that would matter at `eps` are foreseen."""
        found: dict[Key, Evaluated] = {}
        places: dict[Key, int] = {}
        states: dict[int, ByteState] = {}
        for state, stub in asked:
            key = stub.parent, stub.token
            if key in self._kept:
                found[key] = self._kept[key]
                if key in self._foreseen:
                    self._foreseen.remove(key)
                    self._used += 1
            else:
                places.setdefault(key, len(places))
                states[id(state)] = state
        if not places:
            return found
        parents: list[Node | int] = [parent for parent, _ in places]
        tokens = [token for _, token in places]
        needed = len(tokens)
        for state in states.values():
            if len(tokens) >= self._most:
                break
            self._foresee(state, places, eps, parents, tokens)
        nodes, rows = extend(parents, tokens)
        for i, (node, row) in enumerate(zip(nodes, rows, strict=True)):
            parent = parents[i]
            key = nodes[parent] if isinstance(parent, int) else parent, tokens[i]
            self._kept[key] = node, row
            if i < needed:
                found[key] = node, row
            else:
                self._foreseen.add(key)
        self._tried = _TRUST + _FADE * (self._tried - _TRUST) + len(tokens) - needed
        self._used = _TRUST + _FADE * (self._used - _TRUST)
        for old in list(itertools.islice(self._kept, max(0, len(self._kept) - _KEPT))):
            del self._kept[old]
            self._foreseen.discard(old)
        return found

    def _foresee(
        self, state: ByteState, places: dict[Key, int], eps: float, parents: list[Node | int], tokens: list[int]
    ) -> None:
        """Append contexts, as parents and tokens, that are asked for if the state goes on with its likeliest bytes."""
        frontier = self._frontier
        heads = state.heads
        total = log_sum(
            np.array([h.weight + log_sum(frontier.masses(h)) for h in heads] + [s.weight for s in state.stubs])
        )
        worth = math.log(_WORTH * max(self._tried, 1.0) / max(self._used, 1e-9))
        virtual: list[Foreseen] = []
        for stub in state.stubs:
            place = places.get((stub.parent, stub.token))
            if place is not None and not stub.pending:
                virtual.append((place, stub.window, ROOT, stub.weight))
        while heads and len(tokens) < self._most:
            joint = np.logaddexp.reduce([frontier.masses(head) + head.weight for head in heads], axis=0)
            byte = int(joint[:256].argmax())
            if joint[byte] - total < worth:
                return
            left = joint[byte] + math.log(eps) if eps else -math.inf
            new: list[Foreseen] = []
            for head in heads:
                v = frontier.child(head.v, byte)
                for token in self._ending(head.window, v):
                    bound = head.weight + float(head.logprobs[token])
                    if bound > left:
                        new.append((head.node, self._extended(head.window, token), token, bound))
            stepped: list[Foreseen] = []
            for above, window, v, bound in virtual:
                v = frontier.child(v, byte)
                if bound > left:
                    new += [(above, self._extended(window, t), t, bound) for t in self._ending(window, v)]
                    if frontier.goes_on(v):
                        stepped.append((above, window, v, bound))
            heads = [head.at(v) for head in heads if frontier.goes_on(v := frontier.child(head.v, byte))]
            virtual = stepped
            for above, window, token, bound in new[: self._most - len(tokens)]:
                virtual.append((len(tokens), window, ROOT, bound))
                parents.append(above)
                tokens.append(token)

    def _ending(self, window: Window, v: int) -> Iterable[int]:
        """Tokens that end at a node of the trie and may follow a window."""
        if not self._frontier.ends(v):
            return ()
        ids = self._frontier.tokens_at(v)
        canonical = self._frontier.canonical
        found: list[int] = (ids if canonical is None else ids[canonical.follows(window, ids)]).tolist()
        return found

    def _extended(self, window: Window, token: int) -> Window:
        canonical = self._frontier.canonical
        return () if canonical is None else canonical.extend(window, token)
