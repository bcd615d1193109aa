r"""The formats `idn-hostname` and `idn-email`: host names with letters of all scripts (RFC 5890 to 5893, RFC 6531).

A label is made of the code points that RFC 5892 calls PVALID, with those of CONTEXTJ and CONTEXTO where their rules
hold, begins with no mark, is in normal form C and keeps the Bidi rule. What is not regular there, or takes too many
states, is left out, so `idn-hostname` is narrower than its sources:
- a name of ASCII alone is one that the domain of `email` may be; others have up to 3 labels in lower case: of 31
  characters where they are ASCII, else of 11, which in Punycode never come to more than 60;
- of the scripts in general use the letters in the Basic Multilingual Plane; no label that begins with `xn--`;
- normal form C: one mark after each letter (but a tone mark after a Thai vowel sign), and no mark that may be composed
  after a letter that may compose;
- a katakana middle dot stands before Hiragana, Katakana or Han, not merely in one label with them;
- in a name with labels from right to left all others are ASCII and begin with a letter.

`idn-email` has such a domain with `.` for separators, and a local part of at most 64 octets of UTF-8.
"""

from __future__ import annotations

import unicodedata
from functools import cache, partial
from importlib.metadata import version
from typing import NamedTuple

from ..characters import NOTHING, Ranges, contains, from_characters, from_pairs, intersect, members, subtract, union
from ..regular import CharacterAutomaton
from ..unicode_tables import cached_on_disk, unicode_property
from . import internet_formats as internet
from .explore import explored, joined

# Scripts in general use (UAX 31, table 5), without Thaana and Bopomofo
SCRIPTS = (
    "Arabic Armenian Bengali Cyrillic Devanagari Ethiopic Georgian Greek Gujarati Gurmukhi Han Hangul Hebrew Hiragana "
    "Kannada Katakana Khmer Lao Latin Malayalam Myanmar Oriya Sinhala Tamil Telugu Thai Tibetan Common Inherited"
)
# Phonetic, historic and further letters of these scripts from U+0800 on, but for those of Vietnamese
RARE: Ranges = (
    *((0x1AB0, 0x1AFF), (0x1C80, 0x1E9F), (0x2C00, 0x2DFF)),
    *((0xA640, 0xA9FF), (0xAA60, 0xAB6F), (0xFE20, 0xFE2F)),
)
# The first block of Greek, and the main ones of kana and Han, are what a contextual rule is kept with
_GREEK: Ranges = ((0x370, 0x3FF),)
_IDEOGRAMS: Ranges = ((0x3041, 0x30FF), (0x4E00, 0x9FFF))
_NO_JOINER = frozenset("\u0d3b\u0d3c\u0eba\u103a")  # of class 9, but no virama that joiners are used after
_VERSION = 4  # of the classification below, for what is kept on disk
LABELS = 3
LONGEST_ASCII, LONGEST = 31, 11

# What a character is in a label: letters, by what may follow; marks, by their combining class; and the contextual ones.
ASCII, L, DIGIT, HYPHEN, DOT = "ascii", "l", "digit", "-", "."
INERT, ACTIVE, IDEOGRAM, GREEK = "inert", "active", "kana or han", "greek"
TAIL, TAIL_ACTIVE, TAIL_SECOND = "mark 0", "active mark 0", "composing mark 0"
MARK, MARK_SECOND, VIRAMA, VIRAMA_SECOND = "mark", "composing mark", "virama", "composing virama"
THAI_VOWEL, THAI_TONE = "thai vowel", "thai tone"
MIDDLE_DOT, KERAIA, KATAKANA_DOT, ZWNJ, ZWJ = "middle dot", "keraia", "katakana middle dot", "zwnj", "zwj"
HEBREW, GERESH, DUAL, RIGHT, RTL = "hebrew", "geresh", "joins both sides", "joins the right", "from right to left"
RTL_MARK, TRANSPARENT, ARABIC_DIGIT, EXTENDED_DIGIT = "rtl mark", "transparent", "arabic digit", "extended digit"
_SCANNED = (
    *(INERT, ACTIVE, IDEOGRAM, GREEK, TAIL, TAIL_ACTIVE, TAIL_SECOND, MARK, MARK_SECOND, VIRAMA, VIRAMA_SECOND),
    *(THAI_VOWEL, THAI_TONE, HEBREW, DUAL, RIGHT, RTL, RTL_MARK, TRANSPARENT),
)


def _pvalid() -> Ranges:
    """PVALID characters of the scripts in general use, in the Basic Multilingual Plane, without ASCII."""
    from idna import idnadata  # here, because its tables take a while to load

    packed = idnadata.codepoint_classes["PVALID"]
    pairs = [(pair >> 32, min((pair & 0xFFFFFFFF) - 1, 0xFFFF)) for pair in packed if pair >> 32 <= 0xFFFF]
    used = union(*(unicode_property(f"Script={name}") for name in SCRIPTS.split()))
    return intersect(subtract(from_pairs(pairs), ((0, 0x7F), *RARE)), used)


