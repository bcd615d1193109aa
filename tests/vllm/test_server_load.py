"""The server under load, and what its metrics tell."""

from __future__ import annotations

import json
import re
import sqlite3
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openai
from bytebound import grammars
from bytebound.grammars.scoped import Scoped

PROMPT = "Describe a person as JSON: Maria Keller is 34 years old and lives in Lisbon.\n"
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 12}, "age": {"type": "integer", "maximum": 150}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


def counted(client: openai.OpenAI) -> dict[str, float]:
    """The server's metrics, added up by name."""
    text = urllib.request.urlopen(str(client.base_url).replace("/v1/", "/metrics"), timeout=10).read().decode()
    found: dict[str, float] = {}
    for name, value in re.findall(r"^([\w:]+)(?:\{.*\})? (\S+)$", text, re.M):
        found[name] = found.get(name, 0.0) + float(value)
    return found


def test_metrics(client: openai.OpenAI) -> None:
    before = counted(client)
    settings: Any = {"model": "small", "prompt": PROMPT, "max_tokens": 10, "temperature": 1.0}
    client.completions.create(extra_body={"structured_outputs": {"regex": "[a-z]{20,}"}}, **settings)
    between = counted(client)
    asked = {"constraint": {"regex": "[a-z ]{3,}"}, "posterior": {"every": 1, "threshold": 1.0}, "seed": 1}
    answer: Any = client.completions.create(
        n=4, extra_body={"vllm_xargs": {"bytebound": json.dumps(asked)}}, **settings
    )
    after = counted(client)
    masks = "bytebound:masks_total"
    assert between[masks] - before.get(masks, 0) == 10
    assert 0 < between["bytebound:mask_seconds_total"] - before.get("bytebound:mask_seconds_total", 0) < 5
    assert between["bytebound:compilations_total"] > before.get("bytebound:compilations_total", 0)
    assert after["bytebound:constraint_evaluations_total"] > between["bytebound:constraint_evaluations_total"]
    resamplings = after["bytebound:resamplings_total"] - between["bytebound:resamplings_total"]
    assert resamplings == answer.bytebound["resamplings"] > 0


def is_alive(constraint: Any, text: str) -> bool:
    """Whether a text can be gone on with."""
    parts = [constraint, constraint.grammar] if isinstance(constraint, Scoped) else [constraint]
    automata = [part.automaton for part in parts]
    return not any(automaton.is_dead(automaton.advance(automaton.start, text.encode())) for automaton in automata)


def test_many_mixed_requests(client: openai.OpenAI, shared: Path, shop: sqlite3.Connection) -> None:
    """200 streamed requests, 16 at a time, in a cache too small for them: each answer is that of the request alone."""
    paths = sorted((shared / "schemas" / "open").glob("*.json"))
    schemas = [json.loads(path.read_text())["schema"] for path in paths[::23]]
    forms: list[dict[str, Any]] = [{"structured_outputs": {"json": schema}} for schema in schemas]
    forms += [
        {"structured_outputs": {"regex": r"[A-Za-z ,.]{120,}"}},
        {"structured_outputs": {"choice": ["Lisbon", "Helsinki"]}},
        {"structured_outputs": {"json": SCHEMA}},
        {"structured_outputs": {"grammar": json.dumps({"bytebound": {"named": "shop"}})}},
    ]
    slots = [slot for form in forms for slot in (form, {})]
    masks = [grammars.json_schema(schema) for schema in schemas]
    masks += [grammars.regex(r"[A-Za-z ,.]{120,}"), grammars.choice(["Lisbon", "Helsinki"])]
    masks += [grammars.json_schema(SCHEMA), grammars.sql(shop)]

    def stream(i: int) -> tuple[str, str | None]:
        place = i % len(slots)
        pieces = client.completions.create(
            model="small",
            prompt=PROMPT if place % 2 == 0 else f"{place}. {PROMPT}",
            extra_body=slots[place],
            max_tokens=80,
            temperature=0.0,
            stream=True,
        )
        choices = [piece.choices[0] for piece in pieces if piece.choices]
        return "".join(choice.text for choice in choices), choices[-1].finish_reason

    before = counted(client)["vllm:num_preemptions_total"]
    alone = [stream(i) for i in range(len(slots))]
    finished = 0
    for grammar, (text, reason) in zip(masks, alone[::2], strict=True):
        if reason == "stop":
            assert grammar.matches(text), (grammar, text)
            finished += 1
        else:
            assert reason == "length" and is_alive(grammar, text), (grammar, text)
    assert finished > len(masks) / 3
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(stream, range(200)))
    assert answers == [alone[i % len(slots)] for i in range(200)]
    assert counted(client)["vllm:num_preemptions_total"] > before
