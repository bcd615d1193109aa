"""JSON Schema: what is wrong, refused, impossible or too large is said with its place and keyword."""

from __future__ import annotations

from typing import Any

import pytest
from bytebound.grammars import BudgetExceeded, EmptyLanguage, GrammarError, Unsupported, json_schema

D4 = "http://json-schema.org/draft-04/schema#"
D2020 = "https://json-schema.org/draft/2020-12/schema"

MALFORMED: list[tuple[Any, str, str | None]] = [
    ({"type": 5}, "/type", "type"),
    ({"type": []}, "/type", "type"),
    ({"type": "int"}, "/type", "type"),
    ({"required": "a"}, "/required", "required"),
    ({"required": True}, "/required", "required"),
    ({"properties": []}, "/properties", "properties"),
    ({"properties": {"a": 1}}, "/properties", "properties"),
    ({"properties": {"a/b": {"pattern": "("}}}, "/properties/a~1b/pattern", "pattern"),
    ({"patternProperties": {"[": {}}}, "/patternProperties/[", "patternProperties"),
    ({"minItems": -1}, "/minItems", "minItems"),
    ({"maxLength": "3"}, "/maxLength", "maxLength"),
    ({"minimum": "3"}, "/minimum", "minimum"),
    ({"minimum": float("inf")}, "/minimum", "minimum"),
    ({"const": float("nan")}, "/const", "const"),
    ({"enum": 3}, "/enum", "enum"),
    ({"multipleOf": 0}, "/multipleOf", "multipleOf"),
    ({"anyOf": []}, "/anyOf", "anyOf"),
    ({"items": 3}, "/items", "items"),
    ({"$schema": D2020, "items": [{}]}, "/items", "items"),
    ({"$schema": D2020, "exclusiveMinimum": True}, "/exclusiveMinimum", "exclusiveMinimum"),
    ({"$schema": D4, "exclusiveMinimum": 3}, "/exclusiveMinimum", "exclusiveMinimum"),
    ({"$ref": "#/$defs/missing"}, "/$ref", "$ref"),
    ({"$ref": "#missing"}, "/$ref", "$ref"),
    ({"$dynamicRef": "#missing"}, "/$dynamicRef", "$dynamicRef"),
    ({"$recursiveRef": "#/$defs/x"}, "/$recursiveRef", "$recursiveRef"),
    ({"$ref": "#/$defs/x", "$defs": {"x": 5}}, "/$defs/x", None),
    ({"format": 3}, "/format", "format"),
    ({"$schema": 3}, "/$schema", "$schema"),
    ({"uniqueItems": "yes"}, "/uniqueItems", "uniqueItems"),
    ("{", "", None),
    ([], "", None),
    (None, "", None),
]


@pytest.mark.parametrize(("schema", "pointer", "keyword"), MALFORMED, ids=str)
def test_malformed(schema: Any, pointer: str, keyword: str | None) -> None:
    with pytest.raises(GrammarError) as caught:
        json_schema(schema)
    assert type(caught.value) is GrammarError
    assert (caught.value.pointer or "") == pointer
    assert caught.value.keyword == keyword


REFUSED: list[tuple[Any, str, str]] = [
    ({"items": {"uniqueItems": True}}, "/items/uniqueItems", "uniqueItems"),
    ({"contains": {}, "uniqueItems": True, "items": {"type": "null"}}, "/uniqueItems", "uniqueItems"),
    ({"not": {"uniqueItems": True}}, "/not/uniqueItems", "not"),
    ({"$schema": D2020, "$recursiveRef": "#"}, "/$recursiveRef", "$recursiveRef"),
    ({"$dynamicRef": "other#x"}, "/$dynamicRef", "$dynamicRef"),
    ({"$ref": "http://elsewhere.org/schema"}, "/$ref", "$ref"),
    ({"$ref": "other.json#/x"}, "/$ref", "$ref"),
    ({"$schema": "http://example.org/mine"}, "/$schema", "$schema"),
    ({"pattern": "(a)\\1"}, "/pattern", "pattern"),
]


