"""Free text until a trigger, then a grammar: `after(trigger, grammar)`.

The free part is the automaton of Knuth, Morris and Pratt (1977) over the bytes of the trigger, so the trigger is found
wherever it appears: at the very start, in the middle of a token, or across several.
"""

from __future__ import annotations

from .errors import GrammarError
from .grammar import Grammar
from .network import Network


def after(trigger: bytes | str, grammar: Grammar) -> Grammar:
    """Strings without the trigger, and strings that go on with a string of `grammar` after its first appearance.

    Args:
        trigger: not empty; text is taken as UTF-8. The first appearance counts, and later ones mean nothing.
        grammar: what must follow it, to the end.

    The free part is any bytes at all, also such as are not UTF-8, and may be all there is. Raises GrammarError for an
    empty trigger or something that is not a Grammar.
    """
    if not isinstance(trigger, bytes | str) or not trigger:
        raise GrammarError(f"a trigger is a string or bytes that are not empty, not {trigger!r}")
    if not isinstance(grammar, Grammar):
        raise GrammarError(f"after() takes a Grammar to follow the trigger, not {type(grammar).__name__}")
    data = trigger.encode() if isinstance(trigger, str) else trigger

    def emit(network: Network, a: int, b: int) -> None:
        matched = [network.node() for _ in data]
        found = network.node()
        network.epsilon(a, matched[0])
        for node, targets in zip(matched, _automaton(data), strict=True):
            network.epsilon(node, b)
            for first, last, target in _runs(targets):
                network.edge(node, first, last, found if target == len(data) else matched[target])
        grammar.emit(network, found, b)

    return Grammar(emit, f"after({trigger!r}, {grammar.name})", schema=grammar.schema, model=grammar.model)


def _automaton(data: bytes) -> list[list[int]]:
    """For each number of bytes matched so far, the number matched after each of the 256 bytes."""
    rows: list[list[int]] = []
    border = 0  # matched by the longest proper suffix of data[:i] that is a prefix of it
    for i, byte in enumerate(data):
        row = list(rows[border]) if rows else [0] * 256
        row[byte] = i + 1
        rows.append(row)
        if i:
            border = rows[border][byte]
    return rows


def _runs(targets: list[int]) -> list[tuple[int, int, int]]:
    """Maximal ranges of bytes with the same target: (first, last, target)."""
    runs: list[tuple[int, int, int]] = []
    for byte, target in enumerate(targets):
        if runs and runs[-1][2] == target:
            runs[-1] = (runs[-1][0], byte, target)
        else:
            runs.append((byte, byte, target))
    return runs
