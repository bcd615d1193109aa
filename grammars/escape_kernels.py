"""Numba kernels for escape sequences in JSON strings (RFC 8259, section 7).

A network reads the characters of a string decoded: in UTF-8, and control characters, quote and backslash as symbols of
their own. A node marked as text reads any of its characters by escape as well, so that every legal spelling of a
character means the same, without a node for it. While an escape sequence is read, a configuration has a frame ESCAPE
on its stack, whose data is `stage << 24 | value`:

  - stage 0: after the backslash; 1 + k: after `\\u` and k digits that make `value`;
  - 5, 6: after a high surrogate (`value`: its lower ten bits), and after the next backslash; 7 + k: after `\\u` and k
    digits of the low surrogate, `value` being high << 12 | digits;
  - 16 + k, 20 + i: k digits are missing, or the surrogate pair is complete up to place i (of 8): nothing depends on
    them any more, the node is already the one behind the character. So states merge as soon as they can.

Lone surrogates are no characters.
"""

from __future__ import annotations

from .arena import (
    BACKSLASH,
    CONTROL,
    DISTANCE,
    ESCAPE,
    FAR,
    QUOTE,
    RECORD,
    S_DATA,
    S_DISTANCE,
    S_PARENT,
    S_RETURN,
    SYMBOLS,
    X_COVER,
    X_DISTANCE,
    X_MIXED,
    X_TARGET,
    X_WAYS,
    Arena,
)
from .cell_kernels import add, push
from .character_kernels import clear, follow, look
from .kernel import kernel
from .network_kernels import cost
from .record_distance_kernels import distance_after
from .record_kernels import is_spent_in

DIGITS, PAIR = 16, 20  # the stages of what is read for its length alone
_VALUE = (1 << 24) - 1
BY_ESCAPE = 1 << 16


@kernel
def _hex(byte: int) -> int:
    """The value of a hexadecimal digit; -1 for another byte."""
    if 0x30 <= byte <= 0x39:
        return byte - 0x30
    if 0x41 <= byte <= 0x46:
        return byte - 0x37
    return byte - 0x57 if 0x61 <= byte <= 0x66 else -1


@kernel
def _short(byte: int) -> int:
    """The character that backslash and this byte spell; -1 for none."""
    if byte == 0x22 or byte == 0x5C or byte == 0x2F:
        return byte
    if byte == 0x62:
        return 8
    if byte == 0x66:
        return 12
    if byte == 0x6E:
        return 10
    if byte == 0x72:
        return 13
    return 9 if byte == 0x74 else -1


@kernel
def _look_at_unit(arena: Arena, node: int, lo: int, hi: int) -> int:
    """Clear the X cells and look at all characters whose first UTF-16 unit is in lo..hi; their number. X_DISTANCE is
    that of the escape behind the unit too."""
    clear(arena)
    size, far = 0, FAR
    high_lo, high_hi = max(lo, 0xD800), min(hi, 0xDBFF)
    if high_lo <= high_hi:
        first, last = 0x10000 + ((high_lo - 0xD800) << 10), 0x10000 + ((high_hi - 0xD800) << 10) + 0x3FF
        look(arena, node, first, last)
        size += last - first + 1
        far = arena[X_DISTANCE] + 6 if arena[X_DISTANCE] < FAR else FAR
        arena[X_DISTANCE] = FAR
    if lo <= 0xD7FF:
        look(arena, node, lo, min(hi, 0xD7FF))
        size += min(hi, 0xD7FF) - lo + 1
    if hi >= 0xE000:
        look(arena, node, max(lo, 0xE000), hi)
        size += hi - max(lo, 0xE000) + 1
    arena[X_DISTANCE] = min(arena[X_DISTANCE], far)
    return size


