"""Numba kernels that `network.py` uses to build a program: shortest completions and grouping of edges by source."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .arena import CONTROL, QUOTE
from .kernel import kernel

UNREACHABLE = 1 << 30


@kernel
def cost(lo: int, hi: int) -> int:
    """Bytes that the shortest spelling of one of the symbols lo..hi takes."""
    if lo < CONTROL:
        return 1
    for symbol in range(lo, hi + 1):
        if symbol >= QUOTE or 8 <= symbol - CONTROL <= 10 or 12 <= symbol - CONTROL <= 13:
            return 2  # a short escape
    return 6


@kernel
def shortest_completions(
    final: NDArray[np.int32],
    edges: NDArray[np.int32],
    epsilons: NDArray[np.int32],
    calls: NDArray[np.int32],
    repeats: NDArray[np.int32],
) -> NDArray[np.int32]:
    """Length in bytes of the shortest way from each node to the end of its rule; UNREACHABLE where there is none.

    Relaxation to the fixed point from the final nodes backwards: a queue of nodes whose distance fell, and for every
    node the rows (edges, epsilons, calls, repeats; numbered in that order) whose cost it is part of.
    """
    limit = np.int64(UNREACHABLE)
    nodes = final.size
    n_edges, n_epsilons, n_calls = edges.shape[0], epsilons.shape[0], calls.shape[0]
    rows = n_edges + n_epsilons + n_calls + repeats.shape[0]
    pointers = np.zeros(nodes + 1, np.int32)
    used_by = np.empty(n_edges + n_epsilons + 2 * (n_calls + repeats.shape[0]), np.int32)
    for fill in range(2):  # a counting sort: count, then place
        for i in range(rows):
            second = -1
            if i < n_edges:
                first = edges[i, 3]
            elif i < n_edges + n_epsilons:
                first = epsilons[i - n_edges, 1]
            elif i < n_edges + n_epsilons + n_calls:
                first, second = calls[i - n_edges - n_epsilons, 1], calls[i - n_edges - n_epsilons, 2]
            else:
                j = i - n_edges - n_epsilons - n_calls
                first, second = repeats[j, 1], repeats[j, 2]
            if fill:
                pointers[first] -= 1
                used_by[pointers[first]] = i
                if second >= 0:
                    pointers[second] -= 1
                    used_by[pointers[second]] = i
            else:
                pointers[first] += 1
                if second >= 0:
                    pointers[second] += 1
        if not fill:
            for v in range(nodes):
                pointers[v + 1] += pointers[v]  # the end of v's rows; placing moves it to their beginning
    best = np.full(nodes, limit, np.int64)
    queue = np.empty(nodes + 1, np.int32)
    waits = np.zeros(nodes, np.bool_)
    head, tail = 0, 0
    for v in range(nodes):
        if final[v]:
            best[v] = 0
            queue[tail], waits[v] = v, True
            tail += 1
    while head != tail:
        v = queue[head]
        head = (head + 1) % (nodes + 1)
        waits[v] = False
        for at in range(pointers[v], pointers[v + 1]):
            i = used_by[at]
            if i < n_edges:
                source, total = edges[i, 0], best[edges[i, 3]] + cost(edges[i, 1], edges[i, 2])
            elif i < n_edges + n_epsilons:
                source, total = epsilons[i - n_edges, 0], best[epsilons[i - n_edges, 1]]
            elif i < n_edges + n_epsilons + n_calls:
                j = i - n_edges - n_epsilons
                source, total = calls[j, 0], best[calls[j, 1]] + best[calls[j, 2]]
            else:
                j = i - n_edges - n_epsilons - n_calls
                source, total, rounds = repeats[j, 0], best[repeats[j, 2]], np.int64(repeats[j, 3])
                if rounds > 0 and total < limit:
                    body = best[repeats[j, 1]]
                    total = limit if body >= limit else min(limit - 1, rounds * body + total)
            if total < best[source]:
                best[source] = total
                if not waits[source]:
                    queue[tail], waits[source] = source, True
                    tail = (tail + 1) % (nodes + 1)
    return best.astype(np.int32)


@kernel
def group(table: NDArray[np.int32], nodes: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Counting sort of the rows by their first column; returns row pointers [nodes + 1] and the other columns."""
    pointers = np.zeros(nodes + 1, np.int32)
    for i in range(table.shape[0]):
        pointers[table[i, 0] + 1] += 1
    for v in range(nodes):
        pointers[v + 1] += pointers[v]
    place = pointers[:-1].copy()
    rows = np.empty((table.shape[0], table.shape[1] - 1), np.int32)
    for i in range(table.shape[0]):
        j = place[table[i, 0]]
        place[table[i, 0]] = j + 1
        for c in range(1, table.shape[1]):
            rows[j, c - 1] = table[i, c]
    return pointers, rows


