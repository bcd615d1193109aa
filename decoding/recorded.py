"""Masks inside texts that must differ from others: strings of an array with `uniqueItems`, keys that are counted.

Every such text is a state of its own. Its mask is that of the loose state, in which nothing is known of the texts so
far, shared by all of them; then the tokens are tested that could make a difference: those that spell a known text to
its end, those with an escape where one may still be spelled, and those that hold a whole further text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..grammars import loosening_kernels as kernels
from . import mask_kernels as mk
from .tables import Tables

if TYPE_CHECKING:
    from .masker import Masker

Tokens = NDArray[np.int32]


def is_set(row: mk.Row, tokens: Tokens) -> Tokens:
    """Those of the tokens whose bits are set."""
    found: Tokens = tokens[(row[tokens >> 5] >> (tokens & 31).astype(np.uint32)) & np.uint32(1) > 0]
    return found


def recorded_mask(masker: Masker, q: int, loose: int) -> tuple[mk.Row, int]:
    """The mask of q without EOS from that of its loose state, and a bound on the shortest completion after it."""
    automaton = masker.automaton
    row = masker.raw_mask(loose).copy()
    candidates = [_with_whole_texts(masker, loose, row)]
    longest = 0
    texts = _rests(masker, q)
    for text in texts:
        if not text:  # at its end, or in the middle of an escape: any token may be the wrong one
            candidates.append(np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little")).astype(np.int32))
            continue
        longest = max(longest, len(text))
        candidates.append(_along(masker.tables, text))
    if texts:
        candidates.append(masker.tables.kinds.escapes)
    tokens = is_set(row, np.unique(np.concatenate(candidates)))
    automaton.run(mk.retest, masker.vocabulary.data, masker.vocabulary.offsets, tokens, row, q)
    slack = int(automaton.program.distance[automaton.program.ways > 0].max(initial=0))
    return row, masker.reach[loose] + longest + slack


def _with_whole_texts(masker: Masker, loose: int, row: mk.Row) -> Tokens:
    """Tokens that lead from a loose state over a whole recorded text."""
    found = masker.whole_texts.get(loose)
    if found is None:
        tokens = is_set(row, masker.tables.kinds.within)
        out = np.empty(len(tokens), np.int32)
        vocabulary = masker.vocabulary
        count = masker.automaton.run(kernels.whole_texts, vocabulary.data, vocabulary.offsets, tokens, loose, out)
        found = masker.whole_texts[loose] = out[:count].copy()
    return found


def _rests(masker: Masker, q: int) -> list[list[int]]:
    """How the known texts go on after what is being recorded; [] for one that is complete, or in an escape."""
    size = 1024
    while True:
        out = np.empty(size, np.int32)
        count = masker.automaton.run(kernels.rests, q, out)
        if count <= size:
            break
        size *= 4
    cells = out[:count].tolist()
    found, i = [], 0
    while i < count:
        extra = max(0, cells[i])
        found.append(cells[i + 1 : i + 1 + extra])
        i += 1 + extra
    return found


def _along(tables: Tables, text: list[int]) -> Tokens:
    """Tokens that are a beginning of the text, or begin with it, as far as it is spelled in bytes."""
    trie = tables.trie
    byte, size, starts, tokens = (int(trie[i]) for i in (mk.BYTE, mk.SIZE, mk.TOKEN_START, mk.TOKENS))
    found: list[Tokens] = []
    v, stop = 0, int(trie[mk.NODES])
    for symbol in text:
        while v < stop and trie[byte + v] != symbol:
            v += int(trie[size + v])
        if v >= stop:
            break
        stop = v + int(trie[size + v])
        found.append(trie[tokens + int(trie[starts + v]) : tokens + int(trie[starts + v + 1])])
        v += 1
    else:
        found.append(trie[tokens + int(trie[starts + v]) : tokens + int(trie[starts + stop])])
    return np.concatenate(found) if found else np.empty(0, np.int32)
