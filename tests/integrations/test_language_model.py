"""`TransformersModel`: the cached log-probabilities of forked and dropped rows are those of whole contexts."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers as tf
from bytebound.decoding import DecodingError, TableModel
from bytebound.decoding.language_model import as_language_model
from bytebound.integrations import models
from bytebound.integrations.transformers import TransformersModel

SMALL = {
    "vocab_size": 60,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "initializer_range": 0.3,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
WINDOW = {"sliding_window": 5, "max_position_embeddings": 64}
FAMILIES = {
    "llama": lambda: tf.LlamaForCausalLM(tf.LlamaConfig(**SMALL)),
    "gpt2": lambda: tf.GPT2LMHeadModel(
        tf.GPT2Config(vocab_size=60, n_embd=32, n_layer=2, n_head=4, n_positions=64, initializer_range=0.3)
    ),
    "bloom": lambda: tf.BloomForCausalLM(
        tf.BloomConfig(vocab_size=60, hidden_size=32, n_layer=2, n_head=4, initializer_range=0.3)
    ),
    "qwen2": lambda: tf.Qwen2ForCausalLM(tf.Qwen2Config(**SMALL)),
    "qwen3": lambda: tf.Qwen3ForCausalLM(tf.Qwen3Config(**SMALL)),
    "mistral": lambda: tf.MistralForCausalLM(tf.MistralConfig(**SMALL, **WINDOW)),
    "gemma3": lambda: tf.Gemma3ForCausalLM(
        tf.Gemma3TextConfig(**SMALL, **WINDOW, layer_types=["sliding_attention", "full_attention"])
    ),
    "lfm2": lambda: tf.Lfm2ForCausalLM(tf.Lfm2Config(**SMALL, layer_types=["conv", "full_attention"])),
    "qwen3-next": lambda: tf.Qwen3NextForCausalLM(
        tf.Qwen3NextConfig(
            **SMALL,
            layer_types=["linear_attention", "full_attention"],
            linear_num_key_heads=2,
            linear_num_value_heads=2,
            linear_key_head_dim=8,
            linear_value_head_dim=8,
            num_experts=0,
            mlp_only_layers=[0, 1],
        )
    ),
}


def family(name: str, dtype: torch.dtype) -> Any:
    torch.manual_seed(0)
    return FAMILIES[name]().to(dtype).eval()


def whole(model: Any, contexts: list[list[int]]) -> torch.Tensor:
    """Log-probabilities of each context on its own: no cache, no padding."""
    with torch.no_grad():
        rows = [model(torch.tensor([context]), use_cache=False).logits[0, -1].double() for context in contexts]
    return torch.log_softmax(torch.stack(rows), dim=-1)


def walk(model: Any, adapter: TransformersModel, seed: int, tolerance: float, steps: int = 8) -> None:
    """Fork, drop and extend rows at random, and compare after each step."""
    rng = torch.Generator().manual_seed(seed)

    def draw(high: int, n: int) -> list[int]:
        return torch.randint(high, (n,), generator=rng).tolist()

    contexts = [draw(adapter.vocabulary_size, n) for n in (3, 9, 1, 3)]
    contexts.append(list(contexts[1]))
    batch = adapter.open(contexts)
    for step in range(steps):
        assert batch.logprobs.dtype == (torch.float64 if model.dtype == torch.float64 else torch.float32)
        torch.testing.assert_close(batch.logprobs.double(), whole(model, contexts), rtol=0, atol=tolerance)
        n = len(contexts)
        parents = list(range(n)) if step % 3 == 2 else draw(n, 1 + draw(7, 1)[0])
        tokens = draw(adapter.vocabulary_size if step % 2 else 2, len(parents))  # of two, some children are equal
        contexts = [[*contexts[p], t] for p, t in zip(parents, tokens, strict=True)]
        batch.extend(parents, tokens)
    torch.testing.assert_close(batch.logprobs.double(), whole(model, contexts), rtol=0, atol=tolerance)
    torch.testing.assert_close(adapter.next_logprobs(contexts).double(), whole(model, contexts), rtol=0, atol=tolerance)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("name", FAMILIES)
def test_forked_rows_are_whole_contexts(name: str, dtype: torch.dtype) -> None:
    model = family(name, dtype)
    if name == "bloom" and dtype == torch.float64:  # its mask for padding overflows there
        with pytest.raises(DecodingError, match=r"no numbers; does it take contexts padded on the left\?"):
            TransformersModel(model).open([[1, 2], [3]])
        return
    for seed in range(2):
        # Qwen3-Next computes parts in float32 whatever the type of its weights.
        exact = dtype == torch.float64 and name != "qwen3-next"
        walk(model, TransformersModel(model), seed, 1e-9 if exact else 1e-4)


@pytest.mark.parametrize("name", models.names())
def test_the_models_that_ship(name: str) -> None:
    model, _ = models.load(name)
    adapter = as_language_model(model)  # by the entry point
    assert isinstance(adapter, TransformersModel)
    walk(model, adapter, 0, 1e-4)
    walk(model, TransformersModel(model, use_cache=False), 1, 1e-4, steps=2)


@pytest.fixture(scope="module")
def llama() -> Any:
    return family("llama", torch.float32)


class Counting:
    """Notes the shape of the tokens of every call of a model."""

    def __init__(self, model: Any) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self.handle = model.register_forward_pre_hook(self.note, with_kwargs=True)

    def note(self, model: Any, args: Any, kwargs: Any) -> None:
        self.shapes.append(tuple(kwargs["input_ids"].shape))


def test_equal_contexts_are_evaluated_once_and_calls_are_bounded(llama: Any) -> None:
    counting = Counting(llama)
    try:
        adapter = TransformersModel(llama, max_rows=2)
        batch = adapter.open([[5, 6, 7]] * 10)
        assert batch.logprobs.shape == (10, 60)
        batch.extend([0, 3, 9, 9], [1, 1, 1, 2])
        assert torch.equal(batch.logprobs[0], batch.logprobs[2])
        batch.extend([1, 3, 3], [4, 4, 4])
        assert counting.shapes == [(1, 3), (2, 1), (2, 1)]
        counting.shapes.clear()
        contexts = [[1, 2, 3], [1], [2], [1, 2, 3], [1, 2]]
        adapter.next_logprobs(contexts)
        assert counting.shapes == [(2, 1), (2, 3)]
    finally:
        counting.handle.remove()


def test_the_cache_is_not_copied_where_rows_stay(llama: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    selections: list[list[int]] = []
    select = tf.DynamicCache.reorder_cache
    monkeypatch.setattr(tf.DynamicCache, "reorder_cache", lambda s, i: (selections.append(i.tolist()), select(s, i))[1])
    batch = TransformersModel(llama).open([[1, 2], [3], [1, 2]])
    batch.extend([0, 1], [5, 6])
    batch.extend([0, 1], [7, 8])
    batch.extend([1, 0], [7, 8])
    assert selections == [[1, 0]]


def test_no_rows(llama: Any) -> None:
    adapter = TransformersModel(llama)
    assert adapter.next_logprobs([]).shape == (0, 60)
    assert adapter.open([]).logprobs.shape == (0, 60)
    batch = adapter.open([[1], [2, 3]])
    batch.extend([], [])
    assert batch.logprobs.shape == (0, 60)
    with pytest.raises(DecodingError, match="row 0 cannot be extended"):
        batch.extend([0], [1])


def test_log_probabilities_may_be_written_to_and_carry_no_gradient(llama: Any) -> None:
    batch = TransformersModel(llama).open([[1], [2, 3]])
    batch.logprobs.div_(0.5)
    assert not batch.logprobs.requires_grad


def test_errors(llama: Any) -> None:
    adapter = TransformersModel(llama, max_rows=2)
    for contexts, message in (
        ([[1], []], "no tokens"),
        ([[1, 60]], "token id 60 is outside the model's 60 ids"),
        ([[1, -1]], "token id -1 is outside"),
        ([[1], [2], [3]], "3 different contexts would be in the cache at once, but max_rows is 2"),
    ):
        with pytest.raises(DecodingError, match=message):
            adapter.open(contexts)
    batch = adapter.open([[1]])
    with pytest.raises(DecodingError, match="token id 60"):
        batch.extend([0], [60])
    with pytest.raises(DecodingError, match="row -1 cannot"):
        batch.extend([-1], [6])
    with pytest.raises(DecodingError, match="max_rows"):
        batch.extend([0, 0, 0], [6, 7, 8])
    batch.extend([0, 0], [6, 7])  # still usable
    assert batch.logprobs.shape == (2, 60)
    with pytest.raises(DecodingError, match="max_rows must be"):
        TransformersModel(llama, max_rows=0)


def test_the_models_own_context_is_not_exceeded() -> None:
    model = family("gpt2", torch.float32)
    adapter = TransformersModel(model)
    with pytest.raises(DecodingError, match="65 tokens, but the model's own has 64 positions"):
        adapter.next_logprobs([[1] * 65])
    batch = adapter.open([[1] * 63, [2]])
    batch.extend([0, 1], [3, 3])
    for parents in ([0, 1], [1, 0]):
        with pytest.raises(DecodingError, match="65 tokens"):
            batch.extend(parents, [3, 3])
    batch.extend([1], [3])  # the row that has room goes on
    torch.testing.assert_close(batch.logprobs.double(), whole(model, [[2, 3, 3]]), rtol=0, atol=1e-4)


def test_training_mode_is_refused(llama: Any) -> None:
    llama.train()
    try:
        with pytest.raises(DecodingError, match="training mode"):
            TransformersModel(llama).next_logprobs([[1]])
    finally:
        llama.eval()


def test_models_that_cannot_be_used() -> None:
    t5 = tf.T5ForConditionalGeneration(tf.T5Config(vocab_size=20, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2))
    for model in (t5, tf.LlamaModel(tf.LlamaConfig(**SMALL)), TableModel(lambda c: [0.0], 1), object()):
        with pytest.raises(DecodingError, match="no causal model"):
            TransformersModel(model)


def test_a_cache_that_cannot_be_forked_is_refused_unless_asked_to_do_without() -> None:
    torch.manual_seed(0)
    model = tf.RwkvForCausalLM(
        tf.RwkvConfig(vocab_size=20, hidden_size=16, num_hidden_layers=2, attention_hidden_size=16)
    ).eval()
    with pytest.raises(DecodingError, match=r"use_cache=False"):
        TransformersModel(model).open([[1, 2]])
    batch = TransformersModel(model, use_cache=False).open([[1, 2]])
    batch.extend([0, 0], [3, 4])
    torch.testing.assert_close(batch.logprobs.double(), whole(model, [[1, 2, 3], [1, 2, 4]]), rtol=0, atol=1e-5)
