"""Constraints on single bytes and letters, which no list of tokens could express: each steers a model of bytes."""

from bytebound import grammars
from bytebound.decoding import ByteModel, steer
from bytebound.integrations import models

model, tokenizer = models.load("small-bytes")
bytewise = ByteModel(model, tokenizer, semantics="canonical", eps=0.01)


class ExactLength:
    """Valid for any bytes, as long as there are `length` of them: an automaton needs no grammar."""

    start = 0

    def __init__(self, length):
        self.length = length

    def step(self, state, byte):
        return state + 1 if 0 <= state < self.length else -1

    def advance(self, state, data):
        for byte in data:
            state = self.step(state, byte)
        return state

    def is_accepting(self, state):
        return state == self.length

    def is_dead(self, state):
        return state < 0

    def forced_bytes(self, state):
        return b""


constraints = {
    "without e": grammars.regex(r"[^e\n]{10,60}[.]"),
    "acrostic": grammars.regex(r"C[^\n]{3,30}\nA[^\n]{3,30}\nT[^\n]{3,30}"),
    "40 bytes": ExactLength(40),
    "valid UTF-8": grammars.regex(r"[^\n]*"),
}
for name, automaton in constraints.items():
    (found,) = steer(bytewise, automaton, "Once there was a", generator=1, max_bytes=120)
    print(f"{name}: {found.text.decode()!r}, log weight {found.log_weight:.1f}")
