r"""The values of `format` as regular languages, each written as an ECMAScript pattern.

Sources: RFC 3339 (dates, times, durations in appendix A), RFC 5321 (mail boxes), RFC 1123 (host names), RFC 3986
(URIs), RFC 4291 (IPv6), RFC 4122 (UUIDs), RFC 6901 (JSON Pointers). Some are a little narrower here than in the source:
- `time`: a leap second is taken with `Z` and with offsets of whole and half hours;
- `email`: no comments, no general address literals; at most 64 characters before the `@`;
- `hostname`: labels that begin with `xn--` (their validity is not regular) are left out, and the limit of 253
  characters is kept by counting a label in units of 16.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from ..characters import Ranges, complement, union
from ..regular import CharacterAutomaton, parse

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
    leap = [f"23:59:60{fraction}[Zz]"]
    for shift in range(-23 * 60 - 30, 24 * 60, 30):
        hour, minute = divmod((23 * 60 + 59 + shift) % (24 * 60), 60)
        signs = "[+-]" if shift == 0 else "+-"[shift < 0].replace("+", r"\+")
        ahead = f"{abs(shift) // 60:02}:{abs(shift) % 60:02}"
        leap.append(f"{hour:02}:{minute:02}:60{fraction}{signs}{ahead}")
    return f"(?:{usual}|{'|'.join(leap)})"


_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = rf"{_OCTET}(?:\.{_OCTET}){{3}}"


def _ipv6() -> str:
    group = "[0-9A-Fa-f]{1,4}"
    tail = f"(?:{group}:{group}|{_IPV4})"
    options = [f"(?:{group}:){{6}}{tail}"]
    for after in range(5, -1, -1):  # groups between `::` and the last 32 bits
        before = 5 - after
        lead = f"(?:{group}(?::{group}){{0,{before - 1}}})?" if before else ""
        options.append(f"{lead}::(?:{group}:){{{after}}}{tail}")
    options.append(f"(?:{group}(?::{group}){{0,5}})?::{group}")
    options.append(f"(?:{group}(?::{group}){{0,6}})?::")
    return f"(?:{'|'.join(options)})"


_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"


def _email() -> str:
    quoted = r'"(?:[ !#-\[\]-~]|\\[ -~]){0,62}"'
    domain = rf"{_LABEL}(?:\.{_LABEL})*"
    return rf"(?:{_ATOM}(?:\.{_ATOM})*|{quoted})@(?:{domain}|\[(?:{_IPV4}|IPv6:{_ipv6()})\])"


def _uri(*, relative: bool) -> str:
    encoded = "%[0-9A-Fa-f]{2}"
    plain = r"A-Za-z0-9._~!$&'()*+,;=\-"
    character = f"(?:[{plain}:@]|{encoded})"
    segment = f"{character}*"
    user = f"(?:(?:[{plain}:]|{encoded})*@)?"
    future = rf"[Vv][0-9A-Fa-f]+\.[{plain}:]+"
    host = rf"(?:\[(?:{_ipv6()}|{future})\]|(?:[{plain}]|{encoded})*)"
    authority = f"{user}{host}(?::[0-9]*)?"
    rootless = f"{character}+(?:/{segment})*"
    path = f"(?://{authority}(?:/{segment})*|/(?:{rootless})?|{rootless}|)"
    tail = rf"(?:\?(?:[{plain}:@/?]|{encoded})*)?(?:#(?:[{plain}:@/?]|{encoded})*)?"
    absolute = f"[A-Za-z][A-Za-z0-9+.-]*:{path}{tail}"
    if not relative:
        return absolute
    first = f"(?:[{plain}@]|{encoded})+"  # a first segment without a colon
    reference = f"(?://{authority}(?:/{segment})*|/(?:{rootless})?|{first}(?:/{segment})*|){tail}"
    return f"(?:{absolute}|{reference})"


def _duration() -> str:
    second = "[0-9]+S"
    minute = f"[0-9]+M(?:{second})?"
    hour = f"[0-9]+H(?:{minute})?"
    time = f"T(?:{hour}|{minute}|{second})"
    day = "[0-9]+D"
    month = f"[0-9]+M(?:{day})?"
    year = f"[0-9]+Y(?:{month})?"
    return f"P(?:(?:{day}|{month}|{year})(?:{time})?|{time}|[0-9]+W)"


def _hostname() -> CharacterAutomaton:
    """Host names: labels of at most 63 characters; with its dot a label fills whole units of 16, at most 15 of them.

    A state is (units of the labels before, characters of the label so far, kind); kinds: 0 nothing special, 1 after a
    hyphen, 2 after a hyphen in third place.
    """
    letters: Ranges = ((0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A))
    others = complement(union(letters, ((0x2D, 0x2E),)))
    start = (0, 0, 0)
    numbers, order, rows = {start: 0}, [start], []
    for units, count, kind in order:
        full = units + (count + 1) // 16 >= 15 or count == 63
        letter = None if full else (units, count + 1, 0)
        hyphen = None if full or not count or (count == 3 and kind == 2) else (units, count + 1, 2 if count == 2 else 1)
        dot = (units + count // 16 + 1, 0, 0) if count and not kind and units + count // 16 + 1 < 15 else None
        row = []
        for target in (letter, hyphen, dot):
            if target is not None and target not in numbers:
                numbers[target] = len(order)
                order.append(target)
            row.append(-1 if target is None else numbers[target])
        rows.append([*row, -1])
    accepting = [count > 0 and kind == 0 for _, count, kind in order]
    return CharacterAutomaton.from_rows((letters, ((0x2D, 0x2D),), ((0x2E, 0x2E),), others), rows, accepting)


_POINTER = "(?:/(?:[^~/]|~[01])*)*"
_HEX = "[0-9A-Fa-f]"

PATTERNS: dict[str, Callable[[], str]] = {
    "date": _date,
    "time": _time,
    "date-time": lambda: f"{_date()}[Tt]{_time()}",
    "duration": _duration,
    "email": _email,
    "ipv4": lambda: _IPV4,
    "ipv6": _ipv6,
    "uri": lambda: _uri(relative=False),
    "uri-reference": lambda: _uri(relative=True),
    "uuid": lambda: f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}",
    "json-pointer": lambda: _POINTER,
    "relative-json-pointer": lambda: f"(?:0|[1-9][0-9]*)(?:#|{_POINTER})",
}
NAMES = frozenset(PATTERNS) | {"hostname"}
# Known to the specification from some draft on, but not regular or not written down here: refused by name.
REFUSED = {"uri-template": 6, "idn-email": 7, "idn-hostname": 7, "iri": 7, "iri-reference": 7, "regex": 7}


def is_refused(name: str, draft: int) -> bool:
    """Whether a format means something in a draft, and is not enforced here."""
    return name in REFUSED and draft >= REFUSED[name]


@lru_cache(maxsize=64)
def automaton(name: str) -> CharacterAutomaton:
    """The strings of a format in NAMES."""
    if name == "hostname":
        return _hostname()
    machine = parse(PATTERNS[name](), dialect="ecma").automaton()
    if name == "email":  # a local part has at most 64 characters
        machine = machine.intersect(parse(r'(?:[^@"]{1,64}@|").*', dialect="ecma", flags="s").automaton())
    return machine
