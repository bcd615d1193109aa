"""Requests to the server are checked in threads, so that one whose grammar takes seconds to compile delays no other.

vLLM (0.32) checks a request in the thread that also hands out the tokens of all others. `install` has the check done in
another thread first; what vLLM then asks is remembered.
"""

from __future__ import annotations

import asyncio
import functools
from typing import Any

from . import request, slot


def install() -> None:
    """Let this process, which is that of the API server, check requests so."""
    from vllm.exceptions import VLLMValidationError
    from vllm.v1.engine.async_llm import AsyncLLM

    usual = AsyncLLM.add_request

    @functools.wraps(usual)
    async def add_request(self: Any, request_id: str, prompt: Any, params: Any, *arguments: Any, **named: Any) -> Any:
        masked = getattr(params, "structured_outputs", None) is not None
        weighted = request.KEY in (getattr(params, "extra_args", None) or {})
        if masked or weighted:
            try:
                await asyncio.to_thread(request.check if weighted else slot.check, params)
            except ValueError as error:
                raise VLLMValidationError(str(error)) from None
        return await usual(self, request_id, prompt, params, *arguments, **named)

    AsyncLLM.add_request = add_request
