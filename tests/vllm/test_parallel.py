"""Two ranks with our parts in them: tensor parallel offline, data parallel behind the server. Off by default, because
each rank is a process of its own that takes a core: `pytest tests/vllm/test_parallel.py -m parallel`."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jsonschema
import openai
import pytest
import torch
from bytebound import decoding, grammars
from bytebound.integrations import models
from bytebound.integrations.vllm import settings
from vllm import SamplingParams
from vllm.sampling_params import StructuredOutputsParams

pytestmark = pytest.mark.parallel
PROMPT = "Describe a person as JSON: Maria Keller is 34 years old and lives in Lisbon.\n"
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 8}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def llm(engine: Any) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLLM_CPU_OMP_THREADS_BIND", "0|1")
        yield engine(tensor_parallel_size=2, logprobs_mode="processed_logits", **settings())


def test_tensor_parallel_ranks_draw_the_same(llm: Any) -> None:
    """A rank that drew another token would go on from other keys and values, and the logits would be those of no text:
    the weights of all draws, seeded or not, are those of the text under the model in one piece."""
    seeds = [{"seed": i} for i in range(4)] + [{}] * 4
    parameters = [
        SamplingParams(
            max_tokens=40,
            temperature=1.0,
            logprobs=0,
            extra_args={"bytebound": json.dumps({"constraint": {"json_schema": PERSON}, "sampler": "masked", **seed})},
        )
        for seed in seeds
    ]
    masked = SamplingParams(max_tokens=60, temperature=1.0, structured_outputs=StructuredOutputsParams(json=PERSON))
    free = SamplingParams(max_tokens=40, temperature=0.0)
    outputs = [o.outputs[0] for o in llm.generate([PROMPT] * 10, [*parameters, masked, free], use_tqdm=False)]
    jsonschema.validate(json.loads(outputs[8].text), PERSON)
    model, tokenizer = models.load("small-bytes")
    masker = decoding.Masker(grammars.json_schema(PERSON), decoding.Vocabulary.from_tokenizer(tokenizer))
    ids = tokenizer(PROMPT)["input_ids"]
    for output in outputs[:8]:
        tokens = list(output.token_ids)
        with torch.no_grad():
            rows = model(torch.tensor([ids + tokens])).logits[0, len(ids) - 1 : -1].double().log_softmax(-1)
        state = masker.start
        for position, token in enumerate(tokens):
            mass = float(rows[position, torch.from_numpy(masker.allowed(state))].logsumexp(0))
            assert output.logprobs[position][token].logprob == pytest.approx(mass, abs=1e-3)
            state = masker.accept(state, token)
    assert len({output.text for output in outputs[:8]}) > 4
    again = [o.outputs[0] for o in llm.generate([PROMPT] * 4, parameters[:4], use_tqdm=False)]
    assert [o.token_ids for o in again] == [o.token_ids for o in outputs[:4]]
    greedy = model.generate(torch.tensor([ids]), max_new_tokens=40, do_sample=False)[0, len(ids) :]
    assert list(outputs[9].token_ids) == greedy.tolist()


@pytest.fixture(scope="module")
def parallel(serve: Any) -> openai.OpenAI:
    return serve("--data-parallel-size=2", "--weights")


def test_data_parallel_engines_serve_alike(parallel: openai.OpenAI) -> None:
    """Greedy answers are the same whichever engine gives them, weighted ones have weights, refusals are HTTP 400."""
    schema = {"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON}}
    weighted = {"vllm_xargs": {"bytebound": json.dumps({"constraint": {"regex": "[0-9]{4}"}, "sampler": "masked"})}}
    messages: Any = [{"role": "user", "content": PROMPT}]

    def ask(i: int) -> str:
        if i % 2:
            options: Any = {"extra_body": weighted, "logprobs": 0, "temperature": 1.0}
            choice = parallel.completions.create(model="small", prompt=PROMPT, max_tokens=8, **options).choices[0]
            assert re.fullmatch("[0-9]{4}", choice.text) and sum(choice.logprobs.token_logprobs) < 0
            return str(choice.text)
        answer = parallel.chat.completions.create(
            model="small", messages=messages, max_tokens=60, temperature=0.0, response_format=schema
        )
        return str(answer.choices[0].message.content)

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(64)))
    assert len(set(answers[::2])) == 1 and len(set(answers[1::2])) > 8
    jsonschema.validate(json.loads(answers[0]), PERSON)
    slot = {"structured_outputs": {"regex": r"(a|b)\1"}}
    with pytest.raises(openai.BadRequestError, match="back-reference"):
        parallel.completions.create(model="small", prompt=PROMPT, max_tokens=8, extra_body=slot)
    metrics = urllib.request.urlopen(str(parallel.base_url).replace("/v1/", "/metrics"), timeout=10).read().decode()
    tokens = dict(re.findall(r'^vllm:generation_tokens_total\{engine="(\d)".*\} (\S+)$', metrics, re.M))
    assert len(tokens) == 2 and all(float(count) > 0 for count in tokens.values())
