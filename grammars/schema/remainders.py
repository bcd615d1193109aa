"""Remainders of decimal numbers while their digits are read, with those merged that need not be told apart.

A number is a multiple of a step exactly when its digits, read as a whole number, leave no remainder. In the minimal
automata for that (Moore's refinement of partitions) multiples of 1000 need 4 states, and those of 86400 need 141.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import gcd, lcm

import numpy as np

MAX_MODULUS, MAX_OTHERS = 100_000, 5_000


def scaled(steps: tuple[Fraction, ...]) -> tuple[int, list[int]]:
    """The least number of decimal places that all steps have, and the steps as so many units of the last place."""
    places = 0
    while any((10**places) % one.denominator for one in steps):
        places += 1
    return places, [one.numerator * (10**places // one.denominator) for one in steps]


@lru_cache(maxsize=256)
def merged(units: tuple[int, ...]) -> list[int] | None:
    """For each remainder modulo all units the least one that no further digits tell from it; None: too many.

    Remainders are told apart by the power of ten that makes a number with them a multiple of each unit.
    """
    modulus = lcm(*units)
    others = modulus  # the part of the modulus whose remainders no digits merge
    while (factor := gcd(others, 10)) > 1:
        others //= factor
    if modulus > MAX_MODULUS or others > MAX_OTHERS:
        return None
    rests = np.arange(modulus)
    keys = np.zeros(modulus, np.int64)
    for unit in units:
        longest = unit.bit_length() + 1
        powers = np.full(modulus, longest)
        for power in reversed(range(longest)):
            powers[rests % unit * (10**power % unit) % unit == 0] = power
        keys = np.unique(keys * (longest + 1) + powers, return_inverse=True)[1].reshape(-1)
    period = modulus // gcd(10, modulus)  # remainders that are equal modulo this have the same successors
    successors = (10 * rests[:period, None] + np.arange(10)) % modulus
    count = 0
    while True:
        values, first, classes = np.unique(keys, return_index=True, return_inverse=True)
        if len(values) == count:
            return [int(rest) for rest in first[classes.reshape(-1)]]
        count = len(values)
        classes = classes.reshape(-1)
        rows = np.zeros(period, np.int64)
        for column in successors.T:
            rows = np.unique(rows * count + classes[column], return_inverse=True)[1].reshape(-1)
        keys = classes * period + rows[rests % period]


def least_power(rest: int, unit: int) -> int | None:
    """The least power of ten that makes a number with this remainder a multiple of the unit; None: none does."""
    for power in range(unit.bit_length() + 1):
        if rest * 10**power % unit == 0:
            return power
    return None
