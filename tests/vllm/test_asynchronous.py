"""Asynchronous scheduling, where a step is planned before the tokens of the last one are known.

vLLM switches it off on CPUs as needless; the engine itself can do it there, so the test leaves it on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from bytebound.integrations.vllm import settings, weights
from vllm import SamplingParams
from vllm.platforms import current_platform
from vllm.sampling_params import StructuredOutputsParams


@pytest.fixture(scope="module")
def llm(engine: Any) -> Iterator[Any]:
    platform = type(current_platform)
    usual = platform.check_and_update_config.__func__

    def left_on(cls: Any, config: Any) -> None:
        usual(cls, config)
        config.scheduler_config.async_scheduling = True

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(platform, "check_and_update_config", classmethod(left_on))
        yield engine(num_gpu_blocks_override=24, **settings(asynchronous=True))


def test_masks_and_draws(llm: Any) -> None:
    assert llm.llm_engine.engine_core.engine_core.batch_queue is not None  # two steps are under way at once
    masked = SamplingParams(max_tokens=40, structured_outputs=StructuredOutputsParams(regex="(ab|cd){12}"))
    free = SamplingParams(max_tokens=40)
    constraint = {"regex": "(ab|cd){6}"}
    drawn = [
        SamplingParams(
            max_tokens=40,
            extra_args={"bytebound": json.dumps({"constraint": constraint, "seed": i, "id": f"asynchronous-{i}"})},
        )
        for i in range(6)
    ]
    outputs = llm.generate(["Once upon"] * 8, [masked, free, *drawn], use_tqdm=False)
    answers = [output.outputs[0] for output in outputs]
    assert re.fullmatch("(ab|cd){12}", answers[0].text)
    assert answers[1].token_ids
    for i, answer in enumerate(answers[2:]):
        log_weight = weights(f"asynchronous-{i}").log_weight(answer.token_ids)  # raises for tokens that were not drawn
        assert (re.fullmatch("(ab|cd){6}", answer.text) is not None) == (log_weight > -float("inf"))
    assert any(re.fullmatch("(ab|cd){6}", answer.text) for answer in answers[2:])
