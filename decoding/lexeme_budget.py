"""Masks of an automaton over lexemes near the end of a budget: tokens behind which a completion is known that fits.

Tokens are looked at by the states that they lead to, whose completions are found by a search (`lexeme_closing.py`). New
names, which are most of a mask, would lead to a state each: they are judged together, by the completion behind one of
them with the other name in its place.

No token is allowed without a completion that fits. One may be refused that could be completed in time, where

- the completion that is found takes more tokens than the fewest, since the search counts lexemes and tokens are the
  longest that match; or the search was cut off: of one state after `STEPS` steps, of all of a mask after `ALL_STEPS`,
  or after `STATES` states;
- it begins or goes on with a new name, and no completion behind a new name was found in so many steps, or that names it
  again: tokens are counted for the `NAMES` shortest names only, and bytes for the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..grammars.automaton import DEAD
from ..grammars.scoped import EVERY
from .lexeme_closing import NEW_NAMES, Template

if TYPE_CHECKING:
    from .masker import Row
    from .product_masker import ProductMasker

STEPS, ALL_STEPS = 100, 3000
STATES, NAMES = 1000, 500
_LONGEST = 28  # letters of a name that is judged with others
_WORD = re.compile(rb"([ \t\r\n]*)([A-Za-z0-9_]+)")
_NONE = np.empty(0, np.int64)


class Words(NamedTuple):
    """The tokens of a vocabulary that are a word or a part of one, behind any white space."""

    ids: NDArray[np.int64]
    texts: list[str]
    """In small letters, without white space."""
    gaps: NDArray[np.bool_]
    """Whether white space comes first."""

    @classmethod
    def of(cls, tokens: Iterable[bytes]) -> Words:
        """Those of these tokens."""
        found = [(i, match) for i, token in enumerate(tokens) if (match := _WORD.fullmatch(token))]
        texts = [match[2].decode().lower() for _, match in found]
        return cls(np.array([i for i, _ in found], np.int64), texts, np.array([bool(m[1]) for _, m in found], bool))


def keep_in_time(masker: ProductMasker, state: int, mask: Row, closing: list[int], most: int, row: Row) -> None:
    """Set the bits of tokens of a mask behind which `most` tokens complete the text: first that of the completion
    `closing`, the others as far as they are looked at; see the module."""
    tokens = np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little"))
    tokens = np.setdiff1d(tokens, _names_in_time(masker, state, tokens, most, row), assume_unique=True)
    lengths = np.diff(masker.vocabulary.offsets)[tokens]
    order = np.where(np.isin(tokens, masker.tables.word_tokens.ids), -lengths, lengths)  # first words, long ones first
    eos = frozenset(masker.vocabulary.eos_token_ids)
    needed: dict[int, int] = {}
    end = masker.completions.steps + ALL_STEPS
    for token in [*closing[:1], *tokens[np.argsort(order, kind="stable")].tolist()]:
        if token in eos:
            continue
        if len(needed) >= STATES:
            break
        reached = masker.accept(state, token)
        if reached not in needed:
            needed[reached] = _needed(masker, reached, min(STEPS, end - masker.completions.steps), most)
        if needed[reached] <= most:
            row[token >> 5] |= np.uint32(1 << (token & 31))


def _needed(masker: ProductMasker, state: int, steps: int, most: int) -> int:
    """Tokens that complete the text, more than `most` where none are found; of a new name at first without a search."""
    found = None
    if steps > 0 or masker.completions.knows(state):
        text = masker.completions.behind_new_name(state)
        found = None if text is None else masker.spelled(text)
        if found is None or len(found) > most:
            found = masker.closing_tokens(state, max(0, steps))
    return most + 1 if found is None else len(found)


def _names_in_time(
    masker: ProductMasker, state: int, tokens: NDArray[np.int64], most: int, row: Row
) -> NDArray[np.int64]:
    """Set the bits of tokens that begin a new name, or go on with one, where there is time; returns those judged."""
    automaton, words = masker.scoping, masker.tables.word_tokens
    allowed = np.isin(words.ids, tokens)
    begun = automaton.renamed(state, NEW_NAMES[0])
    between = automaton.ended(state)
    within, behind = (automaton.shape(q, EVERY) for q in (state, state if between == DEAD else between))
    judged = []
    for gap in (False, True):
        places = np.flatnonzero(allowed & (words.gaps == gap)).tolist()
        if begun is not None and not gap:
            if within.fresh:
                template = masker.completions.of_names(state)
                judged.append(_judge(masker, template, begun[0], within.words, places, most, row))
        elif behind.fresh and not behind.begun:
            template = masker.completions.of_names(state, b" " if gap else b"")
            judged.append(_judge(masker, template, "", behind.words, places, most, row))
    return np.concatenate([_NONE, *judged])


def _judge(
    masker: ProductMasker,
    template: Template | None,
    before: str,
    known: frozenset[str],
    places: list[int],
    most: int,
    row: Row,
) -> NDArray[np.int64]:
    """The same for names that go on from `before`; those left out that may become a known one in time."""
    words = masker.tables.word_tokens
    beginnings = {word[:n] for word in known for n in range(len(word) + 1)}
    judged, fitting = [], []
    asked, repeated = 0, 0 if template is None else template.repeated
    fits = template is not None and _fits(masker, template, template.name, most)
    none = not fits  # longer ones hardly take less
    places.sort(key=lambda place: len(words.texts[place]))
    for place in places:
        text = words.texts[place]
        name = before + text
        if name[0].isdigit() or len(name) > _LONGEST or name in NEW_NAMES:
            continue
        if template is not None and template.has_word(name):
            continue
        if template is not None and repeated and not none:
            fits = template.longest(len(name)) <= most
            if not fits and asked < NAMES:
                asked += 1
                fits = _fits(masker, template, name, most)
        if fits or text not in beginnings:
            judged.append(place)
        if fits:
            fitting.append(place)
    for token in words.ids[fitting].tolist():
        row[token >> 5] |= np.uint32(1 << (token & 31))
    return words.ids[judged]


def _fits(masker: ProductMasker, template: Template, name: str, most: int) -> bool:
    """Whether the completion behind this name, and behind it and one more letter, takes at most so many tokens."""
    for text in (template.behind(name), b"x" + template.behind(name + "x")):
        tokens = masker.spelled(text)
        if tokens is None or len(tokens) > most:
            return False
    return True
