"""A first use of every kernel of the masks, so that all are compiled at one time (see `grammars/warmup.py`)."""

from __future__ import annotations

import numpy as np

from ..grammars import Grammar
from ..grammars.arena import RECORDED
from ..grammars.network import Network
from .lexeme_kernels import add_row, set_tokens
from .vocabulary import Vocabulary


def use_kernels() -> None:
    """Call every kernel of the masks once, on a grammar with a loop, a counted loop, a key near a free one, and texts
    that must differ."""
    from .masker import Masker

    def emit(network: Network, a: int, b: int) -> None:
        character = network.rule()
        loop, counted, key = network.node(), network.node(), network.node()
        for lo, hi in ((0x20, 0x21), (0x23, 0x7E)):
            network.edge(character.start, lo, hi, character.end)
            network.edge(loop, lo, hi, loop)
            network.edge(key, lo, hi, loop)
        network.edge(a, 0, 0, loop)
        network.edge(a, 1, 1, counted)
        network.literal(key, b"a" * 20, b)
        network.edge(a, 2, 2, key)
        network.edge(loop, 0x22, 0x22, b)
        end = network.node()
        network.repeat(counted, character, end, 1, 20)
        network.edge(end, 0x22, 0x22, b)
        scope = network.scope(network.literal(a, bytes([3])), b, 1, None, character, (2, 3, 1))
        text, behind = network.rule(), network.node()
        network.edge(text.start, 0x41, 0x5A, text.start)
        network.edge(text.start, 0x22, 0x22, text.end)
        network.text(text.start)
        network.item(scope, 0, True)
        network.option(scope, scope.start, 0, character, behind)
        network.option(scope, scope.start, RECORDED, text, behind)
        network.further(scope, behind, scope.start, scope.start)
        network.epsilon(behind, scope.end)

    vocabulary = Vocabulary.from_bytes([bytes([i]) for i in range(256)] + [None], eos_token_ids=[256])
    masker = Masker(Grammar(emit, "warm-up"), vocabulary)
    row = np.empty(masker.words, np.uint32)
    for first in range(3):
        state = masker.accept(masker.start, first)
        masker.fill(state, row)
        for _ in range(19):
            state = masker.accept(state, 0x41)
            masker.fill(state, row, remaining=2)
    state = masker.accept(masker.accept(masker.start, 3), 0x42)
    for token in (0x22, 0x41, 0x22, 0x43):
        state = masker.accept(state, token)
        masker.fill(state, row)
        masker.fill(state, row, remaining=9)
    masker.forced_tokens(masker.start)
    set_tokens(row, masker.tables.lexemes.of_digits((0,), 2).tokens)
    add_row(row, row.copy())
