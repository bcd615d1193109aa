"""How an instance is written for our grammars: as `json.dumps` does, with object keys in the order of the schema."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import islice, product
from typing import Any

import pytest
from bytebound.grammars.schema.document import Document
from bytebound.grammars.schema.gather import plan
from bytebound.grammars.schema.plan import ArrayPlan, Value

MOST = 24

Spell = Callable[[Any, Any], list[str]]


def spell(value: Value, instance: Any) -> list[str]:
    """Texts of the instance with the keys of each object in the order of some plan that might describe it."""
    if isinstance(instance, list):
        items = []
        for i, item in enumerate(instance):
            items.append(_distinct([v for p in value.arrays for v in _at(p, i)], item))
        return ["[" + ", ".join(choice) + "]" for choice in islice(product(*items), MOST)]
    if isinstance(instance, dict) and value.objects:
        texts: dict[str, None] = {}
        for plan in value.objects:
            known = {m.name: (i, m.value) for i, m in enumerate(plan.members)}
            members = []
            for key in sorted(instance, key=lambda k: known[k][0] if k in known else len(known)):
                places = [known[key][1]] if key in known else [other.value for other in plan.extra]
                members.append([f"{json.dumps(key)}: {text}" for text in _distinct(places, instance[key])])
            texts.update({"{" + ", ".join(choice) + "}": None for choice in islice(product(*members), MOST)})
        return list(texts)
    return [json.dumps(instance)]


def _at(plan: ArrayPlan, i: int) -> list[Value]:
    """The values of item i."""
    listed = i < len(plan.prefix)
    ways = () if plan.hits is None else plan.hits.prefix[i] if listed else plan.hits.rest
    return [plan.prefix[i] if listed else plan.rest, *(way.value for way in ways)]


def _distinct(values: list[Value], instance: Any) -> list[str]:
    texts = dict.fromkeys(text for value in values for text in spell(value, instance))
    return list(texts)[:MOST] or [json.dumps(instance)]


def speller(schema: Any) -> Callable[[Any], list[str]]:
    """What gives the texts of an instance in the property orders that the grammar of the schema might ask for."""
    value = plan(Document(schema), "annotation")
    return lambda instance: spell(value, instance)


def spell_by_schema(schema: Any, instance: Any) -> list[str]:
    """Texts of the instance in the property orders that the grammar of the schema might ask for."""
    return speller(schema)(instance)


def styles(instance: Any) -> list[str]:
    """The instance as `json.dumps` writes it in its usual styles."""
    return [
        json.dumps(instance),
        json.dumps(instance, ensure_ascii=False),
        json.dumps(instance, separators=(",", ":")),
        json.dumps(instance, indent=2),
        json.dumps(instance, indent=4),
    ]


@pytest.fixture(scope="session", name="spell_by_schema")
def _spell_by_schema() -> Spell:
    return spell_by_schema


@pytest.fixture(scope="session", name="speller")
def _speller() -> Callable[[Any], Callable[[Any], list[str]]]:
    return speller


@pytest.fixture(scope="session", name="styles")
def _styles() -> Callable[[Any], list[str]]:
    return styles
