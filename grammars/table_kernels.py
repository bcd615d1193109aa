"""Numba kernels that `program.py` uses on tables of few rows, where calls of numpy would take most of the time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .arena import CONTROL, SYMBOLS
from .kernel import kernel

_LETTERS = np.frombuffer(b'"\\/bfnrtu0123456789abcdefABCDEF', np.uint8).astype(np.int32)


@kernel
def _with(
    own: NDArray[np.int32], rows: NDArray[np.int32], shifts: NDArray[np.int32], number: int, nodes: int
) -> NDArray[np.int32]:
    """The own rows and those of a table by its number; bit c of `nodes` is set where column c holds nodes."""
    count = own.shape[0]
    for i in range(rows.shape[0]):
        count += rows[i, 0] == number
    result = np.empty((count, own.shape[1]), np.int32)
    count = own.shape[0]
    for i in range(count):  # an assignment of slices would compile numpy's messages about shapes
        for c in range(own.shape[1]):
            result[i, c] = own[i, c]
    for i in range(rows.shape[0]):
        if rows[i, 0] == number:
            for c in range(own.shape[1]):
                result[count, c] = rows[i, c + 1] + (shifts[i] if nodes >> c & 1 else 0)
            count += 1
    return result


@kernel
def copies(
    rows: NDArray[np.int32],
    shifts: NDArray[np.int32],
    finals: NDArray[np.int32],
    texts: NDArray[np.int32],
    edges: NDArray[np.int32],
    epsilons: NDArray[np.int32],
    calls: NDArray[np.int32],
    repeats: NDArray[np.int32],
) -> tuple[NDArray[np.int32], ...]:
    """The tables with the rows added whose first column is their number, by so much shifted."""
    return (
        _with(finals, rows, shifts, 0, 0b1),
        _with(texts, rows, shifts, 1, 0b11),
        _with(edges, rows, shifts, 2, 0b1001),
        _with(epsilons, rows, shifts, 3, 0b11),
        _with(calls, rows, shifts, 4, 0b111),
        _with(repeats, rows, shifts, 5, 0b111),
    )


@kernel
def kept(rows: NDArray[np.int32], live: NDArray[np.bool_], columns: int) -> NDArray[np.int32]:
    """A copy of the rows whose nodes are all live; bit c of `columns` is set where column c holds nodes."""
    result = np.empty_like(rows)
    count = 0
    for i in range(rows.shape[0]):
        alive = True
        for c in range(rows.shape[1]):
            alive = alive and (not columns >> c & 1 or live[rows[i, c]])
            result[count, c] = rows[i, c]
        count += alive
    return result[:count]


@kernel
def redirect(rows: NDArray[np.int32], same: NDArray[np.int32], columns: int) -> None:
    """Put `same[v]` for each node v in the columns whose bits are set."""
    for c in range(rows.shape[1]):
        if columns >> c & 1:
            for i in range(rows.shape[0]):
                rows[i, c] = same[rows[i, c]]


@kernel
def merged(edges: NDArray[np.int32], same: NDArray[np.int32]) -> NDArray[np.int32]:
    """The edges of those nodes alone that stand for themselves, with the targets that `same` has for theirs."""
    result = np.empty_like(edges)
    count = 0
    for i in range(edges.shape[0]):
        if same[edges[i, 0]] == edges[i, 0]:
            for c in range(3):
                result[count, c] = edges[i, c]
            result[count, 3] = same[edges[i, 3]]
            count += 1
    return result[:count]


@kernel
def marked(runs: NDArray[np.int32], nodes: int) -> NDArray[np.int32]:
    """1 for the nodes in the runs (first and last node), else 0."""
    result = np.zeros(nodes + 1, np.int32)
    for i in range(runs.shape[0]):
        result[runs[i, 0]] += 1
        result[runs[i, 1] + 1] -= 1
    inside = 0
    for v in range(nodes):
        inside += result[v]
        result[v] = inside > 0
    return result[:nodes]


@kernel
def symbol_classes(
    edges: NDArray[np.int32], escapes: bool, all_apart: bool
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The class of every symbol, and the first symbol of each class; writes the classes into the edges.

    Symbols share one that no edge tells apart, nor an escape sequence if there are `escapes`.
    """
    cuts = np.zeros(SYMBOLS + 1, np.int32)
    if all_apart:
        cuts.fill(1)
    for i in range(edges.shape[0]):
        cuts[edges[i, 1]] = 1
        cuts[edges[i, 2] + 1] = 1
    if escapes:
        for letter in _LETTERS:
            cuts[letter] = 1
            cuts[letter + 1] = 1
    cuts[CONTROL] = 1
    classes = np.zeros(SYMBOLS, np.int32)
    firsts = np.zeros(SYMBOLS, np.int32)
    for symbol in range(1, SYMBOLS):
        classes[symbol] = classes[symbol - 1] + cuts[symbol]
        if cuts[symbol]:
            firsts[classes[symbol]] = symbol
    for i in range(edges.shape[0]):
        edges[i, 1] = classes[edges[i, 1]]
        edges[i, 2] = classes[edges[i, 2]]
    return classes, firsts[: classes[SYMBOLS - 1] + 1]
