"""JSON text as network pieces: strings, sets of strings, keys and whitespace (RFC 8259).

Strings of a set share their beginnings and their end; the keys that an object does not name are the complement of such
a tree.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..characters import Ranges, from_characters, subtract
from ..errors import GrammarError
from ..network import Network, Rule
from .spelling import CHARACTERS, PLAIN_CHARACTERS, add_json_characters, add_other_characters

PLAIN = re.compile(r"[ !#-\[\]-~]*")  # texts of PLAIN_CHARACTERS
MAX_SPACES, MAX_TABS = 40, 10
OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET, COMMA, COLON = b"{}[],:"


def free_string(net: Network) -> Rule:
    """Rule of all strings, quotes included: one looping node."""
    return net.piece(_fill_free_string)


def _fill_free_string(net: Network, rule: Rule) -> None:
    body = net.node()
    net.edge(rule.start, 0x22, 0x22, body)
    add_json_characters(net, body, CHARACTERS, body)
    net.edge(body, 0x22, 0x22, rule.end)


def character_of(net: Network, ranges: Ranges) -> Rule:
    """Rule of one character of the set."""
    return net.piece(_fill_character, ranges)


def _fill_character(net: Network, rule: Rule, ranges: Ranges) -> None:
    add_json_characters(net, rule.start, ranges, rule.end)


def bounded_string(net: Network, minimum: int, maximum: int | None) -> Rule:
    """Rule of all strings of `minimum` to `maximum` characters, quotes included."""
    key = ("bounded string", minimum, maximum)
    rule: Rule | None = net.memo.get(key)
    if rule is None:
        rule = net.memo[key] = net.rule()
        before, after = net.node(), net.node()
        net.edge(rule.start, 0x22, 0x22, before)
        net.repeat(before, character_of(net, CHARACTERS), after, minimum, maximum)
        net.edge(after, 0x22, 0x22, rule.end)
    return rule


def add_literal(net: Network, a: int, text: str, b: int) -> None:
    """Add the string `text`, quotes included, between the nodes a and b."""
    if PLAIN.fullmatch(text):
        net.quoted(a, text.encode(), b)
        return
    node = net.literal(a, b'"')
    for character in text:
        after = net.node()
        add_json_characters(net, node, ((ord(character), ord(character)),), after)
        node = after
    net.edge(node, 0x22, 0x22, b)


def add_one_of(net: Network, a: int, strings: Iterable[str], b: int) -> None:
    """Add the given strings, quotes included; they share their beginnings and the end."""
    start, leaf = net.node(), net.node()
    net.edge(a, 0x22, 0x22, start)
    net.edge(leaf, 0x22, 0x22, b)
    stack = [(sorted(set(strings)), 0, start)]
    while stack:
        names, depth, node = stack.pop()
        if len(names) == 1:
            _add_rest(net, node, names[0][depth:], leaf)
            continue
        for character, group in _by_character(names, depth).items():
            if not character:
                net.epsilon(node, leaf)
            else:
                after = net.node()
                _add_character(net, node, character, after)
                stack.append((group, depth + 1, after))


def _add_rest(net: Network, a: int, rest: str, b: int) -> None:
    """Add the characters of the rest of a string."""
    if PLAIN.fullmatch(rest):
        if rest:
            first = net.literal(a, rest[:1].encode())  # further nodes are numbered in sequence
            net.text(a)
            if rest[1:]:
                net.text(first, first + len(rest) - 2)
            a = net.literal(first, rest[1:].encode())
    else:
        for character in rest:
            after = net.node()
            _add_character(net, a, character, after)
            a = after
    net.epsilon(a, b)


def _by_character(names: list[str], depth: int) -> dict[str, list[str]]:
    """The names by their character at this depth ("": no more)."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name[depth : depth + 1], []).append(name)
    return groups


