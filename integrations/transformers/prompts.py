"""Prompts of all kinds as token ids, and the room that a model has after them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ...decoding import CannotClose, DecodingError
from .language_model import context_size

_BUDGET = 1 << 30  # tokens that a model without a bound has room for


def batch(prompt: Any) -> tuple[list[Any], bool]:
    """Prompts as a list, and whether there was one that was not in a list.

    A prompt is a text, a chat (a list of messages), or token ids (a list of int, or a tensor or array of one dimension;
    the rows of one of two dimensions are prompts without padding). Raises DecodingError for anything else.
    """
    if isinstance(prompt, torch.Tensor | np.ndarray):
        if prompt.ndim not in (1, 2) or torch.as_tensor(prompt).is_floating_point():
            raise DecodingError(f"token ids are integers in one or two dimensions, not {tuple(prompt.shape)}")
        return (prompt.tolist(), False) if prompt.ndim == 2 else ([prompt.tolist()], True)
    if isinstance(prompt, str) or (isinstance(prompt, list) and prompt and isinstance(prompt[0], dict | int)):
        return [prompt], True
    if isinstance(prompt, list | tuple) and prompt:
        entries = [each.tolist() if isinstance(each, torch.Tensor | np.ndarray) else each for each in prompt]
        if all(isinstance(each, str | list) for each in entries):
            return entries, False
    raise DecodingError(
        f"a prompt is a text, a chat (a list of messages), token ids, or a list of these, not {prompt!r:.80}"
    )


def encode(tokenizer: Any, prompt: Any) -> list[int]:
    """Token ids of one prompt of `batch`. Raises DecodingError where there are none."""
    if isinstance(prompt, str):
        ids = tokenizer(prompt)["input_ids"]
    elif prompt and isinstance(prompt[0], dict):
        ids = tokenizer.apply_chat_template(prompt, add_generation_prompt=True, return_dict=True)["input_ids"]
    else:
        ids = prompt
    if not ids:
        raise DecodingError("the prompt has no tokens; a model needs at least one to go on from")
    if not all(isinstance(token, int) for token in ids):
        raise DecodingError(f"token ids are integers, not {ids!r:.80}")
    return list(ids)


def room(model: Any, length: int) -> int:
    """Tokens that the model's context has room for after `length` ones. Raises CannotClose where there is none."""
    context = context_size(model)
    if context is None:
        return _BUDGET
    if context <= length:
        raise CannotClose(f"the prompt has {length} tokens and the model's context {context}: no room for an answer")
    return context - length
