"""Whether the lookarounds of a terminal depend on what stands around it.

Inside a text, a lookahead may see beyond the end of its terminal, and a lookbehind before its beginning. Here a
terminal is a set of strings, so only lookarounds that never need to see that far are allowed: those whose expression
has the same strings whether all that may lie outside is taken to make its conditions true, or none of it.
"""

from __future__ import annotations

from ..regular.expression import Expression
from ..regular.syntax import (
    EMPTY,
    END,
    START,
    Characters,
    Choice,
    Look,
    Node,
    Repeat,
    Sequence,
    choice,
    looks,
    repeat,
    sequence,
)


def depends_on_surroundings(expression: Expression) -> bool:
    """Whether what a terminal matches may depend on the text around it. Raises BudgetExceeded for large automata."""
    tree = expression.tree
    if not looks(tree):
        return False
    alone = expression.automaton()
    bounds = (_bound(tree, largest) for largest in (True, False))
    return not all(
        alone.equivalent(Expression(expression.pattern, "python", "", bound).automaton()) for bound in bounds
    )


def _bound(node: Node, largest: bool) -> Node:
    """An expression of all strings that may match in some surroundings (`largest`), or of those that match in all."""
    match node:
        case Sequence(items):
            return sequence(_bound(item, largest) for item in items)
        case Choice(options):
            return choice(_bound(option, largest) for option in options)
        case Repeat(body, minimum, maximum, greedy):
            return repeat(_bound(body, largest), minimum, maximum, greedy)
        case Look(body, ahead, negative):
            inside = _bound(body, largest != negative)
            if largest != negative:  # it may hold for what lies outside
                part = _part(body, ahead)
                inside = choice([inside, sequence([part, END] if ahead else [START, part])])
            return Look(inside, ahead, negative)
    return node


def _part(node: Node, first: bool) -> Node:
    """Beginnings (`first`) or ends of the strings of an expression, its own conditions taken as true."""
    match node:
        case Sequence(items):
            whole = [_plain(item) for item in items]
            parts = [
                sequence([*whole[:i], _part(item, True)] if first else [_part(item, False), *whole[i + 1 :]])
                for i, item in enumerate(items)
            ]
            return choice(parts) if parts else EMPTY
        case Choice(options):
            return choice(_part(option, first) for option in options)
        case Repeat(body, _, maximum):
            others = repeat(_plain(body), 0, None if maximum is None else maximum - 1) if maximum != 1 else EMPTY
            return sequence([others, _part(body, first)] if first else [_part(body, first), others])
        case Characters():
            return choice([EMPTY, node])
    return EMPTY


def _plain(node: Node) -> Node:
    """The expression without its conditions."""
    match node:
        case Sequence(items):
            return sequence(map(_plain, items))
        case Choice(options):
            return choice(map(_plain, options))
        case Repeat(body, minimum, maximum, greedy):
            return repeat(_plain(body), minimum, maximum, greedy)
    return EMPTY if isinstance(node, Look) else node