@cache
def _composing() -> tuple[frozenset[str], frozenset[str]]:
    """Characters that canonical composition may change: as the first of two, and as the second."""
    first, second = set(), set()
    for c in map(chr, range(0x10000)):
        parts = unicodedata.decomposition(c)
        if parts and not parts.startswith("<"):
            first.add(c)
            pair = [chr(int(part, 16)) for part in parts.split()]
            if len(pair) == 2 and unicodedata.normalize("NFC", c) == c:
                first.add(pair[0])
                second.add(pair[1])
    first.update(map(chr, range(0xAC00, 0xD7A4)))
    return frozenset(first), frozenset(second)


def _kind(c: str, scripts: dict[str, Ranges]) -> str | None:
    """What a PVALID character is; None for those that are left out."""
    category, bidi, order = unicodedata.category(c), unicodedata.bidirectional(c), unicodedata.combining(c)
    first, second = _composing()
    code = ord(c)
    if category == "Cn" or not bidi or bidi == "AN" or unicodedata.normalize("NFC", c) != c:
        return None
    if bidi in ("R", "AL"):
        if category[0] == "M" or c in second or order:
            return None
        kinds = (HEBREW, DUAL, RIGHT)
        return next((kind for kind in kinds if contains(scripts[kind], code)), RTL)
    if 0x590 <= code <= 0x8FF:  # marks of scripts from right to left
        if bidi != "NSM" or not order or c in second:
            return None
        return TRANSPARENT if contains(scripts[TRANSPARENT], code) else RTL_MARK
    if order in (103, 107):
        return None if c in second else {103: THAI_VOWEL, 107: THAI_TONE}[order]
    if order:
        plain, composing = (VIRAMA, VIRAMA_SECOND) if order == 9 and c not in _NO_JOINER else (MARK, MARK_SECOND)
        return composing if c in second else plain
    if category[0] == "M":
        if c in second:
            return None if c in first else TAIL_SECOND
        return TAIL_ACTIVE if c in first else TAIL
    if c in second:
        return None
    if contains(scripts[IDEOGRAM], code):
        return IDEOGRAM
    if contains(scripts[GREEK], code):
        return GREEK
    return ACTIVE if c in first else INERT


@cache
def _scan() -> dict[str, Ranges]:
    """PVALID characters by what they are."""
    scripts = {HEBREW: "Script=Hebrew", GREEK: "Script=Greek", DUAL: "Joining_Type=Dual_Joining"}
    scripts |= {RIGHT: "Joining_Type=Right_Joining", TRANSPARENT: "Joining_Type=Transparent"}
    sets = {key: unicode_property(name) for key, name in scripts.items()}
    sets[GREEK] = intersect(sets[GREEK], _GREEK)
    ideograms = union(*(unicode_property(f"Script={name}") for name in ("Hiragana", "Katakana", "Han")))
    sets[IDEOGRAM] = intersect(ideograms, _IDEOGRAMS)
    kinds: dict[str, list[int]] = {}
    for code in members(_pvalid()):
        kind = _kind(chr(code), sets)
        if kind is not None:
            kinds.setdefault(kind, []).append(code)
    return {kind: from_pairs((code, code) for code in codes) for kind, codes in kinds.items()}


def _classes() -> dict[str, Ranges]:
    """The characters of labels by what they are."""
    classes: dict[str, Ranges] = {
        ASCII: ((0x61, 0x6B), (0x6D, 0x7A)),
        L: from_characters("l"),
        DIGIT: ((0x30, 0x39),),
        HYPHEN: from_characters("-"),
        MIDDLE_DOT: from_characters("\u00b7"),
        KERAIA: from_characters("\u0375"),
        GERESH: from_characters("\u05f3\u05f4"),
        ARABIC_DIGIT: ((0x660, 0x669),),
        EXTENDED_DIGIT: ((0x6F0, 0x6F9),),
        KATAKANA_DOT: from_characters("\u30fb"),
        ZWNJ: from_characters("\u200c"),
        ZWJ: from_characters("\u200d"),
    }
    tables = f"IDNA {version('idna')} {_VERSION}"
    for kind in _SCANNED:
        classes[kind] = cached_on_disk(f"{tables} {kind}", partial(_scan_one, kind))
    return {kind: ranges for kind, ranges in classes.items() if ranges}


def _scan_one(kind: str) -> Ranges:
    return _scan().get(kind, NOTHING)


