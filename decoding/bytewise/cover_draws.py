"""Drawing one cover of a byte prefix in proportion to its probability: how generation starts from any bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..errors import NoCover
from .frontier import Frontier, Path
from .masses import ROOT

if TYPE_CHECKING:
    from .state import ByteState
    from .tree import Node


class Cover(NamedTuple):
    """A token string that reaches the end of a prefix."""

    tokens: list[int]
    """All of its tokens, the state's context first."""
    overrun: bytes
    """What it spells beyond the prefix."""
    parent: Node
    """The evaluated context that the last token goes on from; where `evaluated`, that of all tokens."""
    evaluated: bool


def draw(
    state: ByteState,
    frontier: Frontier,
    generator: np.random.Generator | None,
    allowed: Callable[[bytes], bool] | None,
) -> Cover:
    """One cover; see `ByteModel.draw_covers`. Whether a last token is canonical is asked of drawn ones only: drawing
    again after one that is not leaves the others in proportion."""
    covers: list[tuple[Node, Path, int]] = []  # the context, its tokens, and one more; -1 for none
    weights: list[np.ndarray[tuple[int], np.dtype[np.float64]]] = []
    unsure: list[tuple[int, ...] | None] = []  # the window after which a token may turn out not to be canonical
    overruns: list[bytes] = []

    def add(node: Node, path: Path, token: int, overrun: bytes, window: tuple[int, ...] | None) -> None:
        covers.append((node, path, token))
        overruns.append(overrun)
        unsure.append(window)

    may_end = allowed is None or allowed(b"")
    for stub in state.stubs:
        if not stub.pending and may_end:
            add(stub.parent, stub.path, stub.token, b"", None)
            weights.append(np.array([stub.weight]))
    vocabulary, canonical = frontier.vocabulary, frontier.canonical
    for head in state.heads:
        if head.v == ROOT:
            if not may_end:
                continue
            add(head.node, head.path, -1, b"", None)
            weights.append(np.array([head.weight]))
            continue
        ids = frontier.below(head.v)
        ids = ids[head.logprobs[ids] > -np.inf]
        if canonical is not None:
            ids = ids[canonical.verdicts(head.window)[ids] != 1]
        depth = int(vocabulary.trie.depth[head.v]) + 1
        spelled = [vocabulary.token_bytes(token)[depth:] for token in ids.tolist()]
        kept = np.array([allowed is None or allowed(text) for text in spelled], np.bool_)
        for token, text in zip(ids[kept].tolist(), [t for t, k in zip(spelled, kept, strict=True) if k], strict=True):
            add(head.node, head.path, token, text, None if canonical is None else head.window)
        weights.append(head.logprobs[ids[kept]] + head.weight)
    left = np.concatenate(weights) if weights else np.zeros(0)
    while left.max(initial=-np.inf) > -np.inf:
        if generator is None:
            chosen = int(left.argmax())
        else:
            chances = np.exp(left - left.max())
            chosen = int(generator.choice(len(left), p=chances / chances.sum()))
        node, path, token = covers[chosen]
        window = unsure[chosen]
        if window is not None and canonical is not None and not canonical.follows(window, np.array([token]))[0]:
            left[chosen] = -np.inf
            continue
        tokens = [*state.context, *_tokens(path), *([token] if token >= 0 else [])]
        return Cover(tokens, overruns[chosen], node, token < 0)
    raise NoCover(
        f"no cover of the prefix {state.prefix[-40:]!r} has a probability above zero"
        + ("" if allowed is None else " and goes on as the grammar allows")
    )


def _tokens(path: Path) -> list[int]:
    found: list[int] = []
    while path is not None:
        path, token = path
        found.append(token)
    return found[::-1]
