"""Exceptions of bytebound's grammars.

    ByteboundError                     everything this library raises on purpose
    ├── GrammarError (ValueError)      a grammar, pattern or schema that is wrong
    │   ├── Unsupported                right, but something in it is not enforced here; refused by name
    │   ├── EmptyLanguage              no byte string matches
    │   └── BudgetExceeded             compiling or running it would pass a budget (states, memory, time)
    └── PredicateError (RuntimeError)  a user's predicate raised an exception, or gave no bool

Errors of the decoding side (`bytebound.decoding`) derive from `ByteboundError` too.
"""

from __future__ import annotations


class ByteboundError(Exception):
    """Base class of every exception that bytebound raises on purpose."""


class GrammarError(ByteboundError, ValueError):
    """A grammar is wrong; says where.

    Attributes:
        pointer: JSON Pointer of the offending place in a schema, or None.
        line, column: 1-based place in a grammar or pattern, or None.
        keyword: the keyword or construct at fault, or None.
    """

    def __init__(
        self,
        message: str,
        *,
        pointer: str | None = None,
        line: int | None = None,
        column: int | None = None,
        keyword: str | None = None,
    ) -> None:
        place = ""
        if pointer is not None:
            place = f" (at {pointer or 'the root'})"
        elif column is not None:
            place = f" (line {line}, column {column})" if line is not None else f" (column {column})"
        super().__init__(message + place)
        self.message = message
        self.pointer = pointer
        self.line = line
        self.column = column
        self.keyword = keyword


class Unsupported(GrammarError):
    """A construct that is well formed but not enforced by this library; `.keyword` names it."""


class EmptyLanguage(GrammarError):
    """The grammar matches no byte string at all."""


class BudgetExceeded(GrammarError):
    """Compiling or running the grammar would pass a budget: states, memory or time."""


class PredicateError(ByteboundError, RuntimeError):
    """A user's predicate raised an exception (`__cause__`), or answered with something else than a bool.

    Attributes:
        data: the text at which it happened, or the first of the batch; None where there is none.
    """

    def __init__(self, message: str, *, data: bytes | None = None) -> None:
        super().__init__(message)
        self.data = data
