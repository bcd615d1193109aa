"""Whole calls: generate_text, generate_json and stream_json on a random model, and partial objects."""

from __future__ import annotations

import datetime
import json
import threading
from typing import Annotated, Any, Literal

import pydantic
import pytest
import torch
from bytebound.decoding import CannotClose, DecodingError
from bytebound.grammars import Grammar, GrammarError
from bytebound.integrations.transformers import generate_json, generate_text, stream_json
from bytebound.integrations.transformers.partial import PartialJson, partial_object
from transformers import LogitsProcessor

Short = Annotated[str, pydantic.Field(max_length=6)]


class Pet(pydantic.BaseModel):
    kind: Literal["cat", "dog"]
    name: Short


class Person(pydantic.BaseModel):
    name: Short
    age: Annotated[int, pydantic.Field(ge=0, le=150)]
    born: datetime.date | None
    pets: Annotated[list[Pet], pydantic.Field(max_length=2)]


SCHEMA = {
    "type": "object",
    "properties": {"x": {"type": "integer", "minimum": 0, "maximum": 99}, "ok": {"type": "boolean"}},
    "required": ["x", "ok"],
    "additionalProperties": False,
}


def test_an_object_of_a_class(model: Any, tokenizer: Any) -> None:
    person = generate_json(model, tokenizer, Person, "The year", do_sample=False)
    assert isinstance(person, Person)
    assert all(isinstance(pet, Pet) for pet in person.pets)


def test_a_plain_value_for_a_schema(model: Any, tokenizer: Any) -> None:
    value = generate_json(model, tokenizer, SCHEMA, "answer:", do_sample=False)
    assert set(value) == {"x", "ok"} and 0 <= value["x"] <= 99


def test_several_prompts_and_sequences(model: Any, tokenizer: Any) -> None:
    torch.manual_seed(0)
    prompts = ["answer:", "The year 1984"]
    people = generate_json(model, tokenizer, Person, prompts, do_sample=False)
    assert [type(person) for person in people] == [Person, Person]
    both = generate_json(model, tokenizer, [Person, SCHEMA], prompts, do_sample=True)
    assert isinstance(both[0], Person) and isinstance(both[1], dict)
    groups = generate_json(model, tokenizer, SCHEMA, prompts, do_sample=True, num_return_sequences=3)
    assert [len(group) for group in groups] == [3, 3]
    assert len(generate_json(model, tokenizer, SCHEMA, "a", num_beams=3, num_return_sequences=2)) == 2
    alone = generate_json(model, tokenizer, Person, prompts[0], do_sample=False)
    assert alone == people[0]


