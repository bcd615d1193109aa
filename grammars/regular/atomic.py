"""Atomic groups and possessive quantifiers as lookarounds: exact, because what a backtracking matcher prefers is
regular.

Write P(E, K) for "E, matched the way it is in the first match of E·K that the matcher finds", K being what follows
E inside the atomic group. Then (?>E) = P(E, empty), and

    P(character, K) = character                  P(A|B, K)      = P(A, K) | (?!A K) P(B, K)
    P(A B, K)       = P(A, B K) P(B, K)          P(A*, K)       = P(A, A* K)* (?!A A* K)
                                                 P(A*?, K)      = ((?!K) P(A, A*? K))*

so that [a-z]++ becomes [a-z]+(?![a-z]). Bodies of loops must not match the empty string here.
"""

from __future__ import annotations

from ..characters import Ranges, complement, intersect, union
from .syntax import (
    EMPTY,
    FAIL,
    Characters,
    Choice,
    Look,
    Node,
    Repeat,
    Sequence,
    choice,
    empty_part,
    larger_than,
    repeat,
    sequence,
)

MAX_ROUNDS = 64  # optional rounds of a bounded loop that are written out one by one
MAX_NODES = 10_000  # of the resulting tree, and steps to it


class TooLarge(Exception):
    """An atomic group comes to more than MAX_NODES nodes, or a loop in it to more than MAX_ROUNDS optional rounds."""


def committed(body: Node) -> Node:
    """The tree that matches just what a backtracking matcher commits to for `body` in an atomic group.

    Raises:
        TooLarge: it would have too many nodes.
    """
    result = _Rewriter().first_match(body, EMPTY)
    if larger_than(result, MAX_NODES):
        raise TooLarge
    return result


class _Rewriter:
    """The function P of the module's description, for one atomic group."""

    def __init__(self) -> None:
        self._steps = 0

    def first_match(self, body: Node, rest: Node) -> Node:
        """P(body, rest)."""
        self._steps += 1
        if self._steps > MAX_NODES:
            raise TooLarge
        match body:
            case Characters() | Look():
                return body
            case Sequence(items):
                parts: list[Node] = []
                for item in reversed(items):
                    parts.append(self.first_match(item, rest))
                    rest = sequence((item, rest))
                return sequence(reversed(parts))
            case Choice(options):
                return self._choice(options, rest)
            case Repeat(item, minimum, maximum, greedy):
                if isinstance(item, Characters) and minimum == maximum:
                    return body
                if isinstance(item, Characters) and greedy and maximum is not None and rest is EMPTY:
                    stopped = sequence((repeat(item, minimum, maximum - 1), _unless(item)))
                    return choice((stopped, Repeat(item, maximum, maximum)))
                if minimum:
                    return self._with_minimum(body, rest)
                if maximum is not None:
                    return self._bounded(item, maximum, greedy, rest)
                more = self.first_match(item, sequence((body, rest)))
                if greedy:
                    return sequence((Repeat(more, 0, None), _unless(sequence((item, body, rest)))))
                more = sequence((_unless(rest), more))
                return EMPTY if more is FAIL else Repeat(more, 0, None)

    def _choice(self, options: tuple[Node, ...], rest: Node) -> Node:
        first = [_first_characters(option) for option in options]
        chosen: list[Node] = []
        for i, option in enumerate(options):
            rivals = [options[j] for j in range(i) if intersect(first[j], first[i])]
            guard = _unless(sequence((choice(rivals), rest))) if rivals else EMPTY
            chosen.append(sequence((guard, self.first_match(option, rest))))
        return choice(chosen)

    def _with_minimum(self, loop: Repeat, rest: Node) -> Node:
        if loop.minimum > MAX_ROUNDS:
            raise TooLarge
        optional = None if loop.maximum is None else loop.maximum - loop.minimum
        tail = repeat(loop.body, 0, optional, loop.greedy)
        return self.first_match(sequence([loop.body] * loop.minimum + [tail]), rest)

    def _bounded(self, item: Node, rounds: int, greedy: bool, rest: Node) -> Node:
        """P(item{0,rounds}, rest), written out from the last round to the first."""
        if rounds > MAX_ROUNDS:
            raise TooLarge
        result: Node = EMPTY
        for done in range(rounds):  # `done` rounds are left after this one
            after = sequence((repeat(item, 0, done, greedy), rest))
            taken = sequence((self.first_match(item, after), result))
            if greedy:
                result = choice((taken, _unless(sequence((item, after)))))
            else:
                result = choice((EMPTY, sequence((_unless(rest), taken))))
        return result


def _unless(body: Node) -> Node:
    """A negative lookahead; FAIL where the body always matches."""
    if empty_part(body) is EMPTY:
        return FAIL
    return EMPTY if body is FAIL else Look(body, ahead=True, negative=True)


def _first_characters(node: Node) -> Ranges:
    """Superset of the characters that a match can begin with; every character if it can be empty."""
    match node:
        case Characters(ranges):
            return ranges
        case Choice(options):
            return union(*map(_first_characters, options))
        case Repeat(body, minimum) if minimum:
            return _first_characters(body)
        case Sequence(items):
            for item in items:
                if not isinstance(item, Look):
                    return _first_characters(item)
    return complement(())
