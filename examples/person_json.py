"""A validated pydantic object from a prompt, in one call."""

from __future__ import annotations

from typing import Annotated

from bytebound.integrations import models
from bytebound.integrations.transformers import generate_json
from pydantic import BaseModel, Field


class Person(BaseModel, extra="forbid"):
    """What the model is to write."""

    name: str
    age: Annotated[int, Field(ge=0, le=120)]
    email: str
    city: str


model, tokenizer = models.load("small-bytes")
prompt = "Describe a person as JSON: Maria Keller, 34, from Lisbon, maria@example.org.\n"
person = generate_json(model, tokenizer, Person, prompt, do_sample=False)
print(repr(person))  # Person(name='Maria Keller', age=46, ...): valid, though so small a model misreads the age
