"""Python code: the interpreter's own compiler judges whole lines as they come, and the complete text."""

from __future__ import annotations

import codeop

import numpy as np
from bytebound import decoding, grammars
from bytebound.integrations import models


def lines_compile(source: str) -> bool:
    """Whether the whole lines so far compile, or could with more lines after them."""
    try:
        codeop.compile_command(source[: source.rfind("\n") + 1], symbol="exec")
    except (SyntaxError, ValueError, OverflowError):
        return False
    return True


def compiles(source: str) -> bool:
    """Whether the text is a module."""
    try:
        compile(source, "generated", "exec")
    except (SyntaxError, ValueError, OverflowError):
        return False
    return True


python = grammars.predicate(lines_compile, complete=compiles, text=True)
assert python.matches("if 1:\n    pass\n") and not python.matches("if 1:\n")

statement = r"(if x > [0-9]:|else:|while x < [0-9]:|x [+*]= [1-9]|return x|break)"
function = grammars.regex(rf"def f\(x\):\n(( {{4}}){{1,3}}{statement}\n){{3,6}}")
vocabulary = decoding.Vocabulary.from_tokenizer(models.load("small-bytes")[1])
tester = decoding.tester(function & python, vocabulary)  # the indentation is right, which no regex can say

rng = np.random.default_rng(0)
found = 0
while found < 3:
    state, ids = tester.start, []
    while state >= 0:
        # Proposals at random. With a model, posterior() samples in its place, each with the right weight.
        proposals = rng.permutation(vocabulary.size)
        place = tester.first(np.array([state]), proposals[None])[0]
        if place == len(proposals):
            break  # as many lines as the regex allows, and the last one is not complete
        ids.append(int(proposals[place]))
        state = tester.accept(state, ids[-1])
    if state == decoding.Masker.finished:
        found += 1
        print(vocabulary.text(ids).decode())
