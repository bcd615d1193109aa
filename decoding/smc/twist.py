"""Lookahead: how much probability can still be completed from each state of the constraint.

A step sampler is myopic: it weighs a token by its own probability, not by what can follow. The lookahead estimates the
mass of completions h(q, k) from state q with k tokens left, for a model that draws every token from one distribution u
(a unigram model; compare LTLA, arXiv 2511.16054):

    h(q, 0) = u(EOS) 1{q accepting},    h(q, k + 1) = h(q, 0) + sum over tokens t of u(t) h(q·t, k).

It is exact for that model, by backward recursion over the automaton of tokens. As a twist it is a guess: particles are
resampled by weight times h, and what survives with probability s gets its true weight over s. So the evidence stays
unbiased for *any* h that is positive wherever a completion exists, also for one that was fitted to the distributions
seen so far, since all of these are known before the random numbers of the resampling are drawn. h is positive there
because u is mixed with a share of the uniform distribution, and sums are kept in logarithms; h = 0 means that no
completion fits into the tokens left, and the particle dies.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...grammars.errors import BudgetExceeded, Unsupported
from ..errors import WrongVocabulary
from ..masker import Masker
from ..sampling.tester import Tester
from ..tables import shared_tables
from .transition_kernels import destinations

Floats = NDArray[np.float64]
_MOST_RUNS = 1 << 23
_MOST_TESTS = 1 << 20


class TokenAutomaton:
    """The states that tokens lead to from the start of a tester, and all transitions between them.

    Transitions are kept as runs of the vocabulary's sorted order with one destination. Raises BudgetExceeded where
    there are more than `max_states` states, Unsupported where the tester has no masks.
    """

    def __init__(self, tester: Tester, max_states: int) -> None:
        self.index: dict[int, int] = {tester.start: 0}
        self._order = tester.vocabulary.trie.order
        self._pieces: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]] = []
        self._eos = list(tester.vocabulary.eos_token_ids)
        follow = _Follower(tester)
        sources: list[NDArray[np.int64]] = []
        targets: list[list[int]] = []
        states, runs = [tester.start], 0
        for state in states:  # grows while it is gone through
            found = follow(state)
            starts = np.flatnonzero(np.diff(found, prepend=-2))  # -2 is no destination: a run starts at the first token
            alive = np.flatnonzero(found[starts] >= 0)
            following, edge = np.unique(found[starts[alive]], return_inverse=True)
            for q in following.tolist():
                if q not in self.index:
                    self.index[q] = len(states)
                    states.append(q)
            runs += len(starts)
            if len(states) > max_states or runs > _MOST_RUNS:
                raise BudgetExceeded(f"the constraint has more than {max_states} states between tokens")
            self._pieces.append((starts, alive, edge))
            sources.append(np.full(len(following) + 1, len(sources)))
            targets.append([*(self.index[q] for q in following.tolist()), -1])  # -1: the end of the text
        self._targets = np.concatenate(targets).astype(np.int64)
        self._sources = np.concatenate(sources)
        self._offsets = np.flatnonzero(np.diff(self._sources, prepend=-1))
        self._accepting = np.array([tester.is_accepting(q) for q in states])
        self._text = len(self._order) + len(self._eos)

    def __len__(self) -> int:
        return len(self.index)

    def completions(self, unigram: Floats, horizon: int, smoothing: float) -> list[Floats]:
        """log h(q, k) for k = 0, 1, ... up to `horizon` or until it no longer changes; float64 [states] each.

        unigram: float64 [width], a distribution over the model's tokens. smoothing: share of the uniform distribution.
        """
        mixed = (1 - smoothing) * unigram + smoothing / self._text
        eos = np.log(mixed[self._eos].sum())
        in_order = mixed[self._order]
        masses: list[Any] = []
        for starts, alive, edge in self._pieces:
            sums = np.add.reduceat(in_order, starts)[alive] if len(starts) else np.empty(0)
            masses += [np.log(np.bincount(edge, sums)), [-np.inf]]
        log_masses = np.concatenate(masses)
        log_masses[self._targets < 0] = np.where(self._accepting, eos, -np.inf)
        state = np.full(len(self) + 1, -np.inf)  # the last entry is that of the end
        state[-1] = 0.0
        result: list[Floats] = []
        with np.errstate(divide="ignore", invalid="ignore"):
            for _ in range(horizon + 1):
                terms = log_masses + state[self._targets]
                top = np.maximum.reduceat(terms, self._offsets)
                shift = np.where(top > -np.inf, top, 0.0)
                following = shift + np.log(np.add.reduceat(np.exp(terms - shift[self._sources]), self._offsets))
                same = (following == state[:-1]) | (np.abs(np.where(top > -np.inf, following - state[:-1], 0)) < 1e-9)
                state[:-1] = following
                result.append(following)
                if same.all():
                    break
        return result


class _Follower:
    """For a state, the states after all tokens of the vocabulary in sorted order; int64 [tokens], -1 for forbidden."""

    def __init__(self, tester: Tester) -> None:
        self._tester = tester
        self._masker: Masker | None = getattr(tester, "masker", None)
        self._order = tester.vocabulary.trie.order
        self._tests = 0

    def __call__(self, state: int) -> NDArray[np.int64]:
        if isinstance(self._masker, Masker):
            tables = shared_tables(self._masker.vocabulary)
            out = np.empty(len(self._order), np.int32)
            self._masker.automaton.run(destinations, tables.trie, np.empty(tables.depths + 2, np.int32), out, state)
            return out.astype(np.int64)
        row = np.zeros((self._tester.vocabulary.size + 31) // 32, np.uint32)
        self._tester.fill(state, row)
        allowed = np.unpackbits(row.view(np.uint8), bitorder="little")[self._order].astype(np.bool_)
        self._tests += int(allowed.sum())
        if self._tests > _MOST_TESTS:
            raise BudgetExceeded(f"the constraint has more than {_MOST_TESTS:,} transitions between tokens")
        found = np.full(len(self._order), -1, np.int64)
        found[allowed] = [self._tester.accept(state, t) for t in self._order[allowed].tolist()]
        return found


class Lookahead:
    """Asks `sample_posterior` to resample by what can still be completed.

    Args:
        unigram: float [width], the distribution of tokens, EOS included; by default the mean of the model's
            next-token distributions over the particles of the steps 1, 2, 4, 8, ... so far, for each prompt its own.
        max_states: states of the constraint between tokens beyond which there is no lookahead; the result says so.
        smoothing: share of the uniform distribution mixed in, above 0.

    An object keeps the automata it has made, so reuse it.
    """

    def __init__(self, unigram: Any = None, *, max_states: int = 512, smoothing: float = 0.01) -> None:
        self.unigram = None if unigram is None else np.asarray(unigram, np.float64)
        if self.unigram is not None and not (
            self.unigram.ndim == 1 and (self.unigram >= 0).all() and abs(self.unigram.sum() - 1) < 1e-3
        ):
            raise WrongVocabulary(
                "unigram must be a distribution over the model's tokens: [width], none negative, sum 1"
            )
        if not 0 < smoothing <= 1:
            raise ValueError(f"smoothing={smoothing} must be above 0 and at most 1, so that no completion is ruled out")
        self.max_states, self.smoothing = max_states, smoothing
        self._automata: weakref.WeakKeyDictionary[Tester, TokenAutomaton | str] = weakref.WeakKeyDictionary()

    def automaton(self, tester: Tester) -> TokenAutomaton | str:
        """The automaton of tokens, or why there is none."""
        made = self._automata.get(tester)
        if made is None:
            try:
                made = TokenAutomaton(tester, self.max_states)
            except (BudgetExceeded, Unsupported) as error:
                made = str(error)
            self._automata[tester] = made
        return made


class Twist:
    """The lookahead of one prompt's particles: log h by state and tokens left."""

    def __init__(self, lookahead: Lookahead, automaton: TokenAutomaton, horizon: int, width: int) -> None:
        self._lookahead, self._automaton, self._horizon = lookahead, automaton, horizon
        self._mean, self._seen = np.zeros(width), 0
        self._values: list[Floats] = []
        if lookahead.unigram is not None:
            if len(lookahead.unigram) != width:
                raise WrongVocabulary(f"the unigram has {len(lookahead.unigram)} entries, the model {width} tokens")
            self._fit(lookahead.unigram)

    def wants(self, step: int) -> bool:
        """Whether `learn` should be called at this step (0, 1, ...)."""
        return self._lookahead.unigram is None and (step + 1) & step == 0

    def learn(self, mean: Floats) -> None:
        """Take in the mean next-token distribution of a step, float64 [width]."""
        self._seen += 1
        self._mean += (mean - self._mean) / self._seen
        self._fit(self._mean)

    def log_values(self, states: list[int], left: int) -> Floats:
        """log h of each state with `left` tokens left, 0 for FINISHED; float64 [n]."""
        values, index = self._values[min(left, len(self._values) - 1)], self._automaton.index
        return np.array([0.0 if q < 0 else values[index[q]] for q in states])

    def _fit(self, unigram: Floats) -> None:
        self._values = self._automaton.completions(unigram, self._horizon, self._lookahead.smoothing)
