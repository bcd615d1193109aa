"""Closing within a budget: masks that keep a completion reachable with the tokens that are left.

The potential of a state is T(q), the number of tokens in the greedy (longest match first) tokenization of a short
completion: that which takes the first byte with the nearest end, as the engine measures it, again and again. It is an
upper bound on the tokens needed, not the least number, and it falls by exactly one along its own first token, since the
rest of that completion is the one of the state after it, and the rest of a greedy tokenization is greedy. So: allow the
tokens t with T(q·t) <= tokens left after t. Where T(start) fits the budget at the start, some token is always allowed
and the text always closes in time.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..grammars import arena as layout
from ..grammars import engine_kernels as k
from ..grammars.kernel import kernel
from . import mask_kernels as mk
from .errors import CannotClose

if TYPE_CHECKING:
    from .masker import Masker

TOO_MANY = 1 << 29
SPARE = 8  # tokens that a text may take more because it must differ from others


@kernel
def _longest_token(trie: mk.PackedTrie, data: NDArray[np.uint8], begin: int, end: int) -> tuple[int, int]:
    """End and id of the longest token that data[begin:end] starts with; (begin, -1) if there is none."""
    v, stop = 0, trie[mk.NODES]
    best, token = begin, -1
    i = begin
    while i < end and v < stop:
        if trie[trie[mk.BYTE] + v] != data[i]:
            v += trie[trie[mk.SIZE] + v]
            continue
        i += 1
        first = trie[trie[mk.TOKEN_START] + v]
        if trie[trie[mk.TOKEN_START] + v + 1] > first:
            best, token = i, trie[trie[mk.TOKENS] + first]
        stop = v + trie[trie[mk.SIZE] + v]
        v += 1
    return best, token


@kernel
def _tokens_needed(
    arena: layout.Arena, trie: mk.PackedTrie, buffer: NDArray[np.uint8], q: int, most: int, longest: int
) -> int:
    """T(q), or TOO_MANY where it is above `most`; or a code of the engine. `buffer` uint8 [most * longest]."""
    if arena[arena[layout.Q_DISTANCE] + q] > most * longest:
        return TOO_MANY
    length = 0
    while arena[arena[layout.Q_DISTANCE] + q] > 0:
        best, following, nearest = -1, q, layout.FAR
        for c in range(arena[layout.N_CLASSES]):
            r = k.step_class(arena, q, c)
            if r < layout.DEAD:
                return r
            if r >= 0 and arena[arena[layout.Q_DISTANCE] + r] < nearest:
                best, following, nearest = c, r, arena[arena[layout.Q_DISTANCE] + r]
        if length == most * longest:
            return TOO_MANY
        buffer[length] = arena[arena[layout.REPRESENTATIVES] + best]
        q = following
        length += 1
    count, i = 0, 0
    while i < length:
        i, token = _longest_token(trie, buffer, i, length)
        count += 1
        if token < 0 or count > most:
            return TOO_MANY
    return count


@kernel
def _walk_within(
    arena: layout.Arena,
    trie: mk.PackedTrie,
    stack: NDArray[np.int32],
    buffer: NDArray[np.uint8],
    needed: NDArray[np.int32],
    row: mk.Row,
    q: int,
    most: int,
    longest: int,
    all_bytes: bool,
) -> int:
    """Set the bits of the tokens t with T(q·t) <= most. `needed` int32 [states], -1 where T is not known yet.

    Where every byte is a token (`all_bytes`), a completion of at most `most` bytes needs no look at its tokens.
    """
    stack[0] = q
    v, n = 0, trie[mk.NODES]
    while v < n:
        d = trie[trie[mk.DEPTH] + v]
        r = k.step(arena, stack[d], trie[trie[mk.BYTE] + v])
        if r < layout.DEAD:
            return r
        if r < 0:
            v += trie[trie[mk.SIZE] + v]
            continue
        first, last = trie[trie[mk.TOKEN_START] + v], trie[trie[mk.TOKEN_START] + v + 1]
        if last > first:
            count = needed[r] if r < needed.size else layout.GROW
            if all_bytes and arena[arena[layout.Q_DISTANCE] + r] <= most:
                count = 0
            elif count == -1:
                count = _tokens_needed(arena, trie, buffer, r, most, longest)
                if count >= 0:
                    needed[r] = count
            if count < 0:
                return count
            if count <= most:
                for e in range(first, last):
                    t = trie[trie[mk.TOKENS] + e]
                    row[t >> 5] |= np.uint32(1) << np.uint32(t & 31)
        stack[d + 1] = r
        v += 1
    return 0


def greedy_tokens(trie: mk.PackedTrie, data: bytes) -> list[int]:
    """Greedy tokenization of `data`, longest match first, as far as tokens spell it."""
    array = np.frombuffer(data, np.uint8)
    tokens: list[int] = []
    i = 0
    while i < len(data):
        i, token = _longest_token(trie, array, i, len(data))
        if token < 0:
            break
        tokens.append(int(token))
    return tokens


def tokens_to_close(masker: Masker, state: int, most: int = 1 << 16) -> int | None:
    """Tokens with which the text of `state` can surely be completed (an upper bound); None where it needs more than
    `most`, or bytes that no token spells."""
    from .product_masker import ProductMasker

    if state == masker.finished:
        return 0
    if isinstance(masker, ProductMasker):
        tokens = masker.closing_tokens(state)
        return None if tokens is None or len(tokens) > most else len(tokens)
    tables = masker.tables
    most = min(most, masker.automaton.distance(state))
    buffer = np.empty(max(1, most * tables.depths), np.uint8)
    needed = masker.automaton.run(_tokens_needed, tables.trie, buffer, state, most, tables.depths)
    return None if needed == TOO_MANY else needed


def _restrict_loosely(masker: Masker, state: int, loose: int, mask: mk.Row, remaining: int) -> mk.Row:
    """Like `restrict` for a state in which texts are recorded, where walking makes a state for every token: what the
    loose state allows in SPARE tokens less, or else the way of the shortest completion alone."""
    row = np.zeros_like(mask)
    if remaining > SPARE:
        with contextlib.suppress(CannotClose):
            row = restrict(masker, loose, masker.raw_mask(loose), remaining - SPARE) & mask
    if not row.any():
        tokens = shortest_tokens(masker, state, remaining)
        if tokens:
            row[tokens[0] >> 5] |= np.uint32(1 << (tokens[0] & 31))
    if masker.automaton.is_accepting(state):
        row |= masker.only_eos
    if not row.any():
        raise _cannot_close(masker, state, remaining)
    return row


def shortest_tokens(masker: Masker, state: int, most: int) -> list[int]:
    """The tokens of the short completion that T counts, none where there are more than `most`."""
    automaton, data = masker.automaton, bytearray()
    while automaton.distance(state) > 0:
        options = [(automaton.distance(r), b) for b in range(256) if (r := automaton.step(state, b)) != layout.DEAD]
        byte = min(options)[1]
        data.append(byte)
        state = automaton.step(state, byte)
        if len(data) > most * masker.tables.depths:
            return []
    tokens = greedy_tokens(masker.tables.trie, bytes(data))
    return tokens if len(tokens) <= most else []


def _cannot_close(masker: Masker, state: int, remaining: int) -> CannotClose:
    needs = tokens_to_close(masker, state)
    advice = f"{needs} tokens would do" if needs is not None else "this vocabulary cannot spell the completion"
    return CannotClose(
        f"{max(0, remaining)} tokens are left, in which the text cannot be completed: {advice}; "
        "give more tokens (max_new_tokens) or a smaller grammar"
    )


def restrict(masker: Masker, state: int, mask: mk.Row, remaining: int) -> mk.Row:
    """The part of `mask` after which the text can still be completed, when `remaining` tokens may be produced.

    An end-of-sequence token costs nothing: the text may end exactly at the budget. Raises CannotClose where nothing
    is left.
    """
    tables, automaton = masker.tables, masker.automaton
    if state == masker.finished:
        return mask
    reach = masker.reach_of(state)
    if tables.all_bytes and reach < remaining:
        return mask
    loose = masker.loose(state)
    if loose != state:
        return _restrict_loosely(masker, state, loose, mask, remaining)
    most = remaining - 1
    row = np.zeros_like(mask)
    if most >= 0:
        buffer = np.empty(max(1, most * tables.depths), np.uint8)
        stack = np.empty(tables.depths + 2, np.int32)
        with automaton.lock:
            while True:
                needed = np.full(int(automaton.arena[layout.CAP_STATES]), -1, np.int32)
                code = _walk_within(
                    automaton.arena,
                    tables.trie,
                    stack,
                    buffer,
                    needed,
                    row,
                    state,
                    most,
                    tables.depths,
                    tables.all_bytes,
                )
                if code >= 0:
                    break
                automaton.grow(code)
                row[:] = 0
    if automaton.is_accepting(state):
        row |= masker.only_eos
    if not row.any():
        raise _cannot_close(masker, state, remaining)
    return row
