"""Posteriors over HTTP, asked for with the openai client: evidence, weights, and what is refused."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import openai
import pytest
import torch
from bytebound import decoding, grammars
from bytebound.integrations import models

PROMPT = "Describe a person as JSON: Maria Keller is 34 years old and lives in Lisbon.\n"


def ask_posterior(client: openai.OpenAI, asked: dict[str, Any], n: int, **options: Any) -> Any:
    settings = {"max_tokens": 24, "temperature": 1.0, "prompt": PROMPT, **options}
    extra = {"vllm_xargs": {"bytebound": json.dumps(asked)}, "return_token_ids": True}
    return client.completions.create(model="small", n=n, extra_body=extra, **settings)


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
    asked = {"constraint": constraint, "sampler": "masked", "seed": 2, "posterior": {"every": 4, "threshold": 0}}
    answer = ask_posterior(client, asked, 4, max_tokens=11, temperature=0.7)
    model, tokenizer = models.load("small-bytes")
    masker = decoding.Masker(grammars.regex(constraint["regex"]), decoding.Vocabulary.from_tokenizer(tokenizer))
    eos, ids = tokenizer.eos_token_id, tokenizer(PROMPT)["input_ids"]
    for choice, log in zip(answer.choices, answer.bytebound["log_weights"], strict=True):
        assert re.fullmatch(constraint["regex"], choice.text)
        tokens = choice.token_ids
        with torch.no_grad():
            rows = (model(torch.tensor([ids + tokens])).logits[0, len(ids) - 1 :].double() / 0.7).log_softmax(-1)
        total, state = -np.log(4), masker.start
        for position, token in enumerate(tokens):
            allowed = [eos] if position == 10 else masker.allowed(state).tolist()
            total += float(rows[position, allowed].logsumexp(0))
            state = masker.accept(state, token)
        assert state == masker.finished and log == pytest.approx(total, abs=1e-4)
    assert max(len(choice.token_ids) for choice in answer.choices) == 11


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
        ({"constraint": {"regex": "a"}, "posterior": {}, "id": "x"}, {}, "has no id"),
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
