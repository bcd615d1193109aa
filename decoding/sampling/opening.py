"""Opening rows of logits: which implementation of `Untested` works on them, and which logits are refused."""

from __future__ import annotations

import torch

from ..errors import WrongVocabulary
from .untested import Integers, Untested
from .untested_device import DeviceUntested
from .untested_host import HostUntested

_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)

ON_HOST = {"cpu", "mps"}
"""Device types whose logits are worked on by the processor; mps knows no float64."""


def untested(logits: torch.Tensor, size: int, states: Integers) -> Untested:
    """Open rows: logits [n, width] as a `StepSampler` takes them, of which the first `size` are tokens.

    Raises WrongVocabulary for a wrong shape or dtype, DecodingError for rows that are no distribution.
    """
    if logits.dim() != 2 or logits.dtype not in _FLOATS:
        raise WrongVocabulary(
            f"logits must be a float tensor of shape [rows, width], not {logits.dtype} of shape {list(logits.shape)}"
        )
    if len(logits) != len(states):
        raise WrongVocabulary(f"{len(logits)} rows of logits cannot be drawn from in {len(states)} states")
    if logits.shape[1] < size:
        raise WrongVocabulary(f"logits of width {logits.shape[1]} are too narrow for a vocabulary of {size} tokens")
    logits = logits.detach()
    if logits.device.type in ON_HOST:
        return HostUntested(logits.cpu(), size)
    return DeviceUntested(logits, size)
