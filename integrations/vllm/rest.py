"""What is left of a grammar's text: after bytes that are there already, within a number of tokens.

Requests of this process name such a rest as `{"bytebound": {"rest": "7"}}`, see `held`; those of others may give the
number of tokens, see `slot`.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from ...grammars import Grammar, GrammarError
from ...grammars.scoped import Scoped

_numbers = itertools.count()
_held: dict[str, Rest] = {}


class Rest(NamedTuple):
    """See the module."""

    grammar: Grammar | Scoped
    after: bytes
    """The beginning of the text, which is there."""
    max_tokens: int | None
    """Tokens within which the text must be complete, EOS not counted; None: any number."""


@contextmanager
def held(rests: Sequence[Rest]) -> Iterator[list[str]]:
    """What the slot `json` of requests in this process takes for these, for as long as this is open."""
    names = [str(next(_numbers)) for _ in rests]
    _held.update(zip(names, rests, strict=True))
    try:
        yield [json.dumps({"bytebound": {"rest": name}}) for name in names]
    finally:
        for name in names:
            del _held[name]


def rest_of(name: Any) -> Rest:
    """What `held` holds under a name. Raises GrammarError where it is not held here."""
    if not isinstance(name, str) or name not in _held:
        raise GrammarError("a rest of a grammar is known in the process alone that makes it")
    return _held[name]
