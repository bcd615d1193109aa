"""What a posterior offers: particles, shares, samples, ancestry, and the picture of the tree."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bytebound import grammars
from bytebound.decoding import InvalidArgument, Masked, Posterior, TableModel, Vocabulary, sample_posterior
from bytebound.decoding import tester as make_tester
from bytebound.decoding.smc import Step

from . import smc_world as world

run = world.run
SCHEMES = ["without-replacement", "systematic"]


@pytest.fixture(scope="module")
def constraint() -> Any:
    return make_tester(grammars.regex("(ab|ba|c)*b?c{0,2}"), world.VOCABULARY)


def posterior_of(*particles: tuple[list[int], float]) -> Posterior:
    """A posterior of given tokens and weights, each particle its own lineage."""
    longest = max(len(tokens) for tokens, _ in particles)
    k = len(particles)
    logs = np.log([weight for _, weight in particles])
    rows = np.array([tokens + [-1] * (longest - len(tokens)) for tokens, _ in particles])
    steps = [Step(np.arange(k), rows[:, t], logs, np.empty(0, np.int64), False) for t in range(longest)]
    finished = np.array([tokens[-1] in world.EOS for tokens, _ in particles])
    return Posterior(world.VOCABULARY, tuple(steps), finished, 5, 4, 0, 0, "none", "")


def test_shares_and_samples() -> None:
    # "ab" in two tokenizations and with both EOS, "c", and one that has not ended
    posterior = posterior_of(([0, 1, 6], 0.1), ([2, 6], 0.2), ([2, 8], 0.1), ([4, 6], 0.1), ([4, 4, 4], 0.5))
    assert posterior.log_evidence == pytest.approx(np.log(0.5))
    assert posterior.probabilities() == pytest.approx({"ab": 0.8, "c": 0.2})
    assert posterior.most_probable() == "ab"
    assert posterior.expectation(len) == pytest.approx(1.8)
    assert posterior.effective_sample_size == pytest.approx(0.25 / 0.07)
    assert [particle.text for particle in posterior.particles] == ["ab", "ab", "ab", "c", "ccc"]
    assert posterior.particles[0].tokens == (2, 6) and posterior.particles[0].weight == pytest.approx(0.4)
    assert posterior.particles[-1].weight == 0 and not posterior.particles[-1].finished
    drawn = posterior.sample(20_000, seed=1)
    share = np.mean([particle.text == "ab" for particle in drawn])
    assert abs(share - 0.8) < 4 * np.sqrt(0.16 / 20_000) and not any(p.text == "ccc" for p in drawn)
    assert posterior.sample(5, seed=3) == posterior.sample(5, seed=3)
    with pytest.raises(InvalidArgument, match="n=-1"):
        posterior.sample(-1)
    assert "0.8000" in posterior._repr_html_()


def test_texts_that_are_no_utf8() -> None:
    vocabulary = Vocabulary.from_bytes([b"\xff", b"<", None], eos_token_ids=[2])
    steps = [Step(np.arange(2), np.array(row), np.zeros(2), np.empty(0, np.int64), False) for row in ([0, 1], [2, 2])]
    posterior = Posterior(vocabulary, tuple(steps), np.ones(2, np.bool_), 0, 0, 0, 0, "none", "")
    assert set(posterior.probabilities()) == {"\\xff", "<"}
    assert "&lt;" in posterior._repr_html_() and "&lt;" in posterior.tree_html()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_ancestry_leads_back_to_the_roots(constraint: Any, scheme: str) -> None:
    posteriors = run(constraint, [(0,), (1, 3)], resampling=scheme, particles=7, sampler=world.Blind())
    for posterior in posteriors:
        assert posterior.resamplings == sum(step.resampled for step in posterior.ancestry)
        before = 1 if scheme == "without-replacement" else 7
        for step in posterior.ancestry:
            assert len(step.parents) == len(step.tokens) == len(step.log_weights) <= 7
            assert (step.parents >= 0).all() and (step.parents < before).all()
            assert not set(step.dead.tolist()) & set(step.parents.tolist())
            before = len(step.parents)
        for particle in posterior.particles:
            places = particle.ancestry
            taken = [int(step.tokens[i]) for step, i in zip(posterior.ancestry, places, strict=True)]
            assert tuple(token for token in taken if token >= 0) == particle.tokens
            for t in range(1, len(places)):
                assert posterior.ancestry[t].parents[places[t]] == places[t - 1]
            assert world.VOCABULARY.text(particle.tokens) == particle.bytes
        weights = [particle.log_weight for particle in posterior.particles]
        assert weights == sorted(weights, reverse=True)
        assert sum(particle.weight for particle in posterior.particles) == pytest.approx(1)
        if scheme == "without-replacement":  # nothing is kept twice
            assert len({particle.tokens for particle in posterior.particles}) == len(posterior.particles)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_tree_shows_every_particle(constraint: Any, scheme: str, tmp_path: Path) -> None:
    (posterior,) = run(constraint, resampling=scheme, particles=7, sampler=world.Blind(), seed=4)
    posterior.save_tree(tmp_path / "tree.html")
    page = (tmp_path / "tree.html").read_text(encoding="utf-8")
    assert page == posterior.tree_html() and "<script" not in page and "http" not in page
    match = re.search(r"<svg.*</svg>", page, re.DOTALL)
    assert match is not None
    kinds = [path.get("class", "") for path in ElementTree.fromstring(match[0]).iter("path")]
    assert kinds.count("x") == sum(len(step.dead) for step in posterior.ancestry) > 0
    assert len(kinds) - kinds.count("x") == sum(len(step.parents) for step in posterior.ancestry)
    assert sum("k" in kind for kind in kinds) >= len(posterior.particles)
    assert page.count("class='r'") == posterior.resamplings
    for particle in posterior.particles:
        assert f"{particle.weight:.3f} " in page


def test_progress_and_callback(constraint: Any, capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[list[Posterior]] = []
    final = run(constraint, [(0,), (1,)], progress=True, callback=seen.append)
    assert "tokens" in capsys.readouterr().err
    assert [len(each[0].ancestry) for each in seen] == list(range(1, len(seen) + 1)) and len(seen[0]) == 2
    assert seen[-1][0].particles == final[0].particles
    run(constraint)
    assert capsys.readouterr().err == ""


def test_many_children_are_selected_among(constraint: Any) -> None:
    """A pool much larger than the population is selected from, and keeps its weight."""
    tokens: list[bytes | None] = [bytes([33 + i % 60, 33 + i // 60]) for i in range(900)]
    vocabulary = Vocabulary.from_bytes([*tokens, None], eos_token_ids=[900])
    inner = make_tester(grammars.regex(r".{0,6}"), vocabulary)
    row = np.random.default_rng(0).normal(size=901)
    row -= np.log(np.exp(row).sum())
    row[900] = np.log(0.2)
    row[:900] += np.log(0.8 / np.exp(row[:900]).sum())
    posteriors = sample_posterior(
        TableModel(lambda context: row, 901),
        inner,
        [()] * 200,
        sampler=Masked(children=500),
        particles=4,
        max_new_tokens=3,
        seed=0,
    )
    evidence = np.exp([posterior.log_evidence for posterior in posteriors])
    true = 0.2 * (1 + 0.8 + 0.64 + 0.512)
    np.testing.assert_allclose(evidence, true, rtol=1e-12)  # selection keeps the sum, and nothing else varies here
