"""The server and its command, asked with the openai client; the engine runs in a process of its own."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jsonschema
import openai
import pytest
from bytebound import decoding
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
CONSTRAINTS = """
from bytebound import grammars
orders = grammars.regex("SELECT (id|name) FROM orders;")
brief = grammars.predicate(lambda data: len(data) < 6, name="brief")
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    folder: Path = tmp_path_factory.mktemp("server")
    (folder / "served_constraints.py").write_text(CONSTRAINTS)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}
    environment.pop("VLLM_ENABLE_V1_MULTIPROCESSING", None)
    command = [sys.executable, "-m", "bytebound.integrations.vllm", "--model", str(models.model_path("small-bytes"))]
    command += ["--served-model-name=small", "--constraints=served_constraints", "--weights", "--port", str(port)]
    command += ["--host=127.0.0.1", "--dtype=float32", "--enforce-eager", "--block-size=32", "--max-model-len=512"]
    command += ["--max-num-seqs=16", "--num-gpu-blocks-override=24"]
    command += ["--chat-template", "{% for message in messages %}{{ message.content }}{% endfor %}"]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=folder)
    try:
        end = time.monotonic() + 240
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5)
                break
            except OSError:
                if server.poll() is not None or time.monotonic() > end:
                    pytest.fail((folder / "log").read_text()[-3000:])
                time.sleep(0.5)
        yield openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none", max_retries=0, timeout=60)
    finally:
        server.terminate()
        server.wait(30)


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


def test_many_mixed_requests(client: openai.OpenAI) -> None:
    """200 streamed requests, 16 at a time, in a cache too small for them: each answer is that of the request alone."""
    slots: list[dict[str, Any]] = [
        {"structured_outputs": {"json": SCHEMA}},
        {},
        {"structured_outputs": {"regex": r"[A-Za-z ,.]{120,}"}},
        {},
        {"structured_outputs": {"choice": ["Lisbon", "Helsinki"]}},
        {},
    ]

    def stream(i: int) -> str:
        pieces = client.completions.create(
            model="small", prompt=PROMPT, extra_body=slots[i % 6], max_tokens=80, temperature=0.0, stream=True
        )
        return "".join(piece.choices[0].text for piece in pieces if piece.choices)

    alone = [stream(i) for i in range(6)]
    jsonschema.validate(json.loads(alone[0]), SCHEMA)
    assert re.fullmatch("[A-Za-z ,.]+", alone[2]) and alone[4] in ("Lisbon", "Helsinki")
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(stream, range(200)))
    assert answers == [alone[i % 6] for i in range(200)]
    metrics = urllib.request.urlopen(str(client.base_url).replace("/v1/", "/metrics"), timeout=10).read().decode()
    preempted = re.findall(r"^vllm:num_preemptions_total\S* (\S+)$", metrics, re.M)
    assert sum(map(float, preempted)) > 0


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
