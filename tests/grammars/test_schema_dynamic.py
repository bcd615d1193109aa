"""JSON Schema: `$dynamicRef` and `$recursiveRef` by the dynamic scope, also against other implementations."""

from __future__ import annotations

import itertools
import json
import random
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
from bytebound.grammars import Budget, BudgetExceeded, EmptyLanguage, Grammar, json_schema

D2019 = "https://json-schema.org/draft/2019-09/schema"
D2020 = "https://json-schema.org/draft/2020-12/schema"


def texts(instance: Any, most: int = 60) -> list[str]:
    """The instance with the keys of its objects in every order (the first so many)."""
    if isinstance(instance, list):
        items = itertools.product(*(texts(item, most) for item in instance))
        return ["[" + ",".join(choice) + "]" for choice in itertools.islice(items, most)]
    if isinstance(instance, dict):
        found = []
        for order in itertools.permutations(instance):
            members = itertools.product(*([f"{json.dumps(k)}:{t}" for t in texts(instance[k], most)] for k in order))
            found += ["{" + ",".join(choice) + "}" for choice in itertools.islice(members, most)]
        return found[:most]
    return [json.dumps(instance)]


def accepts(grammar: Grammar | None, instance: Any) -> bool:
    return grammar is not None and any(grammar.matches(text) for text in texts(instance))


LISTS = {
    "$schema": D2020,
    "$id": "http://example.org/lists",
    "properties": {"numbers": {"$ref": "numbers"}, "words": {"$ref": "words"}, "any": {"$ref": "list"}},
    "additionalProperties": False,
    "$defs": {
        "list": {
            "$id": "list",
            "type": "array",
            "items": {"anyOf": [{"$dynamicRef": "#entry"}, {"$ref": "#"}]},
            "$defs": {"entry": {"$dynamicAnchor": "entry", "type": "null"}},
        },
        "numbers": {"$id": "numbers", "$ref": "list", "$defs": {"e": {"$dynamicAnchor": "entry", "type": "number"}}},
        "words": {"$id": "words", "$ref": "list", "$defs": {"e": {"$dynamicAnchor": "entry", "type": "string"}}},
    },
}


def test_one_list_of_several_kinds() -> None:
    """The same schema object means three things, by where it was entered from, also in its recursion."""
    grammar = json_schema(LISTS)
    for good in ({"numbers": [1, [2, []]]}, {"words": ["a", [["b"]]]}, {"any": [None, [None]]}):
        assert accepts(grammar, good)
    for bad in ({"numbers": ["a"]}, {"numbers": [[None]]}, {"words": [[1]]}, {"any": [1]}, {"any": [["a"]]}):
        assert not accepts(grammar, bad)


def test_in_a_complement() -> None:
    schema = {**LISTS, "properties": {"a": {"not": {"$ref": "numbers"}}}}
    grammar = json_schema(schema)
    assert accepts(grammar, {"a": ["x"]}) and accepts(grammar, {"a": [[None]]}) and accepts(grammar, {"a": 5})
    assert not accepts(grammar, {"a": [1, [2]]})


def test_a_plain_reference_is_not_dynamic() -> None:
    """`$ref` to a dynamic anchor means that one, whatever the scope."""
    schema = {
        "$schema": D2020,
        "$id": "http://example.org/outer",
        "properties": {"a": {"$ref": "inner#it"}, "b": {"$dynamicRef": "inner#it"}},
        "$defs": {
            "it": {"$dynamicAnchor": "it", "type": "string"},
            "inner": {"$id": "inner", "$defs": {"it": {"$dynamicAnchor": "it", "type": "integer"}}},
        },
    }
    grammar = json_schema(schema)
    assert accepts(grammar, {"a": 1, "b": "x"})
    assert not accepts(grammar, {"a": "x"}) and not accepts(grammar, {"b": 1})


def test_without_a_dialect() -> None:
    """A document that names no dialect may use either spelling; 2020-12 by name has no `$recursiveRef`."""
    for spelling in ({"$dynamicAnchor": "n", "items": {"$dynamicRef": "#n"}}, {"items": {"$recursiveRef": "#"}}):
        grammar = json_schema({"type": "array", **spelling})
        assert accepts(grammar, [[], [[]]]) and not accepts(grammar, [[1]])


def tree(anchor: bool | None) -> dict[str, Any]:
    marks = {} if anchor is None else {"$recursiveAnchor": anchor}
    return {
        "$id": "tree",
        **marks,
        "type": "object",
        "properties": {"name": {"type": "string"}, "below": {"type": "array", "items": {"$recursiveRef": "#"}}},
    }


@pytest.mark.parametrize(("inner", "outer", "strict"), [
    (True, True, True),
    (True, False, False),
    (True, None, False),
    (False, True, False),
    (None, True, False),
])  # fmt: skip
def test_recursive_anchors(inner: bool | None, outer: bool | None, strict: bool) -> None:
    """Both resources must have the anchor for the recursion to go to the outer one, which asks for a name."""
    marks = {} if outer is None else {"$recursiveAnchor": outer}
    schema = {
        "$schema": D2019,
        "$id": "http://example.org/named",
        **marks,
        "$ref": "tree",
        "required": ["name"],
        "$defs": {"tree": tree(inner)},
    }
    grammar = json_schema(schema)
    assert accepts(grammar, {"name": "a", "below": [{"name": "b", "below": []}]})
    assert not accepts(grammar, {"below": []})
    assert accepts(grammar, {"name": "a", "below": [{"below": []}]}) is not strict
    assert not accepts(grammar, {"name": "a", "below": [1]})


