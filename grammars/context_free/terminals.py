"""Terminals as regular expressions in Python's syntax: checks, laziness, what becomes characters of a rule."""

from __future__ import annotations

import re
from functools import lru_cache

from ..characters import Ranges
from ..errors import BudgetExceeded, GrammarError, Unsupported
from ..regular import parse
from ..regular import syntax as regex
from ..regular.parser import read
from .surroundings import depends_on_surroundings
from .symbols import Chars, Expr, Seq, Terminal
from .text import Text

_MAX_INLINE = 64  # characters of a terminal that is put into the rules as it is
_LEADING_FLAGS = re.compile(r"\(\?([aimsux]+)\)")


def grouped(pattern: str) -> str:
    """The expression as one item."""
    return f"(?:{pattern})"


def character_class(ranges: Ranges) -> str:
    """One character of a set."""
    pairs = (f"\\U{low:08x}-\\U{high:08x}" for low, high in ranges)
    return f"[{''.join(pairs)}]"


def checked(source: str, flags: str, at: int, text: Text) -> str:
    """A regular expression of a terminal as a group. Raises GrammarError with its place in the grammar."""
    leading = _LEADING_FLAGS.match(source)
    if leading:
        source, flags = source[leading.end() :], flags + leading[1]
    flags = "".join(sorted(set(flags) - {"u"}))
    try:
        expression = parse(source, "python", flags)
        depends = depends_on_surroundings(expression)
    except Unsupported as error:
        raise text.unsupported(error.keyword or "regular expression", error.message, at) from None
    except BudgetExceeded:
        raise
    except GrammarError as error:
        raise text.error(error.message, at + (error.column or 1) + (leading.end() if leading else 0)) from None
    if depends:
        why = "a lookaround or an anchor here depends on what stands around the terminal; write it without"
        raise text.unsupported("lookaround", why, at)
    return f"(?{flags}:{source}{chr(10) if 'x' in flags else ''})"


@lru_cache(maxsize=4096)
def terminal(pattern: str) -> Expr:
    """A terminal as a symbol, or as its characters where it is a short text or one character."""
    pattern = committed(pattern)
    tree = parse(pattern).tree
    items = tree.items if isinstance(tree, regex.Sequence) else (tree,)
    if len(items) <= _MAX_INLINE and all(isinstance(item, regex.Characters) for item in items):
        return Seq(tuple(Chars(item.ranges) for item in items if isinstance(item, regex.Characters)))
    return Terminal(pattern)


def committed(pattern: str) -> str:
    """A lazy expression stands for the texts of which it prefers no shorter beginning."""
    return f"(?>{pattern})" if _is_lazy(read(pattern, "python", "")) else pattern


@lru_cache(maxsize=4096)
def is_nullable(pattern: str) -> bool:
    """Whether a terminal matches the empty string."""
    expression = parse(pattern)
    if regex.looks(expression.tree):
        return bool(expression.automaton().accepting[0])
    return _may_be_empty(expression.tree)


def _may_be_empty(node: regex.Node) -> bool:
    match node:
        case regex.Sequence(items):
            return all(map(_may_be_empty, items))
        case regex.Choice(options):
            return any(map(_may_be_empty, options))
        case regex.Repeat(_, minimum):
            return not minimum
    return False


def _is_lazy(node: regex.Node) -> bool:
    match node:
        case regex.Sequence(items) | regex.Choice(items):
            return any(map(_is_lazy, items))
        case regex.Repeat(body, _, _, greedy):
            return not greedy or _is_lazy(body)
    return False
