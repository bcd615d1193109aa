"""The canonical covers of a text whose bytes are all known, found before the model is asked.

Their contexts make a small tree: one trunk, since nothing that follows changes how the text before a place where the
tokenizer always splits is encoded, and a few branches at the end. So the model evaluates it in one or two calls.
"""

from __future__ import annotations

from typing import NamedTuple

from .canonical import Canonical, Window
from .frontier import Frontier


class Branch(NamedTuple):
    """A context in the tree of covers."""

    parent: int
    """Place of the context that it extends by `token`; -1 for the trunk itself, which is at place 0."""
    token: int
    window: Window
    end: int
    """Bytes of the text that it spells."""


class Covers(NamedTuple):
    """The tree; `branches[0]` is the end of the trunk, with all that follow after those that they extend."""

    trunk: list[int]
    """Tokens with which every cover begins."""
    branches: list[Branch]


class Plan(NamedTuple):
    """What is to be evaluated so that bytes can begin after a prefix: a context, and a tree of tokens after it."""

    context: list[int]
    trunk: int  # tokens at its end that are of the text
    parents: list[int]
    tokens: list[int]
    text: bytes
    data: bytes  # the text, with the dummy space
    dummy: bool
    covers: Covers | None
    inner: list[int]  # branches of the covers that do not reach the end


def canonical_covers(frontier: Frontier, canonical: Canonical, text: bytes, most: int) -> Covers | None:
    """All contexts whose tokens, or those and one more, are a canonical cover of `text` (as tokens spell it).

    None where there is none, or more than `most` contexts at once would have to be looked at.
    """
    trunk = _forced(canonical, text)
    done = len(b"".join(map(canonical.vocabulary.token_bytes, trunk)))
    found = [Branch(-1, -1, (), done)]
    by_end: dict[int, list[int]] = {done: [0]}
    useful = [False]
    for end in range(done, len(text)):
        for place in by_end.get(end, ()):
            v, window = -1, found[place].window
            for position in range(end, len(text)):
                v = frontier.child(v, text[position])
                if v < 0:
                    break
                tokens = frontier.tokens_at(v)
                if len(tokens):
                    tokens = tokens[canonical.follows(window, tokens)]
                for token in tokens.tolist():
                    by_end.setdefault(position + 1, []).append(len(found))
                    found.append(Branch(place, token, canonical.extend(window, token), position + 1))
                    useful.append(position + 1 == len(text))
            useful[place] = useful[place] or frontier.goes_on(v)
        if sum(map(len, by_end.values())) > most + 64 * len(text):
            return None
    if done == len(text):
        useful[0] = True
    for place in range(len(found) - 1, 0, -1):
        if useful[place]:
            useful[found[place].parent] = True
    if not useful[0]:
        return None
    return _shortened(trunk, found, useful, frontier, text)


def _shortened(trunk: list[int], found: list[Branch], useful: list[bool], frontier: Frontier, text: bytes) -> Covers:
    """Useful branches only, with what all of them begin with moved to the trunk."""
    children: dict[int, list[int]] = {}
    for place, branch in enumerate(found):
        if useful[place] and branch.parent >= 0:
            children.setdefault(branch.parent, []).append(place)
    root = 0
    while len(children.get(root, ())) == 1 and not frontier.goes_on(frontier.walk(text[found[root].end :])):
        (only,) = children[root]
        if found[only].end == len(text):
            break
        trunk = [*trunk, found[only].token]
        root = only
    new = {root: 0}
    branches = [Branch(-1, -1, found[root].window, found[root].end)]
    for place in range(root + 1, len(found)):
        branch = found[place]
        if useful[place] and branch.parent in new:
            new[place] = len(branches)
            branches.append(branch._replace(parent=new[branch.parent]))
    return Covers(trunk, branches)


def _forced(canonical: Canonical, text: bytes) -> list[int]:
    """Tokens of the text up to the last place in it where the tokenizer always splits."""
    encoder = canonical.encoder
    if not encoder.splits:
        return []
    try:
        string = text.decode()
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data":
            return []
        string = text[: error.start].decode()
    (ids,) = encoder.encode([string])
    if encoder.spells(ids) != string.encode():
        return []
    place = len(ids)
    end = len(string.encode())
    data = string.encode()
    while place > 0:
        if end < len(data) and canonical.splits_between(data[:end], data[end:]):
            return list(ids[:place])
        place -= 1
        end -= len(canonical.vocabulary.token_bytes(ids[place]))
    return []
