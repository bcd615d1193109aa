"""Numba kernels that `network.py` uses to build a program: shortest completions and grouping of edges by source."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

UNREACHABLE = 1 << 30


@njit(cache=True)
def shortest_completions(
    final: NDArray[np.int32],
    edge_ptr: NDArray[np.int32],
    edges: NDArray[np.int32],
    epsilon_ptr: NDArray[np.int32],
    epsilons: NDArray[np.int32],
    call_ptr: NDArray[np.int32],
    calls: NDArray[np.int32],
    repeat_ptr: NDArray[np.int32],
    repeats: NDArray[np.int32],
) -> NDArray[np.int32]:
    """Length in bytes of the shortest way from each node to the end of its rule; UNREACHABLE where there is none.

    Relaxation to the fixed point, sweeping the nodes backwards and forwards in turn: builders number nodes along the
    text, so that few sweeps are needed. Rows are grouped by `group`.
    """
    limit = np.int64(UNREACHABLE)
    nodes = final.size
    best = np.full(nodes, limit, np.int64)
    for v in range(nodes):
        if final[v]:
            best[v] = 0
    changed = True
    backwards = True
    while changed:
        changed = False
        for i in range(nodes):
            v = nodes - 1 - i if backwards else i
            cost = best[v]
            for e in range(edge_ptr[v], edge_ptr[v + 1]):
                cost = min(cost, best[edges[e, 2]] + 1)
            for e in range(epsilon_ptr[v], epsilon_ptr[v + 1]):
                cost = min(cost, best[epsilons[e, 0]])
            for e in range(call_ptr[v], call_ptr[v + 1]):
                cost = min(cost, best[calls[e, 0]] + best[calls[e, 1]])
            for e in range(repeat_ptr[v], repeat_ptr[v + 1]):
                rest, rounds = best[repeats[e, 1]], np.int64(repeats[e, 2])
                if rounds > 0 and rest < limit:
                    body = best[repeats[e, 0]]
                    rest = limit if body >= limit else min(limit - 1, rounds * body + rest)
                cost = min(cost, rest)
            if cost < best[v]:
                best[v] = cost
                changed = True
        backwards = not backwards
    return best.astype(np.int32)


@njit(cache=True)
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


@njit(cache=True)
def representatives(
    edges: NDArray[np.int32], pointers: NDArray[np.int32], plain: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """For every node the first one with the same outgoing byte edges, so that states reach the same nodes early.

    `edges` [n, 3] (lo, hi, target) grouped by `pointers`; only nodes marked in `plain`, which have byte edges alone
    and are not final, are merged. Rounds go on until nothing merges any more.
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
            h = np.uint64(end - begin)
            for e in range(begin, end):
                cell = np.uint64(edges[e, 0] * 256 + edges[e, 1]) + (np.uint64(same[edges[e, 2]]) << np.uint64(17))
                h = (h ^ cell) * np.uint64(0x9E3779B97F4A7C15)
                h ^= h >> np.uint64(29)
            i = np.int64(h & np.uint64(slots - 1))
            while table[i] >= 0:
                u = table[i]
                first = pointers[u]
                equal = pointers[u + 1] - first == end - begin
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
