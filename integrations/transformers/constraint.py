"""One grammar over one vocabulary, as the rows of a batch need it: states, masks, and the free text before a trigger.

States are those of the `Masker` and one more, `FREE`: anything goes, because the row has no grammar, or because the
control token after which its grammar begins has not come yet.
"""

from __future__ import annotations

import functools
import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import grammars
from ...decoding import CannotClose, Masker, Tester, Vocabulary, tester
from ...decoding.closing import tokens_to_close
from ...decoding.masker import DEAD, FINISHED
from ...decoding.sampling.testers import shared_masker
from ...grammars.scoped import Scoped
from ...grammars.trigger import after

FREE = -3


class Constraint:
    """What the rows of one prompt must obey.

    Args:
        masker: masks of the grammar; None allows everything.
        begins_after: id of the control token after which the grammar begins; None: it begins at once.
        max_new_tokens: tokens within which the text must be complete; None: any number.

    Raises CannotClose where the text cannot be completed within `max_new_tokens`.
    """

    def __init__(self, masker: Masker | None, begins_after: int | None, max_new_tokens: int | None) -> None:
        self.masker = masker
        self.begins_after = begins_after
        self.start = FREE if masker is None or begins_after is not None else masker.start
        self._least = 0
        if masker is not None and max_new_tokens is not None:
            if begins_after is None:
                masker.fill(masker.start, np.empty(masker.words, np.uint32), max_new_tokens)
            else:
                needed = tokens_to_close(masker, masker.start)
                if needed is None:
                    raise CannotClose("this vocabulary cannot spell any text of the grammar within 65,536 tokens")
                self._least = needed

    def accept(self, state: int, token: int) -> int:
        """State after `token`: FINISHED and DEAD are for ever."""
        if state == FREE:
            if self.masker is None or token == self.begins_after:
                return FREE if self.masker is None else self.masker.start
            return FINISHED if token in self.masker.vocabulary.eos_token_ids else FREE
        if state in (FINISHED, DEAD) or self.masker is None:
            return state
        # A model may draft ids of the padding of its logits.
        return self.masker.accept(state, token) if token < self.masker.vocabulary.size else DEAD

    def fill(self, state: int, row: NDArray[np.uint32], remaining: int | None) -> None:
        """Write the mask of `state`; a finished or lost row may only go on with EOS."""
        if state == FREE or self.masker is None:
            row[:] = 0xFFFFFFFF
            if self.begins_after is not None and remaining is not None and self._least >= remaining:
                row[self.begins_after >> 5] &= ~np.uint32(1 << (self.begins_after & 31))
        elif state in (FINISHED, DEAD):
            row[:] = self.masker.only_eos if self.masker.only_eos.any() else 0xFFFFFFFF
        else:
            self.masker.fill(state, row, remaining)


def build(
    specification: Any, tokenizer: Any, vocabulary: Vocabulary, trigger: str | bytes | None, budget: int | None
) -> Constraint:
    """The constraint of one entry of `constrain`'s `grammar`."""
    if specification is None:
        return Constraint(None, None, budget)
    grammar = to_grammar(specification)
    token = None if trigger is None else control_token(tokenizer, vocabulary, trigger)
    if trigger is not None and token is None:
        grammar = _after(trigger, grammar)
    return Constraint(shared_masker(grammar, vocabulary), token, budget)


def to_tester(specification: Any, vocabulary: Vocabulary) -> Tester:
    """The tester of a grammar, pydantic class, JSON schema, predicate, conjunction, masker or tester."""
    if not isinstance(specification, grammars.Predicate | grammars.Conjunction | Masker | Tester):
        specification = to_grammar(specification)
    return tester(specification, vocabulary)


def to_grammar(specification: Any) -> Any:
    """A grammar from itself, a pydantic class or a JSON schema (dict or bool)."""
    if isinstance(specification, grammars.Grammar | Scoped):
        return specification
    if isinstance(specification, dict | bool):
        return grammars.json_schema(specification)
    if isinstance(specification, type) and hasattr(specification, "model_json_schema"):
        return _of_model(specification)
    raise grammars.GrammarError(
        f"a grammar, a pydantic class or a JSON schema is needed, not {specification!r}: "
        "make one of text with grammars.regex(...) or another function of bytebound.grammars"
    )


_vocabularies: weakref.WeakKeyDictionary[Any, dict[Any, Vocabulary]] = weakref.WeakKeyDictionary()


def vocabulary_of(tokenizer: Any, eos_token_ids: Any = None) -> Vocabulary:
    """The vocabulary of a tokenizer, read once as long as no tokens are added to it."""
    ids = (eos_token_ids,) if isinstance(eos_token_ids, int) else eos_token_ids
    try:
        known, size = _vocabularies.setdefault(tokenizer, {}), len(tokenizer)
    except TypeError:  # none of transformers: of another library, or none at all
        return Vocabulary.from_tokenizer(tokenizer, eos_token_ids=ids)
    key = (size, getattr(tokenizer, "eos_token_id", None), None if ids is None else tuple(ids))
    if key not in known:
        known[key] = Vocabulary.from_tokenizer(tokenizer, eos_token_ids=ids)
    return known[key]


_after = functools.lru_cache(maxsize=32)(after)


@functools.lru_cache(maxsize=32)
def _of_model(model: Any) -> grammars.Grammar:
    return grammars.pydantic(model)


def control_token(tokenizer: Any, vocabulary: Vocabulary, trigger: str | bytes) -> int | None:
    """The id of `trigger` where it is the name of a control token, which has no bytes that a grammar could see."""
    text = trigger.decode(errors="replace") if isinstance(trigger, bytes) else trigger
    token = tokenizer.get_vocab().get(text) if hasattr(tokenizer, "get_vocab") else None
    return token if token is not None and vocabulary.special[token] else None
