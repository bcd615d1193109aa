"""The strings of a built network that are not empty, as a rule of another network.

Nodes that can be reached without reading get a twin each: it reads what the node reads, but cannot end its rule; a call
leads from it to the twin of the called rule's start, or past a rule that may be empty to the twin of what follows.
"""

from __future__ import annotations

from ..arena import SYMBOLS
from ..errors import Unsupported
from ..network import Network, Rule
from ..program import Int32Array, Program


def is_nullable(program: Program) -> bool:
    """Whether the network matches the empty string."""
    return bool(program.distance[program.start] == 0)


def include_nonempty(net: Network, program: Program) -> Rule:
    """Add the network as a rule, without the empty string. Raises Unsupported where an object comes first that may be
    empty text, which no JSON schema makes."""
    whole = net.include(program)
    if not is_nullable(program):
        return whole
    shift = whole.start - program.start
    borders = [*program.representatives.tolist(), SYMBOLS]
    twins = {program.start: net.node()}
    queue = [program.start]

    def twin(node: int) -> int:
        if node not in twins:
            twins[node] = net.node()
            queue.append(node)
        return twins[node]

    def rows(pointers: Int32Array, table: Int32Array, node: int) -> list[list[int]]:
        found: list[list[int]] = table[pointers[node] : pointers[node + 1]].tolist()
        return found

    for node in queue:  # grows while it is read
        here = twins[node]
        if program.text[node]:
            net.text(here)
        for first, last, target in rows(program.edge_ptr, program.edges, node):
            net.edge(here, borders[first], borders[last + 1] - 1, target + shift)
        for (target,) in rows(program.epsilon_ptr, program.epsilons, node):
            net.epsilon(here, twin(target))
        for start, behind in rows(program.call_ptr, program.calls, node):
            net.call(here, Rule(twin(start), -1), behind + shift)
            if program.distance[start] == 0:
                net.epsilon(here, twin(behind))
        for start, behind, least, most in rows(program.repeat_ptr, program.repeats, node):
            net.repeat(here, Rule(start + shift, -1), behind + shift, max(1, least), None if most < 0 else most)
            if not least:
                net.epsilon(here, twin(behind))
        if rows(program.scoped_ptr, program.scoped, node) or rows(program.option_ptr, program.options, node):
            raise Unsupported("a grammar that may be empty and begins with distinct items cannot be repeated or nested")
    return Rule(twins[program.start], whole.end)
