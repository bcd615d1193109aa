"""`posterior` and `VllmModel` in the real engine, beside the same on transformers."""

from __future__ import annotations

import importlib.metadata
from typing import Any

import numpy as np
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
    found = VllmModel(llm).next_logprobs(contexts)
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


def test_evidence_is_unbiased(llm: Any, evidence: Any) -> None:
    words = ["The", "A", "In", "{"]
    options: dict[str, Any] = {"particles": 5, "resampling": "multinomial", "threshold": 1.0, "sampler": "awrs"}
    results = [posterior(llm, PROMPT, grammars.choice(words), seed=i, **options) for i in range(80)]
    assert sum(result.resamplings for result in results) > 40
    found = np.exp([result.log_evidence for result in results])
    assert abs(found.mean() - evidence(words, PROMPT)) < 3.5 * found.std() / np.sqrt(len(found))


def test_contexts_are_live_requests(llm: Any, host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Particles that go on keep their requests; only others are added, and none is left in the end."""
    core = llm.llm_engine.engine_core
    scheduler = core.engine_core.scheduler
    added: list[int] = []
    usual = core.add_request
    monkeypatch.setattr(core, "add_request", lambda request: (added.append(1), usual(request))[1])
    model, expected = VllmModel(llm), transformers.TransformersModel(host[0])
    ids = host[1](PROMPT)["input_ids"]
    rounds = [
        ([ids], 1),
        ([[*ids, 5], [*ids, 6], [*ids, 7]], 2),
        ([[*ids, 5, 8], [*ids, 7, 9], [*ids, 7, 10]], 1),
        ([ids[:9], [*ids, 7, 10, 3], [*ids, 7, 9, 3, 4]], 2),
    ]
    for contexts, new in rounds:
        added.clear()
        found = model.next_logprobs(contexts)
        torch.testing.assert_close(found, expected.next_logprobs(contexts), atol=1e-4, rtol=0)
        assert len(added) == new and scheduler.get_num_unfinished_requests() == len(contexts)
    model.close()
    assert scheduler.get_num_unfinished_requests() == 0


def test_an_engine_too_small_for_all_takes_several_steps(llm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    options: dict[str, Any] = {"particles": 8, "seed": 3, "max_new_tokens": 24, "sampler": "awrs"}
    grammar = grammars.regex(r"[a-z ,.]{8,}")
    expected = posterior(llm, PROMPT, grammar, **options)
    scheduler = llm.llm_engine.engine_core.engine_core.scheduler
    monkeypatch.setattr(scheduler, "max_num_active_reqs", 3)
    monkeypatch.setattr(scheduler, "max_num_scheduled_tokens", 40)
    found = posterior(llm, PROMPT, grammar, **options)
    assert [particle.tokens for particle in found.particles] == [particle.tokens for particle in expected.particles]
    assert found.log_evidence == pytest.approx(expected.log_evidence, abs=1e-4)


def test_the_engine_serves_others_between_steps(llm: Any) -> None:
    from vllm import SamplingParams

    parameters = SamplingParams(max_tokens=6, temperature=0.0)

    def ask(*_: Any) -> None:
        [output] = llm.generate(["Once upon"], parameters, use_tqdm=False)
        texts.append(output.outputs[0].text)

    texts: list[str] = []
    ask()
    options: dict[str, Any] = {"particles": 4, "seed": 1, "max_new_tokens": 9, "sampler": "awrs"}
    grammar = grammars.regex(r"[a-z ,.]{3,}")
    expected = posterior(llm, PROMPT, grammar, **options)
    found = posterior(llm, PROMPT, grammar, callback=ask, **options)
    assert [particle.tokens for particle in found.particles] == [particle.tokens for particle in expected.particles]
    assert len(texts) > 5 and len(set(texts)) == 1

    llm.llm_engine.add_request("of others", "Once upon", parameters)
    model = VllmModel(llm)
    with pytest.raises(decoding.DecodingError, match="other requests under way"):
        model.next_logprobs([[1]])
    while llm.llm_engine.has_unfinished_requests():
        llm.llm_engine.step()
    assert model.next_logprobs([[1]]).shape == (1, 4096)


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
