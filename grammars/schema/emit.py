"""Plans as networks: one rule for each value, arrays without dead ends (objects: `properties.py`), shared whitespace.

After a comma a further item is always possible.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial

from ..network import Network, Rule
from .distinct import add_distinct_items, add_zeros, lengths_of_items, recorded_scalars
from .numbers import NumberSet, add_number, fill_numbers
from .plan import ArrayPlan, Counts, Value
from .properties import ObjectWriter
from .scalars import constant_of_plan
from .strings import StringSet, add_strings, members
from .text import CLOSE_BRACKET, COMMA, OPEN_BRACKET, Layout, free_string
from .unordered import Another, Members, add_members

FREE_STRINGS = StringSet()


class Writer:
    """Adds values to one network."""

    def __init__(self, net: Network, layout: Layout) -> None:
        self.net = net
        self.layout = layout
        self._objects = ObjectWriter(net, layout, self._item)
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
                self._objects.add(start, plan, end)

    def _numbers(self, a: int, numbers: NumberSet, b: int) -> None:
        self.net.call(a, self.net.piece(fill_numbers, numbers), b)

    def _array(self, a: int, plan: ArrayPlan, b: int) -> None:
        net, layout = self.net, self.layout
        opened, closing = net.node(), net.node()
        layout.mark(net, a, OPEN_BRACKET, opened)
        net.edge(closing, CLOSE_BRACKET, CLOSE_BRACKET, b)
        if plan.hits is not None:
            self._counted_items(opened, plan, closing)
            return
        if plan.unique is not None and (plan.maximum is None or plan.maximum > 1):
            if any(part.possible() for part in plan.rest.plans()):
                self._distinct_constants(opened, plan, closing)
            else:
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

    def _distinct_constants(self, opened: int, plan: ArrayPlan, closing: int) -> None:
        """Items of which none comes twice, where some are constant arrays or objects: these have names."""
        net, layout = self.net, self.layout
        rules: dict[Hashable, Rule] = {}
        for part in plan.rest.plans():
            if part.possible():
                rule = rules.setdefault(constant_of_plan(part), net.rule())
                if isinstance(part, ArrayPlan):
                    self._array(rule.start, part, rule.end)
                else:
                    self._objects.add(rule.start, part, rule.end)
        named = []
        for rule in rules.values():
            whole = net.rule()
            middle = net.node()
            net.call(whole.start, rule, middle)
            net.epsilon(layout.gap(net, middle), whole.end)
            named.append((whole, False))
        parts = recorded_scalars(net, plan.rest)
        others = [Another(part.rule, partial(self._behind, part.zeros)) for part in parts]
        lengths = lengths_of_items([parts]) if parts else ()
        add_members(net, layout, opened, Members(named, others, plan.minimum, plan.maximum, 0, lengths), closing)

    def _behind(self, zeros: str, a: int, b: int) -> None:
        """What may follow a recorded item: zeros of a number, whitespace."""
        done = self.net.node()
        add_zeros(self.net, a, zeros, done)
        self.net.epsilon(self.layout.gap(self.net, done), b)

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


def _joined(sets: list[StringSet]) -> list[StringSet]:
    """The same strings with all sets that are given by values as one."""
    if FREE_STRINGS in sets:
        return [FREE_STRINGS]
    listed = [s for s in sets if s.values is not None]
    if len(listed) < 2:
        return sets
    values = dict.fromkeys(text for s in listed for text in members(s))
    return [*(s for s in sets if s.values is None), StringSet(values=tuple(values))]
