"""Response formats and tools as clients send them: grammars that take what the shape promises and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from bytebound.grammars import (
    Budget,
    EmptyLanguage,
    Finding,
    Grammar,
    GrammarError,
    Unsupported,
    after,
    compiled,
    response_format,
    strict_subset,
    tools,
)
from pydantic import BaseModel

CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "unit": {"type": ["string", "null"], "enum": ["C", "F", None]}},
    "required": ["city", "unit"],
    "additionalProperties": False,
}
LOOSE = {"type": "object", "properties": {"n": {"type": "integer"}}}


class Search(BaseModel, extra="forbid"):
    """Look something up."""

    query: str


def function(name: str, parameters: Any = None, **more: Any) -> dict[str, Any]:
    inner = {"name": name, "description": "...", **({} if parameters is None else {"parameters": parameters}), **more}
    return {"type": "function", "function": inner}


def some(grammar: Grammar | None) -> Grammar:
    assert grammar is not None
    return grammar


# Response formats


@pytest.mark.parametrize("strict", [True, False, None])
def test_response_formats_of_a_schema(strict: bool | None) -> None:
    inner = {"name": "city", "schema": CITY, "strict": strict}
    for value in ({"type": "json_schema", "json_schema": inner}, {"type": "json_schema", **inner}):
        grammar = some(response_format(value))
        assert grammar.matches('{"city": "Oslo", "unit": null}') and not grammar.matches('{"city": "Oslo"}')
    assert some(response_format({"type": "json_schema", "json_schema": {"schema": LOOSE}})).matches("{}")


def test_other_response_formats() -> None:
    assert response_format(None) is None and response_format({"type": "text"}) is None
    anything = some(response_format({"type": "json_object"}))
    assert anything.matches('{"a": [1, {}]}') and not anything.matches("[]")
    assert some(response_format(Search)).model is Search
    compact = some(response_format({"type": "json_object"}, whitespace="compact"))
    assert compact.matches('{"a":1}') and not compact.matches('{"a": 1}')


@pytest.mark.parametrize(
    ("value", "pointer", "keyword"),
    [
        ({"type": "json_schema"}, "/schema", None),
        ({"type": "json_schema", "json_schema": {"name": "x"}}, "/json_schema/schema", None),
        ({"type": "json_schema", "json_schema": 3}, "/json_schema/schema", None),
        ({"type": "json_schema", "schema": {"items": {"type": "float"}}}, "/schema/items/type", "type"),
        ({"type": "json_schema", "json_schema": {"schema": {"type": 3}}}, "/json_schema/schema/type", "type"),
        ({"type": "json_schema", "schema": CITY, "strict": "yes"}, "/strict", None),
        ({"type": "json_schema", "schema": LOOSE, "strict": True},
         "/schema/additionalProperties", "additionalProperties"),
        ({"type": "json_schema", "schema": []}, "/schema", None),
        ({"type": "xml"}, "/type", None),
        ({}, "/type", None),
        ("json", None, None),
    ],
    ids=str,
)  # fmt: skip
def test_response_formats_that_are_none(value: Any, pointer: str | None, keyword: str | None) -> None:
    with pytest.raises(GrammarError) as caught:
        response_format(value)
    assert (caught.value.pointer, caught.value.keyword) == (pointer, keyword)


def test_errors_keep_their_kind() -> None:
    remote = {"type": "json_schema", "schema": {"$ref": "http://elsewhere.org"}}
    with pytest.raises(Unsupported) as caught:
        response_format(remote)
    assert (caught.value.pointer, caught.value.keyword) == ("/schema/$ref", "$ref")
    with pytest.raises(EmptyLanguage):
        response_format({"type": "json_schema", "schema": False})
    with pytest.raises(GrammarError) as other:
        response_format({"type": "json_object"}, whitespace="any")
    assert other.value.pointer is None


# Tools

SHAPES = [
    function("weather", CITY),
    {"type": "function", "name": "weather", "parameters": CITY, "strict": True},
    {"name": "weather", "description": "...", "parameters": CITY},
    {"name": "weather", "input_schema": CITY},
    {"type": "custom", "name": "weather", "input_schema": CITY},
    function("weather", CITY, strict=True),
]


@pytest.mark.parametrize("tool", SHAPES, ids=str)
def test_shapes_of_tools(tool: Any) -> None:
    grammar = some(tools([tool]))
    arguments = {"city": "Oslo", "unit": "C"}
    for indent in (None, 2):
        assert grammar.matches(json.dumps({"name": "weather", "arguments": arguments}, indent=indent))
    for wrong in (
        {"name": "weather", "arguments": {"city": "Oslo"}},
        {"name": "whether", "arguments": arguments},
        {"name": "weather"},
        {"name": "weather", "arguments": arguments, "id": 1},
        {"arguments": arguments, "name": "weather"},
        [{"name": "weather", "arguments": arguments}],
    ):
        assert not grammar.matches(json.dumps(wrong))


def test_each_name_has_its_own_arguments() -> None:
    grammar = some(tools([function("weather", CITY), function("weather_in", LOOSE), Search, function("now")]))
    good = [
        {"name": "weather", "arguments": {"city": "Oslo", "unit": "F"}},
        {"name": "weather_in", "arguments": {"n": 3}},
        {"name": "Search", "arguments": {"query": "x"}},
        {"name": "now", "arguments": {}},
    ]
    for i, call in enumerate(good):
        assert grammar.matches(json.dumps(call))
        for other in good[:i]:
            crossed = {"name": call["name"], "arguments": other["arguments"]}
            assert call["name"] == "weather_in" or not grammar.matches(json.dumps(crossed))
    assert not grammar.matches('{"name": "weather", "arguments": {}}')
    assert not grammar.matches('{"name": "now", "arguments": {"a": 1}}')
    state = grammar.automaton.advance(grammar.automaton.start, b'{"name": "no')
    assert grammar.automaton.drafted_bytes(state).startswith(b'w"')


def test_definitions_of_tools_do_not_meet() -> None:
    def tool(name: str, kind: str) -> dict[str, Any]:
        schema = {"type": "object", "properties": {"x": {"$ref": "#/$defs/T"}}, "required": ["x"],
                  "$defs": {"T": {"type": kind}}}  # fmt: skip
        return function(name, schema)

    grammar = some(tools([tool("a", "integer"), tool("b", "string")]))
    assert grammar.matches('{"name": "a", "arguments": {"x": 1}}')
    assert grammar.matches('{"name": "b", "arguments": {"x": "1"}}')
    assert not grammar.matches('{"name": "a", "arguments": {"x": "1"}}')
    assert not grammar.matches('{"name": "b", "arguments": {"x": 1}}')


def test_arguments_are_objects() -> None:
    grammar = some(tools([function("f", {"properties": {"a": {"type": "integer"}}}), function("g", {})]))
    assert grammar.matches('{"name": "f", "arguments": {"a": 1}}') and grammar.matches('{"name": "g", "arguments": {}}')
    for wrong in ("1", "[]", '"x"', "null"):
        for name in "fg":
            assert not grammar.matches(f'{{"name": "{name}", "arguments": {wrong}}}')


def test_keys_and_names_that_need_escapes() -> None:
    grammar = some(tools([function('say "hi"\n', LOOSE)], name_key="tool", arguments_key="parameters"))
    assert grammar.matches('{"tool": "say \\"hi\\"\\n", "parameters": {"n": 1}}')
    assert not grammar.matches('{"name": "say \\"hi\\"\\n", "arguments": {"n": 1}}')


@pytest.mark.parametrize("whitespace", ["flexible", "compact"])
def test_parallel_calls(whitespace: str) -> None:
    options = {"parallel": True, "whitespace": whitespace}
    calls = [{"name": "weather", "arguments": {"city": "x", "unit": None}}, {"name": "f", "arguments": {"n": 1}}]
    both = [function("weather", CITY), function("f", LOOSE)]
    separators = (",", ":") if whitespace == "compact" else None
    any_number, some_calls = some(tools(both, **options)), some(tools(both, "required", **options))
    one_tool = some(tools(both, {"type": "function", "function": {"name": "f"}}, **options))
    for count in range(4):
        text = json.dumps((calls * 2)[:count], separators=separators)
        assert any_number.matches(text) and some_calls.matches(text) == (count > 0)
        assert not one_tool.matches(text)
        assert one_tool.matches(json.dumps(calls[1:] * count, separators=separators)) == (count > 0)
    assert not any_number.matches(json.dumps(calls[0]))
    text = json.dumps(calls, separators=separators)
    for wrong in (text[:-1], text[:-1] + ",]", text.replace("},{", "}{").replace("}, {", "} {")):
        assert not any_number.matches(wrong)
    if whitespace == "flexible":
        assert any_number.matches(json.dumps(calls, indent=2)) and any_number.matches("[\n]")


CHOICES = [
    ("auto", "ab"),
    ("required", "ab"),
    ("any", "ab"),
    ({"type": "auto"}, "ab"),
    ({"type": "any", "disable_parallel_tool_use": True}, "ab"),
    ({"type": "function", "function": {"name": "a"}}, "a"),
    ({"type": "function", "name": "b"}, "b"),
    ({"type": "tool", "name": "b"}, "b"),
    ({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "b"}]}, "b"),
    ({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [function("a"), function("b")]}}, "ab"),
]


@pytest.mark.parametrize(("choice", "names"), CHOICES, ids=str)
def test_choices(choice: Any, names: str) -> None:
    grammar = some(tools([function(name) for name in "abc"][: 2 if len(names) == 2 else 3], choice))
    got = [name for name in "abc" if grammar.matches(f'{{"name": "{name}", "arguments": {{}}}}')]
    assert got == list(names)


def test_no_tools() -> None:
    assert tools([function("a")], "none") is None and tools([function("a")], {"type": "none"}) is None


@pytest.mark.parametrize(
    "choice",
    ["a", 3, None, {"type": "function"}, {"type": "function", "name": "z"}, {"type": "tool", "name": ["a"]}, {},
     {"type": "allowed_tools"}, {"type": "allowed_tools", "tools": [{"name": "z"}]},
     {"type": "allowed_tools", "tools": []}],
    ids=str,
)  # fmt: skip
def test_choices_that_are_none(choice: Any) -> None:
    with pytest.raises(GrammarError):
        tools([function("a")], choice)
    with pytest.raises(GrammarError):
        tools([function("a")], {"type": "auto", "disable_parallel_tool_use": True}, parallel=True)


@pytest.mark.parametrize(
    ("tool", "pointer"),
    [
        (function("f", {"type": "dict", "properties": {}}), "/1/function/parameters/type"),
        (function("f", {"type": "array"}), "/1/function/parameters/type"),
        (function("f", {"type": "object", "properties": {"a": {"type": "float"}}}),
         "/1/function/parameters/properties/a/type"),
        ({"name": "f", "parameters": {"properties": {"a": {"type": "tuple"}}}}, "/1/parameters/properties/a/type"),
        ({"name": "f", "input_schema": {"$ref": "#/none"}}, "/1/input_schema/$ref"),
        (function("f", True), "/1/function/parameters"),
        (function(""), "/1/function/name"),
        (function("\ud800"), "/1/function/name"),
        ({"type": "function"}, "/1/name"),
        ({"type": "function", "function": "f"}, "/1/function"),
        (function("f", LOOSE, strict=True), "/1/function/parameters/additionalProperties"),
        (function("f", CITY, strict=1), "/1/function/strict"),
        ({"type": "web_search"}, "/1/type"),
        ({"type": "custom", "name": "f"}, "/1/type"),
        (function("first"), "/1"),
        ("f", "/1"),
    ],
    ids=str,
)  # fmt: skip
def test_tools_that_are_none(tool: Any, pointer: str) -> None:
    with pytest.raises(GrammarError) as caught:
        tools([function("first"), tool])
    assert caught.value.pointer == pointer
    assert isinstance(caught.value, Unsupported) == (pointer == "/1/type")


def test_nothing_to_choose_and_keys() -> None:
    for arguments in ({"tools": []}, {"tools": [Search], "name_key": "x", "arguments_key": "x"}):
        with pytest.raises(GrammarError):
            tools(**arguments)  # type: ignore[arg-type]


def test_tools_are_kept_and_combine() -> None:
    compiled.kept.clear()
    both = [function("weather", CITY), Search]
    grammar = some(tools(both))
    assert tools(both) is grammar and tools(both, "required") is not grammar
    assert tools(both, cache=False) is not grammar and tools(both, budget=Budget(seconds=5)) is not grammar
    call = '{"name": "Search", "arguments": {"query": "x"}}'
    free = after("<tool>", grammar)
    assert free.matches("no call") and free.matches(f"thus <tool>{call}") and not free.matches("<tool>{}")


def test_no_dead_ends() -> None:
    grammar = some(tools([function("weather", CITY), function("f", LOOSE), Search], "required", parallel=True))
    automaton = grammar.automaton
    text = b'[{"name": "weather", "arguments": {"city": "x", "unit": "C"}}, {"name": "f", "arguments": {"n": 1}}]'
    state = automaton.start
    for byte in text:
        for other in range(256):
            after_it = automaton.step(state, other)
            assert automaton.is_dead(after_it) or automaton.distance(after_it) < 100
        state = automaton.step(state, byte)
    assert automaton.is_accepting(state)


# The strict subset


def strict(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def test_schemas_within_the_strict_subset() -> None:
    step = strict(text={"type": "string", "description": "...", "maxLength": 50}, sub={"$ref": "#/$defs/step"})
    for schema in (
        CITY,
        strict(),
        {**strict(a={"anyOf": [{"type": "null"}, {"$ref": "#/$defs/step"}]}), "$defs": {"step": step}, "title": "x"},
        strict(a={"type": "array", "items": strict(b={"const": "x"}), "minItems": 1}, f={"enum": [1, "2"]}),
        strict(d={"type": "string", "format": "date"}, n={"type": "number", "multipleOf": 2, "exclusiveMinimum": 0}),
    ):
        assert strict_subset(schema) == []


@pytest.mark.parametrize(
    ("schema", "pointers"),
    [
        (True, [""]),
        ({"type": "string"}, ["/type"]),
        ({"anyOf": [CITY]}, ["/anyOf", "/type"]),
        (LOOSE, ["/additionalProperties", "/required"]),
        ({**CITY, "additionalProperties": {}}, ["/additionalProperties"]),
        ({**CITY, "required": ["city"]}, ["/required"]),
        (strict(a={"oneOf": [{"type": "null"}]}), ["/properties/a/oneOf", "/properties/a"]),
        (strict(a={"type": "object", "allOf": []}), ["/properties/a/allOf", "/properties/a/additionalProperties"]),
        (strict(a={"type": "array", "items": {"type": "string", "not": {}}}), ["/properties/a/items/not"]),
        (strict(a={"type": ["object", "null"]}), ["/properties/a/additionalProperties"]),
        (strict(a={"anyOf": [{"type": "integer", "uniqueItems": True}]}), ["/properties/a/anyOf/0/uniqueItems"]),
        (strict(a={"type": "string", "format": "uri"}), ["/properties/a/format"]),
        (strict(a=True), ["/properties/a"]),
        (strict(a={}), ["/properties/a"]),
        ({**strict(), "$defs": {"x/y": LOOSE}}, ["/$defs/x~1y/additionalProperties", "/$defs/x~1y/required"]),
        ({**strict(), "if": {}, "then": {}, "else": {}, "dependentRequired": {}, "dependentSchemas": {}},
         ["/if", "/then", "/else", "/dependentRequired", "/dependentSchemas"]),
        ({**strict(), "patternProperties": {}, "propertyNames": {}, "minProperties": 0},
         ["/patternProperties", "/propertyNames", "/minProperties"]),
    ],
    ids=str,
)  # fmt: skip
def test_violations(schema: Any, pointers: list[str]) -> None:
    found = strict_subset(schema)
    assert [violation.pointer for violation in found] == pointers
    assert all(isinstance(violation, Finding) and violation.message for violation in found)


def test_limits_of_the_strict_subset() -> None:
    def nested(depth: int) -> dict[str, Any]:
        return strict() if depth == 1 else strict(a={"type": "array", "items": nested(depth - 1)})

    assert strict_subset(nested(10)) == []
    assert [v.pointer for v in strict_subset(nested(11))] == ["/properties/a/items" * 10]
    assert strict_subset({**nested(10), "$defs": {"x": nested(10)}}) == []
    many = {f"p{i}": {"type": "null"} for i in range(5001)}
    assert strict_subset(strict(**dict(list(many.items())[:5000]))) == []
    assert "5001 properties" in strict_subset(strict(**many))[0].message
    assert strict_subset(strict(a={"enum": list(range(1000))})) == []
    assert "1001 values" in strict_subset(strict(a={"enum": list(range(500))}, b={"enum": list(range(501))}))[0].message
    long = ["x" * 60 + str(i) for i in range(300)]
    assert [v.pointer for v in strict_subset(strict(a={"enum": long}))] == ["/properties/a/enum"]
    assert strict_subset(strict(a={"enum": long[:240]})) == []
    assert "characters" in strict_subset(strict(a={"const": "x" * 120_000}))[0].message
    deep: Any = {"type": "null"}
    for _ in range(5000):
        deep = {"type": "array", "items": deep}
    assert strict_subset(strict(a=deep)) == []


def test_malformed_schemas_are_left_to_compiling() -> None:
    for schema in (
        {**strict(), "properties": 3}, {**strict(), "required": 3}, strict(a={"anyOf": 3}), strict(a={"enum": 3}),
        strict(a={"type": "dict"}), {**strict(), "$defs": 3}, strict(a={"type": "string", "format": 3}),
    ):  # fmt: skip
        assert strict_subset(schema) == []
        with pytest.raises(GrammarError):
            response_format({"type": "json_schema", "schema": schema, "strict": True})
