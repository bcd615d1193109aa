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
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arena import ANOTHER, CONTROL, FAR, FURTHER, RECORDED, SCOPE_CELLS, SYMBOLS
from .budget import Budget
from .errors import BudgetExceeded, EmptyLanguage, GrammarError
from .network_kernels import UNREACHABLE, count_ways, group, representatives, shortest_completions

Int32Array = NDArray[np.int32]


class Scope(NamedTuple):
    """The body of a scope under construction, from `start` to `end`: see `Network.scope`."""

    start: int
    end: int
    number: int


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
    scoped_ptr: Int32Array
    scoped: Int32Array  # [n, 2]: start of the body, scope
    option_ptr: Int32Array
    options: Int32Array  # [n, 4]: code or number of the item, start of its rule, node behind it, scope
    scopes: Int32Array  # [n, 11]: see scope_kernels.py
    items: Int32Array  # [n, 3]: named items of the scopes: number, whether required, bytes of the shortest
    lengths: Int32Array  # of the shortest recorded texts of each scope
    ways: Int32Array  # per node of a rule whose texts are recorded: how many texts may follow
    before: Int32Array  # per node: 1 where a scope opens, 2 where an item must come, 2 + unmet needs; else 0

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
        self._scoped = array("i")  # node, start of the body, scope, node behind, start of the shortest
        self._options = array("i")  # node, code, start, node behind, scope
        self._further = array("i")  # node, node, scope, node before an item
        self._lengths: list[tuple[int, ...]] = []
        self._scopes = array("i")  # least and most items
        self._items = array("i")  # scope, number, whether required
        self._before = array("i")  # node, kind
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
        edges = _table(self._edges, 4)
        epsilons = _table(self._epsilons, 2)
        calls = _table(self._calls, 3)
        repeats = _table(self._repeats, 5)
        final = np.zeros(self._nodes, np.int32)
        final[np.frombuffer(self._finals, np.int32)] = 1
        scoped, options, further = _table(self._scoped, 5), _table(self._options, 5), _table(self._further, 4)
        ways = np.concatenate([calls, options[:, (0, 2, 3)], scoped[:, (0, 4, 3)]])
        distance = shortest_completions(final, edges, np.concatenate([epsilons, further[:, :2]]), ways, repeats)
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
        scoped = scoped[live[scoped[:, 0]] & live[scoped[:, 3]] & live[scoped[:, 4]]]
        options = options[live[options[:, 0]] & live[options[:, 2]] & live[options[:, 3]]]
        further = further[live[further[:, 0]] & live[further[:, 1]]]
        plain = final == 0
        for others in (epsilons, calls, repeats, scoped, options, further):
            plain[others[:, 0]] = False
        text = _marked(self._texts, self._nodes)
        edge_ptr, grouped_edges = group(edges, self._nodes)
        same = representatives(grouped_edges, edge_ptr, plain, text)
        edges = edges[same[edges[:, 0]] == edges[:, 0]]
        edges[:, 3] = same[edges[:, 3]]
        kinds = ((epsilons, (1,)), (calls, (1, 2)), (repeats, (1, 2)), (scoped, (1, 3, 4)), (options, (2, 3)))
        for others, nodes in (*kinds, (further, (1, 3))):
            others[:, nodes] = same[others[:, nodes]]
        recorded = options[options[:, 1] == RECORDED, 2]
        ways = np.zeros(self._nodes, np.int32)
        if len(recorded):
            ways = count_ways(recorded, *group(edges, self._nodes), *group(epsilons, self._nodes), final)
        classes = _symbol_classes(edges, bool(text.any()), bool(len(recorded)))
        edges[:, 1:3] = classes[edges[:, 1:3]]
        edge_ptr, grouped_edges = group(edges, self._nodes)
        epsilon_ptr, grouped_epsilons = group(epsilons, self._nodes)
        call_ptr, grouped_calls = group(calls, self._nodes)
        repeat_ptr, grouped_repeats = group(repeats, self._nodes)
        scopes, items = self._scope_tables(distance, scoped, options)
        scoped_ptr, grouped_scoped = group(scoped[:, :3], self._nodes)
        options = np.concatenate([options, _as_options(further)])
        option_ptr, grouped_options = group(options, self._nodes)
        before = np.zeros(self._nodes, np.int32)
        marks = _table(self._before, 2)
        before[marks[:, 0]] = marks[:, 1]
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
            scoped_ptr=scoped_ptr,
            scoped=grouped_scoped,
            option_ptr=option_ptr,
            options=grouped_options,
            scopes=scopes,
            items=items,
            lengths=np.array([n for own in self._lengths for n in own], np.int32),
            ways=ways,
            before=before,
        )

    def _scope_tables(
        self, distance: Int32Array, scoped: Int32Array, options: Int32Array
    ) -> tuple[Int32Array, Int32Array]:
        """The cells of all scopes, and their named items (those that are possible), cheapest first."""
        counts = _table(self._scopes, 2)
        scopes = np.zeros((len(counts), SCOPE_CELLS), np.int32)
        items: list[tuple[int, int, int]] = []
        costs: dict[tuple[int, int], int] = {}
        cheapest = dict.fromkeys(range(len(counts)), FAR)
        counted = set()
        for _, code, start, behind, number in options.tolist():
            bytes_needed = int(distance[start]) + int(distance[behind])
            if code >= 0:
                costs[number, code] = min(costs.get((number, code), FAR), bytes_needed)
                continue
            cheapest[number] = min(cheapest[number], bytes_needed)
            if code != ANOTHER:
                counted.add(number)
        named: dict[int, list[tuple[int, int, int]]] = {}
        for number, code, required in _table(self._items, 3).tolist():
            if (number, code) in costs:
                named.setdefault(number, []).append((code, required, costs[number, code]))
        places = {number: (behind, shortest) for _, _, number, behind, shortest in scoped.tolist()}
        for number, (least, most) in enumerate(counts.tolist()):
            own = sorted(named.get(number, []), key=lambda item: item[2])
            behind, shortest = places.get(number, (0, 0))
            required = sum(item[1] for item in own)
            others = (len(items), required, cheapest[number], int(number in counted), shortest)
            first = sum(map(len, self._lengths[:number]))
            scopes[number] = (behind, least, most, len(own), *others, first, len(self._lengths[number]))
            items += own
        return scopes, np.array(items, np.int32).reshape(-1, 3)


def _table(values: array[int], columns: int) -> Int32Array:
    if not values:
        return np.zeros((0, columns), np.int32)
    return np.frombuffer(values, np.int32).reshape(-1, columns)


def _as_options(further: Int32Array) -> Int32Array:
    rows = np.full((len(further), 5), FURTHER, np.int32)
    rows[:, (0, 2, 4, 3)] = further
    return rows


def _marked(runs: array[int], nodes: int) -> Int32Array:
    """1 for the nodes in the runs (pairs of first and last node), else 0."""
    borders = np.zeros(nodes + 1, np.int32)
    pairs = _table(runs, 2)
    np.add.at(borders, pairs[:, 0], 1)
    np.add.at(borders, pairs[:, 1] + 1, -1)
    return (np.cumsum(borders[:nodes]) > 0).astype(np.int32)


def _symbol_classes(edges: Int32Array, escapes: bool, recorded: bool) -> Int32Array:
    """Class of every symbol: those that no edge tells apart, no escape sequence and no record, share one."""
    if recorded:
        return np.arange(SYMBOLS, dtype=np.int32)
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
