"""Grammars made of grammars: sequences, options, repetitions, complements, exclusions, free text.

Everything takes a text (str) where it takes a grammar, and means exactly that text. See `tags.py` for free text with
regions that obey grammars.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import overload

from .characters import FULL
from .context_free.nonempty import include_nonempty, is_nullable
from .errors import GrammarError, Unsupported
from .grammar import Grammar
from .mixed import Part, chain, either, repeated
from .network import Network
from .predicate import Judge
from .product import MAX_STATES
from .scoped import Scoped
from .text_search import Search, add_search
from .utf8 import add_characters


def as_grammar(value: object, where: str) -> Grammar:
    """A grammar itself, or that of exactly the text that is given. Raises GrammarError for anything else."""
    if isinstance(value, Grammar):
        return value
    if isinstance(value, Judge):
        value._refuse(where)
    if not isinstance(value, str):
        raise GrammarError(f"{where} takes grammars and texts, not {type(value).__name__}")
    data = value.encode()

    def emit(network: Network, a: int, b: int) -> None:
        network.literal(a, data, b)

    return Grammar(emit, repr(value))


def as_part(value: object, where: str) -> Part:
    """The same, and constraints with scopes (`grammars.sql`) as they are."""
    return value if isinstance(value, Scoped) else as_grammar(value, where)


@overload
def sequence(*parts: Grammar | str) -> Grammar: ...
@overload
def sequence(*parts: Part | str) -> Part: ...
def sequence(*parts: Part | str) -> Part:
    """A string of each part, one after the other; no parts: the empty string.

    Parts may have scopes (`grammars.sql`); what is returned is then a `Mixed`, with masks like any other. Raises
    GrammarError for a part that is neither a grammar nor a text, Unsupported for predicates: join those with `&`.
    """
    found = [as_part(part, "sequence()") for part in parts]
    grammars = [part for part in found if isinstance(part, Grammar)]
    if len(grammars) < len(found):
        pieces: list[Part] = []
        for part in found:
            if pieces and isinstance(part, Grammar) and isinstance(pieces[-1], Grammar):
                pieces[-1] = pieces[-1] + part
            else:
                pieces.append(part)
        return chain(pieces, f"sequence({_names(found)})")

    def emit(network: Network, a: int, b: int) -> None:
        for grammar in grammars:
            middle = network.node()
            grammar.emit(network, a, middle)
            a = middle
        network.epsilon(a, b)

    return Grammar(emit, f"sequence({_names(grammars)})")


@overload
def alternation(*options: Grammar | str) -> Grammar: ...
@overload
def alternation(*options: Part | str) -> Part: ...
def alternation(*options: Part | str) -> Part:
    """A string of one of the options; see `sequence` for what they may be. Raises GrammarError for none."""
    found = [as_part(option, "alternation()") for option in options]
    if not found:
        raise GrammarError("alternation() takes one grammar at least")
    grammars = [option for option in found if isinstance(option, Grammar)]
    if len(grammars) < len(found):
        plain = [alternation(*grammars)] if grammars else []
        scoped = [option for option in found if isinstance(option, Scoped)]
        return either([*plain, *scoped], f"alternation({_names(found)})")

    def emit(network: Network, a: int, b: int) -> None:
        for grammar in grammars:
            grammar.emit(network, a, b)

    return Grammar(emit, f"alternation({_names(grammars)})")


@overload
def repeat(grammar: Grammar | str, minimum: int = 0, maximum: int | None = None) -> Grammar: ...
@overload
def repeat(grammar: Part | str, minimum: int = 0, maximum: int | None = None) -> Part: ...
def repeat(grammar: Part | str, minimum: int = 0, maximum: int | None = None) -> Part:
    """`minimum` to `maximum` (None: any number) strings of a grammar, one after the other. The number is counted, not
    written out (of a grammar with scopes it is: at most 1,000 times). Raises GrammarError unless
    0 <= minimum <= maximum."""
    body = as_part(grammar, "repeat()")
    if not isinstance(minimum, int) or not isinstance(maximum, int | None):
        raise GrammarError(f"repeat() takes whole numbers, not {minimum!r} to {maximum!r}")
    if not 0 <= minimum <= (minimum if maximum is None else maximum):
        raise GrammarError(f"a repetition of {minimum} to {maximum} times is impossible: 0 <= minimum <= maximum")
    if isinstance(body, Scoped):
        return repeated(body, minimum, maximum, f"repeat({body.name}, {minimum}, {maximum})")
    only_empty = is_nullable(body.program) and not len(body.program.edges)
    least = 0 if is_nullable(body.program) else minimum

    def emit(network: Network, a: int, b: int) -> None:
        if only_empty or maximum == 0:
            network.epsilon(a, b)
        else:
            network.repeat(a, include_nonempty(network, body.program), b, least, maximum)

    return Grammar(emit, f"repeat({body.name}, {minimum}, {maximum})")


def complement(grammar: Grammar) -> Grammar:
    """Texts (UTF-8) that are not in a regular grammar; also `~grammar`. Raises Unsupported where the automaton of the
    grammar has more than `product.MAX_STATES` states: those of languages that nest without bound have no end."""
    automaton = grammar.automaton
    program = grammar.program
    lows = program.representatives[: program.byte_classes].tolist()
    highs = [*(low - 1 for low in lows[1:]), 255]
    reading, sink = [automaton.start], -1
    known = {automaton.start: 0}
    rows = []
    for state in reading:  # grows while it is read
        row = [automaton.step(state, low) for low in lows]
        rows.append(row)
        for target in row:
            if target >= 0 and target not in known:
                if len(known) >= MAX_STATES:
                    raise Unsupported(
                        f"the complement of {grammar.name!r} needs more than {MAX_STATES} states: only regular "
                        "languages of moderate size have one here",
                        keyword="~",
                    )
                known[target] = len(known)
                reading.append(target)

    def emit(network: Network, a: int, b: int) -> None:
        nodes = {state: network.node() for state in reading} | {sink: network.node()}
        network.epsilon(a, nodes[automaton.start])
        network.edge(nodes[sink], 0, 255, nodes[sink])
        network.epsilon(nodes[sink], b)
        for state, row in zip(reading, rows, strict=True):
            if not automaton.is_accepting(state):
                network.epsilon(nodes[state], b)
            for low, high, target in zip(lows, highs, row, strict=True):
                network.edge(nodes[state], low, high, nodes[target if target >= 0 else sink])

    return Grammar(emit, f"~{grammar.name}", budget=grammar.budget) & _text()


def excluding(grammar: Grammar, texts: Iterable[str], *, anywhere: bool = False) -> Grammar:
    """Strings of a regular grammar that are none of the texts, or (`anywhere`) hold none of them.

    Raises Unsupported where the grammar is not regular or too large, GrammarError where `texts` are no texts,
    EmptyLanguage where nothing is left.
    """
    words = _words("excluding()", texts)
    if not anywhere:
        return grammar & complement(alternation(*words))

    def emit(network: Network, a: int, b: int) -> None:
        search = Search([word.encode() for word in words])
        nodes = add_search(network, search, [None] * len(words))
        network.epsilon(a, nodes[0])
        for node in nodes:
            network.epsilon(node, b)

    return grammar & Grammar(emit, f"texts without {', '.join(map(repr, words[:3]))}")


def until(*ends: str) -> Grammar:
    """Free text (any bytes) up to the first appearance of one of the ends, which closes it. Raises GrammarError for no
    ends, and for ends that are no texts or empty."""
    words = _words("until()", ends)

    def emit(network: Network, a: int, b: int) -> None:
        nodes = add_search(network, Search([word.encode() for word in words]), [b] * len(words))
        network.epsilon(a, nodes[0])

    return Grammar(emit, f"until({', '.join(map(repr, words))})")


def _words(where: str, texts: Iterable[str]) -> list[str]:
    words = list(dict.fromkeys(texts)) if not isinstance(texts, str) else []
    if not words or not all(isinstance(word, str) and word for word in words):
        raise GrammarError(f"{where} takes one text at least, and none that is empty, not {texts!r}")
    return words


def _text() -> Grammar:
    def emit(network: Network, a: int, b: int) -> None:
        loop = network.node()
        network.epsilon(a, loop)
        add_characters(network, loop, FULL, loop)
        network.epsilon(loop, b)

    return Grammar(emit, "text")


def _names(grammars: Sequence[Part]) -> str:
    return ", ".join(grammar.name for grammar in grammars)
