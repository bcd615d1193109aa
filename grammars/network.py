"""Recursive transition networks: what every grammar is compiled to.

A network is a set of rules. A rule is a nondeterministic automaton over bytes whose edges are byte ranges, epsilons,
calls of rules and counted repetitions of rules. Builders add nodes and edges in any order; `build` trims what cannot
reach acceptance, measures the shortest completions and lays everything out in flat int32 arrays for the engine
(`engine.py`), which runs sets of configurations (node, stack) and never copies the graph for a counter.

Regular languages are networks of one rule, context-free ones of several. Left recursion is not allowed: a rule must
read a byte before it calls itself.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arena import CONTROL, SYMBOLS
from .budget import Budget
from .errors import BudgetExceeded, EmptyLanguage, GrammarError
from .network_kernels import UNREACHABLE, group, representatives, shortest_completions

Int32Array = NDArray[np.int32]


class Rule(NamedTuple):
    """A rule under construction: fill in edges from `start` to `end`. `end` is its only final node."""

    start: int
    end: int


@dataclass(frozen=True)
class Program:
    """A built network: flat int32 arrays, immutable and picklable.

    Edges of node v lie at `*_ptr[v]:*_ptr[v + 1]`. Ranges are given in classes of symbols: `classes[x]` is the class of
    symbol x (a byte, or a character that JSON must escape), `representatives[c]` the first symbol of class c; those of
    bytes come first. `distance[v]` is the length in bytes of the shortest way from v to the end of its rule. `text[v]`
    is 1 where a character of a JSON string is read, which may also be spelled by an escape.
    """

    start: int
    end: int
    classes: Int32Array
    representatives: Int32Array
    distance: Int32Array
    final: Int32Array
    text: Int32Array
    edge_ptr: Int32Array
    edges: Int32Array  # [n, 3]: first class, last class, target
    epsilon_ptr: Int32Array
    epsilons: Int32Array  # [n, 1]: target
    call_ptr: Int32Array
    calls: Int32Array  # [n, 2]: start of the rule, node to return to
    repeat_ptr: Int32Array
    repeats: Int32Array  # [n, 4]: start of the body, node after the loop, minimum, maximum (-1: none)

    @property
    def nodes(self) -> int:
        """Number of nodes, trimmed ones included."""
        return len(self.final)

    @property
    def byte_classes(self) -> int:
        """Number of classes of bytes."""
        return int(self.classes[CONTROL - 1]) + 1


class Network:
    """Builder of a network. Nodes are integers; `main` is the rule of the whole grammar."""

    def __init__(self, budget: Budget | None = None) -> None:
        self._budget = budget or Budget()
        self._deadline = time.monotonic() + self._budget.seconds
        self._nodes = 0
        self._edges = array("i")
        self._epsilons = array("i")
        self._calls = array("i")
        self._repeats = array("i")
        self._finals = array("i")
        self._texts = array("i")  # first and last node of runs
        self.memo: dict[Hashable, Any] = {}
        self.main = self.rule()

    def node(self) -> int:
        """A new node."""
        self._nodes += 1
        if self._nodes & 255 == 0:
            self._check_budget()
        return self._nodes - 1

    def rule(self) -> Rule:
        """A new rule with its start and end nodes; the caller adds what lies between."""
        start = self._nodes
        self._nodes += 2
        self._check_budget()
        self._finals.append(start + 1)
        return Rule(start, start + 1)

    def _check_budget(self) -> None:
        if self._nodes > self._budget.nodes:
            raise BudgetExceeded(
                f"the grammar needs more than {self._budget.nodes} nodes; give a larger Budget(nodes=)"
            )
        if time.monotonic() > self._deadline:
            raise BudgetExceeded(
                f"compiling the grammar took more than {self._budget.seconds:g} seconds; give a larger Budget(seconds=)"
            )

    def epsilon(self, a: int, b: int) -> None:
        """From a to b, reading nothing."""
        self._epsilons.extend((a, b))

    def text(self, first: int, last: int | None = None) -> None:
        """The nodes first..last (one node unless given) read characters of a JSON string: each may be escaped."""
        self._texts.extend((first, first if last is None else last))

    def edge(self, a: int, lo: int, hi: int, b: int) -> None:
        """From a to b, reading one symbol of lo..hi, both included: bytes, or characters that JSON must escape."""
        self._edges.extend((a, lo, hi, b))

    def quoted(self, a: int, data: bytes, b: int) -> None:
        """From a to b, reading a JSON string of plain characters: `data` is printable ASCII, nothing to be escaped."""
        start = self.literal(a, b'"')  # its nodes are numbered in sequence; the last one reads the closing quote
        if data:
            self._texts.extend((start, start + len(data) - 1))
        self.literal(start, data + b'"', b)

    def literal(self, a: int, data: bytes, b: int | None = None) -> int:
        """From a, reading the bytes of `data`, to b (a new node unless given); returns b."""
        if not data:
            if b is None:
                return a
            self._epsilons.extend((a, b))
            return b
        edges = self._edges
        fresh = self._nodes
        for byte in data[:-1]:
            edges.extend((a, byte, byte, fresh))
            a = fresh
            fresh += 1
        if b is None:
            b = fresh
            fresh += 1
        self._nodes = fresh
        edges.extend((a, data[-1], data[-1], b))
        return b

    def call(self, a: int, rule: Rule, b: int) -> None:
        """From a to b, reading any string of `rule`."""
        self._calls.extend((a, rule.start, b))

    def repeat(self, a: int, rule: Rule, b: int, minimum: int, maximum: int | None) -> None:
        """From a to b, reading `minimum` to `maximum` (None: any number) strings of `rule`, none of them empty."""
        if minimum < 0 or (maximum is not None and maximum < minimum):
            raise GrammarError(f"a repetition of {minimum} to {maximum} times is impossible: 0 <= minimum <= maximum")
        if maximum == 0:
            self.epsilon(a, b)
            return
        limit = 2**30
        if minimum > limit:
            raise GrammarError(f"a repetition of at least {minimum} times is beyond the limit of {limit}")
        bound = -1 if maximum is None or maximum > limit else maximum
        self._repeats.extend((a, rule.start, b, minimum, bound))

    def include(self, program: Program) -> Rule:
        """Add a built network as a rule of this one."""
        shift = self._nodes
        self._nodes += program.nodes
        self._finals.extend((np.flatnonzero(program.final) + shift).tolist())
        texts = np.flatnonzero(program.text) + shift
        self._texts.extend(np.stack([texts, texts], 1).reshape(-1).tolist())
        last = np.append(program.representatives[1:], SYMBOLS) - 1
        source = np.repeat(np.arange(program.nodes), np.diff(program.edge_ptr)) + shift
        first, final, target = program.edges.T
        columns = [source, program.representatives[first], last[final], target + shift]
        self._edges.extend(np.stack(columns, 1).reshape(-1).tolist())
        for pointers, rows, shifted, edges in (
            (program.epsilon_ptr, program.epsilons, (0,), self._epsilons),
            (program.call_ptr, program.calls, (0, 1), self._calls),
            (program.repeat_ptr, program.repeats, (0, 1), self._repeats),
        ):
            source = np.repeat(np.arange(program.nodes), np.diff(pointers)) + shift
            rows = rows.copy()
            rows[:, shifted] += shift
            edges.extend(np.column_stack([source, rows]).reshape(-1).tolist())
        return Rule(program.start + shift, program.end + shift)

    def build(self) -> Program:
        """Trim, merge nodes with the same future, measure and freeze. Raises EmptyLanguage when nothing matches."""
        edges = _table(self._edges, 4)
        epsilons = _table(self._epsilons, 2)
        calls = _table(self._calls, 3)
        repeats = _table(self._repeats, 5)
        final = np.zeros(self._nodes, np.int32)
        final[np.frombuffer(self._finals, np.int32)] = 1
        distance = shortest_completions(final, edges, epsilons, calls, repeats)
        if distance[self.main.start] >= UNREACHABLE:
            raise EmptyLanguage("the grammar matches nothing: no byte string satisfies all of it")
        if len(repeats) and (distance[repeats[:, 1]] == 0).any():
            raise GrammarError("the body of a counted repetition matches the empty string")
        live = distance < UNREACHABLE
        edges = edges[live[edges[:, 0]] & live[edges[:, 3]]]  # a copy, as all that follow: the builder stays as it is
        epsilons = epsilons[live[epsilons[:, 0]] & live[epsilons[:, 1]]]
        calls = calls[live[calls[:, 0]] & live[calls[:, 1]] & live[calls[:, 2]]]
        repeats = repeats[live[repeats[:, 0]] & live[repeats[:, 2]]]
        barren = ~live[repeats[:, 1]]
        if barren.any():  # zero rounds are all that is left of a loop whose body matches nothing
            skips = repeats[barren & (repeats[:, 3] == 0)][:, (0, 2)]
            epsilons = np.concatenate([epsilons, skips])
            repeats = repeats[~barren]
        plain = final == 0
        for others in (epsilons, calls, repeats):
            plain[others[:, 0]] = False
        text = _marked(self._texts, self._nodes)
        edge_ptr, grouped_edges = group(edges, self._nodes)
        same = representatives(grouped_edges, edge_ptr, plain, text)
        edges = edges[same[edges[:, 0]] == edges[:, 0]]
        edges[:, 3] = same[edges[:, 3]]
        for others, nodes in ((epsilons, (1,)), (calls, (1, 2)), (repeats, (1, 2))):
            others[:, nodes] = same[others[:, nodes]]
        classes = _symbol_classes(edges, bool(text.any()))
        edges[:, 1:3] = classes[edges[:, 1:3]]
        edge_ptr, grouped_edges = group(edges, self._nodes)
        epsilon_ptr, grouped_epsilons = group(epsilons, self._nodes)
        call_ptr, grouped_calls = group(calls, self._nodes)
        repeat_ptr, grouped_repeats = group(repeats, self._nodes)
        return Program(
            start=int(same[self.main.start]),
            end=self.main.end,
            classes=classes,
            representatives=np.unique(classes, return_index=True)[1].astype(np.int32),
            distance=distance,
            final=final,
            text=text,
            edge_ptr=edge_ptr,
            edges=grouped_edges,
            epsilon_ptr=epsilon_ptr,
            epsilons=grouped_epsilons,
            call_ptr=call_ptr,
            calls=grouped_calls,
            repeat_ptr=repeat_ptr,
            repeats=grouped_repeats,
        )


def _table(values: array[int], columns: int) -> Int32Array:
    if not values:
        return np.zeros((0, columns), np.int32)
    return np.frombuffer(values, np.int32).reshape(-1, columns)


def _marked(runs: array[int], nodes: int) -> Int32Array:
    """1 for the nodes in the runs (pairs of first and last node), else 0."""
    borders = np.zeros(nodes + 1, np.int32)
    pairs = _table(runs, 2)
    np.add.at(borders, pairs[:, 0], 1)
    np.add.at(borders, pairs[:, 1] + 1, -1)
    return (np.cumsum(borders[:nodes]) > 0).astype(np.int32)


def _symbol_classes(edges: Int32Array, escapes: bool) -> Int32Array:
    """Class of every symbol: those that no edge tells apart, and no escape sequence, share one."""
    cuts = np.zeros(SYMBOLS + 1, np.int32)
    cuts[edges[:, 1]] = 1
    cuts[edges[:, 2] + 1] = 1
    if escapes:
        letters = np.frombuffer(b'"\\/bfnrtu0123456789abcdefABCDEF', np.uint8).astype(np.int32)
        cuts[letters] = 1
        cuts[letters + 1] = 1
    cuts[0] = 0
    cuts[CONTROL] = 1
    return np.cumsum(cuts[:SYMBOLS], dtype=np.int32)
