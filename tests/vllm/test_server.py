"""The server and its command, asked with the openai client; the engine runs in a process of its own."""

from __future__ import annotations

import json
import re
import sqlite3
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import openai
import pytest
import torch
from bytebound import decoding, grammars
from bytebound.integrations import models
from bytebound.integrations.vllm.server import arguments

PROMPT = "Describe a person as JSON: Maria Keller is 34 years old and lives in Lisbon.\n"
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 12}, "age": {"type": "integer", "maximum": 150}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
FORMAT: Any = {"type": "json_schema", "json_schema": {"name": "person", "schema": SCHEMA}}


def complete(client: openai.OpenAI, extra: dict[str, Any], **options: Any) -> Any:
    settings = {"max_tokens": 60, "temperature": 1.0, **options}
    return client.completions.create(model="small", prompt=PROMPT, extra_body=extra, **settings).choices[0]


def test_response_format_and_streaming(client: openai.OpenAI) -> None:
    messages: Any = [{"role": "user", "content": PROMPT}]
    whole = client.chat.completions.create(model="small", messages=messages, max_tokens=80, response_format=FORMAT)
    jsonschema.validate(json.loads(whole.choices[0].message.content or ""), SCHEMA)
    pieces = client.chat.completions.create(
        model="small", messages=messages, max_tokens=80, response_format=FORMAT, stream=True
    )
    texts = [piece.choices[0].delta.content or "" for piece in pieces if piece.choices]
    assert len(texts) > 3
    jsonschema.validate(json.loads("".join(texts)), SCHEMA)


def test_named_constraints_and_weights(client: openai.OpenAI) -> None:
    slot = {"structured_outputs": {"grammar": json.dumps({"bytebound": {"named": "orders"}})}}
    assert complete(client, slot).text in ("SELECT id FROM orders;", "SELECT name FROM orders;")
    asked = json.dumps({"constraint": {"named": "brief"}})
    answer = complete(client, {"vllm_xargs": {"bytebound": asked}}, logprobs=0)
    assert len(answer.text) < 6 and answer.finish_reason == "stop"
    assert all(weight < 1e-6 for weight in answer.logprobs.token_logprobs)
    asked = json.dumps({"constraint": {"json_schema": SCHEMA}, "sampler": "masked"})
    answer = complete(client, {"vllm_xargs": {"bytebound": asked}}, logprobs=0)
    jsonschema.validate(json.loads(answer.text), SCHEMA)
    assert -60 < sum(answer.logprobs.token_logprobs) < 0


def hostile() -> dict[str, tuple[dict[str, Any], str]]:
    properties = {f"k{i}": {"type": "string", "pattern": f"^a{i}b*$"} for i in range(18_000)}
    return {
        "a megabyte": ({"structured_outputs": {"json": {"properties": properties}}}, "2 seconds"),
        "two megabytes": ({"structured_outputs": {"json": {"enum": ["x" * 2_000_000]}}}, "at most 1,048,576"),
        "no JSON": ({"structured_outputs": {"json": '{"a":'}}, "no JSON"),
        "states": ({"structured_outputs": {"regex": "(?!(?:a|b)*a(?:a|b){25}$)[ab]*"}}, "deterministic states"),
        "depth": ({"structured_outputs": {"json": "[" * 100_000}}, "nested too deeply"),
        "field": ({"vllm_xargs": {"bytebound": '{"constraint": {"regex": "a"}, "n": 2}'}}, "unknown field 'n'"),
        "broken": ({"vllm_xargs": {"bytebound": "{"}}, "bytebound: no JSON"),
    }


def test_hostile_requests_get_400_and_harm_nobody(client: openai.OpenAI) -> None:
    def ask(extra: dict[str, Any]) -> str:
        with pytest.raises(openai.BadRequestError) as caught:
            complete(client, extra, max_tokens=5)
        return str(caught.value)

    cases = hostile()
    with ThreadPoolExecutor(8) as pool:
        neighbours = [pool.submit(complete, client, {"structured_outputs": {"json": SCHEMA}}) for _ in range(4)]
        answers = list(pool.map(lambda case: ask(case[0]), cases.values()))
    for (name, (_, message)), answer in zip(cases.items(), answers, strict=True):
        assert message in answer, name
    for neighbour in neighbours:
        jsonschema.validate(json.loads(neighbour.result().text), SCHEMA)
    repeats = complete(client, {"structured_outputs": {"regex": "((a{1,1000}){1,1000}){1,1000}"}}, max_tokens=9)
    assert set(repeats.text) == {"a"}


