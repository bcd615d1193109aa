"""What is known of a vocabulary's tokens within one lexeme, and of where they leave it (see `lexemes.py`)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Nodes = tuple[int, ...]
"""Nodes of the trie."""
Tokens = NDArray[np.int32] | NDArray[np.uint32]
"""Tokens as ids, or as a row."""


class Leaving(NamedTuple):
    """Where tokens leave a lexeme."""

    text: bytes
    """What was read of the lexeme."""
    nodes: Nodes
    """Nodes behind it, from which tokens go on."""
    own: int
    """Bytes (a set) that would go on with the lexeme."""
    among: int
    """Bytes (a set) with which what follows may begin, ANYTHING where there are tokens or white space."""
    tokens: NDArray[np.int32]
    """Tokens that end there, where the lexeme must be whole."""


class Part(NamedTuple):
    """Tokens, as ids (int32) or as a row (uint32), and where others leave the lexeme."""

    tokens: Tokens
    leaving: tuple[Leaving, ...] = ()


class Spread(NamedTuple):
    """What lies below some nodes."""

    children: dict[int, Nodes]
    """By their bytes."""
    bytes: int
    """The bytes, a set."""
    of_words: Nodes
    """Those of the nodes that have children with bytes of words."""
    of_blanks: Nodes
    """Those that have children with white space."""
    behind: int
    """Bytes (a set) that come behind white space."""
