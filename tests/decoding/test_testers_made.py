"""What testers are made from, prices of masks, budgets, and tokens that are never allowed."""

from __future__ import annotations

import numpy as np
import pytest
from bytebound import decoding, grammars
from bytebound.decoding import Masker, Vocabulary, WrongVocabulary
from bytebound.decoding.sampling.automaton_tester import AutomatonTester
from bytebound.decoding.sampling.masker_tester import PRICE
from bytebound.decoding.sampling.predicate_tester import PredicateTester
from bytebound.decoding.sampling.product_tester import ProductTester
from bytebound.decoding.sampling.testers import tester as make
from bytebound.grammars import (
    Budget,
    BudgetExceeded,
    Conjunction,
    GrammarError,
    Predicate,
    Unsupported,
)

from .tester_world import (
    ENDS_IN_A,
    FINISHED,
    LETTERS,
    VOCABULARY,
    few_b,
)


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
