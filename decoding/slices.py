"""Slices: a vocabulary cut along a self-loop of an automaton.

Inside a JSON string, in free text, in an identifier, an automaton loops on one state. Write a token as s·r with s its
longest prefix that stays in the loop: tokens with empty r are all allowed, and only the distinct *tails* r need to be
walked (about 3,000 for a JSON string on a vocabulary of 128,000). A slice is built once per vocabulary and loop and
then serves every state of every grammar that loops on the same bytes.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..grammars.kernel import kernel
from .mask_kernels import (
    BYTE,
    DEPTH,
    NODES,
    SIZE,
    TOKEN_START,
    TOKENS,
    PackedTrie,
    Row,
    SiblingTrie,
    pack_trie,
    sibling_trie,
)

Int32Array = NDArray[np.int32]


class LoopSlice:
    """A vocabulary cut along one loop.

    Attributes:
        inside: row of the tokens that stay in the loop from end to end.
        leads: bool [256], first bytes of tokens that begin with a part of the loop; the rest is about these tokens.
        tails: sibling trie of the distinct tails of all that leave the loop.
        early_tokens, early_rounds: int32, ids of these by rising number of rounds before their tail, and those numbers.
        late_tokens, late_rounds: int32, the same tokens by the falling number of rounds that they make at most, and
            those numbers, negated.
        inside_tokens: int32, ids of the inside tokens, by falling number of characters (rounds of the loop).
        longer_than: int32 [n]: `inside_tokens[:longer_than[r]]` have more than r characters, for r < n.
    """

    def __init__(
        self,
        inside: Row,
        tails: SiblingTrie,
        tokens: Int32Array,
        rounds: Int32Array,
        most: Int32Array,
        leads: NDArray[np.bool_],
    ) -> None:
        """`rounds`: for each of the tokens those of the loop that it makes, or -1 less those before its tail; `most`:
        how many rounds it makes at most, if it has a tail; 0 for all others."""
        self.inside = inside
        self.tails = tails
        self.leads = leads
        self._tokens, self._rounds = tokens, rounds
        outside = (rounds < 0) & (most > 0)
        ids, before, most = tokens[outside], -1 - rounds[outside], most[outside]
        order = np.argsort(before, kind="stable")
        self.early_tokens, self.early_rounds = np.ascontiguousarray(ids[order]), before[order]
        order = np.argsort(-most, kind="stable")
        self.late_tokens, self.late_rounds = np.ascontiguousarray(ids[order]), -most[order]

    @cached_property
    def _by_rounds(self) -> tuple[Int32Array, Int32Array]:
        return _sort_by_rounds(self._tokens, self._rounds)

    @property
    def inside_tokens(self) -> Int32Array:
        return self._by_rounds[0]

    @property
    def longer_than(self) -> Int32Array:
        return self._by_rounds[1]


@kernel
def _sort_by_rounds(tokens: Int32Array, rounds: Int32Array) -> tuple[Int32Array, Int32Array]:
    """Tokens with rounds >= 0 by falling rounds, and for every r how many have more than r (counting sort)."""
    most = 0
    for e in range(rounds.size):
        most = max(most, rounds[e])
    longer_than = np.zeros(most + 1, np.int32)
    for e in range(rounds.size):
        if rounds[e] > 0:
            longer_than[rounds[e] - 1] += 1
    for r in range(most - 1, -1, -1):
        longer_than[r] += longer_than[r + 1]
    place = longer_than.copy()
    order = np.empty(longer_than[0], np.int32)
    for e in range(rounds.size):
        if rounds[e] > 0:
            order[place[rounds[e]]] = tokens[e]
            place[rounds[e]] += 1
    return order, longer_than


@kernel
def _continuation_bytes(lead: int) -> int:
    """How many bytes follow this first byte of a UTF-8 character; 0 for a byte that begins none."""
    if 0xC2 <= lead <= 0xDF:
        return 1
    if 0xE0 <= lead <= 0xEF:
        return 2
    return 3 if 0xF0 <= lead <= 0xF4 else 0


@kernel
def _continues(lead: int, left: int, byte: int) -> bool:
    """Whether `byte` may come with `left` bytes to go after `lead` (well-formed UTF-8, Unicode table 3-7)."""
    lo, hi = 0x80, 0xBF
    if left == _continuation_bytes(lead):
        if lead == 0xE0:
            lo = 0xA0
        elif lead == 0xED:
            hi = 0x9F
        elif lead == 0xF0:
            lo = 0x90
        elif lead == 0xF4:
            hi = 0x8F
    return lo <= byte <= hi


@kernel
def _cut(
    trie: PackedTrie, depths: int, loop: Int32Array, characters: bool, inside: Row
) -> tuple[Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, int]:
    """One pass over the trie: marks the inside tokens and collects the tails in a hashed trie.

    Returns rounds per inside token (by place in trie order, -1 for tail tokens), the tail node of each token (-1 for
    inside ones), and parent, byte, number of tokens of the tail nodes, and how many there are. Tail node 0 is the root.
    """
    n = trie[NODES]
    byte, depth = trie[BYTE], trie[DEPTH]
    starts = trie[TOKEN_START]
    total = trie[starts + n]
    rounds = np.full(total, -1, np.int32)
    tail_of = np.full(total, -1, np.int32)
    most = np.zeros(total, np.int32)
    parent = np.zeros(n + 1, np.int32)
    label = np.zeros(n + 1, np.int32)
    count = np.zeros(n + 1, np.int32)
    slots = 1 << 12
    table = np.full(slots, -1, np.int32)
    nodes = 1
    # Per depth: rounds so far, bytes pending of the current character with its first byte, and the tail node reached.
    done = np.zeros(depths + 2, np.int32)
    left = np.zeros(depths + 2, np.int32)
    lead = np.zeros(depths + 2, np.int32)
    tail = np.zeros(depths + 2, np.int32)
    out = np.zeros(depths + 2, np.uint8)  # whether the loop has been left
    length = np.zeros(depths + 2, np.int32)  # bytes of the tail
    after = 0
    for v in range(n):
        d = trie[depth + v]
        b = trie[byte + v]
        if v < after:
            continue
        done[d + 1], left[d + 1], lead[d + 1], tail[d + 1], out[d + 1] = done[d], 0, 0, 0, 0
        length[d + 1] = 0
        if d == 0 and not (loop[b >> 5] >> (b & 31)) & 1 and not (characters and _continuation_bytes(b) > 0):
            after = v + trie[trie[SIZE] + v]  # such tokens are looked at where they are asked for
            continue
        grow = True
        if not out[d]:
            if left[d] == 0:
                if (loop[b >> 5] >> (b & 31)) & 1:
                    done[d + 1] = done[d] + 1
                    grow = False
                elif characters and _continuation_bytes(b) > 0:
                    left[d + 1], lead[d + 1] = _continuation_bytes(b), b
                else:
                    out[d + 1] = 1
            elif _continues(lead[d], left[d], b):
                left[d + 1], lead[d + 1] = left[d] - 1, lead[d]
                if left[d + 1] == 0:
                    done[d + 1] = done[d] + 1
                    grow = False
            else:
                out[d + 1] = 1
        else:
            out[d + 1] = 1
        first, last = trie[starts + v], trie[starts + v + 1]
        if grow:  # the byte belongs to a tail: an unfinished character is one as long as it is not finished
            above = tail[d]
            h = ((above * 256 + b) * 0x9E3779B1) & (slots - 1)
            while table[h] >= 0 and (parent[table[h]] != above or label[table[h]] != b):
                h = (h + 1) & (slots - 1)
            if table[h] < 0:
                table[h] = nodes
                parent[nodes], label[nodes] = above, b
                nodes += 1
            reached = table[h]
            tail[d + 1] = reached
            length[d + 1] = length[d] + 1
            if 2 * nodes > slots:
                slots *= 4
                table = np.full(slots, -1, np.int32)
                for w in range(1, nodes):
                    h = ((parent[w] * 256 + label[w]) * 0x9E3779B1) & (slots - 1)
                    while table[h] >= 0:
                        h = (h + 1) & (slots - 1)
                    table[h] = w
            for e in range(first, last):
                tail_of[e] = reached
                rounds[e] = -1 - done[d + 1]
                most[e] = done[d + 1] + length[d + 1]
                count[reached] += 1
        else:
            for e in range(first, last):
                t = trie[trie[TOKENS] + e]
                inside[t >> 5] |= np.uint32(1) << np.uint32(t & 31)
                rounds[e] = done[d + 1]
    return rounds, most, tail_of, parent[:nodes], label[:nodes], count[:nodes]


@kernel
def _tail_trie(
    parent: Int32Array, label: Int32Array, count: Int32Array, tail_of: Int32Array, tokens: Int32Array
) -> tuple[Int32Array, Int32Array, Int32Array, Int32Array, Int32Array]:
    """Depth-first arrays (byte, size, depth, token_start, tokens) of the hashed trie, without nodes that lead
    to no token. A parent's number is below its children's."""
    n = parent.size
    below = count.copy()
    for v in range(n - 1, 0, -1):
        below[parent[v]] += below[v]
    sizes = np.zeros(n, np.int32)
    for v in range(n - 1, 0, -1):
        if below[v] > 0:
            sizes[v] += 1
            sizes[parent[v]] += sizes[v]
    m = sizes[0]
    place = np.full(n, -1, np.int32)
    following = np.zeros(n, np.int32)
    byte, size, depth = np.empty(m, np.int32), np.empty(m, np.int32), np.empty(m, np.int32)
    starts = np.zeros(m + 1, np.int32)
    for v in range(1, n):
        if below[v] == 0:
            continue
        p = parent[v]
        w = following[p]
        following[p] += sizes[v]
        place[v] = w
        following[v] = w + 1
        byte[w], size[w] = label[v], sizes[v]
        depth[w] = 0 if p == 0 else depth[place[p]] + 1
        starts[w + 1] = count[v]
    for w in range(m):
        starts[w + 1] += starts[w]
    ids = np.empty(starts[m], np.int32)
    free = starts.copy()
    for e in range(tail_of.size):
        if tail_of[e] > 0:
            w = place[tail_of[e]]
            ids[free[w]] = tokens[e]
            free[w] += 1
    return byte, size, depth, starts, ids


def build_slice(trie: PackedTrie, depths: int, words: int, loop: Int32Array, characters: bool) -> LoopSlice:
    """Cut a vocabulary along a loop.

    Args:
        trie: packed trie of the vocabulary.
        depths: length in bytes of its longest token.
        words: 32-bit words in a row.
        loop: int32 [8], the set of bytes that lead back to the state.
        characters: whether all multi-byte UTF-8 characters lead back too.
    """
    inside = np.zeros(words, np.uint32)
    rounds, most, tail_of, parent, label, count = _cut(trie, depths, loop, characters, inside)
    tokens = trie[trie[TOKENS] : trie[TOKENS] + len(rounds)]
    tails = sibling_trie(pack_trie(*_tail_trie(parent, label, count, tail_of, tokens)))
    leads = np.unpackbits(np.ascontiguousarray(loop).view(np.uint8), bitorder="little").astype(np.bool_)
    if characters:
        leads[0xC2:0xF5] = True
    return LoopSlice(inside, tails, tokens, rounds, most, leads)
