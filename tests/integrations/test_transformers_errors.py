"""Triggers, budgets, and what goes wrong: one clear exception, and everything usable after it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from bytebound.decoding import (
    CannotClose,
    DeadEnd,
    DecodingError,
    TokenRejected,
    UnsupportedTokenizer,
    Vocabulary,
    WrongVocabulary,
)
from bytebound.grammars import Grammar, GrammarError
from bytebound.integrations.transformers import constrain
from transformers import LogitsProcessor, LogitsProcessorList

PERSON = re.compile(rb'\{"name": "[a-z]{1,6}", "age": [1-9][0-9]{0,2}\}')


@pytest.fixture
def inputs(tokenizer: Any) -> Any:
    return tokenizer(["The year"], return_tensors="pt", return_token_type_ids=False)


class Forced(LogitsProcessor):  # type: ignore[misc]
    """Forces tokens by the number of tokens generated so far; runs before or after ours by its place in the list."""

    def __init__(self, length: int, tokens: dict[int, int]) -> None:
        self.length, self.tokens = length, tokens

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        token = self.tokens.get(input_ids.shape[1] - self.length)
        if token is None:
            return scores
        forced = torch.full_like(scores, -torch.inf)
        forced[:, token] = 0
        return forced


def generate(model: Any, inputs: Any, *processors: LogitsProcessor, **settings: Any) -> Any:
    settings = {"max_new_tokens": 80, "do_sample": False, **settings}
    return model.generate(**inputs, logits_processor=list(processors), **settings)


def new_tokens(out: torch.Tensor, inputs: Any) -> list[int]:
    tokens: list[int] = out[0, inputs["input_ids"].shape[1] :].tolist()
    return tokens


def force(tokenizer: Any, inputs: Any, text: str) -> Forced:
    """Forces the tokens of a text."""
    return Forced(inputs["input_ids"].shape[1], dict(enumerate(tokenizer(text, add_special_tokens=False)["input_ids"])))


@pytest.mark.parametrize("start", ["go:", "well, go:", "gogo:", "a line\ngo:{", "no: go:"])
def test_after_the_trigger_the_grammar_holds(
    model: Any, tokenizer: Any, vocabulary: Vocabulary, person: Grammar, inputs: Any, start: str
) -> None:
    processor = constrain(tokenizer, person, trigger="go:")
    for trigger in ("go:", b"go:"):
        processor = constrain(tokenizer, person, trigger=trigger)
        out = generate(model, inputs, force(tokenizer, inputs, start), processor)
        text = vocabulary.text(i for i in new_tokens(out, inputs) if i != 1)
        before, _, after = text.partition(b"go:")
        assert start.encode().startswith(before)
        assert PERSON.fullmatch(after)


def test_before_the_trigger_anything_goes(
    model: Any, tokenizer: Any, vocabulary: Vocabulary, person: Grammar, inputs: Any
) -> None:
    processor = constrain(tokenizer, person, trigger="\x00never\x00")
    plain = generate(model, inputs, Only(vocabulary), max_new_tokens=30)
    assert torch.equal(generate(model, inputs, processor, max_new_tokens=30), plain)


class Only(LogitsProcessor):  # type: ignore[misc]
    """Text tokens and EOS of a vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.allowed = [i for i in range(vocabulary.size) if vocabulary.token_bytes(i) or i in vocabulary.eos_token_ids]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        out = torch.full_like(scores, -torch.inf)
        out[:, self.allowed] = scores[:, self.allowed]
        return out


def test_a_token_that_ends_behind_the_trigger_must_fit_the_grammar(
    model: Any, tokenizer: Any, grammar: Any, inputs: Any
) -> None:
    # "{" and "}" end tokens of several bytes in this vocabulary; the trigger is their first byte.
    for text, valid in (('"a', True), ('"b', False)):
        one = Vocabulary.from_bytes([None, None, b'x"a', b'x"b', *(bytes([i]) for i in range(256))], eos_token_ids=[1])
        processor = constrain(tokenizer, grammar(b'"a'), trigger="x", vocabulary=one)
        scores = processor(torch.zeros(1, 3, dtype=torch.long), torch.zeros(1, one.size))
        assert bool(torch.isfinite(scores[0, 2 if valid else 3])) is valid, text


