"""Generation from a prompt that may end anywhere: inside a token, a character, a word, a number.

The prompt's end is covered by one token string drawn in proportion to its probability (`decoding/bytewise`), and from
it `generate` goes on token by token: the text then has exactly the distribution of the model's texts that begin with
the prompt's bytes, at the price of ordinary decoding. Keys and values of the prompt are handed on, so that it is
evaluated once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import numpy as np
import torch
from transformers import DynamicCache

from ...decoding import ByteModel, ByteState, CannotClose, DecodingError, Masker, NoCover
from ...decoding.bytewise.cover_draws import Cover
from ...decoding.bytewise.tree import Node
from ...decoding.closing import tokens_to_close
from .constraint import Constraint, to_grammar
from .language_model import TransformersModel, context_size
from .processor import GrammarProcessor
from .tree import MaskedTree

Semantics = Literal["all", "canonical"]


def generate_bytes(
    model: Any,
    tokenizer: Any,
    prompt: Any,
    *,
    grammar: Any = None,
    max_new_tokens: int = 256,
    semantics: Semantics = "canonical",
    eps: float = 0.0,
    seed: int | None = None,
    **generate_kwargs: Any,
) -> Any:
    """The bytes that follow a prompt which may end in the middle of a token.

        generate_bytes(model, tokenizer, "The weather in Lis", do_sample=True)      # b"bon is often mild."

    Args:
        prompt: text, bytes, or a list of control token ids (int) and text or bytes; or a list of prompts.
        grammar: what the bytes after the prompt must match: a Grammar, a pydantic class or a JSON schema. The prompt's
            end is then covered by a token string whose bytes beyond it the grammar allows, in proportion to its
            probability among these; after it tokens are masked, as by `constrain`, which bends the distribution: see
            `posterior_bytes` for the model's own, given that the grammar holds.
        max_new_tokens: tokens after the prompt's cover. With a grammar the text is complete within them.
        semantics: which covers of the prompt count, see `ByteModel`.
        eps: share of the covers that may be left out; only "all" leaves any out.
        seed: of the drawing of covers and of tokens; None: torch's own generator.
        generate_kwargs: for the model's `generate`: do_sample, temperature, top_p, num_return_sequences and others.

    With do_sample the cover is drawn; `temperature` is that of tokens, those of the cover included, while top_k, top_p
    and other processors act on the tokens after the cover only. Without, the result is the most probable cover and then
    the most probable token each time (the most probable cover continuation), which need not be the most probable text.

    Returns bytes; for a list of prompts a list of them, with num_return_sequences above one lists of these.

    Raises NoCover where no tokens spell the prompt, CannotClose where the grammar's text does not fit, DecodingError
    for beams, which are not defined over covers.
    """
    prompts, single = _batch(prompt)
    arguments = dict(generate_kwargs)
    config = arguments.get("generation_config") or model.generation_config

    def setting(name: str, default: float) -> float:
        return arguments.get(name, getattr(config, name, None)) or default

    if "byte_temperature" in arguments:
        raise DecodingError("generate_bytes draws tokens: byte_temperature is for steer() and ByteState.next_byte()")
    beams = setting("num_beams", 1) != 1 or arguments.get("assistant_model") is not None
    sample = bool(setting("do_sample", False))
    each = int(arguments.pop("num_return_sequences", None) or 1)
    host = TransformersModel(model)
    temperature = setting("temperature", 1.0) if sample else 1.0
    eos = arguments.get("eos_token_id")
    bytewise = _byte_model("generate_bytes", beams, host, tokenizer, semantics, eps, temperature, eos)
    states = [state for p in prompts for state in [bytewise.start(p)] * each]
    masker = None if grammar is None else Masker(to_grammar(grammar), bytewise.vocabulary)
    with _seeded(seed, model.device):
        covers = draw_covers(bytewise, states, sample, masker, max_new_tokens)
        rows = Rows(host, covers, _pad(tokenizer, bytewise))
        budget = min(max_new_tokens, _room(model, rows.ids.shape[1]))
        if masker is not None:
            processor = _processor(masker, covers, budget, _pad(tokenizer, bytewise))
            arguments["logits_processor"] = [processor, *arguments.get("logits_processor", [])]
        arguments = {"pad_token_id": _pad(tokenizer, bytewise), **arguments, "max_new_tokens": budget}
        with torch.no_grad():
            output = model.generate(**rows.inputs(), **arguments)
    sequences = getattr(output, "sequences", output)[:, rows.ids.shape[1] :].tolist()
    ends = set(bytewise.vocabulary.eos_token_ids)
    texts = []
    for cover, tokens in zip(covers, sequences, strict=True):
        end = next((i for i, token in enumerate(tokens) if token in ends), len(tokens))
        texts.append(cover.overrun + bytewise.vocabulary.text(tokens[:end]))
    groups = [texts[i : i + each] for i in range(0, len(texts), each)]
    shaped = [group[0] if each == 1 else group for group in groups]
    return shaped[0] if single else shaped


def byte_exact(
    tokenizer: Any, *, semantics: Semantics = "canonical", eps: float = 0.0
) -> Callable[..., torch.Tensor | Any]:
    """A decoding method for `generate` that takes the last tokens of its prompts for bytes.

        model.generate(**tokenizer("The weather in Lis", return_tensors="pt"), custom_generate=byte_exact(tokenizer))

    The text after a row's last control token is covered anew, as by `generate_bytes`; what is generated, sampled or
    greedy, goes on from there. Rows of the result hold the tokens that were used, so their beginnings may differ from
    the tokens that were given; decode whole rows. Lengths count from the beginning of these rows.

    Sampling follows the generation config and all logits processors; beams and assistants are refused.
    """

    def decode(
        model: Any,
        input_ids: torch.Tensor,
        logits_processor: Any,
        stopping_criteria: Any,
        generation_config: Any,
        **model_kwargs: Any,
    ) -> Any:
        beams = generation_config.num_beams != 1 or "assistant_model" in model_kwargs
        sample = bool(generation_config.do_sample)
        host = TransformersModel(model)
        temperature = float(generation_config.temperature or 1.0) if sample else 1.0
        eos = generation_config.eos_token_id
        bytewise = _byte_model("byte_exact", beams, host, tokenizer, semantics, eps, temperature, eos)
        mask = model_kwargs.get("attention_mask")
        states = []
        for i, row in enumerate(input_ids.tolist()):
            kept = row if mask is None else [t for t, seen in zip(row, mask[i].tolist(), strict=True) if seen]
            states.append(_split(bytewise, kept))
        covers = draw_covers(bytewise, states, sample, None, None)
        rows = Rows(host, covers, _pad(tokenizer, bytewise))
        inputs = rows.inputs()
        model_kwargs.pop(host.cache_argument, None)
        return model._sample(
            inputs.pop("input_ids"),
            logits_processor=logits_processor,
            stopping_criteria=stopping_criteria,
            generation_config=generation_config,
            **{**model_kwargs, **inputs},
        )

    return decode


def _byte_model(
    name: str,
    beams: bool,
    host: TransformersModel,
    tokenizer: Any,
    semantics: Semantics,
    eps: float,
    temperature: float,
    eos: Any,
) -> ByteModel:
    """The model of bytes behind a decoding method, which is refused with beams or an assistant."""
    if beams:
        raise DecodingError(f"{name} takes no beams and no assistant model: a cover is drawn for each sequence")
    return ByteModel(
        host, tokenizer, semantics=semantics, eps=eps, temperature=temperature, eos_token_ids=eos, lookahead=0
    )


def draw_covers(
    bytewise: ByteModel, states: Sequence[ByteState], sample: bool, masker: Masker | None, budget: int | None
) -> list[Cover]:
    """A cover for each state: drawn with torch's generator, or the most probable one; under a grammar one after which
    its text can still be completed within `budget` tokens."""
    generator = np.random.default_rng(int(torch.randint(1 << 62, (1,)))) if sample else None
    if masker is None:
        return bytewise.draw_covers(states, generator)

    def allowed(overrun: bytes) -> bool:
        state = masker.automaton.advance(masker.start, overrun)
        if masker.automaton.is_dead(state):
            return False
        needed = tokens_to_close(masker, state) if budget is not None else 0
        return needed is not None and (budget is None or needed <= budget)

    if not allowed(b""):
        raise CannotClose(f"no text of the grammar fits into {budget} tokens")
    try:
        return bytewise.draw_covers(states, generator, [allowed] * len(states))
    except NoCover as error:
        raise NoCover(f"{error}: the grammar excludes everything that the model could go on with") from None


class Rows:
    """Covers as a batch for `generate`, padded on the left, with keys and values of all but each last token."""

    def __init__(self, host: TransformersModel, covers: Sequence[Cover], pad: int) -> None:
        longest = max(len(cover.tokens) for cover in covers)
        self._covers, self._cache_argument = covers, host.cache_argument
        device = host.device
        padding = [longest - len(cover.tokens) for cover in covers]
        rows = [[pad] * k + cover.tokens for k, cover in zip(padding, covers, strict=True)]
        self.ids = torch.tensor(rows, device=device)
        self.attention = (torch.arange(longest) >= torch.tensor(padding)[:, None]).long().to(device)

    def inputs(self) -> dict[str, Any]:
        """Keyword arguments of `generate`."""
        inputs: dict[str, Any] = {"input_ids": self.ids, "attention_mask": self.attention}
        cache = self._cache()
        return inputs if cache is None else {**inputs, self._cache_argument: cache}

    def _cache(self) -> DynamicCache | None:
        nodes: list[Node] = [cover.parent for cover in self._covers]
        trees = {id(node.tree): node.tree for node in nodes}
        length = self.ids.shape[1] - 1
        (tree,) = trees.values() if len(trees) == 1 else (None,)
        if not isinstance(tree, MaskedTree) or length == 0:
            return None
        index = np.zeros((len(nodes), length), np.int64)
        for i, (node, cover) in enumerate(zip(nodes, self._covers, strict=True)):
            positions = node.slot[: len(cover.tokens) - 1]
            index[i, length - len(positions) :] = positions
        return tree.rows(index)


def _split(bytewise: ByteModel, tokens: list[int]) -> ByteState:
    """The state after given tokens, with the text after the last control token taken as bytes."""
    vocabulary = bytewise.vocabulary
    begin = max((i + 1 for i, token in enumerate(tokens) if vocabulary.special[token]), default=0)
    text = vocabulary.text(tokens[begin:])
    encoder = bytewise.encoder
    dummy = encoder is not None and bool(encoder.dummy) and text.startswith(encoder.dummy)
    context = tokens[:begin] or bytewise.start_tokens
    return bytewise.start_after(context, text[len(encoder.dummy) :] if dummy and encoder else text, dummy)


def _processor(masker: Masker, covers: Sequence[Cover], budget: int, pad: int) -> GrammarProcessor:
    constraints = []
    for cover in covers:
        constraint = Constraint(masker, None, None)
        constraint.start = masker.automaton.advance(masker.start, cover.overrun)
        constraints.append(constraint)
    return GrammarProcessor(constraints, masker.vocabulary, budget, pad)


def _pad(tokenizer: Any, bytewise: ByteModel) -> int:
    pad = getattr(tokenizer, "pad_token_id", None)
    return int(pad) if pad is not None else next(iter(bytewise.vocabulary.eos_token_ids), 0)


def _room(model: Any, length: int) -> int:
    size = context_size(model)
    if size is None:
        return 1 << 30
    if size <= length:
        raise CannotClose(f"the prompt has {length} tokens and the model's context {size}: no room for an answer")
    return size - length


def _batch(prompt: Any) -> tuple[list[Any], bool]:
    """Prompts as a list, and whether there was one that was not in a list."""
    if isinstance(prompt, list | tuple) and not any(isinstance(part, int) for part in prompt):
        if not prompt:
            raise DecodingError("the list of prompts is empty")
        return list(prompt), False
    return [prompt], True


@contextlib.contextmanager
def _seeded(seed: int | None, device: torch.device) -> Iterator[None]:
    """torch's generators from a seed, and as they were before afterwards."""
    if seed is None:
        yield
        return
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
