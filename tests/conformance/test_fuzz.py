"""Two-way fuzz: random schemas, judged by jsonschema-rs.

Instances that the judge calls valid are matched in some property order, invalid ones never; and texts found by walking
the automaton at random are JSON that the judge calls valid. Refused schemas are left out, and few.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest
from bytebound.grammars import Automaton, EmptyLanguage, Unsupported, json_schema

KEYS = ["a", "b", "ab", "c", "é", "a/b", 'q"', "d e"]
STRINGS = ["", "a", "b", "ab", "aab", "é", "日本", "x/y", "😀", "\n", "\\", "2024-02-29", "1.2.3.4", "abc abc"]
NUMBERS = [-3, -1, 0, 1, 2, 3, 7, 10, 100, -0.5, 0.5, 1.5, 1.25, 2.0, 1e-7, 12345678901234567890]
PATTERNS = ["^a", "b$", "a|é", "^[a-z]*$", "^.$", "b+", "^(a|b){2,3}$"]
FORMATS = ["date", "ipv4"]


class Maker:
    """Random schemas and instances over a small universe, so that they meet often."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def some(self, options: list[Any], most: int) -> list[Any]:
        return self.rng.sample(options, self.rng.randint(1, most))

    def instance(self, depth: int = 3) -> Any:
        rng = self.rng
        kind = rng.randrange(7 if depth else 5)
        if kind == 0:
            return rng.choice([None, True, False])
        if kind in (1, 2):
            return rng.choice(NUMBERS)
        if kind in (3, 4):
            return rng.choice(STRINGS)
        if kind == 5:
            return [self.instance(depth - 1) for _ in range(rng.randrange(4))]
        return {rng.choice(KEYS): self.instance(depth - 1) for _ in range(rng.randrange(4))}

    def number_schema(self) -> dict[str, Any]:
        rng, schema = self.rng, {"type": self.rng.choice(["number", "integer"])}
        for keyword in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
            if rng.random() < 0.3:
                schema[keyword] = rng.choice(NUMBERS[:13])
        if rng.random() < 0.2:
            schema["multipleOf"] = rng.choice([1, 2, 3, 0.5, 0.25, 5])
        return schema

    def string_schema(self) -> dict[str, Any]:
        rng, schema = self.rng, {"type": "string"}
        if rng.random() < 0.4:
            schema["minLength"] = rng.randrange(3)
        if rng.random() < 0.4:
            schema["maxLength"] = rng.randrange(1, 5)
        if rng.random() < 0.4:
            schema["pattern"] = rng.choice(PATTERNS)
        if rng.random() < 0.1:
            schema["format"] = rng.choice(FORMATS)
        return schema

    def array_schema(self, depth: int) -> dict[str, Any]:
        rng, schema = self.rng, {"type": "array"}
        if rng.random() < 0.3:
            schema["prefixItems"] = [self.schema(depth - 1) for _ in range(rng.randint(1, 3))]
        if rng.random() < 0.7:
            schema["items"] = self.schema(depth - 1)
        if rng.random() < 0.2:
            schema.update(self.contains(depth))
        if rng.random() < 0.1:
            schema["allOf"] = [self.contains(depth) for _ in range(rng.randint(1, 2))]
        if rng.random() < 0.15:
            schema["unevaluatedItems"] = rng.choice([False, self.schema(depth - 1)])
        if rng.random() < 0.3:
            schema["minItems"] = rng.randrange(3)
        if rng.random() < 0.3:
            schema["maxItems"] = rng.randrange(4)
        return schema

    def contains(self, depth: int) -> dict[str, Any]:
        rng, schema = self.rng, {"contains": self.schema(depth - 1)}
        if rng.random() < 0.5:
            schema["minContains"] = rng.randrange(3)
        if rng.random() < 0.3:
            schema["maxContains"] = rng.randrange(1, 3)
        return schema

    def object_schema(self, depth: int) -> dict[str, Any]:
        rng, schema = self.rng, {"type": "object"}
        if rng.random() < 0.8:
            schema["properties"] = {key: self.schema(depth - 1) for key in self.some(KEYS, 3)}
        if rng.random() < 0.5:
            schema["required"] = self.some(KEYS if rng.random() < 0.3 else KEYS[:3], 2)
        if rng.random() < 0.4:
            schema["additionalProperties"] = rng.choice([False, self.schema(depth - 1)])
        if rng.random() < 0.15:
            schema["unevaluatedProperties"] = rng.choice([False, self.schema(depth - 1)])
        if rng.random() < 0.2:
            schema["patternProperties"] = {p: self.schema(depth - 1) for p in self.some(PATTERNS, 2)}
        if rng.random() < 0.15:
            schema["propertyNames"] = rng.choice([self.string_schema(), {"enum": self.some(KEYS, 4)}])
        if rng.random() < 0.1:
            schema["dependentRequired"] = {rng.choice(KEYS): self.some(KEYS, 2)}
        if rng.random() < 0.1:
            schema["dependentSchemas"] = {rng.choice(KEYS): self.schema(depth - 1)}
        if rng.random() < 0.15:
            schema["minProperties"] = rng.randrange(3)
        if rng.random() < 0.15:
            schema["maxProperties"] = rng.randrange(1, 4)
        return schema

    def schema(self, depth: int = 3) -> Any:
        rng = self.rng
        kind = rng.randrange(14 if depth else 5)
        if kind == 0:
            return rng.choice([True, True, {}, {"type": "null"}, {"type": ["string", "null"]}, False])
        if kind == 1:
            return self.number_schema()
        if kind == 2:
            return self.string_schema()
        if kind == 3:
            return {"enum": [self.instance(2) for _ in range(rng.randint(1, 4))]}
        if kind == 4:
            return {"const": self.instance(2)}
        if kind in (5, 6):
            return self.array_schema(depth)
        if kind in (7, 8):
            return self.object_schema(depth)
        if kind == 9:
            return {"$ref": rng.choice(["#/$defs/one", "#/$defs/two"]), **self.loose(depth)}
        if kind == 10:
            return {"not": self.schema(depth - 1), **self.loose(depth)}
        if kind == 11:
            parts = {word: self.schema(depth - 1) for word in ("then", "else") if rng.random() < 0.8}
            return {"if": self.schema(depth - 1), **parts, **self.loose(depth)}
        word = rng.choice(["anyOf", "anyOf", "allOf", "oneOf"])
        return {word: [self.schema(depth - 1) for _ in range(rng.randint(1, 3))], **self.loose(depth)}

    def loose(self, depth: int) -> dict[str, Any]:
        """Sometimes, keywords that stand beside a combination."""
        if self.rng.random() < 0.7:
            return {}
        maker = self.rng.choice([self.array_schema, self.object_schema])
        schema = maker(depth - 1) if depth > 1 else self.string_schema()
        if self.rng.random() < 0.6:
            del schema["type"]
        return schema

    def document(self) -> Any:
        schema = self.schema()
        if not isinstance(schema, dict):
            return schema
        return {**schema, "$defs": {"one": self.object_schema(2), "two": self.array_schema(2)}}


