"""JSON Schema: references into other documents, and metaschemas of one's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bytebound.grammars import Budget, BudgetExceeded, EmptyLanguage, GrammarError, Unsupported, json_schema, pydantic
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4, DRAFT202012

D4 = "http://json-schema.org/draft-04/schema#"
D7 = "http://json-schema.org/draft-07/schema#"
D2019 = "https://json-schema.org/draft/2019-09/schema"
D2020 = "https://json-schema.org/draft/2020-12/schema"
VOCABULARY = "https://json-schema.org/draft/2020-12/vocab/"

HOST = "http://localhost:1234/"
NEW = f"{HOST}draft2020-12/"
TEXT: dict[str, Any] = {"type": "string"}
WHOLE: dict[str, Any] = {"type": "integer"}


def behind(keyword: str, anchor: dict[str, Any]) -> dict[str, Any]:
    """A document that refers to its own parts, by pointer and by anchor."""
    parts = {
        "integer": WHOLE,
        "refToInteger": {"$ref": "#/KEY/integer".replace("KEY", keyword)},
        "foo": {"$ref": "#detached"},
        "detached": {**anchor, **WHOLE},
        "orNull": {"anyOf": [{"type": "null"}, {"$ref": "#"}]},
    }
    return {**TEXT, keyword: parts}


def anchored(keyword: str, anchor: dict[str, Any]) -> dict[str, Any]:
    return {keyword: {"refToInteger": {"$ref": "#foo"}, "A": {**anchor, **WHOLE}}}


def vocabularies(uri: str, **needed: bool) -> dict[str, Any]:
    """A metaschema with these vocabularies and the core."""
    named = {k if ":" in k else VOCABULARY + k.replace("_", "-"): v for k, v in {"core": True, **needed}.items()}
    return {"$schema": D2020, "$id": uri, "$vocabulary": named}


# What the official suite expects to find on its server, made anew.
REMOTES: dict[str, Any] = {
    f"{HOST}integer.json": WHOLE,
    f"{HOST}draft7/subSchemas.json": behind("definitions", {"$id": "#detached"}),
    f"{HOST}draft7/locationIndependentIdentifier.json": anchored("definitions", {"$id": "#foo"}),
    f"{HOST}draft7/name.json": behind("definitions", {"$id": "#detached"}),
    f"{HOST}draft7/detached-ref.json": {"$schema": D7, **behind("definitions", {"$id": "#detached"})},
    f"{HOST}draft7/ref-and-definitions.json": {
        "$id": f"{HOST}draft7/ref-and-definitions.json",
        "definitions": {"inner": {"properties": {"bar": TEXT}}},
        "allOf": [{"$ref": "#/definitions/inner"}],
    },
    f"{HOST}draft2019-09/ignore-prefixItems.json": {"$schema": D2019, "prefixItems": [TEXT], "items": True},
    f"{HOST}draft2019-09/dependentRequired.json": {"$schema": D2019, "dependentRequired": {"foo": ["bar"]}},
    f"{NEW}integer.json": WHOLE,
    f"{NEW}subSchemas.json": behind("$defs", {"$anchor": "detached"}),
    f"{NEW}locationIndependentIdentifier.json": anchored("$defs", {"$anchor": "foo"}),
    f"{NEW}name-defs.json": behind("$defs", {"$anchor": "detached"}),
    f"{NEW}detached-ref.json": {"$schema": D2020, **behind("$defs", {"$anchor": "detached"})},
    f"{NEW}detached-dynamicref.json": {
        "$defs": {"foo": {"$dynamicRef": "#it"}, "it": {"$dynamicAnchor": "it", **WHOLE}},
    },
    f"{NEW}ref-and-defs.json": {
        "$id": f"{NEW}ref-and-defs.json",
        "$defs": {"inner": {"properties": {"bar": TEXT}}},
        "$ref": "#/$defs/inner",
    },
    f"{NEW}different-id-ref-string.json": {"$id": f"{NEW}another.json", "$defs": {"it": TEXT}, "$ref": "#/$defs/it"},
    f"{NEW}urn-ref-string.json": {"$id": "urn:uuid:6a7b1c2d", "$defs": {"it": TEXT}, "$ref": "#/$defs/it"},
    f"{NEW}nested-absolute-ref-to-string.json": {
        "$defs": {"it": {"$id": f"{HOST}elsewhere/it.json", **TEXT}},
        "$ref": f"{HOST}elsewhere/it.json",
    },
    f"{NEW}tree.json": {
        "$dynamicAnchor": "node",
        "type": "object",
        "properties": {"data": True, "children": {"type": "array", "items": {"$dynamicRef": "#node"}}},
    },
    f"{NEW}extendible-dynamic-ref.json": {
        "$id": f"{NEW}extendible-dynamic-ref.json",
        "properties": {"elements": {"type": "array", "items": {"$dynamicRef": "#elements"}}},
        "required": ["elements"],
        "additionalProperties": False,
        "$defs": {"any": {"$dynamicAnchor": "elements"}},
    },
    f"{NEW}metaschema-no-validation.json": vocabularies(f"{NEW}metaschema-no-validation.json", applicator=True),
    f"{NEW}metaschema-optional-vocabulary.json": vocabularies(
        f"{NEW}metaschema-optional-vocabulary.json", validation=True, **{"http://localhost:1234/unknown": False}
    ),
    f"{NEW}format-assertion-true.json": vocabularies(f"{NEW}format-assertion-true.json", format_assertion=True),
    f"{NEW}format-assertion-false.json": vocabularies(f"{NEW}format-assertion-false.json", format_assertion=False),
}
for folder in (HOST, NEW):
    for sub in ("baseUriChange", "baseUriChangeFolder", "baseUriChangeFolderInSubschema"):
        REMOTES[f"{folder}{sub}/folderInteger.json"] = WHOLE
    REMOTES[f"{folder}nested/foo-ref-string.json"] = {"type": "object", "properties": {"foo": {"$ref": "string.json"}}}
    REMOTES[f"{folder}nested/string.json"] = TEXT

FILES = ["refRemote", "dynamicRef", "vocabulary", "optional/cross-draft", "optional/format-assertion"]


@pytest.mark.parametrize("folder", ["draft7", "draft2020-12"])
def test_groups_of_the_suite(shared: Path, folder: str) -> None:
    groups = 0
    for name in FILES:
        path = shared / "schemas" / "suite" / folder / f"{name}.json"
        for group in json.loads(path.read_text(encoding="utf-8")) if path.exists() else []:
            schema = {**({"$schema": D7} if folder == "draft7" else {}), **group["schema"]}
            if "unevaluatedProperties" in schema:
                continue
            groups += 1
            grammar = json_schema(schema, documents=REMOTES)
            for test in group["tests"]:
                texts = [json.dumps(test["data"])]
                if isinstance(test["data"], dict):
                    texts.append(json.dumps(dict(reversed(test["data"].items()))))
                got = any(grammar.matches(text) for text in texts)
                assert got == test["valid"], f"{name}: {group['description']}: {test['description']}"
    assert groups >= (12 if folder == "draft7" else 35)


def plain(schema: Any) -> Any:
    """A metaschema without what is refused in it."""
    if isinstance(schema, dict):
        return {k: plain(v) for k, v in schema.items() if k not in ("format", "uniqueItems") or isinstance(v, dict)}
    return [plain(s) for s in schema] if isinstance(schema, list) else schema


@pytest.mark.parametrize("dialect", [D7, D2019, D2020])
def test_metaschemas(dialect: str) -> None:
    """Schemas of schemas: the metaschemas resolve without being passed, but passed ones come first."""
    from jsonschema_specifications import REGISTRY

    known = json_schema({"$schema": dialect, "$ref": dialect}, property_order="any")
    assert known.matches('{"required": ["a", "b"], "pattern": "^a"}')
    assert not known.matches('{"required": ["a", "a"]}') and not known.matches('{"pattern": "(", "type": "string"}')
    documents = {uri: plain(resource.contents) for uri, resource in REGISTRY.items()}
    grammar = json_schema({"$schema": dialect, "$ref": dialect}, documents=documents)
    assert grammar.matches('{"properties": {"a": {"not": {"items": {"minLength": 3}}}}}')
    assert grammar.matches("true") and grammar.matches('{"made up": 5}')
    assert not grammar.matches('{"properties": {"a": {"minimum": "1"}}}')
    assert not grammar.matches('{"properties": {"a": {"not": {"items": {"minLength": -1}}}}}')


def test_nothing_is_fetched() -> None:
    """Not even by the function that a registry has for it."""

    def retrieve(uri: str) -> Resource[Any]:
        raise AssertionError(uri)

    schema = {"properties": {"a": {"$ref": "http://example.org/a.json"}}}
    registry: Registry[Any] = Registry(retrieve=retrieve)
    for documents in (None, {}, {"http://example.org/b.json": {}}, registry):
        with pytest.raises(Unsupported, match=r"http://example\.org/a\.json.*documents") as caught:
            json_schema(schema, documents=documents)
        assert (caught.value.pointer, caught.value.keyword) == ("/properties/a/$ref", "$ref")


def test_registry() -> None:
    """A registry knows the draft of schemas that do not name it."""
    old = {"minimum": 3, "exclusiveMinimum": True}
    registry: Registry[Any] = Registry().with_resources(
        [("urn:old", DRAFT4.create_resource(old)), ("http://example.org/a", DRAFT202012.create_resource({"$id": "b"}))]
    )
    grammar = json_schema({"$schema": D2020, "$ref": "urn:old"}, documents=registry)
    assert grammar.matches("4") and not grammar.matches("3")
    assert json_schema({"$schema": D2020, "$ref": "http://example.org/b"}, documents=registry).matches("1")
    with pytest.raises(GrammarError) as caught:
        json_schema({"$schema": D2020, "$ref": "urn:old"}, documents={"urn:old": old})
    assert caught.value.pointer == "urn:old#/exclusiveMinimum"


def test_names_of_documents() -> None:
    """Documents are known by the URI they are passed with, by their `$id`, and by the ids in them."""
    documents = {
        "http://example.org/a": {"$id": "http://example.org/named", "$defs": {"b": {"$id": "inner", **WHOLE}}, **TEXT},
        "other.json": {"$ref": "third.json#it"},
        "third.json": {"$defs": {"x": {"$anchor": "it", "const": 5}}},
    }
    for uri, good, bad in (
        ("http://example.org/a", '"x"', "1"),
        ("http://example.org/named", '"x"', "1"),
        ("http://example.org/named#", '"x"', "1"),
        ("http://example.org/a#/$defs/b", "1", '"x"'),
        ("http://example.org/inner", "1", '"x"'),
        ("other.json", "5", "6"),
    ):
        grammar = json_schema({"$ref": uri}, documents=documents)
        assert grammar.matches(good) and not grammar.matches(bad), uri
    schema = {"$ref": "other.json", "$defs": {"own": {"$id": "other.json", "const": 7}}}
    grammar = json_schema(schema, documents=documents)
    assert grammar.matches("7"), "what is inside comes before what was passed"


def test_recursion_through_documents() -> None:
    documents = {
        "urn:list": {"type": "array", "items": {"$ref": "urn:entry"}},
        "urn:entry": {"anyOf": [{"type": "integer"}, {"$ref": "urn:list"}]},
    }
    grammar = json_schema({"$ref": "urn:list"}, documents=documents)
    assert grammar.matches("[1, [2, []]]") and not grammar.matches('["a"]')
    with pytest.raises(EmptyLanguage, match=r"urn:a# refers to itself"):
        json_schema({"$ref": "urn:a"}, documents={"urn:a": {"$ref": "urn:b"}, "urn:b": {"$ref": "urn:a"}})


def test_drafts_of_documents() -> None:
    """Each document is read by its own draft, or as the one that all begins with."""
    documents = {
        "urn:seven": {
            "$schema": D7,
            "properties": {"a": {"$ref": "#/definitions/t", "maxLength": 1}},
            "definitions": {"t": TEXT},
        },
        "urn:four": {"$schema": D4, "id": "http://example.org/four", "definitions": {"b": {"id": "b", **WHOLE}}},
        "urn:none": {"prefixItems": [TEXT], "items": {"type": "integer"}},
    }
    grammar = json_schema({"$ref": "urn:seven"}, documents=documents)
    assert grammar.matches('{"a": "long"}') and not grammar.matches('{"a": 1}')
    grammar = json_schema({"$schema": D2020, "$ref": "urn:none"}, documents=documents)
    assert grammar.matches('["a", 1]') and not grammar.matches("[1, 1]")
    grammar = json_schema({"$schema": D2019, "$ref": "urn:none"}, documents=documents)
    assert grammar.matches("[1, 1]") and not grammar.matches('["a", 1]')
    assert grammar.ignored == ("urn:none#/prefixItems",)
    for uri in ("urn:four#/definitions/b", "http://example.org/b"):
        grammar = json_schema({"$ref": uri}, documents=documents)
        assert grammar.matches("1") and not grammar.matches("1.0")


def test_keywords_of_other_drafts_are_not_read() -> None:
    """An unknown keyword is one also where its neighbours are known."""
    grammar = json_schema({"$schema": D7, "contains": WHOLE, "minContains": 2, "maxContains": 2, "prefixItems": [TEXT]})
    assert grammar.matches("[1]") and grammar.matches("[1, 2, 3]") and not grammar.matches('["a"]')
    assert set(grammar.ignored) == {"/minContains", "/maxContains", "/prefixItems"}
    grammar = json_schema({"$schema": D4, "properties": {"a": WHOLE}, "propertyNames": {"maxLength": 1}})
    assert grammar.matches('{"long": 1}') and not grammar.matches('{"a": "x"}')


def test_identifiers_with_fragments() -> None:
    """In draft 7 an identifier may be a URI and an anchor at once; a `$ref` beside it hides it."""
    named = {"$id": "http://example.org/part#it", "properties": {"a": {"$ref": "#/definitions/b"}}}
    part = {**named, "definitions": {"b": WHOLE}}
    hidden = {"$id": "http://example.org/hidden", "$ref": "#/definitions/part"}
    schema = {"$schema": D7, "definitions": {"part": part, "hidden": hidden}}
    for uri in ("http://example.org/part#it", "http://example.org/part", "#/definitions/hidden"):
        grammar = json_schema({**schema, "allOf": [{"$ref": uri}]})
        assert grammar.matches('{"a": 1}') and not grammar.matches('{"a": "x"}')
    with pytest.raises(Unsupported):
        json_schema({**schema, "allOf": [{"$ref": "http://example.org/hidden"}]})


def test_dialects_inside_a_document() -> None:
    """An embedded resource may be of another dialect; `$schema` anywhere else means nothing."""
    old = {"$schema": D4, "id": "http://example.org/old", "minimum": 3, "exclusiveMinimum": True}
    new = {"$schema": D2020, "$id": "http://example.org/new", "prefixItems": [TEXT]}
    grammar = json_schema({"$schema": D2020, "properties": {"a": old}, "items": {"$schema": "urn:x"}})
    assert grammar.matches('{"a": 4}') and not grammar.matches('{"a": 3}') and grammar.matches("[1]")
    grammar = json_schema({"$schema": D4, "definitions": {"new": new}, "$ref": "#/definitions/new"})
    assert grammar.matches('["x", 1]') and not grammar.matches("[1]")
    grammar = json_schema({"$ref": "#/$defs/a/$defs/b", "$defs": {"a": {"$schema": "urn:x", "$defs": {"b": WHOLE}}}})
    assert grammar.matches("1") and not grammar.matches('"x"')


META = "http://example.org/meta"


def test_vocabularies() -> None:
    """Without the validation vocabulary its keywords are annotations, wherever they stand."""
    documents = {META: vocabularies(META, applicator=True)}
    schema = {
        "$schema": META,
        "type": "string",
        "prefixItems": [{"minimum": 3}, False],
        "minItems": 5,
        "contains": {"not": False},
        "minContains": 4,
        "properties": {"a": False},
        "required": ["b"],
        "maxProperties": 0,
        "format": "date",
    }
    grammar = json_schema(schema, documents=documents)
    assert grammar.matches("[1]") and grammar.matches("5") and grammar.matches('"x"') and grammar.matches('{"c": 1}')
    assert not grammar.matches("[1, 2]") and not grammar.matches('{"a": 1}') and not grammar.matches("[]")
    names = ("type", "minItems", "minContains", "required", "maxProperties", "format", "prefixItems/0/minimum")
    assert set(grammar.ignored) == {f"/{name}" for name in names}
    documents = {META: vocabularies(META, validation=True)}
    grammar = json_schema({"$schema": META, "maxLength": 2, "properties": {"a": False}}, documents=documents)
    assert grammar.matches('{"a": 1}') and not grammar.matches('"abc"')


def test_metaschemas_of_metaschemas() -> None:
    """One without `$vocabulary` is of the dialect that it is written in."""
    documents = {"urn:one": vocabularies("urn:one", applicator=True), "urn:two": {"$schema": "urn:one"},
                 "urn:old": {"$schema": D4}, "urn:self": {"$schema": "urn:self"}, "urn:nothing": {}}  # fmt: skip
    assert json_schema({"$schema": "urn:two", "minimum": 3}, documents=documents).matches("1")
    grammar = json_schema({"$schema": "urn:old", "minimum": 3, "exclusiveMinimum": True}, documents=documents)
    assert grammar.matches("4") and not grammar.matches("3")
    for uri in ("urn:self", "urn:nothing", "urn:unknown"):
        with pytest.raises(Unsupported) as caught:
            json_schema({"$schema": uri}, documents=documents)
        assert (caught.value.pointer, caught.value.keyword) == ("/$schema", "$schema")
        with pytest.raises(Unsupported) as caught:
            json_schema({"$ref": "urn:x"}, documents={**documents, "urn:x": {"$schema": uri}})
        assert (caught.value.pointer, caught.value.keyword) == ("urn:x#/$schema", "$schema")


def test_required_vocabularies() -> None:
    documents = {META: vocabularies(META, **{"http://example.org/vocab": True})}
    with pytest.raises(Unsupported) as caught:
        json_schema({"$schema": META}, documents=documents)
    assert caught.value.pointer == f"{META}#/$vocabulary/http:~1~1example.org~1vocab"
    assert caught.value.keyword == "$vocabulary"
    documents = {META: {**vocabularies(META), "$vocabulary": {"http://example.org/vocab": 1}}}
    with pytest.raises(GrammarError, match="booleans"):
        json_schema({"$schema": META}, documents=documents)


def test_errors_in_documents() -> None:
    documents: dict[str, Any] = {
        "urn:a": {"properties": {"x": {"minLength": -1}}},
        "urn:b": {"items": {"$ref": "urn:missing"}},
        "urn:c": {"$ref": "#/nowhere"},
    }
    for uri, pointer in (
        ("urn:a", "urn:a#/properties/x/minLength"),
        ("urn:b", "urn:b#/items/$ref"),
        ("urn:c", "urn:c#/$ref"),
        ("urn:c#there", "/$ref"),
    ):
        with pytest.raises(GrammarError) as caught:
            json_schema({"$ref": uri}, documents=documents)
        assert caught.value.pointer == pointer
    for wrong in (5, [], {"urn:a": 5}, {5: {}}, {"": {}}, {"urn:a": Resource.opaque(3)}):
        with pytest.raises(GrammarError):
            json_schema({"$ref": "urn:a"}, documents=wrong)  # type: ignore[arg-type]


def test_hostile_documents() -> None:
    """Wrong documents that nothing refers to do no harm; deep and cyclic ones end."""
    deep: Any = {}
    for _ in range(100_000):
        deep = {"not": deep}
    cyclic: dict[str, Any] = {"type": "array"}
    cyclic["items"] = cyclic
    broken = {"$id": "http://[broken", "$schema": 5}
    documents = {"urn:broken": broken, "http://[": {}, "urn:wrong": {"properties": 5, "$defs": []}, "urn:good": TEXT}
    assert json_schema({"$ref": "urn:good"}, documents=documents).matches('"x"')
    with pytest.raises(Unsupported, match="urn:missing"):
        json_schema({"$ref": "urn:missing"}, documents=documents)
    for document in (broken, deep, cyclic):
        with pytest.raises(GrammarError):
            json_schema({"$ref": "urn:x"}, documents={"urn:x": document}, budget=Budget(seconds=5))
    chain = {f"urn:{i}": {"$ref": f"urn:{i + 1}"} for i in range(3000)}
    assert json_schema({"$ref": "urn:0"}, documents={**chain, "urn:3000": TEXT}).matches('"x"')
    wide = {f"urn:{i}": {"properties": {f"p{j}": {"$ref": f"urn:{j}"} for j in range(100)}} for i in range(100)}
    with pytest.raises(BudgetExceeded):
        json_schema({"$ref": "urn:0"}, documents=wide, budget=Budget(nodes=10_000))


def test_pydantic_with_documents() -> None:
    from pydantic import BaseModel

    class Order(BaseModel):
        price: float

        @classmethod
        def model_json_schema(cls, *_: Any, **__: Any) -> dict[str, Any]:
            return {"type": "object", "properties": {"price": {"$ref": "urn:price"}}, "required": ["price"]}

    grammar = pydantic(Order, documents={"urn:price": {"type": "number", "minimum": 0}})
    assert grammar.matches('{"price": 1}') and not grammar.matches('{"price": -1}')
