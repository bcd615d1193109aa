"""`bytebound demo`: the same prompts on a model that ships, with and without a grammar."""

from __future__ import annotations

import datetime
import json
import textwrap
import time
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import pydantic
import torch

from .. import grammars
from . import models
from .transformers import generate_text

_WIDTH = 100


class Item(pydantic.BaseModel, extra="forbid"):
    """A line of an order."""

    product: str
    quantity: int
    price: float


class Order(pydantic.BaseModel, extra="forbid"):
    """What the second example asks for."""

    id: int
    customer: str
    items: list[Item]
    status: Literal["open", "paid", "shipped", "cancelled"]


USER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "username": {"type": "string", "pattern": "^[a-z]+[0-9]*$", "maxLength": 12},
        "email": {"type": "string", "format": "email"},
        "address": {
            "type": "object",
            "properties": {
                "street": {"type": "string", "maxLength": 40},
                "city": {"type": "string", "maxLength": 30},
                "zip": {"type": "string", "pattern": "^[0-9]{5}$"},
            },
            "required": ["street", "city", "zip"],
            "additionalProperties": False,
        },
    },
    "required": ["id", "username", "email", "address"],
    "additionalProperties": False,
}
DATE = r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"


class Example(NamedTuple):
    """A constraint, a prompt that asks for something like it, and how its text becomes an object."""

    title: str
    constraint: str
    grammar: Callable[[], grammars.Grammar]
    prompt: str
    parse: Callable[[str], Any]


EXAMPLES = (
    Example(
        "JSON Schema",
        json.dumps(USER),
        lambda: grammars.json_schema(USER),
        "Describe a user as JSON: User 262 is hugo6, mail hugo@example.org, "
        "and lives at 162 House Street, 66626 Lima.\n",
        json.loads,
    ),
    Example(
        "pydantic",
        "class Order: id: int, customer: str, items: list[Item], "
        'status: Literal["open", "paid", "shipped", "cancelled"]',
        lambda: grammars.pydantic(Order),
        "Describe an order as JSON: Order 1207 of Maria Keller: 3 x lamp at 24.5 and 1 x chair at 80.0. It is paid.\n",
        Order.model_validate_json,
    ),
    Example(
        "regex",
        DATE,
        lambda: grammars.regex(DATE),
        "Describe an event as JSON: The Spring Concert takes place on May 3, 2021 in Lima; 120 people attend.\n"
        '{"title": "Spring Concert", "date": "',
        datetime.date.fromisoformat,
    ),
)


def run(name: str) -> None:
    """Print all examples, greedily decoded on the model of that name.

    Raises ModelNotFound for a name that does not ship.
    """
    began, threads = time.perf_counter(), torch.get_num_threads()
    torch.set_num_threads(1)  # the matrices are so small that threads would wait for each other most of the time
    try:
        _run_all(name)
    finally:
        torch.set_num_threads(threads)
    print(f"\n{time.perf_counter() - began:.1f} s")


def _run_all(name: str) -> None:
    model, tokenizer = models.load(name)
    print(
        f"model {name}: {model.num_parameters():,} parameters, {len(tokenizer):,} tokens, greedy decoding", flush=True
    )
    for example in EXAMPLES:
        print(f"\n== {example.title}")
        _show("constraint", example.constraint)
        _show("prompt", example.prompt)
        free = generate_text(model, tokenizer, None, example.prompt, max_new_tokens=160, do_sample=False)
        _show("free", free)
        _show("", f"-> {_verdict(example, free)}")
        bound = generate_text(model, tokenizer, example.grammar(), example.prompt, max_new_tokens=160, do_sample=False)
        _show("constrained", bound)
        _show("parsed", repr(example.parse(bound)))


def _verdict(example: Example, text: str) -> str:
    """Why a text is not what was asked for, in one line, or that it is."""
    if example.grammar().matches(text):
        return "matches the constraint"
    try:
        example.parse(text)
    except ValueError as error:
        return f"cannot be parsed: {str(error).splitlines()[0]}"
    return "does not match the constraint"


def _show(label: str, text: str) -> None:
    """Print a labelled block, wrapped, with line ends made visible."""
    lines = textwrap.wrap(text.rstrip("\n").replace("\n", "\\n"), _WIDTH - 14, drop_whitespace=True) or [""]
    for i, line in enumerate(lines):
        print(f"{label if i == 0 else '':<12}  {line}", flush=True)
