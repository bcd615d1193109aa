"""Laws that every tester keeps, over a small vocabulary with all kinds of tokens."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from bytebound import decoding, grammars
from bytebound.decoding import DeadEnd, Masker, Vocabulary, WrongVocabulary
from bytebound.decoding.sampling import tester as contract
from bytebound.decoding.sampling.automaton_tester import AutomatonTester
from bytebound.decoding.sampling.masker_tester import PRICE
from bytebound.decoding.sampling.predicate_tester import PredicateTester
from bytebound.decoding.sampling.product_tester import ProductTester
from bytebound.decoding.sampling.testers import tester as make
from bytebound.grammars import (
    Budget,
    BudgetExceeded,
    Conjunction,
    Grammar,
    GrammarError,
    Predicate,
    PredicateError,
    Unsupported,
)

DEAD, FINISHED = -1, -2
# Letters, their doubles and joins, halves of é, a byte that is never UTF-8, EOS twice, a control token, an unused id.
TOKENS = [b"a", b"b", b"ab", b"a", None, b"ba", b"\xc3", b"\xa9", b"\xff", None, None, b"", b"bb", "é".encode()]
EOS = (4, 9)
VOCABULARY = Vocabulary.from_bytes(TOKENS, eos_token_ids=EOS)
ALL = np.arange(len(TOKENS))


def few_b(data: bytes) -> bool:
    return data.count(b"b") <= 2


def even(data: bytes) -> bool:
    return len(data) % 2 == 0


async def no_doubles(data: bytes) -> bool:
    return b"bb" not in data


def short(texts: list[str]) -> list[bool]:
    return [len(text) <= 3 for text in texts]


def utf8(data: bytes, whole: bool) -> bool:
    """Whether the bytes are UTF-8, or could become it, where é is the only character with a first half in use."""
    for tail in (b"",) if whole else (b"", b"\xa9"):
        try:
            (data + tail).decode()
            return True
        except UnicodeDecodeError:
            continue
    return False


Truth = Callable[[bytes, bool], bool]
LETTERS, ENDS_IN_A = grammars.regex("[abé]{1,4}"), grammars.regex("(a|b|é)*a")


def of_grammar(grammar: Grammar) -> Truth:
    automaton = grammar.automaton

    def truth(data: bytes, whole: bool) -> bool:
        state = automaton.advance(automaton.start, data)
        return automaton.is_accepting(state) if whole else state >= 0

    return truth


def both(*truths: Truth) -> Truth:
    return lambda data, whole: all(truth(data, whole) for truth in truths)


def few_b_truth(data: bytes, whole: bool) -> bool:
    return few_b(data)


def even_truth(data: bytes, whole: bool) -> bool:
    return not whole or even(data)


def short_truth(data: bytes, whole: bool) -> bool:
    return utf8(data, whole) and len(data.decode(errors="ignore")) <= 3


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


def test_what_a_tester_is_made_from() -> None:
    masker = Masker(LETTERS, VOCABULARY)
    made = decoding.tester(masker, VOCABULARY)
    assert isinstance(made, AutomatonTester) and made.masker is masker
    assert decoding.tester(made, VOCABULARY) is made
    again = [decoding.tester(LETTERS, VOCABULARY) for _ in range(2)]
    assert again[0].masker is again[1].masker
    other = Vocabulary.from_bytes([b"a"])
    for constraint in (masker, made):
        with pytest.raises(WrongVocabulary, match="another vocabulary"):
            decoding.tester(constraint, other)
    with pytest.raises(WrongVocabulary, match="different vocabularies"):
        ProductTester([made, decoding.tester(LETTERS, other)])
    with pytest.raises(GrammarError, match="at least one"):
        ProductTester([])
    with pytest.raises(GrammarError, match=r"a Tester is needed, not '\[ab\]'"):
        decoding.tester("[ab]", VOCABULARY)


@pytest.mark.parametrize("constraint", [grammars.predicate(few_b), LETTERS & grammars.predicate(few_b)])
def test_a_masker_refuses_what_has_no_automaton(constraint: Predicate | Conjunction) -> None:
    with pytest.raises(Unsupported, match=r"few_b.* has no mask.*posterior\(\)"):
        Masker(constraint, VOCABULARY)


def test_prices() -> None:
    tester = decoding.tester(Masker(LETTERS, VOCABULARY), VOCABULARY)
    row = np.empty(1, np.uint32)
    assert tester.price(tester.start) == PRICE
    tester.fill(tester.start, row)
    assert tester.price(tester.start) == 0 == tester.price(FINISHED)
    second = decoding.tester(Masker(ENDS_IN_A, VOCABULARY), VOCABULARY)
    product = ProductTester([tester, second])
    assert product.price(product.start) == PRICE
    assert ProductTester([product, PredicateTester(grammars.predicate(few_b), VOCABULARY)]).price(0) == np.inf


def test_a_known_mask_is_known_by_its_alias() -> None:
    text = grammars.regex('"[a-z]{0,9000}"')
    vocabulary = Vocabulary.from_bytes([b"a", b'"', b"ab", None], eos_token_ids=[3])
    tester = decoding.tester(text, vocabulary)
    first = tester.accept(tester.accept(tester.start, 1), 0)
    second = tester.accept(first, 0)
    tester.fill(first, np.empty(1, np.uint32))
    assert first != second and tester.price(second) == 0


def test_the_automaton_grows_within_a_call_and_ends_at_its_budget() -> None:
    tokens = [b"b", b"a" * 6000, b"a" * 9001, b"a" * 9000]
    vocabulary = Vocabulary.from_bytes(tokens)
    tester = decoding.tester(grammars.regex("a{9000}"), vocabulary)
    states = np.full(3, tester.start)
    assert tester.first(states, np.array([[0, 2, 3], [2, 1, 0], [0, 2, -1]])).tolist() == [2, 1, 2]
    small = grammars.regex("a{9000}", budget=Budget(states=1000))
    with pytest.raises(BudgetExceeded):
        decoding.tester(small, vocabulary).test(states[:1], np.array([1]))


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


def test_tokens_that_are_never_allowed() -> None:
    """A token with a byte that the grammar has nowhere is known to be impossible; no other one is taken for it."""
    vocabulary = Vocabulary.from_bytes([b"a", b"ab", b"ax", b"x", b"\xff", b"b\n", None, b"ba"], eos_token_ids=[6])
    for pattern, never in ((r"(ab)*", [2, 3, 4, 5]), (r"[^x\n]*", [2, 3, 4, 5]), (r"a\n?b|x", [4])):
        row = make(grammars.regex(pattern), vocabulary).impossible()
        assert row is not None
        assert np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little")).tolist() == never, pattern
    assert (
        make(grammars.json_schema({"type": "string"}), vocabulary).impossible() is None
    )  # escapes spell any character
    text = grammars.predicate(lambda data: True)
    assert make(text, vocabulary).impossible() is None
    both = make(grammars.regex("[ab]*") & text, vocabulary).impossible()
    assert both is not None and (both == make(grammars.regex("[ab]*"), vocabulary).impossible()).all()
