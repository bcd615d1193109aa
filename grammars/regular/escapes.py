r"""Escapes and bracketed classes of the two dialects: what \n, \u0041, \p{Lu}, [^a-z] stand for.

Python follows `re` for str patterns, with \p{..} of the `regex` package added. ECMAScript follows ECMA-262 with the
`u` flag, and where that has a syntax error the web-compatible reading of Annex B if it is unambiguous ([\w-.], \-,
a lone brace).
"""

from __future__ import annotations

import unicodedata

from ..characters import LAST, Ranges, complement, union
from ..unicode_tables import UnknownProperty, ignore_case, named_class, unicode_property
from .scanner import Flags, Scanner

OCTAL, DECIMAL, HEXADECIMAL = "01234567", "0123456789", "0123456789abcdefABCDEF"
_CONTROL = {"n": 10, "t": 9, "r": 13, "f": 12, "v": 11}
_PYTHON_CONTROL = {**_CONTROL, "a": 7}
_HEX_WIDTH = {"x": 2, "u": 4, "U": 8}
_REGEX_ONLY = "GKRXhHmML"
_SET_OPERATORS = ("--", "&&", "||", "~~")


def is_ascii_letter(character: str) -> bool:
    """Whether it is one of a-z, A-Z."""
    return character.isascii() and character.isalpha()


