"""`Constrain`: what a mask cannot do, as a logits processor of vLLM: rejection sampling, predicates, weights.

    vllm ... --logits-processors bytebound.integrations.vllm:Constrain

One class for both of vLLM's interfaces (0.32): that of the V1 model runner (CPU and older GPUs), and that of V2.
Everything is derived from the tokens of a request, since rows of prompts read in part come too, preempted requests come
back, and requests move. Under tensor parallelism each rank has its processor, and all draw the same: a request without
a seed gets one by its number, and requests come to all ranks in the same order.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import torch
from vllm.v1.sample.logits_processor import LogitsProcessor as V1Processor
from vllm.v1.sample.logits_processor.builtin import process_dict_updates
from vllm.v1.worker.gpu.sample.logits_processor import LogitsProcessor as V2Processor

from ...decoding import Vocabulary
from . import slot
from .request import Request, check
from .rows import Row, draw, use_kernels
from .vocabulary import vocabulary_of


class Constrain(V1Processor, V2Processor):  # type: ignore[misc]
    """Draws the tokens of requests that have `extra_args["bytebound"]`, and leaves others alone."""

    @classmethod
    def validate_params(cls, sampling_params: Any) -> None:
        """Raise ValueError, which becomes HTTP 400, for a request that cannot be served."""
        check(sampling_params)
        if not slot.installed() and getattr(sampling_params.structured_outputs, "_backend", None) == slot.BACKEND:
            slot.check(sampling_params)

    def __init__(self, vllm_config: Any, *arguments: Any) -> None:
        self._config = vllm_config
        # V1 gives the device and whether memory is pinned, V2 the state of its requests.
        self._states: Any = arguments[0] if len(arguments) == 1 else None
        self._rows: dict[int, tuple[Row, Sequence[int]]] = {}  # by row on V1, by slot on V2
        self._count = 0
        named = bool(vllm_config.model_config.logits_processors)
        if self._states is None and vllm_config.scheduler_config.async_scheduling and not named:
            raise RuntimeError(
                "under asynchronous scheduling vLLM gives the latest tokens only to processors that are named: "
                "--logits-processors bytebound.integrations.vllm:Constrain"
            )

        use_kernels()

    @functools.cached_property
    def vocabulary(self) -> Vocabulary:
        """Of the model."""
        return vocabulary_of(self._config)

    def is_argmax_invariant(self) -> bool:
        """No: it forces tokens."""
        return False

    def update_state(self, batch_update: Any) -> None:
        """V1: requests come, go and move."""
        process_dict_updates(self._rows, batch_update, self._entry)

    def add_request(self, req_idx: int, sampling_params: Any) -> bool:
        """V2: a request comes into a slot."""
        entry = self._entry(sampling_params, None, ())
        self._rows.pop(req_idx, None)
        if entry is not None:
            self._rows[req_idx] = entry
        return entry is not None

    def apply(self, logits: torch.Tensor, ctx: Any = None) -> torch.Tensor:
        """Force the drawn tokens; float32 [rows, width], written in place."""
        if not self._rows:
            return logits
        if ctx is None:
            asked = [(place, row, history) for place, (row, history) in self._rows.items()]
        else:
            asked = self._of_slots(ctx)
        if asked:
            places, rows, histories = zip(*asked, strict=True)
            draw(logits, places, rows, histories)
        return logits

    def _entry(self, parameters: Any, prompt: Any, output: Sequence[int]) -> tuple[Row, Sequence[int]] | None:
        """What is kept of a request; `output` is the live list of its tokens."""
        self._count += 1
        request = Request.of(parameters)
        if request is None:
            return None
        given = parameters.seed if request.seed is None else request.seed
        seed = [self._config.model_config.seed or 0, self._count] if given is None else [given]
        return Row(request, self.vocabulary, parameters.temperature, [abs(part) for part in seed]), output

    def _of_slots(self, ctx: Any) -> list[tuple[int, Row, Sequence[int]]]:
        """V2: rows of logits, with the tokens of their requests (a copy from the device)."""
        found = []
        positions = ctx.pos.tolist()
        for place, number in enumerate(ctx.expanded_idx_mapping.tolist()):
            entry = self._rows.get(number)
            if entry is not None:
                begin = int(self._states.prompt_len.np[number])
                history = self._states.all_token_ids.gpu[number, begin : positions[place] + 1].tolist()
                found.append((place, entry[0], history))
        return found
