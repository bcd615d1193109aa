"""Reading the text of a grammar token by token, and errors that show the place: line, column and a caret."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import TypeVar

from ..errors import GrammarError, Unsupported

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v", "a": "\a", "b": "\b", "0": "\0"}
_DIGITS = {"x": 2, "u": 4, "U": 8}
_HEXADECIMAL = re.compile("[0-9a-fA-F]*")
# Groups and arguments in grammars nest at most so deep; beyond, Python's own stack is at risk.
MAX_DEPTH = 100
Error = TypeVar("Error", bound=GrammarError)


class Text:
    """The text of a grammar and a place in it.

    Args:
        source: the grammar.
        blank: matches what may stand between tokens, comments included; must match the empty string.
        name: where the text comes from, for errors; None for the grammar itself.
    """

    def __init__(self, source: str, blank: re.Pattern[str], name: str | None = None) -> None:
        self.source = source
        self.name = name
        self.at = 0
        self.depth = 0
        self._blank = blank
        self.skip()

    def skip(self) -> None:
        """Go over what means nothing."""
        found = self._blank.match(self.source, self.at)
        assert found is not None
        self.at = found.end()

    def sees(self, pattern: re.Pattern[str]) -> bool:
        """Whether a match of the pattern comes next."""
        return pattern.match(self.source, self.at) is not None

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Consume a match of the pattern and what means nothing behind it."""
        found = pattern.match(self.source, self.at)
        if found:
            self.at = found.end()
            self.skip()
        return found

    def accept(self, mark: str) -> bool:
        """Consume the mark if it comes next."""
        if not self.source.startswith(mark, self.at):
            return False
        self.at += len(mark)
        self.skip()
        return True

    def expect(self, mark: str, what: str) -> None:
        """Consume the mark, which must come next."""
        if not self.accept(mark):
            raise self.unexpected(what)

    def deeper(self) -> None:
        """A group begins; raises GrammarError where groups nest too deep."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error(f"groups are nested more than {MAX_DEPTH} deep")

    def quoted(self, quote: str, *, lark: bool = False) -> str:
        """A string or character class from its opening quote, which has been read, to `quote`, escapes resolved.

        `lark`: a backslash before anything but a quote, a backslash and n, r, t, f, x, u, U stays, as in Lark; else it
        may stand before any punctuation.
        """
        start = self.at - 1
        characters: list[str] = []
        while True:
            c = self.source[self.at : self.at + 1]
            if c in ("", "\n"):
                raise self.error(f"the string is not closed: {quote} is missing", start)
            self.at += 1
            if c == quote:
                break
            characters.append(self.escape(lark) if c == "\\" else c)
        return "".join(characters)

    def escape(self, lark: bool) -> str:
        """The character that an escape stands for, its backslash having been read."""
        start = self.at - 1
        c = self.source[self.at : self.at + 1]
        self.at += 1
        if c in _DIGITS:
            found = _HEXADECIMAL.match(self.source[self.at : self.at + _DIGITS[c]])
            assert found is not None
            if len(found[0]) < _DIGITS[c] or int(found[0], 16) > 0x10FFFF:
                raise self.error(f"\\{c} takes {_DIGITS[c]} hexadecimal digits up to 10FFFF", start)
            self.at += len(found[0])
            return chr(int(found[0], 16))
        if c in _ESCAPES and not (lark and c not in "nrtf"):
            return _ESCAPES[c]
        if not c:
            raise self.error("the text ends within an escape", start)
        if lark:
            return c if c in '"\\' else f"\\{c}"
        if c.isascii() and c.isalnum():
            raise self.error(f"\\{c} is no escape", start)
        return c

    # errors

    def error(self, message: str, at: int | None = None) -> GrammarError:
        """The grammar is wrong here, or at the given offset."""
        return self._placed(GrammarError, message, self.at if at is None else at, None)

    def unsupported(self, keyword: str, message: str, at: int | None = None) -> Unsupported:
        """What stands here is refused by name."""
        return self._placed(Unsupported, message, self.at if at is None else at, keyword)

    def unexpected(self, expected: str) -> GrammarError:
        """Something else is expected here."""
        rest = self.source[self.at :]
        found = re.match(r"\w+|\S|\n", rest)
        if not rest:
            here = "the end of the grammar"
        elif found is None or found[0] == "\n":
            here = "the end of the line"
        else:
            here = repr(found[0])
        return self.error(f"expected {expected}, found {here}")

    def undefined(self, kind: str, name: str, known: Iterable[str], at: int) -> GrammarError:
        """A name means nothing; names like it are given."""
        near = difflib.get_close_matches(name, sorted(known), 3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        return self.error(f"{kind} {name!r} is not defined{hint}", at)

    def _placed(self, kind: type[Error], message: str, at: int, keyword: str | None) -> Error:
        begin = self.source.rfind("\n", 0, at) + 1
        end = self.source.find("\n", at)
        shown = self.source[begin : len(self.source) if end < 0 else end].expandtabs(1)
        line, column = self.source.count("\n", 0, at) + 1, at - begin + 1
        cut = max(0, column - 81)
        if self.name is not None:
            message = f"in {self.name}: {message}"
        error = kind(message, line=line, column=column, keyword=keyword)
        error.args = (f"{error}\n    {shown[cut : cut + 120]}\n    {' ' * (column - 1 - cut)}^",)
        return error
