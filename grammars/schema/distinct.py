"""Items and members of which none may come twice and that have no names: arrays with `uniqueItems`, and properties of
any name where it matters how many of them differ.

Their texts are recorded in a canonical spelling (`record_kernels.py`), so that two are equal exactly when the values
are: strings decoded, numbers plain. What else a number may be followed by (`.0`, further zeros) comes after the record.
"""

from __future__ import annotations

from typing import NamedTuple

from ..arena import RECORDED
from ..network import Network, Rule, Scope
from ..regular import CharacterAutomaton
from .lengths import at, lengths_of_numbers, lengths_of_strings, merged, total
from .plan import ArrayPlan, Value
from .scalars import numbers_of, strings_of
from .spelling import add_json_characters
from .text import Layout


class Recorded(NamedTuple):
    """A set of texts as a rule: what is recorded, how much of it there is, and what may follow a number."""

    rule: Rule
    lengths: list[int]
    states: int
    zeros: str  # "": none; "point": a point and zeros; "more": further zeros


def recorded_scalars(net: Network, value: Value) -> list[Recorded]:
    """The scalars of a value, in parts that no text has in common."""
    parts = []
    if value.constants:
        rule = net.rule()
        for text in value.constants:
            net.literal(rule.start, text, rule.end)
        parts.append(Recorded(rule, sorted(map(len, value.constants)), 1, ""))
    machine = strings_of(value)
    if not machine.is_empty():
        parts.append(recorded_strings(net, machine))
    for kind, numbers in numbers_of(value):
        rule = net.rule()
        nodes = [rule.start] + [net.node() for _ in range(numbers.size - 1)]
        for source, low, high, target in numbers.edges:
            net.edge(nodes[source], low, high, nodes[target])
        for state in numbers.accepting:
            net.epsilon(nodes[state], rule.end)
        parts.append(Recorded(rule, lengths_of_numbers(numbers), numbers.size, kind))
    return parts


def recorded_strings(net: Network, machine: CharacterAutomaton) -> Recorded:
    """The strings of an automaton, quotes included."""
    rule = net.rule()
    before, after = net.node(), net.node()
    net.edge(rule.start, 0x22, 0x22, before)
    machine.emit(net, before, after, add_json_characters)
    net.edge(after, 0x22, 0x22, rule.end)
    return Recorded(rule, lengths_of_strings(machine), machine.states, "")


def add_zeros(net: Network, a: int, kind: str, b: int) -> None:
    """Add what may follow a recorded number without changing it, or nothing."""
    net.epsilon(a, b)
    if not kind:
        return
    zeros = net.node()
    net.edge(zeros, 48, 48, zeros)
    net.epsilon(zeros, b)
    if kind == "more":
        net.epsilon(a, zeros)
    else:
        net.edge(net.literal(a, b"."), 48, 48, zeros)


def lengths_of_names(parts: list[Recorded]) -> tuple[int, ...]:
    """Lengths as `Network.scope` takes them for items each of which may be of any part: relative to the shortest."""
    slope = _slope(parts)
    longest = max((len(part.lengths) for part in parts), default=1)
    rows = [part.lengths for part in parts if part.lengths]
    return (0, *(max((at(row, slope, i) - row[0] for row in rows), default=0) for i in range(longest)), slope)


def lengths_of_items(groups: list[list[Recorded]]) -> tuple[int, ...]:
    """Lengths as `Network.scope` takes them where item i is of group i, and all further ones are of the last group."""
    slope = _slope([part for group in groups for part in group])
    rows = [merged(part.lengths for part in group) for group in groups]
    count = max(len(rows), len(rows[-1]))
    lengths = [at(rows[min(i, len(rows) - 1)], slope, i) for i in range(count)]
    return (min((row[0] for row in rows if row), default=0), *lengths, slope)


def _slope(parts: list[Recorded]) -> int:
    return 6 * max((part.states for part in parts), default=1)


def add_recorded(net: Network, scope: Scope, a: int, parts: list[Recorded], b: int) -> None:
    """Add one of the texts, none of the scope twice, between two nodes of it."""
    for part in parts:
        target = b
        if part.zeros:
            target = net.node()
            add_zeros(net, target, part.zeros, b)
        net.option(scope, a, RECORDED, part.rule, target)


def padding(net: Network, count: int) -> Rule:
    """A rule of exactly so many bytes, for measuring only."""
    rule = net.rule()
    if count == 0:
        net.epsilon(*rule)
        return rule
    byte = net.rule()
    net.edge(byte.start, 0, 255, byte.end)
    net.repeat(rule.start, byte, rule.end, count, count)
    return rule


def shortest_total(lengths: tuple[int, ...], count: int) -> int:
    """Bytes of so many of the shortest texts, commas between them."""
    _, *listed, slope = lengths
    return total(listed, slope, count) + count - 1 if count else 0


def add_distinct_items(net: Network, layout: Layout, a: int, plan: ArrayPlan, b: int) -> None:
    """Add the items of an array of scalars, none of which comes twice, between the nodes a and b."""
    values = [*plan.prefix, plan.rest]
    parts = [recorded_scalars(net, value) for value in values]
    lengths = lengths_of_items(parts)
    shortest = padding(net, shortest_total(lengths, plan.minimum))
    scope = net.scope(a, b, plan.minimum, plan.maximum, shortest, lengths)
    net.before(scope.start, opening=True)
    net.epsilon(scope.start, scope.end)
    node = scope.start
    for i, (value, group) in enumerate(zip(values, parts, strict=True)):
        if not value.possible:
            return
        last = i == len(values) - 1
        if last and not plan.prefix:  # the loop must not come back to where the array may be empty
            behind = _item(net, layout, scope, node, group)
            node = net.node()
            _comma(net, layout, scope, behind, node)
        behind = _item(net, layout, scope, node, group)
        following = node if last else net.node()
        _comma(net, layout, scope, behind, following)
        node = following


def _item(net: Network, layout: Layout, scope: Scope, a: int, group: list[Recorded]) -> int:
    """Add an item and the whitespace after it; returns the node behind, where the array may end."""
    done = net.node()
    add_recorded(net, scope, a, group, done)
    behind = layout.gap(net, done)
    net.epsilon(behind, scope.end)
    return behind


def _comma(net: Network, layout: Layout, scope: Scope, a: int, b: int) -> None:
    """Add a comma where an item may follow it, to the node b before that item."""
    more = net.node()
    net.before(b, opening=False)
    net.further(scope, a, more, b)
    layout.comma(net, more, b)
