"""Tools and response formats as clients of chat APIs send them: the model calls a tool, and its arguments fit."""

from __future__ import annotations

import json

from bytebound import grammars
from bytebound.integrations import models
from bytebound.integrations.transformers import generate_text

request = {
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "find_person",
                "strict": True,
                "parameters": {
                    "type": "object",
                    "properties": {
                        "name": {"type": "string", "pattern": "^[A-Z][a-z]+ [A-Z][a-z]+$"},
                        "age": {"type": ["integer", "null"], "minimum": 0, "maximum": 120},
                    },
                    "required": ["name", "age"],
                    "additionalProperties": False,
                },
            },
        },
        {"name": "list_cities", "input_schema": {"type": "object", "properties": {"country": {"type": "string"}}}},
    ],
    "tool_choice": {"type": "function", "function": {"name": "find_person"}},
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "book", "schema": {"type": "object", "properties": {"title": {"type": "string"}}}},
    },
}
calls = grammars.tools(request["tools"], request["tool_choice"])
reply = grammars.response_format(request["response_format"])
model, tokenizer = models.load("small-bytes")
prompts = ["Describe a person as JSON: Maria Keller, 34, from Lisbon.\n", "Write a book as JSON:\n"]
texts = generate_text(model, tokenizer, [calls, reply], prompts, max_new_tokens=80, do_sample=False)
call = json.loads(texts[0])
print(f"call {call['name']} with {call['arguments']}")
print(f"reply {json.loads(texts[1])}")
