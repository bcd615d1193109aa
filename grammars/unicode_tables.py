r"""Named character classes: \d \w \s of Python and ECMAScript, Unicode properties \p{..}, and case-insensitive closure.

Property tables come from the `regex` package and Python's classes from `re`: one scan over a string of all code
points (about 20 ms), kept in the process and on disk below `platformdirs.user_cache_dir("bytebound")`, keyed by the
versions of both Unicode databases. Case equivalence follows `re.IGNORECASE` for str patterns (simple lower case,
plus lower-case letters with a common upper case), or ECMA-262's Canonicalize with the `u` flag (simple case
folding).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import platformdirs
import regex

from .characters import LAST, Ranges, complement, contains, from_characters, from_pairs, members, size, union

ASCII_DIGITS: Ranges = ((48, 57),)
ASCII_WORD: Ranges = ((48, 57), (65, 90), (95, 95), (97, 122))
ASCII_SPACE: Ranges = ((9, 13), (32, 32))
# WhiteSpace and LineTerminator of ECMA-262 (12.2, 12.3)
ECMA_SPACE: Ranges = from_pairs(
    ((9, 13), (0x2000, 0x200A), *((c, c) for c in (0x20, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000, 0xFEFF)))
)
ECMA_NEWLINES: Ranges = from_characters("\n\r\u2028\u2029")

_PROPERTY_NAME = re.compile(r"\^?[\w&][\w &.\-]*(?:[=:][\w &.\-]+)?", re.ASCII)


class UnknownProperty(LookupError):
    """The `regex` package knows no Unicode property of this name."""


@cache
def _every_code_point() -> str:
    return np.arange(LAST + 1, dtype="<u4").tobytes().decode("utf-32-le", "surrogatepass")


def _scan(finditer: Callable[[str], Iterable[re.Match[str]]]) -> Ranges:
    """Code points matched; index and code point coincide in the scanned string, so spans are ranges."""
    return from_pairs((m.start(), m.end() - 1) for m in finditer(_every_code_point()))


def cached_on_disk(name: str, compute: Callable[[], Ranges]) -> Ranges:
    """The set stored under this name for the installed Unicode databases, else computed and, if possible, stored."""
    key = f"{name}\0{regex.__version__}\0{unicodedata.unidata_version}"
    digest = hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
    path = Path(platformdirs.user_cache_dir("bytebound")) / "characters" / f"{digest}.json"
    try:
        stored = json.loads(path.read_text())
        if stored["key"] == key:
            return from_pairs((int(low), int(high)) for low, high in stored["ranges"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    ranges = compute()
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "w") as file:
            json.dump({"key": key, "ranges": ranges}, file)
        os.replace(temporary, path)
    return ranges


@lru_cache(maxsize=4096)
def unicode_property(name: str, cased: bool = True) -> Ranges:
    r"""The set that \p{name} stands for in the `regex` package: Lu, Letter, Script=Greek, InGreek, Alphabetic...

    Where case is ignored (not `cased`), Lu, Upper and their like stand for all cased letters there.

    Raises:
        UnknownProperty: there is no such property.
    """
    if not _PROPERTY_NAME.fullmatch(name.strip()):
        raise UnknownProperty(name)
    try:
        compiled = regex.compile(rf"\p{{{name}}}+", 0 if cased else regex.IGNORECASE)
    except regex.error as error:
        raise UnknownProperty(name) from error
    return cached_on_disk(f"property {name}{'' if cased else ' without case'}", lambda: _scan(compiled.finditer))


@cache
def python_class(letter: str) -> Ranges:
    r"""\d, \w or \s of Python's `re` for str patterns without the ASCII flag; `letter` is d, w or s."""
    return cached_on_disk(f"python {letter}", lambda: _scan(re.compile(rf"\{letter}+").finditer))


@cache
def named_class(letter: str, dialect: str, ascii_only: bool) -> Ranges:
    r"""The set of \d \w \s, or of \D \W \S (capital letters), in a dialect ("python" or "ecma")."""
    if letter.isupper():
        return complement(named_class(letter.lower(), dialect, ascii_only))
    if dialect == "ecma":
        return {"d": ASCII_DIGITS, "w": ASCII_WORD, "s": ECMA_SPACE}[letter]
    if ascii_only:
        return {"d": ASCII_DIGITS, "w": ASCII_WORD, "s": ASCII_SPACE}[letter]
    return python_class(letter)


def _simple_fold(character: str) -> str:
    """CaseFolding.txt, statuses C and S: the one-character folding, else the one-character lower case, else itself."""
    for folded in (character.casefold(), character.lower()):
        if len(folded) == 1:
            return folded
    return character


@cache
def _case_orbits(dialect: str) -> dict[int, Ranges]:
    """For every code point with case variants, the set of code points that match it when case is ignored."""
    cased = [c for c in map(chr, range(0x20000)) if c.lower() != c or c.upper() != c or c.casefold() != c]
    groups: dict[str, set[str]] = {}
    if dialect == "ecma":
        for c in cased:
            groups.setdefault(_simple_fold(c), set()).update((c, _simple_fold(c)))
    else:
        # `re` compares simple lower case, and treats lower-case letters that share an upper case as one letter;
        # the simple lower case of U+0130, alone in having a longer full one, is that one's first letter.
        for c in cased:
            lower = c.lower()[0]
            groups.setdefault(lower.upper(), set()).update((c, lower))
    orbits: dict[int, Ranges] = {}
    for group in groups.values():
        if len(group) > 1:
            ranges = from_characters(group)
            orbits.update((ord(c), ranges) for c in group)
    return orbits


@lru_cache(maxsize=2048)
def ignore_case(ranges: Ranges, dialect: str = "python", ascii_only: bool = False) -> Ranges:
    """Smallest superset closed under case equivalence of the dialect; `ascii_only` knows A-Z and a-z alone."""
    if ascii_only:
        letters = [(low, high, shift) for low, high, shift in ((65, 90, 32), (97, 122, -32))]
        moved = [
            (max(first, low) + shift, min(last, high) + shift)
            for first, last in ranges
            for low, high, shift in letters
            if max(first, low) <= min(last, high)
        ]
        return union(ranges, from_pairs(moved)) if moved else ranges
    orbits = _case_orbits(dialect)
    if size(ranges) < len(orbits):
        hits = [orbits[c] for c in members(ranges) if c in orbits]
    else:
        hits = [orbit for c, orbit in orbits.items() if contains(ranges, c)]
    return union(ranges, *hits) if hits else ranges
