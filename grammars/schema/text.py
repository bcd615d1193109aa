"""JSON text as network pieces: characters of strings and their spellings, string literals, whitespace (RFC 8259).

Free strings take every legal spelling of a character. Where the text of a string matters (keys, enum, pattern, format)
the canonical spellings are taken: printable ASCII raw (`"` and `\\` escaped, `/` raw or `\\/`), control characters by short
escape or `\\u00XX`, everything else raw or as `\\uXXXX`. Surrogate pairs are one character, lone surrogates none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from ..characters import Ranges, from_pairs, intersect, subtract
from ..errors import GrammarError
from ..network import Network, Rule
from ..utf8 import add_characters

SHORT = {0x22: b'"', 0x5C: b"\\", 0x2F: b"/", 0x08: b"b", 0x0C: b"f", 0x0A: b"n", 0x0D: b"r", 0x09: b"t"}
RAW_ASCII: Ranges = ((0x20, 0x21), (0x23, 0x5B), (0x5D, 0x7F))
NON_ASCII: Ranges = ((0x80, 0xD7FF), (0xE000, 0x10FFFF))
SPELLED_IN_HEX: Ranges = ((0x00, 0x1F), (0x7F, 0xD7FF), (0xE000, 0x10FFFF))
CHARACTERS: Ranges = ((0x00, 0xD7FF), (0xE000, 0x10FFFF))
# What is not spelled as a raw ASCII byte, or not only so.
SPECIAL: Ranges = ((0x00, 0x1F), (0x22, 0x22), (0x2F, 0x2F), (0x5C, 0x5C), (0x7F, 0xD7FF), (0xE000, 0x10FFFF))
PLAIN = re.compile(r"[ !#-.0-\[\]-~]*")

MAX_SPACES, MAX_TABS = 24, 8


@lru_cache(maxsize=8192)
def _split(ranges: Ranges) -> tuple[Ranges, Ranges]:
    """The part spelled as raw ASCII bytes, and the part that needs UTF-8 or an escape."""
    return intersect(ranges, RAW_ASCII), intersect(ranges, SPECIAL)


def add_json_characters(net: Network, a: int, ranges: Ranges, b: int) -> None:
    """Add the canonical spellings of one character of `ranges` between the nodes a and b."""
    raw, rest = _split(ranges)
    for low, high in raw:
        net.edge(a, low, high, b)
    if rest:
        net.epsilon(a, _spelled(net, rest, intersect(rest, SPELLED_IN_HEX), b))


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
    """low..high as (first, last, low rest, high rest): leading digits first..last in base `unit`, each with all rests."""
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


def free_string(net: Network) -> Rule:
    """Rule of all strings, quotes included: one looping node."""
    rule: Rule | None = net.memo.get("free string")
    if rule is None:
        rule = net.memo["free string"] = net.rule()
        body = net.node()
        net.edge(rule.start, 0x22, 0x22, body)
        add_any_character(net, body, body)
        net.edge(body, 0x22, 0x22, rule.end)
    return rule


def bounded_string(net: Network, minimum: int, maximum: int | None) -> Rule:
    """Rule of all strings of `minimum` to `maximum` characters, quotes included."""
    key = ("bounded string", minimum, maximum)
    rule: Rule | None = net.memo.get(key)
    if rule is None:
        rule = net.memo[key] = net.rule()
        character: Rule | None = net.memo.get("character")
        if character is None:
            character = net.memo["character"] = net.rule()
            add_any_character(net, character.start, character.end)
        before, after = net.node(), net.node()
        net.edge(rule.start, 0x22, 0x22, before)
        net.repeat(before, character, after, minimum, maximum)
        net.edge(after, 0x22, 0x22, rule.end)
    return rule


def add_literal(net: Network, a: int, text: str, b: int) -> None:
    """Add the string `text` in canonical spelling, quotes included, between the nodes a and b."""
    if PLAIN.fullmatch(text):
        net.literal(a, b'"' + text.encode() + b'"', b)
        return
    node = net.literal(a, b'"')
    for character in text:
        after = net.node()
        add_json_characters(net, node, ((ord(character), ord(character)),), after)
        node = after
    net.edge(node, 0x22, 0x22, b)


Trie = dict[str, Any]  # a set of strings: nested by character, the key "" marks an end


def trie(strings: Iterable[str]) -> Trie:
    """The strings as a trie."""
    root: Trie = {}
    for text in strings:
        node = root
        for character in text:
            below = node.get(character)
            if below is None:
                below = node[character] = {}
            node = below
        node[""] = None
    return root


def add_one_of(net: Network, a: int, strings: Iterable[str], b: int) -> None:
    """Add the given strings in canonical spelling, quotes included; they share their beginnings and the end."""
    start, leaf = net.node(), net.node()
    net.edge(a, 0x22, 0x22, start)
    net.edge(leaf, 0x22, 0x22, b)
    stack = [(trie(strings), start)]
    while stack:
        branch, node = stack.pop()
        for character, below in branch.items():
            if not character:
                net.epsilon(node, leaf)
                continue
            if len(below) == 1 and "" in below:
                after = leaf
            else:
                after = net.node()
                stack.append((below, after))
            code = ord(character)
            if PLAIN.fullmatch(character):
                net.edge(node, code, code, after)
            else:
                add_json_characters(net, node, ((code, code),), after)


def _key_rests(net: Network) -> tuple[Rule, Rule]:
    """Rules for the rest of a free key, closing quote included: any rest, and one that begins with a character that
    is not a raw printable ASCII byte."""
    rules: tuple[Rule, Rule] | None = net.memo.get("key rests")
    if rules is None:
        rest, special = rules = net.memo["key rests"] = (net.rule(), net.rule())
        for low, high in RAW_ASCII:
            net.edge(rest.start, low, high, rest.start)
        spelled = _spelled(net, SPECIAL, intersect(SPECIAL, SPELLED_IN_HEX), rest.start)
        net.epsilon(rest.start, spelled)
        net.edge(rest.start, 0x22, 0x22, rest.end)
        # The same first character inside the other rule, then the shared rest.
        after = net.node()
        net.epsilon(special.start, _spelled(net, SPECIAL, intersect(SPECIAL, SPELLED_IN_HEX), after))
        net.call(after, rest, special.end)
    return rules


def free_key(net: Network, excluded: frozenset[str]) -> Rule:
    """Rule of all keys in canonical spelling, quotes included, but for the `excluded` ones."""
    key = ("free key", excluded)
    rule: Rule | None = net.memo.get(key)
    if rule is not None:
        return rule
    rule = net.memo[key] = net.rule()
    rest, special = _key_rests(net)
    start, free = net.node(), net.node()
    net.edge(rule.start, 0x22, 0x22, start)
    net.call(free, rest, rule.end)
    stack = [(trie(excluded), start)]
    while stack:
        branch, node = stack.pop()
        if not branch:
            net.epsilon(node, free)
            continue
        if "" not in branch:
            net.edge(node, 0x22, 0x22, rule.end)
        known: list[int] = []
        ordinary = True
        for character, below in branch.items():
            if not character:
                continue
            code = ord(character)
            known.append(code)
            after = net.node()
            stack.append((below, after))
            if PLAIN.fullmatch(character):
                net.edge(node, code, code, after)
            else:
                ordinary = False
                add_json_characters(net, node, ((code, code),), after)
        if ordinary:
            net.call(node, special, rule.end)
            for low, high in _others(tuple(sorted(known))):
                net.edge(node, low, high, free)
        else:
            others = subtract(CHARACTERS, from_pairs((code, code) for code in known))
            add_json_characters(net, node, others, free)
    return rule


@lru_cache(maxsize=4096)
def _others(known: tuple[int, ...]) -> Ranges:
    """Raw ASCII bytes besides the given ones."""
    return subtract(RAW_ASCII, from_pairs((code, code) for code in known))


class Layout:
    """Where whitespace may stand: nowhere ("compact"), or after `{ [ , :` and before `} ] , :` ("flexible").

    A flexible gap is nothing, one space, or one newline followed by at most 24 spaces or 8 tabs: never an unbounded run.
    """

    def __init__(self, whitespace: str) -> None:
        if whitespace not in ("flexible", "compact"):
            raise GrammarError(f"whitespace must be 'flexible' or 'compact', not {whitespace!r}")
        self.flexible = whitespace == "flexible"

    def gap(self, net: Network, a: int) -> int:
        """The node after optional whitespace at a."""
        if not self.flexible:
            return a
        after = net.node()
        net.call(a, self._gap(net), after)
        return after

    def mark(self, net: Network, a: int, byte: int, b: int, *, before: bool = False) -> None:
        """Add `byte` and the whitespace after it (and before it, if so asked) between the nodes a and b."""
        if not self.flexible:
            net.edge(a, byte, byte, b)
            return
        key = ("mark", byte, before)
        rule: Rule | None = net.memo.get(key)
        if rule is None:
            rule = net.memo[key] = net.rule()
            start, after = rule.start, net.node()
            if before:
                start = net.node()
                net.call(rule.start, self._gap(net), start)
            net.edge(start, byte, byte, after)
            net.call(after, self._gap(net), rule.end)
        net.call(a, rule, b)

    @staticmethod
    def _gap(net: Network) -> Rule:
        rule: Rule | None = net.memo.get("gap")
        if rule is None:
            rule = net.memo["gap"] = net.rule()
            start, end = rule
            net.epsilon(start, end)
            net.edge(start, 0x20, 0x20, end)
            line = net.node()
            net.edge(start, 0x0A, 0x0A, line)
            net.edge(net.literal(start, b"\r"), 0x0A, 0x0A, line)
            net.epsilon(line, end)
            for byte, count in ((0x20, MAX_SPACES), (0x09, MAX_TABS)):
                node = line
                for _ in range(count):
                    node = net.literal(node, bytes([byte]))
                    net.epsilon(node, end)
        return rule