def free_key(net: Network, excluded: frozenset[str]) -> Rule:
    """Rule of all keys, quotes included, but for the `excluded` ones."""
    key = ("free key", excluded)
    rule: Rule | None = net.memo.get(key)
    if rule is not None:
        return rule
    rule = net.memo[key] = net.rule()
    start, end = net.node(), rule.end
    net.edge(rule.start, 0x22, 0x22, start)
    ones: dict[str, Rule] = net.memo.setdefault("key rests", {})  # the rests but for one character
    stack = [(sorted(excluded), 0, start)]
    while stack:
        names, depth, node = stack.pop()
        if len(names) == 1:  # most of the way: one name left, written without a trie
            rest = names[0][depth:]
            exits = []
            for character in rest:
                other = ones.get(character)
                if other is None:
                    other = ones[character] = _key_rest(net, (character,))
                exits.append(other)
            if PLAIN.fullmatch(rest):
                node = net.branching(node, rest.encode(), exits, end)
            else:
                for character, other in zip(rest, exits, strict=True):
                    net.call(node, other, end)
                    after = net.node()
                    _add_character(net, node, character, after)
                    node = after
            net.call(node, _key_rest(net, ("",)), end)
            continue
        groups = _by_character(names, depth)
        net.call(node, _key_rest(net, tuple(groups)), end)
        for character, group in groups.items():
            if character:
                after = net.node()
                _add_character(net, node, character, after)
                stack.append((group, depth + 1, after))
    return rule


def _add_character(net: Network, a: int, character: str, b: int) -> None:
    code = ord(character)
    if character in PLAIN_CHARACTERS:
        net.characters(a, ((code, code),), b)
    else:
        add_json_characters(net, a, ((code, code),), b)


def _key_rest(net: Network, known: tuple[str, ...]) -> Rule:
    """Rule of rests of keys, closing quote included, that begin with none of the `known` characters ("": the quote).

    All these rules are entries into one body, so that automaton states merge as soon as a key has left the known ones.
    """
    key = ("key rest", known)
    rule: Rule | None = net.memo.get(key)
    if rule is None:
        if "key body" not in net.memo:
            net.memo["key body"] = body = net.rule()
            add_json_characters(net, body.start, CHARACTERS, body.start)
            net.edge(body.start, 0x22, 0x22, body.end)
        body = net.memo["key body"]
        entry = net.node() if known else body.start
        rule = net.memo[key] = Rule(entry, body.end)
        if known:
            characters = tuple(c for c in known if c)
            if PLAIN_CHARACTERS.issuperset(characters):
                add_other_characters(net, entry, characters, body.start)
            else:
                others = subtract(CHARACTERS, from_characters(characters))
                add_json_characters(net, entry, others, body.start)
            if "" not in known:
                net.edge(entry, 0x22, 0x22, body.end)
    return rule


class Layout:
    """Where whitespace may stand: nowhere ("compact"), or after `{ [ , :` and before `} ] , :` ("flexible"); and in
    which order properties stand: that of the schema ("schema") or any ("any").

    A flexible gap is nothing, one space, or one newline followed by at most 40 spaces or 10 tabs: never a longer run.
    """

    def __init__(self, whitespace: str, property_order: str = "schema") -> None:
        if whitespace not in ("flexible", "compact"):
            raise GrammarError(f"whitespace must be 'flexible' or 'compact', not {whitespace!r}")
        if property_order not in ("schema", "any"):
            raise GrammarError(f"property_order must be 'schema' or 'any', not {property_order!r}")
        self.flexible = whitespace == "flexible"
        self.any_order = property_order == "any"

    def gap(self, net: Network, a: int) -> int:
        """The node after optional whitespace at a."""
        if not self.flexible:
            return a
        after = net.node()
        net.call(a, net.piece(_fill_gap), after)
        return after

    def comma(self, net: Network, a: int, b: int) -> None:
        """Add a comma before an item of a scope, which begins at the node b.

        Always a call: what is still owed is measured where b is in a frame, not along edges (`first_step`)."""
        rule: Rule | None = net.memo.get("comma")
        if rule is None:
            rule = net.memo["comma"] = net.rule()
            self.mark(net, rule.start, COMMA, rule.end)
        net.call(a, rule, b)

    def mark(self, net: Network, a: int, byte: int, b: int, *, before: bool = False) -> None:
        """Add `byte` and the whitespace after it (and before it, if so asked) between the nodes a and b."""
        if not self.flexible:
            net.edge(a, byte, byte, b)
            return
        net.call(a, net.piece(_fill_mark, byte, before), b)


def _fill_mark(net: Network, rule: Rule, byte: int, before: bool) -> None:
    gap = net.piece(_fill_gap)
    start, after = rule.start, net.node()
    if before:
        start = net.node()
        net.call(rule.start, gap, start)
    net.edge(start, byte, byte, after)
    net.call(after, gap, rule.end)


def _fill_gap(net: Network, rule: Rule) -> None:
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