# After a letter, by the last character: what each kind of character makes of it. Marks are composed with no letter
# that could take them in; INERT stands for all that composes with nothing.
_AFTER_LETTER = (INERT, ACTIVE, L)
_FROM_LEFT: dict[str, tuple[tuple[str, ...], str]] = {
    MARK: (_AFTER_LETTER, MARK),
    MARK_SECOND: ((INERT,), MARK),
    VIRAMA: (_AFTER_LETTER, VIRAMA),
    VIRAMA_SECOND: ((INERT,), VIRAMA),
    THAI_VOWEL: ((INERT, ACTIVE), THAI_VOWEL),
    THAI_TONE: ((INERT, ACTIVE, THAI_VOWEL), MARK),
    TAIL: ((*_AFTER_LETTER, MARK, VIRAMA, THAI_VOWEL), INERT),
    TAIL_ACTIVE: ((*_AFTER_LETTER, MARK, VIRAMA, THAI_VOWEL), ACTIVE),
    TAIL_SECOND: ((INERT, MARK, VIRAMA, THAI_VOWEL), INERT),
    MIDDLE_DOT: ((L,), MIDDLE_DOT),
    ZWJ: ((VIRAMA,), INERT),
    ZWNJ: ((VIRAMA,), INERT),
}
_STARTERS = {ASCII: ACTIVE, DIGIT: ACTIVE, L: L, INERT: INERT, ACTIVE: ACTIVE, GREEK: ACTIVE, IDEOGRAM: ACTIVE}
_STARTERS |= {EXTENDED_DIGIT: INERT}
_PENDING = {MIDDLE_DOT: L, KERAIA: GREEK, KATAKANA_DOT: IDEOGRAM}  # what has to come next


def _from_left(last: str, kind: str) -> str | None:
    """What a label from left to right ends in after one more character, or None."""
    if last in _PENDING and kind != _PENDING[last]:
        return None
    if kind in _STARTERS:
        return _STARTERS[kind]
    if kind in _FROM_LEFT:
        before, after = _FROM_LEFT[kind]
        return after if last in before else None
    return kind if kind in _PENDING else None


_LETTERS = (HEBREW, RTL, DUAL, RIGHT)
_NUMBERS = {DIGIT: EXTENDED_DIGIT, EXTENDED_DIGIT: EXTENDED_DIGIT, ARABIC_DIGIT: ARABIC_DIGIT}


def _from_right(last: str, kind: str) -> str | None:
    """The same for a label from right to left; numbers are the caller's."""
    if last == ZWNJ:
        return kind if kind in (DUAL, RIGHT) else None
    if kind in _LETTERS:
        return kind
    if not last:
        return None
    if kind in _NUMBERS:
        return DIGIT
    if kind == GERESH:
        return HEBREW if last == HEBREW else None
    if kind == ZWNJ:
        return ZWNJ if last in (DUAL, TRANSPARENT) else None
    if kind in (RTL_MARK, TRANSPARENT) and last in _LETTERS:
        return TRANSPARENT if kind == TRANSPARENT and last == DUAL else RTL_MARK
    return None


UNDECIDED, FROM_LEFT, FROM_RIGHT = range(3)


class _Name(NamedTuple):
    """A state: how many labels are done, the direction of the name and of this label, and what it has come to."""

    labels: int = 0
    direction: int = UNDECIDED  # FROM_RIGHT: some label has that direction, so all keep the Bidi rule
    leftward: bool = False
    length: int = 0
    foreign: bool = False  # whether it holds more than ASCII
    last: str = ""
    number: str = ""  # the kind of digits in a label from right to left


def _step(state: _Name, kind: str) -> _Name | None:
    labels, direction, leftward, length, foreign, last, number = state
    if kind == DOT:
        return _Name(labels + 1, direction) if _ends(state) and labels + 1 < LABELS else None
    is_ascii = kind in (ASCII, L, DIGIT, HYPHEN)
    foreign |= not is_ascii
    length += 1
    if length > (LONGEST if foreign else LONGEST_ASCII):
        return None
    if kind == HYPHEN:
        if not last or last in _PENDING or last == ZWNJ or (length == 4 and last == HYPHEN):
            return None
        after: str | None = HYPHEN
    elif leftward or (not last and kind in _LETTERS):
        if direction == FROM_LEFT:
            return None
        leftward, direction = True, FROM_RIGHT
        if kind in _NUMBERS:
            if number not in ("", _NUMBERS[kind]):
                return None
            number = _NUMBERS[kind]
        after = _from_right(last, kind)
    else:
        if not is_ascii or (kind == DIGIT and not last):
            if direction == FROM_RIGHT:
                return None
            direction = FROM_LEFT
        after = _from_left(last, kind)
        if after == L and length >= LONGEST:
            after = ACTIVE  # no middle dot can follow
    return None if after is None else _Name(labels, direction, leftward, length, foreign, after, number)


def _ends(state: _Name) -> bool:
    """Whether the label may end here."""
    return bool(state.last) and state.last not in _PENDING and state.last not in (HYPHEN, ZWNJ)


def _domain(dots: Ranges) -> CharacterAutomaton:
    classes = {**_classes(), DOT: dots}
    kinds = list(classes)
    names = explored(list(classes.values()), _Name(), lambda state, i: _step(state, kinds[i]), _ends)
    return names.union(internet.short_hostname())


def idn_hostname() -> CharacterAutomaton:
    """Names of labels of all scripts, between dots of any of the four kinds of RFC 3490."""
    return _domain(from_characters(".\u3002\uff0e\uff61"))


def idn_email() -> CharacterAutomaton:
    """Mail boxes with letters of all scripts on both sides."""
    local = internet.local_part(international=True)
    return joined(local, "@", _domain(from_characters(".")), internet.mail_literal())
