"""Two-way fuzz with instances made for the schemas: by hypothesis-jsonschema, by mutation, and by walks.

jsonschema-rs judges; the grammar must agree about every instance as `json.dumps` writes it, with properties in any
order, and in the order of the schema. BYTEBOUND_FUZZ_CASES is the number of instances of each test, BYTEBOUND_FUZZ_SEED
the first seed: both are small and fixed unless given.
"""

from __future__ import annotations

import json
import os
import random
import re
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from bytebound.grammars import BudgetExceeded, EmptyLanguage, Grammar, Unsupported, json_schema
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.internal.conjecture.utils import many

from . import makers

hypothesis_jsonschema = pytest.importorskip("hypothesis_jsonschema")

CASES = int(os.environ.get("BYTEBOUND_FUZZ_CASES", "600"))
SEED = int(os.environ.get("BYTEBOUND_FUZZ_SEED", "0"))
VERDICTS = {None: "beyond", True: "valid", False: "invalid"}
MOST = 24  # texts that `spell` gives at most
EACH = 30  # instances of one schema
LARGEST = 4000  # characters of the real schemas for which instances are made: more take hypothesis-jsonschema minutes

Speller = Callable[[Any], Callable[[Any], list[str]]]


class Many(many):  # type: ignore[misc]
    """The loop over members as hypothesis-jsonschema 0.23 writes it, which hypothesis no longer knows."""

    def more(self) -> bool:
        if not hasattr(self, "_rest"):
            self._rest = iter(self.__enter__())
        for _ in self._rest:
            return True
        self.__exit__(None, None, None)
        return False


@pytest.fixture(autouse=True)
def _loops(monkeypatch: pytest.MonkeyPatch) -> None:
    if not hasattr(many, "more"):
        monkeypatch.setattr("hypothesis_jsonschema._from_schema.cu.many", Many)


class Court:
    """A schema with its judge and its grammars in both property orders (None: nothing satisfies it)."""

    def __init__(self, schema: Any, speller: Speller) -> None:
        self.schema = schema
        self.rng = random.Random(json.dumps(schema))
        self.grammars: dict[str, Grammar | None] = {}
        for order in ("schema", "any"):
            try:
                self.grammars[order] = json_schema(schema, property_order=order, cache=False)
            except EmptyLanguage:
                self.grammars[order] = None
        self.judge = jsonschema_rs.validator_for(schema, validate_formats=True)
        self.text = json.dumps(schema)
        self.spell = speller(schema) if self.grammars["schema"] is not None else lambda instance: []

    def is_beyond(self, instance: Any) -> bool:
        """Whether it has numbers that the judge may be wrong about, as it has doubles only, or no normal doubles; or
        line ends, which ECMA-262 keeps from `.` and the judge does not."""
        text = json.dumps(instance)
        if "attern" in self.text and re.search(r"\\(r|u2028|u2029)", text):
            return True
        if re.search(r"[0-9.]{16}|[0-9]e[-+]?3[0-9][0-9]", text):
            return True
        return "multipleOf" in self.text and bool(re.search(r"[0-9]e[-+]", text))

    def hear(self, instance: Any) -> bool | None:
        """Assert that grammars and judge agree; whether the instance is valid, or None if it is beyond the judge."""
        if self.is_beyond(instance):
            return None
        valid = self.judge.is_valid(instance)
        for order, grammar in self.grammars.items():
            if order == "any":
                texts = [json.dumps(makers.shuffled(instance, self.rng), ensure_ascii=self.rng.random() < 0.5)]
            else:
                texts = [json.dumps(instance), *self.spell(instance)]
                if valid and len(texts) > MOST:
                    continue  # what spells it stops there: the right order may be among the others
            got = grammar is not None and any(map(grammar.matches, texts))
            assert got == valid, f"{self.text}: valid is {valid}, order {order}\n{texts[0]}"
        return bool(valid)

    def made(self, count: int) -> list[Any]:
        """Instances from hypothesis-jsonschema: none where it fails."""
        found: list[Any] = []

        @settings(
            max_examples=count,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(hypothesis_jsonschema.from_schema(self.schema))
        def make(instance: Any) -> None:
            found.append(instance)

        make()
        return found

    def walks(self, count: int) -> list[Any]:
        """Instances from random walks, which must be valid, in every layout."""
        found = []
        for i in range(count):
            order = "schema" if i % 2 else "any"
            grammar = self.grammars[order]
            if grammar is None:
                continue
            if i % 4 > 1:
                grammar = json_schema(self.schema, property_order=order, whitespace="compact", cache=False)
            text = makers.walk(grammar.automaton, self.rng, self.rng.choice([0, 10, 40, 150]))
            instance = json.loads(text)
            found.append(instance)
            beyond = re.search(rb"[0-9.]{16}|[0-9][eE]", text) is not None
            assert beyond or self.judge.is_valid(instance), f"{self.text}: {order}\nmade {text!r}"
        return found


def hear_all(court: Court, counts: Counter[str]) -> None:
    """Judge instances made for one schema, their neighbours, and walks."""
    instances = court.walks(EACH // 5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            instances += court.made(EACH // 3)
        except Exception:  # it knows older drafts, no recursion, and fails in many ways: its limits, not ours
            counts["schemas without instances"] += 1
    while instances and len(instances) < EACH:
        instances.append(makers.mutated(court.rng.choice(instances), court.rng))
    for instance in instances:
        counts[VERDICTS[court.hear(instance)]] += 1


def judged(counts: Counter[str]) -> int:
    return counts["valid"] + counts["invalid"]


@pytest.mark.parametrize("maker", ["Maker", "Counting"])
def test_random_schemas(maker: str, speller: Speller) -> None:
    counts: Counter[str] = Counter()
    random_schemas = getattr(makers, maker)(1000 + SEED)
    while judged(counts) < CASES:
        try:
            hear_all(Court(random_schemas.document(), speller), counts)
            counts["schemas"] += 1
        except (Unsupported, BudgetExceeded):
            counts["refused"] += 1
    print(dict(counts))
    assert counts["valid"] > CASES / 10 and counts["invalid"] > CASES / 10 and counts["refused"] < counts["schemas"] / 2


def test_real_schemas(shared: Path, speller: Speller) -> None:
    counts: Counter[str] = Counter()
    files = sorted((shared / "schemas" / "open").glob("*.json"))
    random.Random(SEED).shuffle(files)
    rounds = 0
    while judged(counts) < CASES:
        rounds += 1
        for file in files:
            case = json.loads(file.read_text(encoding="utf-8"))
            if len(json.dumps(case["schema"])) > LARGEST:
                continue
            try:
                court = Court(case["schema"], speller)
                court.rng.seed(f"{SEED} {rounds} {file.name}")
                hear_all(court, counts)
                for test in case["tests"]:
                    for instance in (test["data"], makers.mutated(test["data"], court.rng)):
                        counts[VERDICTS[court.hear(instance)]] += 1
                counts["schemas"] += 1
            except (Unsupported, BudgetExceeded):  # the automaton has a budget as well: some instances may exceed it
                counts["refused"] += 1
            if judged(counts) >= CASES:
                break
    print(dict(counts))
    assert counts["valid"] > CASES / 10 and counts["invalid"] > CASES / 20 and counts["refused"] < counts["schemas"] / 9
