"""JSON Schema: hostile schemas end in a grammar or in one exception of ours, soon and in little memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from bytebound.grammars import Budget, BudgetExceeded, EmptyLanguage, Grammar, GrammarError, json_schema, pydantic
from bytebound.grammars.schema.keywords import KEYWORDS

HUGE = 10**5000
LONE = "\ud800"


def nested(depth: int, wrap: Callable[[Any], Any], innermost: Any) -> Any:
    """`wrap` applied so many times."""
    for _ in range(depth):
        innermost = wrap(innermost)
    return innermost


def compiled(schema: Any, budget: Budget | None = None) -> Grammar | None:
    """The grammar; None where it is refused in an orderly way."""
    try:
        return json_schema(schema, budget=budget)
    except GrammarError as error:
        assert str(error)
        return None


def names(count: int) -> list[str]:
    return [f"property_{i * 7919 % 100003}" for i in range(count)]


def test_many_properties() -> None:
    many = names(10_000)
    grammar = json_schema({"type": "object", "properties": {n: {"type": "integer"} for n in many}})
    assert grammar.matches(json.dumps({many[0]: 1, many[-1]: 2, "other": None}))
    assert not grammar.matches(json.dumps({many[9_000]: "x"}))


def test_many_strings() -> None:
    values = [f"value {i * i}" for i in range(50_000)]
    grammar = json_schema({"enum": values, "pattern": "7"})
    assert grammar.matches('"value 49729"') and not grammar.matches('"value 4"')
    grammar = json_schema({"type": "string", "not": {"enum": values}})
    assert grammar.matches('"value 5"') and not grammar.matches('"value 49729"')


def test_deep_nesting() -> None:
    arrays = json_schema(nested(2000, lambda inner: {"type": "array", "items": inner}, {"type": "null"}))
    assert arrays.matches("[" * 2000 + "null" + "]" * 2000)
    for wrap in (
        lambda inner: {"anyOf": [inner, {"type": "string"}]},
        lambda inner: {"oneOf": [inner, {"type": "string"}]},
        lambda inner: {"not": inner},
        lambda inner: {"if": inner, "then": {"type": "integer"}},
        lambda inner: {"const": inner},
    ):
        compiled(nested(2000, wrap, {"type": "integer"}))
    for wrap in (lambda inner: {"items": inner}, lambda inner: {"enum": [inner]}):
        with pytest.raises(GrammarError, match="nested too deeply"):
            json_schema(nested(100_000, wrap, {}))
    with pytest.raises(GrammarError, match="nested too deeply"):
        json_schema("[" * 100_000)


def distinct(depth: int, keyword: str, name: str = "k") -> Any:
    if not depth:
        return {"properties": {name: {"type": "integer"}}, "required": [name]}
    return {keyword: [distinct(depth - 1, keyword, name + end) for end in "ab"]}


@pytest.mark.parametrize(
    "schema",
    [
        distinct(12, "anyOf"),
        distinct(8, "oneOf"),
        {"allOf": [{"anyOf": [{"required": [f"a{i}"]}, {"required": [f"b{i}"]}]} for i in range(30)]},
        {"oneOf": [{"properties": {f"a{i}": {"type": "string"}}} for i in range(200)]},
        nested(12, lambda inner: {"if": inner, "then": inner, "else": inner}, {"type": "integer"}),
        {"dependentRequired": {f"a{i}": [f"b{i}"] for i in range(200)}},
        {"$ref": "#/$defs/0", "$defs": {str(i): {"anyOf": [{"$ref": f"#/$defs/{(i * 7 + j) % 500}"} for j in range(9)]}
                                        for i in range(500)}},
    ],
    ids=["anyOf", "oneOf", "allOf", "oneOf of 200", "if", "dependentRequired", "definitions"],
)  # fmt: skip
def test_many_combinations(schema: Any) -> None:
    compiled(schema)


def test_definitions_of_each_other() -> None:
    below = [{f"r{j}": {"$ref": f"#/$defs/{(i * 7 + j * 13) % 500}"} for j in range(10)} for i in range(500)]
    everything = {str(i): {"type": "object", "properties": properties} for i, properties in enumerate(below)}
    grammar = json_schema({"$ref": "#/$defs/0", "$defs": everything})
    assert grammar.matches('{"r3": {"r1": {}}}') and not grammar.matches('{"r3": {"r1": 1}}')


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$ref": "#/$ref"},
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        {"allOf": [{"$ref": "#"}]},
        {"anyOf": [{"$ref": "#"}, {"type": "string"}]},
        {"oneOf": [{"$ref": "#"}, {"type": "string"}]},
        {"not": {"$ref": "#"}},
        {"not": {"not": {"$ref": "#"}}},
        {"not": {"anyOf": [{"$ref": "#"}, {"type": "string"}]}},
        {"if": {"$ref": "#"}, "then": {"type": "string"}},
        {"properties": {"a": {"not": {"$ref": "#"}}}},
        {"items": {"not": {"$ref": "#"}}},
        {"contains": {"$ref": "#"}, "maxContains": 2},
        {"propertyNames": {"$ref": "#"}},
        {"patternProperties": {"a": {"$ref": "#"}}},
        {"dependentSchemas": {"a": {"$ref": "#"}}},
        {"$ref": "#/allOf/" + "9" * 5000, "allOf": [{}]},
        {"$ref": "http://[broken"},
        {"$id": "http://[broken", "$ref": "other"},
        {"$id": ["x"], "$anchor": {}, "$ref": "#x"},
    ],
    ids=str,
)
def test_cycles_and_broken_references(schema: Any) -> None:
    compiled(schema)


def test_huge_numbers() -> None:
    for keyword in ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf", "const"):
        for number in (HUGE, -(10**400), 5e-324):
            compiled({keyword: number})
            compiled({"type": "integer", keyword: number})
    grammar = json_schema({"type": "integer", "minimum": -(10**400), "maximum": 10**400})
    assert grammar.matches(str(10**400)) and not grammar.matches(str(10**400 + 1))
    for keyword in ("Length", "Items", "Properties", "Contains"):
        for number in (10**9, HUGE, 1e300):
            for end in ("min", "max"):
                compiled({"contains": {"const": 1}, end + keyword: number})
                compiled({"not": {end + keyword: number}})
                compiled({"pattern": "^[a-z]+-[0-9]+$", end + keyword: number})
    assert json_schema({"type": "array", "maxItems": HUGE}).matches("[1,2]")
    with pytest.raises(EmptyLanguage):
        json_schema({"type": "string", "minLength": HUGE, "maxLength": 3})
    for text in ('{"minimum": NaN}', '{"maxLength": Infinity}', '{"const": 1e400}', f'{{"minimum": 1{"0" * 5000}}}'):
        with pytest.raises(GrammarError):
            json_schema(text)


@pytest.mark.parametrize(
    "pattern",
    [
        "(a|b)*a(a|b){20}",
        "^(((((a{1,100}){1,100}){1,100}){1,100}){1,100})$",
        "(?=.*a.*b.*c)(?=.*b.*c.*a)(?=.*c.*a.*b)(?=.{5,100}$)(?!.*aa)(?!.*bb).*",
        "(" * 5000 + ")" * 5000,
        "a?" * 5000 + "a" * 5000,
        "\\p{L}{1,5000}\\p{N}{1,5000}$",
        "\\p{L}" * 20_000,
    ],
    ids=lambda pattern: pattern[:20],
)
def test_patterns(pattern: str) -> None:
    compiled({"pattern": pattern})


def test_lone_surrogates() -> None:
    for keyword in ("pattern", "format", "title", "$ref", "$schema", "const", LONE):
        compiled({keyword: LONE})
    grammar = json_schema({"enum": [LONE, "a"]})
    assert grammar.matches('"a"')
    grammar = json_schema({"type": "object", "properties": {LONE: False, "a": {"type": "null"}}})
    assert grammar.matches('{"a": null}')
    with pytest.raises(GrammarError):
        json_schema({"type": "object", "required": [LONE]})
    compiled({"patternProperties": {f"^{LONE}$": False}})


def test_wrong_types() -> None:
    """No value of a keyword is answered with another exception than ours."""
    wrong = [None, -1, "x", LONE, [], [1], [[]], [None], [{}], {}, {"a": 1}, {"a": [1]}, {"": {}}, float("nan"), HUGE,
             object(), b"x", {1: 2}, [{1: 2}], {5: {}}, {"properties": {5: {}}}, [{"a": {5: 6}}]]  # fmt: skip
    for keyword in sorted(set().union(*KEYWORDS.values())):
        for value in wrong:
            compiled({keyword: value})
            compiled({"not": {keyword: value}, "type": ["object", "array"]})
            compiled({"$schema": "http://json-schema.org/draft-04/schema#", keyword: value})


def test_text_with_repeated_keys() -> None:
    grammar = json_schema('{"type": "string", "type": "integer"}')
    assert grammar.matches("1") and not grammar.matches('"a"')


def test_budget() -> None:
    schema = {"properties": {f"p{i}": {"pattern": f"(a|b)*a(a|b){{9}}{i}"} for i in range(300)}}
    with pytest.raises(BudgetExceeded, match="seconds"):
        json_schema(schema, budget=Budget(seconds=0.1))
    with pytest.raises(BudgetExceeded, match="nodes"):
        json_schema({"enum": names(1000)}, budget=Budget(nodes=1000))

    from pydantic import BaseModel

    class Item(BaseModel):
        name: str

    with pytest.raises(BudgetExceeded, match="nodes"):
        pydantic(Item, budget=Budget(nodes=10))
    assert pydantic(Item, budget=Budget(seconds=5)).budget.seconds == 5
