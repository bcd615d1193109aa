"""Contexts of a transformers model as a tree in one cache: any number of branches in one call.

All contexts lie one after another in a single row of keys and values; a four-dimensional attention mask shows each
token the positions of its own context only, and position ids say where it stands in that. Positions that no living node
needs are gathered out now and then. Models that take no such mask have a cache for each context, copied to fork.
"""

from __future__ import annotations

import copy
import functools
import inspect
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from ...decoding import DecodingError
from ...decoding.bytewise.tree import Asked, Grown, Logprobs, Node, Opened, TokenTree, UncachedTree, to_float64

if TYPE_CHECKING:
    from .language_model import TransformersModel

Positions = NDArray[np.int64]

_CHUNK = 256  # tokens whose logits are held at once while a text is scored
_ROWS = 4  # on a CPU, products of a large matrix with two or three rows take longer than with four
_SPARE = 512  # positions that may be unused before any are gathered out


def make_tree(model: TransformersModel) -> TokenTree:
    """The best tree that a model can have: masked, or else forked; one without a cache where the model is to use none.

    Raises DecodingError where the model's cache cannot be copied.
    """
    if not model.use_cache:
        return UncachedTree(model)
    if takes_tree_mask(model):
        return MaskedTree(model)
    return ForkedTree(model)


_verdicts: weakref.WeakKeyDictionary[Any, bool] = weakref.WeakKeyDictionary()


def takes_tree_mask(model: TransformersModel) -> bool:
    """Whether a model follows a four-dimensional mask and position ids: tried once, on a tree of five tokens."""
    host = model.model
    if host not in _verdicts:
        _verdicts[host] = _follows_mask(model)
    return _verdicts[host]


def _follows_mask(model: TransformersModel) -> bool:
    host = model.model
    text = host.config.get_text_config()
    if getattr(text, "_attn_implementation", "eager") not in ("eager", "sdpa"):
        return False
    cache = DynamicCache(config=host.config)
    if not cache.layers or any(type(layer) is not DynamicLayer for layer in cache.layers):
        return False  # a sliding window, or a state that is no sequence of keys and values
    if not {"attention_mask", "position_ids", model.cache_argument} <= _parameters(host):
        return False
    a, b, c, d = (i % model.vocabulary_size for i in (11, 5, 7, 3))
    tree = MaskedTree(model)
    try:
        root = tree.open([a, b]).node
        _, rows = tree.extend([root, root, 1], [c, d, c])
    except (RuntimeError, ValueError, TypeError, IndexError):
        return False
    want = to_float64(model.next_logprobs([[a, b, c], [a, b, d], [a, b, d, c]]))
    exact = torch.finfo(host.dtype).eps < 1e-6
    return bool(np.abs(rows - want).max() < (1e-3 if exact else 0.25))


