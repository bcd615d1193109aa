"""The server and its command, asked with the openai client; the engine runs in a process of its own."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jsonschema
import openai
import pytest
from bytebound import decoding
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


def test_a_request_that_takes_long_to_compile_delays_no_other(client: openai.OpenAI) -> None:
    slow, message = hostile()["a megabyte"]
    served = 0
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(complete, client, slow)
        while not answer.done():
            complete(client, {}, max_tokens=2)
            served += 1
    assert message in str(answer.exception()) and served > 3


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


def test_metrics_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "somewhere")
    with pytest.raises(decoding.DecodingError, match="hides our metrics"):
        arguments(["--model", "m"], on_cpu=True)