def test_the_outermost_recursive_anchor() -> None:
    """Resources without the anchor between the others do not matter."""
    schema = {
        "$schema": D2019,
        "$id": "http://example.org/outer",
        "$recursiveAnchor": True,
        "anyOf": [{"type": "integer"}, {"$ref": "middle"}],
        "$defs": {
            "middle": {"$id": "middle", "$ref": "inner"},
            "inner": {"$id": "inner", "$recursiveAnchor": True, "type": "array", "items": {"$recursiveRef": "#"}},
        },
    }
    grammar = json_schema(schema)
    assert accepts(grammar, [1, [2, []]]) and not accepts(grammar, ["a"])


class Maker:
    """Random documents of five resources with anchors of the same names; references stand below the instance."""

    def __init__(self, seed: int, draft: int) -> None:
        self.rng = random.Random(seed)
        self.draft = draft

    def reference(self) -> dict[str, Any]:
        rng = self.rng
        name = rng.choice(["", "r0", "r1", "r2", "r3"])
        if self.draft == 2019:
            return rng.choice([{"$recursiveRef": "#"}, {"$ref": name or "#"}])
        if rng.random() < 0.6:
            return {"$dynamicRef": f"{name}#{rng.choice('xy')}"}
        return {"$ref": rng.choice([name or "#", f"{name}#/$defs/x"])}

    def body(self) -> dict[str, Any]:
        rng = self.rng
        kind = rng.randrange(6)
        if kind == 0:
            return {"type": rng.choice(["string", "integer", "null"])}
        if kind == 1:
            return {"enum": rng.sample([1, 2, "a", None, []], 3)}
        if kind in (2, 3):
            return {"properties": {name: self.reference() for name in "pq"}}
        return {"type": rng.choice(["array", ["array", "integer"]]), "items": self.reference()}

    def resource(self, name: str, later: list[str]) -> dict[str, Any]:
        rng = self.rng
        schema = {"$id": name, **self.body()}
        if later and rng.random() < 0.6:
            schema["$ref"] = rng.choice(later)
        if self.draft == 2019:
            if rng.random() < 0.7:
                schema["$recursiveAnchor"] = rng.random() < 0.9
            return schema
        kinds = [rng.choice(["$anchor", "$dynamicAnchor", "$dynamicAnchor", "$dynamicAnchor"]) for _ in "xy"]
        schema["$defs"] = {n: {kind: n, **self.body()} for n, kind in zip("xy", kinds, strict=True)}
        return schema

    def document(self) -> dict[str, Any]:
        names = ["r0", "r1", "r2", "r3"]
        schema = self.resource("http://example.org/root", names)
        schema["$schema"] = D2019 if self.draft == 2019 else D2020
        schema["type"] = ["object", "array"]
        schema["properties"] = {name: self.reference() for name in "pq"}
        parts = {name: self.resource(name, names[i + 1 :]) for i, name in enumerate(names)}
        schema.setdefault("$defs", {}).update(parts)
        return schema

    def instance(self, depth: int = 3) -> Any:
        rng = self.rng
        kind = rng.randrange(6)
        if kind < 3 or not depth:
            return rng.choice([1, 2, "a", "b", None, []])
        if kind == 3:
            return [self.instance(depth - 1) for _ in range(rng.randrange(3))]
        return {name: self.instance(depth - 1) for name in rng.sample("pq", rng.randrange(3))}


@pytest.mark.parametrize("draft", [2019, 2020])
def test_random_resources(draft: int) -> None:
    """As two other implementations have it, where these agree with each other."""
    if draft == 2019:
        fast, slow = jsonschema_rs.Draft201909Validator, jsonschema.Draft201909Validator
    else:
        fast, slow = jsonschema_rs.Draft202012Validator, jsonschema.Draft202012Validator
    judged = valid = 0
    for seed in range(150):
        maker = Maker(seed, draft)
        schema = maker.document()
        judge, second = fast(schema), slow(schema)
        try:
            grammar: Grammar | None = json_schema(schema)
        except EmptyLanguage:
            grammar = None
        for _ in range(20):
            instance = {"p": maker.instance(), "q": maker.instance()}
            want = judge.is_valid(instance)
            if accepts(grammar, instance) != want:
                assert second.is_valid(instance) != want, f"{json.dumps(schema)}\nand {json.dumps(instance)}"
                continue
            judged += 1
            valid += want
    assert judged > 2900 and valid > 100


def test_scopes_without_end() -> None:
    """As many dynamic scopes as orders of entering: a grammar, or the budget."""
    count = 30
    below = {f"p{i}": {"$ref": f"r{i}"} for i in range(count)}
    parts = {
        f"r{i}": {
            "$id": f"r{i}",
            "properties": below,
            "$defs": {"a": {"$dynamicAnchor": f"a{i % 15}", "type": "integer"}},
        }
        for i in range(count)
    }
    schema = {"$schema": D2020, "$id": "http://example.org/", "properties": below, "$defs": parts}
    with pytest.raises(BudgetExceeded):
        json_schema(schema, budget=Budget(seconds=3))