def ask_posterior(client: openai.OpenAI, asked: dict[str, Any], n: int, **options: Any) -> Any:
    settings = {"max_tokens": 24, "temperature": 1.0, "prompt": PROMPT, **options}
    return client.completions.create(
        model="small", n=n, extra_body={"vllm_xargs": {"bytebound": json.dumps(asked)}}, **settings
    )


def test_posteriors(client: openai.OpenAI, evidence: Any) -> None:
    words = ["The", "A", "In", "{"]
    options = {"every": 1, "threshold": 1.0, "resampling": "multinomial"}

    def ask(seed: int) -> Any:
        asked = {"constraint": {"choice": words}, "sampler": "awrs", "posterior": options, "seed": seed}
        return ask_posterior(client, asked, 5)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(60)))
    found = np.exp([answer.bytebound["log_evidence"] for answer in answers])
    assert abs(found.mean() - evidence(words, PROMPT)) < 3.5 * found.std() / np.sqrt(len(found))
    assert sum(answer.bytebound["resamplings"] for answer in answers) > 30
    for answer in answers:
        weights, logs = answer.bytebound["weights"], answer.bytebound["log_weights"]
        assert len(answer.choices) == 5 and sum(weights) == pytest.approx(1)
        for choice, weight, log in zip(answer.choices, weights, logs, strict=True):
            assert choice.text in words if log is not None else weight == 0
    again = ask(0)
    assert [choice.text for choice in again.choices] == [choice.text for choice in answers[0].choices]
    assert again.bytebound["log_evidence"] == pytest.approx(answers[0].bytebound["log_evidence"], abs=1e-4)


def test_weights_of_a_posterior_are_those_of_transformers(client: openai.OpenAI) -> None:
    """With `masked` and no resampling a weight is the product of the masses allowed, in chunks of four tokens."""
    constraint = {"regex": r"[a-zA-Z ,.]{2,}"}
    asked = {"constraint": constraint, "sampler": "masked", "posterior": {"every": 4, "threshold": 0.0}}
    answer = ask_posterior(client, asked, 4, max_tokens=11, temperature=0.7)
    model, tokenizer = models.load("small-bytes")
    masker = decoding.Masker(grammars.regex(constraint["regex"]), decoding.Vocabulary.from_tokenizer(tokenizer))
    eos, ids = tokenizer.eos_token_id, tokenizer(PROMPT)["input_ids"]
    sizes = set()
    for choice, log in zip(answer.choices, answer.bytebound["log_weights"], strict=True):
        assert re.fullmatch(constraint["regex"], choice.text)
        total, state, tokens = -np.log(4), masker.start, tokenizer(choice.text)["input_ids"]
        sizes.add(len(tokens))
        if masker.vocabulary.text(tokens).decode() != choice.text or len(tokens) > 10:
            continue  # drawn with another spelling
        with torch.no_grad():
            rows = (model(torch.tensor([ids + tokens])).logits[0, len(ids) - 1 :].double() / 0.7).log_softmax(-1)
        for position, token in enumerate([*tokens, eos]):
            allowed = [eos] if position == 10 else masker.allowed(state).tolist()
            total += float(rows[position, allowed].logsumexp(0))
            state = masker.accept(state, token)
        assert log == pytest.approx(total, abs=1e-3)
    assert max(sizes) > 4


def test_posteriors_of_chats_and_of_several_prompts(client: openai.OpenAI) -> None:
    asked = json.dumps({"constraint": {"named": "brief"}, "posterior": {}})
    messages: Any = [{"role": "user", "content": PROMPT}]
    extra = {"vllm_xargs": {"bytebound": asked}}
    chat: Any = client.chat.completions.create(
        model="small", messages=messages, n=3, max_tokens=8, temperature=1.0, extra_body=extra
    )
    assert all(len(choice.message.content or "") < 6 for choice in chat.choices)
    assert chat.bytebound["log_evidence"] < 0 and chat.usage.completion_tokens > 0
    both = ask_posterior(client, json.loads(asked), 2, prompt=[PROMPT, "My name is"], max_tokens=8)
    assert len(both.choices) == 4 and len(both.bytebound) == 2
    hopeless = ask_posterior(client, {"constraint": {"regex": "a{400}"}, "posterior": {}}, 2, max_tokens=5)
    assert hopeless.bytebound["log_evidence"] is None and hopeless.bytebound["deaths"] == 2


