"""`reject`: weights and resampled rows of the ordinary `generate` against exact probabilities, and every mode of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from bytebound.decoding import (
    DeadEnd,
    DecodingError,
    Draws,
    LanguageModel,
    TokenRejected,
    Vocabulary,
    WrongVocabulary,
    choice_probabilities,
)
from bytebound.grammars import Grammar, GrammarError, choice, predicate, regex
from bytebound.integrations.transformers import RejectionProcessor, TransformersModel, reject
from transformers import LogitsProcessor, LogitsProcessorList, TopKLogitsWarper

OPTIONS = ["cat", "dog", "do"]


@pytest.fixture(scope="module")
def inputs(tokenizer: Any) -> Any:
    return tokenizer(["The year", "answer: yes or no ->", "The year"], return_tensors="pt", padding=True).to("cpu")


class Tempered(LanguageModel):
    """A model at a temperature."""

    def __init__(self, model: LanguageModel, temperature: float) -> None:
        self._model, self._temperature = model, temperature
        self.vocabulary_size, self.device = model.vocabulary_size, model.device

    def next_logprobs(self, contexts: Any) -> torch.Tensor:
        return torch.log_softmax(self._model.next_logprobs(contexts) / self._temperature, -1)


def exact(model: Any, vocabulary: Vocabulary, inputs: Any, row: int, options: list[str], temperature: float = 1) -> Any:
    prompt = inputs["input_ids"][row][inputs["attention_mask"][row] == 1].tolist()
    tempered = Tempered(TransformersModel(model), temperature)
    return choice_probabilities(tempered, vocabulary, prompt, options)


def generate(model: Any, inputs: Any, processor: LogitsProcessor, n: int = 64, **settings: Any) -> Any:
    inputs = {name: value for name, value in inputs.items() if name != "token_type_ids"}
    settings = {"do_sample": True, "max_new_tokens": 6, "num_return_sequences": n, **settings}
    return model.generate(**inputs, logits_processor=[processor], **settings)


def texts(rows: torch.Tensor, inputs: Any, vocabulary: Vocabulary) -> list[bytes]:
    tokens = rows[:, inputs["input_ids"].shape[1] :].tolist()
    return [vocabulary.text(i for i in row if i < vocabulary.size) for row in tokens]


@pytest.mark.parametrize("sampler", ["head-tail", "masked"])
@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_evidence_and_resampled_rows_follow_the_model(
    model: Any, tokenizer: Any, vocabulary: Vocabulary, inputs: Any, sampler: str, temperature: float
) -> None:
    processor = reject(tokenizer, choice(OPTIONS), sampler=sampler, temperature=temperature, seed=0)
    n = 300
    rows = generate(model, inputs, processor, n)
    weights = processor.log_weights
    assert weights.shape == (3 * n,) and processor.evaluations.shape == (3 * n,)
    assert processor.prompts.tolist() == [0] * n + [1] * n + [2] * n
    for prompt in range(3):
        truth = exact(model, vocabulary, inputs, prompt, OPTIONS, temperature)
        group = np.exp(weights[prompt * n : (prompt + 1) * n] - truth.log_mass)  # of mean one
        error = group.std() / n**0.5
        assert abs(group.mean() - 1) < 5 * error + 1e-5
        assert processor.log_evidence()[prompt] == pytest.approx(np.log(group.mean()) + truth.log_mass, abs=1e-9)
        found = texts(rows[prompt * n : (prompt + 1) * n], inputs, vocabulary)
        for option, mass in truth.log_masses.items():  # each option's own mass is estimated without bias as well
            share = group * [text == option.encode() for text in found]
            assert abs(share.mean() - np.exp(mass - truth.log_mass)) < 5 * share.std() / n**0.5 + 1e-5
    chosen = processor.resample(rows, 400, seed=1)
    assert chosen.shape == (1200, rows.shape[1])
    again = texts(chosen[:400], inputs, vocabulary)
    shares = np.exp(weights[:n]) / np.exp(weights[:n]).sum()
    for option in OPTIONS:
        share = shares[[text == option.encode() for text in texts(rows[:n], inputs, vocabulary)]].sum()
        assert abs(again.count(option.encode()) / 400 - share) < 5 * (share * (1 - share) / 400) ** 0.5 + 1e-9


def test_each_prompt_has_its_constraint_and_a_processor_is_reused(
    model: Any, tokenizer: Any, vocabulary: Vocabulary, inputs: Any
) -> None:
    constraints = [regex("[0-9]{2}"), choice(["yes", "no"]), predicate(lambda text: b"aaa".startswith(text))]
    processor = reject(tokenizer, constraints, seed=0)
    for n in (2, 5):
        rows = generate(model, inputs, processor, n, max_new_tokens=4)
        found = texts(rows, inputs, vocabulary)
        for i, text in enumerate(found):
            alive = processor.log_weights[i] > -np.inf
            assert not alive or constraints[i // n].matches(text)
        assert len(processor.log_weights) == 3 * n
    alone = {name: value[1:2] for name, value in inputs.items()}
    with pytest.raises(DecodingError, match="no multiple"):
        generate(model, alone, processor, 4)
    with pytest.raises(DecodingError, match="3 constraints were given, one per prompt, but there are 1 prompts"):
        generate(model, alone, processor, 3)


def test_seeds(model: Any, tokenizer: Any, inputs: Any) -> None:
    def run(seed: int | None) -> torch.Tensor:
        processor = reject(tokenizer, regex("[a-z]{3}"), seed=seed)
        rows = generate(model, inputs, processor, 8)
        return torch.cat([rows.flatten(), generate(model, inputs, processor, 8).flatten()])

    first = run(3)
    assert torch.equal(first, run(3))
    assert not torch.equal(first[: len(first) // 2], first[len(first) // 2 :])  # the second call goes on drawing
    torch.manual_seed(0)
    plain = run(None)
    torch.manual_seed(0)
    assert torch.equal(plain, run(None))


def test_warpers_change_nothing(model: Any, tokenizer: Any, inputs: Any) -> None:
    plain = generate(model, inputs, reject(tokenizer, regex("[a-z]{3}"), seed=0))
    warped = {"temperature": 0.3, "top_k": 2, "top_p": 0.4, "min_p": 0.5}
    assert torch.equal(plain, generate(model, inputs, reject(tokenizer, regex("[a-z]{3}"), seed=0), **warped))


def test_rows_that_end_early_are_padded_and_keep_their_weights(
    model: Any, tokenizer: Any, vocabulary: Vocabulary, inputs: Any
) -> None:
    grammar = regex("[a-z]|[a-z]{4}")
    processor = reject(tokenizer, grammar, seed=0, sampler="masked")
    rows = generate(model, inputs, processor, 32, max_new_tokens=8)
    found = texts(rows, inputs, vocabulary)
    assert {len(text) for text in found} == {1, 4}
    assert all(map(grammar.matches, found))
    generated = rows[:, inputs["input_ids"].shape[1] :].tolist()
    adapter = TransformersModel(model)
    for i in ([len(text) for text in found].index(1), [len(text) for text in found].index(4)):
        own = generated[i][: generated[i].index(1) + 1]
        assert set(generated[i][len(own) :]) <= {2}
        prompt = inputs["input_ids"][i // 32][inputs["attention_mask"][i // 32] == 1].tolist()
        total, automaton = 0.0, grammar.automaton
        for k in range(len(own)):  # the weight is the product of the allowed masses
            p = adapter.next_logprobs([prompt + own[:k]])[0].double().exp()
            state = automaton.advance(automaton.start, vocabulary.text(own[:k]))
            allowed = [
                t
                for t in range(vocabulary.size)
                if (data := vocabulary.token_bytes(t)) and not automaton.is_dead(automaton.advance(state, data))
            ]
            allowed += [1] if automaton.is_accepting(state) else []
            total += float(p[allowed].sum().log())
        assert processor.log_weights[i] == pytest.approx(total, abs=1e-4)


def test_rows_that_are_cut_off_have_weight_zero(model: Any, tokenizer: Any, inputs: Any) -> None:
    processor = reject(tokenizer, regex("[a-z]{50}"), seed=0)
    rows = generate(model, inputs, processor, 4, max_new_tokens=3)
    assert (processor.log_weights == -np.inf).all()
    assert (processor.log_evidence() == -np.inf).all()
    with pytest.raises(DeadEnd, match="all 4 rows of prompt 0 have weight zero"):
        processor.resample(rows, 1)
    complete = reject(tokenizer, regex("[a-z]+"), seed=0)  # cut off as well, but these are whole texts
    generate(model, inputs, complete, 4, max_new_tokens=3)
    assert np.isfinite(complete.log_weights).all()


def test_rows_that_the_host_stops(model: Any, tokenizer: Any, vocabulary: Vocabulary, inputs: Any) -> None:
    processor = reject(tokenizer, regex("[ab]{2,9}"), seed=0)
    rows = generate(model, inputs, processor, 16, max_new_tokens=12, stop_strings=["ab"], tokenizer=tokenizer)
    found = texts(rows, inputs, vocabulary)
    stopped = [i for i, text in enumerate(found) if text.endswith(b"ab")]
    assert 0 < len(stopped) < 48
    assert np.isfinite(processor.log_weights[stopped]).all()
    processor.resample(rows, 3, seed=0)


class Dying:
    """A step sampler that finds no token for given rows at a given step: a fault, isolated."""

    def __init__(self, dead: list[int], step: int) -> None:
        self.dead, self.step = dead, step

    def __call__(self, logits: Any, tester: Any, states: Any, *_: Any, **options: Any) -> Draws:
        n = len(states)
        tokens = np.full(n, 40)
        if self.step == 0:
            tokens[self.dead] = -1
        self.step -= 1
        weights = np.where(tokens < 0, -np.inf, -1.0)
        return Draws(tokens, weights, np.full(n, 2), None)


def test_dead_rows(model: Any, tokenizer: Any, inputs: Any) -> None:
    grammar = regex(r"(.|\n)+")
    processor = reject(tokenizer, grammar, sampler=Dying([0, 2], 1))
    rows = generate(model, inputs, processor, 2, max_new_tokens=3)
    start = inputs["input_ids"].shape[1]
    assert rows[:, start:].tolist()[0] == [40, 1, 2]
    assert rows[:, start:].tolist()[1] == [40, 40, 40]
    assert processor.log_weights.tolist()[:2] == [-np.inf, -3.0]
    assert processor.evaluations.tolist()[:2] == [4, 6]
    assert set(processor.resample(rows, 5, 0)[:5, start + 1].tolist()) == {40}
    with pytest.raises(DeadEnd, match="all rows of prompt 1 are dead"):
        generate(model, inputs, reject(tokenizer, grammar, sampler=Dying([2, 3], 2)), 2)
    kept = reject(tokenizer, grammar, sampler=Dying([2, 3], 2), all_dead="keep")
    rows = generate(model, inputs, kept, 2, max_new_tokens=3)
    assert np.isneginf(kept.log_evidence()).tolist() == [False, True, False]
    with pytest.raises(DeadEnd, match="rows of prompt 1"):
        kept.resample(rows, 1)


def test_modes_that_make_no_sense(model: Any, assistant: Any, tokenizer: Any, inputs: Any) -> None:
    processor = reject(tokenizer, regex("[a-z]{3}"), seed=0)
    one = {name: value[1:2] for name, value in inputs.items()}
    for settings, message in (
        ({"do_sample": False}, "do_sample=True"),
        ({"num_beams": 2}, r"posterior\(\)"),
        ({"num_beams": 2, "do_sample": False}, r"posterior\(\)"),
        ({"assistant_model": assistant}, "assisted decoding"),
    ):
        with pytest.raises(DecodingError, match=message):
            generate(model, one, processor, 1, **settings)
    assert generate(model, one, processor, 2).shape[0] == 2  # still usable


class Replace(LogitsProcessor):  # type: ignore[misc]
    """Forces a token at a length, whatever came before it in the list."""

    def __init__(self, length: int, token: int) -> None:
        self.length, self.token = length, token

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        if input_ids.shape[1] == self.length:
            scores = torch.full_like(scores, -torch.inf)
            scores[:, self.token] = 0
        return scores


def test_a_token_that_something_else_forced(model: Any, tokenizer: Any, inputs: Any) -> None:
    processor = reject(tokenizer, regex("[a-z]{5}"), seed=0)
    replace = Replace(inputs["input_ids"].shape[1] + 1, 50)
    with pytest.raises(TokenRejected, match="row 0: token 50 stands where token"):
        model.generate(
            **{k: v for k, v in inputs.items() if k != "token_type_ids"},
            do_sample=True,
            max_new_tokens=6,
            logits_processor=[processor, replace],
        )


def own_loop(model: Any, processor: RejectionProcessor, ids: torch.Tensor, steps: int) -> torch.Tensor:
    for _ in range(steps):
        with torch.no_grad():
            scores = processor(ids, model(ids).logits[:, -1])
        again = processor(ids, torch.zeros_like(scores))  # asked after the same tokens
        assert torch.equal(again, scores)
        assert (torch.isneginf(scores).sum(1) == scores.shape[1] - 1).all()
        ids = torch.cat([ids, torch.softmax(scores, -1).multinomial(1)], dim=1)
    return ids


def test_a_loop_of_ones_own(model: Any, tokenizer: Any, vocabulary: Vocabulary, grammar: Any) -> None:
    processor = reject(tokenizer, grammar(("a-z", 3, 3)), seed=5)
    prompt = torch.tensor([[5, 6]] * 3 + [[5, 7]] * 2)
    rows = own_loop(model, processor, prompt, 5)
    assert processor.prompts.tolist() == [0, 0, 0, 1, 1]
    first = processor.log_weights
    assert np.isfinite(first).all()
    again = own_loop(model, processor, prompt, 5)  # begins anew
    assert not torch.equal(rows, again)
    assert not np.array_equal(first, processor.log_weights)
    assert len(set(map(tuple, again[:3].tolist()))) > 1  # rows draw for themselves
    with pytest.raises(DecodingError, match="not those"):
        processor.resample(again[:3], 1)
    with pytest.raises(TokenRejected, match="rows were moved"):
        processor.resample(torch.cat([again[1:3], again[:1], again[3:]]), 1)
    fewer = own_loop(model, processor, prompt[:1], 2)
    assert len(processor.log_weights) == len(fewer) == 1
    processor.reset()
    with pytest.raises(DecodingError, match="nothing has been generated"):
        _ = processor.log_weights


def test_inside_a_list_of_processors(model: Any, tokenizer: Any) -> None:
    processor = reject(tokenizer, regex("[a-z]{3}"), seed=0)
    processors = LogitsProcessorList([processor, TopKLogitsWarper(3)])
    ids = torch.tensor([[5, 6]])
    for _ in range(4):
        ids = torch.cat([ids, processors(ids, model(ids).logits[:, -1]).argmax(-1, keepdim=True)], dim=1)
    assert np.isfinite(processor.log_weights).all()


def test_errors(tokenizer: Any, vocabulary: Vocabulary, person: Grammar) -> None:
    for arguments, error, message in (
        ({"temperature": 0.0}, DecodingError, "temperature=0.0"),
        ({"all_dead": "maybe"}, DecodingError, "all_dead"),
        ({"vocabulary": vocabulary, "eos_token_ids": 1}, DecodingError, "not both"),
        ({"vocabulary": Vocabulary.from_bytes([b"a"])}, DecodingError, "no EOS token"),
        ({"sampler": "best"}, ValueError, "no step sampler 'best'"),
    ):
        with pytest.raises(error, match=message):
            reject(tokenizer, person, **arguments)
    with pytest.raises(DecodingError, match="empty"):
        reject(tokenizer, [])
    with pytest.raises(GrammarError, match="is needed, not 'abc'"):
        reject(tokenizer, "abc")
    with pytest.raises(WrongVocabulary, match="the logits have 20 columns"):
        reject(tokenizer, person)(torch.tensor([[1]]), torch.zeros(1, 20))
