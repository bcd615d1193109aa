"""Reasoning first, then SQL: tags, triggers and byte-exact prompts around SQL, with the shipped models."""

from __future__ import annotations

import re
import sqlite3
from typing import Any

import pytest
import torch
from bytebound import grammars
from bytebound.decoding import CannotClose
from bytebound.integrations import models
from bytebound.integrations.transformers import constrain, generate_bytes, posterior, posterior_bytes

QUESTION = "Question: How many books are there?\n"
TABLES = {
    "authors": {"id": "integer", "name": "text", "country": "text"},
    "books": {"id": "integer", "title": "text", "author_id": "integer", "genre": "text"},
}


@pytest.fixture(scope="module", params=models.names())
def shipped(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    return models.load(request.param)


@pytest.fixture(scope="module")
def database() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    for table, columns in TABLES.items():
        connection.execute(f"CREATE TABLE {table} ({', '.join(map(' '.join, columns.items()))})")
    return connection


def _generated(model: Any, tokenizer: Any, prompt: str, processor: Any, **options: Any) -> str:
    inputs = tokenizer(prompt, return_tensors="pt")
    with torch.no_grad():
        output = model.generate(**inputs, logits_processor=[processor], **options)
    text: str = tokenizer.decode(output[0, inputs.input_ids.shape[1] :], skip_special_tokens=True)
    return text


@pytest.mark.parametrize("seed", [0, 1])
def test_tags(shipped: tuple[Any, Any], database: sqlite3.Connection, seed: int) -> None:
    model, tokenizer = shipped
    grammar = grammars.tags([("<sql>", grammars.sql(database), "</sql>")], at_least=1, stop_after_first=True)
    torch.manual_seed(seed)
    processor = constrain(tokenizer, grammar, max_new_tokens=100)
    text = _generated(model, tokenizer, QUESTION, processor, do_sample=True, max_new_tokens=100)
    free, _, rest = text.partition("<sql>")
    assert free and rest.endswith("</sql>"), text
    database.execute(f"EXPLAIN {rest.removesuffix('</sql>')}")


@pytest.mark.parametrize("trigger", ["SQL:", b"SQL:"])
def test_a_trigger(shipped: tuple[Any, Any], database: sqlite3.Connection, trigger: str | bytes) -> None:
    model, tokenizer = shipped
    processor = constrain(tokenizer, grammars.sql(database), trigger=trigger, max_new_tokens=100)
    text = _generated(model, tokenizer, QUESTION, processor, max_new_tokens=100)
    assert text.startswith("SQL: SELECT"), text  # what the model writes by itself
    database.execute(f"EXPLAIN {text.removeprefix('SQL:')}")


def test_a_control_token_as_trigger(model: Any, tokenizer: Any, database: sqlite3.Connection) -> None:
    processor = constrain(tokenizer, grammars.sql(database), trigger="<call>", max_new_tokens=140)
    first = tokenizer("let me see <call>")["input_ids"]
    prompt = tokenizer("answer:")["input_ids"]

    def begin(input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        scores = processor(input_ids, scores)
        place = input_ids.shape[1] - len(prompt)
        if place < len(first):
            assert scores[0, first[place]] > -torch.inf
            scores = torch.full_like(scores, -torch.inf)
            scores[:, first[place]] = 0
        return scores

    with torch.no_grad():
        output = model.generate(torch.tensor([prompt]), logits_processor=[begin], max_new_tokens=140)
    text = tokenizer.decode(output[0, len(prompt) + len(first) :], skip_special_tokens=True)
    database.execute(f"EXPLAIN {text}")


def test_bytes(shipped: tuple[Any, Any], database: sqlite3.Connection) -> None:
    model, tokenizer = shipped
    query = grammars.sql(database)
    data = generate_bytes(model, tokenizer, f"{QUESTION}SQL:", grammar=query, max_new_tokens=90)
    database.execute(f"EXPLAIN {data.decode()}")
    tagged = grammars.sequence(grammars.until("<sql>"), query, "</sql>")
    data = generate_bytes(
        model, tokenizer, f"{QUESTION}I thi", grammar=tagged, max_new_tokens=90, do_sample=True, seed=3
    )
    (statement,) = re.findall(rb"(?s)<sql>(.*)</sql>$", data)
    database.execute(f"EXPLAIN {statement.decode()}")
    with pytest.raises(CannotClose, match="fits into 1 tokens"):
        generate_bytes(model, tokenizer, "SQL:", grammar=query, max_new_tokens=1)


def test_posteriors(database: sqlite3.Connection) -> None:
    model, tokenizer = models.load("small-pieces")
    query = grammars.sql(database)
    grammar = query | grammars.regex(" none")
    result = posterior(model, tokenizer, f"{QUESTION}SQL:", grammar, particles=6, max_new_tokens=60)
    assert all(grammar.matches(text) for text in result.probabilities())
    grammar = ":" + query
    exact = posterior_bytes(model, tokenizer, f"{QUESTION}SQ", "L" + grammar, particles=6, max_new_tokens=60)
    assert all(("L" + grammar).matches(text) for text in exact.probabilities())
