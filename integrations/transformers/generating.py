"""From a prompt to text, or to a validated object, in one call."""

from __future__ import annotations

from typing import Any

from ...decoding import DecodingError
from .request import Request, parse


def generate_text(
    model: Any,
    tokenizer: Any,
    grammar: Any,
    prompt: Any,
    *,
    max_new_tokens: int = 256,
    trigger: str | bytes | None = None,
    **generate_kwargs: Any,
) -> Any:
    """Text that matches a grammar, complete within the budget.

    Args:
        grammar: a Grammar, a pydantic class or a JSON schema; or a list with one of these, or None, for each prompt.
        prompt: text, a chat (a list of messages, for the tokenizer's chat template), token ids, or a list of these.
        max_new_tokens: budget; it is cut to what the model's context has room for.
        trigger: as in `constrain`; the text after it is returned, or None where the model ended without it.
        generate_kwargs: for the model's `generate`, such as do_sample, num_beams, num_return_sequences.

    Returns a str, or one for each prompt of a list; with num_return_sequences above one, a list of str for each.
    Bytes that are not UTF-8 become U+FFFD. Raises CannotClose at once where the budget is too small for any text,
    DecodingError where a text was stopped before its end, and what `constrain` raises.
    """
    request = Request(model, tokenizer, grammar, prompt, max_new_tokens, trigger, generate_kwargs)
    groups = request.answers(model.generate(**request.arguments))
    texts = [[None if a is None else a.decode(errors="replace") for a in group] for group in groups]
    return _shape(texts, request.single)


def generate_json(
    model: Any,
    tokenizer: Any,
    schema: Any,
    prompt: Any,
    *,
    max_new_tokens: int = 256,
    trigger: str | bytes | None = None,
    **generate_kwargs: Any,
) -> Any:
    """An object of a pydantic class, validated, or the plain value for a JSON schema.

    Args:
        schema: a pydantic class, a JSON schema (dict or bool), or a Grammar of JSON texts; or a list with one for each
            prompt.

    The other arguments, the shape of the result and the errors are those of `generate_text`; pydantic's
    ValidationError passes through where validators of the class's own refuse what its schema allows, and
    DecodingError is raised where a trigger was given and did not appear.
    """
    request = Request(model, tokenizer, schema, prompt, max_new_tokens, trigger, generate_kwargs)
    groups = request.answers(model.generate(**request.arguments))
    values = []
    for grammar, group in zip(request.grammars, groups, strict=True):
        answers = [answer for answer in group if answer is not None]
        if len(answers) < len(group):
            raise DecodingError(f"the model ended its text without the trigger {trigger!r}, so there is no object")
        values.append([parse(grammar, answer) for answer in answers])
    return _shape(values, request.single)


def _shape(groups: list[list[Any]], single: bool) -> Any:
    flat = [group[0] if len(group) == 1 else group for group in groups]
    return flat[0] if single else flat
