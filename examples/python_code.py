"""Python code: the interpreter's own compiler judges an expression at each comma, and when it is complete."""

from __future__ import annotations

import codeop

from bytebound import grammars
from bytebound.integrations import models
from bytebound.integrations.transformers import posterior


def goes_on(source: str) -> bool:
    """Whether what stands before the last comma can begin an expression."""
    try:
        codeop.compile_command(source[: source.rfind(",") + 1], symbol="eval")
    except (SyntaxError, ValueError, OverflowError):
        return False
    return True


def compiles(source: str) -> bool:
    """Whether the text is an expression; comments, quotes of both kinds and trailing commas are right."""
    try:
        compile(source, "generated", "eval")
    except (SyntaxError, ValueError, OverflowError, MemoryError, RecursionError):
        return False
    return True


python = grammars.predicate(goes_on, complete=compiles, text=True)
assert python.matches("{'id': 3, 'tag': None,}") and not python.matches("{'id': 3, 4}")

one_line = grammars.regex(r"\{['\"][^{}\n]*\}")
model, tokenizer = models.load("small-bytes")
prompt = "Describe a product as JSON: Product 7 is a lamp and costs 24.5.\n"
result = posterior(model, tokenizer, prompt, one_line & python, particles=20, max_new_tokens=120)
for code, share in list(result.probabilities().items())[:4]:
    print(f"{share:.3f} {code}")
print(f"evidence e^{result.log_evidence:.1f}, {result.deaths} deaths, {result.evaluations} tests")
