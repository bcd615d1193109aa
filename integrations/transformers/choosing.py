"""`classify`: which of some answers a model gives, with their exact probabilities."""

from __future__ import annotations

from typing import Any

from ...decoding import DecodingError
from ...decoding.choices import choice_probabilities_batch
from .constraint import vocabulary_of
from .language_model import TransformersModel
from .prompts import batch, encode


def classify(
    model: Any,
    tokenizer: Any,
    prompt: Any,
    options: Any,
    *,
    end: str = "eos",
    spelling: str = "all",
    tolerance: float = 1e-3,
    max_contexts: int = 4096,
    max_rows: int = 64,
) -> Any:
    """The probability of each option given that the model answers with one of them.

        classify(model, tokenizer, "Is the sky blue? Answer: ", ["yes", "no"], end="text")["yes"]

    Args:
        model: a causal model of transformers.
        tokenizer: its tokenizer.
        prompt: text, a chat (a list of messages) or token ids; or a list of these, which are worked on together.
        options: texts (str or bytes); for a list of prompts also a list of these for each.
        end: "eos": the answer is an option and nothing else; "text": the answer begins with an option.
        spelling: "all": every way to spell an option in tokens counts; "canonical": only the tokenizer's own.
        tolerance: bound on the mass that is left out, relative to what is found; 0.0 evaluates every spelling.
        max_contexts, max_rows: see `decoding.choice_probabilities`.

    Options begin where the prompt ends: one that would follow a blank in running text begins with it, unless the prompt
    ends with it.

    Returns a `ChoiceProbabilities`, a mapping from option to probability that also holds `log_mass`, `unexplored` and
    `most_probable()`; for a list of prompts a list of them. Raises what `decoding.choice_probabilities` and
    `TransformersModel` raise, and DecodingError for prompts of no known kind.
    """
    prompts, single = batch(prompt)
    shared = not len(options) or isinstance(options[0], str | bytes | int)  # ints: of bytes, refused below
    if not shared and (single or len(options) != len(prompts)):
        raise DecodingError(f"{len(options)} lists of options were given for {len(prompts)} prompts")
    results = choice_probabilities_batch(
        TransformersModel(model, max_rows=max_rows),
        vocabulary_of(tokenizer, model.generation_config.eos_token_id),
        [encode(tokenizer, each) for each in prompts],
        [options] * len(prompts) if shared else options,
        end=end,
        spelling=spelling,
        encode=lambda option: tokenizer(_text(option), add_special_tokens=False)["input_ids"],
        tolerance=tolerance,
        max_contexts=max_contexts,
        max_rows=max_rows,
    )
    return results[0] if single else results


def _text(option: str | bytes) -> str:
    try:
        return option if isinstance(option, str) else option.decode()
    except UnicodeDecodeError:
        raise DecodingError(f'{option!r} is no UTF-8, so the tokenizer cannot spell it: use spelling="all"') from None
