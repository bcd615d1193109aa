"""Dates, timestamps and escape characters, byte by byte."""

from __future__ import annotations

PATTERNS = {"date": "dddd-md-nd", "timestamp": "dddd-md-nd hd:sd:sd", "escape": "e"}
"""Contents of strings that have a form."""
_ESCAPES = b"!#$&*+-/:;<=>?@^|~"


def date_byte(pattern: str, text: str, byte: int) -> str | None:
    """The text with one more byte of a date or timestamp that exists, or an escape; None where it may not come."""
    expected = pattern[len(text) : len(text) + 1]
    if expected == "e":
        return text + chr(byte) if byte in _ESCAPES else None
    shape = {"d": b"0123456789", "m": b"01", "n": b"012", "h": b"01", "s": b"012345"}.get(expected)
    if shape is None:
        return text + expected if expected and byte == ord(expected) else None
    before = text[-1:]
    if byte not in shape or (expected == "d" and len(text) in (6, 9) and before == "0" and byte == 0x30):
        return None  # no month or day 00
    largest = {(6, "1"): 0x32, (9, "2"): 0x38}.get((len(text), before), 0x39)  # month 12, day 28
    if byte > largest or (text == "000" and byte == 0x30):
        return None
    return text + chr(byte)
