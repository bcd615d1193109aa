"""Choice among answers: masses against the enumeration of all token strings, tolerances, errors."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from bytebound.decoding import (
    DecodingError,
    TableModel,
    Vocabulary,
    VocabularyError,
    WrongVocabulary,
    choice_probabilities,
    choice_probabilities_batch,
)
from bytebound.integrations import models
from bytebound.integrations.transformers import TransformersModel
from hypothesis import given, settings
from hypothesis import strategies as st

# "a" twice; 7 is the end, 8 another control token, and the model has one column more than the vocabulary.
TOKENS = [b"a", b"b", b"ab", b"aba", b"a", b"bb", b"bab", None, None]
VOCABULARY = Vocabulary.from_bytes(TOKENS, eos_token_ids=[7])
EOS = 7


def table(seed: int) -> TableModel:
    def next_logprobs(context: tuple[int, ...]) -> torch.Tensor:
        rng = np.random.default_rng([seed, *context])
        return torch.log_softmax(torch.from_numpy(3 * rng.standard_normal(10)), 0)

    return TableModel(next_logprobs, 10)


def mass(model: TableModel, prompt: Sequence[int], tokens: Sequence[int]) -> float:
    """log of the probability of `tokens` after `prompt`, one at a time."""
    return sum(
        float(model.next_logprobs([[*prompt, *tokens[:i]]])[0, token]) for i, token in enumerate(tokens)
    )  # an empty sum is 0


def brute_force(model: TableModel, prompt: Sequence[int], option: bytes, end: str) -> float:
    """The mass of an option by enumeration of all token strings of at most its length."""
    total = 0.0
    text_tokens = [i for i, token in enumerate(TOKENS) if token]
    for n in range(len(option) + 1):
        for tokens in itertools.product(text_tokens, repeat=n):
            parts = [TOKENS[i] or b"" for i in tokens]
            text = b"".join(parts)
            if end == "eos" and text == option:
                total += math.exp(mass(model, prompt, [*tokens, EOS]))
            if end == "text" and text.startswith(option) and len(b"".join(parts[:-1])) < len(option):
                total += math.exp(mass(model, prompt, tokens))
    return total


CHOICES = {"eos": [b"ab", "a", b"abab", b"", b"bba"], "text": [b"ba", "aa", b"aba", b"bb"]}


@pytest.mark.parametrize("end", ["eos", "text"])
@pytest.mark.parametrize("max_rows", [1, 3, 64])
def test_all_spellings_are_summed(end: str, max_rows: int) -> None:
    for seed in range(3):
        model, options = table(seed), CHOICES[end]
        result = choice_probabilities(model, VOCABULARY, [3, 8], options, end=end, max_rows=max_rows)
        truth = [brute_force(model, [3, 8], o.encode() if isinstance(o, str) else o, end) for o in options]
        assert list(result) == options
        np.testing.assert_allclose(np.exp(list(result.log_masses.values())), truth, rtol=1e-9)
        np.testing.assert_allclose(list(result.values()), np.array(truth) / sum(truth), rtol=1e-9)
        assert result.log_mass == pytest.approx(math.log(sum(truth)), rel=1e-9)
        assert result.unexplored == 0
        assert result.most_probable() == options[int(np.argmax(truth))]


def test_every_context_is_evaluated_once_where_the_rows_suffice() -> None:
    model = table(0)
    result = choice_probabilities(model, VOCABULARY, [3], [b"abab"])
    # "", a, a', ab, and so on: every spelling of every prefix of the option.
    spellings = sum(
        b"".join(TOKENS[i] or b"" for i in tokens) == b"abab"[:length]
        for length in range(5)
        for n in range(length + 1)
        for tokens in itertools.product([0, 1, 2, 3, 4, 5, 6], repeat=n)
    )
    assert model.calls == result.contexts == spellings


@given(
    st.lists(st.text("ab", max_size=6), min_size=1, max_size=4, unique=True),
    st.integers(0, 1000),
    st.sampled_from([0.3, 1e-2, 1e-6]),
    st.integers(1, 9),
)
@settings(max_examples=60, deadline=None)
def test_tolerance_bounds_what_is_left_out(options: list[str], seed: int, tolerance: float, max_rows: int) -> None:
    model = table(seed)
    exact = choice_probabilities(model, VOCABULARY, [1], options)
    result = choice_probabilities(model, VOCABULARY, [1], options, tolerance=tolerance, max_rows=max_rows)
    u = result.unexplored
    assert 0 <= u <= tolerance
    slack = 1e-12
    assert result.log_mass <= exact.log_mass + slack
    assert exact.log_mass <= result.log_mass + math.log1p(u) + slack
    for option in options:
        assert exact[option] >= result[option] / (1 + u) - slack
        assert exact[option] <= (result[option] + u) / (1 + u) + slack


def test_a_tolerance_saves_contexts() -> None:
    vocabulary = Vocabulary.from_bytes(
        [bytes([c]) for c in range(97, 107)] + [b"abcde", b"fghij", None], eos_token_ids=12
    )
    pieces = torch.full((13,), 1e-3, dtype=torch.float64)
    pieces[10:] = 1.0
    model = TableModel(lambda context: torch.log(pieces / pieces.sum()), 13)
    options = ["abcdefghijabcdefghij", "fghijabcde"]
    exact = choice_probabilities(model, vocabulary, [0], options)
    result = choice_probabilities(model, vocabulary, [0], options, tolerance=1e-2)
    assert result.contexts < exact.contexts / 2
    assert result.log_mass == pytest.approx(exact.log_mass, abs=1e-2)


def test_the_canonical_spelling() -> None:
    model = table(5)
    spelled = {"ab": [2], "abab": [3, 1], "b": [1]}
    result = choice_probabilities(model, VOCABULARY, [1], list(spelled), spelling="canonical", encode=spelled.get)
    for option, tokens in spelled.items():
        assert result.log_masses[option] == pytest.approx(mass(model, [1], [*tokens, EOS]), rel=1e-9)
    del spelled["ab"]
    spelled["bb"] = [5]
    result = choice_probabilities(
        model, VOCABULARY, [1], ["abab", "bb"], spelling="canonical", encode=spelled.get, end="text"
    )
    for option in ("abab", "bb"):
        assert result.log_masses[option] == pytest.approx(mass(model, [1], spelled[option]), rel=1e-9)
    every = choice_probabilities(model, VOCABULARY, [1], ["abab", "bb"], end="text")
    assert every.log_mass > result.log_mass


@pytest.mark.parametrize("max_rows", [1, 2, 100])
def test_several_prompts_are_as_one_by_one(max_rows: int) -> None:
    model = table(2)
    prompts = [[0], [1, 2, 3], [5]]
    options: Any = [["ab", "b"], ["abab", "bbb", "a"], ["ab", "b"]]
    for tolerance in (0.0, 0.1):
        together = choice_probabilities_batch(
            model, VOCABULARY, prompts, options, max_rows=max_rows, tolerance=tolerance
        )
        for prompt, choice, result in zip(prompts, options, together, strict=True):
            alone = choice_probabilities(model, VOCABULARY, prompt, choice)
            assert result.log_mass == pytest.approx(alone.log_mass, abs=tolerance + 1e-12)
            assert list(result) == choice
    assert choice_probabilities_batch(model, VOCABULARY, [], []) == []


@pytest.mark.parametrize("end", ["eos", "text"])
def test_a_model_that_ships_with_its_cache(end: str) -> None:
    model, tokenizer = models.load("small-bytes", dtype=torch.float64)
    vocabulary = Vocabulary.from_tokenizer(tokenizer)
    prompt = tokenizer("The concert takes place in ")["input_ids"]
    options = ["May", "June", "Rome"]
    result = choice_probabilities(TransformersModel(model), vocabulary, prompt, options, end=end)
    for option in options:
        truth = every_spelling(TransformersModel(model), vocabulary, prompt, option.encode(), end)
        assert math.exp(result.log_masses[option]) == pytest.approx(truth, rel=1e-9)
    small = choice_probabilities(TransformersModel(model), vocabulary, prompt, options, end=end, max_rows=2)
    assert small.log_mass == pytest.approx(result.log_mass, abs=1e-9)


def every_spelling(model: TransformersModel, vocabulary: Vocabulary, prompt: list[int], rest: bytes, end: str) -> float:
    """The mass of the spellings of `rest` by recursion, whole contexts without a cache, all tokens tried."""
    probabilities = model.next_logprobs([prompt])[0].exp()
    if not rest and end == "eos":
        return float(probabilities[list(vocabulary.eos_token_ids)].sum())
    total = 0.0
    for token in range(vocabulary.size):
        data = vocabulary.token_bytes(token)
        if end == "text" and data.startswith(rest):
            total += float(probabilities[token])
        elif data and rest.startswith(data):
            deeper = every_spelling(model, vocabulary, [*prompt, token], rest[len(data) :], end)
            total += float(probabilities[token]) * deeper
    return total


def test_errors() -> None:
    model = table(0)

    def ask(options: Any, **settings: Any) -> Any:
        return choice_probabilities(model, VOCABULARY, [1], options, **settings)

    for options, arguments, message in (
        ([], {}, "one at least"),
        ([3], {}, "options are texts"),
        ("yes", {}, "not one text: 'yes'"),
        (["a", b"a"], {}, "'a' and b'a' are the same"),
        (["ba", "ab", "b"], {"end": "text"}, "'b' is a prefix of 'ba'"),
        ([""], {"end": "text"}, "empty option"),
        (["a"], {"end": "stop"}, 'end is "eos" or "text"'),
        (["a"], {"spelling": "best"}, 'spelling is "all" or "canonical"'),
        (["a"], {"spelling": "canonical"}, "encode="),
        (["a", "b"], {"spelling": "canonical", "encode": lambda option: [0]}, "are the same"),
        (["a"], {"tolerance": -1.0}, "tolerance must"),
        (["a"], {"tolerance": math.nan}, "tolerance must"),
        (["c"], {}, "none of the options 'c' has any probability"),
        (["abab"], {"max_contexts": 3}, r"max_contexts=3 contexts were evaluated, and a mass of 0 was found; up"),
        (["ababababab", "b"], {"max_contexts": 40, "tolerance": 1e-9}, "max_contexts=40"),
    ):
        with pytest.raises(DecodingError, match=message):
            ask(options, **arguments)
    with pytest.raises(WrongVocabulary, match="outside the vocabulary"):
        ask(["a"], spelling="canonical", encode=lambda option: [9])
    with pytest.raises(WrongVocabulary, match="columns"):
        choice_probabilities(TableModel(lambda c: [0.0], 1), VOCABULARY, [1], ["a"])
    with pytest.raises(VocabularyError, match='end="text"'):
        choice_probabilities(model, Vocabulary.from_bytes([b"a"]), [1], ["a"])
    with pytest.raises(DecodingError, match="2 lists of options were given for 1 prompts"):
        choice_probabilities_batch(model, VOCABULARY, [[1]], [["a"], ["b"]])


def test_contexts_are_never_more_than_allowed() -> None:
    for bound in range(1, 30):
        model = table(1)
        with contextlib.suppress(DecodingError):
            choice_probabilities(model, VOCABULARY, [1], ["ababab"], max_contexts=bound, max_rows=4, tolerance=1e-3)
        assert model.calls <= bound
