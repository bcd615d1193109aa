"""Next-token distributions of many rows, from which tested tokens are taken out: what all step samplers work on.

Masses are float64, in units of the mass of the row's most probable token (divide by `totals` for probabilities), so
that no dtype of the logits, no scale and no tiny remainder loses digits: what is left is always summed from what is
left. A token whose mass is below exp(-708) of the largest, 1e-307, counts as probability zero.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import DecodingError

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


class Drawn(NamedTuple):
    """Tokens of some rows, and a number for each."""

    tokens: Integers
    """[rows] or [rows, k] token ids; -1 where there is none."""
    masses: Floats
    """Of the same shape: the tokens' masses, or the weights with which they were drawn; 0 where there is none."""


class Untested(ABC):
    """The tokens of n rows that have not been taken out, and their masses. `rows` is always an int64 [k] of distinct
    row numbers; arrays beside it have one entry for each of them. Rows may begin as copies of each other."""

    totals: Floats
    """[n] mass of each row over its whole width; what a probability of one is."""
    wholes: Floats
    """[n] mass of the tokens that each row begins with."""

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


def refuse(tops: Floats, rows: Integers) -> None:
    """Raise DecodingError where the largest logit (float64 [n], NaN where a logit is) of one of the rows of logits with
    these numbers says that it is no distribution."""
    finite = np.isfinite(tops)
    if finite.all():
        return
    for i in np.flatnonzero(~finite):
        what = {np.inf: "an infinite logit", -np.inf: "no logit above -inf"}.get(float(tops[i]), "a logit that is NaN")
        raise DecodingError(f"row {rows[i]} of the logits has {what}: it is no distribution over tokens")
