"""Plans as networks: one rule for each value, arrays and objects without dead ends, shared whitespace.

After a comma a further member or item is always possible; members stand in the order of the plan and optional ones may
be left out. Chains of nodes with epsilon skips keep the number of edges linear in the number of properties.
"""

from __future__ import annotations

from collections.abc import Callable

from ..errors import BudgetExceeded
from ..network import Network, Rule
from .distinct import add_distinct_items
from .numbers import NumberSet, add_number, add_numbers
from .plan import MAX_GRID, ArrayPlan, Counts, KeySet, Member, ObjectPlan, Value
from .spelling import add_json_characters
from .strings import StringSet, add_strings, members
from .text import (
    CLOSE_BRACE,
    CLOSE_BRACKET,
    COLON,
    COMMA,
    OPEN_BRACE,
    OPEN_BRACKET,
    Layout,
    add_literal,
    free_key,
    free_string,
)
from .unordered import add_unordered

FREE_STRINGS = StringSet()


class Writer:
    """Adds values to one network."""

    def __init__(self, net: Network, layout: Layout) -> None:
        self.net = net
        self.layout = layout
        self._rules: dict[Value, Rule] = {}
        self._waiting: list[Value] = []

    def add(self, a: int, value: Value, b: int) -> None:
        """Add the texts of a possible value between the nodes a and b."""
        self.net.call(a, self._rule(value), b)
        while self._waiting:
            self._fill(self._waiting.pop())

    def _rule(self, value: Value) -> Rule:
        rule = self._rules.get(value)
        if rule is None:
            if not (value.constants or value.numbers or value.arrays or value.objects) and (
                list(value.strings) == [FREE_STRINGS]
            ):
                rule = free_string(self.net)
            else:
                rule = self.net.rule()
                self._waiting.append(value)
            self._rules[value] = rule
        return rule

    def _fill(self, value: Value) -> None:
        net, (start, end) = self.net, self._rules[value]
        for text in value.constants:
            net.literal(start, text, end)
        for numbers in value.numbers:
            if numbers.single is not None:
                add_number(net, start, numbers.single, numbers.whole, end)
            else:
                self._numbers(start, numbers, end)
        for strings in _joined(list(value.strings)):
            add_strings(net, start, strings, end)
        for array in value.arrays:
            if array.possible():
                self._array(start, array, end)
        for plan in value.objects:
            if plan.possible():
                self._object(start, plan, end)

    def _numbers(self, a: int, numbers: NumberSet, b: int) -> None:
        net = self.net
        rule: Rule | None = net.memo.get(numbers)
        if rule is None:
            rule = net.memo[numbers] = net.rule()
            add_numbers(net, rule.start, numbers, rule.end)
        net.call(a, rule, b)

    def _array(self, a: int, plan: ArrayPlan, b: int) -> None:
        net, layout = self.net, self.layout
        opened, closing = net.node(), net.node()
        layout.mark(net, a, OPEN_BRACKET, opened)
        net.edge(closing, CLOSE_BRACKET, CLOSE_BRACKET, b)
        if plan.hits is not None:
            self._counted_items(opened, plan, closing)
            return
        if plan.unique is not None and (plan.maximum is None or plan.maximum > 1):
            add_distinct_items(net, layout, opened, plan, closing)
            return
        if plan.minimum == 0:
            net.epsilon(opened, closing)
        node = opened
        count = 0
        for value in plan.prefix:
            if not value.possible:
                return
            if count:
                after = net.node()
                layout.mark(net, node, COMMA, after)
                node = after
            node = self._item(node, value)
            count += 1
            if count >= plan.minimum:
                net.epsilon(node, closing)
        if not plan.rest.possible or (plan.maximum is not None and count >= plan.maximum):
            return
        if not count:
            node = self._item(node, plan.rest)
            count = 1
        minimum = max(0, plan.minimum - count)
        if minimum == 0 and plan.maximum is None:
            again = net.node()
            layout.mark(net, node, COMMA, again)
            self._item(again, plan.rest, node)
            net.epsilon(node, closing)
            return
        further = net.rule()
        item = net.node()
        layout.mark(net, further.start, COMMA, item)
        self._item(item, plan.rest, further.end)
        net.repeat(node, further, closing, minimum, None if plan.maximum is None else plan.maximum - count)

    def _counted_items(self, opened: int, plan: ArrayPlan, closing: int) -> None:
        """Items by a grid of nodes (items and hits so far), each with a node before an item and one behind it."""
        net, layout = self.net, self.layout
        before = {plan.begin(): opened}
        behind: dict[Counts, int] = {}
        if plan.complete(plan.begin()):
            net.epsilon(opened, closing)
        for here, value, after in plan.grid():
            if after not in behind:
                behind[after] = net.node()
                if plan.complete(after):
                    net.epsilon(behind[after], closing)
                before[after] = net.node()
                layout.mark(net, behind[after], COMMA, before[after])
            self._item(before[here], value, behind[after])

    def _item(self, a: int, value: Value, after: int | None = None) -> int:
        """Add a value and the whitespace after it; returns the node behind."""
        net = self.net
        if not self.layout.flexible:
            after = net.node() if after is None else after
            net.call(a, self._rule(value), after)
            return after
        middle = net.node()
        net.call(a, self._rule(value), middle)
        behind = self.layout.gap(net, middle)
        if after is None:
            return behind
        net.epsilon(behind, after)
        return after

    def _object(self, a: int, plan: ObjectPlan, b: int) -> None:
        net, layout = self.net, self.layout
        members = [m for m in plan.members if m.value.possible]
        required = sum(m.required for m in members)
        extra = [(keys, value) for keys, value in plan.extra if value.possible]
        least, most = plan.minimum, plan.maximum
        if least <= required:
            least = 0
        if most is not None and not extra and most >= len(members):
            most = None
        opened, closing = net.node(), net.node()
        layout.mark(net, a, OPEN_BRACE, opened)
        net.edge(closing, CLOSE_BRACE, CLOSE_BRACE, b)
        if layout.any_order and len(members) + len(extra) > 1:
            self._unordered(opened, members, extra, plan, closing)
            return
        if not required and plan.minimum == 0:
            net.epsilon(opened, closing)
        if least == 0 and most is None:
            self._members(opened, plan, closing)
        else:
            self._counted(opened, plan, least, most, closing)

    def _unordered(
        self, opened: int, members: list[Member], extra: list[tuple[KeySet, Value]], plan: ObjectPlan, closing: int
    ) -> None:
        """Members in any order."""

        def named(member: Member) -> tuple[bool, Callable[[int, int], int]]:
            return member.required, lambda a, b: self._member(a, member.name, member.value, b)

        def others(a: int, b: int) -> None:
            for keys, value in extra:
                self._extra(a, keys, value, b)

        net, layout = self.net, self.layout
        more = others if extra else None
        add_unordered(net, layout, opened, [named(m) for m in members], more, plan.minimum, plan.maximum, closing)

    def _members(self, opened: int, plan: ObjectPlan, closing: int) -> None:
        """Members without counting. Node i of the chain stands before the key of member i or a later one."""
        net, layout = self.net, self.layout
        node = opened
        members = [m for m in plan.members if m.value.possible]
        last_required = max((i for i, m in enumerate(members) if m.required), default=-1)
        for i, member in enumerate(members):
            following = net.node()
            done = self._member(node, member.name, member.value)
            if i >= last_required:
                net.epsilon(done, closing)
            layout.mark(net, done, COMMA, following)
            if not member.required:
                net.epsilon(node, following)
            node = following
        behind = None
        extra = [(keys, value) for keys, value in plan.extra if value.possible]
        if extra and not members:  # the loop must not come back to where the object may be empty
            node = net.node()
            net.epsilon(opened, node)
        for keys, value in extra:
            behind = self._extra(node, keys, value, behind)
        if behind is not None:
            net.epsilon(behind, closing)
            layout.mark(net, behind, COMMA, node)

    def _member(self, a: int, name: str, value: Value, after: int | None = None) -> int:
        """Add one named member and the whitespace after it."""
        net = self.net
        key, colon = net.node(), net.node()
        add_literal(net, a, name, key)
        self.layout.mark(net, key, COLON, colon, before=True)
        return self._item(colon, value, after)

    def _extra(self, a: int, keys: KeySet, value: Value, after: int | None = None) -> int:
        """Add one member with a key of the set."""
        net = self.net
        key, colon = net.node(), net.node()
        net.call(a, self._key_rule(keys), key)
        self.layout.mark(net, key, COLON, colon, before=True)
        return self._item(colon, value, after)

    def _key_rule(self, keys: KeySet) -> Rule:
        net = self.net
        if keys.automaton is None:
            return free_key(net, keys.excluded)
        memo = ("keys", id(keys))
        rule: Rule | None = net.memo.get(memo)
        if rule is None:
            rule = net.memo[memo] = net.rule()
            before, after = net.node(), net.node()
            net.edge(rule.start, 0x22, 0x22, before)
            keys.automaton.emit(net, before, after, add_json_characters)
            net.edge(after, 0x22, 0x22, rule.end)
        return rule

    def _counted(self, opened: int, plan: ObjectPlan, least: int, most: int | None, closing: int) -> None:
        """Members with their number kept: a grid of nodes (next member, members so far, capped where it is enough)."""
        net, layout = self.net, self.layout
        members = [m for m in plan.members if m.value.possible]
        if len(members) * (1 + min(len(members), most or least)) > MAX_GRID:
            raise BudgetExceeded("minProperties or maxProperties over too many properties")
        rules = []
        for member in members:
            rule = net.rule()
            self._member(rule.start, member.name, member.value, rule.end)
            rules.append(rule)
        cap = least if most is None else most
        still = sum(m.required for m in members)
        row = {0: opened}  # before the key of member i or a later one, by the number of members so far
        for member, rule in zip(members, rules, strict=True):
            still -= member.required
            below: dict[int, int] = {}
            behind: dict[int, int] = {}
            for count, before in row.items():
                if not member.required:
                    below.setdefault(count, net.node())
                    net.epsilon(before, below[count])
                if most is not None and count >= most:
                    continue
                more = min(count + 1, cap)
                if more not in behind:
                    behind[more] = net.node()
                    below.setdefault(more, net.node())
                    layout.mark(net, behind[more], COMMA, below[more])
                    if more >= least and not still:
                        net.epsilon(behind[more], closing)
                net.call(before, rule, behind[more])
            row = below
        extra = [(keys, value) for keys, value in plan.extra if value.possible]
        if extra:
            self._counted_extra(row, extra, least, most, closing)

    def _counted_extra(
        self,
        row: dict[int, int],
        extra: list[tuple[KeySet, Value]],
        least: int,
        most: int | None,
        closing: int,
    ) -> None:
        """Members of any name after `count` others: at least one, and no more than `most` in all."""
        net, layout = self.net, self.layout
        one, further = net.rule(), net.rule()
        for keys, value in extra:
            self._extra(one.start, keys, value, one.end)
        item = net.node()
        layout.mark(net, further.start, COMMA, item)
        net.call(item, one, further.end)
        for count, before in row.items():
            if most is not None and count >= most:
                continue
            behind = net.node()
            net.call(before, one, behind)
            net.repeat(behind, further, closing, max(0, least - count - 1), None if most is None else most - count - 1)


def _joined(sets: list[StringSet]) -> list[StringSet]:
    """The same strings with all sets that are given by values as one."""
    if FREE_STRINGS in sets:
        return [FREE_STRINGS]
    listed = [s for s in sets if s.values is not None]
    if len(listed) < 2:
        return sets
    values = dict.fromkeys(text for s in listed for text in members(s))
    return [*(s for s in sets if s.values is None), StringSet(values=tuple(values))]
