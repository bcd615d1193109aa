"""Budgets of tokens and evaluations, deaths, and soft potentials, against enumeration."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from bytebound import grammars
from bytebound.decoding import (
    CannotClose,
    DeadEnd,
    DecodingError,
    HeadTail,
    Lookahead,
    Masked,
    Potential,
    TableModel,
    Vocabulary,
    sample_posterior,
)
from bytebound.decoding import tester as make_tester
from bytebound.decoding.closing import tokens_to_close
from bytebound.decoding.sampling.masker_tester import PRICE
from bytebound.decoding.smc.ending import ClosingTester
from bytebound.grammars import Unsupported

from . import smc_world as world

PROMPT, run, masses = world.PROMPT, world.run, world.masses


def constraint(pattern: str) -> Any:
    return make_tester(grammars.regex(pattern), world.VOCABULARY)


@pytest.mark.parametrize("most", [1, 2, 3])
def test_forced_ends_give_the_law_of_short_texts(most: int) -> None:
    """Also with two EOS tokens, one of which is drawn at the end."""
    long = constraint("[abc]*")
    (posterior,) = run(long, sampler=Masked(), particles=2000, max_new_tokens=most)
    assert masses(posterior) == pytest.approx(world.truth(long, PROMPT, most), rel=1e-11)
    assert {particle.tokens[-1] for particle in posterior.particles} == set(world.EOS)
    assert max(len(particle.tokens) for particle in posterior.particles) == most + 1
    posteriors = run(long, [PROMPT] * 600, sampler=Masked(), resampling="systematic", max_new_tokens=most)
    ends = [particle.tokens[-1] for each in posteriors for particle in each.sample(1, 1)]
    assert set(ends) == set(world.EOS)


def test_forced_ends_kill_what_is_open() -> None:
    (posterior,) = run(constraint("c(aa)*b"), sampler=Masked(), particles=2000, max_new_tokens=3)
    assert masses(posterior) == pytest.approx(world.truth(constraint("c(aa)*b"), PROMPT, 3), rel=1e-11)
    assert posterior.deaths > 0
    last = posterior.ancestry[-1]
    assert len(last.dead) and not set(last.dead.tolist()) & set(last.parents.tolist())


@pytest.mark.parametrize("pattern", ["c?(aa)*b", "[abc]*", "(a|b){2,8}c", r"\(?(ab)*|c*"])
def test_closing_in_time(pattern: str) -> None:
    """The target is that of all texts whose every prefix could be closed by the short completion."""
    plain, most = constraint(pattern), 3
    masker = plain.masker

    def allowed(state: int, token: int, left: int) -> bool:
        needed = tokens_to_close(masker, masker.accept(state, token)) if masker.accept(state, token) >= 0 else None
        return needed is not None and needed < left

    true = world.truth(plain, PROMPT, most, allowed=allowed)
    for sampler in (Masked(), HeadTail(tau=1e-12)):  # which asks for the mask of every row
        (posterior,) = run(plain, sampler=sampler, particles=2000, max_new_tokens=most, end="close")
        assert masses(posterior) == pytest.approx(true, rel=1e-11)
        assert posterior.deaths == 0
    evidence = [
        np.exp(each.log_evidence)
        for each in run(plain, [PROMPT] * 300, max_new_tokens=most, end="close", sampler="awrs")
    ]
    assert abs(np.mean(evidence) - sum(true.values())) < 4 * np.std(evidence) / np.sqrt(300) + 1e-12


@pytest.mark.parametrize("pattern", ["c?(aa)*b", "(a|b){2,8}c", r"\(?(ab)*|c*"])
def test_closing_counts_what_it_does(pattern: str) -> None:
    """A test looks at one token, and says what the mask says; a mask costs its price after each change of budget."""
    inner = constraint(pattern)
    closing, row = ClosingTester(inner, 4), np.empty(inner.masker.words, np.uint32)
    tokens = np.arange(world.VOCABULARY.size)
    reached = {inner.start, *(q for t in tokens.tolist() if (q := inner.accept(inner.start, t)) >= 0)}
    for left in (4, 3):
        closing.remain(left)
        for state in reached:
            assert closing.price(state) == PRICE
            states = np.full(len(tokens), state)
            tested = closing.test(states, tokens)
            assert closing.price(state) == PRICE
            try:
                closing.fill(state, row)
            except CannotClose:
                assert not tested.any()
                continue
            assert closing.price(state) == 0
            bits = np.unpackbits(row.view(np.uint8), bitorder="little")[: len(tokens)].astype(np.bool_)
            assert np.array_equal(tested, bits) and np.array_equal(closing.test(states, tokens), bits)


def test_closing_json_that_a_model_seldom_ends() -> None:
    """A schema that a model knows nothing of: forced ends kill what is open, closing in time completes every text."""
    tokens = [*[bytes([i]) for i in b'{}":,[] abcdefghmn0123'], b'"name', b'": "', b'",', b'{"']
    vocabulary = Vocabulary.from_bytes([*tokens, None], eos_token_ids=[len(tokens)])
    model = TableModel(lambda context: torch.full((vocabulary.size,), -np.log(vocabulary.size)), vocabulary.size)
    item = {"type": "array", "items": {"type": "string", "minLength": 2}, "minItems": 1, "maxItems": 3}
    schema = {"type": "object", "properties": {"name": {"type": "string"}, "ab": item}, "required": ["name", "ab"]}
    check = make_tester(grammars.json_schema(schema | {"additionalProperties": False}), vocabulary)
    valid: dict[str, int] = {"force": 0, "close": 0}
    for end in ("force", "close"):
        for seed in range(5):
            (posterior,) = sample_posterior(model, check, [[0]], particles=4, max_new_tokens=26, end=end, seed=seed)
            for particle in posterior.particles:
                assert particle.finished and check.masker.grammar.matches(particle.bytes)
                assert {"name", "ab"} == set(json.loads(particle.bytes))
            valid[end] += len(posterior.particles) > 0
            assert end == "force" or posterior.deaths == 0
    assert valid["close"] == 5 > valid["force"]


def test_closing_needs_room_and_masks() -> None:
    with pytest.raises(CannotClose, match="tokens would do"):
        run(constraint("(a|b){2,8}c{9}"), end="close", max_new_tokens=3)
    predicate = make_tester(grammars.predicate(prefix=lambda text: True), world.VOCABULARY)
    with pytest.raises(Unsupported, match="end='force'"):
        run(predicate, end="close")


def test_evaluations_run_out() -> None:
    (posterior,) = run(constraint("[abc]*b"), particles=8, max_evaluations=9, max_new_tokens=30, sampler="awrs")
    assert posterior.stopped.startswith("the budget of 9 evaluations ran out")
    assert "ran out" in repr(posterior)
    unfinished = [particle for particle in posterior.particles if not particle.finished]
    assert unfinished and all(particle.weight == 0 for particle in unfinished)
    assert posterior.evaluations >= 9
    (none,) = run(constraint("[abc]*b"), max_evaluations=1, max_new_tokens=30, sampler="awrs")
    assert none.log_evidence == -np.inf
    with pytest.raises(DeadEnd, match="no particle has finished: the budget"):
        none.most_probable()
    (enough,) = run(constraint("[abc]*b"), max_evaluations=10**6)
    assert enough.stopped == ""


@pytest.mark.parametrize("scheme", ["without-replacement", "systematic"])
def test_all_particles_may_die(scheme: str) -> None:
    (posterior,) = run(constraint("c{9}"), resampling=scheme, max_new_tokens=3)
    assert posterior.particles == [] and posterior.log_evidence == -np.inf
    assert posterior.effective_sample_size == 0 and posterior.deaths > 0
    for method in (posterior.most_probable, posterior.probabilities, posterior.sample):
        with pytest.raises(DeadEnd, match=r"all particles died within 4 steps .* end='close'"):
            method()
    assert "log_evidence=-inf" in posterior._repr_html_() and "died" in posterior.tree_html()
    dead, alive = run(
        make_tester(grammars.predicate(prefix=lambda text: False), world.VOCABULARY), [PROMPT, (0,)], resampling=scheme
    )
    assert dead.log_evidence == alive.log_evidence == -np.inf


def test_a_potential_that_forbids() -> None:
    plain = constraint("[abc]*")

    def short(text: bytes) -> float:
        return 0.0 if len(text) < 4 else -np.inf

    true = world.truth(plain, PROMPT, 4, score=short)
    for potential in (Potential(complete=short), Potential(complete=short, prefix=short)):
        (posterior,) = run(plain, sampler=Masked(), particles=9000, potentials=[potential])
        assert masses(posterior) == pytest.approx(true, rel=1e-11)
        assert posterior.deaths > 0
    (nothing,) = run(plain, potentials=[Potential(complete=lambda text: -np.inf)])
    assert nothing.log_evidence == -np.inf


@pytest.mark.parametrize("scheme", ["without-replacement", "stratified"])
def test_prefix_scores_only_guide(scheme: str) -> None:
    """However bad the guide, the target is the same; asked only at boundaries, a score is carried on."""
    plain = constraint("[abc]*b")
    total = sum(world.truth(plain, PROMPT, 4).values())
    asked: list[bytes] = []

    def guide(prefixes: list[bytes]) -> list[float]:
        asked.extend(prefixes)
        return [2.0 * prefix.count(b"a") - len(prefix) for prefix in prefixes]

    potentials = [
        Potential(prefix=guide, batched=True, boundary=b"c"),
        Potential(prefix=lambda text: -0.5 * len(text), text=True, boundary=lambda text: text.endswith("a")),
    ]
    posteriors = run(plain, [PROMPT] * 600, potentials=potentials, resampling=scheme, threshold=1.0, twist=Lookahead())
    evidence = np.exp([posterior.log_evidence for posterior in posteriors])
    assert abs(evidence.mean() - total) < 4 * evidence.std() / np.sqrt(len(evidence))
    assert asked and all(prefix.endswith(b"c") for prefix in asked)


def test_what_potentials_are_asked() -> None:
    seen: list[Any] = []
    potential = Potential(
        prefix=lambda texts: seen.extend(texts) or [1.0] * len(texts), boundary=b"\n.", text=True, batched=True
    )
    before = np.array([0.5, 0.5, 0.5])
    prefixes, tokens = [b"one. tw", "é.é".encode()[:-1], b"x"], [b"e. tw", b".\xc3", b"x"]
    assert potential.prefix(prefixes, tokens, before).tolist() == [1.0, 1.0, 0.5]
    assert seen == ["one.", "é."]
    assert potential.complete([b"any"]).tolist() == [0.0]
    seen.clear()
    everywhere = Potential(complete=lambda text: len(text), prefix=lambda text: seen.append(text) or 0.0, text=True)
    assert everywhere.complete([b"\xff\xfe", "é".encode()]).tolist() == [2.0, 1.0]
    everywhere.prefix(["né".encode()[:-1]], [b"n\xc3"], np.zeros(1))
    assert seen == ["n"]  # a character that has only begun is left out
    for wrong, message in ((lambda text: float("nan"), "nan for b'x'"), (lambda text: np.inf, "inf for b'x'")):
        with pytest.raises(DecodingError, match=message):
            Potential(complete=wrong).complete([b"x"])
    with pytest.raises(DecodingError, match="2 scores for 1 texts"):
        Potential(complete=lambda texts: [0.0, 0.0], batched=True).complete([b"x"])
    with pytest.raises(DecodingError, match="needs a score"):
        Potential()
    with pytest.raises(DecodingError, match="no prefix="):
        Potential(complete=len, boundary=b".")
