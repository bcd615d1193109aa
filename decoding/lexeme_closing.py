"""Short completions of an automaton over lexemes, for masks that close within a budget (see `closing.py`).

A completion is found by a best-first search over lexemes, led by the automaton's estimate of how many are needed. Of
every state on the way the next byte is kept, so that what follows the first bytes of a completion is the completion of
the state behind them. It is an upper bound, not the least number, and where the search is cut off a state counts as one
that cannot be completed.

New names are alike: behind one of them the text is completed as behind another, with the name exchanged. That is tried
before any search, and tells (`of_names`) how many bytes complete the text behind every name that may come.
"""

from __future__ import annotations

import heapq
import itertools
import re
from collections.abc import Callable
from typing import NamedTuple

from ..grammars.automaton import DEAD
from ..grammars.scoped import EVERY, Content, ScopingAutomaton
from ..grammars.utf8 import follow

SEARCH = 800
"""Steps of a search."""
_LONGEST = 4000
_LEXEMES = 25  # steps that reading a completion takes
_GREED = 6  # how much a lexeme that is still needed counts beside one that was read
_UNUSUAL = 6  # the price of new names and of quotes, where something else may come
_ORDERED = (*(byte for byte in range(256) if byte not in b"(,);'"), *b"'(,);")  # what ends things last
NEW_NAMES = ("x", "y", "z", "w", "v", "u", "xy", "xz")
_WORD = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*")


class Template(NamedTuple):
    """A completion behind a new name."""

    text: bytes
    name: str
    """The name."""

    @property
    def repeated(self) -> int:
        """How often the completion has it."""
        return sum(word.lower() == self.name.encode() for word in _WORD.findall(self.text))

    def behind(self, name: str) -> bytes:
        """The completion behind another name."""
        mine, other = self.name.encode(), name.encode()
        return _WORD.sub(lambda word: other if word[0].lower() == mine else word[0], self.text)

    def longest(self, name: int) -> int:
        """Bytes of the completion behind a name of so many, or of that name with a letter more."""
        return len(self.text) + 1 + self.repeated * (name + 1 - len(self.name))

    def has_word(self, name: str) -> bool:
        """Whether the name stands in the completion for something else."""
        return any(word.lower() == name.encode() for word in _WORD.findall(self.text)) and name != self.name


