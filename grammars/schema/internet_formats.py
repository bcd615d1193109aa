r"""The values of `format` that name things of the internet: addresses, host names, URIs, IRIs and their templates.

Sources: RFC 5321 (mail boxes), RFC 6531 (international ones), RFC 1123 (host names), RFC 3986 (URIs), RFC 3987
(IRIs), RFC 6570 (templates of level 4), RFC 4291 (IPv6). Some are a little narrower here than in the source:
- `email`: no comments, no general address literals, no escaped space; at most 64 characters before the `@` (octets of
  UTF-8 in `idn-email`); the domain has at most 6 labels, of 63, 31, 31, 15, 15 and 15 characters at most;
- `hostname`: labels that begin with `xn--` (their validity is not regular) are left out, and the limit of 253
  characters is kept by counting a label in units of 16: at most 15 labels;
- `uri-template`: the operators that RFC 6570 reserves for extensions are left out.
"""

from __future__ import annotations

from ..characters import Ranges, from_characters, from_pairs, subtract, union
from ..regular import CharacterAutomaton, parse
from .explore import explored, joined

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
IPV4 = rf"{_OCTET}(?:\.{_OCTET}){{3}}"


def ipv6() -> str:
    """Eight groups of 16 bits, one run of them left out, the last 32 bits perhaps as IPv4."""
    group = "[0-9A-Fa-f]{1,4}"
    tail = f"(?:{group}:{group}|{IPV4})"
    options = [f"(?:{group}:){{6}}{tail}"]
    for after in range(5, -1, -1):  # groups between `::` and the last 32 bits
        before = 5 - after
        lead = f"(?:{group}(?::{group}){{0,{before - 1}}})?" if before else ""
        options.append(f"{lead}::(?:{group}:){{{after}}}{tail}")
    options.append(f"(?:{group}(?::{group}){{0,5}})?::{group}")
    options.append(f"(?:{group}(?::{group}){{0,6}})?::")
    return f"(?:{'|'.join(options)})"


# ucschar and iprivate of RFC 3987, 2.2; without the formatting characters that 4.1 rules out
_BIDI_CONTROLS: Ranges = ((0x200E, 0x200F), (0x202A, 0x202E))
_PLANES = range(0x10000, 0xE0000, 0x10000)
_UCSCHAR: Ranges = subtract(
    from_pairs(
        (
            (0xA0, 0xD7FF),
            (0xF900, 0xFDCF),
            (0xFDF0, 0xFFEF),
            *((p, p + 0xFFFD) for p in _PLANES),
            (0xE1000, 0xEFFFD),
        )
    ),
    _BIDI_CONTROLS,
)
_IPRIVATE: Ranges = ((0xE000, 0xF8FF), (0xF0000, 0xFFFFD), (0x100000, 0x10FFFD))
_ENCODED = "%[0-9A-Fa-f]{2}"


def _in_class(ranges: Ranges) -> str:
    """The set as it is written between brackets."""
    return "".join(rf"\u{{{low:X}}}-\u{{{high:X}}}" for low, high in ranges)


def uri(*, relative: bool = False, international: bool = False) -> str:
    """URIs, or (relative) references too; IRIs where they are international."""
    plain = r"A-Za-z0-9._~!$&'()*+,;=\-" + (_in_class(_UCSCHAR) if international else "")
    private = _in_class(_IPRIVATE) if international else ""
    segment = f"(?:[{plain}:@]|{_ENCODED})*"
    user = f"(?:(?:[{plain}:]|{_ENCODED})*@)?"
    future = r"[Vv][0-9A-Fa-f]+\.[A-Za-z0-9._~!$&'()*+,;=\-:]+"
    host = rf"(?:\[(?:{ipv6()}|{future})\]|(?:[{plain}]|{_ENCODED})*)"
    rootless = f"(?:[{plain}:@]|{_ENCODED})+(?:/{segment})*"
    path = f"(?://{user}{host}(?::[0-9]*)?(?:/{segment})*|/(?:{rootless})?|)"
    tail = rf"(?:\?(?:[{plain}{private}:@/?]|{_ENCODED})*)?(?:#(?:[{plain}:@/?]|{_ENCODED})*)?"
    scheme = "[A-Za-z][A-Za-z0-9+.-]*:"
    if not relative:
        return f"{scheme}(?:{path}|{rootless}){tail}"
    first = f"(?:[{plain}@]|{_ENCODED})+"  # a first segment without a colon
    return f"(?:(?:{scheme})?{path}|{scheme}{rootless}|{first}(?:/{segment})*){tail}"


