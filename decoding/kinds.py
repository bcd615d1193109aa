"""Tokens of a vocabulary by what they could mean to texts that must differ from others (`recorded.py`)."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

# A scalar or key begins inside a token; those that begin with it are found by what is being recorded.
_WITHIN = re.compile(rb'[\s,:\[{][tfn0-9"-]')


class TokenKinds:
    """`escapes`: int32, ids of the tokens with a backslash; `within`: of those with a text that begins inside."""

    def __init__(self, tokens: Iterable[bytes]) -> None:
        escapes, within = [], []
        for i, data in enumerate(tokens):
            if b"\\" in data:
                escapes.append(i)
            if _WITHIN.search(data):
                within.append(i)
        self.escapes = np.array(escapes, np.int32)
        self.within = np.array(within, np.int32)
