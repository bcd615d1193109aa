"""Partial objects while the model writes: fields appear one after the other, the last object is validated."""

from __future__ import annotations

from bytebound.integrations import models
from bytebound.integrations.transformers import stream_json
from pydantic import BaseModel


class Book(BaseModel, extra="forbid"):
    """What the model is to write."""

    title: str
    author: str
    year: int
    genre: str


model, tokenizer = models.load("small-bytes")
prompt = 'Describe a book as JSON: "The Old Harbour" by Ada Novak, published in 1984, is a crime book of 210 pages.\n'
for book in stream_json(model, tokenizer, Book, prompt, partial_strings=False, do_sample=False):
    print(f"{len(book.model_fields_set)} of 4 fields: {book!r}")
