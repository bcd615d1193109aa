"""Items that must differ, counted properties, complements of property keywords: texts, dead ends, distances."""

from __future__ import annotations

import itertools
import json
import random
from typing import Any

import jsonschema_rs
import pytest
from bytebound.grammars import DEAD, EmptyLanguage, Unsupported, json_schema

FREE = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
CASES: list[tuple[Any, list[str], list[str]]] = [
    (FREE, ["[]", '["a", "b"]', '["a", "ab", "b"]', '["é", "e"]'], ['["a", "a"]', '["é", "\\u00e9"]', '["", ""]']),
    (
        {**FREE, "items": {"enum": ["a", "b", 1, None]}, "minItems": 2},
        ['["a", 1]', '[null, "b", "a", 1.0]'],
        ['["a"]', '["a", "a"]', "[1, 1.0]", '["a", "b", 1, null, "a"]'],
    ),
    (
        {**FREE, "items": {"type": "integer"}, "maxItems": 3},
        ["[1, 2, 10]", "[-1, 1]", "[1.0, 2.00]"],
        ["[1, 1]", "[1, 1.0]", "[0, -0]", "[1, 2, 3, 4]"],
    ),
    ({**FREE, "items": {"type": "number"}}, ["[1, 1.5, 1.25]", "[0.1, 0.10001]"], ["[1.5, 1.50]", "[100, 100.0]"]),
    (
        {**FREE, "items": {"anyOf": [{"type": "boolean"}, {"pattern": "^a+$", "type": "string"}]}},
        ['[true, "a", "aa", false]'],
        ["[true, true]", '["aa", "a", "aa"]'],
    ),
    (
        {"prefixItems": [{"type": "boolean"}, {"type": "boolean"}], "items": False, "uniqueItems": True},
        ["[true, false]", "[false]", '"text"'],
        ["[true, true]", "[true, false, true]"],
    ),
    (
        {**FREE, "items": {"enum": [[1], [1, 2], {"a": 1, "b": [0]}, "x", 2]}, "minItems": 2},
        ['[[1], [1, 2], "x", 2.0, {"a": 1, "b": [0]}]', '["x", [1]]'],
        ["[[1], [1.0]]", '[{"a": 1, "b": [0]}, {"a": 1.0, "b": [0]}]', '["x", "x"]', "[[1]]"],
    ),
    ({**FREE, "items": {"enum": [[1], [1.0], {}]}}, ["[[1], {}]"], ["[[1], [1]]", "[[1.0], [1]]", "[{}, {}]"]),
    ({"type": "object", "minProperties": 2}, ['{"a": 1, "b": 1}'], ['{"a": 1}', '{"a": 1, "a": 2}', "{}"]),
    (
        {"type": "object", "not": {"additionalProperties": {"type": "integer"}}},
        ['{"a": "x"}', '{"a": 1, "b": null}'],
        ["{}", '{"a": 1}', '{"a": "x", "a": 1}'],
    ),
    (
        {"type": "object", "not": {"patternProperties": {"^a": {"const": 1}}}, "maxProperties": 2},
        ['{"ab": 2}', '{"ab": 2, "b": 1}'],
        ['{"b": 2}', '{"ab": 1}', '{"ab": 2, "b": 1, "c": 1}'],
    ),
    (
        {"type": "object", "not": {"propertyNames": {"maxLength": 1}}, "properties": {"long": {"const": 1}}},
        ['{"long": 1}', '{"ab": 0}'],
        ['{"a": 0}', "{}", '{"long": 2}'],
    ),
]


@pytest.mark.parametrize(("schema", "inside", "outside"), CASES)
@pytest.mark.parametrize("order", ["schema", "any"])
def test_texts(schema: Any, inside: list[str], outside: list[str], order: str) -> None:
    grammar = json_schema(schema, property_order=order, cache=False)
    for text in inside:
        assert grammar.matches(text), text
    for text in outside:
        assert not grammar.matches(text), text


@pytest.mark.parametrize("seed", range(30))
def test_against_a_judge(seed: int) -> None:
    rng = random.Random(seed)
    values: list[Any] = [0, 1, 1.5, "a", "b", "ab", None, True]
    items = rng.choice(
        [
            {"enum": rng.sample(values, rng.randint(1, 5))},
            {"type": ["integer", "boolean"], "minimum": 0, "maximum": 1},
            {"anyOf": [{"type": "string", "maxLength": 1}, {"type": "number", "minimum": 1}]},
            {"type": ["string", "null"], "pattern": "^a"},
        ]
    )
    schema = {"type": "array", "items": items, "uniqueItems": True}
    schema |= {"minItems": rng.randrange(4)} if rng.random() < 0.5 else {}
    schema |= {"maxItems": rng.randrange(1, 4)} if rng.random() < 0.5 else {}
    judge = jsonschema_rs.validator_for(schema)
    try:
        grammar = json_schema(schema, whitespace="compact", cache=False)
    except EmptyLanguage:
        grammar = None
    for size in range(4):
        for instance in itertools.product(values, repeat=size):
            text = json.dumps(instance, separators=(",", ":"))
            assert (grammar is not None and grammar.matches(text)) == judge.is_valid(list(instance)), (schema, text)


@pytest.mark.parametrize(
    "schema",
    [
        FREE,
        {**FREE, "minItems": 3},
        {**FREE, "items": {"enum": ["a", "b", "abc", 1, None]}, "minItems": 4},
        {**FREE, "items": {"type": "integer", "minimum": 0, "maximum": 12}, "minItems": 2, "maxItems": 3},
        {**FREE, "items": {"type": "string", "pattern": "^a*b?$"}, "minItems": 2},
        {**FREE, "items": {"enum": [[1], {"a": 1}, "a", 2]}, "minItems": 3},
        {"type": "object", "minProperties": 2, "properties": {"a": {"const": 1}}, "additionalProperties": {"const": 2}},
    ],
)
def test_no_dead_ends_and_falling_distances(schema: Any) -> None:
    automaton = json_schema(schema, whitespace="compact", cache=False).automaton
    order, seen = [automaton.start], {automaton.start}
    alphabet = b'[]{},:"ab012nul'
    for state in order[:1200]:
        targets = {automaton.step(state, byte) for byte in range(256)} - {DEAD}
        if automaton.is_accepting(state):
            assert automaton.distance(state) == 0
        else:  # an upper bound that some byte brings nearer
            assert min(map(automaton.distance, targets)) < automaton.distance(state)
        near = {automaton.step(state, byte) for byte in alphabet} - {DEAD}
        order += sorted(near - seen)
        seen |= near


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        ({"items": {"type": "object"}, "uniqueItems": True}, "/uniqueItems"),
        ({"type": "array", "uniqueItems": True}, "/uniqueItems"),
        ({"contains": {"const": 1}, "items": {"type": "integer"}, "uniqueItems": True}, "/uniqueItems"),
    ],
)
def test_what_is_refused(schema: Any, pointer: str) -> None:
    with pytest.raises(Unsupported) as caught:
        json_schema(schema)
    assert (caught.value.keyword, caught.value.pointer) == ("uniqueItems", pointer)


def test_too_few_values() -> None:
    with pytest.raises(EmptyLanguage):
        json_schema({"type": "array", "items": {"enum": [[1], [1.0], "a"]}, "uniqueItems": True, "minItems": 3})
    with pytest.raises(EmptyLanguage):
        json_schema({"type": "array", "items": {"type": "boolean"}, "uniqueItems": True, "minItems": 3})
    assert json_schema({"items": {"type": "object"}, "uniqueItems": True, "maxItems": 1}).matches("[{}]")
