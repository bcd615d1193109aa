"""Programs: built networks as flat tables, and how the tables of a builder become one.

What cannot reach acceptance is trimmed, nodes with the same future are merged, shortest completions are measured, and
edges are sorted by their source and given in classes of symbols.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arena import ANOTHER, CONTROL, FAR, FURTHER, RECORDED, SCOPE_CELLS, VOID
from .errors import EmptyLanguage, GrammarError, Unsupported
from .network_kernels import UNREACHABLE, count_ways, group, representatives, shortest_completions
from .table_kernels import copies, kept, marked, merged, redirect, symbol_classes

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
    before: Int32Array  # per node: 1 where a scope opens, 2 where an item must come, 2 + unmet needs; else 0
    begins: Int32Array  # per node: BEGIN where a token begins that is not read while another can go on, VOID where one
    # has gone on that stands nowhere; else 0

    @property
    def nodes(self) -> int:
        """Number of nodes, trimmed ones included."""
        return len(self.final)

    @property
    def byte_classes(self) -> int:
        """Number of classes of bytes."""
        return int(self.classes[CONTROL - 1]) + 1

    def check_inclusion(self) -> None:
        """Raises Unsupported where tokens are of the longest match, for these depend on the whole text."""
        if self.begins.any():
            raise Unsupported("a grammar with lexing= other than 'dynamic' stands alone and cannot be put into others")


COLUMNS = {
    "finals": 1, "texts": 2, "edges": 4, "epsilons": 2, "calls": 3, "repeats": 5,
    "scoped": 5, "options": 5, "further": 4, "scopes": 2, "items": 3, "before": 2, "begins": 2,
}  # fmt: skip


COPIED = ("finals", "texts", "edges", "epsilons", "calls", "repeats")  # what pieces may hold


class Tables(NamedTuple):
    """What a builder collects (see `Network`), with as many COLUMNS."""

    nodes: int
    start: int
    end: int
    lengths: list[tuple[int, ...]]
    finals: Int32Array
    texts: Int32Array  # first and last node of runs
    edges: Int32Array  # node, first symbol, last symbol, target
    epsilons: Int32Array  # node, target
    calls: Int32Array  # node, start of the rule, node to return to
    repeats: Int32Array  # node, start of the body, node after the loop, minimum, maximum
    scoped: Int32Array  # node, start of the body, scope, node behind, start of the shortest
    options: Int32Array  # node, code, start, node behind, scope
    further: Int32Array  # node, node, scope, node before an item
    scopes: Int32Array  # least and most items
    items: Int32Array  # scope, number, whether required
    before: Int32Array  # node, kind
    begins: Int32Array  # node, BEGIN or VOID


def assemble(tables: Tables) -> Program:
    """Trim, merge nodes with the same future, measure and freeze. Raises EmptyLanguage when nothing matches."""
    nodes, repeats, further = tables.nodes, tables.repeats, tables.further
    final = np.zeros(nodes, np.int32)
    final[tables.finals[:, 0]] = 1
    ways, skips = tables.calls, tables.epsilons
    if len(tables.scopes):
        ways = np.concatenate([ways, tables.options[:, (0, 2, 3)], tables.scoped[:, (0, 4, 3)]])
        skips = np.concatenate([skips, further[:, :2]])
    distance = shortest_completions(final, tables.edges, skips, ways, repeats)
    if distance[tables.start] >= UNREACHABLE:
        raise EmptyLanguage("the grammar matches nothing: no byte string satisfies all of it")
    if len(repeats) and (distance[repeats[:, 1]] == 0).any():
        raise GrammarError("the body of a counted repetition matches the empty string")
    live = distance < UNREACHABLE
    live[tables.begins[:, 0]] |= tables.begins[:, 1] == VOID
    edges, epsilons = kept(tables.edges, live, 0b1001), kept(tables.epsilons, live, 0b11)
    calls, repeats = kept(tables.calls, live, 0b111), kept(repeats, live, 0b101)
    if len(repeats) and not live[repeats[:, 1]].all():
        # zero rounds are all that is left of a loop whose body matches nothing
        barren = ~live[repeats[:, 1]]
        epsilons = np.concatenate([epsilons, repeats[barren & (repeats[:, 3] == 0)][:, (0, 2)]])
        repeats = repeats[~barren]
    scoped, options = kept(tables.scoped, live, 0b11001), kept(tables.options, live, 0b1101)
    further = kept(further, live, 0b11)
    begins = np.zeros(nodes, np.int32)
    begins[tables.begins[:, 0]] = tables.begins[:, 1]
    plain = (final == 0) & (begins == 0)
    of_calls = ((calls, 0b110), (repeats, 0b110), (scoped, 0b11010), (options, 0b1100))
    others = [(rows, ends) for rows, ends in ((epsilons, 0b10), *of_calls, (further, 0b1010)) if len(rows)]
    for rows, _ in others:
        plain[rows[:, 0]] = False
    text = marked(tables.texts, nodes)
    edge_ptr, grouped_edges = group(edges, nodes)
    same = representatives(grouped_edges, edge_ptr, plain, text)
    edges = merged(edges, same)
    for rows, ends in others:
        redirect(rows, same, ends)
    recorded = options[options[:, 1] == RECORDED, 2]
    counts = np.zeros(nodes, np.int32)
    if len(recorded):
        counts = count_ways(recorded, *group(edges, nodes), *group(epsilons, nodes), final)
    classes, firsts = symbol_classes(edges, bool(text.any()), bool(len(recorded)))
    edge_ptr, grouped_edges = group(edges, nodes)
    epsilon_ptr, grouped_epsilons = group(epsilons, nodes)
    call_ptr, grouped_calls = group(calls, nodes)
    repeat_ptr, grouped_repeats = group(repeats, nodes)
    scopes, items = _scope_tables(tables, distance, scoped, options)
    scoped_ptr, grouped_scoped = group(np.ascontiguousarray(scoped[:, :3]), nodes)
    option_ptr, grouped_options = group(np.concatenate([options, _as_options(further)]), nodes)
    before = np.zeros(nodes, np.int32)
    before[tables.before[:, 0]] = tables.before[:, 1]
    return Program(
        start=int(same[tables.start]),
        end=tables.end,
        classes=classes,
        representatives=firsts,
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
        ways=counts,
        before=before,
        begins=begins,
    )


def _scope_tables(
    tables: Tables, distance: Int32Array, scoped: Int32Array, options: Int32Array
) -> tuple[Int32Array, Int32Array]:
    """The cells of all scopes, and their named items (those that are possible), cheapest first."""
    counts = tables.scopes
    scopes = np.zeros((len(counts), SCOPE_CELLS), np.int32)
    if not len(counts):
        return scopes, np.empty((0, 3), np.int32)
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
    for number, code, required in tables.items.tolist():
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


def table(values: list[int], columns: int) -> Int32Array:
    """Rows of so many columns, given one after another."""
    if not values:
        return np.empty((0, columns), np.int32)
    return np.array(values, np.int32).reshape(-1, columns)


def _as_options(further: Int32Array) -> Int32Array:
    rows = np.full((len(further), 5), FURTHER, np.int32)
    rows[:, (0, 2, 4, 3)] = further
    return rows


def joined(tables: dict[str, Int32Array]) -> Int32Array:
    """The tables named in COPIED as one, to be copied into networks: the number of the table, then its columns."""
    rows = np.zeros((sum(len(tables[kind]) for kind in COPIED), 6), np.int32)
    place = 0
    for number, kind in enumerate(COPIED):
        part = rows[place : place + len(tables[kind])]
        part[:, 0] = number
        part[:, 1 : COLUMNS[kind] + 1] = tables[kind]
        place += len(part)
    return rows


def with_copies(tables: dict[str, Int32Array], copied: list[tuple[Int32Array, int]]) -> dict[str, Int32Array]:
    """The tables named in COPIED with joined ones added, whose nodes are so far shifted."""
    rows = np.concatenate([piece for piece, _ in copied])
    shifts = np.repeat(np.array([shift for _, shift in copied], np.int32), [len(piece) for piece, _ in copied])
    found = copies(rows, shifts, *(tables[kind] for kind in COPIED))
    return dict(zip(COPIED, found, strict=True))