def test_a_control_token_as_trigger(
    model: Any, tokenizer: Any, vocabulary: Vocabulary, person: Grammar, inputs: Any
) -> None:
    call = tokenizer.convert_tokens_to_ids("<call>")
    length = inputs["input_ids"].shape[1]
    processor = constrain(tokenizer, person, trigger="<call>", max_new_tokens=80)
    tokens = new_tokens(generate(model, inputs, Forced(length, {2: call}), processor), inputs)
    assert tokens[2] == call
    assert PERSON.fullmatch(vocabulary.text(i for i in tokens[3:] if i != 1))
    plain = generate(model, inputs, max_new_tokens=2)
    assert tokens[:2] == new_tokens(plain, inputs)
    with pytest.raises(DeadEnd):  # the grammar could not be completed any more, so the token is not allowed
        generate(model, inputs, Forced(length, dict.fromkeys(range(75), 5) | {75: call}), processor)


@pytest.mark.parametrize("budget", [28, 29, 31, 40, 60])
def test_the_structure_closes_within_the_budget(
    model: Any, tokenizer: Any, vocabulary: Vocabulary, grammar: Any, inputs: Any, budget: int
) -> None:
    long = grammar(b'{"name": "', ("a-z", 1, 500), b'", "ages": ', ("0-9", 1, 500), b"}")
    with pytest.raises(CannotClose) as error:
        constrain(tokenizer, long, max_new_tokens=1)
    needed = int(re.search(r"(\d+) tokens would do", str(error.value)).group(1))  # type: ignore[union-attr]
    budget = needed + budget - 28
    processor = constrain(tokenizer, long, max_new_tokens=budget)
    lookup = {"prompt_lookup_num_tokens": 4}
    for settings in ({}, {"do_sample": True}, {"num_beams": 2}, lookup):
        torch.manual_seed(budget)
        out = generate(model, inputs, processor, max_new_tokens=budget, **settings)
        text = vocabulary.text(i for i in new_tokens(out, inputs) if i not in (1, 2))
        assert long.matches(text), text
    with pytest.raises(CannotClose):
        constrain(tokenizer, long, max_new_tokens=needed - 1)


def test_a_forced_token_is_named(model: Any, tokenizer: Any, person: Grammar, inputs: Any) -> None:
    processor = constrain(tokenizer, person)
    plain = generate(model, inputs, processor)
    token = tokenizer.convert_tokens_to_ids("}")
    forced = Forced(inputs["input_ids"].shape[1], {2: token})
    with pytest.raises(TokenRejected, match=rf"token {token} \(b'}}'\) was appended after b'.*', where the grammar"):
        generate(model, inputs, processor, forced)
    with pytest.raises(TokenRejected, match=r"token 399 \(no text\)"):
        generate(model, inputs, processor, Forced(inputs["input_ids"].shape[1], {0: 399}))
    with pytest.raises(TokenRejected, match=r"end of sequence.*appended after b''"):
        generate(model, inputs, processor, Forced(inputs["input_ids"].shape[1], {0: 1}), eos_token_id=3)
    assert torch.equal(generate(model, inputs, processor), plain)


