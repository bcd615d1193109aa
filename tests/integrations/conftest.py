"""A tiny byte-level tokenizer, random Llama models over it, small grammars, and slow references to compare with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from bytebound.decoding import Vocabulary
from bytebound.grammars import Grammar
from bytebound.grammars.network import Network
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

TEXT = ['{"name": "ada", "age": 36}', "The year 1984 was long.", "answer: yes or no ->", "aaa bbb 12 345 { } [ ]"] * 8

Part = bytes | tuple[str, int, int]


def make_grammar(*parts: Part) -> Grammar:
    """Literals and counted characters: ("a-z0-9", 1, 8) is one to eight of these."""

    def emit(network: Network, a: int, b: int) -> None:
        for part in parts:
            after = network.node()
            if isinstance(part, bytes):
                network.literal(a, part, after)
            else:
                characters, low, high = part
                body = network.rule()
                for i in range(0, len(characters), 3):
                    network.edge(body.start, ord(characters[i]), ord(characters[i + 2]), body.end)
                network.repeat(a, body, after, low, high)
            a = after
        network.epsilon(a, b)

    return Grammar(emit, name=" ".join(map(repr, parts)))


def make_model(seed: int, size: int = 400, hidden: int = 32) -> Any:
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=size,
        hidden_size=hidden,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=512,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
        initializer_range=0.5,
    )
    return LlamaForCausalLM(config).eval()


@pytest.fixture(scope="session")
def grammar() -> Callable[..., Grammar]:
    return make_grammar


@pytest.fixture(scope="session")
def person() -> Grammar:
    return make_grammar(b'{"name": "', ("a-z", 1, 6), b'", "age": ', ("1-9", 1, 1), ("0-9", 0, 2), b"}")


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=340,
        special_tokens=["<s>", "</s>", "<pad>", "<call>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(TEXT, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<s>", eos_token="</s>", pad_token="<pad>", padding_side="left"
    )


@pytest.fixture(scope="session")
def vocabulary(tokenizer: Any) -> Vocabulary:
    return Vocabulary.from_tokenizer(tokenizer, cache=False)


@pytest.fixture(scope="session")
def model() -> Any:
    return make_model(0)


@pytest.fixture(scope="session")
def assistant() -> Any:
    return make_model(1, hidden=16)


def allowed_tokens(grammar: Grammar, text: bytes, vocabulary: Vocabulary) -> list[int]:
    """Ids that keep the automaton alive after `text`, by trying each one; EOS where the text is complete."""
    automaton = grammar.automaton
    state = automaton.advance(automaton.start, text)
    ids = [
        i
        for i in range(vocabulary.size)
        if (data := vocabulary.token_bytes(i)) and not automaton.is_dead(automaton.advance(state, data))
    ]
    return sorted(ids + list(vocabulary.eos_token_ids)) if automaton.is_accepting(state) else ids


@pytest.fixture(scope="session")
def greedy(model: Any, vocabulary: Vocabulary) -> Callable[..., list[int]]:
    """Greedy decoding by brute force, without a cache: the tokens, EOS included."""

    @torch.no_grad()
    def decode(prompt: torch.Tensor, grammar: Grammar | None, max_new_tokens: int) -> list[int]:
        ids, out = prompt.reshape(1, -1), list[int]()
        while len(out) < max_new_tokens and not (out and out[-1] in vocabulary.eos_token_ids):
            logits = model(ids).logits[0, -1]
            if grammar is not None:
                keep = torch.tensor(allowed_tokens(grammar, vocabulary.text(out), vocabulary))
                logits = torch.full_like(logits, -torch.inf).index_copy(0, keep, logits[keep])
            out.append(int(logits.argmax()))
            ids = torch.cat([ids, torch.tensor([[out[-1]]])], dim=1)
        return out

    return decode


@pytest.fixture(scope="session")
def text_of(vocabulary: Vocabulary) -> Callable[[Any, int], list[bytes | None]]:
    """The texts of generated rows after a prompt of some length, up to EOS; None for a row without EOS."""

    def texts(rows: Any, length: int) -> list[bytes | None]:
        out: list[bytes | None] = []
        for row in rows[:, length:].tolist():
            end = next((i for i, token in enumerate(row) if token in vocabulary.eos_token_ids), None)
            out.append(None if end is None else vocabulary.text(i for i in row[:end] if i < vocabulary.size))
        return out

    return texts