@kernel
def _look_ahead(arena: Arena, node: int, stage: int, value: int) -> int:
    """Clear the X cells and look at all characters that the escape may still become; their number."""
    if stage <= 4:
        shift = 4 * (5 - stage) if stage else 16
        return _look_at_unit(arena, node, value << shift, ((value + 1) << shift) - 1)
    clear(arena)
    lo, hi = 0xDC00, 0xDFFF
    high = value
    if stage >= 7:
        high = value >> 12
        shift = 4 * (4 - (stage - 7))
        low = (value & 4095) << shift
        lo, hi = max(lo, low), min(hi, low + (1 << shift) - 1)
    if lo > hi:
        return 0
    first = 0x10000 + (high << 10)
    look(arena, node, first + lo - 0xDC00, first + hi - 0xDC00)
    return hi - lo + 1


@kernel
def escape_distance(arena: Arena, node: int, s: int) -> int:
    """Shortest completion in bytes of a configuration in the middle of an escape sequence."""
    stage, value = arena[arena[S_DATA] + s] >> 24, arena[arena[S_DATA] + s] & _VALUE
    parent = arena[arena[S_PARENT] + s]
    rest = arena[arena[S_DISTANCE] + parent]
    best = FAR
    if parent != 0 and arena[arena[S_RETURN] + parent] == RECORD:
        best = _recorded_distance(arena, node, parent, stage, value) + rest
        rest += BY_ESCAPE * (12 - stage)  # less with each byte: what completions are in the set is not asked for others
    if stage >= DIGITS:
        missing = 8 - (stage - PAIR) if stage >= PAIR else stage - DIGITS
        return min(FAR, missing + arena[arena[DISTANCE] + node] + rest)
    return min(best, min(FAR, _plain_distance(arena, node, stage, value) + rest))


@kernel
def _recorded_distance(arena: Arena, node: int, s: int, stage: int, value: int) -> int:
    """Shortest completion in bytes of an escape and of the recorded text on top of s, which is new then, if the escape
    becomes a character that has no other spelling; FAR if it cannot."""
    best = FAR
    if stage <= 4:
        for symbol in range(CONTROL, SYMBOLS):
            c = 0x22 if symbol == QUOTE else 0x5C if symbol == BACKSLASH else symbol - CONTROL
            if stage == 0 or c >> 4 * (5 - stage) == value:
                missing = 5 - stage if stage else cost(symbol, symbol) - 1
                best = min(best, missing + distance_after(arena, node, s, symbol))
    return best


@kernel
def _plain_distance(arena: Arena, node: int, stage: int, value: int) -> int:
    """Shortest completion in bytes of an escape and of the rule that the node is in."""
    _look_ahead(arena, node, stage, value)
    best = arena[X_DISTANCE]
    if stage == 0:
        best += 5
        for byte in (0x22, 0x5C, 0x2F, 0x62, 0x66, 0x6E, 0x72, 0x74):
            clear(arena)
            look(arena, node, _short(byte), _short(byte))
            best = min(best, 1 + arena[X_DISTANCE])
    elif stage <= 4:
        best += 5 - stage
    else:
        best += 6 - (stage - 5) if stage <= 6 else 4 - (stage - 7)
    return min(FAR, best)


@kernel
def _is_spent(arena: Arena, n: int, node: int, s: int, stage: int, value: int) -> int:
    """1 if all that the escape may become is in the set of a recorded text's scope, 0 if not; or GROW_WORK."""
    ways = arena[X_WAYS]
    if stage > 4:
        high = value if stage < 7 else value >> 12
        shift = 16 if stage < 7 else 4 * (11 - stage)
        low = 0 if stage < 7 else (value & 4095) << shift
        first = 0x10000 + (high << 10) - 0xDC00
        lo, hi = max(0xDC00, low), min(0xDFFF, low + (1 << shift) - 1)
        return is_spent_in(arena, n, node, s, first + lo, first + hi, ways)
    shift = 4 * (5 - stage) if stage else 16
    lo, hi = value << shift, ((value + 1) << shift) - 1
    if hi < 0xD800 or lo > 0xDBFF:
        return is_spent_in(arena, n, node, s, lo, hi, ways)
    first, last = 0x10000 + ((max(lo, 0xD800) - 0xD800) << 10), 0x10000 + ((min(hi, 0xDBFF) - 0xD800) << 10) + 0x3FF
    if lo >= 0xD800:
        return is_spent_in(arena, n, node, s, first, last, ways)
    return is_spent_in(arena, n, node, s, lo, 0x10FFFF, ways) if lo == 0 else 0


