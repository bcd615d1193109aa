"""How many bytes the shortest texts of a set take: what it costs at least that items differ.

Strings are counted by length in bytes as RFC 8259 spells them, numbers in their canonical spelling.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ..characters import Ranges, intersect, size
from ..regular import CharacterAutomaton
from .digits import Automaton

LISTED = 32  # lengths that are kept
ENOUGH = 1 << 20  # counts stop there

_SHORT: Ranges = ((0x08, 0x0A), (0x0C, 0x0D), (0x22, 0x22), (0x5C, 0x5C))
_BY_BYTES: tuple[tuple[int, Ranges], ...] = (
    (1, ((0x20, 0x21), (0x23, 0x5B), (0x5D, 0x7F))),
    (2, (*_SHORT, (0x80, 0x7FF))),
    (3, ((0x800, 0xD7FF), (0xE000, 0xFFFF))),
    (4, ((0x10000, 0x10FFFF),)),
    (6, ((0x00, 0x07), (0x0B, 0x0B), (0x0E, 0x1F))),
)

Step = tuple[int, int, int, int]  # from, to, bytes, how many symbols


def lengths_of_strings(machine: CharacterAutomaton) -> list[int]:
    """Lengths of the shortest strings, quotes included, rising: all, or the first LISTED."""
    steps = [
        (s, t, cost, count)
        for s, t, ranges in machine.edges
        for cost, group in _BY_BYTES
        if (count := size(intersect(ranges, group)))
    ]
    return [2 + n for n in _shortest(machine.states, steps, machine.accepting.tolist())]


def lengths_of_numbers(automaton: Automaton) -> list[int]:
    """Lengths of the shortest numbers of a canonical automaton, rising: all, or the first LISTED."""
    steps = [(s, t, 1, high - low + 1) for s, low, high, t in automaton.edges]
    return _shortest(automaton.size, steps, [s in automaton.accepting for s in range(automaton.size)])


def _shortest(states: int, steps: list[Step], accepting: list[bool]) -> list[int]:
    """Lengths of the shortest ways from state 0 to an accepting one."""
    found: list[int] = []
    recent: list[Counter[int]] = [Counter({0: 1})]  # ways to each state, by length
    while len(found) < LISTED and any(recent[-6:]):
        now = recent[-1]
        ways = sum(count for state, count in now.items() if accepting[state])
        found += [len(recent) - 1] * min(ways, LISTED - len(found))
        following: Counter[int] = Counter()
        for s, t, cost, count in steps:
            if cost <= len(recent) and (before := recent[-cost][s]):
                following[t] = min(ENOUGH, following[t] + before * count)
        recent.append(following)
        if len(recent) > 6 * states + 6 and not found:
            break
    return found


def merged(lists: Iterable[list[int]]) -> list[int]:
    """The lengths of all the sets together."""
    return sorted(n for one in lists for n in one)[:LISTED]


def at(lengths: list[int], slope: int, i: int) -> int:
    """Bytes of a text when `i` shorter ones are taken; each beyond those listed takes at most `slope` more."""
    if not lengths:
        return 0
    return lengths[min(i, len(lengths) - 1)] + slope * max(0, i - len(lengths) + 1)


def total(lengths: list[int], slope: int, count: int) -> int:
    """Bytes of `count` texts of these lengths; each beyond those listed takes at most `slope` more than that before."""
    listed = sum(lengths[:count])
    beyond = max(0, count - len(lengths))
    return listed + sum(lengths[-1] + slope * (i + 1) for i in range(beyond)) if beyond < 10_000 else 1 << 29
