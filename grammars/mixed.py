"""`Mixed`: grammars and constraints with scopes (`scoped.py`) put together, as reasoning first and then SQL in a tag.

It is a small nondeterministic automaton whose edges are whole languages. `sequence`, `alternation`, `repeat`, `tags`,
`after`, `+` and `|` make one where a part has scopes; parts that have none stay ordinary grammars.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from .errors import Unsupported
from .grammar import Grammar
from .mixed_automaton import Edge, MixedAutomaton
from .network import Network
from .scoped import Scoped

Part = Grammar | Scoped
MAX_COPIES = 1000


class Mixed(Scoped):
    """Parts along the edges of a graph; what is read on a way from node 0 to node 1.

    Args:
        edges: (node, number of the part, node); without a part (-1) nothing is read. None leads to node 0 or from
            node 1, so that graphs can be put into one another.
        parts: the languages, none of them empty; each time one is entered it begins anew, with a fresh scope.
        name: what messages call it.
    """

    def __init__(self, edges: Sequence[Edge], parts: Sequence[Part], name: str) -> None:
        self.edges = tuple(edges)
        self.parts = tuple(parts)
        self._grammar = self._syntax
        self.name = name

    @cached_property
    def automaton(self) -> MixedAutomaton:  # type: ignore[override]
        """The parts in step, made on first use."""
        return MixedAutomaton(self.edges, [part.automaton for part in self.parts])

    def _syntax(self) -> Grammar:
        plain = [part.grammar if isinstance(part, Scoped) else part for part in self.parts]

        def emit(network: Network, a: int, b: int) -> None:
            nodes = {0: a, 1: b}
            for begin, number, end in self.edges:
                first, last = (
                    nodes[node] if node in nodes else nodes.setdefault(node, network.node()) for node in (begin, end)
                )
                if number < 0:
                    network.epsilon(first, last)
                else:
                    plain[number].emit(network, first, last)

        return Grammar(emit, self.name)

    def __reduce__(self) -> tuple[Any, ...]:
        return Mixed, (self.edges, self.parts, self.name)


class _Graph:
    """Edges and parts while they are gathered."""

    def __init__(self) -> None:
        self.edges: list[Edge] = []
        self.parts: list[Part] = []
        self._numbers: dict[int, int] = {}
        self._nodes = itertools.count(2)

    def node(self) -> int:
        return next(self._nodes)

    def skip(self, a: int, b: int) -> None:
        self.edges.append((a, -1, b))

    def add(self, part: Part, a: int, b: int) -> None:
        """Lead from a to b by a part; the edges of a mixed one are taken over."""
        if not isinstance(part, Mixed):
            self.edges.append((a, self._number(part), b))
            return
        nodes = {0: a, 1: b}
        for begin, number, end in part.edges:
            first, last = (
                nodes[node] if node in nodes else nodes.setdefault(node, self.node()) for node in (begin, end)
            )
            self.edges.append((first, -1 if number < 0 else self._number(part.parts[number]), last))

    def _number(self, part: Part) -> int:
        if id(part) not in self._numbers:
            self._numbers[id(part)] = len(self.parts)
            self.parts.append(part)
        return self._numbers[id(part)]


def chain(parts: Sequence[Part], name: str) -> Mixed:
    """One after the other."""
    graph, a = _Graph(), 0
    for number, part in enumerate(parts):
        b = 1 if number == len(parts) - 1 else graph.node()
        graph.add(part, a, b)
        a = b
    return Mixed(graph.edges, graph.parts, name)


def either(parts: Sequence[Part], name: str) -> Mixed:
    """One of them."""
    graph = _Graph()
    for part in parts:
        graph.add(part, 0, 1)
    return Mixed(graph.edges, graph.parts, name)


def repeated(part: Scoped, minimum: int, maximum: int | None, name: str) -> Mixed:
    """`minimum` to `maximum` times the part, which is written out so often: Unsupported beyond `MAX_COPIES`."""
    most = minimum if maximum is None else maximum
    if most > MAX_COPIES:
        raise Unsupported(f"{most} repetitions of {part.name} are too many: at most {MAX_COPIES}", keyword="repeat")
    graph, a = _Graph(), 0
    for count in range(most):
        if count >= minimum:
            graph.skip(a, 1)
        b = graph.node()
        graph.add(part, a, b)
        a = b
    if maximum is None:
        loop, end = graph.node(), graph.node()
        graph.skip(a, loop)
        graph.add(part, loop, end)
        graph.skip(end, loop)
        a = loop
    graph.skip(a, 1)
    return Mixed(graph.edges, graph.parts, name)
