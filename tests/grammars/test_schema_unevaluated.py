"""JSON Schema: unevaluatedProperties and unevaluatedItems see what holds below them, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from bytebound.grammars import BudgetExceeded, Unsupported, json_schema

D2019 = "https://json-schema.org/draft/2019-09/schema"
D2020 = "https://json-schema.org/draft/2020-12/schema"


def having(name: str, value: Any = True) -> dict[str, Any]:
    """A schema that asks for a property and evaluates it."""
    return {"properties": {name: value}, "required": [name]}


OBJECTS: list[tuple[dict[str, Any], list[str], list[str]]] = [
    ({"unevaluatedProperties": False}, ["{}"], ['{"a": 1}']),
    ({"unevaluatedProperties": {"type": "null"}, "properties": {"a": {}}}, ['{"a": 1, "b": null}'], ['{"b": 1}']),
    ({"patternProperties": {"^a": {}}, "unevaluatedProperties": False}, ['{"ab": 1}'], ['{"b": 1}']),
    ({"additionalProperties": {"type": "integer"}, "unevaluatedProperties": False}, ['{"a": 1}'], ['{"a": null}']),
    # several branches of anyOf hold at once, each with what it evaluates
    (
        {"anyOf": [having("a"), having("b", {"type": "integer"}), {"required": ["c"]}], "unevaluatedProperties": False},
        ['{"a": 1}', '{"b": 1}', '{"a": 1, "b": 2}'],
        ["{}", '{"a": 1, "b": "x"}', '{"a": 1, "c": 1}', '{"c": 1}'],
    ),
    # branches that exclude each other
    (
        {
            "anyOf": [{"properties": {"k": {"const": k}, f"of {k}": {}}, "required": ["k"]} for k in range(40)],
            "unevaluatedProperties": False,
        },
        ['{"k": 3, "of 3": 1}', '{"k": 39}'],
        ['{"k": 3, "of 4": 1}', '{"k": 40}', "{}"],
    ),
    ({"oneOf": [having("a"), having("b")], "unevaluatedProperties": False}, ['{"a":1}'], ['{"a":1,"b":1}', '{"c":1}']),
    # below `not` nothing is evaluated, not even where two of them cancel
    ({"not": {"not": having("a")}, "unevaluatedProperties": False}, [], ['{"a": 1}']),
    ({"not": {"not": having("a")}, "unevaluatedProperties": {"const": 1}}, ['{"a": 1}'], ['{"a": 2}', "{}"]),
    # constants assert and do not evaluate
    ({"const": {"a": 1}, "unevaluatedProperties": {"type": "null"}}, [], ['{"a": 1}']),
    ({"enum": [{"a": 1}, {"b": None}], "unevaluatedProperties": {"type": "null"}}, ['{"b": null}'], ['{"a": 1}']),
    # conditions
    (
        {"if": having("a", {"const": 1}), "then": having("b"), "else": having("c"), "unevaluatedProperties": False},
        ['{"a": 1, "b": 2}', '{"c": 1}'],
        ['{"a": 1}', '{"a": 2, "c": 1}', '{"a": 1, "b": 2, "c": 3}', "{}"],
    ),
    ({"if": having("a", {"const": 1}), "unevaluatedProperties": False}, ["{}", '{"a": 1}'], ['{"a": 2}', '{"b": 1}']),
    (
        {"then": having("a"), "else": having("b"), "unevaluatedProperties": False},
        ["{}"],
        ['{"a": 1}', '{"b": 1}'],
    ),
    (
        {"dependentSchemas": {"a": {"properties": {"a": {}, "b": {}}}}, "unevaluatedProperties": {"const": 0}},
        ['{"a": 1, "b": 1}', '{"b": 0}', "{}"],
        ['{"b": 1}', '{"a": 1, "c": 1}'],
    ),
    # siblings of the schema that holds the keyword are not seen
    ({"allOf": [having("a"), {"unevaluatedProperties": False}]}, [], ['{"a": 1}']),
    ({"properties": {"a": {}}, "anyOf": [{"unevaluatedProperties": False}]}, ["{}"], ['{"a": 1}']),
    # a nested one evaluates all that it is applied to
    ({"allOf": [{"unevaluatedProperties": True}], "unevaluatedProperties": False}, ['{"a": 1}'], []),
    (
        {"anyOf": [{"unevaluatedProperties": {"type": "string"}}, having("b")], "unevaluatedProperties": False},
        ['{"b": 1}', '{"b": "x", "c": "y"}', "{}"],
        ['{"b": 1, "c": "x"}', '{"c": 1}'],
    ),
    # one schema, once below the keyword and once beside it
    (
        {
            "allOf": [{"$ref": "#/$defs/p"}, {"$ref": "#/$defs/p", "unevaluatedProperties": False}],
            "$defs": {"p": {"anyOf": [having("a"), having("b")]}},
        },
        ['{"a": 1, "b": 1}', '{"b": 1}'],
        ["{}", '{"a": 1, "c": 1}'],
    ),
    (
        {
            "anyOf": [{"properties": {"c": {}}}, {"$ref": "#/$defs/x"}],
            "allOf": [{"$ref": "#/$defs/p"}],
            "$defs": {
                "x": {"$ref": "#/$defs/p", "unevaluatedProperties": False},
                "p": {"anyOf": [having("a"), having("b")]},
            },
            "unevaluatedProperties": {"const": 5},
        },
        ['{"a": 1, "b": 1}', '{"c": 1, "a": 1, "b": 1}', '{"a": 1, "d": 5}'],
        ['{"a": 1, "d": 1}', '{"c": 1}'],
    ),
    (
        {"properties": {"x": {"$ref": "#"}}, "unevaluatedProperties": False},
        ['{"x": {"x": {}}}'],
        ['{"y": {}}', '{"x": {"y": {}}}'],
    ),
    # negation, where what is evaluated is certain
    ({"not": {"required": ["a"], "unevaluatedProperties": True}}, ["{}", '{"b": 1}'], ['{"a": 1}']),
]

ARRAYS: list[tuple[dict[str, Any], list[str], list[str]]] = [
    ({"prefixItems": [{}], "unevaluatedItems": False}, ["[]", "[1]"], ["[1, 2]"]),
    ({"prefixItems": [{}], "unevaluatedItems": {"const": 1}}, ["[2, 1, 1]"], ["[1, 2]"]),
    ({"items": {"type": "integer"}, "unevaluatedItems": False}, ["[1, 2]"], ["[null]"]),
    (
        {"anyOf": [{"prefixItems": [{"const": 1}]}, {"prefixItems": [{}, {"const": 2}]}], "unevaluatedItems": False},
        ["[]", "[1]", "[1, 2]", "[3, 2]"],
        ["[1, 3]", "[1, 2, 3]"],
    ),
    (
        {"contains": {"const": 1}, "unevaluatedItems": {"const": 2}},
        ["[1]", "[2, 1, 2]"],
        ["[2]", "[1, 3]", "[]"],
    ),
    ({"$schema": D2019, "contains": {"const": 1}, "unevaluatedItems": {"const": 2}}, [], ["[1]", "[2, 1, 2]"]),
    ({"$schema": D2019, "items": [{}], "unevaluatedItems": {"const": 2}}, ["[1, 2]"], ["[1, 1]"]),
    ({"$schema": D2019, "items": [{}], "additionalItems": {}, "unevaluatedItems": False}, ["[1, 2]"], []),
    ({"$schema": D2019, "prefixItems": [{}], "unevaluatedItems": False}, ["[]"], ["[1]"]),
    (
        {
            "anyOf": [{"contains": {"const": 1}}, {"contains": {"const": 2}, "maxContains": 1}],
            "unevaluatedItems": False,
        },
        ["[1, 1]", "[2]", "[1, 2, 1]"],
        ["[]", "[2, 2]", "[1, 2, 2]", "[1, 3]"],
    ),
    (
        {"allOf": [{"contains": {"const": 1}, "minContains": 0}], "unevaluatedItems": {"type": "string"}},
        ["[]", '[1, "a", 1]'],
        ["[2]"],
    ),
    ({"const": [1], "unevaluatedItems": False}, [], ["[1]"]),
    ({"prefixItems": [{}], "allOf": [{"unevaluatedItems": False}]}, ["[]"], ["[1]"]),
    # negation, where what is evaluated is certain
    (
        {"not": {"prefixItems": [{"const": 1}], "allOf": [{"prefixItems": [{}, {}]}], "unevaluatedItems": False}},
        ["[2]", "[1, 2, 3]"],
        ["[]", "[1]", "[1, 2]"],
    ),
    (
        {"oneOf": [{"items": {"const": 1}}, {"prefixItems": [{}], "unevaluatedItems": {"const": 2}}]},
        ["[1, 1]", "[3, 2]", "[1, 2]"],
        ["[]", "[1]", "[1, 3]"],
    ),
]


@pytest.mark.parametrize(
    ("schema", "inside", "outside"),
    [({"type": "object", **s}, i, o) for s, i, o in OBJECTS] + [({"type": "array", **s}, i, o) for s, i, o in ARRAYS],
    ids=lambda v: json.dumps(v)[:60] if not isinstance(v, list) else "",
)
def test_unevaluated(schema: Any, inside: list[str], outside: list[str]) -> None:
    if not inside:  # so that there is something to compile
        schema, inside = {"$schema": schema.pop("$schema", D2020), "anyOf": [schema, {"type": "null"}]}, ["null"]
    grammar = json_schema(schema)
    assert [text for text in inside if not grammar.matches(text)] == []
    assert [text for text in outside if grammar.matches(text)] == []


def test_only_of_their_types() -> None:
    grammar = json_schema({"unevaluatedProperties": False, "unevaluatedItems": False})
    for text in ("1", "null", '"a"', "[]", "{}"):
        assert grammar.matches(text)
    for text in ("[1]", '{"a": 1}'):
        assert not grammar.matches(text)


def test_older_drafts_do_not_know_them() -> None:
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", "unevaluatedProperties": False}
    grammar = json_schema(schema)
    assert grammar.matches('{"a": 1}') and grammar.ignored == ("/unevaluatedProperties",)


def test_keywords_of_other_drafts_assert_nothing() -> None:
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "array", "minItems": 1}
    assert json_schema({**schema, "prefixItems": [{"const": 1}]}).matches("[2]")
    schema = {"$schema": "http://json-schema.org/draft-04/schema#", "type": "array", "minItems": 1}
    assert json_schema({**schema, "contains": {"const": 1}}).matches("[2]")


def test_complements() -> None:
    schema = {"not": {"properties": {"a": {}}, "unevaluatedProperties": False}, "type": "object"}
    grammar = json_schema(schema, property_order="any")
    assert grammar.matches('{"b": 1}') and grammar.matches('{"a": 1, "b": 1}')
    assert not grammar.matches("{}") and not grammar.matches('{"a": 1}')


@pytest.mark.parametrize(
    ("below", "pointer"),
    [
        ({"anyOf": [having("a"), having("b")], "unevaluatedProperties": False}, "/not/unevaluatedProperties"),
        ({"if": {"items": {"const": 1}}, "unevaluatedItems": False}, "/not/unevaluatedItems"),
    ],
    ids=str,
)
def test_refused_in_complements(below: Any, pointer: str) -> None:
    with pytest.raises(Unsupported) as caught:
        json_schema({"not": below, "type": ["object", "array"]})
    assert (caught.value.pointer, caught.value.keyword) == (pointer, "not")
    assert pointer.rsplit("/", 1)[-1] in str(caught.value)


def test_budgets() -> None:
    with pytest.raises(BudgetExceeded) as caught:
        json_schema({"anyOf": [having(f"p{i}") for i in range(40)], "unevaluatedProperties": False})
    assert caught.value.pointer == "/anyOf"
    with pytest.raises(BudgetExceeded):
        json_schema({"allOf": [{"contains": {"const": i}} for i in range(30)]})
    both = [{"anyOf": [having(f"p{i}"), having(f"q{i}")]} for i in range(12)]
    with pytest.raises(BudgetExceeded):
        json_schema({"allOf": both, "unevaluatedProperties": False})
    deep: Any = {}
    for i in range(300):
        deep = {"allOf": [deep], "properties": {f"p{i}": {}}, "unevaluatedProperties": {"const": i}}
    grammar = json_schema(deep)
    assert grammar.matches('{"p299": 0, "p0": 1}') and not grammar.matches('{"p299": 1}')


def test_in_other_documents() -> None:
    other = {"allOf": [{"properties": {"a": {"type": "integer"}}}], "unevaluatedProperties": False}
    for schema in ({"$ref": "urn:other"}, {"properties": {"b": {"oneOf": [{"$ref": "urn:other"}, {"type": "null"}]}}}):
        grammar = json_schema(schema, documents={"urn:other": other})
        inner = '{"b": %s}' if "properties" in schema else "%s"
        assert grammar.matches(inner % '{"a": 1}') and not grammar.matches(inner % '{"c": 1}')