class Evaluating(Maker):
    """Random schemas of one level, dense in what evaluates properties and items, with instances to match."""

    def instance(self, depth: int = 1) -> Any:
        rng = self.rng
        if not depth or rng.random() < 0.1:
            return rng.choice([0, 1, 2, 3, "a", "b", None])
        if rng.random() < 0.5:
            return [self.instance(0) for _ in range(rng.randrange(5))]
        return {key: self.instance(0) for key in KEYS[:4] if rng.random() < 0.5}

    def leaf(self) -> Any:
        types = [{"type": "integer"}, {"type": "string"}]
        return self.rng.choice([True, True, False, *types, {"minimum": 2}, {"enum": [1, "a"]}])

    def schema(self, depth: int = 3) -> Any:
        rng = self.rng
        schema: dict[str, Any] = {}
        arrays = rng.random() < 0.5
        if rng.random() < 0.05:
            return rng.choice([True, False])
        for _ in range(rng.randint(1, 2)):
            if arrays:
                word = rng.choice(["prefixItems", "prefixItems", "contains", "contains", "items", "maxItems"])
                values = {"prefixItems": [self.leaf() for _ in range(rng.randint(1, 2))], "maxItems": rng.randrange(4)}
            else:
                word = rng.choice(["properties", "properties", "properties", "required", "additionalProperties"])
                values = {
                    "properties": {key: self.leaf() for key in self.some(KEYS[:4], 2)},
                    "required": [rng.choice(KEYS[:4])],
                }
                if rng.random() < 0.1:
                    schema["patternProperties"] = {rng.choice(PATTERNS[:3]): self.leaf()}
            schema[word] = values.get(word, self.leaf())
        if "contains" in schema and rng.random() < 0.4:
            schema["minContains"] = rng.randrange(3)
        if rng.random() < (0.6 if depth == 3 else 0.15):
            schema[rng.choice(["unevaluatedItems", "unevaluatedProperties"])] = rng.choice([False, False, self.leaf()])
        if depth and rng.random() < 0.8:
            word = rng.choice(["anyOf", "anyOf", "allOf", "oneOf", "if", "if", "dependentSchemas", "not", "$ref"])
            if word == "if":
                schema |= {w: self.schema(depth - 1) for w in ("if", "then", "else") if w == "if" or rng.random() < 0.5}
            elif word == "dependentSchemas":
                schema[word] = {rng.choice(KEYS[:4]): self.schema(depth - 1)}
            elif word == "$ref":
                schema[word] = "#/$defs/" + rng.choice(self.targets)
            else:
                below = [self.schema(depth - 1) for _ in range(rng.randint(1, 3))]
                schema[word] = below[0] if word == "not" else below
        return schema

    def document(self) -> Any:
        self.targets = ["two"]  # what refers to itself without an end is judged differently
        one = self.schema(1)
        self.targets = ["one", "two"]
        schema = self.schema()
        if not isinstance(schema, dict):
            return schema
        return {**schema, "$defs": {"one": one, "two": self.schema(0)}}


