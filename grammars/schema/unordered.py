"""Objects whose properties may come in any order, as a scope of the network: no name twice, all required ones."""

from __future__ import annotations

from collections.abc import Callable

from ..arena import ANOTHER, COUNTED
from ..errors import BudgetExceeded
from ..network import Network, Rule
from .plan import MAX_GRID
from .text import COMMA, Layout

Add = Callable[[int, int], object]  # adds an item between two nodes


def add_unordered(
    net: Network,
    layout: Layout,
    a: int,
    members: list[tuple[bool, Add]],
    others: Add | None,
    minimum: int,
    maximum: int | None,
    b: int,
) -> None:
    """Add members in any order between the nodes a and b, commas between them.

    Args:
        members: whether required, and what adds it, for each.
        others: adds a member with some other name; None: there are none.
        minimum, maximum: how many there are in all (None: no bound).
    """
    rules = []
    for required, add in members:
        rule = net.rule()
        add(*rule)
        rules.append((rule, required))
    scope = net.scope(a, b, minimum, maximum, _shortest(net, rules, minimum))
    before, behind, more = net.node(), net.node(), net.node()
    net.before(scope.start, opening=True)
    net.before(before, opening=False)
    for node in (scope.start, behind):
        net.epsilon(node, scope.end)
    net.further(scope, behind, more, before)
    layout.mark(net, more, COMMA, before)
    for number, (rule, required) in enumerate(rules):
        net.item(scope, number, required)
        for node in (scope.start, before):
            net.option(scope, node, number, rule, behind)
    if others is not None:
        rule = net.rule()
        others(*rule)
        for node in (scope.start, before):
            net.option(scope, node, ANOTHER if maximum is None else COUNTED, rule, behind)


def _shortest(net: Network, rules: list[tuple[Rule, bool]], minimum: int) -> Rule:
    """A rule as long as the shortest text: all required members, and as many others as are needed, in some order."""
    result = net.rule()
    most = sum(required for _, required in rules)
    if minimum > most and len(rules) * minimum > MAX_GRID:
        raise BudgetExceeded("minProperties over too many properties")
    row = {0: result.start}  # by the number of members so far, as far as it matters
    for rule, required in rules:
        if not required and minimum <= most:
            continue
        following: dict[int, int] = {}
        for count, node in row.items():
            if not required:
                following.setdefault(count, net.node())
                net.epsilon(node, following[count])
            more = min(count + 1, max(minimum, most))
            following.setdefault(more, net.node())
            net.call(net.literal(node, b",") if count else node, rule, following[more])
        row = following
    for count, node in row.items():
        if count >= minimum:
            net.epsilon(node, result.end)
    return result