class MaskedTree(TokenTree):
    """All contexts in one cache of one row. A node's slot is the positions that its context occupies, in order."""

    shares = True

    def __init__(self, model: TransformersModel) -> None:
        self._model = model
        self._cache: Any = DynamicCache(config=model.model.config)
        self._used = 0
        self._nodes: weakref.WeakSet[Node] = weakref.WeakSet()
        self._last: tuple[list[int], Node] | None = None  # the context opened last, whose beginning the next may share

    def open(self, context: Sequence[int], scored: int = 0) -> Opened:
        """See TokenTree. Tokens in common with the context opened before are not evaluated again."""
        ids = list(context)
        above = self._shared(ids, scored)

        def evaluate(part: list[int], keep: int) -> torch.Tensor:
            nonlocal above
            own = np.arange(self._used, self._used + len(part))
            visible = np.zeros((len(part), self._used + len(part)), np.bool_)
            visible[:, above] = True
            visible[:, own] = np.tri(len(part), dtype=np.bool_)
            places = np.arange(len(above), len(above) + len(part))
            above = np.concatenate([above, own])
            return self._forward(part, visible, places, keep, causal=self._used == 0)

        row, scores = _read(ids[len(above) :], scored, evaluate)
        node = self._node(len(ids), above)
        self._last = (ids, node)
        return Opened(node, row, scores)

    def open_tree(self, asked: Asked) -> Grown:
        """See TokenTree; in one call."""
        context, parents, tokens = asked
        if not tokens:
            return super().open_tree(asked)
        self._model.check_tokens(tokens)
        ids, n = list(context), len(tokens)
        above = self._shared(ids, 0)
        rest = ids[len(above) :]
        own = np.arange(self._used, self._used + len(rest))
        visible = np.zeros((len(rest) + n, self._used + len(rest) + n), np.bool_)
        visible[: len(rest), above] = True
        visible[: len(rest), own] = np.tri(len(rest), dtype=np.bool_)
        root = self._node(len(ids), np.concatenate([above, own]))
        nodes: list[Node] = []
        for i, place in enumerate(parents):
            parent = root if place < 0 else nodes[place]
            nodes.append(self._node(parent.length + 1, np.append(parent.slot, self._used + len(rest) + i)))
            visible[len(rest) + i, nodes[i].slot] = True
        self._model.check_length(max(node.length for node in [root, *nodes]))
        places = np.concatenate([np.arange(len(above), len(ids)), [node.length - 1 for node in nodes]]).astype(np.int64)
        rows = to_float64(self._forward([*rest, *tokens], visible, places, n + 1))
        self._last = (ids, root)
        return Opened(root, rows[0], np.zeros(0, np.float64)), nodes, rows[1:]

    def extend(self, parents: Sequence[Node | int], tokens: Sequence[int]) -> tuple[list[Node], Logprobs]:
        """See TokenTree."""
        self._model.check_tokens(tokens)
        self._gather()
        n = len(tokens)
        rows = max(n, _ROWS) if n > 1 and self._model.device.type == "cpu" else n
        visible = np.zeros((rows, self._used + rows), np.bool_)
        nodes: list[Node] = []
        for i, parent in enumerate(parents):
            above = nodes[parent] if isinstance(parent, int) else parent
            nodes.append(self._node(above.length + 1, np.append(above.slot, self._used + i)))
            visible[i, nodes[i].slot] = True
        self._model.check_length(max(node.length for node in nodes))
        visible[n:] = visible[n - 1]  # of tokens that only fill up the rows
        filled = [*tokens, *[tokens[-1]] * (rows - n)]
        positions = np.array([node.length - 1 for node in nodes] + [nodes[-1].length - 1] * (rows - n))
        return nodes, to_float64(self._forward(filled, visible, positions, keep=0)[:n])

    def _shared(self, ids: list[int], scored: int) -> Positions:
        """Check a context; positions of its beginning, where that is the beginning of the one before."""
        if not ids:
            raise DecodingError("a context has no tokens: begin it with a BOS token, or any other")
        self._model.check_tokens(ids)
        self._model.check_length(len(ids))
        self._gather()
        if self._last is None:
            return np.zeros(0, np.int64)
        before, last = self._last
        shared = 0
        while shared < min(len(before), len(ids) - scored - 1) and before[shared] == ids[shared]:
            shared += 1
        return cast(Positions, last.slot[:shared])

    def rows(self, index: Positions) -> DynamicCache:
        """A cache of its own with one row for each row of `index`, the positions [rows, length] to copy."""
        place = torch.from_numpy(index).to(self._model.device)
        cache = DynamicCache(config=self._model.model.config)
        for i, layer in enumerate(self._cache.layers):
            keys, values = (kept[0][:, place].transpose(0, 1).contiguous() for kept in (layer.keys, layer.values))
            cache.update(keys, values, i)
        return cache

    def _node(self, length: int, positions: Positions) -> Node:
        node = Node(self, length, positions)
        self._nodes.add(node)
        return node

    def _forward(
        self, tokens: list[int], visible: NDArray[np.bool_], positions: Positions, keep: int, *, causal: bool = False
    ) -> torch.Tensor:
        """Log-probabilities after the last `keep` tokens (0: after all), [tokens, vocabulary]. `causal`: each sees all
        that come before, so that no mask is needed."""
        host = self._model.model
        mask: torch.Tensor | None = None
        if not causal:
            mask = torch.zeros((1, 1, *visible.shape), dtype=host.dtype)
            mask.masked_fill_(torch.from_numpy(~visible), torch.finfo(host.dtype).min)
            mask = mask.to(host.device)
        self._used += len(tokens)
        return _logprobs(self._model, tokens, mask, positions, self._cache, keep)

    def _gather(self) -> None:
        """Drop the positions that no living node needs, where they are many."""
        living = list(self._nodes)
        if self._last is not None and self._last[1] not in living:
            living.append(self._last[1])
        if self._used <= _SPARE:
            return
        needed = np.zeros(self._used, np.bool_)
        for node in living:
            needed[node.slot] = True
        if 2 * needed.sum() + _SPARE > self._used:
            return
        kept = np.flatnonzero(needed)
        place = np.cumsum(needed) - 1
        index = torch.from_numpy(kept).to(self._model.device)
        for layer in self._cache.layers:
            layer.keys = layer.keys.index_select(2, index)
            layer.values = layer.values.index_select(2, index)
        for node in living:
            node.slot = place[node.slot]
        self._used = len(kept)


