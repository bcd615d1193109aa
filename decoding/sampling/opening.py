"""Opening rows of logits: which implementation of `Untested` works on them, and which logits are refused."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import DecodingError, WrongVocabulary
from .head_kernels import within
from .untested import Integers, Untested
from .untested_device import DeviceUntested
from .untested_host import HostUntested

_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)

ON_HOST = {"cpu", "mps"}
"""Device types whose logits are worked on by the processor; mps knows no float64."""


def untested(
    logits: torch.Tensor,
    size: int,
    states: Integers,
    rows: Integers | None = None,
    impossible: NDArray[np.uint32] | None = None,
) -> Untested:
    """Open rows: logits [height, width] and rows as a `StepSampler` takes them; the first `size` columns are tokens.

    impossible: tokens that are taken out of all rows at once, see `Tester.impossible`.

    Raises WrongVocabulary for a wrong shape or dtype, DecodingError for rows that are no distribution or not there.
    """
    if logits.dim() != 2 or logits.dtype not in _FLOATS:
        raise WrongVocabulary(
            f"logits must be a float tensor of shape [rows, width], not {logits.dtype} of shape {list(logits.shape)}"
        )
    height, width = logits.shape
    if rows is not None:
        rows = np.ascontiguousarray(rows, np.int64)
        if not within(rows, height):
            raise DecodingError(
                f"rows must be numbers of the {height} rows of logits, not {rows.min()} to {rows.max()}"
            )
    n = height if rows is None else len(rows)
    if n != len(states):
        raise WrongVocabulary(f"{n} rows of logits cannot be drawn from in {len(states)} states")
    if width < size:
        raise WrongVocabulary(f"logits of width {width} are too narrow for a vocabulary of {size} tokens")
    logits = logits.detach()
    if logits.device.type in ON_HOST:
        return HostUntested(logits.cpu(), size, rows, impossible)
    return DeviceUntested(logits, size, rows, impossible)
