"""Sequential Monte Carlo against enumeration: unbiased evidence and law for every scheme, sampler, twist, potential."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
import torch
from bytebound import grammars
from bytebound.decoding import (
    DecodingError,
    HeadTail,
    Lookahead,
    Masked,
    Posterior,
    Potential,
    Vocabulary,
    WrongVocabulary,
    sample_posterior,
    step_sampler,
)
from bytebound.decoding import tester as make_tester  # another name: pytest takes test* for tests

from . import smc_world as world

PATTERN = r"(ab|ba|c)*b?c{0,2}"
PROMPT, MOST = world.PROMPT, world.MOST
run, masses = world.run, world.masses
SCHEMES = ["without-replacement", "multinomial", "stratified", "systematic", "residual"]
SAMPLERS: dict[str, Any] = {
    "masked": Masked,
    "head-tail": functools.partial(HeadTail, mask="never"),
    "awrs": functools.partial(step_sampler, "awrs"),
    "blind": world.Blind,
}


@pytest.fixture(scope="module")
def constraint() -> Any:
    return make_tester(grammars.regex(PATTERN), world.VOCABULARY)


def score(text: bytes) -> float:
    return 0.7 * text.count(b"c") - 0.3 * len(text)


def potential() -> Potential:
    return Potential(complete=score, prefix=lambda text: 0.5 * text.count(b"c"))


def check_law(posteriors: list[Posterior], true: dict[bytes, float], deviations: float = 5.0) -> None:
    """Means of evidence, of the mass of the five likeliest texts, and of some integrals are where they should be;
    five deviations, because weights are skewed."""
    found = [masses(posterior) for posterior in posteriors]
    assert {text for each in found for text in each} <= set(true)
    evidence = np.array([sum(each.values()) for each in found])
    assert np.allclose(evidence, [np.exp(posterior.log_evidence) for posterior in posteriors])
    functions = [lambda text: 1.0, len, lambda text: text.count(b"c"), lambda text: text.endswith(b"b")]
    functions += [lambda text, t=t: text == t for t in sorted(true, key=lambda text: -true[text])[:5]]
    for function in functions:
        values = np.array([sum(mass * function(text) for text, mass in each.items()) for each in found])
        mean = sum(mass * function(text) for text, mass in true.items())
        assert abs(values.mean() - mean) <= deviations * values.std() / np.sqrt(len(values)) + 1e-12


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_evidence_and_law_are_unbiased(constraint: Any, scheme: str, sampler: str) -> None:
    plain = world.truth(constraint, PROMPT, MOST)
    bent = world.truth(constraint, PROMPT, MOST, score=score)
    assert len(plain) > 20
    place = SCHEMES.index(scheme) + list(SAMPLERS).index(sampler)
    combinations = [(None, ()), (Lookahead(), ()), (None, (potential(),)), (Lookahead(), (potential(),))]
    for k in (place % 4, (place + 3) % 4) if scheme != "without-replacement" else range(4):
        twist, potentials = combinations[k]
        posteriors = run(
            constraint,
            [PROMPT] * 250,
            resampling=scheme,
            sampler=SAMPLERS[sampler](),
            twist=twist,
            potentials=potentials,
            threshold=0.7,
            seed=place,
        )
        check_law(posteriors, bent if potentials else plain)


@pytest.mark.parametrize("scheme", ["without-replacement", "systematic"])
def test_mean_evidence_of_many_runs(constraint: Any, scheme: str) -> None:
    true = world.truth(constraint, PROMPT, MOST)
    posteriors = run(constraint, [PROMPT] * 2000, resampling=scheme, sampler=HeadTail(mask="never"), particles=4)
    evidence = np.exp([posterior.log_evidence for posterior in posteriors])
    assert abs(evidence.mean() - sum(true.values())) <= 2.576 * evidence.std() / np.sqrt(len(evidence))
    mean = {text: sum(masses(posterior).get(text, 0.0) for posterior in posteriors) / 2000 for text in true}
    total = sum(true.values())
    assert sum(abs(mean[text] - true[text]) for text in true) / (2 * total) < 0.05  # total variation


@pytest.mark.parametrize("twist", [None, Lookahead()])
def test_exact_where_nothing_is_dropped(constraint: Any, twist: Any) -> None:
    """With room for all token sequences and all children, selection keeps everything: no randomness is left."""
    true = world.truth(constraint, PROMPT, MOST, score=score)
    (posterior,) = run(constraint, sampler=Masked(), particles=4000, twist=twist, potentials=[potential()], seed=None)
    assert posterior.log_evidence == pytest.approx(np.log(sum(true.values())), abs=1e-12)
    assert masses(posterior) == pytest.approx(true, rel=1e-11)
    shares = posterior.probabilities()
    assert shares == pytest.approx({t.decode(): m / sum(true.values()) for t, m in true.items()}, rel=1e-11)
    assert list(shares.values()) == sorted(shares.values(), reverse=True)
    assert posterior.most_probable() == max(true, key=lambda text: true[text]).decode()
    assert posterior.resamplings == 0


def test_lookahead_lowers_the_variance() -> None:
    other = make_tester(grammars.regex("(a|b)*cc"), world.VOCABULARY)
    total = sum(world.truth(other, PROMPT, MOST).values())
    variance = {}
    for twist in (None, Lookahead()):
        posteriors = run(other, [PROMPT] * 600, sampler=Masked(), twist=twist, particles=2)
        variance[twist is None] = np.var([np.exp(posterior.log_evidence) / total for posterior in posteriors])
    assert variance[False] < 0.8 * variance[True]


def test_temperature(constraint: Any) -> None:
    for temperature in (0.5, 2.0):
        true = world.truth(constraint, PROMPT, MOST, temperature=temperature)
        (posterior,) = run(constraint, sampler=Masked(), particles=4000, temperature=temperature)
        assert masses(posterior) == pytest.approx(true, rel=1e-11)


def test_prompts_do_not_meet(constraint: Any) -> None:
    prompts = [(0,), (1, 4), (0,), (5, 5, 5)]
    posteriors = run(constraint, prompts * 150, particles=5, seed=3)
    for i, prompt in enumerate(prompts):
        check_law(posteriors[i :: len(prompts)], world.truth(constraint, prompt, MOST))
    assert run(constraint, []) == []
    listed, tensors = (run(constraint, each, seed=1) for each in ([[0], [1, 3]], [torch.tensor([0]), np.array([1, 3])]))
    assert [p.particles for p in listed] == [p.particles for p in tensors]


def test_seeds_reproduce(constraint: Any) -> None:
    for scheme in ("without-replacement", "residual"):
        options = {"resampling": scheme, "twist": Lookahead(), "sampler": step_sampler("awrs"), "prompts": [(0,), (1,)]}
        first, second, other = (run(constraint, **options, seed=seed) for seed in (5, 5, 6))
        assert [p.particles for p in first] == [p.particles for p in second] != [p.particles for p in other]


@pytest.mark.parametrize("scheme", ["without-replacement", "systematic"])
def test_equal_contexts_are_evaluated_once(constraint: Any, scheme: str) -> None:
    table, calls = world.model(), []
    ask = table.next_logprobs
    table.next_logprobs = lambda contexts: calls.append([tuple(c) for c in contexts]) or ask(contexts)
    posteriors = sample_posterior(
        table, constraint, [(0,), (0,), (1,)], particles=8, resampling=scheme, max_new_tokens=MOST, seed=1
    )
    assert all(len(set(contexts)) == len(contexts) for contexts in calls)
    assert len(calls[0]) == 2 and len(calls) == MOST + 1
    assert table.calls == sum(map(len, calls)) <= sum(posterior.contexts for posterior in posteriors)
    (alone,) = run(constraint, resampling=scheme, seed=2)
    assert alone.contexts <= 1 + 6 * MOST


def test_arguments_out_of_range(constraint: Any) -> None:
    for options, message in (
        ({"particles": 0}, "at least one"),
        ({"threshold": 1.5}, "share of the particles"),
        ({"max_new_tokens": 0}, "at least one"),
        ({"max_evaluations": 0}, "or None"),
        ({"temperature": 0.0}, "above 0"),
        ({"end": "cut"}, "'force' or 'close'"),
        ({"resampling": "bootstrap"}, "multinomial"),
    ):
        with pytest.raises(DecodingError, match=message):
            run(constraint, **options)
    for prompts in ([1, 2], ["text"], [[1.5]]):
        with pytest.raises(DecodingError, match="list of prompts"):
            run(constraint, prompts)
    wide = Vocabulary.from_bytes([b"a"] * 11 + [None], eos_token_ids=[11])
    with pytest.raises(WrongVocabulary, match="12 tokens, but the model only 10"):
        run(make_tester(grammars.regex("a*"), wide))
    with pytest.raises(DecodingError, match="no EOS"):
        run(make_tester(grammars.regex("a*"), Vocabulary.from_bytes([b"a"])))