def test_a_kept_traceback_does_not_keep_its_generation(
    model: Any, tokenizer: Any, person: Grammar, inputs: Any, greedy: Callable[..., list[int]]
) -> None:
    processor = constrain(tokenizer, person)
    token = tokenizer.convert_tokens_to_ids("}")
    with pytest.raises(TokenRejected) as kept:
        generate(model, inputs, processor, Forced(inputs["input_ids"].shape[1], {2: token}))
    brace = tokenizer("{", return_tensors="pt")["input_ids"]
    longer = torch.cat([inputs["input_ids"], brace], dim=1)  # the grammar would allow this as the next token
    assert new_tokens(generate(model, {"input_ids": longer}, processor), {"input_ids": longer}) == greedy(
        longer, person, 80
    )
    assert kept.tb is not None


def test_nothing_left_is_an_error_before_a_token_is_drawn(
    model: Any, tokenizer: Any, person: Grammar, inputs: Any
) -> None:
    processor = constrain(tokenizer, person)
    forced = Forced(inputs["input_ids"].shape[1], {2: tokenizer.convert_tokens_to_ids("}")})
    for settings in ({}, {"do_sample": True}, {"num_beams": 2}):
        with pytest.raises(DeadEnd, match="row 0: every token that the grammar allows"):
            generate(model, inputs, forced, processor, **settings)
    assert PERSON.fullmatch(processor.vocabulary.text(new_tokens(generate(model, inputs, processor), inputs)))


def test_a_vocabulary_that_cannot_spell_the_grammar(tokenizer: Any, grammar: Any) -> None:
    letters = Vocabulary.from_bytes([b"a", b"b", None], eos_token_ids=[2])
    processor = constrain(tokenizer, grammar(b"abc"), vocabulary=letters)
    prompt = torch.zeros(1, 2, dtype=torch.long)
    for tokens in ([], [0]):
        processor(torch.cat([prompt, torch.tensor([tokens], dtype=torch.long)], 1), torch.zeros(1, 3))
    with pytest.raises(DeadEnd, match="no token of this vocabulary spells"):
        processor(torch.cat([prompt, torch.tensor([[0, 1]])], 1), torch.zeros(1, 3))
    with pytest.raises(CannotClose, match="cannot spell"):
        constrain(tokenizer, grammar(b"abc"), vocabulary=letters, max_new_tokens=10)


@pytest.mark.parametrize("width", [100, 313, 500])
def test_logits_of_another_width(tokenizer: Any, person: Grammar, width: int) -> None:
    processor = constrain(tokenizer, person)
    with pytest.raises(WrongVocabulary, match=f"{width} columns.*{processor.vocabulary.size} tokens"):
        processor(torch.zeros(1, 3, dtype=torch.long), torch.zeros(1, width))
    with pytest.raises(WrongVocabulary, match=r"\[2, 3\] and \[1, 400\]"):
        processor(torch.zeros(2, 3, dtype=torch.long), torch.zeros(1, 400))


def test_a_list_of_grammars_that_does_not_fit(model: Any, tokenizer: Any, person: Grammar, inputs: Any) -> None:
    processor = constrain(tokenizer, [person, None])
    with pytest.raises(DecodingError, match="2 grammars were given, one per prompt, but 1 rows"):
        generate(model, inputs, processor)
    with pytest.raises(DecodingError, match="empty"):
        constrain(tokenizer, [])
    with pytest.raises(GrammarError, match="nothing would be constrained"):
        constrain(tokenizer, None)


@pytest.mark.parametrize("thing", ["[0-9]+", 3, [["x"]], dict])
def test_what_is_no_grammar(tokenizer: Any, thing: Any) -> None:
    with pytest.raises(GrammarError, match=r"grammars\.regex"):
        constrain(tokenizer, thing)


@pytest.mark.parametrize("thing", ["gpt2", ["a", "b"], None])
def test_what_is_no_tokenizer(person: Grammar, thing: Any) -> None:
    with pytest.raises(UnsupportedTokenizer, match="not a known kind of tokenizer"):
        constrain(thing, person)


