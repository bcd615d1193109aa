"""Recursive transition networks: what every grammar is compiled to.

A network is a set of rules. A rule is a nondeterministic automaton over bytes whose edges are byte ranges, epsilons,
calls of rules and counted repetitions of rules. Builders add nodes and edges in any order; `build` makes a program of
them (`program.py`) for the engine (`engine.py`), which runs sets of configurations (node, stack) and never copies the
graph for a counter.

Regular languages are networks of one rule, context-free ones of several. Left recursion is not allowed: a rule must
read a byte before it calls itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from .arena import FURTHER, SYMBOLS
from .budget import Budget
from .errors import BudgetExceeded, GrammarError
from .program import COLUMNS, COPIED, Int32Array, Program, Tables, assemble, joined, table, with_copies


class Scope(NamedTuple):
    """The body of a scope under construction, from `start` to `end`: see `Network.scope`."""

    start: int
    end: int
    number: int


class Rule(NamedTuple):
    """A rule under construction: fill in edges from `start` to `end`. `end` is its only final node."""

    start: int
    end: int


class Network:
    """Builder of a network. Nodes are integers; `main` is the rule of the whole grammar."""

    def __init__(self, budget: Budget | None = None) -> None:
        self._budget = budget or Budget()
        self._deadline = time.monotonic() + self._budget.seconds
        self._nodes = 0
        self._edges: list[int] = []
        self._epsilons: list[int] = []
        self._calls: list[int] = []
        self._repeats: list[int] = []
        self._finals: list[int] = []
        self._texts: list[int] = []
        self._scoped: list[int] = []
        self._options: list[int] = []
        self._further: list[int] = []
        self._lengths: list[tuple[int, ...]] = []
        self._scopes: list[int] = []
        self._items: list[int] = []
        self._before: list[int] = []
        self._begins: list[int] = []
        self._copied: list[tuple[Int32Array, int]] = []  # rows of pieces, and how far their nodes are shifted
        self._parts: list[tuple[Any, int]] = []  # of a piece: keys of the pieces in it, and where they would start
        self._is_piece = False
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
        self._epsilons += (a, b)

    def text(self, first: int, last: int | None = None) -> None:
        """The nodes first..last (one node unless given) read characters of a JSON string: each may be escaped."""
        self._texts += (first, first if last is None else last)

    def edge(self, a: int, lo: int, hi: int, b: int) -> None:
        """From a to b, reading one symbol of lo..hi, both included: bytes, or characters that JSON must escape."""
        self._edges += (a, lo, hi, b)

    def characters(self, a: int, ranges: Iterable[tuple[int, int]], b: int) -> None:
        """From a to b, reading a character of a JSON string: a symbol of one of the ranges, both ends included."""
        self._texts += (a, a)
        edges = self._edges
        for low, high in ranges:
            edges += (a, low, high, b)

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
            edges += (a, byte, byte, fresh)
            a = fresh
            fresh += 1
        if b is None:
            b = fresh
            fresh += 1
        self._nodes = fresh
        edges.extend((a, data[-1], data[-1], b))
        return b

    def branching(self, a: int, data: bytes, exits: Sequence[Rule], b: int) -> int:
        """From a, reading the bytes of `data` to a new node, which is returned; before byte i, or else any string of
        exit i to b. The bytes are plain characters of a JSON string."""
        edges, calls, fresh = self._edges, self._calls, self._nodes
        for byte, rule in zip(data, exits, strict=True):
            self._texts += (a, a)
            calls += (a, rule.start, b)
            edges += (a, byte, byte, fresh)
            a = fresh
            fresh += 1
        self._nodes = fresh
        return a

    def call(self, a: int, rule: Rule, b: int) -> None:
        """From a to b, reading any string of `rule`."""
        self._calls += (a, rule.start, b)

    def repeat(self, a: int, rule: Rule, b: int, minimum: int, maximum: int | None) -> None:
        """From a to b, reading `minimum` to `maximum` (None: any number) strings of `rule`, none of them empty."""
        if minimum < 0 or (maximum is not None and maximum < minimum):
            raise GrammarError(f"a repetition of {minimum} to {maximum} times is impossible: 0 <= minimum <= maximum")
        if maximum == 0:
            self.epsilon(a, b)
            return
        if minimum > 2**30:
            raise GrammarError(f"a repetition of at least {minimum} times is beyond the limit of {2**30}")
        self._repeats.extend((a, rule.start, b, minimum, -1 if maximum is None or maximum > 2**30 else maximum))

    def scope(
        self, a: int, b: int, minimum: int, maximum: int | None, shortest: Rule, lengths: Sequence[int] = ()
    ) -> Scope:
        """From a to b, reading items of which none comes twice, `minimum` to `maximum` (None: any number) of them.

        The caller adds the body between start and end of the result: `option`s for the items, `further` before a comma,
        `before` for the nodes at which items may begin. `shortest` is a rule whose shortest text is as long as the
        shortest text of the scope. `lengths`: first the bytes of the shortest of all texts of its RECORDED items; then
        for 0, 1, ... of them read before, what the next one takes at most; at the end how much more each further one.
        """
        start = self._nodes
        self._nodes += 2
        self._finals.append(start + 1)
        number = len(self._scopes) // 2
        self._lengths.append(tuple(lengths))
        self._scopes.extend((min(minimum, 2**30), -1 if maximum is None or maximum > 2**30 else maximum))
        self._scoped.extend((a, start, number, b, shortest.start))
        return Scope(start, start + 1, number)

    def item(self, scope: Scope, number: int, required: bool) -> None:
        """A named item of the scope, which may come once, and must if it is required."""
        self._items.extend((scope.number, number, int(required)))

    def option(self, scope: Scope, a: int, code: int, rule: Rule, b: int) -> None:
        """From a to b in the scope, reading a string of `rule` as the item `code`: its number, or a code of `arena.py`.

        The rule of a RECORDED item is its text and what tells it from others; what belongs to it too follows at b."""
        self._options.extend((a, code, rule.start, b, scope.number))

    def further(self, scope: Scope, a: int, b: int, before: int) -> None:
        """From a to b in the scope, reading nothing, where one of the items that may begin at `before` is possible."""
        self._further.extend((a, b, scope.number, before))

    def before(self, node: int, *, opening: bool) -> None:
        """Say that at this node of a scope an item may begin: right at its opening, or where one must follow."""
        self._before.extend((node, 1 if opening else 2))

    def unmet(self, node: int, needs: int) -> None:
        """Say that from this node of a scope on, its body asks for so many further recorded items."""
        self._before.extend((node, 2 + needs))

    def mark(self, node: int, kind: int) -> None:
        """Say what a node is to tokens of the longest match: BEGIN or VOID, see `arena.py`."""
        self._begins += (node, kind)

    def piece(self, fill: Callable[..., None], *arguments: Hashable) -> Rule:
        """The rule that `fill(network, rule, *arguments)` makes, the same in all networks.

        It is worked out once in the process and copied. No scopes may be in it; other pieces may.
        """
        key = (fill, *arguments)
        rule: Rule | None = self.memo.get(key)
        if rule is None:
            if self._is_piece:  # stands for a rule of the network that this is copied to
                rule = Rule(self.node(), -1)
                self._parts.append((key, rule.start))
            else:
                rule = self._copy(_piece(key))
            self.memo[key] = rule
        return rule

    def _copy(self, piece: _Piece) -> Rule:
        rules = [self.piece(*key) for key, _ in piece.parts]
        shift = self._nodes
        self._nodes += piece.nodes
        self._check_budget()
        self._copied.append((piece.rows, shift))
        for rule, (_, start) in zip(rules, piece.parts, strict=True):
            self._epsilons += (start + shift, rule.start)
        return Rule(piece.start + shift, piece.end + shift)

    def include(self, program: Program) -> Rule:
        """Add a built network as a rule of this one."""
        program.check_inclusion()
        shift = self._nodes
        self._nodes += program.nodes
        texts = np.flatnonzero(program.text)
        last = np.append(program.representatives[1:], SYMBOLS) - 1
        source = np.arange(program.nodes, dtype=np.int32)
        (first, final, target), nodes = program.edges.T, np.repeat(source, np.diff(program.edge_ptr))
        tables = {
            "finals": np.flatnonzero(program.final)[:, None],
            "texts": np.stack([texts, texts], 1),
            "edges": np.stack([nodes, program.representatives[first], last[final], target], 1),
        }
        for kind, pointers, rows in (
            ("epsilons", program.epsilon_ptr, program.epsilons),
            ("calls", program.call_ptr, program.calls),
            ("repeats", program.repeat_ptr, program.repeats),
        ):
            tables[kind] = np.column_stack([np.repeat(source, np.diff(pointers)), rows])
        self._copied.append((joined(tables), shift))
        self._include_scopes(program, shift)
        return Rule(program.start + shift, program.end + shift)

    def _include_scopes(self, program: Program, shift: int) -> None:
        first = len(self._scopes) // 2
        self._scopes.extend(program.scopes[:, 1:3].reshape(-1).tolist())
        for i, scope in enumerate(program.scopes):
            self._lengths.append(tuple(program.lengths[scope[9] : scope[9] + scope[10]].tolist()))
            for number, required, _ in program.items[scope[4] : scope[4] + scope[3]]:
                self._items.extend((first + i, int(number), int(required)))
        nodes = np.arange(program.nodes) + shift
        sources = np.repeat(nodes, np.diff(program.scoped_ptr)).tolist()
        for a, (start, number) in zip(sources, program.scoped.tolist(), strict=True):
            scope = program.scopes[number]
            self._scoped.extend((a, start + shift, first + number, int(scope[0]) + shift, int(scope[8]) + shift))
        sources = np.repeat(nodes, np.diff(program.option_ptr)).tolist()
        for a, (code, start, behind, number) in zip(sources, program.options.tolist(), strict=True):
            if code == FURTHER:
                self._further.extend((a, start + shift, first + number, behind + shift))
            else:
                self._options.extend((a, code, start + shift, behind + shift, first + number))
        for node in np.flatnonzero(program.before).tolist():
            self._before.extend((node + shift, int(program.before[node])))

    def build(self) -> Program:
        """Trim, merge nodes with the same future, measure and freeze. Raises EmptyLanguage when nothing matches."""
        tables: dict[str, Any] = {kind: table(getattr(self, f"_{kind}"), n) for kind, n in COLUMNS.items()}
        if self._copied:
            tables |= with_copies(tables, self._copied)
        return assemble(Tables(self._nodes, *self.main, self._lengths, **tables))


class _Piece(NamedTuple):
    """A rule to be copied: its rows, and the pieces that it calls or repeats: their keys and where they would start."""

    nodes: int
    start: int
    end: int
    rows: Int32Array
    parts: list[tuple[Any, int]]


@lru_cache(maxsize=1024)
def _piece(key: tuple[Any, ...]) -> _Piece:
    fill, *arguments = key
    network = Network()
    network._is_piece = True
    fill(network, network.main, *arguments)
    tables = {kind: table(getattr(network, f"_{kind}"), COLUMNS[kind]) for kind in COPIED}
    return _Piece(network._nodes, *network.main, joined(tables), network._parts)
