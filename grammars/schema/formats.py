r"""The values of `format` as regular languages, most of them written as an ECMAScript pattern.

Sources: RFC 3339 (dates, times, durations in appendix A), RFC 4122 (UUIDs), RFC 6901 (JSON Pointers), and those of
`internet_formats`, `idn_formats` and `regex_format`, which say what is left out there. Here it is this:
- `time`: a leap second is taken with `Z` and with offsets of whole and half hours.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from ..regular import CharacterAutomaton, parse
from . import internet_formats as internet
from .idn_formats import idn_email, idn_hostname
from .regex_format import ecma_regex

_DIGIT_PAIR_59 = "[0-5][0-9]"
_HOUR = "(?:[01][0-9]|2[0-3])"


def _date() -> str:
    long = "(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    short = "(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    february = "02-(?:0[1-9]|1[0-9]|2[0-8])"
    leap_year = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
    return f"(?:[0-9]{{4}}-(?:{long}|{short}|{february})|{leap_year}-02-29)"


def _time() -> str:
    fraction = r"(?:\.[0-9]+)?"
    offset = f"(?:[Zz]|[+-]{_HOUR}:{_DIGIT_PAIR_59})"
    usual = f"{_HOUR}:{_DIGIT_PAIR_59}:{_DIGIT_PAIR_59}{fraction}{offset}"
    leap = []  # 23:59:60 of UTC on a clock that is so many minutes ahead, or a day less behind
    for ahead in range(29, 24 * 60, 30):
        hour, minute = divmod(ahead, 60)
        east, west = (ahead + 1) % (24 * 60), 24 * 60 - ahead - 1
        both = [f"{sign}{shift // 60:02}:{shift % 60:02}" for sign, shift in ((r"\+", east), ("-", west))]
        leap.append(f"{hour:02}:{minute:02}:60{fraction}(?:{'|'.join(both)}{'' if west else '|[Zz]'})")
    return f"(?:{usual}|{'|'.join(leap)})"


def _duration() -> str:
    second = "[0-9]+S"
    minute = f"[0-9]+M(?:{second})?"
    hour = f"[0-9]+H(?:{minute})?"
    time = f"T(?:{hour}|{minute}|{second})"
    day = "[0-9]+D"
    month = f"[0-9]+M(?:{day})?"
    year = f"[0-9]+Y(?:{month})?"
    return f"P(?:(?:{day}|{month}|{year})(?:{time})?|{time}|[0-9]+W)"


_POINTER = "(?:/(?:[^~/]|~[01])*)*"
_HEX = "[0-9A-Fa-f]"

_PATTERNS: dict[str, Callable[[], str]] = {
    "date": _date,
    "time": _time,
    "date-time": lambda: f"{_date()}[Tt]{_time()}",
    "duration": _duration,
    "ipv4": lambda: internet.IPV4,
    "ipv6": internet.ipv6,
    "uri": internet.uri,
    "uri-reference": lambda: internet.uri(relative=True),
    "iri": lambda: internet.uri(international=True),
    "iri-reference": lambda: internet.uri(relative=True, international=True),
    "uri-template": internet.uri_template,
    "uuid": lambda: f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}",
    "json-pointer": lambda: _POINTER,
    "relative-json-pointer": lambda: f"(?:0|[1-9][0-9]*)(?:#|{_POINTER})",
}
_AUTOMATA: dict[str, Callable[[], CharacterAutomaton]] = {
    "hostname": internet.hostname,
    "email": internet.email,
    "idn-hostname": idn_hostname,
    "idn-email": idn_email,
    "regex": ecma_regex,
}
# The draft from which on a format means something; the others do in every draft.
_SINCE = {"uri-template": 6, "idn-email": 7, "idn-hostname": 7, "iri": 7, "iri-reference": 7, "regex": 7}
NAMES = frozenset(_PATTERNS) | frozenset(_AUTOMATA)


def is_known(name: str, draft: int) -> bool:
    """Whether a format means something in a draft."""
    return name in NAMES and draft >= _SINCE.get(name, 0)


@lru_cache(maxsize=64)
def automaton(name: str) -> CharacterAutomaton:
    """The strings of a format in NAMES."""
    if name in _AUTOMATA:
        return _AUTOMATA[name]()
    return parse(_PATTERNS[name](), dialect="ecma").automaton()
