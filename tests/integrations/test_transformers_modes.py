"""A grammar in every mode of `generate`: finished outputs match, greedy ones equal a brute-force reference."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from bytebound.grammars import Grammar
from bytebound.integrations.transformers import constrain, generate_text
from transformers import (
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    StoppingCriteria,
    T5Config,
    T5ForConditionalGeneration,
)

PROMPTS = ["answer:", "The year", '{"name": "ada"} 12', "aaa bbb -> The year 1984 was long."]
PERSON = re.compile(rb'\{"name": "[a-z]{1,6}", "age": [1-9][0-9]{0,2}\}')

Texts = Callable[[Any, int], list[bytes | None]]


def run(model: Any, inputs: Any, processor: LogitsProcessor, **settings: Any) -> Any:
    settings = {"max_new_tokens": 80, "do_sample": False, **settings}
    return model.generate(**inputs, logits_processor=[processor], **settings)


def encode(tokenizer: Any, prompts: str | list[str]) -> Any:
    batch = [prompts] if isinstance(prompts, str) else prompts
    return tokenizer(batch, return_tensors="pt", padding=True, return_token_type_ids=False)


def check_all(texts: list[bytes | None]) -> None:
    assert all(text is not None and PERSON.fullmatch(text) for text in texts), texts


@pytest.mark.parametrize("prompt", PROMPTS)
def test_greedy_equals_brute_force(
    model: Any, tokenizer: Any, person: Grammar, greedy: Any, prompt: str, text_of: Texts
) -> None:
    inputs = encode(tokenizer, prompt)
    out = run(model, inputs, constrain(tokenizer, person))
    length = inputs["input_ids"].shape[1]
    assert out[0, length:].tolist() == greedy(inputs["input_ids"], person, 80)
    check_all(text_of(out, length))


@pytest.mark.parametrize("seed", range(4))
def test_sampling_is_always_valid(model: Any, tokenizer: Any, person: Grammar, seed: int, text_of: Texts) -> None:
    torch.manual_seed(seed)
    inputs = encode(tokenizer, PROMPTS)
    out = run(
        model,
        inputs,
        constrain(tokenizer, person),
        do_sample=True,
        top_k=0,
        temperature=2.0,
        num_return_sequences=4,
        max_new_tokens=100,
    )
    check_all(text_of(out, inputs["input_ids"].shape[1]))


@pytest.mark.parametrize("settings", [{"repetition_penalty": 1.5}, {"top_k": 3}, {"top_p": 0.5}, {"min_p": 0.1}])
def test_with_other_processors(
    model: Any, tokenizer: Any, person: Grammar, settings: dict[str, Any], text_of: Texts
) -> None:
    torch.manual_seed(0)
    inputs = encode(tokenizer, PROMPTS)
    sample = "repetition_penalty" not in settings
    out = run(model, inputs, constrain(tokenizer, person), do_sample=sample, max_new_tokens=100, **settings)
    check_all(text_of(out, inputs["input_ids"].shape[1]))


@pytest.mark.parametrize("beams", [2, 5])
def test_beam_search(model: Any, tokenizer: Any, person: Grammar, beams: int, text_of: Texts) -> None:
    inputs = encode(tokenizer, PROMPTS[:2])
    out = run(model, inputs, constrain(tokenizer, person), num_beams=beams, num_return_sequences=beams)
    assert len(out) == 2 * beams
    check_all(text_of(out, inputs["input_ids"].shape[1]))


def test_beam_search_finds_the_best_of_all_strings(
    model: Any, tokenizer: Any, grammar: Any, vocabulary: Any, text_of: Texts
) -> None:
    # Ten strings of one token each, so that beams as wide as the language are exhaustive.
    digits = grammar(("0-9", 1, 1))
    inputs = encode(tokenizer, "answer:")
    out = run(model, inputs, constrain(tokenizer, digits), num_beams=10, num_return_sequences=10)
    texts = text_of(out, inputs["input_ids"].shape[1])
    assert sorted(texts) == [b"%d" % i for i in range(10)]
    with torch.no_grad():
        first = model(**inputs).logits[0, -1].log_softmax(-1)
        scores = {}
        for i in range(10):
            token = int(vocabulary.byte_tokens[48 + i])
            ids = torch.cat([inputs["input_ids"], torch.tensor([[token]])], dim=1)
            scores[b"%d" % i] = float(first[token] + model(ids).logits[0, -1].log_softmax(-1)[1])
    assert texts == sorted(scores, key=lambda text: -scores[text])


def test_more_beams_than_strings(model: Any, tokenizer: Any, grammar: Any, text_of: Texts) -> None:
    inputs = encode(tokenizer, "answer:")
    forced = grammar(b"yes, surely")
    for sample in (False, True):
        torch.manual_seed(0)
        out = run(model, inputs, constrain(tokenizer, forced), num_beams=4, do_sample=sample, max_new_tokens=30)
        assert text_of(out, inputs["input_ids"].shape[1])[0] == b"yes, surely"


def test_beam_sampling(model: Any, tokenizer: Any, person: Grammar, text_of: Texts) -> None:
    for seed in range(3):
        torch.manual_seed(seed)
        inputs = encode(tokenizer, PROMPTS[:2])
        out = run(model, inputs, constrain(tokenizer, person), num_beams=3, do_sample=True, top_k=0)
        check_all(text_of(out, inputs["input_ids"].shape[1]))


@pytest.mark.parametrize("prompt", PROMPTS)
def test_prompt_lookup_equals_greedy(model: Any, tokenizer: Any, person: Grammar, prompt: str) -> None:
    inputs = encode(tokenizer, prompt + ' {"name": "ada", "age": 36} {"name": "bob"')
    processor = constrain(tokenizer, person)
    plain = run(model, inputs, processor)
    for tokens in (2, 10):
        assert torch.equal(run(model, inputs, processor, prompt_lookup_num_tokens=tokens), plain)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_assistant_model_equals_greedy(
    model: Any, assistant: Any, tokenizer: Any, person: Grammar, prompt: str
) -> None:
    inputs = encode(tokenizer, prompt)
    processor = constrain(tokenizer, person)
    plain = run(model, inputs, processor)
    for helper in (assistant, model):  # drafts that are rejected, and drafts that are all accepted
        assert torch.equal(run(model, inputs, processor, assistant_model=helper), plain)


def test_assisted_sampling(model: Any, assistant: Any, tokenizer: Any, person: Grammar, text_of: Texts) -> None:
    inputs = encode(tokenizer, PROMPTS[0])
    processor = constrain(tokenizer, person)
    for seed in range(4):
        torch.manual_seed(seed)
        out = run(model, inputs, processor, assistant_model=assistant, do_sample=True, max_new_tokens=100)
        check_all(text_of(out, inputs["input_ids"].shape[1]))


def test_drafts_that_the_grammar_forbids_are_no_error(
    model: Any, assistant: Any, tokenizer: Any, person: Grammar
) -> None:
    inputs = encode(tokenizer, PROMPTS[0])
    processor = constrain(tokenizer, person)
    plain = run(model, inputs, processor)

    class Unconstrained(LogitsProcessor):  # type: ignore[misc]
        """Constrains the verification only, as when an assistant drafts without the processors."""

        def __call__(self, input_ids: Any, scores: Any) -> Any:
            import sys

            frame: Any = sys._getframe()
            names = set()
            while frame is not None:
                names.add(frame.f_code.co_name)
                frame = frame.f_back
            return scores if "get_candidates" in names else processor(input_ids, scores)

    assert torch.equal(run(model, inputs, Unconstrained(), assistant_model=assistant), plain)


def test_left_padding_equals_single_rows(model: Any, tokenizer: Any, person: Grammar, greedy: Any) -> None:
    inputs = encode(tokenizer, PROMPTS)
    out = run(model, inputs, constrain(tokenizer, person))
    length = inputs["input_ids"].shape[1]
    for row, prompt in zip(out[:, length:].tolist(), PROMPTS, strict=True):
        expected = greedy(encode(tokenizer, prompt)["input_ids"], person, 80)
        assert row[: len(expected)] == expected
        assert set(row[len(expected) :]) <= {tokenizer.pad_token_id}


def test_one_grammar_per_prompt(model: Any, tokenizer: Any, grammar: Any, text_of: Texts) -> None:
    grammars = [grammar(b"short"), grammar(("0-9", 12, 12)), None, grammar(("a-c", 1, 3))]
    patterns = [rb"short", rb"[0-9]{12}", None, rb"[a-c]{1,3}"]
    processor = constrain(tokenizer, grammars)
    inputs = encode(tokenizer, PROMPTS)
    length = inputs["input_ids"].shape[1]
    torch.manual_seed(0)
    for settings in ({}, {"num_beams": 3}, {"do_sample": True, "num_return_sequences": 3}, {"num_beams": 2, "k": 2}):
        settings = dict(settings)
        if "k" in settings:
            settings["num_return_sequences"] = settings.pop("k")
        out = run(model, inputs, processor, max_new_tokens=30, **settings)
        each = len(out) // 4
        for i, text in enumerate(text_of(out, length)):
            pattern = patterns[i // each]
            assert pattern is None or (text is not None and re.fullmatch(pattern, text)), (i, text)
    out, plain = run(model, inputs, processor), model.generate(**inputs, max_new_tokens=80, do_sample=False)
    width = min(out.shape[1], plain.shape[1])
    assert torch.equal(out[2, :width], plain[2, :width])


def test_the_same_processor_serves_call_after_call(
    model: Any, assistant: Any, tokenizer: Any, person: Grammar, greedy: Any
) -> None:
    processor = constrain(tokenizer, person)
    ids = encode(tokenizer, "answer:")["input_ids"]
    first = run(model, {"input_ids": ids}, processor)
    brace = tokenizer("{", return_tensors="pt")["input_ids"]
    prompts = [
        ids,
        first,  # the former prompt and output, EOS included
        first[:, :-1],
        first[:, : ids.shape[1] + 3],  # cut in the middle: a prompt like any other
        torch.cat([ids, brace], dim=1),  # one token longer, and the grammar would allow that token
        torch.cat([first[:, :-1], ids], dim=1),
        ids[:, 1:],
        ids,
    ]
    for settings in ({}, {"prompt_lookup_num_tokens": 3}, {"assistant_model": assistant}, {"num_beams": 2}):
        for prompt in prompts:
            out = run(model, {"input_ids": prompt}, processor, **settings)
            if "num_beams" in settings:
                text = processor.vocabulary.text(out[0, prompt.shape[1] :])
                assert PERSON.fullmatch(text)
            else:
                assert out[0, prompt.shape[1] :].tolist() == greedy(prompt, person, 80)


def test_rows_that_the_host_stops_are_left_alone(model: Any, tokenizer: Any, grammar: Any, text_of: Texts) -> None:
    inputs = encode(tokenizer, PROMPTS[:2])
    length = inputs["input_ids"].shape[1]
    processor = constrain(tokenizer, [grammar(b"abc;", ("a-z", 20, 20)), grammar(("0-9", 15, 15))])
    out = run(model, inputs, processor, stop_strings=[";"], tokenizer=tokenizer)
    assert tokenizer.decode(out[0, length:], skip_special_tokens=True).startswith("abc;")
    assert re.fullmatch(rb"[0-9]{15}", text_of(out, length)[1] or b"")

    class Stop(StoppingCriteria):  # type: ignore[misc]
        def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
            return torch.tensor([input_ids.shape[1] >= length + 3, False])

    out = run(model, inputs, processor, stopping_criteria=[Stop()])
    assert re.fullmatch(rb"[0-9]{15}", text_of(out, length)[1] or b"")


def test_scores_of_generate_are_not_changed_in_place(model: Any, tokenizer: Any, person: Grammar) -> None:
    inputs = encode(tokenizer, PROMPTS[0])
    settings = {"output_logits": True, "output_scores": True, "return_dict_in_generate": True}
    out = run(model, inputs, constrain(tokenizer, person), **settings)
    for raw, score in zip(out.logits, out.scores, strict=True):
        assert torch.isfinite(raw).all()
        assert torch.isneginf(score).any()
        assert torch.equal(score[torch.isfinite(score)], raw[torch.isfinite(score)])


def test_input_embeddings_have_no_prompt_tokens(model: Any, tokenizer: Any, person: Grammar, text_of: Texts) -> None:
    inputs = encode(tokenizer, PROMPTS[0])
    embeddings = model.get_input_embeddings()(inputs["input_ids"]).detach()
    out = run(model, {"inputs_embeds": embeddings}, constrain(tokenizer, person))
    check_all(text_of(out, 0))


def test_a_generation_config_and_a_list_of_processors(
    model: Any, tokenizer: Any, person: Grammar, text_of: Texts
) -> None:
    inputs = encode(tokenizer, PROMPTS)
    config = GenerationConfig(max_new_tokens=80, do_sample=False, eos_token_id=1, pad_token_id=2)
    processors = LogitsProcessorList([constrain(tokenizer, person)])
    for _ in range(2):
        out = model.generate(**inputs, generation_config=config, logits_processor=processors)
        check_all(text_of(out, inputs["input_ids"].shape[1]))


def test_several_eos_tokens(model: Any, tokenizer: Any, person: Grammar, vocabulary: Any) -> None:
    call = tokenizer.convert_tokens_to_ids("<call>")
    inputs = encode(tokenizer, PROMPTS[0])
    processor = constrain(tokenizer, person, eos_token_ids=[call])
    out = run(model, inputs, processor, eos_token_id=[1, call])
    assert out[0, -1] == call
    assert PERSON.fullmatch(vocabulary.text(out[0, inputs["input_ids"].shape[1] : -1]))


def test_encoder_decoder_models(tokenizer: Any, person: Grammar, text_of: Texts) -> None:
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=400,
        d_model=32,
        d_ff=64,
        d_kv=16,
        num_layers=2,
        num_heads=2,
        decoder_start_token_id=2,
        eos_token_id=1,
        pad_token_id=2,
    )
    model = T5ForConditionalGeneration(config).eval()
    processor = constrain(tokenizer, person)
    for settings in ({}, {"num_beams": 3}, {"do_sample": True, "num_return_sequences": 2}):
        out = run(model, encode(tokenizer, PROMPTS), processor, **settings)
        check_all(text_of(out, 1))
    assert PERSON.fullmatch(generate_text(model, tokenizer, person, PROMPTS[0], max_new_tokens=40).encode())
