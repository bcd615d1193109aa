"""The spellings of one character inside a JSON string, as network pieces (RFC 8259, section 7).

Free strings take every legal spelling of a character. Where the text of a string matters (keys, enum, pattern, format)
the canonical spellings are taken: printable ASCII raw (`"` and `\\` escaped, `/` raw or `\\/`), control characters by
short escape or `\\u00XX`, everything else raw or as `\\uXXXX`. Surrogate pairs are one character, lone surrogates none.
"""

from __future__ import annotations

from functools import lru_cache

from ..characters import Ranges, intersect
from ..network import Network
from ..utf8 import add_characters

SHORT = {0x22: b'"', 0x5C: b"\\", 0x2F: b"/", 0x08: b"b", 0x0C: b"f", 0x0A: b"n", 0x0D: b"r", 0x09: b"t"}
RAW_ASCII: Ranges = ((0x20, 0x21), (0x23, 0x5B), (0x5D, 0x7F))
NON_ASCII: Ranges = ((0x80, 0xD7FF), (0xE000, 0x10FFFF))
SPELLED_IN_HEX: Ranges = ((0x00, 0x1F), (0x7F, 0xD7FF), (0xE000, 0x10FFFF))
CHARACTERS: Ranges = ((0x00, 0xD7FF), (0xE000, 0x10FFFF))
# What is not spelled as a raw ASCII byte, or not only so.
SPECIAL: Ranges = ((0x00, 0x1F), (0x22, 0x22), (0x2F, 0x2F), (0x5C, 0x5C), (0x7F, 0xD7FF), (0xE000, 0x10FFFF))


@lru_cache(maxsize=8192)
def _split(ranges: Ranges) -> tuple[Ranges, Ranges, Ranges]:
    """The part spelled as raw ASCII bytes, the part spelled otherwise (too), and what of this may be in hexadecimal."""
    return intersect(ranges, RAW_ASCII), intersect(ranges, SPECIAL), intersect(ranges, SPELLED_IN_HEX)


def add_json_characters(net: Network, a: int, ranges: Ranges, b: int) -> None:
    """Add the canonical spellings of one character of `ranges` between the nodes a and b."""
    raw, rest, in_hex = _split(ranges)
    for low, high in raw:
        net.edge(a, low, high, b)
    if rest:
        net.epsilon(a, _spelled(net, rest, in_hex, b))


def add_any_character(net: Network, a: int, b: int) -> None:
    """Add every legal spelling of every character between the nodes a and b."""
    for low, high in RAW_ASCII:
        net.edge(a, low, high, b)
    net.epsilon(a, _spelled(net, SPECIAL, CHARACTERS, b))


def _spelled(net: Network, ranges: Ranges, in_hex: Ranges, b: int) -> int:
    """A node from which characters of `ranges` (in UTF-8 or by short escape) or `in_hex` (by number) lead to b."""
    key = ("json characters", ranges, in_hex, b)
    node: int | None = net.memo.get(key)
    if node is not None:
        return node
    node = net.memo[key] = net.node()
    beyond = intersect(ranges, NON_ASCII)
    if beyond:
        add_characters(net, node, beyond, b)
    escape = net.node()
    net.edge(node, 0x5C, 0x5C, escape)
    for code, letter in SHORT.items():
        if intersect(ranges, ((code, code),)):
            net.edge(escape, letter[0], letter[0], b)
    if in_hex:
        number = net.node()
        net.edge(escape, 0x75, 0x75, number)
        for low, high in in_hex:
            if low <= 0xFFFF:
                _add_hex(net, number, low, min(high, 0xFFFF), 4, b)
            if high > 0xFFFF:
                _add_pairs(net, number, max(low, 0x10000) - 0x10000, high - 0x10000, b)
    return node


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


def _add_hex(net: Network, a: int, low: int, high: int, digits: int, b: int) -> None:
    """Add the numbers low..high in exactly `digits` hexadecimal digits of either case."""
    for first, last, low_rest, high_rest in _groups(low, high, 16 ** (digits - 1)):
        target = b
        if digits > 1:
            key = ("hex", low_rest, high_rest, digits - 1, b)
            if key not in net.memo:
                net.memo[key] = net.node()
                _add_hex(net, net.memo[key], low_rest, high_rest, digits - 1, b)
            target = net.memo[key]
        if first < 10:
            net.edge(a, 0x30 + first, 0x30 + min(last, 9), target)
        if last >= 10:
            for letter in (0x41, 0x61):
                net.edge(a, letter + max(first, 10) - 10, letter + last - 10, target)


def _add_pairs(net: Network, a: int, low: int, high: int, b: int) -> None:
    """Add surrogate pairs (after the first `\\u`) of the code points 0x10000 + low..high."""
    for first, last, low_rest, high_rest in _groups(low, high, 0x400):
        key = ("second surrogate", low_rest, high_rest, b)
        if key not in net.memo:
            node = net.memo[key] = net.node()
            _add_hex(net, net.literal(node, b"\\u"), 0xDC00 + low_rest, 0xDC00 + high_rest, 4, b)
        _add_hex(net, a, 0xD800 + first, 0xD800 + last, 4, net.memo[key])
