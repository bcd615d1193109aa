"""`ByteModel`: the exact distribution of the next byte under a model of tokens, for any prefix of bytes.

The probability of a text is that of its covers (Phan et al. 2024, lemma 1): P(b | x) = P(xb) / P(x), each a sum over
token strings that reach the end of the text. Which covers count is the semantics: all of them, or the canonical ones,
which the tokenizer itself could have begun a text with.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import numpy as np

from ..errors import DecodingError, NoCover
from ..language_model import as_language_model
from .cover_draws import Cover, draw
from .cover_tree import Covers, Plan, canonical_covers
from .frontier import EOS, Frontier, Head, Path, Stub
from .lookahead import Lookahead
from .masses import ROOT, log_sum
from .parts import parts_of
from .prefixes import Prefix, Prefixes, bytes_of
from .state import ByteState
from .tree import Asked, Grown, Logprobs, Node, TemperedTree, tree_of


class ByteModel:
    """A model of bytes made of a model of tokens.

        bytewise = ByteModel(model, tokenizer, semantics="canonical")
        bytewise.next_byte("The cat sa")         # float64 [257] log-probabilities: 256 bytes, then the end of the text
        bytewise.bits_per_byte("The cat sat.")   # comparable between models with different tokenizers

    Args:
        model: a LanguageModel, or a model of transformers.
        tokenizer: its tokenizer; or a Vocabulary, for semantics "all" and prefixes that are bytes or end in bytes.
        semantics: "all": every tokenization of the prefix counts: the law of the text that sampling from the model
            gives. "canonical": those that are a prefix of what the tokenizer makes of some text that begins with the
            prefix: what the model was trained on, and what to condition a prompt on. Exact evaluation of "all" takes
            time exponential in the length of the prefix where the model gives probability to every tokenization.
        eps: how far in total variation `next_byte` may be from the exact distribution, 0 to 1/2. Above 0, covers of
            little weight are not evaluated, which takes far fewer calls of the model; `ByteState.bound` says what the
            bound was each time. Bytes of less probability than that may then have none: score texts with `logprob`.
        max_covers: covers followed at once, before TooManyCovers is raised. It bounds the memory.
        temperature: of the model's tokens, whose logits are divided by it. That of bytes is another thing, see
            `ByteState.next_byte` and `steer`.
        lookahead: rows of a call up to which contexts are evaluated that the next bytes will probably ask for; 0: none.
            It changes no result. Only with trees that evaluate several contexts in one call.
        eos_token_ids: instead of those of the model's generation_config, or else the tokenizer's own.

    Bytes, EOS and nothing else are symbols: probability of other control tokens is left out, never counted as text. A
    tokenizer's dummy space before a text is put there, and is no byte of the text.

    Raises UnsupportedTokenizer where "canonical" is not known for the tokenizer, and DecodingError for wrong arguments.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        semantics: Literal["all", "canonical"] = "all",
        eps: float = 0.0,
        max_covers: int = 4096,
        temperature: float = 1.0,
        lookahead: int = 8,
        eos_token_ids: Iterable[int] | int | None = None,
    ) -> None:
        if semantics not in ("all", "canonical"):
            raise DecodingError(f'semantics must be "all" or "canonical", not {semantics!r}')
        if not 0 <= eps <= 0.5:
            raise DecodingError(f"eps must be from 0 to 0.5, not {eps}")
        if not temperature > 0:
            raise DecodingError(f"temperature must be above 0, not {temperature}")
        self.model = as_language_model(model)
        self.semantics = semantics
        self.eps = float(eps)
        self.temperature = float(temperature)
        self.max_covers = max_covers
        self.evaluated = 0
        """Contexts evaluated after the prefixes so far."""
        self.calls = 0
        """Calls of the model for them so far."""
        size = self.model.vocabulary_size
        eos = self._model_eos() if eos_token_ids is None else eos_token_ids
        parts = parts_of(tokenizer, size, eos, semantics == "canonical")
        self.vocabulary = parts.vocabulary
        if self.vocabulary.size != size:
            raise DecodingError(
                f"the model has {size} columns of logits, but the vocabulary {self.vocabulary.size}: make it with "
                f"size={size}"
            )
        self.encoder = parts.encoder
        self._canonical = parts.canonical if semantics == "canonical" else None
        self._frontier = Frontier(self.vocabulary, self._canonical)
        self._prefixes = Prefixes(tokenizer, self.vocabulary, self.encoder)
        self.start_tokens = self._prefixes.start
        """Tokens before a text that is given without any."""
        self._tree = tree_of(self.model)
        self._lookahead = Lookahead(self._frontier, lookahead if self._tree.shares else 0)
        if temperature != 1.0:
            self._tree = TemperedTree(self._tree, temperature)

    @property
    def kind(self) -> str:
        """An adjective for the covers that count, with a space, for messages."""
        return "canonical " if self._canonical is not None else ""

    def _model_eos(self) -> Any:
        """EOS ids of the model's generation_config, where it has one that names some."""
        config = getattr(getattr(self.model, "model", None), "generation_config", None)
        return getattr(config, "eos_token_id", None)

    def start(self, prefix: Prefix = b"") -> ByteState:
        """The state after a prefix: bytes, text, or a list of control token ids (int) and bytes or text.

        Raises NoCover where no tokens spell the prefix, and DecodingError for what is no prefix.
        """
        return self.starts([prefix])[0]

    def starts(self, prefixes: Sequence[Prefix]) -> list[ByteState]:
        """`start` of several prefixes, in one call of the model where it takes several contexts at once."""
        return self._started([self._plan(*self._prefixes.read(prefix)) for prefix in prefixes])

    def read(self, prefix: Prefix) -> tuple[list[int], bytes, bool]:
        """A prefix as the tokens before its last text, the bytes of that, and whether the dummy space is put there."""
        return self._prefixes.read(prefix)

    def start_after(self, context: Sequence[int], text: bytes, dummy: bool = False) -> ByteState:
        """The state after given tokens, of whatever kind, and bytes; `dummy`: put the tokenizer's dummy space between.
        Nothing merges across the two."""
        return self._started([self._plan(list(context), text, dummy)])[0]

    def next_byte(self, prefix: Prefix = b"") -> Logprobs:
        """Log-probabilities of the next symbol after a prefix (as in `start`): float64 [257], normalised."""
        return self.start(prefix).next_byte()

    def next_bytes(self, states: Sequence[ByteState], eps: float | None = None) -> list[Logprobs]:
        """`ByteState.next_byte` of several states, with calls of the model in common; `eps` instead of the model's."""
        self._settle(states, ByteState.wanted, self.eps if eps is None else eps)
        return [state.distribution() for state in states]

    def draw_covers(
        self,
        states: Sequence[ByteState],
        generator: np.random.Generator | None,
        allowed: Sequence[Callable[[bytes], bool] | None] | None = None,
    ) -> list[Cover]:
        """A cover of the prefix of each state, drawn in proportion to its probability; the most probable one where
        `generator` is None. What a cover spells beyond the prefix must be `allowed`, where that is given for a state.

        Ordinary decoding of tokens goes on from it: cover and continuation together then have the distribution of the
        model's token strings that begin with the prefix. At eps above 0 covers of little weight may be left out.

        Raises NoCover where no cover is left.
        """
        self._settle(states, ByteState.wanted_covers, self.eps)
        tests = allowed or [None] * len(states)
        return [draw(state, self._frontier, generator, test) for state, test in zip(states, tests, strict=True)]

    def log_evidence(self, states: Sequence[ByteState]) -> list[tuple[float, float]]:
        """`ByteState.log_evidence` of several states, with calls of the model in common."""
        self._settle(states, ByteState.wanted_pending, self.eps)
        return [state.evidence() for state in states]

    def logprob(self, text: bytes | str, prefix: Prefix = b"", *, end: bool = False) -> float:
        """log P(text | prefix) in nats: the probability that what follows the prefix begins with the text, or, with
        `end`, is the text. At eps above 0 the lower bound, with covers left out that have a share of eps at most.

        For "canonical" the model's canonical tokens of the whole text are evaluated in one call.
        """
        data = bytes_of(text)
        context, head, dummy = self._prefixes.read(prefix)
        state, trunk = self._begin(context, head + data, dummy)
        if end:
            state.next_byte()
            found = float(state.joint()[EOS])
        else:
            found = state.log_evidence()[0]
        if not head:
            return found + trunk
        given, given_trunk = self._begin(context, head, dummy)
        return found + trunk - given.log_evidence()[0] - given_trunk

    def bits_per_byte(self, text: bytes | str, prefix: Prefix = b"") -> float:
        """-log2 P(text | prefix) per byte of the text. Raises DecodingError for an empty text."""
        data = bytes_of(text)
        if not data:
            raise DecodingError("bits per byte of an empty text are not defined")
        return -self.logprob(data, prefix) / math.log(2) / len(data)

    def _started(self, plans: Sequence[Plan]) -> list[ByteState]:
        found = self._tree.open_trees([Asked(plan.context, plan.parents, plan.tokens) for plan in plans])
        return [self._state(plan, grown) for plan, grown in zip(plans, found, strict=True)]

    def _begin(self, context: list[int], text: bytes, dummy: bool) -> tuple[ByteState, float]:
        """The state after a context and a text, and the log-probability of those tokens of the text that all its covers
        begin with, which the state leaves out."""
        plan = self._plan(context, text, dummy)
        opened = self._tree.open(plan.context, plan.trunk)
        nodes, rows = list[Node](), opened.logprobs[None][:0]
        if plan.tokens:
            nodes, rows = self.extend([opened.node if i < 0 else i for i in plan.parents], plan.tokens)
        return self._state(plan, (opened, nodes, rows)), float(opened.scores.sum())

    def _plan(self, context: list[int], text: bytes, dummy: bool) -> Plan:
        """What is to be evaluated for the state after a context and a text. Raises NoCover."""
        data = self.encoder.begin(text) if dummy and self.encoder is not None else text
        if self._canonical is None:
            return Plan(context, 0, [], [], text, data, dummy, None, [])
        _check_text(text)
        covers = canonical_covers(self._frontier, self._canonical, data, self.max_covers)
        if covers is None:
            raise NoCover(
                f"no canonical tokens of this vocabulary spell {text[-60:]!r}: the tokenizer makes no text that "
                "begins so (it would normalize it, say, or drop characters)"
            )
        branches = covers.branches
        inner = [0, *(i for i, b in enumerate(branches) if i and b.end < len(data))]
        place = {branch: i - 1 for i, branch in enumerate(inner)}
        parents, tokens = [place[branches[i].parent] for i in inner[1:]], [branches[i].token for i in inner[1:]]
        return Plan(context + covers.trunk, len(covers.trunk), parents, tokens, text, data, dummy, covers, inner)

    def _state(self, plan: Plan, grown: Grown) -> ByteState:
        """The state of a plan, from what was evaluated for it."""
        opened, nodes, rows = grown
        if plan.covers is None:
            root = Head(opened.node, None, (), 0.0, opened.logprobs, ROOT)
            state = ByteState(self, self._frontier, plan.context, [root], [])
            state.advance(plan.data)
        else:
            state = self._covered(
                plan, plan.covers, [opened.node, *nodes], np.concatenate([opened.logprobs[None], rows])
            )
        state.prefix = plan.text
        if plan.dummy and not plan.text:
            eos = np.array(self.vocabulary.eos_token_ids, np.int64)
            state.nothing = log_sum(opened.logprobs[eos])
        return state

    def _covered(self, plan: Plan, covers: Covers, nodes: list[Node], rows: Logprobs) -> ByteState:
        """The state at the end of a tree of covers, with the nodes and rows of those that do not reach the end."""
        branches, data = covers.branches, plan.data
        weights = {0: 0.0}
        paths: dict[int, Path] = {0: None}
        heads, stubs = list[Head](), list[Stub]()
        row = {branch: i for i, branch in enumerate(plan.inner)}
        for i, branch in enumerate(branches):
            if i:
                weights[i] = weights[branch.parent] + float(rows[row[branch.parent], branch.token])
                paths[i] = (paths[branch.parent], branch.token)
            if weights[i] == -np.inf:
                continue
            if i in row:
                v = self._frontier.walk(data[branch.end :])
                if self._frontier.goes_on(v):
                    heads.append(Head(nodes[row[i]], paths[i], branch.window, weights[i], rows[row[i]], v))
            else:
                above, path = nodes[row[branch.parent]], paths[branch.parent]
                stubs.append(Stub(above, path, branch.token, branch.window, weights[i], b"", (ROOT,)))
        return ByteState(self, self._frontier, plan.context, heads, stubs)

    def extend(self, parents: Sequence[Node | int], tokens: Sequence[int]) -> tuple[list[Node], Logprobs]:
        """Evaluate contexts of the tree, and count them."""
        self.calls += 1
        self.evaluated += len(tokens)
        return self._tree.extend(parents, tokens)

    def _settle(
        self, states: Sequence[ByteState], wanted: Callable[[ByteState, float], list[Stub]], eps: float
    ) -> None:
        """Evaluate stubs of all states, in as few calls as it takes, until none is wanted."""
        states = list(dict.fromkeys(states))  # one that is given twice is settled once
        while True:
            asked = [(state, stub) for state in states for stub in wanted(state, eps)]
            if not asked:
                return
            found = self._lookahead.evaluate(self.extend, asked, eps)
            done: dict[int, list[tuple[Stub, Node, Logprobs]]] = {}
            for state, stub in asked:
                done.setdefault(id(state), []).append((stub, *found[stub.parent, stub.token]))
            for state in states:
                state.take(done.get(id(state), ()))

    def __repr__(self) -> str:
        return f"<ByteModel of {self.model!r}, {self.semantics}, eps={self.eps:g}>"


def _check_text(text: bytes) -> None:
    """Raise NoCover for what no UTF-8 text begins with."""
    try:
        text.decode()
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data":
            raise NoCover(
                f"{text[max(0, error.start - 20) : error.start + 20]!r} is no UTF-8 ({error.reason} at byte "
                f'{error.start}), so no canonical tokens spell it: semantics="all" takes any bytes'
            ) from None
