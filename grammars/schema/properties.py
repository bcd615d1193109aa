"""Objects as networks: after a comma a further member is always possible.

Members stand in the order of the plan, and optional ones may be left out: chains of nodes with epsilon skips keep the
number of edges linear in the number of properties. Or they stand in any order, as a scope (`unordered.py`), which also
counts members whose names must differ.
"""

from __future__ import annotations

from collections.abc import Callable

from ..errors import BudgetExceeded
from ..network import Network, Rule
from ..regular import CharacterAutomaton
from .distinct import Recorded, lengths_of_names, recorded_strings
from .plan import MAX_GRID, Extra, KeySet, ObjectPlan, Value
from .spelling import add_json_characters
from .text import CLOSE_BRACE, COLON, COMMA, OPEN_BRACE, Layout, add_literal, free_key
from .unordered import Another, Members, add_members

AddItem = Callable[[int, Value, int | None], int]  # adds a value and whitespace after a node, to a node if one is given


class ObjectWriter:
    """Adds objects to one network."""

    def __init__(self, net: Network, layout: Layout, item: AddItem) -> None:
        self.net = net
        self.layout = layout
        self._item = item

    def add(self, a: int, plan: ObjectPlan, b: int) -> None:
        """Add the objects of a plan between the nodes a and b."""
        net, layout = self.net, self.layout
        members = [m for m in plan.members if m.value.possible]
        required = sum(m.required for m in members)
        extra = [other for other in plan.extra if other.value.possible]
        least, most = plan.minimum, plan.maximum
        if least <= required:
            least = 0
        if most is not None and not extra and most >= len(members):
            most = None
        opened, closing = net.node(), net.node()
        layout.mark(net, a, OPEN_BRACE, opened)
        net.edge(closing, CLOSE_BRACE, CLOSE_BRACE, b)
        if layout.any_order and len(members) + len(extra) > 1:
            rules = [(self._member_rule(m.name, m.value), m.required) for m in members]
            self._scope(opened, rules, extra, plan, plan.minimum, most, closing)
            return
        if not required and not plan.minimum and not plan.needs:
            net.epsilon(opened, closing)
        if least == 0 and most is None and not plan.needs:
            self._members(opened, plan, closing)
        else:
            self._counted(opened, plan, least, most, closing)

    def _scope(
        self,
        a: int,
        named: list[tuple[Rule, bool]],
        extra: list[Extra],
        plan: ObjectPlan,
        minimum: int,
        maximum: int | None,
        b: int,
    ) -> None:
        """Add members in any order, those of other names told apart where it matters."""
        lengths: tuple[int, ...] = ()
        if extra and plan.counts_names():
            parts = [self._recorded_names(other.keys) for other in extra]
            rules = [part.rule for part in parts]
            lengths = lengths_of_names(list({id(part.rule): part for part in parts}.values()))
        else:
            rules = [self._key_rule(other.keys) for other in extra]
        others = [Another(rule, self._rest(x.value), x.hits) for rule, x in zip(rules, extra, strict=True)]
        add_members(self.net, self.layout, a, Members(named, others, minimum, maximum, plan.needs, lengths), b)

    def _rest(self, value: Value) -> Callable[[int, int], int]:
        """What adds the colon, the value and the whitespace after it."""

        def add(a: int, b: int) -> int:
            colon = self.net.node()
            self.layout.mark(self.net, a, COLON, colon, before=True)
            return self._item(colon, value, b)

        return add

    def _recorded_names(self, keys: KeySet) -> Recorded:
        memo = ("recorded keys", id(keys))
        if memo not in self.net.memo:
            machine = keys.automaton
            if machine is None:
                machine = CharacterAutomaton.everything()
                if keys.excluded:
                    machine = machine.difference(CharacterAutomaton.from_strings(sorted(keys.excluded)))
            self.net.memo[memo] = recorded_strings(self.net, machine)
        found: Recorded = self.net.memo[memo]
        return found

    def _member_rule(self, name: str, value: Value) -> Rule:
        rule = self.net.rule()
        self._member(rule.start, name, value, rule.end)
        return rule

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
        extra = [other for other in plan.extra if other.value.possible]
        if extra and not members:  # the loop must not come back to where the object may be empty
            node = net.node()
            net.epsilon(opened, node)
        for other in extra:
            behind = self._extra(node, other, behind)
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

    def _extra(self, a: int, other: Extra, after: int | None = None) -> int:
        """Add one member with a key of the set."""
        net = self.net
        key, colon = net.node(), net.node()
        net.call(a, self._key_rule(other.keys), key)
        self.layout.mark(net, key, COLON, colon, before=True)
        return self._item(colon, other.value, after)

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
        rules = [self._member_rule(member.name, member.value) for member in members]
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
                    if more >= least and not still and not plan.needs:
                        net.epsilon(behind[more], closing)
                net.call(before, rule, behind[more])
            row = below
        extra = [other for other in plan.extra if other.value.possible]
        for count, before in row.items():
            if extra and (most is None or count < most):  # at least one more, and no more than `most` in all
                left = None if most is None else most - count
                self._scope(before, [], extra, plan, max(1, least - count), left, closing)
