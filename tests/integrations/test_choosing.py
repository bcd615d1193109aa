"""`classify`: prompts of all kinds, several at once, and the canonical spelling."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from bytebound.decoding import DecodingError, Vocabulary, choice_probabilities
from bytebound.integrations.transformers import TransformersModel, classify

OPTIONS = ["yes", "no"]


def test_one_prompt(model: Any, tokenizer: Any, vocabulary: Vocabulary) -> None:
    prompt = "answer: yes or no -> "
    ids = tokenizer(prompt)["input_ids"]
    for end in ("eos", "text"):
        truth = choice_probabilities(TransformersModel(model), vocabulary, ids, OPTIONS, end=end)
        result = classify(model, tokenizer, prompt, OPTIONS, end=end, tolerance=0.0)
        assert dict(result) == pytest.approx(dict(truth), rel=1e-4)
        near = classify(model, tokenizer, torch.tensor(ids), OPTIONS, end=end)
        assert near.log_mass == pytest.approx(truth.log_mass, abs=2e-3)
        assert near.unexplored <= 1e-3


def test_one_text_is_no_list_of_options(model: Any, tokenizer: Any) -> None:
    for options in ("yes", b"yes"):
        with pytest.raises(DecodingError, match=r"not one text: b?'yes'"):
            classify(model, tokenizer, "answer:", options)


def test_several_prompts(model: Any, tokenizer: Any) -> None:
    prompts: list[Any] = ["The year", "answer: yes or no ->", [5, 6, 7]]
    alone = [classify(model, tokenizer, prompt, OPTIONS, end="text", tolerance=0.0) for prompt in prompts]
    together = classify(model, tokenizer, prompts, OPTIONS, end="text", tolerance=0.0)
    for one, other in zip(alone, together, strict=True):
        assert dict(other) == pytest.approx(dict(one), rel=1e-3)
    own = classify(model, tokenizer, prompts, [OPTIONS, ["1", "2"], [b"\xff", "a"]], end="text")
    assert [list(result) for result in own] == [OPTIONS, ["1", "2"], [b"\xff", "a"]]
    assert sum(own[2].values()) == pytest.approx(1)
    for arguments in ((prompts, [OPTIONS]), (prompts[0], [OPTIONS])):
        with pytest.raises(DecodingError, match="1 lists of options were given"):
            classify(model, tokenizer, *arguments)


def test_the_canonical_spelling(model: Any, tokenizer: Any) -> None:
    result = classify(model, tokenizer, "The year", OPTIONS, spelling="canonical")
    ids = tokenizer("The year")["input_ids"]
    for option in OPTIONS:
        total, context = 0.0, list(ids)
        for token in [*tokenizer(option)["input_ids"], tokenizer.eos_token_id]:
            with torch.no_grad():
                total += float(torch.log_softmax(model(torch.tensor([context])).logits[0, -1], -1)[token])
            context.append(token)
        assert result.log_masses[option] == pytest.approx(total, abs=1e-3)
    assert result.log_mass < classify(model, tokenizer, "The year", OPTIONS, tolerance=0.0).log_mass + 1e-5
    with pytest.raises(DecodingError, match="no UTF-8"):
        classify(model, tokenizer, "The year", [b"\xff"], spelling="canonical")
