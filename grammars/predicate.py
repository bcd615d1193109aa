"""Constraints that no automaton decides: Python predicates, and conjunctions with them.

They can be tested but not turned into masks, so rejection sampling takes them (Lipkin et al. 2025), and a logits
processor does not. Like all of this package they know no probabilities.
"""

from __future__ import annotations

import codecs
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NoReturn

from .callback import Callback
from .errors import GrammarError, Unsupported
from .grammar import Grammar


class Judge(ABC):
    """What can only be tested: the operators that `Predicate` and `Conjunction` have in common."""

    name: str

    @abstractmethod
    def matches(self, data: bytes | str) -> bool:
        """Whether the whole of `data` (text is taken as UTF-8) satisfies the constraint."""

    def __and__(self, other: Grammar | Judge) -> Conjunction:
        """Texts that satisfy both."""
        return Conjunction(self, other)

    def __rand__(self, other: Grammar) -> Conjunction:
        """Texts that satisfy both."""
        return Conjunction(other, self)

    def refuse_mask(self) -> NoReturn:
        """Raises Unsupported, which says what to use instead."""
        raise Unsupported(
            f"{self.name} has no mask, it can only be tested token by token: sample with posterior(), or from "
            "decoding.tester(constraint, vocabulary) with any step sampler"
        )

    def _refuse(self, operator: str) -> NoReturn:
        raise Unsupported(
            f"{operator} takes two grammars, and {self.name} is none: a predicate can only be joined with & "
            "(write one predicate that judges the whole text instead)",
            keyword=operator,
        )

    def __or__(self, other: Any) -> Judge:
        """Raises Unsupported, unless a subclass has it."""
        self._refuse("|")

    def __add__(self, other: Any) -> Judge:
        """Raises Unsupported, unless a subclass has it."""
        self._refuse("+")

    def __ror__(self, other: Any) -> Judge:
        """As `|`."""
        return self.__or__(other)

    def __radd__(self, other: Any) -> Judge:
        """As `+`."""
        return self.__add__(other)


class Predicate(Judge):
    """A constraint given by Python functions; see `predicate` for its arguments."""

    def __init__(
        self,
        prefix: Callable[..., Any] | None = None,
        *,
        complete: Callable[..., Any] | None = None,
        text: bool = False,
        batched: bool = False,
        cost: float = 1.0,
        name: str | None = None,
    ) -> None:
        for function in (prefix, complete):
            if function is not None and not callable(function):
                raise GrammarError(f"predicate() takes functions, not {type(function).__name__}: {function!r}")
        if prefix is None and complete is None:
            raise GrammarError("predicate() needs a function of prefixes, one of complete texts (complete=), or both")
        if not (isinstance(cost, int | float) and 0 <= cost < math.inf):
            raise GrammarError(f"cost is a number that is not negative, not {cost!r}")
        if name is None:
            named = prefix if prefix is not None else complete
            name = f"predicate {getattr(named, '__name__', type(named).__name__)}"
        self.name = name
        self.cost = float(cost)
        self.text = text
        self.prefix = None if prefix is None else Callback(prefix, batched=batched, text=text, name=name)
        """Asked whether texts may still be completed; None allows every prefix."""
        self.complete = None if complete is None else Callback(complete, batched=batched, text=text, name=name)
        """Asked whether texts are complete, after `prefix`; None where `prefix` decides alone."""

    def view(self, data: bytes, *, whole: bool) -> bytes | None:
        """The part of `data` that the functions are asked about, None where it is refused without asking.

        With `text` that is all up to the last whole character; bytes that are no UTF-8 are refused, and a `whole` text
        that ends within a character.
        """
        if not self.text:
            return data
        try:
            used = codecs.utf_8_decode(data, "strict", False)[1]
        except UnicodeDecodeError:
            return None
        # The decoder waits for the third byte of a surrogate, which no byte makes right.
        if used < len(data) and (whole or (data[used] == 0xED and data[used + 1 :] >= b"\xa0")):
            return None
        return data[:used]

    def matches(self, data: bytes | str) -> bool:
        """Whether the whole of `data` (text is taken as UTF-8) is an answer. Raises PredicateError."""
        view = self.view(_as_bytes(data), whole=True)
        return view is not None and all(
            function([view])[0] for function in (self.prefix, self.complete) if function is not None
        )

    def __repr__(self) -> str:
        return f"<Predicate {self.name.removeprefix('predicate ')}>"


