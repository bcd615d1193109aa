"""Lark's grammar language: from text to statements (https://lark-parser.readthedocs.io/en/stable/grammar.html).

What changes trees and not the language (`?rule`, `!rule`, `-> alias`, `_rule`, priorities) is read and means nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..characters import from_pairs
from .syntax import Characters, Choice, Definition, Literal, Name, Pattern, Repeat, Sequence, Tree, choice, sequence
from .text import Text

_BLANK = re.compile(r"(?:[^\S\n]|\\[^\S\n]*\n|(?://|\#)[^\n]*(?=\n|\Z)|\n\s*(?=\||(?://|\#)))*")
_NEWLINES = re.compile(r"\n\s*")
_DEFINED = re.compile(r"[?!]{0,2}(_{0,2}(?:[a-z][_a-z0-9]*|[A-Z][_A-Z0-9]*))")
_RULE = re.compile(r"_{0,2}[a-z][_a-z0-9]*")
_NAME = re.compile(r"_{0,2}(?:[a-z][_a-z0-9]*|[A-Z][_A-Z0-9]*)(?![A-Za-z0-9_])")
_PATTERN = re.compile(r"/(?!/)((?:\\[\s\S]|[^\\/])+)/([imslux]*)")
_NUMBER = re.compile(r"[+-]?\d+")
_PRIORITY = re.compile(r"\.\s*([+-]?\d{1,9})")
_ALIAS = re.compile(r"->[^\S\n]*[a-z_A-Z][_a-zA-Z0-9]*")
_DIRECTIVE = re.compile(r"%([a-z_]+)")
_MODULE = re.compile(r"(\.?)([A-Za-z_][A-Za-z_0-9]*(?:\.[A-Za-z_][A-Za-z_0-9]*)*)")
_FLAG = re.compile(r"i(?![A-Za-z0-9_])")
_OPERATOR = re.compile(r"[?*+]")


@dataclass(frozen=True, slots=True)
class Import:
    """`%import module.name -> alias`, or `%import module (name, ...)`: (name, alias) each."""

    module: str
    names: tuple[tuple[str, str], ...]
    at: int


@dataclass(frozen=True, slots=True)
class Statement:
    """Any other directive: `kind` ignore, override, extend or hole, and what it is about."""

    kind: str
    definition: Definition | None = None
    body: Tree | None = None
    names: tuple[tuple[str, int], ...] = ()


def read(text: Text) -> list[Definition | Import | Statement]:
    """The statements of a grammar. Raises GrammarError, and Unsupported for directives that cannot be enforced."""
    statements: list[Definition | Import | Statement] = []
    text.take(_NEWLINES)
    while text.at < len(text.source):
        directive = text.take(_DIRECTIVE)
        if directive:
            statements.append(_directive(text, directive[1], directive.start()))
        else:
            statements.append(_definition(text))
        if text.at < len(text.source) and not text.take(_NEWLINES):
            raise text.unexpected("the end of the line, '|' or something to match")
    return statements


def open_text(source: str, name: str | None = None) -> Text:
    """The text of a grammar, ready to be read."""
    return Text(source, _BLANK, name)


def _directive(text: Text, kind: str, at: int) -> Import | Statement:
    if kind == "ignore":
        return Statement(kind, body=_options(text))
    if kind == "import":
        return _import(text, at)
    if kind in ("override", "extend"):
        return Statement(kind, definition=_definition(text))
    if kind == "hole":
        names: list[tuple[str, int]] = []
        while text.sees(_NAME):
            place = text.at
            found = text.take(_NAME)
            assert found is not None
            names.append((found[0], place))
        if not names:
            raise text.unexpected("the name of a hole")
        return Statement(kind, names=tuple(names))
    if kind == "declare":
        why = "its terminals are made by a callback of the lexer; use %hole and pass a grammar in holes="
        raise text.unsupported("%declare", f"%declare is not supported: {why}", at)
    known = "%ignore, %import, %override, %extend, %hole"
    raise text.error(f"%{kind} is no directive; there are {known}", at)


def _import(text: Text, at: int) -> Import:
    found = text.take(_MODULE)
    if found is None:
        raise text.unexpected("the name of a module, such as common.NUMBER")
    path = found[2].split(".")
    if text.accept("("):
        names: list[tuple[str, str]] = []
        while not names or text.accept(","):
            name = text.take(_NAME)
            if name is None:
                raise text.unexpected("the name of a rule or terminal")
            names.append((name[0], name[0]))
        text.expect(")", "',' or ')'")
        return Import(".".join(path), tuple(names), at)
    if len(path) < 2:
        raise text.unexpected("'.' and a name, or '(' and names")
    *module, last = path
    alias = last
    if text.accept("->"):
        name = text.take(_NAME)
        if name is None:
            raise text.unexpected("the name that is given to it")
        alias = name[0]
    return Import(".".join(module), ((last, alias),), at)


def _definition(text: Text) -> Definition:
    at = text.at
    found = text.take(_DEFINED)
    if found is None:
        raise text.unexpected("a rule, a terminal or a directive")
    parameters: list[str] = []
    if text.accept("{"):
        while not parameters or text.accept(","):
            parameter = text.take(_RULE)
            if parameter is None:
                raise text.unexpected("the name of a parameter")
            if parameter[0] in parameters:
                raise text.error(f"the parameter {parameter[0]!r} is there twice", parameter.start())
            parameters.append(parameter[0])
        text.expect("}", "',' or '}'")
    priority = text.take(_PRIORITY)
    text.expect(":", "':'")
    return Definition(found[1], tuple(parameters), _options(text), at, int(priority[1]) if priority else 0)


def _options(text: Text) -> Tree:
    options = []
    text.accept("|")
    while True:
        options.append(_items(text))
        if text.source.startswith("->", text.at) and not text.take(_ALIAS):
            raise text.error("expected a name behind '->'")
        if not text.accept("|"):
            return choice(options)


def _items(text: Text) -> Tree:
    items = []
    while (item := _item(text)) is not None:
        items.append(item)
    return sequence(items)


def _item(text: Text) -> Tree | None:
    atom = _atom(text)
    if atom is None:
        return None
    if text.sees(_OPERATOR):
        found = text.take(_OPERATOR)
        assert found is not None
        if text.sees(_OPERATOR):
            raise text.error("a second ?, * or + needs a group: write (x*)? for x*?")
        return Repeat(atom, int(found[0] == "+"), 1 if found[0] == "?" else None)
    if text.accept("~"):
        return _counted(text, atom)
    return atom


def _counted(text: Text, body: Tree) -> Tree:
    at = text.at
    low = text.take(_NUMBER)
    if low is None:
        raise text.unexpected("a number of times")
    high = low
    if text.accept(".."):
        found = text.take(_NUMBER)
        if found is None:
            raise text.unexpected("the largest number of times")
        high = found
    if len(low[0]) > 9 or len(high[0]) > 9 or not 0 <= int(low[0]) <= int(high[0]):
        raise text.error("a number of times is n or n..m with 0 <= n <= m < 1,000,000,000", at)
    return Repeat(body, int(low[0]), int(high[0]))


def _atom(text: Text) -> Tree | None:
    at = text.at
    if text.accept("("):
        return _group(text, ")")
    if text.accept("["):
        return Repeat(_group(text, "]"), 0, 1)
    if text.source.startswith('"', at):
        return _string(text)
    if (found := text.take(_PATTERN)) is not None:
        return Pattern(found[1], "".join(sorted(set(found[2]))), at)
    if text.source.startswith("/", at):
        raise text.error("the regular expression is not closed, or empty: a slash is missing")
    if (found := text.take(_NAME)) is None:
        return None
    arguments: list[Tree] = []
    if text.source.startswith("{", found.end()) and text.accept("{"):
        text.deeper()
        while not arguments or text.accept(","):
            arguments.append(_argument(text))
        text.depth -= 1
        text.expect("}", "',' or '}'")
    return Name(found[0], tuple(arguments), at)


def _argument(text: Text) -> Tree:
    argument = _options(text)
    if isinstance(argument, Sequence) and not argument.items:
        raise text.unexpected("an argument")
    return argument


def _group(text: Text, close: str) -> Tree:
    text.deeper()
    text.take(_NEWLINES)
    body = _options(text)
    while text.take(_NEWLINES):  # groups go on over line breaks
        more = _options(text)
        if more != Sequence(()):
            body = _continued(body, more)
    text.depth -= 1
    text.expect(close, f"{close!r}, '|' or something to match")
    return body


def _continued(body: Tree, more: Tree) -> Tree:
    """A body whose last option goes on with the first one of the next line."""
    options = list(body.options) if isinstance(body, Choice) else [body]
    further = list(more.options) if isinstance(more, Choice) else [more]
    return choice([*options[:-1], Sequence((options[-1], further[0])), *further[1:]])


def _string(text: Text) -> Tree:
    at = text.at
    text.at += 1
    value = text.quoted('"', lark=True)
    ignore_case = text.source.startswith("i", text.at) and text.sees(_FLAG)
    text.at += int(ignore_case)
    text.skip()
    if not ignore_case and text.source.startswith("..", text.at):
        text.accept("..")
        if not text.source.startswith('"', text.at):
            raise text.unexpected("the last character of the range in quotes")
        text.at += 1
        last = text.quoted('"', lark=True)
        text.skip()
        if len(value) != 1 or len(last) != 1 or value > last:
            raise text.error('a range goes from one character to a later one: "a".."z"', at)
        return Characters(from_pairs([(ord(value), ord(last))]), at)
    if not value:
        raise text.error("an empty string matches nothing that could be read; leave it out", at)
    return Literal(value, ignore_case, at)
