"""How often, and in which order, predicates are asked; products and their dead ends."""

from __future__ import annotations

import numpy as np
import pytest
from bytebound import decoding, grammars
from bytebound.decoding import DeadEnd
from bytebound.decoding.sampling.predicate_tester import PredicateTester
from bytebound.grammars import (
    Conjunction,
    PredicateError,
)

from .tester_world import (
    ALL,
    DEAD,
    FINISHED,
    LETTERS,
    VOCABULARY,
    few_b,
)


def test_a_predicate_is_asked_once_about_a_text() -> None:
    asked: list[list[bytes]] = []

    def judge(texts: list[bytes]) -> list[bool]:
        asked.append(texts)
        return [few_b(text) for text in texts]

    tester = PredicateTester(grammars.predicate(judge, batched=True), VOCABULARY)
    tester.test(np.zeros(4, np.int64), np.array([0, 3, 1, 0]))  # two tokens are b"a"
    assert asked == [[b"a", b"b"]]
    ab = tester.accept(tester.accept(tester.start, 0), 1)
    assert ab == tester.accept(tester.start, 2) and tester.text(ab) == b"ab"
    assert tester.is_accepting(ab) and tester.accept(ab, 4) == FINISHED
    assert asked == [[b"a", b"b"], [b"ab"]]
    assert (tester.evaluations, tester.asked) == (3, 4)


def test_a_text_predicate_is_not_asked_again_within_a_character() -> None:
    asked: list[str] = []

    def judge(text: str) -> bool:
        asked.append(text)
        return True

    tester = PredicateTester(grammars.predicate(judge, text=True), VOCABULARY)
    half = tester.accept(tester.accept(tester.start, 0), 6)
    assert not tester.is_accepting(half) and asked == ["a"]
    assert tester.accept(half, 0) == DEAD and asked == ["a"]
    assert tester.accept(half, 7) >= 0 and asked == ["a", "aé"]


def test_answers_beyond_the_limit_are_forgotten_and_asked_again() -> None:
    tester = PredicateTester(grammars.predicate(few_b), VOCABULARY, remember=4)
    rng = np.random.default_rng(3)
    states = [tester.start]
    for _ in range(200):
        state, token = int(rng.choice(states)), int(rng.choice(ALL))
        following = tester.accept(state, token)
        if following >= 0:
            assert few_b(tester.text(following))
            states.append(following)
        assert len(tester._answers) <= 4
    assert tester.test(np.array(states), np.full(len(states), 0)).all()


def test_a_product_asks_the_costly_part_last_and_only_where_the_others_allow() -> None:
    asked: dict[str, list[bytes]] = {"cheap": [], "costly": []}

    def cheap(data: bytes) -> bool:
        asked["cheap"].append(data)
        return few_b(data)

    def costly(data: bytes) -> bool:
        asked["costly"].append(data)
        return data != b"a"

    constraint = grammars.predicate(costly, cost=50) & grammars.predicate(cheap) & LETTERS
    tester = decoding.tester(constraint, VOCABULARY)
    rows = np.array([[8, 1, 0, 2, 12], [8, 7, 0, 6, -1]])  # ff, b | ff, a9, a, half
    assert tester.first(np.array([tester.start] * 2), rows).tolist() == [1, 3]
    assert asked == {"cheap": [b"b", b"a", b"\xc3"], "costly": [b"b", b"a", b"\xc3"]}
    bb = tester.accept(tester.accept(tester.start, 1), 1)
    for texts in asked.values():
        texts.clear()
    assert tester.test(np.array([bb, bb]), np.array([1, 8])).tolist() == [False, False]
    assert asked == {"cheap": [b"bbb"], "costly": []}


def test_a_product_may_have_dead_ends() -> None:
    tester = decoding.tester(Conjunction(grammars.regex("ab*a"), grammars.regex("ab*é")), VOCABULARY)
    state = tester.accept(tester.accept(tester.start, 0), 1)
    assert tester.test(np.full(len(ALL), state), ALL).tolist() == [i in (1, 12) for i in ALL.tolist()]
    tester = decoding.tester(Conjunction(grammars.regex("aa"), grammars.regex("aé")), VOCABULARY)
    state = tester.accept(tester.start, 0)
    assert state >= 0 and not tester.test(np.full(len(ALL), state), ALL).any()
    with pytest.raises(DeadEnd, match="together"):
        tester.fill(state, np.empty(1, np.uint32))


def test_errors_of_a_predicate_surface() -> None:
    def broken(data: bytes) -> bool:
        return 1 / (len(data) - 2) < 9

    tester = decoding.tester(LETTERS & grammars.predicate(broken), VOCABULARY)
    with pytest.raises(PredicateError, match=r"predicate broken raised an exception \(at b'ab'\)") as caught:
        tester.test(np.zeros(3, np.int64), np.array([8, 0, 2]))
    assert isinstance(caught.value.__cause__, ZeroDivisionError) and caught.value.data == b"ab"
