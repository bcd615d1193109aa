"""`posterior` and its form for `generate`, against exact probabilities; prompts and constraints of all kinds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pydantic
import pytest
import torch
from bytebound import decoding
from bytebound.decoding import CannotClose, DeadEnd, DecodingError, Posterior, Vocabulary, choice_probabilities
from bytebound.grammars import Grammar, GrammarError, choice, predicate, regex
from bytebound.integrations.transformers import (
    GeneratePosteriorOutput,
    TransformersModel,
    constrain,
    generate_posterior,
    posterior,
)

OPTIONS = ["cat", "dog", "do"]


@pytest.fixture(scope="module")
def animals() -> Grammar:
    return choice(OPTIONS)


def exact(model: Any, tokenizer: Any, vocabulary: Vocabulary, prompt: str) -> Any:
    ids = tokenizer(prompt)["input_ids"]
    return choice_probabilities(TransformersModel(model), vocabulary, ids, OPTIONS)


def check(result: Posterior, truth: Any, tolerance: float = 0.2) -> None:
    assert result.log_evidence == pytest.approx(truth.log_mass, abs=tolerance)
    for option, share in truth.items():
        assert result.probabilities().get(option, 0) == pytest.approx(share, abs=tolerance)


def test_it_finds_the_models_law_given_the_constraint(
    model: Any, tokenizer: Any, vocabulary: Vocabulary, animals: Grammar
) -> None:
    # As many particles as there are spellings: the search is then exhaustive.
    result = posterior(model, tokenizer, "The year", animals, particles=64, max_new_tokens=5, sampler="masked")
    check(result, exact(model, tokenizer, vocabulary, "The year"), 1e-4)
    sampled = posterior(model, tokenizer, "The year", animals, particles=64, max_new_tokens=5)
    check(sampled, exact(model, tokenizer, vocabulary, "The year"), 0.5)
    assert set(result.probabilities()) == set(OPTIONS)
    assert all(particle.bytes.decode() in OPTIONS for particle in result.particles)


def test_several_prompts_with_their_constraints(
    model: Any, tokenizer: Any, vocabulary: Vocabulary, animals: Grammar
) -> None:
    prompts = ["The year", "answer: yes or no ->", "The"]
    results = posterior(
        model, tokenizer, prompts, [animals, regex("[0-9]{2}"), animals], max_new_tokens=5, sampler="masked"
    )
    check(results[0], exact(model, tokenizer, vocabulary, prompts[0]), 1e-4)
    check(results[2], exact(model, tokenizer, vocabulary, prompts[2]), 1e-4)
    assert all(regex("[0-9]{2}").matches(text) for text in results[1].probabilities())
    together = posterior(model, tokenizer, prompts, animals, max_new_tokens=5, sampler="masked")
    assert together[2].log_evidence == pytest.approx(results[2].log_evidence, abs=1e-4)
    with pytest.raises(DecodingError, match="2 constraints were given for 3 prompts"):
        posterior(model, tokenizer, prompts, [animals, animals])


class Pair(pydantic.BaseModel):
    a: bool
    b: bool


def test_prompts_and_constraints_of_all_kinds(model: Any, tokenizer: Any, vocabulary: Vocabulary) -> None:
    ids = tokenizer("The year")["input_ids"]
    small = {"particles": 4, "max_new_tokens": 30, "end": "close"}
    reference = posterior(model, tokenizer, "The year", Pair, **small)
    assert all(Pair.model_validate_json(p.text) for p in reference.particles)
    for prompt in (ids, torch.tensor(ids), np.array(ids)):
        assert posterior(model, tokenizer, prompt, Pair, **small).log_evidence == reference.log_evidence
    for prompts in (torch.tensor([ids, ids]), [ids, "The year"], ["The year", torch.tensor(ids)]):
        assert len(posterior(model, tokenizer, prompts, Pair, **small)) == 2
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    try:
        chat = posterior(model, tokenizer, [{"role": "user", "content": "The year"}], Pair, **small)
    finally:
        tokenizer.chat_template = None
    assert chat.log_evidence == reference.log_evidence
    vowels = predicate(lambda text: all(c in b"aeiou" for c in text) and len(text) < 4, name="vowels")
    for constraint in ({"enum": [1, 2]}, vowels, vowels & regex("[a-m]*"), decoding.tester(regex("[ab]+"), vocabulary)):
        result = posterior(model, tokenizer, "The year", constraint, particles=4, max_new_tokens=6)
        assert isinstance(result, Posterior)
    for prompt, message in (
        (3, "a prompt is"),
        ([], "a prompt is"),
        (torch.zeros(2), "integers"),
        ([1, "a"], "token ids are integers"),
        ("", "no tokens"),
    ):
        with pytest.raises(DecodingError, match=message):
            posterior(model, tokenizer, prompt, Pair)
    with pytest.raises(GrammarError, match="is needed"):
        posterior(model, tokenizer, "The year", "[0-9]")
    with pytest.raises(CannotClose, match="no room"):
        posterior(model, tokenizer, [5] * 512, Pair)


def test_the_budget_is_cut_to_the_models_context(model: Any, tokenizer: Any) -> None:
    result = posterior(model, tokenizer, [5] * 507, regex("[a-z]{60}|[a-z]"), particles=8, sampler="masked")
    assert {len(text) for text in result.probabilities()} == {1}


def generate(model: Any, inputs: Any, **settings: Any) -> Any:
    inputs = {name: value for name, value in inputs.items() if name != "token_type_ids"}
    return model.generate(**inputs, custom_generate=generate_posterior, **settings)


def test_as_a_decoding_method_of_generate(model: Any, tokenizer: Any, vocabulary: Vocabulary, animals: Grammar) -> None:
    prompts = ["The year", "answer: yes or no ->"]
    inputs = tokenizer(prompts, return_tensors="pt", padding=True)
    n = 200
    output = generate(
        model,
        inputs,
        vocabulary=tokenizer,
        constraint=animals,
        particles=64,
        settings={"sampler": "masked"},
        max_new_tokens=5,
        do_sample=True,
        num_return_sequences=n,
        return_dict_in_generate=True,
    )
    assert isinstance(output, GeneratePosteriorOutput) and output.posteriors is not None
    rows = output.sequences
    assert rows is not None and len(rows) == 2 * n
    length = inputs["input_ids"].shape[1]
    assert torch.equal(rows[:, :length], inputs["input_ids"].repeat_interleave(n, 0))
    for i, prompt in enumerate(prompts):
        truth = exact(model, tokenizer, vocabulary, prompt)
        check(output.posteriors[i], truth, 1e-4)
        found = [vocabulary.text(row) for row in rows[i * n : (i + 1) * n, length:].tolist()]
        for option, share in truth.items():
            error = (share * (1 - share) / n) ** 0.5
            assert abs(found.count(option.encode()) / n - share) < 5 * error + 1e-3


def test_generate_returns_sequences_alone(model: Any, tokenizer: Any, vocabulary: Vocabulary) -> None:
    inputs = tokenizer(["The year"], return_tensors="pt")
    settings: dict[str, Any] = {"constraint": regex("[a-z]{1,3}"), "particles": 4, "max_new_tokens": 3}
    settings["settings"] = {"sampler": "masked"}  # whose draws do not depend on which masks are there already
    rows = generate(model, inputs, vocabulary=vocabulary, **settings)
    assert rows.shape[0] == 1 and rows.shape[1] <= inputs["input_ids"].shape[1] + 3
    assert torch.equal(rows, generate(model, inputs, vocabulary=tokenizer, **settings))
    settings["constraint"] = decoding.tester(settings["constraint"], vocabulary)
    assert torch.equal(rows, generate(model, inputs, **settings))
    hot = generate(model, inputs, do_sample=True, temperature=50.0, return_dict_in_generate=True, **settings)
    direct = posterior(
        model,
        tokenizer,
        "The year",
        settings["constraint"],
        particles=4,
        max_new_tokens=3,
        temperature=50.0,
        sampler="masked",
    )
    assert hot.posteriors[0].log_evidence == pytest.approx(direct.log_evidence, abs=1e-6)


def test_settings_of_generate_that_would_be_ignored(model: Any, tokenizer: Any, animals: Grammar) -> None:
    inputs = tokenizer(["The year"], return_tensors="pt")
    settings: dict[str, Any] = {"constraint": animals, "max_new_tokens": 4, "vocabulary": tokenizer}
    for more, message in (
        ({"num_beams": 2}, "no beams"),
        ({"do_sample": True, "top_p": 0.5}, "top_p=0.5"),
        ({"do_sample": True, "top_k": 5}, "top_k=5"),
        ({"repetition_penalty": 1.2}, "RepetitionPenaltyLogitsProcessor"),
        ({"logits_processor": [constrain(tokenizer, animals)]}, "GrammarProcessor"),
        ({"max_time": 1.0}, "MaxTimeCriteria"),
        ({"vocabulary": None}, "vocabulary=tokenizer"),
    ):
        with pytest.raises(DecodingError, match=message):
            generate(model, inputs, **(settings | more))
    never = predicate(lambda text: len(text) == 0, complete=lambda text: False, name="never")
    with pytest.raises(DeadEnd, match="all particles died"):
        generate(model, inputs, **(settings | {"constraint": never}))
    with pytest.raises(DecodingError, match="generate_posterior is for model"):
        generate_posterior(model, inputs["input_ids"])
