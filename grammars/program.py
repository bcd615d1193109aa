"""Programs: built networks as flat tables, and how the tables of a builder become one.

What cannot reach acceptance is trimmed, nodes with the same future are merged, shortest completions are measured, and
edges are sorted by their source and given in classes of symbols.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arena import ANOTHER, CONTROL, FAR, FURTHER, RECORDED, SCOPE_CELLS, SYMBOLS
from .errors import EmptyLanguage, GrammarError
from .network_kernels import UNREACHABLE, count_ways, group, representatives, shortest_completions

Int32Array = NDArray[np.int32]


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
    before: Int32Array  # per node: 1 where a scope opens, 2 where an item must come, else 0

    @property
    def nodes(self) -> int:
        """Number of nodes, trimmed ones included."""
        return len(self.final)

    @property
    def byte_classes(self) -> int:
        """Number of classes of bytes."""
        return int(self.classes[CONTROL - 1]) + 1


class Tables(NamedTuple):
    """What a builder collects (see `Network`): rows one after another, and the number of their columns."""

    nodes: int
    start: int
    end: int
    finals: array[int]
    texts: array[int]  # 2: first and last node of runs
    edges: array[int]  # 4: node, first symbol, last symbol, target
    epsilons: array[int]  # 2: node, target
    calls: array[int]  # 3: node, start of the rule, node to return to
    repeats: array[int]  # 5: node, start of the body, node after the loop, minimum, maximum
    scoped: array[int]  # 5: node, start of the body, scope, node behind, start of the shortest
    options: array[int]  # 5: node, code, start, node behind, scope
    further: array[int]  # 4: node, node, scope, node before an item
    scopes: array[int]  # 2: least and most items
    items: array[int]  # 3: scope, number, whether required
    before: array[int]  # 2: node, kind
    lengths: list[tuple[int, ...]]


def assemble(tables: Tables) -> Program:
    """Trim, merge nodes with the same future, measure and freeze. Raises EmptyLanguage when nothing matches."""
    nodes = tables.nodes
    edges = _table(tables.edges, 4)
    epsilons = _table(tables.epsilons, 2)
    calls = _table(tables.calls, 3)
    repeats = _table(tables.repeats, 5)
    final = np.zeros(nodes, np.int32)
    final[np.frombuffer(tables.finals, np.int32)] = 1
    scoped, options, further = _table(tables.scoped, 5), _table(tables.options, 5), _table(tables.further, 4)
    ways = np.concatenate([calls, options[:, (0, 2, 3)], scoped[:, (0, 4, 3)]])
    distance = shortest_completions(final, edges, np.concatenate([epsilons, further[:, :2]]), ways, repeats)
    if distance[tables.start] >= UNREACHABLE:
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
    text = _marked(tables.texts, nodes)
    edge_ptr, grouped_edges = group(edges, nodes)
    same = representatives(grouped_edges, edge_ptr, plain, text)
    edges = edges[same[edges[:, 0]] == edges[:, 0]]
    edges[:, 3] = same[edges[:, 3]]
    kinds = ((epsilons, (1,)), (calls, (1, 2)), (repeats, (1, 2)), (scoped, (1, 3, 4)), (options, (2, 3)))
    for others, ends in (*kinds, (further, (1, 3))):
        others[:, ends] = same[others[:, ends]]
    recorded = options[options[:, 1] == RECORDED, 2]
    ways = np.zeros(nodes, np.int32)
    if len(recorded):
        ways = count_ways(recorded, *group(edges, nodes), *group(epsilons, nodes), final)
    classes = _symbol_classes(edges, bool(text.any()), bool(len(recorded)))
    edges[:, 1:3] = classes[edges[:, 1:3]]
    edge_ptr, grouped_edges = group(edges, nodes)
    epsilon_ptr, grouped_epsilons = group(epsilons, nodes)
    call_ptr, grouped_calls = group(calls, nodes)
    repeat_ptr, grouped_repeats = group(repeats, nodes)
    scopes, items = _scope_tables(tables, distance, scoped, options)
    scoped_ptr, grouped_scoped = group(scoped[:, :3], nodes)
    options = np.concatenate([options, _as_options(further)])
    option_ptr, grouped_options = group(options, nodes)
    before = np.zeros(nodes, np.int32)
    marks = _table(tables.before, 2)
    before[marks[:, 0]] = marks[:, 1]
    return Program(
        start=int(same[tables.start]),
        end=tables.end,
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
        lengths=np.array([n for own in tables.lengths for n in own], np.int32),
        ways=ways,
        before=before,
    )


def _scope_tables(
    tables: Tables, distance: Int32Array, scoped: Int32Array, options: Int32Array
) -> tuple[Int32Array, Int32Array]:
    """The cells of all scopes, and their named items (those that are possible), cheapest first."""
    counts = _table(tables.scopes, 2)
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
    for number, code, required in _table(tables.items, 3).tolist():
        if (number, code) in costs:
            named.setdefault(number, []).append((code, required, costs[number, code]))
    places = {number: (behind, shortest) for _, _, number, behind, shortest in scoped.tolist()}
    for number, (least, most) in enumerate(counts.tolist()):
        own = sorted(named.get(number, []), key=lambda item: item[2])
        behind, shortest = places.get(number, (0, 0))
        required = sum(item[1] for item in own)
        others = (len(items), required, cheapest[number], int(number in counted), shortest)
        first = sum(map(len, tables.lengths[:number]))
        scopes[number] = (behind, least, most, len(own), *others, first, len(tables.lengths[number]))
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
