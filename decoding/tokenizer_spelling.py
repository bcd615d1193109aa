"""How tokenizers write bytes as strings, and the table that reading one yields.

Two spellings are in use. Byte-level models (GPT-2, Radford et al. 2019) write each byte as one printable character:
printable Latin-1 stands for itself, the other 68 bytes are U+0100 and up. SentencePiece models (Kudo and Richardson
2018) write text itself, a space as `▁` (U+2581), and with byte fallback one token `<0xNN>` for each byte.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Sequence

import numpy as np

_BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>")


@dataclasses.dataclass(frozen=True)
class TokenBytes:
    """What a tokenizer's model says about its ids."""

    tokens: list[bytes]
    """Bytes of each id; b"" for control tokens and for ids in gaps."""
    special: frozenset[int]
    """Ids of control tokens, which stand for no text."""
    eos_token_ids: tuple[int, ...] = ()
    """The tokenizer's own end-of-sequence ids; empty where it names none."""
    fallback: frozenset[int] = frozenset()
    """Ids of byte fallback tokens, which an encoder uses only where no other token spells the text."""


def _byte_level_table() -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in set(printable)]
    table = np.full(0x100 + len(others) + 1, -1, np.int16)
    table[printable] = printable
    table[0x100 : 0x100 + len(others)] = others
    return table


# Code point to byte; -1 where the character stands for no byte. The last entry serves all higher code points.
_BYTE_OF = _byte_level_table()


def byte_level(strings: Sequence[str]) -> list[bytes]:
    """Bytes of byte-level token strings; a string with a character outside the table is text, as for its decoder."""
    code_points = np.frombuffer("".join(strings).encode("utf-32-le"), np.uint32)
    values = _BYTE_OF[np.minimum(code_points, len(_BYTE_OF) - 1)]
    ends = np.cumsum(np.fromiter(map(len, strings), np.int64, len(strings)))
    data, bounds = values.astype(np.uint8).tobytes(), [0, *ends.tolist()]
    tokens = [data[a:b] for a, b in itertools.pairwise(bounds)]
    for i in np.unique(np.searchsorted(ends, np.flatnonzero(values < 0), side="right")).tolist():
        tokens[i] = strings[i].encode()
    return tokens


def byte_token(string: str) -> bytes | None:
    """The byte that a byte fallback token such as `<0x0A>` stands for; None for every other string."""
    match = _BYTE_TOKEN.fullmatch(string) if string.startswith("<0x") else None
    return bytes.fromhex(match[1]) if match else None


def sentencepiece_text(string: str) -> bytes:
    """Bytes of a SentencePiece piece that is text: `▁` is a space."""
    return string.replace("▁", " ").encode()