@pytest.mark.parametrize(
    ("asked", "options", "message"),
    [
        ({"posterior": {}}, {}, 'with a "constraint"'),
        ({"constraint": {"regex": "("}, "posterior": {}}, {}, "bytebound: "),
        ({"constraint": {"regex": "a"}, "posterior": {"every": 0}}, {}, "at least 1"),
        ({"constraint": {"regex": "a"}, "posterior": {"step": 1}}, {}, "every, resampling, threshold"),
        ({"constraint": {"regex": "a"}, "posterior": {}}, {"top_p": 0.5}, "top_p=0.5"),
        ({"constraint": {"regex": "a"}, "posterior": {}}, {"logprobs": 1}, "does not go with logprobs"),
        ({"constraint": {"regex": "a"}, "posterior": {}}, {"stop": ["x"]}, "does not go with stop"),
        ({"constraint": {"regex": "a"}, "posterior": {}}, {"stream": True}, "leave out stream"),
    ],
)
def test_wrong_posteriors_are_refused(
    client: openai.OpenAI, asked: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(openai.APIError) as caught:
        answer = ask_posterior(client, asked, 2, **options)
        list(answer)  # of a stream
    assert message in str(caught.value)


def counted(client: openai.OpenAI) -> dict[str, float]:
    """The server's metrics, added up by name."""
    text = urllib.request.urlopen(str(client.base_url).replace("/v1/", "/metrics"), timeout=10).read().decode()
    found: dict[str, float] = {}
    for name, value in re.findall(r"^([\w:]+)(?:\{.*\})? (\S+)$", text, re.M):
        found[name] = found.get(name, 0.0) + float(value)
    return found


def test_metrics(client: openai.OpenAI) -> None:
    before = counted(client)
    complete(client, {"structured_outputs": {"regex": "[a-z]{20,}"}}, max_tokens=10)
    between = counted(client)
    asked = {"constraint": {"regex": "[a-z ]{3,}"}, "posterior": {"every": 1, "threshold": 1.0}, "seed": 1}
    answer = ask_posterior(client, asked, 4)
    after = counted(client)
    masks = "bytebound:masks_total"
    assert between[masks] - before.get(masks, 0) == 10
    assert 0 < between["bytebound:mask_seconds_total"] - before.get("bytebound:mask_seconds_total", 0) < 5
    assert between["bytebound:compilations_total"] > before.get("bytebound:compilations_total", 0)
    assert after["bytebound:constraint_evaluations_total"] > between["bytebound:constraint_evaluations_total"]
    resamplings = after["bytebound:resamplings_total"] - between["bytebound:resamplings_total"]
    assert resamplings == answer.bytebound["resamplings"] > 0


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
            state = grammar.automaton().advance(grammar.automaton().start, text.encode())
            assert reason == "length" and not grammar.automaton().is_dead(state), (grammar, text)
    assert finished > len(masks) / 3
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(stream, range(200)))
    assert answers == [alone[i % len(slots)] for i in range(200)]
    assert counted(client)["vllm:num_preemptions_total"] > before


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--model", "m", "--scheduler-cls", "x"], "--scheduler-cls is set by bytebound"),
        (["--model", "m", "--api-server-count=2"], "one API server"),
        (["--constraints"], "needs the name"),
        (["--weights", "--speculative-config={}"], "there are no weights"),
    ],
)
def test_arguments_that_do_not_go_together(given: list[str], message: str) -> None:
    with pytest.raises(decoding.DecodingError, match=message):
        arguments(given, on_cpu=True)


def test_arguments_for_other_machines() -> None:
    ours = arguments(["--model", "m"], on_cpu=False)
    assert "--async-scheduling" in ours and "bytebound.integrations.vllm.scheduler.AsyncScheduler" in ours
    assert "--logits-processors" not in arguments(["--speculative-config={}"], on_cpu=True)
