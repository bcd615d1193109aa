"""The characters of a JSON string as network pieces (RFC 8259, section 7).

A network reads them decoded; every legal spelling of a character, raw or by escape, is the engine's matter
(`escape_kernels.py`). Surrogate pairs are one character, lone surrogates none.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

from ..arena import BACKSLASH, CONTROL, QUOTE
from ..characters import Ranges, intersect
from ..network import Network
from ..utf8 import add_characters

CHARACTERS: Ranges = ((0x00, 0xD7FF), (0xE000, 0x10FFFF))
RAW_ASCII: Ranges = ((0x20, 0x21), (0x23, 0x5B), (0x5D, 0x7F))
BEYOND_ASCII: Ranges = ((0x80, 0xD7FF), (0xE000, 0x10FFFF))
# Symbols that are bytes: printable, with no need of an escape.
PLAIN_CHARACTERS = frozenset(chr(code) for code in range(0x20, 0x7F)) - {'"', "\\"}

Special = tuple[tuple[tuple[int, int], ...], Ranges]  # symbols (first, last) that must be escaped, and what is no ASCII


def add_json_characters(net: Network, a: int, ranges: Ranges, b: int) -> None:
    """Add one character of `ranges` between the nodes a and b."""
    # By identity, as hashing long sets takes longer than all else; the set is kept with it, so that its id stays taken.
    splits: dict[int, tuple[Ranges, Ranges, Special | None]] = net.memo.setdefault("splits", {})
    known = splits.get(id(ranges))
    if known is None:
        known = splits[id(ranges)] = (ranges, *_split(ranges))
    _, raw, special = known
    net.characters(a, raw, b)
    if special is not None:
        net.epsilon(a, _special_node(net, special, b))


def add_other_characters(net: Network, a: int, known: tuple[str, ...], b: int) -> None:
    """Add one character other than the `known` ones, which are PLAIN_CHARACTERS."""
    net.characters(a, _others(known), b)
    special = _split(CHARACTERS)[1]
    assert special is not None
    net.epsilon(a, _special_node(net, special, b))


@lru_cache(maxsize=8192)
def _others(known: tuple[str, ...]) -> Ranges:
    """The other printable ASCII characters that need no escape."""
    codes = sorted([0x1F, *map(ord, known), 0x22, 0x5C, 0x80])
    return tuple((low + 1, high - 1) for low, high in pairwise(codes) if low + 1 < high)


@lru_cache(maxsize=8192)
def _split(ranges: Ranges) -> tuple[Ranges, Special | None]:
    """The part that is raw ASCII bytes, and the rest."""
    symbols = [(CONTROL + low, CONTROL + high) for low, high in intersect(ranges, ((0x00, 0x1F),))]
    symbols += [(s, s) for code, s in ((0x22, QUOTE), (0x5C, BACKSLASH)) if intersect(ranges, ((code, code),))]
    beyond = intersect(ranges, BEYOND_ASCII)
    return intersect(ranges, RAW_ASCII), _special(tuple(symbols), beyond) if symbols or beyond else None


@lru_cache(maxsize=8192)
def _special(symbols: tuple[tuple[int, int], ...], beyond: Ranges) -> Special:
    """Always the same object, as far as it is remembered."""
    return symbols, beyond


def _special_node(net: Network, special: Special, b: int) -> int:
    """A node from which the special characters lead to b; one in a network for each pair."""
    nodes: dict[tuple[int, int], tuple[int, Special]] = net.memo.setdefault("special", {})
    key = (id(special), b)
    if key in nodes:
        node = nodes[key][0]
    else:
        node = net.node()
        nodes[key] = (node, special)
        symbols, beyond = special
        net.characters(node, symbols, b)
        if beyond:
            add_characters(net, node, beyond, b)
    return node
