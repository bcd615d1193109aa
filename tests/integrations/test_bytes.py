"""Prompts that end anywhere: token trees of real models, drawn covers, and generation from them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from bytebound import grammars
from bytebound.decoding import ByteModel, CannotClose, DecodingError, NoCover
from bytebound.decoding.bytewise.tree import UncachedTree
from bytebound.integrations import models
from bytebound.integrations.transformers import TransformersModel, byte_exact, generate_bytes, posterior_bytes
from bytebound.integrations.transformers.tree import ForkedTree, MaskedTree, make_tree
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    LlamaConfig,
    MistralConfig,
    OpenAIGPTConfig,
)

SMALL: dict[str, Any] = {
    "vocab_size": 400,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "initializer_range": 0.5,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 2,
}
KINDS: dict[str, tuple[Callable[[], Any], type]] = {
    "llama": (lambda: LlamaConfig(**SMALL), MaskedTree),
    "gpt2": (lambda: GPT2Config(vocab_size=400, n_embd=32, n_layer=2, n_head=2, initializer_range=0.5), MaskedTree),
    "mistral, sliding": (lambda: MistralConfig(**SMALL, sliding_window=4), ForkedTree),
}


def make(config: Any) -> Any:
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config).eval()


@pytest.fixture(scope="module", params=models.names())
def shipped(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    return models.load(request.param)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_trees_give_what_whole_contexts_give(kind: str) -> None:
    config, expected = KINDS[kind]
    model = TransformersModel(make(config()))
    tree = make_tree(model)
    assert type(tree) is expected
    plain = UncachedTree(model)
    for context in ([3, 4, 5, 6, 7, 8], [3, 4, 5, 9, 9, 9, 9], [11]):
        opened, want = tree.open(context, len(context) - 1), plain.open(context, len(context) - 1)
        np.testing.assert_allclose(opened.logprobs, want.logprobs, atol=2e-4)
        np.testing.assert_allclose(opened.scores, want.scores, atol=2e-4)
        parents = [opened.node, opened.node, 0, 2, 1]
        nodes, rows = tree.extend(parents, [20, 21, 22, 23, 24])
        contexts = [[20], [21], [20, 22], [20, 22, 23], [21, 24]]
        np.testing.assert_allclose(rows, plain._evaluate([[*context, *more] for more in contexts]), atol=2e-4)
        _, later = tree.extend([nodes[3]], [25])
        np.testing.assert_allclose(later, plain._evaluate([[*context, 20, 22, 23, 25]]), atol=2e-4)


def test_positions_that_nothing_needs_are_gathered_out() -> None:
    model = TransformersModel(make(KINDS["llama"][0]()))
    tree, plain = MaskedTree(model), UncachedTree(model)
    node = tree.open([3, 4, 5]).node
    ids = [3, 4, 5]
    for step in range(12):
        nodes, rows = tree.extend([node] * 90, list(range(90)))
        node, ids = nodes[step], [*ids, step]
        np.testing.assert_allclose(rows[step : step + 1], plain._evaluate([ids]), atol=2e-4)
        del nodes
    assert tree._used < 700


def test_a_cache_that_cannot_fork_is_refused(tokenizer: Any) -> None:
    model = make(OpenAIGPTConfig(vocab_size=400, n_embd=32, n_layer=1, n_head=2))
    with pytest.raises(DecodingError, match="cannot be forked"):
        ByteModel(model, tokenizer)
    found = ByteModel(TransformersModel(model, use_cache=False), tokenizer, semantics="canonical").next_byte("answ")
    assert np.logaddexp.reduce(found) == pytest.approx(0.0)


def test_next_byte_is_that_of_whole_contexts(shipped: tuple[Any, Any]) -> None:
    model, tokenizer = shipped
    fast = ByteModel(model, tokenizer, semantics="canonical")
    slow = ByteModel(TransformersModel(model, use_cache=False), tokenizer, semantics="canonical")
    text = b"The weather in Lisbon is 12"
    state = fast.start("")
    chain = 0.0
    for i, byte in enumerate(text):
        symbols = state.next_byte()
        if i % 5 == 0:
            np.testing.assert_allclose(np.exp(symbols), np.exp(slow.next_byte(text[:i])), atol=1e-5)
            np.testing.assert_allclose(np.exp(symbols), np.exp(fast.next_byte(text[:i])), atol=1e-5)
        chain += symbols[byte]
        state.advance(byte)
    assert fast.bits_per_byte(text) == pytest.approx(slow.bits_per_byte(text), abs=1e-5)
    near = ByteModel(model, tokenizer, semantics="canonical", eps=0.02)
    state = near.start("")
    exact = fast.start("")
    for byte in text:
        distance = 0.5 * np.abs(np.exp(state.next_byte()) - np.exp(exact.next_byte())).sum()
        assert distance <= state.bound + 1e-5 <= 0.02 + 1e-5
        state.advance(byte)
        exact.advance(byte)
    assert near.calls < fast.calls


def reference(model: Any, ids: list[int], steps: int, eos: int) -> list[int]:
    """Greedy decoding without a cache."""
    out: list[int] = []
    with torch.no_grad():
        while len(out) < steps and not (out and out[-1] == eos):
            out.append(int(model(torch.tensor([[*ids, *out]])).logits[0, -1].argmax()))
    return out


def test_greedy_goes_on_from_the_most_probable_cover(shipped: tuple[Any, Any]) -> None:
    model, tokenizer = shipped
    prompts = ["The weather in Lis", "Question: What do ow", b"Once", "Describe a per", "The year 19"]
    found = generate_bytes(model, tokenizer, prompts, max_new_tokens=8, do_sample=False)
    bytewise = ByteModel(model, tokenizer, semantics="canonical")
    for prompt, text in zip(prompts, found, strict=True):
        (cover,) = bytewise.draw_covers([bytewise.start(prompt)], None)
        ids = reference(model, cover.tokens, 8, tokenizer.eos_token_id)
        assert text == cover.overrun + bytewise.vocabulary.text(ids), prompt
        assert generate_bytes(model, tokenizer, prompt, max_new_tokens=8, do_sample=False) == text
    rows = model.generate(
        **tokenizer(["The weather in Lis", "Question: What do ow"], return_tensors="pt", padding=True),
        custom_generate=byte_exact(tokenizer),
        max_new_tokens=4,
        do_sample=False,
    )
    texts = tokenizer.batch_decode(rows, skip_special_tokens=True)
    assert texts[0].startswith("The weather in Lis") and texts[1].startswith("Question: What do ow")


def test_sampled_texts_have_the_distribution_of_next_byte(shipped: tuple[Any, Any]) -> None:
    model, tokenizer = shipped
    n, prompt = 400, "The weather in L"
    texts = generate_bytes(
        model, tokenizer, prompt, max_new_tokens=2, do_sample=True, top_k=0, num_return_sequences=n, seed=0
    )
    expected = np.exp(ByteModel(model, tokenizer, semantics="canonical").next_byte(prompt))
    counts = np.bincount([text[0] if text else 256 for text in texts], minlength=257)
    likely = expected > 5 / n
    statistic = ((counts - n * expected)[likely] ** 2 / (n * expected)[likely]).sum()
    assert statistic < likely.sum() + 4 * math.sqrt(2 * likely.sum()) + 4
    assert counts[~likely].sum() < 5 * max(1.0, n * expected[~likely].sum())
    again = generate_bytes(
        model, tokenizer, prompt, max_new_tokens=2, do_sample=True, top_k=0, num_return_sequences=n, seed=0
    )
    assert again == texts


def test_a_grammar_holds_from_the_first_byte_after_the_prompt(shipped: tuple[Any, Any]) -> None:
    model, tokenizer = shipped
    day = grammars.regex(r"\d? (January|June) \d{4}")
    texts = generate_bytes(
        model,
        tokenizer,
        ["It opened on 1", "On 2"],
        grammar=day,
        max_new_tokens=16,
        do_sample=True,
        num_return_sequences=8,
        seed=0,
    )
    assert all(day.matches(text) for group in texts for text in group)
    assert len({text[:1] for group in texts for text in group}) > 2
    with pytest.raises(CannotClose):
        generate_bytes(model, tokenizer, "On 1", grammar=day, max_new_tokens=1)


def test_prompts_mix_control_tokens_and_bytes(shipped: tuple[Any, Any]) -> None:
    model, tokenizer = shipped
    mixed = [tokenizer.bos_token_id, "Once there was a", tokenizer.eos_token_id, b"The weath"]
    assert generate_bytes(model, tokenizer, mixed, max_new_tokens=3, do_sample=False).startswith(b"er")


def test_wrong_requests_are_refused(shipped: tuple[Any, Any]) -> None:
    model, tokenizer = shipped
    with pytest.raises(DecodingError, match="beams"):
        generate_bytes(model, tokenizer, "The", num_beams=2)
    with pytest.raises(NoCover, match="UTF-8"):
        generate_bytes(model, tokenizer, b"a\xc3(")
    with pytest.raises(DecodingError, match="empty"):
        generate_bytes(model, tokenizer, [])
    with pytest.raises(DecodingError, match="512"):
        generate_bytes(model, tokenizer, "word " * 511 + "wor")


def test_posterior_after_a_cut_prompt_is_that_of_all_covers(shipped: tuple[Any, Any]) -> None:
    model, tokenizer = shipped
    answers = ["bon is often mild.", "bon is often hot.", "tening."]
    for prompt, texts in (
        ("The weather in Lis", answers),
        (b"Zo" + "ë".encode()[:1], ["\u00eb is", "\u00e9 has"]),
    ):
        cut = 0 if isinstance(prompt, str) else 1
        endings = [text.encode()[cut:] for text in texts]
        grammar = grammars.choice(texts) if not cut else _byte_choice(endings)
        result = posterior_bytes(model, tokenizer, prompt, grammar, particles=64)
        start = TransformersModel(model)
        every = ByteModel(start, tokenizer, eps=1e-6)
        context = ByteModel(start, tokenizer, semantics="canonical").start(prompt).context
        joint = {}
        for ending in endings:
            state = every.start_after(context, result.tail + ending)
            state.next_byte()
            joint[ending] = float(state.joint()[256])
        want = np.logaddexp.reduce(list(joint.values())) - result.log_prompt
        assert abs(result.log_evidence - want) < 0.2
        likeliest = max(joint, key=joint.__getitem__)
        assert next(iter(result.probabilities())) == likeliest
        assert set(result.probabilities()) <= set(endings)


def _byte_choice(texts: list[bytes]) -> grammars.Grammar:
    def emit(network: Any, a: int, b: int) -> None:
        for text in texts:
            network.literal(a, text, b)

    return grammars.Grammar(emit, "bytes")


@pytest.mark.parametrize("eps", [0.0, 0.01])
def test_lookahead_saves_calls_and_changes_nothing(shipped: tuple[Any, Any], eps: float) -> None:
    model, tokenizer = shipped
    text = b"The weather in Lisbon is often mild."
    found, calls = [], []
    for lookahead in (0, 8):
        bytewise = ByteModel(model, tokenizer, semantics="canonical", eps=eps, lookahead=lookahead)
        state, rows = bytewise.start(""), []
        for byte in text:
            rows.append(np.exp(state.next_byte()))
            state.advance(byte)
        found.append(rows)
        calls.append(bytewise.calls)
    assert calls[1] < (0.6 if eps == 0 else 1.0) * calls[0] + 1
    np.testing.assert_allclose(found[0], found[1], atol=1e-5 if eps == 0 else eps + 1e-5)


def test_forks_share_what_is_evaluated(shipped: tuple[Any, Any]) -> None:
    bytewise = ByteModel(*shipped, semantics="canonical")
    first = bytewise.start("The weather in L")
    forks = [first.fork().advance(b"i") for _ in range(5)]
    alike = bytewise.next_bytes(forks)
    evaluated = bytewise.evaluated
    assert all((row == alike[0]).all() for row in alike)
    assert evaluated <= 16
    first.fork().advance(b"i").next_byte()
    assert bytewise.evaluated == evaluated
