"""Next-token distributions of many rows, from which tested tokens are taken out: what all step samplers work on.

Masses are float64, in units of the mass of the row's most probable token (divide by `totals` for probabilities), so
that no dtype of the logits, no scale and no tiny remainder loses digits: what is left is always summed from what is
left. A token whose mass is below exp(-708) of the largest, 1e-307, counts as probability zero.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import DecodingError, WrongVocabulary

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


class Drawn(NamedTuple):
    """Tokens of some rows, and a number for each."""

    tokens: Integers
    """[rows] or [rows, k] token ids; -1 where there is none."""
    masses: Floats
    """Of the same shape: the tokens' masses, or the weights with which they were drawn; 0 where there is none."""


class Untested(ABC):
    """The tokens of n rows that have not been taken out, and their masses. `rows` is always an int64 [k] of distinct
    row numbers; arrays beside it have one entry for each of them."""

    totals: Floats
    """[n] mass of each row over its whole width; what a probability of one is."""

    @abstractmethod
    def peek(self, rows: Integers, k: int) -> Drawn:
        """The k heaviest tokens that are left, heaviest first: [rows, k]. Tokens without mass are never among them."""

    @abstractmethod
    def remove(self, rows: Integers, tokens: Integers, counts: Integers) -> Floats:
        """Take out the first `counts[i]` of `tokens[i]` (int64 [rows, k]); returns the mass that is left."""

    @abstractmethod
    def restrict(self, rows: Integers, bits: NDArray[np.uint32]) -> Floats:
        """Leave exactly the tokens whose bit is set in a mask (uint32 [rows, words]), whatever was taken out before;
        returns their mass."""

    @abstractmethod
    def rest(self, rows: Integers) -> Floats:
        """The mass that is left."""

    @abstractmethod
    def draw(self, rows: Integers, uniforms: Floats) -> Drawn:
        """One token of each row in proportion to the masses that are left, by inverse CDF in order of ids: [rows].
        Nothing is taken out."""

    @abstractmethod
    def systematic(self, rows: Integers, counts: Integers, uniforms: Floats) -> Drawn:
        """Up to counts[i] tokens among those that are left, and weights whose expectation is the mass for every token.

        Fearnhead and Clifford (2003): with c such that the sum of min(1, mass / c) is the count, tokens of mass c and
        above are chosen with certainty and weigh their mass, the others by systematic sampling (in order of ids, one
        uniform number) with probability mass / c and weigh c. The weights of a row add up to the mass that is left;
        no token is chosen twice. [rows, max(counts)]. What is left afterwards is not defined: the rows are spent.
        """


def untested(logits: torch.Tensor, size: int, states: Integers) -> Untested:
    """Open rows: logits [n, width] as a `StepSampler` takes them, of which the first `size` are tokens.

    Raises WrongVocabulary for a wrong shape or dtype, DecodingError for rows that are no distribution.
    """
    from .untested_device import DeviceUntested
    from .untested_host import HostUntested

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


ON_HOST = {"cpu", "mps"}
"""Device types whose logits are worked on by the processor; mps knows no float64."""


def refuse(tops: Floats) -> None:
    """Raise DecodingError where a row's largest logit (float64 [n], NaN where a logit is) says that it is none."""
    for i in np.flatnonzero(~np.isfinite(tops)):
        what = {np.inf: "an infinite logit", -np.inf: "no logit above -inf"}.get(float(tops[i]), "a logit that is NaN")
        raise DecodingError(f"row {i} of the logits has {what}: it is no distribution over tokens")
