"""Reading a pattern character by character, with places for error messages, and the flags in force."""

from __future__ import annotations

from typing import NamedTuple

from ..errors import GrammarError, Unsupported


class Flags(NamedTuple):
    """The flags in force at a place of a pattern, by their letters in Python."""

    i: bool = False  # ignore case
    m: bool = False  # ^ and $ match at line breaks
    s: bool = False  # the dot matches line breaks
    x: bool = False  # white space and comments are skipped
    a: bool = False  # \d \w \s \b are ASCII


class Scanner:
    """A pattern and a place in it. Columns in errors are 1-based characters."""

    def __init__(self, text: str, dialect: str) -> None:
        self.text = text
        self.dialect = dialect
        self.at = 0

    @property
    def next(self) -> str:
        """The next character; empty at the end."""
        return self.text[self.at : self.at + 1]

    def take(self, expected: str) -> str:
        """Consume a character; `expected` says what is missing where the pattern ends."""
        if self.at >= len(self.text):
            raise self.error(f"the pattern ends where {expected} is expected")
        self.at += 1
        return self.text[self.at - 1]

    def accept(self, text: str) -> bool:
        """Consume the text if it comes next."""
        if self.text.startswith(text, self.at):
            self.at += len(text)
            return True
        return False

    def take_while(self, allowed: str, limit: int | None = None) -> str:
        """Consume the longest run of the allowed characters, at most `limit` of them."""
        start = self.at
        end = len(self.text) if limit is None else min(len(self.text), start + limit)
        while self.at < end and self.text[self.at] in allowed:
            self.at += 1
        return self.text[start : self.at]

    def take_until(self, stop: str, what: str) -> str:
        """Consume up to and including `stop`; returns what is before it."""
        end = self.text.find(stop, self.at)
        if end < 0:
            raise self.error(f"{what} is not closed: {stop!r} is missing")
        start, self.at = self.at, end + len(stop)
        return self.text[start:end]

    def error(self, message: str, at: int | None = None) -> GrammarError:
        """The pattern is broken here (or at the given index)."""
        return GrammarError(f"broken pattern {shown(self.text)}: {message}", column=(self.at if at is None else at) + 1)

    def unsupported(self, keyword: str, why: str, at: int) -> Unsupported:
        """The construct that begins at the index is refused by name."""
        return Unsupported(
            f"{keyword} is not supported in a pattern: {why}; in {shown(self.text)}", column=at + 1, keyword=keyword
        )


def shown(pattern: str) -> str:
    """The pattern for a message, cut at 80 characters."""
    return repr(pattern if len(pattern) <= 80 else pattern[:77] + "...")
