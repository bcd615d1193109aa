"""Automata over spellings with an exponent whose mantissa is not normalised: `12.5e1`, `0.5e2`, `100e-1`, exact.

Such a mantissa is a normalised one with its point moved: two or three digits before it, or a single 0. Its exponent is
at most 20 in size. Grammar: RFC 8259, section 6.
"""

from __future__ import annotations

from functools import lru_cache

from .digits import Automaton, Magnitudes, State, explore
from .scientific import is_exponent, mantissas, move_exponent

MOST_DIGITS, MOST_EXPONENT = 3, 20


@lru_cache(maxsize=4096)
def shifted(bounds: Magnitudes) -> Automaton:
    """Positive magnitudes between the bounds.

    Mantissa states are (0, place, move of the point, digits, order to the low bound's mantissa, order to the high
    bound's). Places: 0 before the point, 1 just after it, 2 digits after it, 3 a leading zero, 4 its point.
    """
    ends = mantissas(bounds)
    if ends is None:
        return Automaton(1, (), ())

    def move(state: State, character: str) -> State | None:
        if state[0]:
            return move_exponent(state, character)
        _, place, moved, count, above, below = state
        if character == ".":
            if place == 3:
                return (0, 4, -1, 0, 0, 0)
            return (0, 1, count - 1, count, above, below) if place == 0 and count > 1 else None
        if character in "eE":
            if place == 0 and count > 1:
                moved = count - 1
            elif place != 2:
                return None
            first, last = ends.exponents(count, above, below)
            first, last = max(first - moved, -MOST_EXPONENT), min(last - moved, MOST_EXPONENT)
            return (1, first, last) if first <= last else None
        if not character.isdigit() or place == 3:
            return None
        if count == 0 and character == "0":
            return (0, 3, 0, 0, 0, 0) if place == 0 else None
        above, below = ends.compared(count, character, above, below)
        if place == 0:
            return (0, 0, 0, count + 1, above, below) if count < MOST_DIGITS else None
        return (0, 2, moved, min(count + 1, ends.longest), above, below)

    return explore((0, 0, 0, 0, 0, 0), move, is_exponent)
