"""Sets of code points against Python's; classes and case closure against `re` and `regex` over all of Unicode."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import regex
from bytebound.grammars import characters, unicode_tables
from bytebound.grammars.characters import FULL, LAST, NOTHING, Classifier, Ranges, from_pairs
from hypothesis import given
from hypothesis import strategies as st

EVERYTHING = np.arange(LAST + 1, dtype="<u4").tobytes().decode("utf-32-le", "surrogatepass")

small = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 8))).map(
    lambda pairs: from_pairs((low, low + width) for low, width in pairs)
)


def members(ranges: Ranges) -> set[int]:
    return set(characters.members(ranges))


def scan(pattern: re.Pattern[str] | regex.Pattern[str]) -> Ranges:
    return from_pairs((m.start(), m.end() - 1) for m in pattern.finditer(EVERYTHING))


@given(small, small)
def test_operations_are_those_of_sets(a: Ranges, b: Ranges) -> None:
    assert members(characters.union(a, b)) == members(a) | members(b)
    assert members(characters.intersect(a, b)) == members(a) & members(b)
    assert members(characters.subtract(a, b)) == members(a) - members(b)
    assert characters.size(a) == len(members(a))
    assert all(characters.contains(a, c) == (c in members(a)) for c in range(80))


@given(small)
def test_complement(a: Ranges) -> None:
    assert characters.complement(characters.complement(a)) == a
    assert characters.union(a, characters.complement(a)) == FULL
    assert characters.intersect(a, characters.complement(a)) == NOTHING


@given(small)
def test_ranges_are_sorted_and_apart(a: Ranges) -> None:
    assert all(low <= high for low, high in a)
    assert all(a[i][1] + 1 < a[i + 1][0] for i in range(len(a) - 1))


@given(st.lists(small, max_size=5))
def test_partition_is_the_coarsest(sets: list[Ranges]) -> None:
    cells, parts = characters.partition(tuple(sets))
    assert characters.union(*cells) == FULL and sum(map(characters.size, cells)) == LAST + 1
    for ranges, part in zip(sets, parts, strict=True):
        assert characters.union(*(cells[i] for i in part)) == ranges
    signatures = [tuple(i in part for part in parts) for i in range(len(cells))]
    assert len(set(signatures)) == len(cells)
    classify = Classifier(cells)
    assert all(characters.contains(cells[classify(c)], c) for c in [*range(80), 0xD800, LAST])


@pytest.mark.parametrize("letter", "dws")
def test_python_classes_are_those_of_re(letter: str) -> None:
    assert unicode_tables.named_class(letter, "python", False) == scan(re.compile(rf"\{letter}+"))
    assert unicode_tables.named_class(letter, "python", True) == scan(re.compile(rf"\{letter}+", re.ASCII))
    assert unicode_tables.named_class(letter.upper(), "python", False) == scan(re.compile(rf"\{letter.upper()}+"))
    assert unicode_tables.named_class(letter, "python", False) == scan(re.compile(rf"\{letter}+", re.IGNORECASE))


def test_ecma_classes() -> None:
    assert unicode_tables.named_class("d", "ecma", False) == ((48, 57),)
    assert unicode_tables.named_class("w", "ecma", False) == from_pairs([(48, 57), (65, 90), (95, 95), (97, 122)])
    space = unicode_tables.named_class("s", "ecma", False)
    separators = unicode_tables.unicode_property("Zs")
    assert members(space) == members(separators) | {9, 10, 11, 12, 13, 0x2028, 0x2029, 0xFEFF}


def test_case_closure_is_that_of_re_for_every_code_point() -> None:
    cased = "".join(c for c in EVERYTHING if c.lower() != c or c.upper() != c)
    for c in cased:
        matched = re.findall(re.escape(c), cased, re.IGNORECASE)
        closure = unicode_tables.ignore_case(((ord(c), ord(c)),))
        assert set(matched) == {chr(x) for x in members(closure)}
    # the rest of Unicode has no case: nothing of it matches anything cased, or another character
    rest = "".join(set(EVERYTHING) - set(cased))
    assert not re.search(f"[{re.escape(cased)}]", rest, re.IGNORECASE)
    assert all(unicode_tables.ignore_case(((ord(c), ord(c)),)) == ((ord(c), ord(c)),) for c in rest[::997])


@pytest.mark.parametrize("pair", ["aZ", "kK", "AZ", "\u00b5\u0400", "Ωω", "[`"])
def test_case_closure_of_ranges_is_that_of_re(pair: str) -> None:
    low, high = sorted(pair)
    closure = unicode_tables.ignore_case(((ord(low), ord(high)),))
    assert closure == scan(re.compile(f"[{re.escape(low)}-{re.escape(high)}]+", re.IGNORECASE))
    ascii_closure = unicode_tables.ignore_case(((ord(low), ord(high)),), "python", True)
    assert ascii_closure == scan(re.compile(f"[{re.escape(low)}-{re.escape(high)}]+", re.IGNORECASE | re.ASCII))


def test_ecma_folding_is_simple_case_folding() -> None:
    def closure(c: str) -> set[str]:
        return {chr(x) for x in members(unicode_tables.ignore_case(((ord(c), ord(c)),), "ecma"))}

    assert closure("s") == {"s", "S", "\u017f"}
    assert closure("i") == {"i", "I"}  # the Turkish dotted and dotless letters fold to themselves
    assert closure("\u0130") == {"\u0130"}
    assert closure("\u00df") == {"\u00df", "\u1e9e"}
    assert closure("\u1f80") == {"\u1f80", "\u1f88"}


@pytest.mark.parametrize(
    "name",
    ["L", "Lu", "Letter", "General_Category=Letter", "Script=Greek", "sc=Grek", "Greek", "InGreek", "Alphabetic",
     "IsAlphabetic", "digit", "ASCII", "Blank", "Math", "^Lu", "gc=Nd", "Emoji", "Script_Extensions=Greek"],
)  # fmt: skip
def test_properties_are_those_of_regex(name: str) -> None:
    assert unicode_tables.unicode_property(name) == scan(regex.compile(rf"\p{{{name}}}+"))
    assert unicode_tables.unicode_property(name, cased=False) == scan(regex.compile(rf"(?i)\p{{{name}}}+"))


@pytest.mark.parametrize("name", ["Foo", "", "Script=Klingon", "L}|\\p{N", "(", "RGI_Emoji"])
def test_unknown_properties(name: str) -> None:
    with pytest.raises(unicode_tables.UnknownProperty):
        unicode_tables.unicode_property(name)


@pytest.fixture
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(unicode_tables.platformdirs, "user_cache_dir", lambda name: str(tmp_path / name))
    unicode_tables.unicode_property.cache_clear()
    yield tmp_path / "bytebound" / "characters"
    unicode_tables.unicode_property.cache_clear()


def test_tables_are_stored_and_read_again(cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = unicode_tables.unicode_property("Lt")
    (stored,) = cache_folder.iterdir()
    unicode_tables.unicode_property.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(unicode_tables, "_scan", lambda finditer: pytest.fail("scanned again"))
        assert unicode_tables.unicode_property("Lt") == first
    unicode_tables.unicode_property.cache_clear()
    stored.write_text("{broken")
    assert unicode_tables.unicode_property("Lt") == first
    assert json.loads(stored.read_text())["key"].startswith("property Lt")


def test_a_cache_that_cannot_be_written_is_no_error(cache_folder: Path) -> None:
    cache_folder.parent.parent.joinpath("bytebound").write_text("a file where the folder should be")
    assert unicode_tables.unicode_property("Lt") == scan(regex.compile(r"\p{Lt}+"))
