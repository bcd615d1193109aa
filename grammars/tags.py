"""Free text in which tagged regions obey grammars: `tags`, what structural tags are elsewhere.

A text is free until a trigger appears. From there on it must go on as one of the tags that begin with that trigger;
when its region is closed the text is free again. The free part is searched for all triggers at once
(`text_search.py`), and regions are counted by the network.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import overload

from .combinators import alternation, as_part, repeat, sequence, until
from .errors import GrammarError
from .grammar import Grammar
from .mixed import Part
from .network import Network
from .scoped import Scoped
from .text_search import Search, add_search, searched

Tag = tuple[str, Grammar | str | None, str]
ScopedTag = tuple[str, Part | str | None, str]


@overload
def tags(
    regions: Iterable[Tag],
    *,
    triggers: Iterable[str] | None = None,
    at_least: int = 0,
    at_most: int | None = None,
    stop_after_first: bool = False,
    without: Iterable[str] = (),
) -> Grammar: ...
@overload
def tags(
    regions: Iterable[ScopedTag],
    *,
    triggers: Iterable[str] | None = None,
    at_least: int = 0,
    at_most: int | None = None,
    stop_after_first: bool = False,
    without: Iterable[str] = (),
) -> Part: ...
def tags(
    regions: Iterable[ScopedTag],
    *,
    triggers: Iterable[str] | None = None,
    at_least: int = 0,
    at_most: int | None = None,
    stop_after_first: bool = False,
    without: Iterable[str] = (),
) -> Part:
    """Free text with tagged regions.

    Args:
        regions: (begin, grammar, end) each: after `begin` a string of the grammar and `end`; where the grammar is None
            any bytes, `end` being the first appearance of it. `end` may be empty where there is a grammar. Grammars may
            have scopes (`grammars.sql`), which begin anew in each region; the result is then a `Mixed`.
        triggers: what no free text may hold, for it commits to the tags that begin with it; all of `begin` if not
            given. A trigger like "<function=" in place of several tags makes the names of other functions impossible.
        at_least, at_most: how many regions there are. After the last one triggers are impossible.
        stop_after_first: nothing follows the first region.
        without: texts that free text does not hold.

    Without a trigger, a text is complete at any place. To let a model reason and then call one of some tools:
    `sequence("<think>", until("</think>"), tags(tools, at_least=1, stop_after_first=True))`.

    Raises GrammarError for tags that no trigger begins, triggers without a tag, and impossible numbers.
    """
    parts = [_region(region) for region in regions]
    begins = list(dict.fromkeys(begin for begin, _, _ in parts)) if triggers is None else list(dict.fromkeys(triggers))
    if not parts:
        raise GrammarError("tags() takes one region at least: (begin, grammar, end)")
    if stop_after_first:
        at_most = 1 if at_most is None else at_most
    if not 0 <= at_least <= (at_least if at_most is None else at_most) or at_most == 0:
        raise GrammarError(f"{at_least} to {at_most} regions are impossible: 0 <= at_least <= at_most, and at_most > 0")
    if stop_after_first and (at_least > 1 or at_most != 1):
        raise GrammarError("stop_after_first allows one region: at_least is 0 or 1, at_most 1")
    if not all(isinstance(trigger, str) and trigger for trigger in begins):
        raise GrammarError("a trigger is a text that is not empty")
    for begin, _, _ in parts:
        if not any(begin.startswith(trigger) for trigger in begins):
            raise GrammarError(f"no trigger begins the tag {begin!r}: it would be free text")
    for trigger in begins:
        if not any(begin.startswith(trigger) for begin, _, _ in parts):
            raise GrammarError(f"no tag begins with the trigger {trigger!r}")
    forbidden = [word for word in dict.fromkeys(without) if word not in begins]
    search = Search([word.encode() for word in [*begins, *forbidden]])
    name = f"tags({', '.join(repr(begin) for begin, _, _ in parts)})"
    plain = [(begin, grammar, end) for begin, grammar, end in parts if isinstance(grammar, Grammar)]
    if len(plain) < len(parts):
        return _mixed(parts, begins, search, (at_least, at_most), stop_after_first, name)

    def emit(network: Network, a: int, b: int) -> None:
        tagged = network.rule()
        found = []
        for trigger in begins:
            found.append(network.node())
            for begin, grammar, end in plain:
                if begin.startswith(trigger):
                    inside, closing = (
                        network.literal(found[-1], begin.encode()[len(trigger.encode()) :]),
                        network.node(),
                    )
                    grammar.emit(network, inside, closing)
                    network.literal(closing, end.encode(), tagged.end)
        nodes = add_search(network, search, [*found, *(None for _ in forbidden)])
        network.epsilon(tagged.start, nodes[0])
        last = b if stop_after_first else network.node()
        network.repeat(a, tagged, last, at_least, at_most)
        if stop_after_first and at_least:
            return
        nodes = add_search(network, search, [None] * (len(found) + len(forbidden)))
        network.epsilon(a if stop_after_first else last, nodes[0])
        for node in nodes:
            network.epsilon(node, b)

    return Grammar(emit, name)


def _mixed(
    parts: Sequence[tuple[str, Part, str]],
    begins: Sequence[str],
    search: Search,
    numbers: tuple[int, int | None],
    stop_after_first: bool,
    name: str,
) -> Part:
    """The same where regions have scopes: free text up to one trigger is a part of its own, and so is the last one."""
    least, most = numbers
    tagged = []
    for place, trigger in enumerate(begins):
        regions = [
            sequence(begin[len(trigger) :], grammar, end) for begin, grammar, end in parts if begin.startswith(trigger)
        ]
        tagged.append(sequence(searched(search, place), alternation(*regions)))
    one, last = alternation(*tagged), searched(search, None)
    if stop_after_first:
        mixed = one if least else alternation(one, last)
    else:
        mixed = sequence(repeat(one, least, most), last)
    assert isinstance(mixed, Scoped)
    mixed.name = name
    return mixed


def _region(region: Sequence[object]) -> tuple[str, Part, str]:
    """Begin, grammar and what is left of the end."""
    if not isinstance(region, tuple | list) or len(region) != 3:
        raise GrammarError("a region is (begin, grammar, end)")
    begin, content, end = region
    if not isinstance(begin, str) or not begin or not isinstance(end, str):
        raise GrammarError("the begin and the end of a region are texts, and begin is not empty")
    if content is None:
        if not end:
            raise GrammarError(f"the region {begin!r} of any text needs an end")
        return begin, until(end), ""
    return begin, as_part(content, "a region"), end