class ForkedTree(TokenTree):
    """A cache for each context, copied to go on from it. A node's slot is its cache."""

    def __init__(self, model: TransformersModel) -> None:
        self._model = model
        model.new_cache()  # raises where there is none that can be copied

    def open(self, context: Sequence[int], scored: int = 0) -> Opened:
        """See TokenTree."""
        ids = list(context)
        if not ids:
            raise DecodingError("a context has no tokens: begin it with a BOS token, or any other")
        self._model.check_tokens(ids)
        self._model.check_length(len(ids))
        cache = self._model.new_cache()
        begin = 0

        def evaluate(part: list[int], keep: int) -> torch.Tensor:
            nonlocal begin
            begin += len(part)
            return _logprobs(self._model, part, None, np.arange(begin - len(part), begin), cache, keep)

        row, scores = _read(ids, scored, evaluate)
        return Opened(Node(self, len(ids), cache), row, scores)

    def extend(self, parents: Sequence[Node | int], tokens: Sequence[int]) -> tuple[list[Node], Logprobs]:
        """See TokenTree; one call of the model for each node."""
        self._model.check_tokens(tokens)
        nodes: list[Node] = []
        rows: list[Logprobs] = []
        for parent, token in zip(parents, tokens, strict=True):
            above = nodes[parent] if isinstance(parent, int) else parent
            self._model.check_length(above.length + 1)
            cache = copy.deepcopy(above.slot)
            rows.append(to_float64(_logprobs(self._model, [token], None, np.array([above.length]), cache, 1)[0]))
            nodes.append(Node(self, above.length + 1, cache))
        return nodes, np.stack(rows)


def _read(
    tokens: list[int], scored: int, evaluate: Callable[[list[int], int], torch.Tensor]
) -> tuple[Logprobs, Logprobs]:
    """Evaluate tokens in their order, in parts if they are scored: what follows them, and the last `scored` scores."""
    if not scored:
        return to_float64(evaluate(tokens, 1)[-1]), np.zeros(0, np.float64)
    scores: list[float] = []
    before: torch.Tensor | None = None
    for begin in range(0, len(tokens), _CHUNK):
        part = tokens[begin : begin + _CHUNK]
        logprobs = evaluate(part, 0)
        rows, targets = (logprobs[:-1], part[1:]) if before is None else (torch.cat([before, logprobs[:-1]]), part)
        scores += rows.gather(1, torch.tensor(targets, dtype=torch.int64, device=rows.device)[:, None])[:, 0].tolist()
        before = logprobs[-1:]
    assert before is not None
    return to_float64(before[0]), np.array(scores[-scored:], np.float64)


def _logprobs(
    model: TransformersModel, tokens: list[int], mask: torch.Tensor | None, positions: Positions, cache: Any, keep: int
) -> torch.Tensor:
    """One call of the model for one row: log-probabilities after the last `keep` tokens (0: after all), [n, width]."""
    host = model.model
    if host.training:
        raise DecodingError(f"{type(host).__name__} is in training mode, with dropout: call model.eval()")
    names = _parameters(host)
    arguments: dict[str, Any] = {"input_ids": torch.tensor([tokens], device=host.device), model.cache_argument: cache}
    if mask is not None:
        arguments["attention_mask"] = mask
    if "position_ids" in names:
        arguments["position_ids"] = torch.from_numpy(positions)[None].to(host.device)
    if "logits_to_keep" in names:
        arguments["logits_to_keep"] = keep
    with torch.inference_mode():
        logits = host(**arguments, use_cache=True).logits[0, -keep if keep else 0 :]
    with torch.no_grad():
        logprobs = torch.log_softmax(logits, dim=-1, dtype=torch.promote_types(logits.dtype, torch.float32))
    if bool(logprobs[:, 0].isnan().any()):
        raise DecodingError(f"{type(host).__name__} gives logits that are no numbers")
    return logprobs


@functools.lru_cache(maxsize=64)
def _signature(forward: Any) -> frozenset[str]:
    return frozenset(inspect.signature(forward).parameters)


def _parameters(host: Any) -> frozenset[str]:
    """Names of the arguments that a model's forward takes."""
    return _signature(type(host).forward)
