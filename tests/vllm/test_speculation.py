"""Masks with n-gram speculation: drafts are cut by the grammar, and what is rejected is rolled back."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from bytebound.integrations.vllm import settings
from bytebound.integrations.vllm.backend import Matcher
from vllm import SamplingParams
from vllm.sampling_params import StructuredOutputsParams

PROMPT = 'Write: {"tags": ["red", "green", "red", "green", "red", "green"]}\n{"tags": ["red", "green", "red", '
SCHEMA = {
    "type": "object",
    "properties": {"tags": {"type": "array", "items": {"enum": ["red", "green"]}, "minItems": 6, "maxItems": 9}},
    "required": ["tags"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def llm(engine: Any) -> Any:
    speculation = {"method": "ngram", "num_speculative_tokens": 3, "prompt_lookup_max": 3, "prompt_lookup_min": 1}
    return engine(speculative_config=speculation, **settings(speculation=True))


def test_drafts_are_checked_and_rolled_back(llm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    taken_back: list[int] = []
    rollback = Matcher.rollback
    monkeypatch.setattr(Matcher, "rollback", lambda self, n: (taken_back.append(n), rollback(self, n))[1])
    for temperature in (0.0, 1.0):
        parameters = SamplingParams(
            max_tokens=120, temperature=temperature, structured_outputs=StructuredOutputsParams(json=SCHEMA)
        )
        outputs = llm.generate([PROMPT] * 4, [parameters] * 4, use_tqdm=False)
        for output in outputs:
            assert output.outputs[0].finish_reason == "stop"
            jsonschema.validate(json.loads(output.outputs[0].text), SCHEMA)
    assert sum(taken_back) > 10
