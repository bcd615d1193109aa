"""`posterior` and `VllmModel` in the real engine, beside the same on transformers."""

from __future__ import annotations

import importlib.metadata
from typing import Any

import pytest
import torch
from bytebound import decoding, grammars
from bytebound.integrations import models, transformers
from bytebound.integrations.vllm import VllmModel, posterior, settings

PROMPT = "Describe a person as JSON: Maria Keller is 34 years old and lives in Lisbon.\n"
PATTERN = r'\{"name": "[^"]{2,30}", "age": [1-9]\d, [^}]*\}\n?'


@pytest.fixture(scope="module")
def llm(engine: Any) -> Any:
    return engine(**settings())


@pytest.fixture(scope="module")
def host() -> Any:
    return models.load("small-bytes")


def test_logprobs_are_those_of_transformers(llm: Any, host: Any) -> None:
    model, tokenizer = host
    ids = tokenizer(PROMPT * 3)["input_ids"]
    contexts = [ids, ids[:40], ids[:1], ids, ids[:33], ids[:32]]
    found = VllmModel(llm, max_rows=3).next_logprobs(contexts)
    assert found.shape == (6, 4096) and torch.equal(found[0], found[3])
    torch.testing.assert_close(found, transformers.TransformersModel(model).next_logprobs(contexts), atol=1e-4, rtol=0)


@pytest.mark.parametrize("sampler", ["head-tail", "masked", "awrs"])
@pytest.mark.parametrize("resampling", ["without-replacement", "systematic"])
def test_posterior_is_that_of_transformers(llm: Any, host: Any, sampler: str, resampling: Any) -> None:
    grammar = grammars.regex(PATTERN)
    options: dict[str, Any] = {"particles": 8, "seed": 3, "max_new_tokens": 56}
    options.update(sampler=sampler, resampling=resampling)
    found = posterior(llm, PROMPT, grammar, **options)
    # A grammar of its own, so that masks remembered by one do not change what the other tests.
    again = grammars.regex(PATTERN)
    expected = transformers.posterior(*host, PROMPT, again, **options)
    assert [particle.tokens for particle in found.particles] == [particle.tokens for particle in expected.particles]
    weights = [particle.log_weight for particle in found.particles]
    assert weights == pytest.approx([particle.log_weight for particle in expected.particles], abs=1e-4)
    assert found.log_evidence == pytest.approx(expected.log_evidence, abs=1e-4)
    assert found.evaluations == expected.evaluations


def test_several_prompts_each_with_its_constraint(llm: Any) -> None:
    long = grammars.predicate(lambda data: len(data) <= 4)
    first, second = posterior(llm, [PROMPT, "My name is"], [grammars.choice(["yes", "no"]), long], particles=6)
    assert {particle.text for particle in first.particles} <= {"yes", "no"}
    assert all(len(particle.bytes) <= 4 for particle in second.particles)


def test_errors_say_what_is_wrong(llm: Any) -> None:
    model = VllmModel(llm)
    for contexts, message in [([[]], "no tokens"), ([[4096]], "outside"), ([[1] * 512], "room for 511")]:
        with pytest.raises(decoding.DecodingError, match=message):
            model.next_logprobs(contexts)
    with pytest.raises(decoding.CannotClose, match="no room"):
        posterior(llm, [1] * 511, grammars.choice(["a"]))
    with pytest.raises(decoding.DecodingError, match=r"takes a vllm\.LLM"):
        VllmModel(object())


def test_the_engine_is_known_by_its_entry_point(llm: Any) -> None:
    names = {entry.name for entry in importlib.metadata.entry_points(group="bytebound.language_models")}
    if "vllm" not in names:
        pytest.skip("bytebound is not installed, so it has no entry points")
    assert isinstance(decoding.language_model.as_language_model(llm), VllmModel)