@pytest.mark.parametrize(("schema", "pointer", "keyword"), REFUSED, ids=str)
def test_refused(schema: Any, pointer: str, keyword: str) -> None:
    with pytest.raises(Unsupported) as caught:
        json_schema(schema)
    assert (caught.value.pointer, caught.value.keyword) == (pointer, keyword)


def test_unknown_options() -> None:
    with pytest.raises(GrammarError):
        json_schema({}, property_order="sorted")
    with pytest.raises(Unsupported) as caught:
        json_schema({"type": "string", "format": "made-up"}, unknown_formats="refuse")
    assert (caught.value.pointer, caught.value.keyword) == ("/format", "format")
    with pytest.raises(GrammarError):
        json_schema({}, whitespace="any")
    with pytest.raises(GrammarError):
        json_schema({}, unknown_formats="ignore")


IMPOSSIBLE: list[tuple[Any, str]] = [
    (False, "/ is false"),
    ({"type": "string", "enum": [1, 2]}, "no value"),
    ({"type": "integer", "minimum": 3, "maximum": 2}, "no number"),
    ({"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 4}, "no number"),
    ({"type": "string", "minLength": 3, "maxLength": 2}, "no string"),
    ({"type": "string", "pattern": "^a$", "minLength": 2}, "no string"),
    ({"allOf": [{"type": "string"}, {"$ref": "#/$defs/x"}], "$defs": {"x": {"type": "null"}}}, "/$defs/x: the types"),
    ({"type": "object", "properties": {"a": False}, "required": ["a"]}, "property 'a': /properties/a is false"),
    (
        {"type": "object", "required": ["a"], "additionalProperties": False},
        "property 'a': /additionalProperties is false",
    ),
    ({"type": "array", "items": False, "minItems": 1}, "item 0: /items is false"),
    ({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}, "property 'a'"),
    ({"$ref": "#"}, "refers to itself"),
    ({"enum": []}, "no value"),
    ({"not": {}}, "nothing"),
    ({"allOf": [{"type": "string"}, {"not": {"type": "string"}}]}, "the types exclude each other"),
]


@pytest.mark.parametrize(("schema", "reason"), IMPOSSIBLE, ids=str)
def test_impossible(schema: Any, reason: str) -> None:
    with pytest.raises(EmptyLanguage) as caught:
        json_schema(schema)
    assert reason in str(caught.value)


def test_budgets() -> None:
    with pytest.raises(BudgetExceeded):
        json_schema({"type": "integer", "multipleOf": 123456789})
    branches = [{"anyOf": [{"pattern": f"{i}{j}"} for j in range(10)]} for i in range(5)]
    with pytest.raises(BudgetExceeded):
        json_schema({"allOf": branches})
    with pytest.raises(BudgetExceeded) as caught:
        json_schema({"type": "string", "pattern": "^(abc|abd|e)*$", "maxLength": 10**6})
    assert "pattern and maxLength" in str(caught.value)
    deep: Any = {}
    for _ in range(5000):
        deep = {"allOf": [deep]}
    assert json_schema(deep).matches("1")


def test_pydantic() -> None:
    from bytebound.grammars import pydantic
    from pydantic import BaseModel, Field

    class Item(BaseModel):
        name: str = Field(max_length=5)
        price: float | None = None

    class Order(BaseModel):
        items: list[Item]
        paid: bool = False

    grammar = pydantic(Order)
    assert grammar.model is Order
    text = Order(items=[Item(name="ab", price=1.5), Item(name="c")]).model_dump_json()
    assert grammar.matches(text)
    assert not grammar.matches('{"items": [{"name": "abcdef"}]}')
    assert pydantic(Order, whitespace="compact").matches(text)
    with pytest.raises(GrammarError):
        pydantic(Order(items=[]))
    with pytest.raises(GrammarError):
        pydantic(int)
