"""JSON Schema: what is said about a schema is what is done with it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bytebound.grammars import Budget, EmptyLanguage, GrammarError, Unsupported, explain, json_schema
from bytebound.grammars.schema import refusals
from bytebound.grammars.schema.dialects import DRAFTS
from bytebound.grammars.schema.keywords import KEYWORDS
from bytebound.grammars.schema.refusals import Finding

D7 = "http://json-schema.org/draft-07/schema#"
REMOTE = {"$ref": "http://elsewhere.org/schema"}
BACK = {"pattern": "(a)\\1"}


def pointers(findings: list[Finding]) -> list[str]:
    return [finding.pointer for finding in findings]


def why(findings: list[Finding]) -> dict[str, str]:
    return {finding.pointer: finding.message for finding in findings}


def test_enforced_and_ignored() -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "T",
        "type": "object",
        "properties": {"a/b": {"type": "integer", "minimum": 3, "minLength": 2, "format": "int32"}},
        "required": ["a/b"],
        "x-note": 1,
        "then": {"required": ["c"]},
        "$defs": {"unused": {"type": "int"}},
    }
    result = explain(schema)
    assert result.compiles and result.complete and result.contradiction is None and not result.refused
    assert pointers(result.enforced) == [
        "/type", "/properties", "/required", "/properties/a~1b/type", "/properties/a~1b/minimum",
    ]  # fmt: skip
    assert result.enforced[4] == Finding("/properties/a~1b/minimum", "minimum", "3")
    reasons = why(result.ignored)
    assert reasons["/x-note"] == "unknown keyword" and reasons["/title"] == "annotation"
    assert reasons["/then"] == "without if it asserts nothing"
    assert "no value" in reasons["/properties/a~1b/minLength"] and "no value" in reasons["/properties/a~1b/format"]
    assert set(reasons) == {"/$schema", "/title", "/x-note", "/then", "/$defs", "/properties/a~1b/minLength",
                            "/properties/a~1b/format"}  # fmt: skip
    assert pointers(result.unreachable) == ["/then", "/$defs/unused"]
    assert result.reachable == ["", "/properties/a~1b"]


@pytest.mark.parametrize(
    ("schema", "ignored"),
    [
        ({"format": "made-up"}, "/format"),
        ({"if": {"type": "string"}}, "/if"),
        ({"minContains": 2}, "/minContains"),
        ({"additionalItems": False}, "/additionalItems"),
        ({"exclusiveMinimum": True}, "/exclusiveMinimum"),
        ({"uniqueItems": False}, "/uniqueItems"),
        ({"enum": ["a"], "minimum": 3}, "/minimum"),
        ({"$schema": D7, "$ref": "#/definitions/a", "type": "int", "definitions": {"a": {}}}, "/type"),
        ({"contentEncoding": "base64"}, "/contentEncoding"),
    ],
    ids=str,
)
def test_ignored(schema: Any, ignored: str) -> None:
    result = explain(schema)
    assert result.compiles and ignored in pointers(result.ignored) and ignored not in pointers(result.enforced)


def test_keywords_that_depend_on_another() -> None:
    schema = {"if": {"type": "string"}, "then": {"minLength": 2}, "contains": {"const": 1}, "minContains": 2,
              "$schema": D7, "exclusiveMinimum": 3}  # fmt: skip
    result = explain({k: v for k, v in schema.items() if k != "$schema"})
    assert {"/if", "/then", "/minContains", "/exclusiveMinimum", "/then/minLength"} <= set(pointers(result.enforced))
    assert "/minContains" in pointers(explain(schema).ignored)  # draft 7 does not know it


def test_all_refusals_are_found() -> None:
    schema = {
        "type": "objekt",
        "required": "a",
        "properties": {
            "a": REMOTE,
            "b": {"items": {"anyOf": [BACK, {"type": "string"}, {"allOf": [REMOTE, {"minLength": -1}]}]}},
            "c": {"$ref": "#/$defs/c"},
            "d": {"$ref": "#/$defs/none"},
            "e": {"maximum": 3},
        },
        "patternProperties": {"[": {}, "x": {"const": float("nan")}},
        "additionalProperties": {"prefixItems": [5]},
        "$defs": {"c": {"multipleOf": 0}, "unused": BACK},
    }
    result = explain(schema)
    assert set(pointers(result.refused)) == {
        "/type", "/required", "/properties/a/$ref", "/properties/b/items/anyOf/0/pattern",
        "/properties/b/items/anyOf/2/allOf/0/$ref", "/properties/b/items/anyOf/2/allOf/1/minLength",
        "/$defs/c/multipleOf", "/properties/d/$ref", "/patternProperties/[", "/patternProperties/x/const",
        "/additionalProperties/prefixItems",
    }  # fmt: skip
    assert len(result.refused) == 11 and result.complete and not result.compiles
    assert "/properties/e/maximum" in pointers(result.enforced)
    assert not set(pointers(result.refused)) & set(pointers(result.enforced))
    assert pointers(result.unreachable) == ["/$defs/unused"]
    assert schema["type"] == "objekt" and schema["properties"]["a"] == REMOTE  # type: ignore[index]


def test_neighbours_of_a_reference_in_older_drafts() -> None:
    schema = {"$schema": D7, "properties": {"a": {**REMOTE, "type": "int"}, "b": {**REMOTE, **BACK}}}
    assert pointers(explain(schema).refused) == ["/properties/a/$ref", "/properties/b/$ref"]
    newer = {"properties": {"a": {**REMOTE, "type": "int"}}}
    assert set(pointers(explain(newer).refused)) == {"/properties/a/$ref", "/properties/a/type"}


def test_branches_of_a_one_of_that_cannot_be_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    from bytebound.grammars.schema import compiler

    real = compiler.plan

    def undecided(document: Any, unknown_formats: str) -> Any:
        for place in document.root.schema["properties"].values():
            if "oneOf" in place:
                raise Unsupported("oneOf cannot be decided", pointer="/properties/a/oneOf", keyword="oneOf")
        return real(document, unknown_formats)

    monkeypatch.setattr(compiler, "plan", undecided)
    branches = [{"type": "string", "oneOf": True}, {"type": "object", "properties": {"x": REMOTE}}, BACK]
    result = explain({"properties": {"a": {"oneOf": branches, "type": ["string", "object"]}}})
    at = "/properties/a/oneOf"
    assert pointers(result.refused) == [at, f"{at}/0/oneOf", f"{at}/1/properties/x/$ref", f"{at}/2/pattern"]
    assert f"{at}/0/type" in pointers(result.enforced) and at not in pointers(result.enforced)
    assert not any("anyOf" in pointer for pointer in result.reachable + pointers(result.enforced))


def test_dialect_and_text() -> None:
    result = explain({"$schema": "http://example.org/mine", "type": "int"})
    assert pointers(result.refused) == ["/$schema", "/type"]
    for text in ("{", "[]", "3", "[" * 100_000):
        result = explain(text)
        assert not result.compiles and len(result.refused) == 1
    assert explain('{"type": "string"}').compiles
    assert explain(True).compiles and not explain(False).compiles


def test_contradictions() -> None:
    result = explain({"properties": {"a": {"type": "string", "minLength": 3, "maxLength": 2}}, "required": ["a"],
                      "type": "object"})  # fmt: skip
    assert result.contradiction is not None and "no string satisfies /properties/a" in result.contradiction
    assert not result.refused and not result.compiles and result.complete
    mixed = explain({"allOf": [{"type": "null"}, {"type": "string"}], "title": "x", **REMOTE})
    assert pointers(mixed.refused) == ["/$ref"] and mixed.contradiction is not None and not mixed.complete


def test_where_the_search_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    result = explain({"type": "integer", "multipleOf": 123456789})
    assert result.refused[0].pointer == "" and not result.complete and result.enforced == []
    many = {"properties": {f"p{i}": {"type": "int"} for i in range(20)}}
    assert len(explain(many).refused) == 20
    monkeypatch.setattr(refusals, "MAX_REFUSALS", 5)
    assert len(explain(many).refused) == 5 and not explain(many).complete
    assert not explain(many, budget=Budget(seconds=-1)).complete


def test_options() -> None:
    assert explain({"format": "made-up"}, unknown_formats="refuse").refused[0].pointer == "/format"
    assert not explain({"enum": [str(i * 7919) for i in range(1000)]}, budget=Budget(nodes=500)).compiles
    with pytest.raises(GrammarError):
        explain({}, whitespace="any")
    with pytest.raises(GrammarError):
        explain({}, property_order="sorted")


def test_tables() -> None:
    result = explain({"title": "<b>", "type": "string", **REMOTE, "x": 1})
    text = str(result)
    assert text.startswith(f"It does not compile.\nrefused (1):\n  /$ref  $ref  {result.refused[0].message}\n")
    assert "enforced (1):\n  /type  type  'string'\n" in text and "ignored (2):\n  /title  title  annotation\n" in text
    page = explain({"<b>": 1, "minimum": 3})._repr_html_()
    assert "<td>/&lt;b&gt;</td>" in page and "<b>" not in page and page.count("<tr>") == 3
    assert str(explain({})) == "It compiles, and all of it is enforced."


def schemas(shared: Path) -> Iterator[Any]:
    for file in sorted((shared / "schemas" / "open").glob("*.json")):
        yield json.loads(file.read_text(encoding="utf-8"))["schema"]
    for folder in ("draft2020-12", "draft7", "probes"):
        for file in sorted((shared / "schemas" / "suite" / folder).rglob("*.json")):
            for group in json.loads(file.read_text(encoding="utf-8")):
                yield group["schema"]


def test_it_says_what_compiling_does(shared: Path) -> None:
    compiled = refused = 0
    for schema in schemas(shared):
        result = explain(schema)
        error: GrammarError | None = None
        try:
            grammar = json_schema(schema, cache=False)
        except GrammarError as caught:
            error = caught
        assert result.compiles == (error is None), schema
        if error is None:
            compiled += 1
            assert set(grammar.ignored) <= set(pointers(result.ignored)), schema
        elif not isinstance(error, EmptyLanguage):
            refused += 1
            first = result.refused[0]
            assert (first.pointer, first.keyword, first.message) == (error.pointer or "", error.keyword, error.message)
        said = [pointers(result.enforced), pointers(result.ignored), pointers(result.refused)]
        assert len({p for part in said[:2] for p in part}) == len(said[0]) + len(said[1])
        assert not set(said[0]) & set(said[2])
    assert compiled > 500 and refused > 20


def at(schema: Any, pointer: str) -> Any:
    for token in pointer.split("/")[1:]:
        token = token.replace("~1", "/").replace("~0", "~")
        schema = schema[int(token)] if isinstance(schema, list) else schema[token]
    return schema


def test_what_is_enforced_was_read_and_what_is_unreachable_was_not(shared: Path) -> None:
    """A keyword that is called enforced cannot be nonsense; a schema that is called unreachable can."""
    read = unread = 0
    for schema in schemas(shared):
        result = explain(schema) if isinstance(schema, dict) and len(json.dumps(schema)) < 1500 else None
        if result is None or not result.compiles:
            continue
        for finding in [f for f in result.enforced if f.pointer.startswith("/")][:12]:  # not of other documents
            spoiled = copy.deepcopy(schema)
            owner = at(spoiled, finding.pointer.rpartition("/")[0])
            assert finding.keyword in owner
            owner[finding.keyword] = object()
            with pytest.raises(GrammarError):
                json_schema(spoiled)
            read += 1
        for finding in result.unreachable[:5]:
            spoiled = copy.deepcopy(schema)
            at(spoiled, finding.pointer)["type"] = "nonsense"
            json_schema(spoiled)
            unread += 1
    assert read > 500 and unread > 20


def test_hostile_schemas_are_explained() -> None:
    wrong = [None, -1, "x", "\ud800", [], [None], [{}], {}, {"a": 1}, {"a": [1]}, float("nan"), object(), {5: {}}]
    for keyword in sorted(set().union(*KEYWORDS.values())):
        for value in wrong:
            below = {"x": {keyword: value}, "y": {"$defs": {"z": {5: value}}}}
            for schema in ({keyword: value}, {"properties": below}):
                result = explain(schema)
                try:
                    json_schema(schema)
                    assert result.compiles
                except GrammarError:
                    assert not result.compiles
                assert str(result)
    assert all(explain({"$schema": uri}).compiles for uri in DRAFTS)