def test_a_chat(model: Any, tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    template = "{% for m in messages %}{{ m.role }}: {{ m.content }} {% endfor %}answer:"
    monkeypatch.setattr(tokenizer, "chat_template", template)
    chat = [{"role": "user", "content": "The year"}]
    expected = generate_json(model, tokenizer, SCHEMA, "user: The year answer:", do_sample=False)
    assert generate_json(model, tokenizer, SCHEMA, chat, do_sample=False) == expected
    assert generate_json(model, tokenizer, SCHEMA, [chat, chat], do_sample=False) == [expected, expected]


def test_text(model: Any, tokenizer: Any, grammar: Any) -> None:
    text = generate_text(model, tokenizer, grammar(("0-9", 3, 5)), "12", do_sample=False)
    assert isinstance(text, str) and 3 <= len(text) <= 5 and text.isdigit()
    texts = generate_text(model, tokenizer, [grammar(b"yes"), None], ["12", "34"], max_new_tokens=5, do_sample=False)
    assert texts[0] == "yes" and isinstance(texts[1], str)


def test_the_budget(model: Any, tokenizer: Any) -> None:
    with pytest.raises(CannotClose, match=r"\d+ tokens would do"):
        generate_json(model, tokenizer, Person, "The year", max_new_tokens=10)
    with pytest.raises(CannotClose, match="no room"):
        generate_json(model, tokenizer, Person, "a " * 600)
    # 480 tokens of prompt leave 32 of the context's 512, whatever is asked for.
    prompt = tokenizer.decode([70] * 480)
    assert len(tokenizer(prompt)["input_ids"]) == 480
    assert set(generate_json(model, tokenizer, SCHEMA, prompt, max_new_tokens=400)) == {"x", "ok"}


class Trigger(LogitsProcessor):  # type: ignore[misc]
    """Makes the model say something first."""

    def __init__(self, tokens: list[int]) -> None:
        self.tokens, self.length = tokens, None

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        self.length = self.length or input_ids.shape[1]
        place = input_ids.shape[1] - self.length
        if place < len(self.tokens):
            scores = torch.full_like(scores, -torch.inf)
            scores[:, self.tokens[place]] = 0
        return scores


@pytest.mark.parametrize("trigger", ["->", b"->", "<call>"])
def test_an_object_after_a_trigger(model: Any, tokenizer: Any, trigger: Any) -> None:
    text = trigger if isinstance(trigger, str) else trigger.decode()
    first = Trigger(tokenizer("let me see " + text)["input_ids"])
    value = generate_json(
        model, tokenizer, SCHEMA, "answer:", trigger=trigger, do_sample=False, logits_processor=[first]
    )
    assert set(value) == {"x", "ok"}


def test_a_trigger_that_does_not_come(model: Any, tokenizer: Any) -> None:
    for trigger in ("->", "<call>"):
        ends = Trigger([5, 1])
        with pytest.raises(DecodingError, match="without the trigger"):
            generate_json(model, tokenizer, SCHEMA, "a", trigger=trigger, logits_processor=[ends])
        text = generate_text(model, tokenizer, SCHEMA, "a", trigger=trigger, logits_processor=[Trigger([5, 1])])
        assert text is None


def test_a_text_that_is_stopped_is_an_error(model: Any, tokenizer: Any, grammar: Any) -> None:
    with pytest.raises(DecodingError, match="is not complete"):
        generate_text(model, tokenizer, grammar(b"a;", ("0-9", 9, 9)), "1", stop_strings=[";"])


@pytest.mark.parametrize("prompt", [3, [], [3.5], ""])
def test_what_is_no_prompt(model: Any, tokenizer: Any, prompt: Any) -> None:
    with pytest.raises(DecodingError, match="prompt"):
        generate_json(model, tokenizer, SCHEMA, prompt)


def test_token_ids_are_a_prompt(model: Any, tokenizer: Any) -> None:
    ids = tokenizer("The year")["input_ids"]
    expected = generate_json(model, tokenizer, SCHEMA, "The year", do_sample=False)
    assert generate_json(model, tokenizer, SCHEMA, ids, do_sample=False) == expected
    assert generate_json(model, tokenizer, SCHEMA, torch.tensor([ids, ids]), do_sample=False) == [expected] * 2


def test_more_grammars_than_prompts(model: Any, tokenizer: Any) -> None:
    with pytest.raises(DecodingError, match="2 grammars were given for 1 prompts"):
        generate_json(model, tokenizer, [SCHEMA, SCHEMA], "a")


def test_validators_of_the_class_have_the_last_word(model: Any, tokenizer: Any) -> None:
    class Never(pydantic.BaseModel):
        x: Annotated[int, pydantic.Field(ge=0, le=9)]

        @pydantic.field_validator("x")
        @classmethod
        def refuse(cls, value: int) -> int:
            raise ValueError("never")

    with pytest.raises(pydantic.ValidationError, match="never"):
        generate_json(model, tokenizer, Never, "a")


@pytest.mark.parametrize("strings", [True, False])
def test_streaming_grows_to_the_validated_object(model: Any, tokenizer: Any, strings: bool) -> None:
    whole = generate_json(model, tokenizer, Person, "The year", do_sample=False)
    *parts, last = stream_json(model, tokenizer, Person, "The year", partial_strings=strings, do_sample=False)
    assert last == whole and isinstance(last.born, datetime.date | None)
    assert len(parts) >= 4
    seen: set[str] = set()
    for part in parts:
        assert isinstance(part, Person) and seen <= part.model_fields_set
        seen = part.model_fields_set
        for name in ("name", "age"):
            value = getattr(part, name)
            assert (value is None) == (name not in seen)
            exact = not strings or name == "age"
            assert value is None or (value == getattr(last, name) if exact else last.name.startswith(value))
        assert part.pets is None or all(isinstance(pet, Pet) for pet in part.pets)
    assert seen == {"name", "age", "born", "pets"}


def test_streaming_a_schema(model: Any, tokenizer: Any) -> None:
    *parts, last = stream_json(model, tokenizer, SCHEMA, "answer:", do_sample=False)
    assert parts[0] == {} and parts[-1] == last == generate_json(model, tokenizer, SCHEMA, "answer:", do_sample=False)


def test_a_stream_that_is_left_stops(model: Any, tokenizer: Any, grammar: Any) -> None:
    calls = 0

    class Counting(LogitsProcessor):  # type: ignore[misc]
        def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            nonlocal calls
            calls += 1
            return scores

    before = threading.active_count()
    stream: Any = stream_json(model, tokenizer, Person, "The year", logits_processor=[Counting()], max_new_tokens=400)
    next(stream)
    stream.close()
    assert threading.active_count() == before
    stopped = calls
    assert stopped < 400
    assert isinstance(generate_json(model, tokenizer, Person, "The year"), Person)
    assert calls == stopped


def test_errors_of_the_generating_thread_are_raised(model: Any, tokenizer: Any) -> None:
    class Broken(LogitsProcessor):  # type: ignore[misc]
        def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            if input_ids.shape[1] > 5:
                raise RuntimeError("broken on purpose")
            return scores

    stream = stream_json(model, tokenizer, Person, "The year", logits_processor=[Broken()])
    with pytest.raises(RuntimeError, match="broken on purpose"):
        list(stream)
    assert isinstance(generate_json(model, tokenizer, Person, "The year"), Person)


def test_errors_of_a_stream_s_arguments_come_at_once(model: Any, tokenizer: Any) -> None:
    with pytest.raises(DecodingError, match="one prompt"):
        stream_json(model, tokenizer, SCHEMA, ["a", "b"])
    with pytest.raises(CannotClose):
        stream_json(model, tokenizer, SCHEMA, "a", max_new_tokens=2)
    with pytest.raises(GrammarError):
        stream_json(model, tokenizer, "no schema", "a")
    stream = stream_json(model, tokenizer, SCHEMA, "a", num_beams=2)
    with pytest.raises(ValueError, match="beam"):
        list(stream)


def test_every_prefix_of_a_json_text() -> None:
    text = json.dumps(
        {"s": 'a"\\é\n', "n": [1, -2.5e3, {"t": True, "z": None}], "e": {}, "u": "\U0001f600 12"}, ensure_ascii=True
    ).encode()
    value = json.loads(text)
    for raw in (text, json.dumps(value, ensure_ascii=False).encode()):
        for strings in (True, False):
            reader = PartialJson(strings=strings)
            for i in range(len(raw)):
                reader.feed(raw[i : i + 1])
                assert grows_into(reader.value(), value, strings), (raw[: i + 1], reader.value())
            assert reader.value() == value


def grows_into(part: Any, whole: Any, strings: bool) -> bool:
    """Whether `part` is `whole` with its end missing; None is what has not begun."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(k in whole and grows_into(v, whole[k], strings) for k, v in part.items())
    if isinstance(part, list):
        return isinstance(whole, list) and all(map(lambda p, w: grows_into(p, w, strings), part, whole))
    if isinstance(part, str):
        return isinstance(whole, str) and (whole.startswith(part) if strings else whole == part)
    return part is None or (part == whole and type(part) is type(whole))


class Node(pydantic.BaseModel):
    value: int = pydantic.Field(alias="the-value")
    label: str = "none"
    children: list[Node] | None = None
    by_name: dict[str, Node] = {}
    pair: tuple[int, Pet] | None = None
    either: Pet | Person | None = None


class Loose(pydantic.BaseModel, extra="allow"):
    a: int


class Nodes(pydantic.RootModel[list[Node]]):
    pass


def test_partial_objects_of_nested_classes() -> None:
    data = {
        "the-value": 1,
        "children": [{"the-value": 2}, {}],
        "by_name": {"x": {"label": "l"}},
        "pair": [1, {"kind": "cat"}],
        "either": {"name": "ada", "age": 3},
    }
    node = partial_object(Node, data)
    assert node.value == 1 and node.label == "none"
    assert [child.value for child in node.children] == [2, None]
    assert node.by_name["x"].label == "l" and node.by_name["x"].value is None
    assert node.pair[0] == 1 and node.pair[1] == Pet.model_construct(kind="cat", name=None)
    assert isinstance(node.either, Person) and node.either.age == 3 and node.either.pets is None
    assert node.model_fields_set == {"value", "children", "by_name", "pair", "either"}
    assert partial_object(Nodes, [{"the-value": 5}]).root[0].value == 5
    assert partial_object(Loose, {"b": 2}).model_extra == {"b": 2}
    assert partial_object(Annotated[list[Pet], "note"], [{}])[0].name is None
    assert partial_object(dict[str, Any], {"a": {"b": 1}}) == {"a": {"b": 1}}


def test_a_grammar_of_json_can_be_given(model: Any, tokenizer: Any, person: Grammar) -> None:
    value = generate_json(model, tokenizer, person, "The year", do_sample=False)
    assert set(value) == {"name", "age"}
