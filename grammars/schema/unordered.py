"""Members of an object as a scope of the network: no name twice, all required ones, so many different ones at least.

Needs are what some member of any name must satisfy (a complement asks for such): the body has a copy of its nodes for
every set of needs that are met, and ends where all are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..arena import ANOTHER, COUNTED, RECORDED
from ..errors import BudgetExceeded
from ..network import Network, Rule, Scope
from .distinct import padding
from .lengths import at
from .plan import MAX_GRID
from .text import Layout


class Another(NamedTuple):
    """Members with some other name: the rule of the names, what adds all behind the name, and the needs they meet."""

    names: Rule
    rest: Callable[[int, int], object]
    hits: int = 0


class Members(NamedTuple):
    """What a scope holds.

    Attributes:
        named: the rule of each named member, and whether it is required.
        others: members with other names.
        minimum, maximum: how many members there are in all (None: no bound).
        needs: how many needs there are.
        lengths: where names of `others` must differ, how long they are (`distinct.lengths_of_names`); else empty.
    """

    named: list[tuple[Rule, bool]]
    others: list[Another]
    minimum: int
    maximum: int | None
    needs: int = 0
    lengths: tuple[int, ...] = ()


def add_members(net: Network, layout: Layout, a: int, members: Members, b: int) -> None:
    """Add members in any order between the nodes a and b, commas between them."""
    minimum, maximum = members.minimum, members.maximum
    scope = net.scope(a, b, minimum, maximum, _shortest(net, members), members.lengths)
    full = (1 << members.needs) - 1
    before: dict[int, int] = {}  # by the needs met
    behind: dict[int, int] = {}
    if not full:
        net.epsilon(scope.start, scope.end)
        net.before(scope.start, opening=True)
    tails: dict[tuple[int, int], int] = {}  # behind the name, by its place among the others and the needs met then
    order = [-1, 0]  # -1: at the opening
    for met in order:  # grows while it is read
        node = scope.start if met < 0 else before.setdefault(met, net.node())
        met = max(met, 0)
        behind.setdefault(met, net.node())
        for number, (rule, _) in enumerate(members.named):
            net.option(scope, node, number, rule, behind[met])
        for place, other in enumerate(members.others):
            after = met | other.hits
            if after != met or not other.hits:
                if after not in order:
                    order.append(after)
                _add_other(net, scope, node, members, other, tails, place, behind.setdefault(after, net.node()), after)
    for number, (_, required) in enumerate(members.named):
        net.item(scope, number, required)
    for met, node in before.items():
        more = net.node()
        net.further(scope, behind[met], more, node)
        layout.comma(net, more, node)
        if met == full:
            net.before(node, opening=False)
            net.epsilon(behind[met], scope.end)
        else:
            net.unmet(node, members.needs - met.bit_count())
            net.unmet(behind[met], members.needs - met.bit_count())


def _add_other(
    net: Network,
    scope: Scope,
    node: int,
    members: Members,
    other: Another,
    tails: dict[tuple[int, int], int],
    place: int,
    behind: int,
    met: int,
) -> None:
    tail = tails.get((place, met))
    if tail is None:
        tail = tails[place, met] = net.node()
        if met == (1 << members.needs) - 1:
            other.rest(tail, behind)
        else:  # by a call: what is needed still is measured in frames
            rest = net.rule()
            other.rest(*rest)
            net.call(tail, rest, behind)
            net.unmet(tail, members.needs - met.bit_count())
    required = sum(needed for _, needed in members.named)
    counted = members.maximum is not None or members.minimum > required
    code = RECORDED if members.lengths else COUNTED if counted else ANOTHER
    net.option(scope, node, code, other.names, tail)


def _shortest(net: Network, members: Members) -> Rule:
    """A rule as long as the shortest text: all required members, and as many others as are needed, in some order."""
    result = net.rule()
    required = sum(needed for _, needed in members.named)
    cap = max(members.minimum, required)
    full = (1 << members.needs) - 1
    rules = [rule for rule, needed in members.named if needed]
    optional = [rule for rule, needed in members.named if not needed] if members.minimum > required else []
    if (len(rules) + len(optional) + len(members.others) * cap) * (cap + 1) * (full + 1) > MAX_GRID * 4:
        raise BudgetExceeded("minProperties over too many properties")
    row = {0: result.start}  # by the number of members so far, as far as it matters
    for i, rule in enumerate([*rules, *optional]):
        following: dict[int, int] = {}
        for count, node in row.items():
            if i >= len(rules):
                following.setdefault(count, net.node())
                net.epsilon(node, following[count])
            more = min(count + 1, cap)
            following.setdefault(more, net.node())
            net.call(net.literal(node, b",") if count else node, rule, following[more])
        row = following
    _add_shortest_others(net, members, row, cap, full, result.end)
    return result


def _add_shortest_others(
    net: Network, members: Members, row: dict[int, int], cap: int, full: int, end: int
) -> None:
    """Members of other names until enough are there and all needs are met; each one's name is longer than the last."""
    wholes = []
    for other in members.others:
        rule = net.rule()
        tail = net.node()
        net.call(rule.start, other.names, tail)
        other.rest(tail, rule.end)
        wholes.append(rule)
    nodes = {(count, 0, 0): node for count, node in row.items()}
    order = list(nodes)
    for state in order:  # grows while it is read
        count, used, met = state
        if count >= members.minimum and met == full:
            net.epsilon(nodes[state], end)
            continue
        base, *listed, slope = members.lengths or (0, 0, 0)
        longer = at(listed, slope, used) - base
        for other, rule in zip(members.others, wholes, strict=True):
            if count >= members.minimum and met | other.hits == met:
                continue
            after = (min(count + 1, cap), used + 1 if members.lengths else 0, met | other.hits)
            if after not in nodes:
                nodes[after] = net.node()
                order.append(after)
            start = net.literal(nodes[state], b",") if count else nodes[state]
            if longer:
                padded = net.node()
                net.call(start, padding(net, longer), padded)
                start = padded
            net.call(start, rule, nodes[after])
