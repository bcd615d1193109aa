"""Free text until a trigger, then a grammar: `after(trigger, grammar)`.

The free part is searched for the bytes of the trigger (`text_search.py`), so the trigger is found
wherever it appears: at the very start, in the middle of a token, or across several.
"""

from __future__ import annotations

from typing import overload

from .combinators import alternation, sequence
from .errors import GrammarError
from .grammar import Grammar
from .mixed import Part
from .network import Network
from .scoped import Scoped
from .text_search import Search, add_search, searched


@overload
def after(trigger: bytes | str, grammar: Grammar) -> Grammar: ...
@overload
def after(trigger: bytes | str, grammar: Part) -> Part: ...
def after(trigger: bytes | str, grammar: Part) -> Part:
    """Strings without the trigger, and strings that go on with a string of `grammar` after its first appearance.

    Args:
        trigger: not empty; text is taken as UTF-8. The first appearance counts, and later ones mean nothing.
        grammar: what must follow it, to the end; with scopes (`grammars.sql`) the result is a `Mixed`.

    The free part is any bytes at all, also such as are not UTF-8, and may be all there is. Raises GrammarError for an
    empty trigger or something that is not a Grammar.
    """
    if not isinstance(trigger, bytes | str) or not trigger:
        raise GrammarError(f"a trigger is a string or bytes that are not empty, not {trigger!r}")
    if not isinstance(grammar, Grammar | Scoped):
        raise GrammarError(f"after() takes a Grammar to follow the trigger, not {type(grammar).__name__}")
    data = trigger.encode() if isinstance(trigger, str) else trigger
    if isinstance(grammar, Scoped):
        search = Search([data])
        return alternation(searched(search, None), sequence(searched(search, 0), grammar))

    def emit(network: Network, a: int, b: int) -> None:
        found = network.node()
        nodes = add_search(network, Search([data]), [found])
        network.epsilon(a, nodes[0])
        for node in nodes:
            network.epsilon(node, b)
        grammar.emit(network, found, b)

    return Grammar(emit, f"after({trigger!r}, {grammar.name})", schema=grammar.schema, model=grammar.model)
