"""Laws that every tester keeps, over a small vocabulary with all kinds of tokens."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from bytebound import decoding, grammars
from bytebound.decoding import DeadEnd, Masker, WrongVocabulary
from bytebound.decoding.sampling import tester as contract
from bytebound.grammars import (
    Conjunction,
    GrammarError,
    Unsupported,
)

from .tester_world import (
    ALL,
    DEAD,
    ENDS_IN_A,
    EOS,
    FINISHED,
    LETTERS,
    TOKENS,
    VOCABULARY,
    Truth,
    both,
    even,
    even_truth,
    few_b,
    few_b_truth,
    no_doubles,
    of_grammar,
    short,
    short_truth,
)

CASES: dict[str, tuple[Any, Truth]] = {
    "grammar": (LETTERS, of_grammar(LETTERS)),
    "masker": (Masker(ENDS_IN_A, VOCABULARY), of_grammar(ENDS_IN_A)),
    "prefix": (grammars.predicate(few_b), few_b_truth),
    "complete": (grammars.predicate(complete=even), even_truth),
    "both": (grammars.predicate(few_b, complete=even), both(few_b_truth, even_truth)),
    "async": (grammars.predicate(no_doubles), lambda data, whole: b"bb" not in data),
    "text": (grammars.predicate(short, text=True, batched=True), short_truth),
    "grammar & predicate": (LETTERS & grammars.predicate(few_b), both(of_grammar(LETTERS), few_b_truth)),
    "predicate & predicate": (
        grammars.predicate(few_b) & grammars.predicate(short, text=True, batched=True),
        both(few_b_truth, short_truth),
    ),
    "grammar & grammar": (Conjunction(LETTERS, ENDS_IN_A), both(of_grammar(LETTERS), of_grammar(ENDS_IN_A))),
    "four": (
        grammars.predicate(complete=even, cost=9) & LETTERS & grammars.predicate(few_b) & ENDS_IN_A,
        both(of_grammar(LETTERS), of_grammar(ENDS_IN_A), few_b_truth, even_truth),
    ),
}


@pytest.fixture(params=sorted(CASES))
def case(request: pytest.FixtureRequest) -> tuple[contract.Tester, Truth]:
    constraint, truth = CASES[request.param]
    return decoding.tester(constraint, VOCABULARY), truth


def reachable(tester: contract.Tester, depth: int = 3) -> Iterator[tuple[int, bytes]]:
    """States that few tokens lead to, with their texts."""
    layer = {tester.start: b""}
    for _ in range(depth):
        yield from layer.items()
        layer = {
            following: text + VOCABULARY.token_bytes(token)
            for state, text in layer.items()
            for token in ALL.tolist()
            if (following := tester.accept(state, token)) >= 0
        }


def test_tokens_are_allowed_as_the_rule_says(case: tuple[contract.Tester, Truth]) -> None:
    tester, truth = case
    refused = 0
    for state, text in reachable(tester):
        allowed = tester.test(np.full(len(ALL), state), ALL)
        assert allowed.dtype == np.bool_
        assert tester.is_accepting(state) == truth(text, True)
        for token in ALL.tolist():
            following = tester.accept(state, token)
            if token in EOS:
                assert following == (FINISHED if truth(text, True) else DEAD)
            elif not TOKENS[token]:
                assert following == DEAD
            else:
                assert (following >= 0) == truth(text + TOKENS[token], False), (text, token)
            assert allowed[token] == (following != DEAD)
            refused += following == DEAD
    assert refused


def test_finished_and_dead_states(case: tuple[contract.Tester, Truth]) -> None:
    tester, _ = case
    ends = np.isin(ALL, EOS)
    np.testing.assert_array_equal(tester.test(np.full(len(ALL), FINISHED), ALL), ends)
    assert not tester.test(np.full(len(ALL), DEAD), ALL).any()
    assert [tester.accept(FINISHED, token) for token in ALL] == np.where(ends, FINISHED, DEAD).tolist()
    assert {tester.accept(DEAD, token) for token in ALL.tolist()} == {DEAD}
    assert tester.is_accepting(FINISHED) and not tester.is_accepting(DEAD)


def test_first_is_brute_force(case: tuple[contract.Tester, Truth]) -> None:
    tester, _ = case
    rng = np.random.default_rng(0)
    states = np.array([state for state, _ in reachable(tester)] * 3 + [FINISHED, DEAD])
    candidates = np.stack([rng.permutation(len(TOKENS)) for _ in states])
    lengths = rng.integers(0, len(TOKENS) + 1, len(states))
    candidates[np.arange(len(TOKENS)) >= lengths[:, None]] = -1
    expected = [
        next((j for j in range(length) if tester.accept(int(state), int(row[j])) != DEAD), length)
        for state, row, length in zip(states, candidates, lengths, strict=True)
    ]
    assert tester.first(states, candidates).tolist() == expected
    frozen = candidates.copy(order="F")
    frozen.flags.writeable = False
    assert tester.first(states, frozen).tolist() == expected
    assert len(set(expected)) > 2
    assert tester.first(states[:0], candidates[:0]).tolist() == []
    assert tester.first(states, candidates[:, :0]).tolist() == [0] * len(states)


def test_a_batch_is_its_single_tests_in_any_order(case: tuple[contract.Tester, Truth]) -> None:
    tester, _ = case
    rng = np.random.default_rng(1)
    states = np.array([state for state, _ in reachable(tester)] + [FINISHED, DEAD])
    pairs = rng.permutation(np.array([(s, t) for s in states for t in ALL] * 2))
    together = tester.test(pairs[:, 0], pairs[:, 1])
    assert together.tolist() == [bool(tester.test(pair[:1], pair[1:])[0]) for pair in pairs]
    assert tester.test(pairs[:0, 0], pairs[:0, 1]).shape == (0,)


def test_states_are_values(case: tuple[contract.Tester, Truth]) -> None:
    """A walk that is made twice, by way of other states, meets the same states and verdicts."""
    tester, _ = case
    rng = random.Random(2)
    seen: dict[tuple[int, ...], tuple[int, list[bool]]] = {}
    for _ in range(60):
        state, path = tester.start, ()
        while state >= 0 and len(path) < 4:
            entry = (state, tester.test(np.full(len(ALL), state), ALL).tolist())
            assert seen.setdefault(path, entry) == entry
            token = rng.choice(ALL.tolist())
            state, path = tester.accept(state, token), (*path, token)
    assert len(seen) > 10


def test_masks_are_the_tests(case: tuple[contract.Tester, Truth]) -> None:
    tester, _ = case
    row = np.empty((len(TOKENS) + 31) // 32, np.uint32)
    for state, _ in reachable(tester):
        allowed = tester.test(np.full(len(ALL), state), ALL)
        if tester.price(state) == np.inf:
            with pytest.raises(Unsupported):
                tester.fill(state, row)
            continue
        try:
            tester.fill(state, row)
            bits = np.unpackbits(row.view(np.uint8), bitorder="little")[: len(TOKENS)].astype(bool)
        except DeadEnd:
            bits = np.zeros(len(TOKENS), bool)
        np.testing.assert_array_equal(bits, allowed)
        assert tester.price(state) == 0


def test_threads_share_a_tester(case: tuple[contract.Tester, Truth]) -> None:
    tester, truth = case
    wrong: list[object] = []

    def walk(seed: int) -> None:
        rng = random.Random(seed)
        try:
            for _ in range(40):
                state, text = tester.start, b""
                while state >= 0 and len(text) < 5:
                    token = rng.choice([t for t in ALL.tolist() if TOKENS[t]])
                    state, text = tester.accept(state, token), text + (TOKENS[token] or b"")
                    if (state >= 0) != truth(text, False):
                        wrong.append(text)
        except Exception as error:  # an assertion in a thread would be lost
            wrong.append(error)

    threads = [threading.Thread(target=walk, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_integers_that_are_no_tokens_or_states_are_errors(case: tuple[contract.Tester, Truth]) -> None:
    tester, _ = case
    start = np.array([tester.start])
    for token in (len(TOKENS), -1):
        with pytest.raises(WrongVocabulary, match=f"token id {token} is outside the vocabulary of {len(TOKENS)}"):
            tester.test(start, np.array([token]))
        with pytest.raises(WrongVocabulary):
            tester.accept(tester.start, token)
    with pytest.raises(WrongVocabulary):
        tester.first(start, np.array([[len(TOKENS), 0]]))
    for state in (999_999, -3):
        with pytest.raises(GrammarError, match="state"):
            tester.test(np.array([state]), np.array([0]))
    with pytest.raises(GrammarError, match="2 states do not go with 1 rows of tokens"):
        tester.test(np.array([tester.start] * 2), np.array([0]))
