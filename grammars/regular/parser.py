"""Recursive-descent parser of regular expressions, Python's `re` and ECMA-262 with one grammar and two sets of habits.

What cannot be a regular language (back-references, recursion) or means different things to different engines is
refused by name and column. Anchors and word boundaries become lookarounds over characters; atomic groups and
possessive quantifiers are rewritten exactly (`atomic.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from ..characters import FULL, complement
from ..errors import BudgetExceeded, GrammarError
from .atomic import TooLarge, committed
from .atoms import AtomScanner, characters
from .escapes import DECIMAL
from .scanner import Flags, shown
from .syntax import (
    EMPTY,
    FAIL,
    Characters,
    Look,
    Node,
    choice,
    empty_part,
    larger_than,
    repeat,
    sequence,
)

MAX_NESTING = 120
MAX_SPELLED = 2000  # nodes of a repetition that has to be spelled out, because its body may be empty

_SPACE = " \t\n\r\v\f"


def read(pattern: str, dialect: str, letters: str) -> Node:
    """The syntax tree of a pattern. See `bytebound.grammars.regular.parse` for dialects, flags and errors."""
    return _Parser(pattern, dialect, _flags(letters, dialect)).read()


def _flags(letters: str, dialect: str) -> Flags:
    allowed = "imsxau" if dialect == "python" else "imsu"
    for letter in letters:
        if letter not in allowed:
            raise GrammarError(f"flag {letter!r} of a pattern is not one of {', '.join(allowed)}", keyword=letter)
    return Flags(**{letter: True for letter in letters if letter != "u"})


class _Parser(AtomScanner):
    def __init__(self, pattern: str, dialect: str, flags: Flags) -> None:
        super().__init__(pattern, dialect, flags)
        self.nesting = 0
        self.atomic = 0  # atomic groups around this place
        self.behind = 0  # lookbehinds around this place
        self.untouched = True  # nothing but global flags has been read

    def read(self) -> Node:
        node = self._choice()
        if self.next:
            raise self.error("unbalanced ')'")
        return node

    def _choice(self) -> Node:
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise BudgetExceeded(f"groups nest deeper than {MAX_NESTING} in {shown(self.text)}", column=self.at + 1)
        options = [self._sequence()]
        while self.accept("|"):
            self.untouched = False
            options.append(self._sequence())
        self.nesting -= 1
        return choice(options) if len(options) > 1 else options[0]

    def _sequence(self) -> Node:
        items: list[Node] = []
        while True:
            self._skip_ignored()
            if self.next in ("", "|", ")"):
                return sequence(items)
            item = self._item()
            if item is not None:
                self.untouched = False
                items.append(item)

    def _skip_ignored(self) -> None:
        """Consume comments and, under the flag x, white space."""
        while True:
            if self.flags.x and self.next and self.next in _SPACE:
                self.at += 1
            elif self.flags.x and self.next == "#":
                end = self.text.find("\n", self.at)
                self.at = end + 1 if end >= 0 else len(self.text)
            elif self.python and self.accept("(?#"):
                self.take_until(")", "the comment")
            else:
                return

    def _item(self) -> Node | None:
        """An atom with its quantifier; None for a group of global flags."""
        start = self.at
        c = self.take("")
        repeatable = True
        node: Node
        if c == "\\":
            node, repeatable = self.escaped(start)
        elif c == "[":
            node = characters(self.bracketed(start, self.flags))
        elif c == ".":
            node = Characters(FULL if self.flags.s else complement(self.newlines()))
        elif c == "(":
            group = self._group(start)
            if group is None:
                return None
            node = group
            repeatable = self.python or not self.text.startswith(("(?<=", "(?<!"), start)
        elif c in "^$":
            node, repeatable = self.anchor(c), False
        elif c in "*+?" or (c == "{" and self._is_quantifier(start)):
            raise self.error(f"nothing to repeat before {c!r}", start)
        else:
            node = self.literal(ord(c))
        return self._quantified(node, start, repeatable)

    # quantifiers

    def _is_quantifier(self, brace: int) -> bool:
        """Whether the `{` at this index begins a quantifier, not a literal brace."""
        at, self.at = self.at, brace + 1
        bounds = self._bounds()
        self.at = at
        return bounds is not None

    def _bounds(self) -> tuple[int, int | None] | None:
        """The bounds after a `{`, consumed up to the `}`; None if this is no quantifier."""
        low = self.take_while(DECIMAL)
        comma = self.accept(",")
        high = self.take_while(DECIMAL) if comma else low
        if not self.accept("}") or not (low or (comma and self.python)):
            return None
        return int(low or 0), int(high) if high else None

    def _quantified(self, node: Node, start: int, repeatable: bool) -> Node:
        self._skip_ignored()
        at = self.at
        bounds = self._quantifier()
        if bounds is None:
            return node
        minimum, maximum = bounds
        spelled = self.text[at : self.at]
        if not repeatable:
            raise self.error(f"nothing to repeat before {spelled!r}", at)
        if maximum is not None and maximum < minimum:
            raise self.error(f"the repetition {spelled} has a maximum below its minimum", at)
        if max(minimum, maximum or 0) >= 2**30:
            raise BudgetExceeded(f"the repetition {spelled} in {shown(self.text)} is beyond 2**30", column=at + 1)
        greedy = not self.accept("?")
        possessive = self.python and greedy and self.accept("+")
        self._skip_ignored()
        again = self.at
        if self._quantifier() is not None:
            spelled = self.text[again : self.at]
            raise self.error(f"{spelled!r} repeats a repetition: put the first one in a group", again)
        empty = empty_part(node)
        if empty is not FAIL and (self.atomic or possessive):
            raise self.unsupported("atomic group", "it repeats what can match the empty string", start)
        if empty is not FAIL and (minimum > MAX_SPELLED or larger_than(node, MAX_SPELLED // max(minimum, 1))):
            raise BudgetExceeded(f"the repetition {spelled} in {shown(self.text)} is too large", column=at + 1)
        loop = repeat(node, minimum, maximum, greedy)
        return self._atomic(lambda: loop, start) if possessive else loop

    def _quantifier(self) -> tuple[int, int | None] | None:
        """Bounds of the quantifier here, consumed; None and nothing consumed if there is none."""
        if self.accept("*"):
            return 0, None
        if self.accept("+"):
            return 1, None
        if self.accept("?"):
            return 0, 1
        start = self.at
        if self.accept("{"):
            bounds = self._bounds()
            if bounds is not None:
                return bounds
            self.at = start
        return None

    # groups

    def _group(self, start: int) -> Node | None:
        if self.next == "*" and self.text[self.at + 1 : self.at + 2].isalpha():
            raise self.unsupported("backtracking verb", "it has no meaning as a set of strings", start)
        if not self.accept("?"):
            return self._body(start, self._choice)
        if self.accept(":"):
            return self._body(start, self._choice)
        for sign, ahead, negative in (("=", True, False), ("!", True, True), ("<=", False, False), ("<!", False, True)):
            if self.accept(sign):
                return self._look(start, ahead, negative)
        if self.python and self.accept(">"):
            return self._atomic(lambda: self._body(start, self._choice), start)
        if self.accept("<") or (self.python and self.accept("P<")):
            name = self.take_until(">", "the name of the group")
            if not name.isidentifier() and not (not self.python and name.replace("$", "_").isidentifier()):
                raise self.error(f"{name!r} is no name for a group: expected an identifier", start)
            return self._body(start, self._choice)
        if self.python:
            self._refuse_group(start)
        return self._flagged(start)

    def _body(self, start: int, read: Callable[[], Node]) -> Node:
        """The inside of a group and its closing parenthesis; flags set inside end there."""
        flags, untouched = self.flags, self.untouched
        self.untouched = False
        node = read()
        if not self.accept(")"):
            raise self.error("the group is not closed: ')' is missing", start)
        self.flags, self.untouched = flags, untouched
        return node

    def _look(self, start: int, ahead: bool, negative: bool) -> Node:
        atomic, self.atomic = self.atomic, 0  # preference plays no role inside a condition
        self.behind += not ahead
        body = self._body(start, self._choice)
        self.behind -= not ahead
        self.atomic = atomic
        if empty_part(body) is EMPTY:
            return FAIL if negative else EMPTY
        if body is FAIL:
            return EMPTY if negative else FAIL
        return Look(body, ahead, negative)

    def _atomic(self, read: Callable[[], Node], start: int) -> Node:
        if self.behind:
            raise self.unsupported("atomic group", "inside a lookbehind its meaning depends on the engine", start)
        self.atomic += 1
        body = read()
        self.atomic -= 1
        try:
            return committed(body)
        except TooLarge:
            raise self.unsupported("atomic group", "it is too large or repeats too often", start) from None

    def _refuse_group(self, start: int) -> None:
        """Name the groups of `regex` and PCRE that are not taken."""
        rest = self.text[self.at :]
        for keyword, why, prefixes in (
            ("back-reference", "it makes the language irregular", ("P=",)),
            ("conditional group", "it depends on captures", ("(",)),
            ("branch reset", "it only serves back-references", ("|",)),
            ("recursion", "it makes the language irregular", ("R", "0")),
            ("subroutine call", "it can make the language irregular", ("P>", "&", *"123456789")),
        ):
            if rest.startswith(prefixes):
                raise self.unsupported(keyword, why, start)
        if rest[:1] in ("+", "-") and rest[1:2].isdigit():
            raise self.unsupported("subroutine call", "it can make the language irregular", start)

    def _flagged(self, start: int) -> Node | None:
        """(?ims-x:...) and, in Python, (?ims) at the start of the pattern."""
        on = self.take_while("aiLmsux" if self.python else "ims")
        off = self.take_while("imsx" if self.python else "ims") if self.accept("-") else None
        if "L" in on:
            raise self.unsupported("locale flag", "patterns match Unicode text", start)
        if self.next not in (":", ")") or not (on or off) or (self.python and off == ""):
            self._unknown_group(start)
        changed = {letter: True for letter in on if letter != "u"} | dict.fromkeys(off or "", False)
        if set(on) & set(off or "") or ("a" in on and "u" in on):
            raise self.error("contradictory flags", start)
        if "u" in on:
            changed["a"] = False
        if self.accept(":"):
            outer = self.flags
            self.flags = outer._replace(**changed)
            node = self._body(start, self._choice)
            self.flags = outer
            return node
        if not self.python:
            raise self.unsupported("inline flags", "ECMAScript has them for a group only: (?i:...)", start)
        if off is not None:
            self._unknown_group(start)
        if not self.untouched:
            raise self.error("global flags belong at the start of the pattern; for a part of it use (?i:...)", start)
        self.at += 1
        self.flags = self.flags._replace(**changed)
        return None

    def _unknown_group(self, start: int) -> NoReturn:
        raise self.error(f"unknown kind of group {self.text[start : self.at + 1]!r}", start)
