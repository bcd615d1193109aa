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
from .syntax import EMPTY, FAIL, Characters, Choice, Look, Node, Repeat, Sequence, choice, empty_part, sequence

UNROLL_LIMIT = 64  # optional rounds of a bounded loop that are written out one by one


class TooLong(Exception):
    """A bounded loop inside an atomic group has more optional rounds than can be written out."""


def first_match(body: Node, rest: Node = EMPTY) -> Node:
    """The tree that matches just what a backtracking matcher commits to in `body` when `rest` follows in the group.

    Raises:
        TooLong: a bounded loop would have to be written out more than UNROLL_LIMIT times.
    """
    match body:
        case Characters() | Look():
            return body
        case Sequence(items):
            parts: list[Node] = []
            for item in reversed(items):
                parts.append(first_match(item, rest))
                rest = sequence((item, rest))
            return sequence(reversed(parts))
        case Choice(options):
            chosen: list[Node] = []
            for i, option in enumerate(options):
                rivals = [rival for rival in options[:i] if _may_both_match(rival, option)]
                guard = _unless(sequence((choice(rivals), rest))) if rivals else EMPTY
                chosen.append(sequence((guard, first_match(option, rest))))
            return choice(chosen)
        case Repeat(item, minimum, maximum, greedy):
            if isinstance(item, Characters) and greedy and rest is EMPTY and maximum is not None and maximum > minimum:
                stopped = sequence((Repeat(item, minimum, maximum - 1), _unless(item)))
                return choice((stopped, Repeat(item, maximum, maximum)))
            if minimum:
                return _first_of_loop_with_minimum(body, rest)
            if maximum is None:
                more = first_match(item, sequence((body, rest)))
                if greedy:
                    return sequence((Repeat(more, 0, None), _unless(sequence((item, body, rest)))))
                return _loop(sequence((_unless(rest), more)))
            return _first_of_bounded_loop(item, maximum, greedy, rest)


def _first_of_loop_with_minimum(loop: Repeat, rest: Node) -> Node:
    if isinstance(loop.body, Characters) and loop.minimum == loop.maximum:
        return loop
    if loop.minimum > UNROLL_LIMIT:
        raise TooLong
    optional = None if loop.maximum is None else loop.maximum - loop.minimum
    tail = EMPTY if optional == 0 else Repeat(loop.body, 0, optional, loop.greedy)
    return first_match(sequence([loop.body] * loop.minimum + [tail]), rest)


def _first_of_bounded_loop(item: Node, rounds: int, greedy: bool, rest: Node) -> Node:
    """P(item{0,rounds}, rest), written out from the last round to the first."""
    if rounds > UNROLL_LIMIT:
        raise TooLong
    result: Node = EMPTY
    for done in range(rounds):  # `done` rounds are left after this one
        after = sequence((Repeat(item, 0, done, greedy) if done else EMPTY, rest))
        taken = sequence((first_match(item, after), result))
        if greedy:
            result = choice((taken, _unless(sequence((item, after)))))
        else:
            result = choice((EMPTY, sequence((_unless(rest), taken))))
    return result


def _loop(body: Node) -> Node:
    return EMPTY if body is FAIL else Repeat(body, 0, None)


def _unless(body: Node) -> Node:
    """A negative lookahead; FAIL where the body always matches."""
    if empty_part(body) is EMPTY:
        return FAIL
    return EMPTY if body is FAIL else Look(body, ahead=True, negative=True)


def _may_both_match(a: Node, b: Node) -> bool:
    return bool(intersect(_first_characters(a), _first_characters(b)))


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