def uri_template() -> str:
    """Literals and expressions; the apostrophe is a literal by erratum 6937 of RFC 6570."""
    literal = rf"[!#$&'(-;=?-\[\]_a-z~{_in_class(_UCSCHAR)}{_in_class(_IPRIVATE)}]|{_ENCODED}"
    character = f"(?:[A-Za-z0-9_]|{_ENCODED})"
    variable = rf"{character}(?:\.?{character})*(?::[1-9][0-9]{{0,3}}|\*)?"
    return rf"(?:{literal}|\{{[+#./;?&]?{variable}(?:,{variable})*\}})*"


LETTERS: Ranges = ((0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A))
HYPHEN: Ranges = ((0x2D, 0x2D),)
DOT: Ranges = ((0x2E, 0x2E),)


# A label is (characters so far, kind); kinds: 0 nothing special, 1 after a hyphen, 2 after a hyphen in third place.
_LDH = (LETTERS, HYPHEN, DOT)


def _label(count: int, kind: int, what: int) -> tuple[int, int] | None:
    """A label after one more letter (0) or hyphen (1)."""
    if what == 0:
        return count + 1, 0
    return (count + 1, 2 if count == 2 else 1) if count and not (count == 3 and kind == 2) else None


def hostname() -> CharacterAutomaton:
    """Host names: labels of at most 63 characters; with its dot a label fills whole units of 16, at most 15 of them."""

    def step(state: tuple[int, int, int], what: int) -> tuple[int, int, int] | None:
        units, count, kind = state
        if what == 2:
            units += count // 16 + 1
            return (units, 0, 0) if count and not kind and units < 15 else None
        if count == 63 or units + (count + 1) // 16 >= 15:
            return None
        label = _label(count, kind, what)
        return (units, *label) if label else None

    return explored(_LDH, (0, 0, 0), step, lambda state: state[1] > 0 and state[2] == 0)


SHORTER = (63, 31, 31, 15, 15, 15)


def short_hostname() -> CharacterAutomaton:
    """Host names whose labels are so long at most, with few states: 175 characters, in a mail box 240 of the 254."""

    def step(state: tuple[int, int, int], what: int) -> tuple[int, int, int] | None:
        index, count, kind = state
        if what == 2:
            return (index + 1, 0, 0) if count and not kind and index + 1 < len(SHORTER) else None
        label = _label(count, kind, what) if count < SHORTER[index] else None
        return (index, *label) if label else None

    return explored(_LDH, (0, 0, 0), step, lambda state: state[1] > 0 and state[2] == 0)


_ATOM: Ranges = union(LETTERS, from_characters("!#$%&'*+/=?^_`{|}~-"))
_LOCAL_OCTETS = 64
_WIDE: tuple[Ranges, ...] = (((0x80, 0x7FF),), ((0x800, 0xD7FF), (0xE000, 0xFFFF)), ((0x10000, 0x10FFFF),))


def local_part(*, international: bool = False) -> CharacterAutomaton:
    """What stands before the `@`: atoms between dots, or a quoted string; at most 64 octets.

    A state is (place, octets so far); places: start, after an atom's character, after a dot, in quotes, after a
    backslash in quotes, after the closing quote.
    """
    start, atom, dot, quoted, escaped, closed = range(6)
    quote, backslash, space = from_characters('"'), from_characters("\\"), from_characters(" ")
    others = subtract(((0x20, 0x7E),), union(_ATOM, DOT, quote, backslash, space))
    moves = (
        {start: atom, atom: atom, dot: atom, quoted: quoted, escaped: quoted},  # the characters of an atom
        {atom: dot, quoted: quoted, escaped: quoted},  # a dot
        {start: quoted, quoted: closed, escaped: quoted},  # a quote
        {quoted: escaped, escaped: quoted},  # a backslash
        {quoted: quoted, escaped: quoted},  # other printable characters
        {quoted: quoted},  # a space
        {start: atom, atom: atom, dot: atom, quoted: quoted},  # beyond ASCII: 2, 3 or 4 octets
    )
    least = {dot: 1, quoted: 1, escaped: 2}  # octets that have to follow

    def step(state: tuple[int, int], what: int) -> tuple[int, int] | None:
        place, octets = state
        target = moves[min(what, 6)].get(place)
        if target is None:
            return None
        octets += max(what - 4, 1)
        return (target, octets) if octets + least.get(target, 0) <= _LOCAL_OCTETS else None

    classes = (_ATOM, DOT, quote, backslash, others, space, *(_WIDE if international else ()))
    return explored(classes, (start, 0), step, lambda state: state[0] in (atom, closed))


def mail_literal() -> CharacterAutomaton:
    """An IP address in brackets, as the domain of a mail box."""
    return parse(rf"\[(?:{IPV4}|IPv6:{ipv6()})\]", dialect="ecma").automaton()


def email() -> CharacterAutomaton:
    """Mail boxes of RFC 5321."""
    return joined(local_part(), "@", short_hostname(), mail_literal())
