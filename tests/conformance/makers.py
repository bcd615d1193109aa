"""Random schemas and instances over a small universe, and random walks of automata: what the fuzz tests share."""

from __future__ import annotations

import random
from typing import Any

from bytebound.grammars import DEAD, Automaton

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


class Counting(Maker):
    """Random schemas dense in what counts: items that must differ, numbers of properties, keys as sets."""

    def instance(self, depth: int = 3) -> Any:
        rng = self.rng
        if depth >= 2 and rng.random() < 0.6:
            if rng.random() < 0.6:
                return {rng.choice(KEYS): self.instance(0) for _ in range(rng.randrange(5))}
            return [self.instance(0) for _ in range(rng.randrange(5))]
        return super().instance(depth)

    def array_schema(self, depth: int) -> dict[str, Any]:
        rng, schema = self.rng, super().array_schema(depth)
        if rng.random() < 0.6:
            return schema
        schema["uniqueItems"] = rng.random() < 0.9
        if rng.random() < 0.7:
            for word in ("prefixItems", "contains", "allOf", "minContains", "maxContains", "unevaluatedItems"):
                schema.pop(word, None)
            schema["items"] = self.scalars()
            if rng.random() < 0.4:
                schema["prefixItems"] = [self.scalars() for _ in range(rng.randint(1, 2))]
        if rng.random() < 0.3:
            schema["minItems"] = rng.randrange(5)
        return schema

    def scalars(self) -> Any:
        some = {"enum": [self.instance(0) for _ in range(self.rng.randint(1, 5))]}
        mixed = {"type": self.rng.choice([["boolean", "null"], ["integer", "string"]])}
        return self.rng.choice([self.number_schema(), self.string_schema(), some, mixed, self.schema(0)])

    def object_schema(self, depth: int) -> dict[str, Any]:
        rng = self.rng
        if rng.random() < 0.4:
            return super().object_schema(depth)
        schema: dict[str, Any] = {"type": "object"}
        if rng.random() < 0.5:
            schema["minProperties"] = rng.randint(0, 3)
        if rng.random() < 0.3:
            schema["maxProperties"] = rng.randint(0, 4)
        if rng.random() < 0.6:
            schema["properties"] = {key: self.schema(rng.choice([0, 0, depth - 1])) for key in self.some(KEYS, 3)}
        if rng.random() < 0.3:
            schema["required"] = self.some(KEYS, 2)
        if rng.random() < 0.5:
            schema["additionalProperties"] = rng.choice([False, self.schema(0), self.schema(depth - 1)])
        if rng.random() < 0.3:
            schema["patternProperties"] = {pattern: self.schema(0) for pattern in self.some(PATTERNS, 2)}
        if rng.random() < 0.3:
            names = [self.string_schema(), {"enum": self.some(KEYS, 4)}]
            names += [{"not": {"enum": self.some(KEYS, 4)}}, {"not": {"pattern": rng.choice(PATTERNS)}}]
            schema["propertyNames"] = rng.choice(names)
        return schema

    def schema(self, depth: int = 3) -> Any:
        rng = self.rng
        if not depth or rng.random() < 0.75:
            return super().schema(depth)
        objects = [self.object_schema(max(1, depth - 1)) for _ in range(3)]
        word = rng.choice(["not", "oneOf", "if", "anyOf"])
        if word == "not":
            return {"not": objects[0], **({"type": "object"} if rng.random() < 0.5 else {})}
        if word == "if":
            return dict(zip(("if", "then", "else"), objects, strict=True))
        return {word: objects[: rng.randint(2, 3)]}


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


def shuffled(instance: Any, rng: random.Random) -> Any:
    """The instance with the properties of each object in some order."""
    if isinstance(instance, list):
        return [shuffled(item, rng) for item in instance]
    if not isinstance(instance, dict):
        return instance
    keys = rng.sample(list(instance), len(instance))
    return {key: shuffled(instance[key], rng) for key in keys}


def walk(automaton: Automaton, rng: random.Random, steps: int) -> bytes:
    """A text of the language: random bytes for a while, then the nearest way out. On the way the laws are checked:
    no dead ends, and distances that fall by one byte at least along some byte, to 0 where the text may end."""
    state, text = automaton.start, bytearray()
    while True:
        targets = [automaton.step(state, byte) for byte in range(256)]
        alive = [byte for byte in range(256) if targets[byte] != DEAD]
        distance, accepting = automaton.distance(state), automaton.is_accepting(state)
        assert alive or accepting, f"a dead end after {bytes(text)!r}"
        assert (distance == 0) == accepting, f"distance {distance} after {bytes(text)!r}"
        nearest = min(alive, key=lambda byte: automaton.distance(targets[byte]), default=None)
        if not accepting:
            falls = automaton.distance(targets[nearest]) < distance
            assert falls, f"no way nearer to the end than {distance} after {bytes(text)!r}"
        if not alive or (accepting and (steps <= 0 or rng.random() < 0.3)):
            return bytes(text)
        byte = nearest
        if steps > 0:
            kind = rng.random()
            kinds = b",]}:\"" if kind < 0.3 else b"\\nu" if kind < 0.4 else range(0x20, 0x7F) if kind < 0.9 else alive
            byte = rng.choice([b for b in alive if b in kinds] or alive)
        steps -= 1
        text.append(byte)
        state = targets[byte]
