"""Short completions of grammars put together of parts: that of the part at hand, and the least that must follow it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..grammars.mixed_automaton import MixedAutomaton
from .closing import shortest_text
from .lexeme_closing import LONGEST, SEARCH, Completions

if TYPE_CHECKING:
    from .masker import Masker


class MixedCompletions(Completions):
    """Completions of a graph's states.

    Args:
        automaton: gives the states.
        maskers: those of the parts.
    """

    def __init__(self, automaton: MixedAutomaton, maskers: Sequence[Masker]) -> None:
        self._mixed, self._maskers = automaton, maskers
        named: Any = automaton
        super().__init__(named)
        self.tails: dict[int, bytes] = {1: b""}
        """By node, what leads to the end."""
        texts = [self._of_part(part, masker.start, 20 * SEARCH) for part, masker in enumerate(maskers)]
        changed = True
        while changed:
            changed = False
            for a, part, b in automaton.edges:
                text = texts[part] if part >= 0 else b""
                if text is not None and b in self.tails:
                    longer = text + self.tails[b]
                    if a not in self.tails or len(longer) < len(self.tails[a]):
                        self.tails[a] = longer
                        changed = True

    def _of_part(self, part: int, q: int, steps: int) -> bytes | None:
        from .product_masker import ProductMasker

        masker = self._maskers[part]
        if isinstance(masker, ProductMasker):
            return masker.completions.completion(q, steps)
        return shortest_text(masker.automaton, q, LONGEST)

    def _search(self, start: int, steps: int) -> bytes | None:
        if self._mixed.is_accepting(start):
            return b""
        found = []
        for edge, q in self._mixed.ways(start):
            _, part, target = self._mixed.edges[edge]
            if target in self.tails:
                text = self._of_part(part, q, steps)
                if text is not None:
                    found.append(text + self.tails[target])
        return min(found, key=lambda text: (len(text), text), default=None)
