"""One batch, a grammar of its own for each prompt: JSON, a choice, and no constraint at all."""

from __future__ import annotations

from bytebound import grammars
from bytebound.integrations import models
from bytebound.integrations.transformers import generate_text

model, tokenizer = models.load("small-bytes")
prompts = [
    "Write a product as JSON:\n",
    "Question: Do owls eat mice?\nAnswer:",
    "Question: What do owls eat?\nAnswer:",
]
price = {"type": "number", "minimum": 0, "maximum": 1000}
product = {"type": "object", "properties": {"name": {"type": "string"}, "price": price}, "required": ["name", "price"]}
constraints = [product | {"additionalProperties": False}, grammars.choice([" Yes.", " No."]), None]
texts = generate_text(model, tokenizer, constraints, prompts, max_new_tokens=60, do_sample=False)
for prompt, text in zip(prompts, texts, strict=True):
    print(f"{prompt}{text}\n")
