"""Generation on vLLM from prompts that may end anywhere: inside a token, a character, a word, a number.

The end of each prompt is covered by one token string drawn in proportion to its probability (`decoding/bytewise`; Phan
et al. 2024): contexts that can cover it are asked for together, and share the prompt in the engine's prefix cache. What
was drawn then goes on as an ordinary request, batched with all others, whose prompt the cache holds already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np

from ...decoding import ByteModel, CannotClose, DecodingError, Masker, NoCover
from ...decoding.bytewise.cover_draws import Cover
from ...decoding.closing import tokens_to_close
from ...decoding.sampling.testers import shared_masker
from ..transformers.constraint import to_grammar
from .language_model import VllmModel
from .rest import Rest, held
from .vocabulary import vocabulary_of

# Ours to set: the cover is one for each sequence, and what follows it is bytes.
_OURS = ("max_tokens", "n", "seed", "structured_outputs", "detokenize", "min_tokens", "output_kind")


def generate_bytes(
    llm: Any,
    prompt: Any,
    *,
    grammar: Any = None,
    max_new_tokens: int = 256,
    semantics: Literal["all", "canonical"] = "canonical",
    eps: float = 0.0,
    seed: int | None = None,
    num_return_sequences: int = 1,
    **sampling: Any,
) -> Any:
    """The bytes that follow a prompt which may end in the middle of a token.

        generate_bytes(llm, "The weather in Lis", temperature=0.0)      # b"bon is often mild."

    The same law as that of `bytebound.integrations.transformers.generate_bytes`, with the model in vLLM.

    Args:
        llm: a `vllm.LLM` made with `settings()`, in this process (see `VllmModel`).
        prompt: text, bytes, or a list of control token ids (int) and text or bytes; or a list of prompts.
        grammar: what the bytes after the prompt must match: a Grammar, a pydantic class or a JSON schema. The prompt's
            end is then covered by a token string whose bytes beyond it the grammar allows, in proportion to its
            probability among these; after it tokens are masked, so that the text is complete within `max_new_tokens`.
        max_new_tokens: tokens after the prompt's cover; it is cut to what the engine has room for.
        semantics: which covers of the prompt count, see `ByteModel`.
        eps: share of the covers that may be left out; only "all" leaves any out.
        seed: of the drawing of covers and of tokens; None takes it from the system. (vLLM 0.32 on CPUs crashes where
            requests have seeds and prompts are longer than `max_num_batched_tokens`.)
        num_return_sequences: sequences for each prompt, each with a cover of its own.
        sampling: for `vllm.SamplingParams`: temperature, top_p, top_k, stop_token_ids and others. The temperature is
            that of the cover's tokens too, while others act on the tokens after the cover only. At temperature 0 the
            most probable cover is taken, and then the most probable token each time.

    Returns bytes; for a list of prompts a list of them, with num_return_sequences above one lists of these.

    Raises NoCover where no tokens spell the prompt, CannotClose where the grammar's text or the prompt does not fit,
    DecodingError for settings that do not go with it, and where the engine ends a request with an error.
    """
    import vllm

    for name in _OURS:
        if name in sampling:
            raise DecodingError(f"{name} is set by generate_bytes: use its own arguments")
    if num_return_sequences < 1 or max_new_tokens < 1:
        raise DecodingError("num_return_sequences and max_new_tokens are at least 1")
    single = not isinstance(prompt, list | tuple) or any(isinstance(part, int) for part in prompt)
    prompts = [prompt] if single else list(prompt)
    if not prompts:
        raise DecodingError("the list of prompts is empty")
    temperature = float(sampling.setdefault("temperature", 1.0))
    rng, seeded = np.random.default_rng(seed), seed is not None and temperature > 0
    model = VllmModel(llm)
    vocabulary = vocabulary_of(model.config)
    bytewise = ByteModel(
        model,
        llm.get_tokenizer(),
        semantics=semantics,
        eps=eps,
        temperature=temperature or 1.0,
        eos_token_ids=vocabulary.eos_token_ids,
    )
    masker = None if grammar is None else shared_masker(to_grammar(grammar), vocabulary)
    if masker is not None and not _closes(masker, max_new_tokens)(b""):
        raise CannotClose(f"no text of the grammar fits into {max_new_tokens} tokens")
    states = [state for state in bytewise.starts(prompts) for _ in range(num_return_sequences)]
    tests = None if masker is None else [_closes(masker, max_new_tokens)] * len(states)
    try:
        covers = bytewise.draw_covers(states, rng if temperature else None, tests)
    except NoCover as error:
        if masker is None:
            raise
        raise NoCover(f"{error}: the grammar excludes everything that the model could go on with") from None
    with _parameters(masker, covers, model.max_context, max_new_tokens, rng, seeded, sampling) as parameters:
        asked = [vllm.TokensPrompt(prompt_token_ids=cover.tokens) for cover in covers]
        outputs = [output.outputs[0] for output in llm.generate(asked, parameters, use_tqdm=False)]
    texts = []
    for cover, output in zip(covers, outputs, strict=True):
        if output.finish_reason == "error":
            raise DecodingError("the engine ended a request with an error, which its log names")
        ids = list(output.token_ids)
        end = next((i for i, token in enumerate(ids) if token in vocabulary.eos_token_ids), len(ids))
        texts.append(cover.overrun + vocabulary.text(ids[:end]))
    if num_return_sequences == 1:
        return texts[0] if single else texts
    groups = [texts[i : i + num_return_sequences] for i in range(0, len(texts), num_return_sequences)]
    return groups[0] if single else groups


@contextmanager
def _parameters(
    masker: Masker | None,
    covers: list[Cover],
    room: int,
    budget: int,
    rng: np.random.Generator,
    seeded: bool,
    sampling: dict[str, Any],
) -> Iterator[list[Any]]:
    """SamplingParams of each request; the engine knows their grammars for as long as this is open."""
    import vllm
    from vllm.sampling_params import StructuredOutputsParams

    counts = []
    for cover in covers:
        left = room + 1 - len(cover.tokens)
        if left < 1 or (masker is not None and left < budget and not _closes(masker, left)(cover.overrun)):
            raise CannotClose(
                f"the prompt has {len(cover.tokens)} tokens and the engine room for {room + 1}: no room for an answer"
            )
        counts.append(min(budget, left))
    rests = [] if masker is None else [Rest(masker.grammar, c.overrun, n) for c, n in zip(covers, counts, strict=True)]
    with held(rests) as names:
        slots = [StructuredOutputsParams(json=name) for name in names] or [None] * len(covers)
        yield [
            vllm.SamplingParams(
                max_tokens=count,
                seed=int(rng.integers(1 << 31)) if seeded else None,
                detokenize=bool(sampling.get("stop")),
                structured_outputs=slot,
                **sampling,
            )
            for slot, count in zip(slots, counts, strict=True)
        ]


def _closes(masker: Masker, budget: int) -> Callable[[bytes], bool]:
    """Whether after some bytes the grammar's text can still be completed within a number of tokens."""

    def test(overrun: bytes) -> bool:
        state = masker.automaton.advance(masker.start, overrun)
        if masker.automaton.is_dead(state):
            return False
        needed = tokens_to_close(masker, state)
        return needed is not None and needed <= budget

    return test
