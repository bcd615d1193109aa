"""The lookahead: exact completion masses of a unigram model, and what it says where there is none."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from bytebound import grammars
from bytebound.decoding import InvalidArgument, Lookahead, Masked, Tester, WrongVocabulary
from bytebound.decoding import tester as make_tester
from bytebound.decoding.smc.twist import TokenAutomaton, Twist
from numpy.typing import NDArray

from . import smc_world as world

PROMPT, run = world.PROMPT, world.run
TEXT = [t for t, data in enumerate(world.TOKENS) if data is not None]


def constraint(pattern: str) -> Tester:
    return make_tester(grammars.regex(pattern), world.VOCABULARY)


class Bare(Tester):
    """The same constraint through the protocol alone."""

    def __init__(self, inner: Tester) -> None:
        self._inner, self.vocabulary, self.start = inner, inner.vocabulary, inner.start

    def test(self, states: NDArray[np.int64], tokens: NDArray[np.int64]) -> NDArray[np.bool_]:
        return self._inner.test(states, tokens)

    def accept(self, state: int, token: int) -> int:
        return self._inner.accept(state, token)

    def is_accepting(self, state: int) -> bool:
        return self._inner.is_accepting(state)

    def fill(self, state: int, row: NDArray[np.uint32]) -> None:
        self._inner.fill(state, row)


@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("pattern", ["(ab|ba|c)*b?c{0,2}", "a{3,5}", "[abc]*", "c(aa)*b"])
def test_completion_masses_are_exact(pattern: str, bare: bool) -> None:
    inner = constraint(pattern)
    automaton = TokenAutomaton(Bare(inner) if bare else inner, 100)
    unigram = np.random.default_rng(1).dirichlet(np.ones(world.WIDTH))
    unigram[[0, 4]] = 0.0
    unigram /= unigram.sum()
    smoothing, horizon = 0.1, 5
    mixed = (1 - smoothing) * unigram + smoothing / (len(TEXT) + len(world.EOS))

    @functools.cache
    def mass(state: int, left: int) -> float:
        total = sum(mixed[t] for t in world.EOS) if inner.is_accepting(state) else 0.0
        for token in TEXT if left else []:
            following = inner.accept(state, token)
            total += mixed[token] * mass(following, left - 1) if following >= 0 else 0.0
        return float(total)

    masses = automaton.log_masses(unigram, smoothing)
    values = automaton.completions(masses, horizon)
    for state, place in automaton.index.items():
        allowed = sum(mixed[t] for t in TEXT if inner.accept(state, t) >= 0)
        allowed += sum(mixed[t] for t in world.EOS) if inner.is_accepting(state) else 0.0
        assert np.exp(automaton.log_allowed(masses)[place]) == pytest.approx(allowed)
    assert inner.start in automaton.index
    for left in range(horizon + 1):
        found = np.exp(values[min(left, len(values) - 1)])
        for state, place in automaton.index.items():
            assert found[place] == pytest.approx(mass(state, left), rel=1e-8, abs=1e-300)


def test_long_completions_neither_vanish_nor_take_long() -> None:
    automaton = TokenAutomaton(constraint("c{400}"), 1000)
    unigram = np.eye(world.WIDTH)[0]  # only ever "a"
    values = automaton.completions(automaton.log_masses(unigram, 1e-9), 1000)
    start = automaton.index[constraint("c{400}").start]
    assert values[199][start] == -np.inf and -1e5 < values[200][start] < -1000  # 200 times "cc"
    assert len(values) < 500  # what no longer changes is not stored


def test_the_twist_learns_from_what_was_seen() -> None:
    """It reproduces a unigram model that is one, and the allowed mass of one that is not."""
    lookahead = Lookahead(smoothing=1e-6, power=1.0)
    inner = constraint("[abc]*b")
    automaton = lookahead.automaton(inner)
    assert automaton is lookahead.automaton(inner) and isinstance(automaton, TokenAutomaton)
    twist = Twist(lookahead, automaton, 5, world.WIDTH)
    assert [step for step in range(40) if twist.wants(step)] == [0, 1, 2, 3, 7, 15, 31]
    unigram = np.random.default_rng(0).dirichlet(np.ones(world.WIDTH))
    given = Twist(Lookahead(unigram, smoothing=1e-6), automaton, 5, world.WIDTH)
    assert not given.wants(0)
    states = [*automaton.index, -2]
    allowed = automaton.log_allowed(automaton.log_masses(unigram, 1e-6))
    twist.learn(unigram)  # nothing was drawn: all that is allowed is taken to be all there is
    assert (twist.log_values(states, 3) > given.log_values(states, 3))[:-1].all()
    for _ in range(2):
        twist.observe([inner.start, inner.start], allowed[[0, 0]] + np.log([0.5, 1.5]))
        twist.learn(unigram)
        assert np.allclose(twist.log_values(states, 3), given.log_values(states, 3), atol=1e-9)
    assert twist.log_values([-2], 3).tolist() == [0.0]
    easy = Twist(lookahead, automaton, 0, world.WIDTH)
    easy.learn(unigram)
    easy.observe([inner.start], np.zeros(1))
    easy.learn(unigram)
    accepting = next(q for q in automaton.index if inner.is_accepting(q))
    ends = sum(unigram[list(world.EOS)]) / np.exp(allowed[automaton.index[accepting]])
    assert np.exp(easy.log_values([accepting], 0)) == pytest.approx(ends, abs=1e-5)
    assert easy.log_values([inner.start], 0).tolist() == [-np.inf]
    easy.observe([inner.start], np.array([-np.inf]))  # a dead draw
    easy.learn(unigram)
    assert np.isfinite(easy.log_values([accepting], 0)).all()


def test_a_learned_lookahead_is_tempered_and_lowers_the_variance() -> None:
    """By the root of h, which a state without completions still rules out."""
    unigram = np.full(world.WIDTH, 1 / world.WIDTH)
    assert (Lookahead().power, Lookahead(unigram).power, Lookahead(power=0.2).power) == (0.5, 1.0, 0.2)
    inner = constraint("(a|b){2,8}c")
    plain, automaton = Lookahead(power=1.0), Lookahead().automaton(inner)
    assert isinstance(automaton, TokenAutomaton)
    twists = [Twist(each, automaton, 3, world.WIDTH) for each in (plain, Lookahead(), Lookahead(power=0.0))]
    for twist in twists:
        twist.learn(unigram)
    whole, root, nothing = [twist.log_values([*automaton.index, -2], 1) for twist in twists]
    assert np.isinf(whole).any() and np.array_equal(root, whole / 2)
    assert np.array_equal(nothing, np.where(np.isinf(whole), -np.inf, 0.0))
    for pattern in ("(a|b){2,8}c", "c(aa)*b"):
        runs = [
            np.exp([p.log_evidence for p in run(constraint(pattern), [PROMPT] * 400, particles=2, seed=3, twist=twist)])
            for twist in (None, Lookahead())
        ]
        without, looking = [each.var() / each.mean() ** 2 for each in runs]
        assert looking < 0.8 * without, pattern


def test_results_say_which_lookahead_there_was() -> None:
    inner = constraint("[abc]*b")
    assert run(inner)[0].twist == "none"
    assert run(inner, twist=Lookahead())[0].twist == "lookahead over 2 states"
    many = constraint("(ab|c){90}")
    (posterior,) = run(many, twist=Lookahead(max_states=20))
    assert posterior.twist == "none: the constraint has more than 20 states between tokens"
    predicate = make_tester(grammars.predicate(prefix=lambda text: True), world.VOCABULARY)
    (posterior,) = run(predicate, twist=Lookahead())
    assert posterior.twist.startswith("none: ") and "mask" in posterior.twist


def test_particles_that_cannot_finish_die_at_once() -> None:
    inner = constraint("(ab|c){3}b{0,40}a|c{9}")
    true = world.truth(inner, PROMPT, 4)
    (posterior,) = run(inner, sampler=Masked(), particles=500, twist=Lookahead())
    assert world.masses(posterior) == pytest.approx(true, rel=1e-11)
    assert posterior.deaths > 0 and not any(len(step.dead) for step in posterior.ancestry[-1:])
    (hopeless,) = run(constraint("c{40}"), twist=Lookahead())
    assert len(hopeless.ancestry) == 1 and hopeless.log_evidence == -np.inf


def test_arguments() -> None:
    with pytest.raises(WrongVocabulary, match="distribution"):
        Lookahead([0.5, 0.2])
    with pytest.raises(InvalidArgument, match="smoothing"):
        Lookahead(smoothing=0.0)
    with pytest.raises(InvalidArgument, match="power"):
        Lookahead(power=1.5)
    with pytest.raises(WrongVocabulary, match="2 entries, the model 10 tokens"):
        run(constraint("a*"), twist=Lookahead([0.5, 0.5]))
