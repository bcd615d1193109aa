"""The spelling of JSON text: characters, keys, whitespace; each against Python's own JSON reader."""

from __future__ import annotations

import json
import random

import pytest
from bytebound.grammars import Grammar, json_schema
from bytebound.grammars.characters import from_pairs
from bytebound.grammars.schema.spelling import CHARACTERS, add_json_characters

SAMPLE = sorted(
    {*range(0x300), 0x7FF, 0x800, 0xFFF, 0x1000, 0x2028, 0xD7FF, 0xE000, 0xFFFD, 0xFFFF, 0x10000, 0x103FF, 0x10400}
    | {0x1F600, 0xFFFFF, 0x100000, 0x10FFFF}
)
SHORT = {'"': '\\"', "\\": "\\\\", "/": "\\/", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def in_hex(code: int) -> str:
    units = chr(code).encode("utf-16-be")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))


def test_every_spelling_of_free_characters() -> None:
    grammar = Grammar(lambda net, a, b: add_json_characters(net, a, CHARACTERS, b), "character")
    for code in SAMPLE:
        character = chr(code)
        raw_is_legal = code >= 0x20 and character not in '"\\'
        assert grammar.matches(character) == raw_is_legal, hex(code)
        assert grammar.matches(in_hex(code)), hex(code)
        assert grammar.matches(in_hex(code).upper().replace("\\U", "\\u")), hex(code)
        assert character not in SHORT or grammar.matches(SHORT[character])
    for text in ("\\ud800", "\\udc00", "\\ud800\\ud800", "\\ud83d", "\\x", "\\u12", "", "ab"):
        assert not grammar.matches(text), text


@pytest.mark.parametrize("seed", range(20))
def test_every_spelling_of_sets(seed: int) -> None:
    rng = random.Random(seed)
    bounds = sorted(rng.sample(SAMPLE, 6))
    ranges = from_pairs(zip(bounds[::2], bounds[1::2], strict=True))
    grammar = Grammar(lambda net, a, b: add_json_characters(net, a, ranges, b), "characters")
    for code in SAMPLE:
        inside = any(low <= code <= high for low, high in ranges)
        character = chr(code)
        for text in {json.dumps(character)[1:-1], json.dumps(character, ensure_ascii=False)[1:-1], in_hex(code)}:
            assert grammar.matches(text) == inside, (hex(code), text)


@pytest.mark.parametrize(
    "names", [["a"], ["a", "ab", "b"], ["é", "e"], ["a/b", "a"], ['"', "\\", "\n"], ["", "x"], ["😀"]]
)
def test_free_keys_are_all_keys_but_the_named_ones(names: list[str]) -> None:
    schema = {"properties": {n: {"const": 1} for n in names}, "additionalProperties": {"const": 2}, "type": "object"}
    grammar = json_schema(schema)
    keys = {
        *names,
        "",
        "a",
        "ab",
        "abc",
        "b",
        "e",
        "é",
        "éé",
        "/",
        "a/",
        '"',
        "\\",
        "\n",
        "\r",
        "😀",
        "😁",
        "x",
        "\u007f",
    }
    for key in keys:
        for text in {json.dumps({key: 2}), json.dumps({key: 2}, ensure_ascii=False)}:
            assert grammar.matches(text) == (key not in names), text
            assert grammar.matches(text.replace("2}", "1}")) == (key in names), text


def test_whitespace() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "integer"}}}}
    grammar = json_schema(schema)
    instance = {"a": [1, 2]}
    for text in (json.dumps(instance), json.dumps(instance, indent=2), json.dumps(instance, indent=4)):
        assert grammar.matches(text)
        assert grammar.matches(text.replace("\n", "\r\n"))
    assert grammar.matches(json.dumps(instance, indent="\t"))
    assert grammar.matches('{ "a" : [ 1 , 2 ] }')
    assert grammar.matches('{"a":[1,\n' + " " * 40 + "2]}")
    for text in (
        ' {"a":[]}',
        '{"a":[]} ',
        '{"a":  []}',
        '{"a":[1,\n\n2]}',
        '{"a":[1,\n' + " " * 41 + "2]}",
        '{"a":[1,\t2]}',
    ):
        assert not grammar.matches(text), text
    compact = json_schema(schema, whitespace="compact")
    assert compact.matches('{"a":[1,2]}')
    assert not compact.matches('{"a": [1,2]}')
