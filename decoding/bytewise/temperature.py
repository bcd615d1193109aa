"""Temperature of bytes: the distribution of the next byte, sharpened or flattened one byte at a time.

It is another thing than the temperature of tokens, which sharpens each choice of a token as a whole: texts drawn at
the same value of either have different distributions.
"""

from __future__ import annotations

import numpy as np

from ..errors import DecodingError
from .masses import log_sum
from .tree import Logprobs


def tempered(symbols: Logprobs, byte_temperature: float) -> Logprobs:
    """Log-probabilities [257] of next symbols at a temperature of bytes; normalised, where any is above -inf."""
    if byte_temperature == 1.0:
        return symbols
    scaled = symbols / byte_temperature
    total = log_sum(scaled)
    return scaled if total == -np.inf else scaled - total


def check_byte_temperature(byte_temperature: float, temperature: float, eps: float) -> None:
    """Raise DecodingError where it is no temperature, or does not go with a model's temperature of tokens and eps."""
    if not 0 < byte_temperature < np.inf:
        raise DecodingError(f"byte_temperature must be above 0 and finite, not {byte_temperature}")
    if byte_temperature == 1.0:
        return
    if temperature != 1.0:
        raise DecodingError(
            f"byte_temperature={byte_temperature} on a ByteModel whose tokens have temperature={temperature}: give one "
            "of the two"
        )
    if eps:
        raise DecodingError(
            f"byte_temperature={byte_temperature} takes a ByteModel with eps=0, not {eps:g}: its bound does not hold "
            "for distributions that are tempered"
        )