def walk(automaton: Automaton, rng: random.Random, steps: int) -> bytes:
    """A text of the language: random bytes for a while, then the shortest way out."""
    state, text = automaton.start, bytearray()
    for _ in range(steps):
        alive = [b for b in range(256) if not automaton.is_dead(automaton.step(state, b))]
        if not alive or (automaton.is_accepting(state) and rng.random() < 0.3):
            break
        printable = [b for b in alive if 0x20 <= b < 0x7F]
        byte = rng.choice(printable if printable and rng.random() < 0.8 else alive)
        text.append(byte)
        state = automaton.step(state, byte)
    while not automaton.is_accepting(state):
        nearest = min(range(256), key=lambda b: _distance(automaton, automaton.step(state, b)))
        text.append(nearest)
        state = automaton.step(state, nearest)
        assert not automaton.is_dead(state), f"a dead end after {bytes(text)!r}"
    return bytes(text)


def _distance(automaton: Any, state: int) -> int:
    return 2**31 if automaton.is_dead(state) else int(automaton.distance(state))


@pytest.mark.parametrize("seed", range(8))
def test_random_schemas(seed: int, spell_by_schema: Callable[[Any, Any], list[str]]) -> None:
    compare(Maker(seed), random.Random(seed), spell_by_schema)


@pytest.mark.parametrize("seed", range(4))
def test_random_evaluation(seed: int, spell_by_schema: Callable[[Any, Any], list[str]]) -> None:
    compare(Evaluating(seed), random.Random(seed), spell_by_schema)


def compare(maker: Maker, rng: random.Random, spell_by_schema: Callable[[Any, Any], list[str]]) -> None:
    """Judge random schemas of the maker both ways."""
    compiled = refused = 0
    for _ in range(150):
        schema = maker.document()
        judge = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
        candidates = [maker.instance() for _ in range(12)]
        try:
            grammar = json_schema(schema)
        except Unsupported:
            refused += 1
            continue
        except EmptyLanguage as error:
            compiled += 1
            assert not any(judge.is_valid(c) for c in candidates), f"{schema}: {error}"
            continue
        compiled += 1
        for _ in range(4):
            text = walk(grammar.automaton, rng, rng.choice([0, 10, 40, 120]))
            instance = json.loads(text)
            if re.search(rb"[0-9.]{17}", text):  # more digits than the judge's doubles hold
                continue
            assert judge.is_valid(instance), f"{schema}\nmade {text!r}"
            candidates += [instance, mutated(instance, rng)]
        for instance in candidates:
            if "e+" in json.dumps(instance) and "multipleOf" in json.dumps(schema):  # only if they are exactly doubles
                continue
            valid = judge.is_valid(instance)
            if valid and "e-" in json.dumps(instance) and '"multipleOf": 0' in json.dumps(schema):
                continue  # nor is what `not` leaves beside the multiples of a fraction
            texts = [json.dumps(instance), *spell_by_schema(schema, instance)]
            assert any(grammar.matches(text) for text in texts) == valid, f"{schema}\nand {instance!r}"
    assert refused < compiled / 2


def mutated(instance: Any, rng: random.Random) -> Any:
    """A neighbour of an instance."""
    if isinstance(instance, list) and instance:
        i = rng.randrange(len(instance))
        return rng.choice([instance[:i] + instance[i + 1 :], [*instance, instance[i]], instance[::-1]])
    if isinstance(instance, dict) and instance:
        key = rng.choice(list(instance))
        rest = {k: v for k, v in instance.items() if k != key}
        return rng.choice([rest, {**rest, key: mutated(instance[key], rng)}, {**instance, "zz": None}])
    return rng.choice([None, 0, "a", [], {}, instance])
