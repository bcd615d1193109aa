"""JSON Schema, keyword by keyword: what each one lets through and keeps out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from bytebound.grammars import json_schema

NODE = {"properties": {"next": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/n"}]}}, "required": ["next"]}
D4 = "http://json-schema.org/draft-04/schema#"
D7 = "http://json-schema.org/draft-07/schema#"

# schema, texts inside, texts outside
CASES: list[tuple[Any, list[str], list[str]]] = [
    (True, ["1", "null", '{"a": [1, {}]}', '"x"', "-0.5e-3", "[]"], ["", "01", "[1,]", '{"a"}', "nul", '"\\ud800"']),
    ({}, ["[[]]", "true"], ["True", "'a'"]),
    ({"type": ["integer", "null"]}, ["1", "-7", "1.0", "1e3", "-0", "null"], ["1.5", "1e-3", "true", "+1", "007"]),
    ({"type": "number"}, ["1.5", "1e3", "1e+308", "2E-07", "12.5e10"], ["1e999", ".5", "5.", "NaN"]),
    ({"$schema": D4, "type": "integer"}, ["1"], ["1.0", "1e2"]),
    ({"enum": ["a", 1, None, [1, {"k": True}]]}, ['"a"', "1", "1.0", "null", '[1, {"k":true}]'], ['"b"', "2", "[1]"]),
    ({"enum": [[1.25, []], [3]]}, ["[1.25, []]", "[3]"], ["[1.25]", "[3, []]"]),
    ({"const": {"b": 1, "a": 2}}, ['{"b": 1, "a": 2.0}'], ['{"b": 1}', '{"b":1,"a":2,"c":3}']),
    ({"const": 12345678901234567890}, ["12345678901234567890"], ["12345678901234567890.0", "12345678901234567891"]),
    ({"const": 'a/b\n"é'}, ['"a/b\\n\\"é"', '"a\\/b\\u000a\\"\\u00E9"'], ['"a/b\\n\\"e"']),
    ({"type": "string", "minLength": 2, "maxLength": 3}, ['"ab"', '"é\\n😀"', '"\\ud83d\\ude00a"'], ['"a"', '"abcd"']),
    ({"type": "string", "pattern": "^$"}, ['""'], ['"a"']),
    ({"type": "string", "pattern": "b"}, ['"abc"', '"b"', '"\\u0062"'], ['"ac"', '"\\u0063"']),
    ({"enum": ["ab", "é"]}, ['"\\u0061b"', '"a\\u0062"', '"\\u00E9"'], ['"\\u0061"', '"\\u0062b"']),
    ({"type": "string", "pattern": "^[a-z]+$", "maxLength": 2}, ['"ab"'], ['"abc"', '""', '"A"']),
    ({"type": "string", "pattern": "^é$"}, ['"é"', '"\\u00e9"', '"\\u00E9"'], ['"e"']),
    ({"allOf": [{"pattern": "^a"}, {"pattern": "b$"}], "type": "string"}, ['"ab"', '"axb"'], ['"a"', '"b"']),
    ({"type": "string", "format": "date"}, ['"2024-02-29"'], ['"2023-02-29"', '"2024-2-29"']),
    ({"type": "string", "format": "made-up"}, ['"anything"'], ["1"]),
    ({"minimum": 1, "maximum": 10}, ["1", "10.0", "9.99", "1e0", '"text"', "null"], ["0", "0.99", "10.01", "1e1000"]),
    (
        {"type": "number", "exclusiveMinimum": -0.5, "exclusiveMaximum": 0.5},
        ["0", "-0", "-0.49", "1e-7"],
        ["0.5", "-0.50"],
    ),
    ({"$schema": D4, "minimum": 3, "exclusiveMinimum": True, "type": "number"}, ["3.1"], ["3", "3.0"]),
    ({"minimum": 3, "exclusiveMinimum": True, "type": "integer"}, ["4"], ["3"]),
    ({"type": "integer", "minimum": -(10**40), "maximum": 10**40}, ["1" + "0" * 40], ["1" + "0" * 39 + "1" + "0"]),
    ({"type": "number", "multipleOf": 0.01}, ["1.25", "0", "-3", "7.10"], ["1.255"]),
    ({"type": "integer", "multipleOf": 7}, ["14", "0", "-21"], ["15"]),
    ({"type": "array", "items": {"type": "integer"}}, ["[]", "[1, 2]"], ['["a"]', "[1,,2]", "[1 2]"]),
    ({"type": "array", "minItems": 2, "maxItems": 3}, ["[1,2]", "[1,2,3]"], ["[1]", "[1,2,3,4]", "[]"]),
    (
        {"prefixItems": [{"const": 1}, {"const": 2}], "items": False, "type": "array"},
        ["[]", "[1]", "[1,2]"],
        ["[2]", "[1,2,3]"],
    ),
    (
        {"$schema": D7, "type": "array", "items": [{"const": 1}], "additionalItems": {"const": 2}},
        ["[1,2,2]"],
        ["[1,1]"],
    ),
    (
        {"type": "array", "items": {"const": 1}, "minItems": 300, "maxItems": 300},
        [json.dumps([1] * 300)],
        [json.dumps([1] * 299)],
    ),
    (
        {"type": "object", "properties": {"a": {"type": "integer"}, "b": {}}, "required": ["b"]},
        ['{"a": 1, "b": 2}', '{"b": 2}', '{"b": 2, "c": 3, "aa": 4}', '{"b": 2, "": 5}'],
        ['{"a": 1}', '{"b": 2, "a": 1}', '{"a": "x", "b": 1}', '{"b": 1,}', '{"\\u0061": "x", "b": 1}', "{,}", "{}"],
    ),
    ({"type": "object", "required": ["z"], "properties": {"a": {}}}, ['{"a": 1, "z": 2}'], ['{"a": 1}']),
    ({"type": "object", "additionalProperties": False}, ["{}", "{ }"], ['{"a": 1}']),
    (
        {"type": "object", "additionalProperties": {"type": "null"}},
        ['{"x": null, "y": null}'],
        ['{"x": 1}', '{"x": null, }'],
    ),
    (
        {
            "type": "object",
            "properties": {"é": {"const": 1}, "a/b": {"const": 2}},
            "additionalProperties": {"const": 3},
        },
        ['{"\\u00e9": 1, "a\\/b": 2, "x": 3}', '{"é": 1}'],
        ['{"é": 3}', '{"\\u00E9": 3}', '{"a\\/b": 3}'],
    ),
    (
        {
            "type": "object",
            "patternProperties": {"^a": {"minimum": 1}, "b$": {"maximum": 5}},
            "additionalProperties": False,
        },
        ['{"a": 9}', '{"b": 0}', '{"ab": 3}', '{"axb": 5, "a": 6}'],
        ['{"ab": 6}', '{"ab": 0}', '{"c": 1}'],
    ),
    (
        {"type": "object", "properties": {"ab": {"type": "integer"}}, "patternProperties": {"^a": {"minimum": 2}}},
        ['{"ab": 2}', '{"zz": "x"}'],
        ['{"ab": 1}', '{"ab": 2.5}'],
    ),
    ({"type": "object", "propertyNames": {"maxLength": 2}}, ['{"ab": 1}'], ['{"abc": 1}']),
    (
        {"type": "object", "properties": {"a": {}, "b": {}}, "additionalProperties": False, "minProperties": 1},
        ['{"a": 1}', '{"b": 1}', '{"a": 1, "b": 2}'],
        ["{}"],
    ),
    (
        {"type": "object", "properties": {"a": {}, "b": {}, "c": {}}, "maxProperties": 2},
        ["{}", '{"a":1,"x":2}'],
        ['{"a":1,"b":2,"c":3}'],
    ),
    ({"type": "object", "minProperties": 1}, ['{"a": 1}', '{"a": 1, "b": 2}'], ["{}"]),
    ({"anyOf": [{"type": "integer"}, {"type": "string"}], "minimum": 3}, ["3", '"a"'], ["2", "null"]),
    ({"anyOf": [{"required": ["a"]}, {"required": ["b"]}], "type": "object"}, ['{"a":1}', '{"b":1}'], ['{"c":1}']),
    ({"allOf": [{"minimum": 1}, {"maximum": 2}], "type": "integer"}, ["1", "2"], ["0", "3"]),
    (
        {
            "allOf": [{"properties": {"a": {"minimum": 1}}}, {"properties": {"a": {"maximum": 2}}, "required": ["a"]}],
            "type": "object",
        },
        ['{"a": 1}'],
        ['{"a": 0}', '{"a": 3}', "{}"],
    ),
    ({"oneOf": [{"type": "integer"}, {"type": "string"}]}, ["1", '"a"'], ["null"]),
    (
        {"oneOf": [{"properties": {"k": {"const": c}, c: {}}, "required": ["k", c], "type": "object"} for c in "xy"]},
        ['{"k": "x", "x": 1}', '{"k": "y", "y": 1}'],
        ['{"k": "x"}', '{"k": "z", "z": 1}'],
    ),
    ({"oneOf": [{"maximum": 3, "type": "number"}, {"exclusiveMinimum": 3, "type": "number"}]}, ["3", "4"], ["null"]),
    (
        {"$ref": "#/$defs/n", "$defs": {"n": {"type": "object", **NODE}}},
        ['{"next": {"next": null}}'],
        ['{"next": 1}', "{}"],
    ),
    ({"$ref": "#/$defs/a%20b~1", "$defs": {"a b/": {"const": 1}}}, ["1"], ["2"]),
    ({"$ref": "#here", "$defs": {"x": {"$anchor": "here", "const": 1}}}, ["1"], ["2"]),
    ({"$id": "http://x.y/root", "$ref": "part", "$defs": {"p": {"$id": "part", "const": 1}}}, ["1"], ["2"]),
    ({"$ref": "#/$defs/x", "maximum": 3, "$defs": {"x": {"type": "integer"}}}, ["3"], ["4"]),
    (
        {"$schema": D7, "$ref": "#/definitions/x", "maximum": 3, "definitions": {"x": {"type": "integer"}}},
        ["4"],
        ['"a"'],
    ),
    ({"anyOf": [{"$ref": "#"}, {"const": 1}]}, ["1"], ["2"]),
    ({"type": "integer", "minLength": 5, "properties": {"a": {"$ref": "x"}}, "contains": {}}, ["1"], ['"abcdef"']),
    ({"contains": {"type": "integer"}, "type": "array"}, ["[1]", '["a", 1, 2, "b"]'], ["[]", '["a"]', "[,1]", "[1,]"]),
    (
        {"contains": {"const": 1}, "minContains": 2, "maxContains": 3, "maxItems": 5, "type": "array"},
        ["[1, 1]", "[1, 2, 1, 3]", "[1, 1, 1, 2, 2]"],
        ["[1]", "[2, 2]", "[1, 1, 1, 1]", "[1, 1, 2, 2, 2, 2]"],
    ),
    (
        {"type": "array", "allOf": [{"contains": {"maximum": 5}}, {"contains": {"minimum": 3}, "minContains": 2}]},
        ["[3, 3]", "[4, 9]", "[9, 9, 1]", '["a", 3]', "[1, null, null]"],
        ["[]", "[4]", "[1, 2]", "[9, 9]", '["a", 1]'],
    ),
    (
        {
            "type": "array",
            "items": {"enum": [1, 2, 3]},
            "allOf": [
                {"contains": {"maximum": 2}, "maxContains": 2},
                {"contains": {"minimum": 2}, "maxContains": 2},
                {"contains": {"const": 2}, "minContains": 0, "maxContains": 1},
            ],
        },
        ["[2]", "[1, 3]", "[1, 2, 3]", "[3, 1, 1, 3]"],
        ["[]", "[1]", "[3]", "[2, 2]", "[1, 1, 2]", "[1, 3, 3, 3]"],
    ),
    (
        {"type": "array", "contains": {"const": 1}, "not": {"contains": {"const": 2}, "maxContains": 1}},
        ["[1]", "[1, 3]", "[2, 1, 2]", "[2, 2, 3, 1]"],
        ["[]", "[3]", "[1, 2]", "[2, 2]", "[2, 3, 1]"],
    ),
    (
        {"type": "array", "not": {"anyOf": [{"items": {"const": 1}}, {"prefixItems": [True], "items": {"const": 2}}]}},
        ["[2, 1]", "[1, 3]"],
        ["[]", "[2]", "[1, 1]", "[1, 2, 2]", "[3, 2]"],
    ),
    ({"not": {"items": {"const": 1}}, "type": "array"}, ["[2]", "[1, 2]", "[2, 1]"], ["[]", "[1]", "[1, 1]"]),
    ({"not": {"contains": {"const": 1}}, "type": "array"}, ["[]", "[2, 3]"], ["[1]", "[2, 1]"]),
    ({"not": {"type": "string"}}, ["1", "null", "[]"], ['"a"']),
    ({"not": {"not": {"items": {"const": 1}, "type": "array"}}}, ["[1]"], ["[2]", "1"]),
    (
        {"not": {"enum": ["a", 1, True, [1]]}},
        ['"b"', "1.5", "0", "false", "[2]", "[]"],
        ['"a"', "1", "1.0", "true", "[1]"],
    ),
    ({"not": {"multipleOf": 3}, "type": "number"}, ["1", "3.5", "1e-7"], ["3", "-6.0", "0"]),
    ({"not": {"type": "integer"}, "type": "number"}, ["1.5", "-0.1"], ["1", "1.0"]),
    ({"not": {"minimum": 1, "maximum": 2}, "type": "number"}, ["0", "2.1"], ["1", "2"]),
    ({"not": {"pattern": "^a"}, "type": "string"}, ['"ba"', '""'], ['"ab"']),
    ({"not": {"required": ["a"]}, "type": "object"}, ["{}", '{"b": 1}'], ['{"a": 1}', '{"b": 2, "a": 1}']),
    ({"not": {"properties": {"a": {"const": 1}}}, "type": "object"}, ['{"a": 2}'], ["{}", '{"a": 1}']),
    ({"not": {"prefixItems": [{"const": 1}]}, "type": "array"}, ["[2]", "[2, 1]"], ["[]", "[1]"]),
    (
        {"if": {"minimum": 5}, "then": {"multipleOf": 2}, "else": {"multipleOf": 3}, "type": "integer"},
        ["6", "3"],
        ["5", "4"],
    ),
    ({"if": {"type": "string"}, "then": {"maxLength": 1}}, ['"a"', "12"], ['"ab"']),
    ({"oneOf": [{"type": "integer"}, {"minimum": 2}]}, ["1", "2.5", '"a"'], ["2", "0.5"]),
    (
        {"oneOf": [{"required": ["a"]}, {"required": ["b"]}], "type": "object"},
        ['{"a":1}', '{"b":1}'],
        ['{"a":1,"b":1}', "{}"],
    ),
    ({"dependentRequired": {"a": ["b"]}, "type": "object"}, ['{"a": 1, "b": 2}', '{"b": 1}', "{}"], ['{"a": 1}']),
    (
        {"dependentSchemas": {"a": {"maxProperties": 1}}, "type": "object"},
        ['{"a":1}', '{"b":1,"c":1}'],
        ['{"a":1,"b":1}'],
    ),
    (
        {"$schema": D7, "dependencies": {"a": ["b"], "c": False}, "type": "object"},
        ['{"a":1,"b":1}'],
        ['{"a":1}', '{"c":1}'],
    ),
    ({"uniqueItems": False, "minItems": 0, "dependentRequired": {}, "type": "array"}, ["[1, 1]"], ["{}"]),
]


@pytest.mark.parametrize(
    ("schema", "inside", "outside"), CASES, ids=lambda v: json.dumps(v)[:60] if not isinstance(v, list) else ""
)
def test_keyword(schema: Any, inside: list[str], outside: list[str]) -> None:
    grammar = json_schema(schema)
    assert [text for text in inside if not grammar.matches(text)] == []
    assert [text for text in outside if grammar.matches(text)] == []


def test_schema_as_text_and_ignored() -> None:
    schema = '{"type": "string", "format": "made-up", "x-note": 1, "requierd": ["a"], "title": "T", "examples": [2]}'
    grammar = json_schema(schema)
    assert sorted(grammar.ignored) == ["/format", "/requierd", "/x-note"]
    assert grammar.schema == json.loads(schema)
    assert grammar.matches('"a"')


def test_annotations_are_not_walked() -> None:
    schema = {"default": {"type": 5, "not": 1}, "examples": [{"$ref": "nowhere"}], "$defs": {"unused": {"not": {}}}}
    assert json_schema(schema).matches("1")


def test_large_schemas() -> None:
    many = {"type": "object", "properties": {f"property_{i}": {"type": "integer"} for i in range(300)}}
    grammar = json_schema({**many, "additionalProperties": False})
    assert grammar.matches(json.dumps({f"property_{i}": i for i in range(0, 300, 7)}))
    assert not grammar.matches('{"property_300": 1}')
    assert json_schema({"enum": [f"value {i}" for i in range(500)]}).matches('"value 499"')
    assert json_schema({"type": "string", "maxLength": 65536}).matches(json.dumps("é" * 65536))
