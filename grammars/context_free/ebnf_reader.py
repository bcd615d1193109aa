"""GBNF, the EBNF of llama.cpp and XGrammar: from text to definitions.

    root   ::= "yes" | item ("," item)*     # a comment
    item   ::= [a-z0-9_]+ | [^"\\]{1,3} | .

A rule goes on until the next `name ::=`, over any number of lines. Escapes in strings and classes are \\n \\r \\t \\f
\\v \\a \\b \\0, \\xHH, \\uHHHH, \\UHHHHHHHH and a backslash before punctuation.
"""

from __future__ import annotations

import re

from ..characters import FULL, complement, from_pairs
from .syntax import Characters, Definition, Literal, Name, Repeat, Sequence, Tree, choice, sequence
from .text import Text

_BLANK = re.compile(r"(?:\s|\#[^\n]*)*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_HEAD = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\s*(?:\#[^\n]*\n\s*)*::=")
_NUMBER = re.compile(r"\d+")
_OPERATOR = re.compile(r"[?*+]")
_MACRO = re.compile(r"(TagDispatch|Token|ExcludeToken|TokenTagDispatch)\s*\(")
_MOST = 1_000_000_000


def open_text(source: str) -> Text:
    """The text of a grammar, ready to be read."""
    return Text(source, _BLANK)


def read(text: Text) -> list[Definition]:
    """The rules of a grammar. Raises GrammarError, and Unsupported for what only XGrammar or llama.cpp know."""
    definitions = []
    while text.at < len(text.source):
        at = text.at
        name = text.take(_NAME)
        if name is None:
            raise text.unexpected("the name of a rule")
        text.expect("::=", "'::='")
        definitions.append(Definition(name[0], (), _options(text), at))
    return definitions


def _options(text: Text) -> Tree:
    text.accept("|")
    options = [_items(text)]
    while text.accept("|"):
        options.append(_items(text))
    return choice(options)


def _items(text: Text) -> Tree:
    items = []
    while (item := _atom(text)) is not None:
        while (loop := _loop(text, item)) is not None:
            item = loop
        items.append(item)
    return sequence(items)


def _loop(text: Text, body: Tree) -> Tree | None:
    at = text.at
    operator = text.take(_OPERATOR)
    if operator:
        return Repeat(body, int(operator[0] == "+"), 1 if operator[0] == "?" else None)
    if not text.accept("{"):
        return None
    low = text.take(_NUMBER)
    comma = text.accept(",")
    high = text.take(_NUMBER) if comma else low
    if low is None and high is None:
        raise text.unexpected("a number of times")
    text.expect("}", "'}'")
    minimum = int(low[0]) if low else 0
    maximum = int(high[0]) if high else None
    if minimum > _MOST or (maximum is not None and not minimum <= maximum <= _MOST):
        raise text.error("a number of times is {n}, {n,} or {n,m} with n <= m <= 1,000,000,000", at)
    return Repeat(body, minimum, maximum)


def _atom(text: Text) -> Tree | None:
    at = text.at
    if text.sees(_HEAD):
        return None
    if text.accept("("):
        if text.accept("="):
            raise text.unsupported("(=", "a lookahead assertion (= ...) is not supported", at)
        text.deeper()
        body = _options(text)
        text.depth -= 1
        text.expect(")", "')', '|' or something to match")
        return body
    if text.source.startswith('"', at):
        text.at += 1
        value = text.quoted('"')
        text.skip()
        return Literal(value, False, at) if value else Sequence(())
    if text.source.startswith("[", at):
        return _class(text)
    if text.accept("."):
        return Characters(FULL, at)
    if text.source.startswith(("<", "!<"), at):
        raise text.unsupported("<token>", "tokens in grammars are not supported: a grammar is a set of texts", at)
    if (found := _MACRO.match(text.source, at)) is not None:
        why = "is not supported; grammars.tags makes free text with tagged regions"
        raise text.unsupported(found[1], f"{found[1]} {why}", at)
    name = text.take(_NAME)
    return Name(name[0], (), at) if name else None


def _class(text: Text) -> Tree:
    at = text.at
    text.at += 1
    negative = text.source.startswith("^", text.at)
    text.at += int(negative)
    pairs: list[tuple[int, int]] = []
    while not text.source.startswith("]", text.at):
        first = _member(text, at)
        last = first
        rest = text.source[text.at : text.at + 2]
        if rest[:1] == "-" and rest[1:] not in ("]", ""):
            text.at += 1
            last = _member(text, at)
            if last < first:
                raise text.error("a range of characters goes from one to a later one", text.at)
        pairs.append((ord(first), ord(last)))
    text.at += 1
    text.skip()
    ranges = from_pairs(pairs)
    if not pairs and not negative:
        raise text.error("an empty class matches nothing", at)
    return Characters(complement(ranges) if negative else ranges, at)


def _member(text: Text, start: int) -> str:
    c = text.source[text.at : text.at + 1]
    if c in ("", "\n"):
        raise text.error("the class is not closed: ] is missing", start)
    text.at += 1
    return text.escape(False) if c == "\\" else c
