"""`reject` writes into the scores that it is given only where nobody can look at them again."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from bytebound.grammars import regex
from bytebound.integrations.transformers import reject
from transformers import LogitsProcessor, TemperatureLogitsWarper


class Keep(LogitsProcessor):  # type: ignore[misc]
    """Keeps the scores that pass, and a copy of each."""

    def __init__(self) -> None:
        self.kept: list[tuple[torch.Tensor, torch.Tensor]] = []

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        self.kept.append((scores, scores.clone()))
        return scores


@pytest.mark.parametrize("before", ["nothing", "theirs", "foreign"])
@pytest.mark.parametrize("logits", [False, True])
def test_scores_of_others_are_left_alone(model: Any, tokenizer: Any, before: str, logits: bool) -> None:
    inputs = tokenizer(["The year"], return_tensors="pt")
    processor, keep = reject(tokenizer, regex("[a-z]{5}"), seed=0), Keep()
    addresses: list[int] = []
    call = type(processor).__call__

    class Watched(type(processor)):  # type: ignore[misc]
        def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            result = call(self, input_ids, scores)
            addresses.append(result.data_ptr() - scores.data_ptr())
            return result

    processor.__class__ = Watched
    list_ = {"nothing": [], "theirs": [TemperatureLogitsWarper(2.0)], "foreign": [keep]}[before]
    output = model.generate(
        input_ids=inputs["input_ids"],
        attention_mask=inputs["attention_mask"],
        do_sample=True,
        max_new_tokens=4,
        num_return_sequences=3,
        logits_processor=[*list_, processor],
        return_dict_in_generate=True,
        output_logits=logits,
        output_scores=True,
    )
    assert (addresses[0] == 0) == (before != "foreign" and not logits)
    for kept, copy in keep.kept:
        assert torch.equal(kept, copy)
    for row in output.logits or ():
        assert torch.isfinite(row).all()
    for row in output.scores:
        assert (torch.isneginf(row).sum(1) == row.shape[1] - 1).all()
