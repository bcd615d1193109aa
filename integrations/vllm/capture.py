"""Whole rows of logits, taken out of an engine in this process: how a vLLM engine serves as a language model."""

from __future__ import annotations

import itertools
from typing import Any

import torch

KEY = "bytebound_capture"
_numbers = itertools.count()
_open: dict[int, Capture] = {}


class Capture:
    """A place for the logits of one request's next token."""

    def __init__(self) -> None:
        self.number = next(_numbers)
        self.logits: torch.Tensor | None = None
        """float32 [width], once the engine has come to them. A row of a prompt read in part is overwritten later."""

    def __enter__(self) -> Capture:
        _open[self.number] = self
        return self

    def __exit__(self, *error: object) -> None:
        del _open[self.number]

    def take(self, row: torch.Tensor) -> None:
        """Copy a row."""
        self.logits = row.clone()


def of(parameters: Any) -> Capture | None:
    """The capture that a request names, where it is one of this process."""
    number = (parameters.extra_args or {}).get(KEY)
    return _open.get(number) if isinstance(number, int) else None