@kernel
def representatives(
    edges: NDArray[np.int32], pointers: NDArray[np.int32], plain: NDArray[np.bool_], kinds: NDArray[np.int32]
) -> NDArray[np.int32]:
    """For every node the first one with the same outgoing byte edges, so that states reach the same nodes early.

    `edges` [n, 3] (lo, hi, target) grouped by `pointers`; only nodes marked in `plain`, which have byte edges alone
    and are not final, are merged, and only if they are of the same kind. Rounds go on until nothing merges any more.
    """
    nodes = pointers.size - 1
    same = np.arange(nodes).astype(np.int32)
    slots = 16
    while slots < 2 * nodes:
        slots *= 2
    changed = True
    while changed:
        changed = False
        table = np.full(slots, -1, np.int32)
        for v in range(nodes):
            if not plain[v] or same[v] != v:
                continue
            begin, end = pointers[v], pointers[v + 1]
            h = np.uint64(2 * (end - begin) + kinds[v])
            for e in range(begin, end):
                cell = np.uint64(edges[e, 0] * 512 + edges[e, 1]) + (np.uint64(same[edges[e, 2]]) << np.uint64(18))
                h = (h ^ cell) * np.uint64(0x9E3779B97F4A7C15)
                h ^= h >> np.uint64(29)
            i = np.int64(h & np.uint64(slots - 1))
            while table[i] >= 0:
                u = table[i]
                first = pointers[u]
                equal = pointers[u + 1] - first == end - begin and kinds[u] == kinds[v]
                e = begin
                while equal and e < end:
                    d = first + e - begin
                    equal = (
                        edges[d, 0] == edges[e, 0]
                        and edges[d, 1] == edges[e, 1]
                        and same[edges[d, 2]] == same[edges[e, 2]]
                    )
                    e += 1
                if equal:
                    same[v] = u
                    changed = True
                    break
                i = (i + 1) & (slots - 1)
            if same[v] == v:
                table[i] = v
    for v in range(nodes):
        while same[same[v]] != same[v]:
            same[v] = same[same[v]]
    return same


@kernel
def count_ways(
    starts: NDArray[np.int32],
    edge_ptr: NDArray[np.int32],
    edges: NDArray[np.int32],
    epsilon_ptr: NDArray[np.int32],
    epsilons: NDArray[np.int32],
    final: NDArray[np.int32],
) -> NDArray[np.int32]:
    """How many texts lead from each node that the starts reach to the end of its rule, at most UNREACHABLE - 1, which
    stands for infinitely many too. `edges` [n, 3] (lo, hi, target); each text is taken to have one way only."""
    nodes = final.size
    limit = np.int64(UNREACHABLE - 1)
    result = np.zeros(nodes, np.int64)
    seen = np.zeros(nodes, np.int8)  # 1: below it something is still to do; 2: done
    stack = np.empty(nodes + 1, np.int32)
    place = np.zeros(nodes, np.int32)
    for start in starts:
        if seen[start]:
            continue
        depth = 0
        stack[0], seen[start] = start, 1
        result[start] = final[start]
        while depth >= 0:
            v = stack[depth]
            of_edges = edge_ptr[v + 1] - edge_ptr[v]
            i = place[v]
            if i < of_edges + epsilon_ptr[v + 1] - epsilon_ptr[v]:
                if i < of_edges:
                    row = edge_ptr[v] + i
                    target, width = edges[row, 2], np.int64(edges[row, 1] - edges[row, 0] + 1)
                else:
                    target, width = epsilons[epsilon_ptr[v] + i - of_edges, 0], np.int64(1)
                if seen[target] == 0:
                    depth += 1
                    stack[depth], seen[target] = target, 1
                    result[target] = final[target]
                    continue
                place[v] = i + 1
                ways = limit if seen[target] == 1 else result[target]  # on a way that is not done: a cycle
                result[v] = min(limit, result[v] + min(limit, width * ways))
            else:
                seen[v] = 2
                depth -= 1
    return result.astype(np.int32)
