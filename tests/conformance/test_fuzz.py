"""Two-way fuzz: random schemas, judged by jsonschema-rs.

Instances that the judge calls valid are matched in some property order (and, where any order is allowed, in any),
invalid ones never; and texts found by walking the automaton at random are JSON that the judge calls valid. On the walks
the laws of the automaton are checked. Refused schemas are left out, and few.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest
from bytebound.grammars import BudgetExceeded, EmptyLanguage, Grammar, Unsupported, json_schema

from . import makers

Spell = Callable[[Any, Any], list[str]]


@pytest.mark.parametrize("seed", range(8))
def test_random_schemas(seed: int, spell_by_schema: Spell) -> None:
    compare(makers.Maker(seed), random.Random(seed), spell_by_schema, 120)


@pytest.mark.parametrize("seed", range(4))
def test_random_evaluation(seed: int, spell_by_schema: Spell) -> None:
    compare(makers.Evaluating(seed), random.Random(seed), spell_by_schema, 120)


@pytest.mark.parametrize("seed", range(8))
def test_random_counts(seed: int, spell_by_schema: Spell) -> None:
    compare(makers.Counting(seed), random.Random(seed), spell_by_schema, 40)


def compare(maker: Any, rng: random.Random, spell_by_schema: Spell, count: int) -> None:
    """Judge random schemas of the maker both ways, in both property orders."""
    compiled = refused = 0
    for _ in range(count):
        schema = maker.document()
        judge = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
        candidates = [maker.instance() for _ in range(12)]
        grammars: list[Grammar] = []
        try:
            for order in ("schema", "any"):
                space = rng.choice(["compact", "flexible", "flexible"])
                grammars.append(json_schema(schema, property_order=order, whitespace=space, cache=False))
        except (Unsupported, BudgetExceeded):
            refused += 1
            continue
        except EmptyLanguage as error:
            compiled += 1
            assert not any(judge.is_valid(c) for c in candidates), f"{schema}: {error}"
            continue
        compiled += 1
        for grammar in grammars:
            for _ in range(2):
                text = makers.walk(grammar.automaton, rng, rng.choice([0, 10, 40, 120]))
                instance = json.loads(text)
                if re.search(rb"[0-9.]{17}", text):  # more digits than the judge's doubles hold
                    continue
                assert judge.is_valid(instance), f"{schema}\nmade {text!r}"
                candidates += [instance, makers.mutated(instance, rng)]
        for instance in candidates:
            if "e+" in json.dumps(instance) and "multipleOf" in json.dumps(schema):  # only if they are exactly doubles
                continue
            valid = judge.is_valid(instance)
            if valid and "e-" in json.dumps(instance) and '"multipleOf": 0' in json.dumps(schema):
                continue  # nor is what `not` leaves beside the multiples of a fraction
            texts = [json.dumps(instance), *spell_by_schema(schema, instance)]
            tight = [json.dumps(json.loads(text), separators=(",", ":")) for text in texts]
            assert any(map(grammars[0].matches, (*texts, *tight))) == valid, f"{schema}\nand {instance!r}"
            other = makers.shuffled(instance, rng)
            texts = [json.dumps(other), json.dumps(other, separators=(",", ":"))]
            assert any(map(grammars[1].matches, texts)) == valid, f"{schema}\nand {other!r} in any order"
    assert refused < compiled / 2