def test_contradicting_arguments(tokenizer: Any, vocabulary: Vocabulary, person: Grammar) -> None:
    with pytest.raises(DecodingError, match="not both"):
        constrain(tokenizer, person, vocabulary=vocabulary, eos_token_ids=3)
    with pytest.raises(DecodingError, match="at least 1"):
        constrain(tokenizer, person, max_new_tokens=0)
    with pytest.raises(GrammarError, match="trigger"):
        constrain(tokenizer, person, trigger="")


class ContinuousBatchingLogitsProcessorList:
    """Stands for the class of that name in transformers, which is not importable everywhere."""

    def __init__(self, processor: LogitsProcessor) -> None:
        self.processor = processor

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.processor(input_ids, scores)
        return out


def test_continuous_batching_is_refused(tokenizer: Any, person: Grammar) -> None:
    host = ContinuousBatchingLogitsProcessorList(constrain(tokenizer, person))
    with pytest.raises(DecodingError, match="continuous batching"):
        host(torch.zeros(1, 3, dtype=torch.long), torch.zeros(1, 400))


@pytest.mark.parametrize("wrap", [lambda p: p, lambda p: LogitsProcessorList([p])], ids=["plain", "list"])
def test_a_loop_of_ones_own(
    model: Any, tokenizer: Any, person: Grammar, greedy: Callable[..., list[int]], inputs: Any, wrap: Any
) -> None:
    processor = wrap(constrain(tokenizer, person))
    short = inputs["input_ids"]
    for prompt in (short, torch.cat([short, short], 1), short, short[:, 1:]):
        ids, length = prompt, prompt.shape[1]
        with torch.no_grad():
            while ids[0, -1] != 1 or ids.shape[1] == length:
                scores = processor(ids, model(ids).logits[:, -1])
                ids = torch.cat([ids, scores.argmax(-1, keepdim=True)], dim=1)
        assert ids[0, length:].tolist() == greedy(prompt, person, 80)


def test_reset_makes_the_next_rows_a_prompt(tokenizer: Any, grammar: Any) -> None:
    processor = constrain(tokenizer, grammar(b"aab"))
    letter = tokenizer.convert_tokens_to_ids("a")
    ids = torch.tensor([[5, 6]])
    longer = torch.cat([ids, torch.tensor([[letter]])], dim=1)
    first = processor(ids, torch.zeros(1, 400))
    second = processor(longer, torch.zeros(1, 400))
    assert not torch.equal(first, second)
    processor.reset()
    assert torch.equal(processor(longer, torch.zeros(1, 400)), first)
    with pytest.raises(TokenRejected):
        processor(torch.cat([longer, torch.tensor([[7]])], dim=1), torch.zeros(1, 400))


def test_rows_far_back_are_walked_again(tokenizer: Any, grammar: Any) -> None:
    processor = LogitsProcessorList([constrain(tokenizer, grammar(("a-z", 400, 400)))])
    letter = tokenizer.convert_tokens_to_ids("a")
    rows = [torch.tensor([[5, 6] + [letter] * n]) for n in range(300)]
    masks = [processor(row, torch.zeros(1, 400)) for row in rows]
    for n in (3, 100, 299):
        assert torch.equal(processor(rows[n], torch.zeros(1, 400)), masks[n])


def test_threads_share_a_processor(
    model: Any, tokenizer: Any, person: Grammar, greedy: Callable[..., list[int]]
) -> None:
    processor = constrain(tokenizer, person)
    prompts = ["answer:", "The year", "12 345", "aaa bbb"]
    results: dict[str, list[int]] = {}

    def work(prompt: str) -> None:
        inputs = tokenizer([prompt], return_tensors="pt", return_token_type_ids=False)
        for _ in range(3):
            results[prompt] = new_tokens(generate(model, inputs, processor), inputs)

    threads = [threading.Thread(target=work, args=(prompt,)) for prompt in prompts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for prompt in prompts:
        ids = tokenizer([prompt], return_tensors="pt")["input_ids"]
        assert results[prompt] == greedy(ids, person, 80)
