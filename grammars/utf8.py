"""UTF-8 (RFC 3629) byte paths of sets of code points, added to a network with shared continuation nodes.

A set is split by encoded length; what may follow a lead byte is a set of numbers of k base-64 digits. Equal
remainders before the same target are one node (through `net.memo`), so that automaton states merge as early as they
can: all of Unicode takes six nodes. The plan of a set is worked out once in the process and replayed for every pair
of nodes.
"""

from __future__ import annotations

import threading
from functools import lru_cache

from .characters import Ranges, intersect
from .network import Network

SURROGATES = (0xD800, 0xDFFF)
_SCALARS: Ranges = ((0, SURROGATES[0] - 1), (SURROGATES[1] + 1, 0x10FFFF))
# (first code point, last code point, lead byte of code point 0 in this length, continuation bytes)
_LENGTHS = ((0x0, 0x7F, 0x00, 0), (0x80, 0x7FF, 0xC0, 1), (0x800, 0xFFFF, 0xE0, 2), (0x10000, 0x10FFFF, 0xF0, 3))

_SECOND = {0xE0: (0xA0, 0xBF), 0xED: (0x80, 0x9F), 0xF0: (0x90, 0xBF), 0xF4: (0x80, 0x8F)}  # after these lead bytes

Edges = tuple[tuple[int, int, int], ...]  # first byte, last byte, index of the tail after it (-1: the target)

_TAILS: list[Edges] = []
_TAIL_INDEX: dict[Edges, int] = {}
_TAIL_LOCK = threading.Lock()


def _split(ranges: Ranges, digits: int) -> list[tuple[int, int, Ranges]]:
    """Group numbers by all but their last `digits` base-64 digits: (first, last, remainders), equal ones joined."""
    span = 64**digits
    everything: Ranges = ((0, span - 1),)
    rows: list[tuple[int, int, list[tuple[int, int]]]] = []
    for low, high in ranges:
        first, last = low // span, high // span
        if low % span or first == last != (high + 1) // span - 1:
            piece = (low % span, min(high - first * span, span - 1))
            if rows and rows[-1][1] == first and rows[-1][0] == first:
                rows[-1][2].append(piece)
            else:
                rows.append((first, first, [piece]))
            first += 1
        whole = (high + 1) // span - 1
        if first <= whole:
            rows.append((first, whole, list(everything)))
            first = whole + 1
        if first == last:
            rows.append((first, first, [(0, high % span)]))
    joined: list[tuple[int, int, Ranges]] = []
    for first, last, pieces in rows:
        rest = tuple(pieces)
        if joined and joined[-1][1] == first - 1 and joined[-1][2] == rest:
            joined[-1] = (joined[-1][0], last, rest)
        else:
            joined.append((first, last, rest))
    return joined


@lru_cache(maxsize=65536)
def _tail(ranges: Ranges, digits: int) -> int:
    """Index of the tail that spells the numbers of `ranges` with this many continuation bytes; -1 for none."""
    if digits == 0:
        return -1
    edges = tuple((0x80 + lo, 0x80 + hi, _tail(rest, digits - 1)) for lo, hi, rest in _split(ranges, digits - 1))
    with _TAIL_LOCK:
        index = _TAIL_INDEX.setdefault(edges, len(_TAILS))
        if index == len(_TAILS):
            _TAILS.append(edges)
    return index


@lru_cache(maxsize=4096)
def _plan(ranges: Ranges) -> Edges:
    """Lead bytes of a set: (first byte, last byte, tail index or -1)."""
    edges: list[tuple[int, int, int]] = []
    for low, high, lead, digits in _LENGTHS:
        part = intersect(intersect(ranges, ((low, high),)), _SCALARS)
        edges.extend((lead + lo, lead + hi, _tail(rest, digits)) for lo, hi, rest in _split(part, digits))
    return tuple(edges)


def add_characters(net: Network, a: int, ranges: Ranges, b: int) -> None:
    """Add the UTF-8 encodings of the code points between nodes a and b; surrogates have none and are dropped."""
    for low, high, tail in _plan(ranges):
        net.edge(a, low, high, b if tail < 0 else _node(net, tail, b))


def _node(net: Network, tail: int, target: int) -> int:
    """The node from which the tail leads to the target; one in a network for each pair."""
    key = ("utf8", tail, target)
    node: int | None = net.memo.get(key)
    if node is None:
        node = net.memo[key] = net.node()
        for low, high, rest in _TAILS[tail]:
            net.edge(node, low, high, target if rest < 0 else _node(net, rest, target))
    return node


def follow(pending: str, byte: int) -> str | None:
    """The bytes, as characters, of the character that is still incomplete after `byte`; None where it is no UTF-8.

    `pending` is what was incomplete before it.
    """
    if not pending:
        return "" if byte < 0x80 else chr(byte) if 0xC2 <= byte <= 0xF4 else None
    lead = ord(pending[0])
    low, high = _SECOND.get(lead, (0x80, 0xBF)) if len(pending) == 1 else (0x80, 0xBF)
    if not low <= byte <= high:
        return None
    longer = pending + chr(byte)
    return "" if len(longer) == (2 if lead < 0xE0 else 3 if lead < 0xF0 else 4) else longer


def unfinished(text: str) -> str:
    """What is pending after these bytes (as characters), which begin some UTF-8."""
    pending = ""
    for character in text:
        pending = follow(pending, ord(character)) or ""
    return pending