class EscapeScanner(Scanner):
    """Reads escapes and classes at the current place."""

    def folded(self, ranges: Ranges, flags: Flags) -> Ranges:
        """The set, closed under case where the flag `i` is on."""
        return ignore_case(ranges, self.dialect, flags.a) if flags.i else ranges

    def folds(self, letter: str) -> bool:
        """Whether the class escape of this letter is closed under case: in ECMAScript the properties are."""
        return self.dialect == "ecma" and letter not in tuple("dDwWsS")

    def escape(self, start: int, flags: Flags, in_class: bool) -> int | Ranges:
        """What the escape whose backslash, already consumed, is at `start` stands for: a code point or a class."""
        c = self.take("an escaped character")
        if c in "dDwWsS":
            return named_class(c, self.dialect, flags.a)
        if c in "pP":
            return self._property(start, flags, negative=c == "P")
        if c == "b" and in_class:
            return 8
        return self._python_escape(c, start, in_class) if self.dialect == "python" else self._ecma_escape(c, start)

    def _property(self, start: int, flags: Flags, negative: bool) -> Ranges:
        if self.accept("{"):
            name = self.take_until("}", "the property")
        elif self.dialect == "python":
            name = self.take("the name of a property")
        else:
            raise self.error("expected '{' and the name of a property after \\p")
        try:
            ranges = unicode_property(name, cased=not (flags.i and self.dialect == "python"))
        except UnknownProperty:
            spelled = self.text[start : self.at]
            raise self.unsupported(spelled, "there is no Unicode property of this name", start) from None
        return complement(ranges) if negative else ranges

    def _python_escape(self, c: str, start: int, in_class: bool) -> int:
        if c in _PYTHON_CONTROL:
            return _PYTHON_CONTROL[c]
        if c in _HEX_WIDTH:
            return self._hexadecimal(_HEX_WIDTH[c], start)
        if c == "N":
            if not self.accept("{"):
                raise self.error("expected '{' and the name of a character after \\N")
            name = self.take_until("}", "the name of the character")
            try:
                return ord(unicodedata.lookup(name))
            except (KeyError, TypeError):
                raise self.error(f"there is no character of the name {name!r}", start) from None
        if c in DECIMAL:
            return self._octal(c, start, in_class)
        if c == "k" or (c == "g" and self.next == "<"):
            raise self._back_reference(start)
        if c in _REGEX_ONLY:
            raise self.unsupported(f"\\{c}", "it is not part of Python's re", start)
        if is_ascii_letter(c):
            hint = " (the end of the text is \\Z)" if c == "z" else ""
            raise self.error(f"\\{c} is no escape{hint}", start)
        return ord(c)

    def _octal(self, first: str, start: int, in_class: bool) -> int:
        if first == "0":
            return int(first + self.take_while(OCTAL, 2), 8)
        if first in OCTAL:
            digits = self.text[self.at - 1 : self.at + 2]
            if in_class:
                return self._octal_value(first + self.take_while(OCTAL, 2), start)
            if len(digits) == 3 and all(digit in OCTAL for digit in digits):
                self.at += 2
                return self._octal_value(digits, start)
        elif in_class:
            raise self.error(f"\\{first} is no escape in a class", start)
        raise self._back_reference(start)

    def _octal_value(self, digits: str, start: int) -> int:
        if int(digits, 8) > 0o377:
            raise self.error(f"the octal escape \\{digits} is beyond \\377", start)
        return int(digits, 8)

    def _ecma_escape(self, c: str, start: int) -> int:
        if c in _CONTROL:
            return _CONTROL[c]
        if c == "c":
            letter = self.take("a letter after \\c")
            if not is_ascii_letter(letter):
                raise self.error("expected a letter A-Z after \\c", start)
            return ord(letter) % 32
        if c == "x":
            return self._hexadecimal(2, start)
        if c == "u":
            return self._ecma_unicode(start)
        if c == "0" and (not self.next or self.next not in DECIMAL):
            return 0
        if c == "k" or c in "123456789":
            raise self._back_reference(start)
        if is_ascii_letter(c) or c in DECIMAL:
            raise self.error(f"\\{c} is no escape in ECMAScript", start)
        return ord(c)

    def _ecma_unicode(self, start: int) -> int:
        if self.accept("{"):
            digits = self.take_until("}", "the code point")
            if not digits or any(d not in HEXADECIMAL for d in digits) or int(digits, 16) > LAST:
                raise self.error(f"\\u{{{digits}}} is no code point: expected 0 to 10FFFF", start)
            return int(digits, 16)
        high = self._hexadecimal(4, start)
        if 0xD800 <= high <= 0xDBFF and self.text.startswith("\\u", self.at):
            low = self.text[self.at + 2 : self.at + 6]
            if len(low) == 4 and all(d in HEXADECIMAL for d in low) and 0xDC00 <= int(low, 16) <= 0xDFFF:
                self.at += 6
                return 0x10000 + ((high - 0xD800) << 10) + (int(low, 16) - 0xDC00)
        return high

    def _hexadecimal(self, width: int, start: int) -> int:
        digits = self.take_while(HEXADECIMAL, width)
        if len(digits) < width or int(digits, 16) > LAST:
            raise self.error(f"expected {width} hexadecimal digits of a code point", start)
        return int(digits, 16)

    def _back_reference(self, start: int) -> Exception:
        return self.unsupported("back-reference", "it makes the language irregular", start)

    def bracketed(self, start: int, flags: Flags) -> Ranges:
        """The class whose `[` at index `start` is already consumed."""
        negative = self.accept("^")
        python = self.dialect == "python"
        foldable: list[Ranges] = []
        fixed: list[Ranges] = []
        nested = False
        first = self.at
        while self.next != "]" or (python and self.at == first):
            here = self.at
            if not self.next:
                raise self.error("the class is not closed: ']' is missing", start)
            if python:
                self._refuse_set_syntax(here, here == first)
            nested |= self.next == "["
            low = self._class_atom(flags)
            if self.next == "-" and self.text[self.at + 1 : self.at + 2] not in ("]", ""):
                if python:
                    self._refuse_set_syntax(self.at, False)
                self.at += 1
                high = self._class_atom(flags)
                if isinstance(low, int) and isinstance(high, int):
                    if high < low:
                        raise self.error(f"the range {self.text[here : self.at]} runs backwards", here)
                    foldable.append(((low, high),))
                    continue
                if python:
                    raise self.error(f"the range {self.text[here : self.at]} has a class for a border", here)
                foldable.append(((ord("-"), ord("-")),))
                self._add(high, foldable, fixed, self.text[self.at - 2 : self.at])
            self._add(low, foldable, fixed, self.text[here : here + 2])
        self.at += 1
        if python and nested and self.text.startswith((*_SET_OPERATORS, "]"), self.at):
            raise self._set_operation(start)
        ranges = union(*(self.folded(part, flags) for part in foldable), *fixed)
        return complement(ranges) if negative else ranges

    def _add(self, atom: int | Ranges, foldable: list[Ranges], fixed: list[Ranges], spelled: str) -> None:
        if isinstance(atom, int):
            foldable.append(((atom, atom),))
        else:
            (foldable if self.folds(spelled[1:]) else fixed).append(atom)

    def _class_atom(self, flags: Flags) -> int | Ranges:
        start = self.at
        c = self.take("a character of the class")
        return self.escape(start, flags, in_class=True) if c == "\\" else ord(c)

    def _refuse_set_syntax(self, at: int, first: bool) -> None:
        """Refuse what `re` reads literally today, with a warning, and `regex` reads as an operation on sets."""
        if self.text.startswith(("[:", "[.", "[="), at) and self.text.find(self.text[at + 1] + "]", at + 2) > 0:
            raise self.unsupported("POSIX character class", "re and regex read it differently; use \\p{..}", at)
        if not first and self.text.startswith(_SET_OPERATORS, at):
            raise self._set_operation(at)

    def _set_operation(self, at: int) -> Exception:
        return self.unsupported("character class set operation", "re and regex differ on it; use a lookahead", at)
