r"""Resolving ^, $, \A and \Z where they stand outside loops: the pattern becomes one about whole texts, without
conditions.

A search for E is a full match of .*E.* over every character. An anchor in it forces what precedes (or follows) it
to be empty, so most patterns of the real world lose their conditions here, and the plain subset construction does
for them.
"""

from __future__ import annotations

from .syntax import (
    ANYTHING,
    EMPTY,
    END,
    FAIL,
    NEWLINE_END,
    START,
    Choice,
    Node,
    Repeat,
    Sequence,
    choice,
    empty_part,
    literal,
    looks,
    sequence,
)

_MAX_OPTIONS = 64


def whole_text(node: Node, search: bool) -> Node:
    """The tree to be matched against the whole text: itself, or with anything before and after for a search."""
    return sequence((ANYTHING, node, ANYTHING)) if search else node


def without_conditions(node: Node, search: bool) -> Node | None:
    """A tree of the same whole texts without lookarounds, or None where they cannot be resolved here."""
    options = _options(whole_text(node, search))
    if options is None:
        return None
    resolved = []
    for items in options:
        plain = _resolve(items)
        if plain is None:
            return None
        resolved.append(plain)
    return choice(resolved)


def _options(node: Node) -> list[list[Node]] | None:
    """Sequences of items whose choice is the node, no item a choice with conditions; None if they are too many."""
    results: list[list[Node]] = [[]]
    for item in node.items if isinstance(node, Sequence) else (node,):
        if isinstance(item, Repeat) and item.minimum == 0 and item.maximum == 1 and looks(item.body):
            item = Choice((item.body, EMPTY))
        if isinstance(item, Choice) and looks(item):
            branches: list[list[Node]] = []
            for option in item.options:
                expanded = _options(option)
                if expanded is None:
                    return None
                branches.extend(expanded)
        else:
            branches = [[item]]
        if len(results) * len(branches) > _MAX_OPTIONS:
            return None
        results = [done + branch for done in results for branch in branches]
    return results


def _resolve(items: list[Node]) -> Node | None:
    """The sequence without its anchors; FAIL if they cannot hold; None if a condition is left."""
    while START in items:
        at = len(items) - 1 - items[::-1].index(START)
        before = [item for item in items[:at] if item is not START]
        if any(map(looks, before)):
            return None
        if empty_part(sequence(before)) is not EMPTY:
            return FAIL
        items = items[at + 1 :]
    newline = False
    while END in items or NEWLINE_END in items:
        at = next(i for i, item in enumerate(items) if item is END or item is NEWLINE_END)
        after = items[at + 1 :]
        if items[at] is NEWLINE_END and after:
            if after != [ANYTHING]:
                return None
            newline = True
        elif any(looks(item) for item in after if item is not END):
            return None
        elif empty_part(sequence(item for item in after if item is not END)) is not EMPTY:
            return FAIL
        items = items[:at]
    if any(map(looks, items)):
        return None
    if newline:
        items = [*items, Repeat(literal(10), 0, 1)]
    return sequence(_shortened(items))


def _shortened(items: list[Node]) -> list[Node]:
    """Rounds beyond the minimum are not needed next to a run of anything, which takes them in."""
    if items and items[0] is ANYTHING:
        items = [ANYTHING, *_absorbed(items[1:])]
    if items and items[-1] is ANYTHING:
        items = [*_absorbed(items[-2::-1])[::-1], ANYTHING]
    return items


def _absorbed(items: list[Node]) -> list[Node]:
    """The items from the one next to the run on."""
    skipped = 0
    for item in items:
        if not isinstance(item, Repeat):
            break
        if item.minimum:
            return [Repeat(item.body, item.minimum, item.minimum), *items[skipped + 1 :]]
        skipped += 1
    return items[skipped:]
