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

State = tuple[int, int]  # the needs met, and how many members count


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
    _Body(net, layout, members).add(a, b)


class _Body:
    """The body of a scope. Its nodes are told apart by the needs met, and, where there are needs and a maximum, by the
    number of members besides the required ones, so that there is room left to meet them."""

    def __init__(self, net: Network, layout: Layout, members: Members) -> None:
        self.net = net
        self.layout = layout
        self.members = members
        self.full = (1 << members.needs) - 1
        self.required = sum(needed for _, needed in members.named)
        self.room: int | None = None
        if members.needs and members.maximum is not None:
            self.room = members.maximum - self.required
        counted = members.maximum is not None or members.minimum > self.required
        self.code = RECORDED if members.lengths else COUNTED if counted else ANOTHER

    def add(self, a: int, b: int) -> None:
        """Add the scope between the nodes a and b."""
        net, members = self.net, self.members
        maximum = members.maximum if self.room is None else None
        scope = net.scope(a, b, members.minimum, maximum, _shortest(net, members), members.lengths)
        for number, (_, required) in enumerate(members.named):
            net.item(scope, number, required)
        if not self.full:
            net.epsilon(scope.start, scope.end)
            net.before(scope.start, opening=True)
        before: dict[State, int] = {}
        behind: dict[State, int] = {}
        tails: dict[tuple[int, State], int] = {}  # behind the name of another member, by its place in the list
        order: list[State] = [(0, 0)]
        self._options(scope, scope.start, (0, 0), behind, tails, order)
        for state in order:  # grows while it is read
            before[state] = net.node()
            if len(order) * (len(members.named) + len(members.others)) > MAX_GRID:
                raise BudgetExceeded("maxProperties with complements over too many properties")
            self._options(scope, before[state], state, behind, tails, order)
        for state, node in before.items():
            if state not in behind:
                continue
            more = net.node()
            net.further(scope, behind[state], more, node)
            self.layout.comma(net, more, node)
            if state[0] == self.full:
                net.before(node, opening=False)
                net.epsilon(behind[state], scope.end)
            else:
                net.unmet(node, self._unmet(state))
                net.unmet(behind[state], self._unmet(state))

    def _options(
        self,
        scope: Scope,
        node: int,
        state: State,
        behind: dict[State, int],
        tails: dict[tuple[int, State], int],
        order: list[State],
    ) -> None:
        """Add the members that may begin at a node."""
        net = self.net
        met, count = state
        for number, (rule, required) in enumerate(self.members.named):
            after = (met, count if required else self._more(count))
            if self._fits(after):
                self._note(after, behind, order)
                net.option(scope, node, number, rule, behind[after])
        for place, other in enumerate(self.members.others):
            after = (met | other.hits, self._more(count))
            if not self._fits(after) or (other.hits and after[0] == met):
                continue
            self._note(after, behind, order)
            if (place, after) not in tails:
                tail = tails[place, after] = net.node()
                if after[0] == self.full:
                    other.rest(tail, behind[after])
                else:  # by a call: what is needed still is measured in frames
                    rest = net.rule()
                    other.rest(*rest)
                    net.call(tail, rest, behind[after])
                    net.unmet(tail, self._unmet(after))
            net.option(scope, node, self.code, other.names, tails[place, after])

    def _unmet(self, state: State) -> int:
        return self.members.needs - state[0].bit_count()

    def _more(self, count: int) -> int:
        return count if self.room is None else count + 1

    def _fits(self, state: State) -> bool:
        return self.room is None or state[1] <= self.room

    def _note(self, state: State, behind: dict[State, int], order: list[State]) -> None:
        if state not in behind:
            behind[state] = self.net.node()
            if state not in order:
                order.append(state)


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


def _add_shortest_others(net: Network, members: Members, row: dict[int, int], cap: int, full: int, end: int) -> None:
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
