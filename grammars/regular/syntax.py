"""Syntax trees of regular expressions: five kinds of node, and what can be read off them.

Captures leave no trace (back-references are refused), anchors and word boundaries are lookarounds over characters,
and atomic groups have been rewritten by the time a tree is built (`atomic.py`), so these five are all there is.
Nodes are compared by identity: START, END and NEWLINE_END are recognised wherever they are shared.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from ..characters import FULL, NOTHING, Ranges, union


@dataclass(frozen=True, slots=True, eq=False)
class Characters:
    """One character of a set."""

    ranges: Ranges


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    """The items one after the other; no items: the empty string."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """One of the options, the first preferred; never empty (FAIL stands for that)."""

    options: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Repeat:
    """`minimum` to `maximum` (None: no bound) rounds of a body that never matches the empty string."""

    body: Node
    minimum: int
    maximum: int | None
    greedy: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """Zero-width condition: the body matches (or not) right after, or right before, this place."""

    body: Node
    ahead: bool
    negative: bool


Node: TypeAlias = Characters | Sequence | Choice | Repeat | Look

EMPTY = Sequence(())
FAIL = Characters(NOTHING)
ANY = Characters(FULL)
ANYTHING = Repeat(ANY, 0, None)
START = Look(ANY, ahead=False, negative=True)
END = Look(ANY, ahead=True, negative=True)


@lru_cache(maxsize=4096)
def literal(code_point: int) -> Characters:
    """One given character."""
    return Characters(((code_point, code_point),))


NEWLINE_END = Look(Sequence((Repeat(literal(10), 0, 1), END)), ahead=True, negative=False)


def sequence(items: Iterable[Node]) -> Node:
    """The items in order, nested sequences flattened; FAIL when one of them cannot match."""
    flat: list[Node] = []
    for item in items:
        if isinstance(item, Sequence):
            flat.extend(item.items)
        elif item is FAIL:
            return FAIL
        else:
            flat.append(item)
    return flat[0] if len(flat) == 1 else Sequence(tuple(flat)) if flat else EMPTY


def choice(options: Iterable[Node]) -> Node:
    """One of the options in order of preference; single characters that are neighbours become one set."""
    flat: list[Node] = []
    for option in options:
        for node in option.options if isinstance(option, Choice) else (option,):
            if node is FAIL or (node is EMPTY and EMPTY in flat):
                continue
            if isinstance(node, Characters) and flat and isinstance(flat[-1], Characters):
                flat[-1] = Characters(union(flat[-1].ranges, node.ranges))
            else:
                flat.append(node)
    return flat[0] if len(flat) == 1 else Choice(tuple(flat)) if flat else FAIL


def looks(node: Node) -> bool:
    """Whether a condition (lookaround, anchor, word boundary) occurs anywhere in the tree."""
    match node:
        case Characters():
            return False
        case Sequence(items) | Choice(items):
            return any(map(looks, items))
        case Repeat(body):
            return looks(body)
        case Look():
            return True


def larger_than(node: Node, limit: int) -> bool:
    """Whether the tree, shared parts counted as often as they occur, has more nodes than the limit."""
    stack = [node]
    while stack and limit >= 0:
        limit -= 1
        match stack.pop():
            case Sequence(items) | Choice(items):
                stack.extend(items)
            case Repeat(body) | Look(body):
                stack.append(body)
    return limit < 0


def empty_part(node: Node) -> Node:
    """The zero-width matches of a node: EMPTY (always possible), FAIL (never) or a tree of conditions."""
    match node:
        case Characters():
            return FAIL
        case Sequence(items):
            return sequence(map(empty_part, items))
        case Choice(options):
            parts = [empty_part(option) for option in options]
            return EMPTY if any(part is EMPTY for part in parts) else choice(parts)
        case Repeat(_, minimum):
            return EMPTY if minimum == 0 else FAIL
        case Look():
            return node


def nonempty_part(node: Node) -> Node:
    """The matches of a node that consume at least one character, in the same order of preference."""
    match node:
        case Characters():
            return node
        case Look():
            return FAIL
        case Choice(options):
            return choice(map(nonempty_part, options))
        case Repeat(body, minimum, maximum, greedy):
            return Repeat(body, max(minimum, 1), maximum, greedy)
        case Sequence(items):
            branches: list[Node] = []
            before: Node = EMPTY
            for i, item in enumerate(items):
                branches.append(sequence((before, nonempty_part(item), *items[i + 1 :])))
                before = sequence((before, empty_part(item)))
                if before is FAIL:
                    break
            return choice(branches)


def repeat(body: Node, minimum: int, maximum: int | None, greedy: bool = True) -> Node:
    """Rounds of any body. Empty rounds are taken out: beyond the minimum they change nothing, below it they are free.

    A body whose empty match depends on a lookaround is spelled out `minimum` times.
    """
    if maximum == 0:
        return EMPTY
    if body is FAIL:
        return FAIL if minimum else EMPTY
    if minimum == maximum == 1:
        return body
    empty = empty_part(body)
    if empty is FAIL:
        return Repeat(body, minimum, maximum, greedy)
    body_read = nonempty_part(body)
    if body_read is FAIL:
        return empty if minimum else EMPTY
    if empty is EMPTY:
        return Repeat(body_read, 0, maximum, greedy)
    rest = None if maximum is None else maximum - minimum
    more = EMPTY if rest == 0 else Repeat(body_read, 0, rest, greedy)
    return sequence([body] * minimum + [more])


def merge_loops(node: Node) -> Node:
    """Write (x{a,b}){c,d} as x{ac,bd} wherever the reachable counts leave no gap; preference is lost."""
    match node:
        case Characters():
            return node
        case Sequence(items):
            return sequence(map(merge_loops, items))
        case Choice(options):
            return choice(map(merge_loops, options))
        case Look(body, ahead, negative):
            if node is START or node is END or node is NEWLINE_END:
                return node
            return Look(merge_loops(body), ahead, negative)
        case Repeat(body, c, d):
            inner = merge_loops(body)
            if not isinstance(inner, Repeat):
                return Repeat(inner, c, d)
            a, b = inner.minimum, inner.maximum
            # k rounds give ka..kb; the next k goes on without a gap when (k+1)a <= kb + 1, hardest for the least k >= 1
            least = max(c, 1)
            joined = d == c or b is None or (least + 1) * a <= least * b + 1
            if not joined or (c == 0 and a > 1):
                return Repeat(inner, c, d)
            return Repeat(inner.body, c * a, None if b is None or d is None else b * d)
