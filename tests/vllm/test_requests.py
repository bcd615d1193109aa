"""What requests bring along over HTTP: pydantic models, SQL of their own tables, and what is meant to do harm."""

from __future__ import annotations

import enum
import json
import sqlite3
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import openai
import pydantic
import pytest
from bytebound import grammars

PROMPT = "Describe a person as JSON: Maria Keller is 34 years old and lives in Lisbon.\n"
SQL = "Question: Where do the authors live?\nSQL:"
TABLES = {"authors": {"name": "TEXT", "country": "TEXT"}, "books": {"title": "TEXT", "pages": "INTEGER"}}


class Pet(pydantic.BaseModel):
    kind: Literal["owl", "mouse"]
    age: int = pydantic.Field(ge=0, le=30)


class Mood(enum.Enum):
    GOOD = "good"
    BAD = "bad"


class Person(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    name: str = pydantic.Field(max_length=12, pattern="^[A-Z][a-z]+$")
    mood: Mood
    pets: list[Pet] = pydantic.Field(max_length=2)
    city: str | None = pydantic.Field(max_length=8)


def complete(client: openai.OpenAI, extra: dict[str, Any], **options: Any) -> Any:
    settings = {"max_tokens": 60, "temperature": 1.0, "prompt": PROMPT, **options}
    return client.completions.create(model="small", extra_body=extra, **settings).choices[0]


def test_pydantic_models_come_back_parsed(client: openai.OpenAI) -> None:
    messages: Any = [{"role": "user", "content": PROMPT}]
    for temperature in (0.0, 1.0):
        answer = client.chat.completions.parse(
            model="small", messages=messages, max_tokens=200, temperature=temperature, response_format=Person
        )
        person = answer.choices[0].message.parsed
        assert isinstance(person, Person) and len(person.pets) <= 2 and person.name.istitle()
    with client.chat.completions.stream(
        model="small", messages=messages, max_tokens=200, response_format=Person
    ) as stream:
        final = stream.get_final_completion()
    assert isinstance(final.choices[0].message.parsed, Person)


def test_sql_of_tables_that_a_request_brings(client: openai.OpenAI) -> None:
    grammar = grammars.sql(TABLES)
    ddl = "CREATE TABLE authors (name TEXT, country TEXT); CREATE TABLE books (title TEXT, pages INTEGER);"
    database = sqlite3.connect(":memory:")
    database.executescript(ddl)
    for schema in (TABLES, ddl):
        asked = json.dumps({"bytebound": {"sql": {"schema": schema, "dialect": "sqlite"}}})
        answer = complete(client, {"structured_outputs": {"grammar": asked}}, prompt=SQL, temperature=0.0)
        assert answer.finish_reason == "stop" and grammar.matches(answer.text)
        database.execute(f"EXPLAIN {answer.text}")
    weighted = {"constraint": {"sql": {"schema": TABLES}}, "sampler": "masked"}
    answer = complete(client, {"vllm_xargs": {"bytebound": json.dumps(weighted)}}, prompt=SQL, logprobs=0)
    assert sum(answer.logprobs.token_logprobs) < 0
    if answer.finish_reason == "stop" and min(answer.logprobs.token_logprobs) > -9000:
        assert grammar.matches(answer.text)


def test_texts_are_closed_within_a_number_of_tokens(client: openai.OpenAI) -> None:
    schema = {"type": "array", "items": {"type": "array", "items": {"type": "string"}}, "minItems": 2}
    for most in (12, 30):
        asked = {"bytebound": {"json_schema": schema, "max_tokens": most}}
        answer = complete(client, {"structured_outputs": {"json": asked}}, max_tokens=most + 1)
        assert answer.finish_reason == "stop" and grammars.json_schema(schema).matches(answer.text)


def hostile() -> dict[str, tuple[dict[str, Any], str | None]]:
    """Requests, and what the refusal says; None where it is served."""

    def json_(value: Any) -> dict[str, Any]:
        return {"structured_outputs": {"json": value}}

    def spec(**value: Any) -> dict[str, Any]:
        return {"structured_outputs": {"grammar": json.dumps({"bytebound": value})}}

    deep: Any = {"type": "integer"}
    for _ in range(11):  # doubles each time
        deep = {"anyOf": [{"type": "array", "items": deep}, {"not": deep}]}
    wide = {f"c{i}": "TEXT" for i in range(600)}
    parts = [{"anyOf": [{"required": [f"a{i}"]}, {"required": [f"b{i}"]}]} for i in range(40)]
    return {
        "a megabyte": (json_({"properties": {f"k{i}": {"pattern": f"^a{i}b*$"} for i in range(18_000)}}), "2 seconds"),
        "two megabytes": (json_({"enum": ["x" * 2_000_000]}), "at most 1,048,576"),
        "a megabyte of choices": ({"structured_outputs": {"choice": [f"{i:08}" for i in range(70_000)]}}, None),
        "repeats of repeats": ({"structured_outputs": {"regex": "((a{1,1000}){1,1000}){1,1000}"}}, None),
        "repeats": ({"structured_outputs": {"regex": "(ab?){1000000000}"}}, None),
        "repeats of classes": ({"structured_outputs": {"regex": r"(\w{1,50000}\s?){1,50000}"}}, None),
        "items": (json_({"type": "array", "items": {"type": "integer"}, "minItems": 10**12}), ""),
        "digits": (json_({"type": "number", "multipleOf": 1e-300, "maximum": 10**400}), None),
        "states": ({"structured_outputs": {"regex": "(?!(?:a|b)*a(?:a|b){25}$)[ab]*"}}, "deterministic states"),
        "alternatives": (json_({"type": "object", "allOf": parts}), ""),
        "negations": (json_(deep), ""),
        "itself": (json_({"$ref": "#"}), ""),
        "ambiguity": ({"structured_outputs": {"grammar": 'start: start start | "a" | start start start'}}, None),
        "depth": (json_("[" * 100_000), "nested too deeply"),
        "nested schema": (json_('{"items":' * 5000 + "true" + "}" * 5000), ""),
        "groups": ({"structured_outputs": {"regex": "(" * 20_000 + "a" + ")" * 20_000}}, ""),
        "rules": (
            {
                "structured_outputs": {
                    "grammar": "start: r0\n" + "\n".join(f"r{i}: r{i + 1} r{i + 1}" for i in range(5000))
                }
            },
            "",
        ),
        "half a character": ({"structured_outputs": {"regex": "a|\ud800"}}, ""),
        "half a choice": ({"structured_outputs": {"choice": ["a", "\ud800"]}}, ""),
        "half a key": (json_({"properties": {"\ud800": True}, "required": ["\ud800"]}), None),
        "half of text": ({"vllm_xargs": {"bytebound": '{"constraint": {"regex": "\\ud800"}}'}}, ""),
        "no JSON": (json_('{"a":'), "no JSON"),
        "no regex": ({"structured_outputs": {"regex": "a{2,1}"}}, "regex"),
        "kind": (spec(regexp="a"), "exactly one of"),
        "option": (spec(regex="a", flag="i"), "unknown option 'flag'"),
        "closing": (spec(regex="a", max_tokens=-1), "max_tokens"),
        "rest": (spec(rest="0"), "in the process alone"),
        "field": ({"vllm_xargs": {"bytebound": '{"constraint": {"regex": "a"}, "n": 2}'}}, "unknown field 'n'"),
        "broken": ({"vllm_xargs": {"bytebound": "{"}}, "bytebound: no JSON"),
        "wide SQL": (spec(sql={"schema": {"t": wide}}), "a request may bring"),
        "long SQL": (spec(sql={"schema": "CREATE TABLE t (a INT);" * 20_000}), "at most 131,072"),
        "a file": (spec(sql={"schema": "ATTACH DATABASE '/tmp/x.db' AS x; CREATE TABLE x.t (a);"}), "not authorized"),
        "a URL": (spec(sql={"schema": "postgresql://localhost/x"}), "CREATE TABLE"),
        "SQL field": (spec(sql={"schema": {"t": {"a": "INT"}}, "connect": "x"}), "unknown field 'connect'"),
        "SQL dialect": (spec(sql={"schema": {"t": {"a": "INT"}}, "dialect": "oracle"}), "oracle"),
        "SQL rows": (spec(sql={"schema": "CREATE TABLE t AS SELECT randomblob(1000000000) AS a"}), "not authorized"),
        "a predicate": (spec(named="brief"), "has no mask"),
    }


def test_hostile_requests_get_400_and_harm_nobody(client: openai.OpenAI) -> None:
    """Each is refused with HTTP 400, or served: with an answer that is cut."""

    def ask(extra: dict[str, Any]) -> str | None:  # not with the client, which refuses some itself
        body = json.dumps({"model": "small", "prompt": PROMPT, "max_tokens": 4, **extra}).encode()
        request = urllib.request.Request(f"{client.base_url}completions", body, {"Content-Type": "application/json"})
        try:
            urllib.request.urlopen(request, timeout=60).close()
        except urllib.error.HTTPError as error:
            return f"{error.code}: {json.loads(error.read())['error']['message']}"
        return None

    form: Any = {"type": "json_schema", "json_schema": {"name": "p", "schema": Person.model_json_schema()}}
    messages: Any = [{"role": "user", "content": PROMPT}]

    def neighbour() -> str:
        answer = client.chat.completions.create(
            model="small", messages=messages, max_tokens=150, temperature=0.0, response_format=form
        )
        return answer.choices[0].message.content or ""

    alone = neighbour()
    Person.model_validate_json(alone)
    with ThreadPoolExecutor(8) as pool:
        beside = [pool.submit(neighbour) for _ in range(4)]
        answers = dict(zip(hostile(), pool.map(lambda case: ask(case[0]), hostile().values()), strict=True))
    wrong = {}
    for name, (_, message) in hostile().items():
        found = answers[name]
        if found is not None if message is None else not (found or "").startswith("400") or message not in found:
            wrong[name] = found
    assert not wrong
    assert [each.result() for each in beside] == [alone] * 4
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(
            model="small", messages=messages, extra_body={"response_format": {"type": "json_scheme"}}
        )
