"""The spellings of one character inside a JSON string, as network pieces (RFC 8259, section 7).

Free strings take every legal spelling of a character. Where the text of a string matters (keys, enum, pattern, format)
the canonical spellings are taken: printable ASCII raw (`"` and `\\` escaped, `/` raw or `\\/`), control characters by
short escape or `\\u00XX`, everything else raw or as `\\uXXXX`. Surrogate pairs are one character, lone surrogates none.
The pieces of a set are worked out once in the process and replayed for every pair of nodes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from ..characters import Ranges, intersect
from ..network import Network
from ..utf8 import add_characters

SHORT = {0x22: b'"', 0x5C: b"\\", 0x2F: b"/", 0x08: b"b", 0x0C: b"f", 0x0A: b"n", 0x0D: b"r", 0x09: b"t"}
RAW_ASCII: Ranges = ((0x20, 0x21), (0x23, 0x5B), (0x5D, 0x7F))
NON_ASCII: Ranges = ((0x80, 0xD7FF), (0xE000, 0x10FFFF))
SPELLED_IN_HEX: Ranges = ((0x00, 0x1F), (0x7F, 0xD7FF), (0xE000, 0x10FFFF))
CHARACTERS: Ranges = ((0x00, 0xD7FF), (0xE000, 0x10FFFF))
# Spelled in one way only, as themselves.
PLAIN_CHARACTERS = frozenset(chr(code) for code in range(0x20, 0x7F)) - {'"', "\\", "/"}
# What is not spelled as a raw ASCII byte, or not only so.
SPECIAL: Ranges = ((0x00, 0x1F), (0x22, 0x22), (0x2F, 0x2F), (0x5C, 0x5C), (0x7F, 0xD7FF), (0xE000, 0x10FFFF))


@dataclass(frozen=True, eq=False)
class Tail:
    """What may follow at some point: (first byte, last byte, what follows it); None: the end of the character."""

    edges: tuple[tuple[int, int, Tail | None], ...]


@dataclass(frozen=True, eq=False)
class Special:
    """Characters not, or not only, spelled as a raw ASCII byte: those taken in UTF-8, and all their escapes."""

    beyond: Ranges
    escaped: Tail


def add_json_characters(net: Network, a: int, ranges: Ranges, b: int) -> None:
    """Add the canonical spellings of one character of `ranges` between the nodes a and b."""
    raw, special = _split(ranges)
    for low, high in raw:
        net.edge(a, low, high, b)
    if special is not None:
        net.epsilon(a, _special_node(net, special, b))


def add_other_characters(net: Network, a: int, known: Iterable[str], b: int) -> None:
    """Add the canonical spellings of all characters but the `known` ones, which are PLAIN_CHARACTERS."""
    low = 0x20
    for code in sorted([*map(ord, known), 0x22, 0x5C, 0x80]):
        if low < code:
            net.edge(a, low, code - 1, b)
        low = code + 1
    net.epsilon(a, _special_node(net, _special(SPECIAL, SPELLED_IN_HEX), b))


def add_any_character(net: Network, a: int, b: int) -> None:
    """Add every legal spelling of every character between the nodes a and b."""
    for low, high in RAW_ASCII:
        net.edge(a, low, high, b)
    net.epsilon(a, _special_node(net, _special(SPECIAL, CHARACTERS), b))


@lru_cache(maxsize=8192)
def _split(ranges: Ranges) -> tuple[Ranges, Special | None]:
    """The part spelled as raw ASCII bytes, and the part spelled otherwise (too)."""
    rest = intersect(ranges, SPECIAL)
    return intersect(ranges, RAW_ASCII), _special(rest, intersect(ranges, SPELLED_IN_HEX)) if rest else None


@lru_cache(maxsize=8192)
def _special(ranges: Ranges, in_hex: Ranges) -> Special:
    """Characters of `ranges` in UTF-8 or by short escape, those of `in_hex` by number."""
    escapes: list[tuple[int, int, Tail | None]] = [
        (letter[0], letter[0], None) for code, letter in SHORT.items() if intersect(ranges, ((code, code),))
    ]
    numbers: list[tuple[int, int, Tail | None]] = []
    for low, high in in_hex:
        if low <= 0xFFFF:
            numbers += _hex(low, min(high, 0xFFFF), 4, None).edges
        if high > 0xFFFF:
            for first, last, low_rest, high_rest in _groups(max(low, 0x10000) - 0x10000, high - 0x10000, 0x400):
                second = _hex(0xDC00 + low_rest, 0xDC00 + high_rest, 4, None)
                numbers += _hex(0xD800 + first, 0xD800 + last, 4, _backslash_u(second)).edges
    if numbers:
        escapes.append((0x75, 0x75, Tail(tuple(numbers))))
    return Special(intersect(ranges, NON_ASCII), Tail(((0x5C, 0x5C, Tail(tuple(escapes))),)))


@lru_cache(maxsize=8192)
def _backslash_u(after: Tail) -> Tail:
    return Tail(((0x5C, 0x5C, Tail(((0x75, 0x75, after),))),))


def _special_node(net: Network, special: Special, b: int) -> int:
    """A node from which the special characters lead to b; one in a network for each pair."""
    key = (special, b)
    node: int | None = net.memo.get(key)
    if node is None:
        node = net.memo[key] = net.node()
        if special.beyond:
            add_characters(net, node, special.beyond, b)
        _add_tail(net, node, special.escaped, b)
    return node


def _add_tail(net: Network, a: int, tail: Tail, b: int) -> None:
    memo = net.memo
    for low, high, rest in tail.edges:
        target = b
        if rest is not None:
            key = (rest, b)
            if key not in memo:
                memo[key] = net.node()
                _add_tail(net, memo[key], rest, b)
            target = memo[key]
        net.edge(a, low, high, target)


def _groups(low: int, high: int, unit: int) -> list[tuple[int, int, int, int]]:
    """low..high as (first, last, low rest, high rest): leading digits first..last, each with all rests."""
    first, first_rest = divmod(low, unit)
    last, last_rest = divmod(high, unit)
    if first == last:
        return [(first, last, first_rest, last_rest)]
    groups = []
    if first_rest:
        groups.append((first, first, first_rest, unit - 1))
        first += 1
    whole_end = last if last_rest == unit - 1 else last - 1
    if first <= whole_end:
        groups.append((first, whole_end, 0, unit - 1))
    if whole_end < last:
        groups.append((last, last, 0, last_rest))
    return groups


@lru_cache(maxsize=8192)
def _hex(low: int, high: int, digits: int, after: Tail | None) -> Tail:
    """The numbers low..high in exactly `digits` hexadecimal digits of either case, then what is `after` them."""
    edges = []
    for first, last, low_rest, high_rest in _groups(low, high, 16 ** (digits - 1)):
        rest = _hex(low_rest, high_rest, digits - 1, after) if digits > 1 else after
        if first < 10:
            edges.append((0x30 + first, 0x30 + min(last, 9), rest))
        if last >= 10:
            edges += [(letter + max(first, 10) - 10, letter + last - 10, rest) for letter in (0x41, 0x61)]
    return Tail(tuple(edges))
