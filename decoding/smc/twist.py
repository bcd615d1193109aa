"""Lookahead: how much probability can still be completed from each state of the constraint.

A step sampler is myopic: it weighs a token by its own probability, not by what can follow. The lookahead estimates the
mass of completions h(q, k) from state q with k tokens left, for a model that draws every token from one distribution u
(a unigram model; compare LTLA, arXiv 2511.16054), by backward recursion over the automaton of tokens:

    h(q, 0) = c(q) u(EOS) 1{q accepting},    h(q, k + 1) = h(q, 0) + c(q) sum over tokens t of u(t) h(q·t, k).

Where u is given, c = 1 and h is exact for it. Where u is learned it is the mean of the distributions seen so far, and
a language model follows a structure much better than its own unigrams do, so c(q) = Z(q) / u(allowed in q) puts the
allowed mass right: Z(q) is the mean weight of the draws in q, or u(allowed in q)^a for states not seen yet, where a in
[0, 1] is fitted to how much was allowed beside what u of the steps before expected.

As a twist h is a guess, and a learned one seems to be too extreme: it counts by its square root, which keeps most of
the gain and loses less where the guess is bad. Relative variance of the evidence without twist, with the root, with h:
the JSON Schemas of `benchmarks/posterior.py`, 10 particles, .0075, .016, .032 and .0023, .0037, .012; its harder
regular expression, .017, .015, .019; two regular expressions within 4 tokens, 2 particles, .54, .37, .30 and 1.6, .30,
.08. It helps where particles are few and ends decide; where every prefix is as good as any other, it costs more than it
gives.

Particles are resampled by weight times the twist, and what survives with probability s gets its true
weight over s. The evidence stays unbiased for *any* h that is positive wherever a completion exists, also for one that
was fitted to all that was seen, since this is known before the random numbers of the resampling are drawn. h is
positive there because u is mixed with a share of the uniform distribution, Z is kept above a small number, and sums are
kept in logarithms; h = 0 means that no completion fits into the tokens left, and the particle dies.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...grammars.errors import BudgetExceeded, Unsupported
from ...grammars.warmup import warm_up
from ..errors import InvalidArgument, WrongVocabulary
from ..masker import Masker
from ..sampling.tester import Tester
from ..tables import shared_tables
from .transition_kernels import destinations

Floats = NDArray[np.float64]
_MOST_RUNS = 1 << 23
_MOST_TESTS = 1 << 20
_EVERY = 4  # first steps in which the lookahead learns, before that becomes rare
_POWER_OF_LEARNED = 0.5
_LEAST = 1e-9  # mass that a state is taken to allow at least


class TokenAutomaton:
    """The states that tokens lead to from the start of a tester, and all transitions between them.

    Transitions are kept as runs of the vocabulary's sorted order with one destination. Raises BudgetExceeded where
    there are more than `max_states` states, Unsupported where the tester has no masks.
    """

    def __init__(self, tester: Tester, max_states: int) -> None:
        self.index: dict[int, int] = {tester.start: 0}
        self._order = tester.vocabulary.trie.order
        self._starts: list[NDArray[np.int64]] = []  # of runs, each array once: many states part the tokens alike
        self._pieces: list[tuple[int, NDArray[np.int64], NDArray[np.int64]]] = []
        self._eos = list(tester.vocabulary.eos_token_ids)
        follow = _Follower(tester)
        sources: list[NDArray[np.int64]] = []
        targets: list[list[int]] = []
        states, runs = [tester.start], 0
        known: dict[bytes, int] = {}
        for state in states:  # grows while it is gone through
            found = follow(state)
            starts = np.flatnonzero(np.diff(found, prepend=-2))  # -2 is no destination: a run starts at the first token
            alive = np.flatnonzero(found[starts] >= 0)
            following, edge = np.unique(found[starts[alive]], return_inverse=True)
            for q in following.tolist():
                if q not in self.index:
                    self.index[q] = len(states)
                    states.append(q)
            place = known.setdefault(starts.tobytes(), len(known))
            if place == len(self._starts):
                self._starts.append(starts)
                runs += len(starts)
            runs += len(alive)
            if len(states) > max_states:
                raise BudgetExceeded(f"the constraint has more than {max_states} states between tokens")
            if runs > _MOST_RUNS:
                raise BudgetExceeded(f"the constraint has more than {_MOST_RUNS:,} transitions between tokens")
            self._pieces.append((place, alive, edge))
            sources.append(np.full(len(following) + 1, len(sources)))
            targets.append([*(self.index[q] for q in following.tolist()), -1])  # -1: the end of the text
        self._targets = np.concatenate(targets).astype(np.int64)
        self._sources = np.concatenate(sources)
        self._offsets = np.flatnonzero(np.diff(self._sources, prepend=-1))
        self._accepting = np.array([tester.is_accepting(q) for q in states])
        self._text = len(self._order) + len(self._eos)

    def __len__(self) -> int:
        return len(self.index)

    def log_masses(self, unigram: Floats, smoothing: float) -> Floats:
        """For every transition the log mass of its tokens, EOS included; float64 [transitions].

        unigram: float64 [width], a distribution over the model's tokens. smoothing: share of the uniform distribution.
        """
        mixed = (1 - smoothing) * unigram + smoothing / self._text
        eos = np.log(mixed[self._eos].sum())
        in_order = mixed[self._order]
        masses: list[Any] = []
        sums = [np.add.reduceat(in_order, starts) if len(starts) else np.empty(0) for starts in self._starts]
        for place, alive, edge in self._pieces:
            masses += [np.log(np.bincount(edge, sums[place][alive])), [-np.inf]]
        result: Floats = np.concatenate(masses)
        result[self._targets < 0] = np.where(self._accepting, eos, -np.inf)
        return result

    def log_allowed(self, log_masses: Floats) -> Floats:
        """For every state the log mass of what is allowed there; float64 [states]."""
        result: Floats = np.logaddexp.reduceat(log_masses, self._offsets)
        return result

    def completions(self, log_masses: Floats, horizon: int, corrections: Floats | None = None) -> list[Floats]:
        """log h(q, k) for k = 0, 1, ... up to `horizon` or until it no longer changes; float64 [states] each.

        log_masses: as they come from `log_masses`. corrections: float64 [states], added to those of each state.
        """
        if corrections is not None:
            log_masses = log_masses + corrections[self._sources]
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
        masker = getattr(tester, "masker", None)
        self._masker: Masker | None = masker if isinstance(masker, Masker) else None
        self._order = tester.vocabulary.trie.order
        self._tests = 0

    def __call__(self, state: int) -> NDArray[np.int64]:
        if self._masker is not None:
            out = np.empty(len(self._order), np.int32)
            warm_up("lookahead", lambda: self._follow(state, out))
            self._follow(state, out)
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

    def _follow(self, state: int, out: NDArray[np.int32]) -> None:
        assert self._masker is not None
        tables = shared_tables(self._masker.vocabulary)
        self._masker.automaton.run(destinations, tables.trie, np.empty(tables.depths + 2, np.int32), out, state)


class Lookahead:
    """Asks `sample_posterior` to resample by what can still be completed.

    Args:
        unigram: float [width], the distribution of tokens, EOS included; by default it is learned for each prompt, from
            the model's distributions over the particles of steps 1, 2, 3, 4, 8, 16, ... so far.
        max_states: states of the constraint between tokens beyond which there is no lookahead; the result says so.
        smoothing: share of the uniform distribution mixed in, above 0.
        power: of h in the priorities, from 0 (no lookahead) to 1; by default 1 where `unigram` is given, else 0.5.

    An object keeps the automata it has made, so reuse it.
    """

    def __init__(
        self, unigram: Any = None, *, max_states: int = 2048, smoothing: float = 0.01, power: float | None = None
    ) -> None:
        self.unigram = None if unigram is None else np.asarray(unigram, np.float64)
        if self.unigram is not None and not (
            self.unigram.ndim == 1 and (self.unigram >= 0).all() and abs(self.unigram.sum() - 1) < 1e-3
        ):
            raise WrongVocabulary(
                "unigram must be a distribution over the model's tokens: [width], none negative, sum 1"
            )
        if not 0 < smoothing <= 1:
            raise InvalidArgument(f"smoothing={smoothing}: above 0, so that no completion is ruled out, and at most 1")
        if power is None:
            power = _POWER_OF_LEARNED if unigram is None else 1.0
        if not 0 <= power <= 1:
            raise InvalidArgument(f"power={power} must be from 0 to 1")
        self.max_states, self.smoothing, self.power = max_states, smoothing, power
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
        self._mean, self._steps = np.zeros(width), 0
        self._counts, self._allowed = np.zeros(len(automaton)), np.zeros(len(automaton))  # draws, sum of their weights
        self._products = np.zeros(2)  # of log masses expected and seen, and of those expected with themselves
        self._expected: Floats | None = None
        self._values: list[Floats] = []
        if lookahead.unigram is not None:
            if len(lookahead.unigram) != width:
                raise WrongVocabulary(f"the unigram has {len(lookahead.unigram)} entries, the model {width} tokens")
            masses = automaton.log_masses(lookahead.unigram, lookahead.smoothing)
            self._values = automaton.completions(masses, horizon)

    def wants(self, step: int) -> bool:
        """Whether `learn` should be called at this step (0, 1, ...)."""
        return self._lookahead.unigram is None and (step < _EVERY or (step + 1) & step == 0)

    def observe(self, states: list[int], log_weights: Floats) -> None:
        """Take in the weights of one step's draws, float64 [n]: each estimates the mass allowed in its state."""
        if self._lookahead.unigram is not None:
            return
        places = np.array([self._automaton.index[q] for q in states])
        weights = np.exp(log_weights)
        np.add.at(self._counts, places, 1)
        np.add.at(self._allowed, places, weights)
        if self._expected is not None:
            expected = np.log(np.exp(self._expected[places]).mean())
            self._products += expected * np.log(np.clip(weights.mean(), _LEAST, 1.0)), expected**2

    def learn(self, mean: Floats) -> None:
        """Take in the mean next-token distribution of a step, float64 [width], after what was drawn from it."""
        self._steps += 1
        self._mean += (mean - self._mean) / self._steps
        masses = self._automaton.log_masses(self._mean, self._lookahead.smoothing)
        self._expected = self._automaton.log_allowed(masses)
        difficulty = min(1.0, self._products[0] / self._products[1]) if self._products[1] > 0 else 0.0
        allowed = difficulty * self._expected
        seen = self._counts > 0
        allowed[seen] = np.log(np.clip(self._allowed[seen] / self._counts[seen], _LEAST, 1.0))
        # A state without any transition stays at -inf.
        corrections = np.where(self._expected > -np.inf, allowed - self._expected, 0.0)
        self._values = self._automaton.completions(masses, self._horizon, corrections)

    def log_values(self, states: list[int], left: int) -> Floats:
        """log of the twist of each state with `left` tokens left: h to its power, 1 for FINISHED, 0 only where h is;
        float64 [n]."""
        values, index = self._values[min(left, len(self._values) - 1)], self._automaton.index
        logs = np.array([0.0 if q < 0 else values[index[q]] for q in states])
        logs[logs > -np.inf] *= self._lookahead.power
        return logs
