"""`Constrain` in the real engine: weighted samples, predicates, and what happens where they fail."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
import torch
from bytebound import decoding, grammars
from bytebound.integrations import models
from bytebound.integrations.vllm import register, settings, weights
from vllm import SamplingParams
from vllm.exceptions import VLLMValidationError
from vllm.sampling_params import StructuredOutputsParams

PROMPT = "Describe a person as JSON: Maria Keller is 34 years old and lives in Lisbon.\n"
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 8}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


def short(data: bytes) -> bool:
    """At most six letters."""
    return len(data) <= 6 and all(65 <= byte <= 122 for byte in data)


def broken(data: bytes) -> bool:
    if len(data) > 2:
        raise OverflowError("too long for me")
    return True


@pytest.fixture(scope="module")
def llm(engine: Any) -> Any:
    register("short", grammars.predicate(short))
    register("broken", grammars.predicate(broken))
    return engine(max_num_batched_tokens=32, num_gpu_blocks_override=24, **settings())


def ask(llm: Any, requests: list[dict[str, Any] | None], prompt: str = PROMPT, **arguments: Any) -> list[Any]:
    parameters = [
        SamplingParams(
            extra_args=None if request is None else {"bytebound": json.dumps(request)},
            **{"max_tokens": 60, "temperature": 1.0, **arguments},
        )
        for request in requests
    ]
    return [output.outputs[0] for output in llm.generate([prompt] * len(requests), parameters, use_tqdm=False)]


def test_weights_are_those_of_the_model(llm: Any) -> None:
    """With `masked` the weight of each step is the mass allowed there, which transformers tells as well."""
    temperature = 0.7
    requests = [
        {"constraint": {"json_schema": PERSON}, "sampler": "masked", "id": f"masked-{i}", "seed": i} for i in range(6)
    ]
    outputs = ask(llm, requests, temperature=temperature)
    model, tokenizer = models.load("small-bytes")
    vocabulary = decoding.Vocabulary.from_tokenizer(tokenizer)
    masker = decoding.Masker(grammars.json_schema(PERSON), vocabulary)
    ids = tokenizer(PROMPT)["input_ids"]
    for request, output in zip(requests, outputs, strict=True):
        tokens = list(output.token_ids)
        with torch.no_grad():
            logits = model(torch.tensor([ids + tokens])).logits[0, len(ids) - 1 : -1].double()
        logprobs = (logits / temperature).log_softmax(-1)
        state, total = masker.start, 0.0
        entry = weights(request["id"])
        for position, token in enumerate(tokens):
            mass = float(logprobs[position, torch.from_numpy(masker.allowed(state))].logsumexp(0))
            assert entry.draws[position].log_weight == pytest.approx(mass, abs=1e-4)
            state, total = masker.accept(state, token), total + mass
        if output.finish_reason == "stop":
            assert entry.log_weight(tokens) == pytest.approx(total, abs=1e-3)
            json.loads(output.text)
        else:
            assert entry.log_weight(tokens) == -np.inf


def test_evidence_is_unbiased(llm: Any, evidence: Any) -> None:
    words = ["The", "A", "In", "{"]
    constraint = {"choice": words}
    requests = [{"constraint": constraint, "sampler": "awrs", "id": f"word-{i}", "seed": i} for i in range(400)]
    outputs = ask(llm, requests)
    found = np.exp([weights(f"word-{i}").log_weight(output.token_ids) for i, output in enumerate(outputs)])
    assert abs(found.mean() - evidence(words, PROMPT)) < 3.5 * found.std() / np.sqrt(len(found))
    assert all(output.text in words for output, weight in zip(outputs, found, strict=True) if weight > 0)


def test_an_answer_goes_on_after_its_tokens_and_ends_in_time(llm: Any) -> None:
    """Two tokens, then one, then the end: the weights are those of the same answer in one go."""
    model, tokenizer = models.load("small-bytes")
    ids, tokens = tokenizer(PROMPT)["input_ids"], tokenizer("a bc")["input_ids"]
    constraint = {"regex": "[a-z ]*"}
    for last in (len(tokens), len(tokens) + 1):
        request = {"constraint": constraint, "sampler": "masked", "after": tokens, "last": last, "id": f"after-{last}"}
        parameters = SamplingParams(max_tokens=4, extra_args={"bytebound": json.dumps(request)})
        [output] = llm.generate([{"prompt_token_ids": ids + tokens}], parameters, use_tqdm=False)
        answer = list(output.outputs[0].token_ids)
        assert answer[-1] == tokenizer.eos_token_id and len(answer) <= last - len(tokens) + 1
        logits = model(torch.tensor([ids + tokens + answer])).logits[0, -2].double().detach()
        ending = float(logits.log_softmax(-1)[tokenizer.eos_token_id])
        draw = weights(f"after-{last}").draws[len(tokens) + len(answer) - 1]
        if len(answer) == last - len(tokens) + 1:
            assert draw.log_weight == pytest.approx(ending, abs=1e-4) and draw.complete


def test_draws_depend_on_seed_and_history_alone(llm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = llm.llm_engine.engine_core.engine_core.scheduler
    preempted: list[Any] = []
    whole = scheduler._preempt_request
    monkeypatch.setattr(scheduler, "_preempt_request", lambda *a, **k: (preempted.append(a), whole(*a, **k))[1])
    constraint = {"regex": "[A-Za-z ,.]{200,}"}
    requests: list[dict[str, Any] | None] = [
        None if i % 3 == 2 else {"constraint": constraint, "sampler": "awrs", "seed": i, "id": f"long-{i}"}
        for i in range(12)
    ]
    together = ask(llm, requests, max_tokens=120)
    assert preempted
    for i in (0, 4):
        entry = weights(f"long-{i}")
        logs = [entry.draws[position].log_weight for position in sorted(entry.draws)]
        [alone] = ask(llm, [requests[i]], max_tokens=120)
        assert list(alone.token_ids) == list(together[i].token_ids)
        assert [entry.draws[position].log_weight for position in sorted(entry.draws)] == pytest.approx(logs, abs=1e-4)
        assert re.fullmatch("[A-Za-z ,.]+", alone.text)


def test_predicates_and_their_failures(llm: Any) -> None:
    outputs = ask(
        llm,
        [
            {"constraint": {"named": "short"}, "id": "short"},
            {"constraint": {"named": "broken"}, "id": "broken"},
            None,
        ],
        prompt="My name is",
        max_tokens=12,
    )
    assert short(outputs[0].text.encode())
    assert "predicate broken raised" in weights("broken").error
    assert outputs[1].finish_reason == "stop" and weights("broken").log_weight(outputs[1].token_ids) == -np.inf
    assert outputs[2].token_ids


def test_several_samples_of_one_request_differ(llm: Any) -> None:
    parameters = SamplingParams(
        n=6, max_tokens=8, extra_args={"bytebound": json.dumps({"constraint": {"regex": "[a-z]{8,}"}})}
    )
    [output] = llm.generate(["Once"], parameters, use_tqdm=False)
    assert len({tuple(each.token_ids) for each in output.outputs}) > 1
    assert all(re.fullmatch("[a-z]*", each.text) for each in output.outputs)


@pytest.mark.parametrize(
    ("request_", "arguments", "message"),
    [
        ("{", {}, "no JSON"),
        ({"sampler": "masked"}, {}, 'with a "constraint"'),
        ({"constraint": {"regex": "a"}, "sample": 1}, {}, "unknown field 'sample'"),
        ({"constraint": {"regex": "a"}, "sampler": "best"}, {}, "no step sampler 'best'"),
        ({"constraint": {"regex": "("}}, {}, "bytebound: "),
        ({"constraint": {"named": "short"}, "sampler": "masked"}, {}, "has no mask"),
        ({"constraint": {"regex": "a"}}, {"temperature": 0.0}, "temperature above 0"),
        ({"constraint": {"regex": "a"}}, {"top_p": 0.9}, "top_p=0.9"),
        ({"constraint": {"regex": "a"}}, {"min_tokens": 2}, "min_tokens=2"),
        ({"constraint": {"regex": "a"}, "after": [-1]}, {}, "token ids"),
        ({"constraint": {"regex": "a"}, "posterior": {}}, {}, "over HTTP"),
        ({"constraint": {"regex": "a"}, "id": "x"}, {"n": 2}, "cannot share"),
        ({"constraint": {"regex": "a"}}, {"structured_outputs": {"regex": "a"}}, "not both"),
    ],
)
def test_wrong_requests_are_refused(llm: Any, request_: Any, arguments: dict[str, Any], message: str) -> None:
    if "structured_outputs" in arguments:
        arguments = {"structured_outputs": StructuredOutputsParams(**arguments["structured_outputs"])}
    given = request_ if isinstance(request_, str) else json.dumps(request_)
    parameters = SamplingParams(max_tokens=3, extra_args={"bytebound": given}, **arguments)
    with pytest.raises(VLLMValidationError, match=re.escape(message)):
        llm.generate(["Once"], parameters, use_tqdm=False)


def test_unknown_ids_are_an_error() -> None:
    with pytest.raises(decoding.DecodingError, match="no weights of a request"):
        weights("never")