class Completions:
    """Completions of an automaton's states.

    Args:
        automaton: gives the states.
        spelled: the letters in which a word (in small ones) is to be written.
    """

    def __init__(self, automaton: ScopingAutomaton, spelled: Callable[[str], bytes] = str.encode) -> None:
        self.automaton, self.spelled = automaton, spelled
        self._next: dict[int, int] = {}
        self._ends: set[int] = set()
        self._tried: dict[int, int] = {}  # steps of the longest search that found nothing
        self._renamed: dict[int, bytes | None] = {}
        self.steps = 0
        """Steps of all searches."""

    def completion(self, state: int, steps: int = SEARCH) -> bytes | None:
        """Bytes after which the text is complete; None where a search of so many steps found none."""
        if state == DEAD:
            return None
        if state not in self._next and state not in self._ends:
            if self._tried.get(state, 0) >= steps:
                return None
            known = self.automaton.shape(state, EVERY).words  # what may become of it takes less
            text = (None if known else self.behind_new_name(state)) or self._search(state, steps)
            if text is None:
                self._tried[state] = steps
                return None
            self._note(state, text)
        found = bytearray()
        while (byte := self._next.get(state)) is not None:
            found.append(byte)
            state = self.automaton.step(state, byte)
        return bytes(found)

    def knows(self, state: int) -> bool:
        """Whether a completion was found before."""
        return state in self._next or state in self._ends

    def behind_new_name(self, state: int) -> bytes | None:
        """The completion of a state within a new name, made of that behind another; None elsewhere or where there is
        none."""
        if state not in self._renamed:
            self._renamed[state] = self._exchanged(state)
        return self._renamed[state]

    def _exchanged(self, state: int) -> bytes | None:
        word = self.automaton.renamed(state, NEW_NAMES[0])
        if word is None or word[0] in NEW_NAMES:
            return None
        template = self.of_names(state)
        if template is None:
            return None
        for added in ("", "x"):
            self.steps += _LEXEMES
            text = added.encode() + template.behind(word[0] + added)
            end = self.automaton.advance(state, text)
            if end != DEAD and self.automaton.is_accepting(end):
                return text
        return None

    def of_names(self, state: int, gap: bytes | None = None) -> Template | None:
        """The completion behind a new name in the place of the one that was begun, or of one that begins here, behind
        this white space; None where none may, or where no completion was found."""
        for name in NEW_NAMES:
            if gap is not None:
                begun = self.automaton.advance(state, gap + name.encode())
            else:
                word = self.automaton.renamed(state, name)
                begun = DEAD if word is None else word[1]
            if begun == DEAD:
                return None
            shape = self.automaton.shape(begun, EVERY)
            if shape.fresh and not shape.words and self.automaton.ended(begun) != DEAD:
                text = self.completion(begun)
                return None if text is None else Template(text, name)
        return None

    def _note(self, state: int, text: bytes) -> None:
        """Keep the way of a new completion up to a state whose completion is known."""
        way: list[tuple[int, int]] = []
        for byte in text:
            if state in self._next or state in self._ends:
                break
            way.append((state, byte))
            state = self.automaton.step(state, byte)
        else:
            if state not in self._next:
                self._ends.add(state)
        for state, byte in reversed(way):  # where a state comes twice, the last time counts
            if state not in self._ends:
                self._next.setdefault(state, byte)

    def _search(self, start: int, steps: int) -> bytes | None:
        automaton, order = self.automaton, itertools.count(0, -1)  # of equals the latest first: depth first
        heap: list[tuple[int, int, int, int, bytes, bytes]] = [(self._rank(start), next(order), 0, start, b"", b"")]
        seen: set[int] = set()
        for _ in range(steps):
            if not heap:
                return None
            self.steps += 1
            rank, _, cost, state, text, ahead = heapq.heappop(heap)
            if ahead:
                state, text = automaton.advance(state, ahead), text + ahead
                if state == DEAD or state in seen or len(text) > _LONGEST:
                    continue
                true_rank = cost + self._rank(state)
                if true_rank > rank:
                    heapq.heappush(heap, (true_rank, next(order), cost, state, text, b""))
                    continue
                rank = true_rank
            if state in seen:
                continue
            seen.add(state)
            if automaton.is_accepting(state) or state in self._next:
                return text
            for price, move in self._moves(state):
                heapq.heappush(heap, (max(rank, cost + price), next(order), cost + price, state, text, move))
        return None

    def _rank(self, state: int) -> int:
        ended = self.automaton.ended(state)
        return _GREED * self.automaton.estimate(state if ended == DEAD else ended)

    def _moves(self, state: int) -> list[tuple[int, bytes]]:
        """What may be read next, with its price in lexemes, what is best last."""
        shape = self.automaton.shape(state, (1 << 256) - 1)
        if shape.content is not None:
            return [(0, _character(shape.content) + bytes([shape.content.quote]))]
        ends = self.automaton.ended(state) != DEAD
        begins = 0 if shape.begun else 1
        unusual = _UNUSUAL if shape.words or shape.digits else begins
        words = sorted(shape.words, key=lambda word: (-len(word), word))
        moves = [(begins, self.spelled(word)) for word in words if word]
        if shape.fresh and not (shape.begun and ends):
            moves += [(unusual, name.encode()) for name in (NEW_NAMES[:1] if shape.begun else reversed(NEW_NAMES))]
        quotes = b"'\"`"
        moves += [
            (unusual if byte in quotes else begins, bytes([byte])) for byte in _ORDERED if shape.starts >> byte & 1
        ]
        if shape.digits and not ends:
            moves.append((begins, b"1"))
        if ends:
            moves += [(1, b"("), (0, b" ")]  # of a call the parenthesis may have to follow at once
        return moves


def _character(content: Content) -> bytes:
    """The rest of a character that was begun."""
    pending, rest = content.pending, bytearray()
    while pending:
        byte = next(byte for byte in range(0x80, 0xC0) if follow(pending, byte) is not None)
        rest.append(byte)
        pending = follow(pending, byte) or ""
    return bytes(rest)
