"""Hard masks in the structured-output slot, in the real engine, with chunked prefill and preemption going on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from bytebound import grammars
from bytebound.integrations import models
from bytebound.integrations.transformers import constrain
from bytebound.integrations.vllm import register, settings
from vllm import SamplingParams
from vllm.exceptions import VLLMValidationError
from vllm.sampling_params import StructuredOutputsParams

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 12}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
PROMPT = "Describe a person as JSON: Maria Keller is 34 years old and lives in Lisbon.\n"


@pytest.fixture(scope="module")
def llm(engine: Any) -> Any:
    register("initials", grammars.regex("[A-Z]{2}"))
    return engine(max_num_batched_tokens=32, num_gpu_blocks_override=24, **settings())


def ask(llm: Any, slots: list[dict[str, Any] | None], prompt: str = PROMPT, **arguments: Any) -> list[Any]:
    parameters = [
        SamplingParams(
            structured_outputs=None if slot is None else StructuredOutputsParams(**slot),
            **{"max_tokens": 100, "temperature": 1.0, **arguments},
        )
        for slot in slots
    ]
    outputs = llm.generate([prompt] * len(slots), parameters, use_tqdm=False)
    return [output.outputs[0] for output in outputs]


def person(text: str) -> bool:
    jsonschema.validate(json.loads(text), PERSON)
    return True


def matches(pattern: str) -> Callable[[str], bool]:
    return lambda text: re.fullmatch(pattern, text) is not None


SLOTS: list[tuple[dict[str, Any], Callable[[str], bool]]] = [
    ({"json": PERSON}, person),
    ({"json": json.dumps(PERSON)}, person),
    (
        {"json": {"bytebound": {"json_schema": PERSON, "whitespace": "compact"}}},
        matches(r'\{"name":".*","age":-?\d+\}'),
    ),
    ({"regex": r"\d{4}-\d\d"}, matches(r"\d{4}-\d\d")),
    ({"regex": r"(?!.*foo)\w{3,9}"}, matches(r"(?!.*foo)\w{3,9}")),
    ({"choice": ["yes", "no"]}, matches("yes|no")),
    ({"grammar": '{"bytebound": {"regex": "[a-c]{5}", "flags": "i"}}'}, matches("[a-cA-C]{5}")),
    ({"grammar": 'start: WORD ("," WORD)~2\nWORD: /[a-z]+/'}, matches("[a-z]+,[a-z]+,[a-z]+")),
    ({"grammar": 'root ::= "yes" | [0-9] [0-9]'}, matches("yes|[0-9][0-9]")),
    ({"grammar": '{"bytebound": {"named": "initials"}}'}, matches("[A-Z]{2}")),
]


def test_every_form_of_the_slot_is_obeyed(llm: Any) -> None:
    slots = [slot for slot, _ in SLOTS]
    outputs = ask(llm, [*slots, {"json_object": True}, None])
    for (_, judge), output in zip(SLOTS, outputs, strict=False):
        assert output.finish_reason == "stop" and judge(output.text)
    assert outputs[-2].finish_reason == "length" or isinstance(json.loads(outputs[-2].text), dict)
    assert outputs[-1].token_ids


def test_greedy_text_is_that_of_transformers(llm: Any) -> None:
    model, tokenizer = models.load("small-bytes")
    inputs = tokenizer(PROMPT, return_tensors="pt")
    expected = model.generate(
        **inputs,
        max_new_tokens=60,
        do_sample=False,
        logits_processor=[constrain(tokenizer, grammars.json_schema(PERSON))],
    )[0, inputs["input_ids"].shape[1] :]
    [output] = ask(llm, [{"json": PERSON}], temperature=0.0, max_tokens=60)
    assert list(output.token_ids) == expected.tolist()


def test_neighbours_and_preemption_change_nothing(llm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = llm.llm_engine.engine_core.engine_core.scheduler
    preempted: list[str] = []
    whole = type(scheduler)._preempt_request

    def preempt(request: Any, *arguments: Any, **named: Any) -> Any:
        preempted.append(request.request_id)
        return whole(scheduler, request, *arguments, **named)

    monkeypatch.setattr(scheduler, "_preempt_request", preempt)
    story = {"regex": r"[A-Za-z ,.]{150,}"}
    slots: list[dict[str, Any] | None] = [story, {"json": PERSON}, None, story] * 4
    together = ask(llm, slots, temperature=0.0, max_tokens=160, ignore_eos=False)
    assert preempted
    alone = [ask(llm, [slot], temperature=0.0, max_tokens=160)[0] for slot in slots[:3]]
    for i, output in enumerate(together):
        assert output.token_ids == alone[0 if i % 4 == 3 else i % 4].token_ids
    jsonschema.validate(json.loads(together[1].text), PERSON)


@pytest.mark.parametrize(
    ("slot", "message"),
    [
        ({"regex": r"(a|b)\1"}, "back-reference"),
        ({"json": {"type": "strin"}}, "type must be one of"),
        ({"json": '{"a":'}, "no JSON"),
        ({"json": {"type": "string", "minLength": 2, "maxLength": 1}}, "satisf"),
        ({"json": {"enum": []}}, "no value satisfies"),
        ({"grammar": '{"bytebound": {"regexp": "a"}}'}, "exactly one of"),
        ({"grammar": '{"bytebound": {"regex": "a", "flag": "i"}}'}, "unknown option 'flag'"),
        ({"grammar": '{"bytebound": {"named": "unheard"}}'}, "'initials'"),
        ({"json": {"bytebound": {"regex": "a"}, "type": "object"}}, "stands alone"),
        ({"grammar": "start: missing"}, "missing"),
        ({"structural_tag": "{}"}, "structural_tag is not supported"),
        ({"json": {"type": "string"}, "whitespace_pattern": " "}, "whitespace_pattern"),
        ({"json": '"' + "x" * 2_000_000 + '"'}, "characters"),
        ({"regex": "(?!(?:a|b)*a(?:a|b){25}$)[ab]*"}, "deterministic states"),
    ],
)
def test_what_cannot_be_compiled_fails_its_own_request(llm: Any, slot: dict[str, Any], message: str) -> None:
    with pytest.raises(VLLMValidationError, match=re.escape(message)):
        ask(llm, [slot], max_tokens=5)
    assert ask(llm, [{"choice": ["yes", "no"]}])[0].text in ("yes", "no")


def test_a_mask_that_cannot_be_made_ends_its_own_request(llm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from bytebound import decoding

    fill = decoding.Masker.fill

    def broken(masker: Any, state: int, row: Any, remaining: int | None = None) -> None:
        if "[x-z]" in masker.grammar.name and state != masker.start:
            raise grammars.BudgetExceeded("used up")
        fill(masker, state, row, remaining)

    monkeypatch.setattr(decoding.Masker, "fill", broken)
    bad, good = ask(llm, [{"regex": "[x-z]{40}"}, {"choice": ["yes", "no"]}])
    assert bad.finish_reason == "error"
    assert good.text in ("yes", "no")


def test_stop_tokens_of_a_request_wait_for_the_end_of_the_text(llm: Any) -> None:
    tokenizer = llm.get_tokenizer()
    control = next(i for i in tokenizer.all_special_ids if i != tokenizer.eos_token_id)
    [output] = ask(
        llm,
        [{"regex": "a{3,}"}],
        stop_token_ids=[control],
        logit_bias={control: 100.0, tokenizer.eos_token_id: -100.0},
        max_tokens=50,
    )
    assert output.text == "aaa" and output.stop_reason == control