class Conjunction(Judge):
    """Texts that satisfy several constraints at once: grammars, predicates, or both.

    Grammars are run in step, each by its own automaton, so none is too large: this is also the conjunction of two
    grammars that `&` cannot intersect. Each alone is never led into a dead end, but a conjunction may be: a prefix
    that each of them can complete, and no text completes for all. Samplers give such a prefix the weight zero.

    Args:
        constraints: grammars, predicates and conjunctions, which are dissolved into their parts.

    Raises GrammarError for anything else, and for none at all.
    """

    def __init__(self, *constraints: Grammar | Judge) -> None:
        parts: list[Grammar | Judge] = []
        for constraint in constraints:
            if isinstance(constraint, Conjunction):
                parts.extend(constraint.parts)
            elif isinstance(constraint, Grammar | Judge):
                parts.append(constraint)
            else:
                raise GrammarError(f"a Conjunction joins grammars and predicates, not {type(constraint).__name__}")
        if not parts:
            raise GrammarError("a Conjunction needs at least one constraint")
        self.parts: tuple[Grammar | Judge, ...] = tuple(parts)
        self.name = f"({' & '.join(part.name for part in parts)})"

    def matches(self, data: bytes | str) -> bool:
        """Whether the whole of `data` satisfies all: asked of the grammars first, then of the predicates by cost."""
        data = _as_bytes(data)
        ordered = sorted(self.parts, key=lambda part: part.cost if isinstance(part, Predicate) else -1.0)
        return all(part.matches(data) for part in ordered)

    def __repr__(self) -> str:
        return f"<Conjunction of {', '.join(map(repr, self.parts))}>"


def _as_bytes(data: bytes | str) -> bytes:
    if isinstance(data, str):
        return data.encode("utf-8", "surrogatepass")
    if not isinstance(data, bytes | bytearray | memoryview):
        raise GrammarError(f"matches() takes bytes or str, not {type(data).__name__}")
    return bytes(data)


def predicate(
    prefix: Callable[..., Any] | None = None,
    *,
    complete: Callable[..., Any] | None = None,
    text: bool = False,
    batched: bool = False,
    cost: float = 1.0,
    name: str | None = None,
) -> Predicate:
    """A constraint given by Python functions: for samplers, which test tokens; no mask is made of it.

    Args:
        prefix: function of a text so far: may it still be completed? Once it says no, it must say no to every longer
            text too. Without `complete` it also judges whether a text is complete, so every prefix that it allows is an
            answer. The empty prefix is taken as allowed.
        complete: function of a text: is it a whole answer? Without `prefix` every prefix is allowed, and only ends are
            judged.
        text: hand over str, up to the last whole character; a prefix that is no UTF-8 is refused, and so is an end
            within a character. Otherwise the functions take bytes.
        batched: the functions take a list of texts and return as many bools, as a list or an array.
        cost: of one evaluation, relative to other predicates: in a conjunction the cheaper is asked first, equal ones
            in their order, each only about what those before it allow.
        name: what messages call it; the function's own name unless given.

    Functions may be coroutine functions: those are awaited concurrently, with or without a running event loop. They
    must answer with a bool, and the same for the same text: answers are remembered. Exceptions of theirs surface as
    PredicateError with the text (`.data`), chained. Raises GrammarError for arguments that are no functions.
    """
    return Predicate(prefix, complete=complete, text=text, batched=batched, cost=cost, name=name)
