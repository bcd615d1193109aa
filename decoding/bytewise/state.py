"""A byte prefix under a model of tokens: its covers, and the distribution of the next byte.

Covers that have not been evaluated are deferred as long as they cannot matter: with heads of mass L and deferred stubs
of weight at most S, leaving the stubs out changes the distribution by a total variation of at most S / (L + S).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from ..errors import NoCover, TooManyCovers
from .frontier import EOS, Frontier, Head, Stub
from .masses import ROOT, log_sum
from .temperature import check_byte_temperature, tempered
from .tree import Logprobs, Node

if TYPE_CHECKING:
    from .byte_model import ByteModel

# How eps is shared out: deferred stubs, and tokens not known to be canonical. Together at most eps for eps <= 1/2.
_DEFERRED, _UNKNOWN = 0.7, 0.2
_ALONG = 0.02  # stubs of this part of the deferred share are evaluated along with those that have to be


class ByteState:
    """A prefix of bytes after a context; made by `ByteModel.start`.

    `advance` moves on in place and evaluates nothing; `next_byte` evaluates what it needs; `fork` copies, and costs no
    evaluation.
    """

    prefix: bytes
    """Bytes advanced over so far, those of the prefix that the state was started with included."""
    bound: float
    """Bound on the total variation between the last `next_byte` and the exact distribution; 0.0 at eps 0."""

    context: list[int]
    """Tokens that all covers begin with: those before the bytes, and what of the prefix was settled at the start."""

    def __init__(
        self, model: ByteModel, frontier: Frontier, context: list[int], heads: list[Head], stubs: list[Stub]
    ) -> None:
        self._model = model
        self.context = context
        self._frontier = frontier
        self.heads = heads
        self.stubs = stubs
        self.prefix = b""
        self.bound = 0.0
        self.nothing: float | None = None  # log-probability of EOS before any byte, where a dummy space stands there

    def fork(self) -> ByteState:
        """An independent copy."""
        twin = ByteState(self._model, self._frontier, self.context, self.heads, self.stubs)
        twin.prefix, twin.bound, twin.nothing = self.prefix, self.bound, self.nothing
        return twin

    def next_byte(self, byte_temperature: float = 1.0) -> Logprobs:
        """Log-probabilities of the next symbol: float64 [257], the 256 bytes and the end of the text; normalised.

        `byte_temperature`: by which they are divided. DecodingError where the model's temperature of tokens is not 1
        either, or its eps not 0.
        """
        check_byte_temperature(byte_temperature, self._model.temperature, self._model.eps)
        return tempered(self._model.next_bytes([self])[0], byte_temperature)

    def advance(self, data: bytes | int) -> ByteState:
        """Go on by one byte (an int) or several, in place; returns itself.

        Raises NoCover, and leaves the state as it is, where no tokens of the vocabulary spell these bytes here, and
        TooManyCovers beyond the model's `max_covers`.
        """
        data = bytes([data]) if isinstance(data, int) else data
        heads, stubs = self.heads, self.stubs
        for i, byte in enumerate(data):
            heads, stubs = self._step(heads, stubs, byte)
            if not heads and not stubs:
                raise NoCover(
                    f"no {self._model.kind}tokens of this vocabulary spell {data[: i + 1][-40:]!r} "
                    f"after {self.prefix[-40:]!r}"
                )
            self.check(len(heads) + len(stubs))
        self.heads, self.stubs = heads, stubs
        self.prefix += data
        if data:
            self.nothing = None
        return self

    def log_evidence(self) -> tuple[float, float]:
        """Bounds on log P(prefix), the probability of all covers of the prefix after the state's context: equal at
        eps 0, apart by the share of what was deferred otherwise."""
        return self._model.log_evidence([self])[0]

    def check(self, covers: int) -> None:
        """Raise TooManyCovers beyond the budget."""
        if covers > self._model.max_covers:
            raise TooManyCovers(
                f"more than {self._model.max_covers} covers of {self.prefix[-40:]!r} would have to be followed: "
                'use semantics="canonical", a larger eps, or a larger max_covers'
            )

    def _step(self, heads: list[Head], stubs: list[Stub], byte: int) -> tuple[list[Head], list[Stub]]:
        frontier = self._frontier
        new_heads: list[Head] = []
        new_stubs: list[Stub] = []
        for head in heads:
            v = frontier.child(head.v, byte)
            if v < 0:
                continue
            if frontier.ends(v):
                new_stubs += frontier.stubs_at(head, v, b"")
            if frontier.goes_on(v):
                new_heads.append(head.at(v))
        known: dict[tuple[int, ...], tuple[int, ...]] = {}
        for stub in stubs:
            if stub.reach not in known:
                known[stub.reach] = frontier.reach(stub.reach, bytes([byte]))
            reach = known[stub.reach]
            if reach:
                new_stubs.append(stub._replace(pending=stub.pending + bytes([byte]), reach=reach))
        return new_heads, new_stubs

    # What ByteModel asks while it settles one or several states.

    def wanted(self, eps: float) -> list[Stub]:
        """Stubs to evaluate next so that the distribution is known within eps; resolves tokens below heads."""
        self._resolve(eps, self.heads)
        return self._heaviest(self.stubs, self._known(), eps)

    def wanted_pending(self, eps: float) -> list[Stub]:
        """Stubs to evaluate next so that the evidence is known within eps."""
        self._resolve(eps, self._partial())
        return self._heaviest([s for s in self.stubs if s.pending], self._covered(), eps)

    def wanted_covers(self, eps: float) -> list[Stub]:
        """Stubs to evaluate next so that covers are known within eps; which tokens are canonical is left open."""
        return self._heaviest([s for s in self.stubs if s.pending], self._covered(), eps)

    def take(self, done: Iterable[tuple[Stub, Node, Logprobs]]) -> None:
        """Replace stubs by what they have become."""
        gone, heads, stubs = set[int](), list(self.heads), list[Stub]()
        for stub, node, logprobs in done:
            gone.add(id(stub))
            new_heads, new_stubs = self._frontier.open(stub, node, logprobs)
            heads += new_heads
            stubs += new_stubs
        self.heads = heads
        self.stubs = [stub for stub in self.stubs if id(stub) not in gone] + stubs
        self.check(len(self.heads) + len(self.stubs))

    def joint(self) -> Logprobs:
        """[257] log-probability of the prefix and each next symbol, from the heads as they are."""
        rows = [self._frontier.masses(head) + head.weight for head in self.heads]
        out = np.logaddexp.reduce(rows, axis=0) if rows else np.full(257, -np.inf)
        if self.nothing is not None:
            canonical = self._frontier.canonical is not None
            out[EOS] = self.nothing if canonical else np.logaddexp(out[EOS], self.nothing)
        joint: Logprobs = out
        return joint

    def distribution(self) -> Logprobs:
        """[257] from the heads as they are; sets `bound`. Raises NoCover where nothing can follow."""
        out = self.joint()
        total = log_sum(out)
        if total == -np.inf:
            raise NoCover(
                f"after {self.prefix[-40:]!r} the model gives no probability to any text that {self._model.kind}tokens "
                "of this vocabulary spell"
            )
        deferred = np.exp(log_sum(np.array([s.weight for s in self.stubs])) - total)
        unknown = min(np.exp(self._unknown(self.heads) - total), 1.0)
        self.bound = float(min(1.0, unknown + deferred / (1 - unknown + deferred))) if deferred + unknown else 0.0
        normalised: Logprobs = out - total
        return normalised

    def evidence(self) -> tuple[float, float]:
        """Bounds on the log-probability of all covers."""
        known, unknown = self._covered(), self._unknown(self._partial())
        low = known + float(np.log1p(-min(np.exp(unknown - known), 1.0))) if unknown > -np.inf else known
        return low, float(np.logaddexp(known, log_sum(np.array([s.weight for s in self.stubs if s.pending]))))

    def _known(self) -> float:
        return log_sum(np.array([head.weight + log_sum(self._frontier.masses(head)) for head in self.heads]))

    def _covered(self) -> float:
        """Log-probability of the covers that heads and stubs without pending bytes stand for."""
        whole = [stub.weight for stub in self.stubs if not stub.pending]
        for head in self.heads:
            whole.append(head.weight + (0.0 if head.v == ROOT else log_sum(self._frontier.masses(head))))
        return log_sum(np.array(whole))

    def _partial(self) -> list[Head]:
        """Heads in the middle of a token."""
        return [head for head in self.heads if head.v != ROOT]

    def _unknown(self, heads: list[Head]) -> float:
        return log_sum(np.array([head.weight + self._frontier.unknown(head) for head in heads]))

    def _resolve(self, eps: float, heads: list[Head]) -> None:
        """Find out which tokens below some heads are canonical until those not known have a share of eps at most."""
        frontier = self._frontier
        if frontier.canonical is None:
            return
        if eps == 0.0:
            for head in heads:
                if frontier.unknown(head) > -np.inf:
                    frontier.resolve(head, -np.inf)
                    frontier.masses(head)
                    frontier.unknown(head)
        else:
            while (unknown := self._unknown(heads)) > -np.inf:
                allowed = self._known() + np.log(_UNKNOWN * eps)
                if unknown <= allowed:
                    break
                heaviest = max(heads, key=lambda head: head.weight + frontier.unknown(head))
                frontier.resolve(heaviest, allowed - heaviest.weight - np.log(2 * len(heads)))
        self.heads = [h for h in self.heads if h.v == ROOT or log_sum(frontier.masses(h)) > -np.inf]

    @staticmethod
    def _heaviest(stubs: list[Stub], known: float, eps: float) -> list[Stub]:
        """The heaviest stubs, until the rest is within the deferred share of eps."""
        stubs = sorted(stubs, key=lambda stub: -stub.weight)
        weights = np.array([stub.weight for stub in stubs])
        if eps == 0.0 or not stubs:
            return stubs
        total = np.logaddexp(known, log_sum(weights))
        allowed = total + np.log(_DEFERRED * eps)
        rest = np.logaddexp.accumulate(weights[::-1])[::-1]  # of each stub and all lighter ones
        needed = int((rest > allowed).sum())
        if needed:
            needed = max(needed, int((weights > allowed + np.log(_ALONG)).sum()))
        return stubs[:needed]