@kernel
def _pend(arena: Arena, n: int, node: int, s: int, stage: int, value: int) -> int:
    """Add the configuration after a further byte of an escape that is not complete, unless no character can come of
    it; new length of the worklist, or GROW."""
    size = _look_ahead(arena, node, stage, value)
    if arena[X_COVER] == 0:
        return n
    code = stage << 24 | value
    if s != 0 and arena[arena[S_RETURN] + s] == RECORD:
        spent = _is_spent(arena, n, node, s, stage, value)
        if spent:
            return n if spent > 0 else spent
    elif arena[X_COVER] == size and not arena[X_MIXED]:  # all the same
        if stage >= 5:
            code, node = (PAIR + stage - 3) << 24, arena[X_TARGET]
        elif stage >= 1:
            shift = 4 * (5 - stage)
            lo, hi = value << shift, ((value + 1) << shift) - 1
            if hi < 0xD800 or lo > 0xDFFF:
                code, node = (DIGITS + 5 - stage) << 24, arena[X_TARGET]
            elif lo >= 0xD800 and hi <= 0xDBFF:
                code, node = (PAIR + stage - 3) << 24, arena[X_TARGET]
    t = push(arena, ESCAPE, code, s)
    return t if t < 0 else add(arena, n, node, t)


@kernel
def begin_escape(arena: Arena, n: int, node: int, s: int) -> int:
    """Add the configuration after a backslash in front of a character; new length of the worklist, or GROW."""
    return _pend(arena, n, node, s, 0, 0)


@kernel
def _fits_pair(place: int, byte: int) -> bool:
    """Whether the byte may stand at a place (0..7) of a surrogate pair, behind the first two digits."""
    if place == 2:
        return byte == 0x5C
    if place == 3:
        return byte == 0x75
    digit = _hex(byte)
    if place == 4:
        return digit == 0xD
    return digit >= 0xC if place == 5 else digit >= 0


@kernel
def go_on_escape(arena: Arena, n: int, node: int, s: int, byte: int) -> int:
    """Add what comes after one more byte of an escape sequence; new length of the worklist, or GROW."""
    stage, value = arena[arena[S_DATA] + s] >> 24, arena[arena[S_DATA] + s] & _VALUE
    parent = arena[arena[S_PARENT] + s]
    if stage >= DIGITS:
        fits = _fits_pair(stage - PAIR, byte) if stage >= PAIR else _hex(byte) >= 0
        if not fits:
            return n
        if stage == DIGITS + 1 or stage == PAIR + 7:
            return add(arena, n, node, parent)
        t = push(arena, ESCAPE, (stage + 1 if stage >= PAIR else stage - 1) << 24, parent)
        return t if t < 0 else add(arena, n, node, t)
    if stage == 0:
        c = _short(byte)
        if c >= 0:
            return follow(arena, n, node, parent, c)
        return _pend(arena, n, node, parent, 1, 0) if byte == 0x75 else n
    if stage == 5 or stage == 6:
        if byte != (0x5C if stage == 5 else 0x75):
            return n
        return _pend(arena, n, node, parent, stage + 1, value if stage == 5 else value << 12)
    digit = _hex(byte)
    if digit < 0:
        return n
    if stage <= 3:
        return _pend(arena, n, node, parent, stage + 1, value << 4 | digit)
    if stage == 4:
        unit = value << 4 | digit
        if 0xD800 <= unit <= 0xDBFF:
            return _pend(arena, n, node, parent, 5, unit - 0xD800)
        return n if 0xDC00 <= unit <= 0xDFFF else follow(arena, n, node, parent, unit)
    low = (value & 4095) << 4 | digit
    if stage < 10:
        return _pend(arena, n, node, parent, stage + 1, (value >> 12) << 12 | low)
    if not 0xDC00 <= low <= 0xDFFF:
        return n
    return follow(arena, n, node, parent, 0x10000 + ((value >> 12) << 10) + low - 0xDC00)
