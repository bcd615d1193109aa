"""Objects with properties in any order: what is accepted, no dead ends, exact distances."""

from __future__ import annotations

import itertools
import json
import random
from typing import Any

import jsonschema_rs
import pytest
from bytebound.grammars import DEAD, EmptyLanguage, json_schema

NAMES = ["a", "ab", "b", "é"]
VALUES = [{"const": 1}, {"type": "null"}, {"enum": [1, "x"]}, {"type": "boolean"}, True]
INSTANCES = [1, None, "x", True]


def random_schema(rng: random.Random) -> dict[str, Any]:
    names = rng.sample(NAMES, rng.randint(0, 3))
    schema: dict[str, Any] = {"type": "object", "properties": {name: rng.choice(VALUES) for name in names}}
    schema["required"] = [name for name in NAMES if rng.random() < 0.3]
    if rng.random() < 0.6:
        schema["additionalProperties"] = rng.choice([False, {"type": "null"}])
    if rng.random() < 0.3:
        schema["maxProperties"] = rng.randint(1, 3)
    if rng.random() < 0.3:
        schema["minProperties"] = rng.randint(0, 3)
    if rng.random() < 0.2:
        schema["patternProperties"] = {"^z": {"const": 1}}
    return schema


@pytest.mark.parametrize("seed", range(40))
def test_against_a_judge(seed: int) -> None:
    rng = random.Random(seed)
    schema = random_schema(rng)
    judge = jsonschema_rs.validator_for(schema)
    try:
        grammar = json_schema(schema, property_order="any", whitespace=rng.choice(["compact", "flexible"]))
    except EmptyLanguage:
        grammar = None
    names = [*NAMES, "z", "c"]
    for size in range(4):
        for keys in itertools.permutations(names, size):
            if size == 3 and rng.random() < 0.7:
                continue
            instance = {key: rng.choice(INSTANCES) for key in keys}
            text = json.dumps(instance, separators=(",", ":"))
            accepted = grammar is not None and grammar.matches(text)
            assert accepted == judge.is_valid(instance), (schema, text)


@pytest.mark.parametrize("seed", range(25))
def test_no_dead_ends_and_exact_distances(seed: int) -> None:
    schema = random_schema(random.Random(seed))
    schema["properties"] = {name: rule for name, rule in schema["properties"].items() if rule is not True}
    try:
        automaton = json_schema(schema, property_order="any", whitespace="compact").automaton
    except EmptyLanguage:
        return
    alphabet = list(b"{}\",:abz1nulx\\tref") + list("é".encode())
    order, seen = [automaton.start], {automaton.start}
    for state in order:  # grows while it is read
        if len(seen) > 1500:
            break
        targets = {automaton.step(state, byte) for byte in range(256)} - {DEAD}
        if automaton.is_accepting(state):
            assert automaton.distance(state) == 0
        else:
            nearest = 1 + min(map(automaton.distance, targets))
            assert automaton.distance(state) >= nearest, schema
            if "minProperties" not in schema:  # else names are recorded, and distances are bounds
                assert automaton.distance(state) == nearest, schema
        near = {automaton.step(state, byte) for byte in alphabet} - {DEAD}
        order += sorted(near - seen)
        seen |= near


def test_constants_in_any_order() -> None:
    grammar = json_schema({"const": {"a": 1, "b": [{"c": 2, "d": 3}]}}, property_order="any")
    assert grammar.matches('{"b": [{"d": 3, "c": 2}], "a": 1}')
    assert not grammar.matches('{"b": [{"d": 3, "c": 2}], "a": 1, "a": 1}')
    assert not grammar.matches('{"b": [{"d": 3}], "a": 1}')


def test_no_comma_where_nothing_may_follow() -> None:
    schema = {"type": "object", "properties": {"a": True, "b": True}, "additionalProperties": False, "maxProperties": 1}
    automaton = json_schema(schema, property_order="any").automaton
    state = automaton.advance(automaton.start, b'{"a": 1')
    assert automaton.is_dead(automaton.step(state, ord(",")))
    assert not automaton.is_dead(automaton.step(state, ord("}")))


UNLIKE = {"type": "object", "not": {"propertyNames": {"enum": ["a", "b"]}}, "additionalProperties": {"const": None}}
DISTANT = [
    {"prefixItems": [{"type": "string"}, {"type": "integer"}], "items": {"type": "string"}, "minItems": 3},
    {"prefixItems": [{"type": ["string", "null"]}], "items": {"enum": ["\n", "\u0001", None, "é"]}},
    {"type": "object", "minProperties": 3, "patternProperties": {"^.$": {"const": -1}}},
    {**UNLIKE, "minProperties": 2},
    {**UNLIKE, "not": {"maxProperties": 1, "additionalProperties": {"maximum": 2}}, "additionalProperties": True},
]


@pytest.mark.parametrize("order", ["schema", "any"])
@pytest.mark.parametrize("schema", DISTANT)
def test_some_byte_always_leads_nearer(schema: dict[str, Any], order: str) -> None:
    if "prefixItems" in schema:
        schema = {"type": "array", "uniqueItems": True, **schema}
    automaton = json_schema(schema, property_order=order, whitespace="compact").automaton
    alphabet = list(b'[]{}",:\\un01ab- ctrlse') + list("é".encode())
    order_seen, seen = [automaton.start], {automaton.start}
    for state in order_seen:  # grows while it is read
        if len(seen) > 3000:
            break
        targets = {automaton.step(state, byte) for byte in range(256)} - {DEAD}
        if not automaton.is_accepting(state):
            assert min(map(automaton.distance, targets)) < automaton.distance(state)
        near = {automaton.step(state, byte) for byte in alphabet} - {DEAD}
        order_seen += sorted(near - seen)
        seen |= near
