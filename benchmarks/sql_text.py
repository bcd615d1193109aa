"""The context-free part of our SQL grammar as Lark text and as GBNF, with a schema's names as terminals, for the peers.

Actions are left out: a peer enforces the syntax and that names exist somewhere in the schema, and neither scopes nor
types, nor that an alias is bound. Aliases of tables are T1 to T9, since any word at all would make the names of the
schema void. Words are taken in both cases, as in our grammar.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from bytebound.grammars import Schema
from bytebound.grammars.context_free.lark_reader import open_text, read
from bytebound.grammars.context_free.syntax import Choice, Definition, Literal, Name, Repeat, Sequence, Tree
from bytebound.grammars.sql.dialects import dialect

_ACTION = re.compile(r"(?:do|if)_\w+")
_COLUMNS = ("COLUMN", "USING_COLUMN")
_NEW = ("NEW_OUTPUT", "NEW_CTE", "NEW_CTE_COLUMN", "RECURSIVE_TABLE", "WINDOW", "NEW_WINDOW")
_ALIASES = tuple(f"t{i}" for i in range(1, 10))


def texts(schema: Schema, dialect_name: str = "sqlite") -> tuple[str, str]:
    """Lark text and GBNF of SELECT statements; the start rules are `start` and `root`."""
    words = dialect(dialect_name)
    rules: dict[str, Tree] = {}
    for statement in read(open_text(f'start: query [";"]\n{words.syntax}')):
        assert isinstance(statement, Definition)
        rules[statement.name] = statement.body
    tables = [words.key(table.name) for table in schema.tables]
    columns = [words.key(column.name) for table in schema.tables for column in table.columns]
    functions = [*words.aggregates, *words.windows, *words.functions]
    names = {"TABLE": tables, **dict.fromkeys(_COLUMNS, columns), "NEW_ALIAS": _ALIASES}
    names["NAME"] = [*columns, *tables, *functions, *_ALIASES]
    names["TYPE"] = list(words.types)
    names["COLLATION"] = ["binary", "nocase", "rtrim"]
    names = {terminal: list(dict.fromkeys(found)) for terminal, found in names.items()}
    lark = [f"{name}: {_lark(body)}" for name, body in rules.items()]
    lark += [f"{terminal}: {' | '.join(map(_quoted, found))}" for terminal, found in names.items()]
    lark += [f"{terminal}: /[A-Za-z_][A-Za-z0-9_]*/" for terminal in _NEW]
    lark += ["STRING: /'([^'\\x00]|'')*'/ | /\"([^\"\\x00]|\"\")*\"/", "NUMBER: /[0-9]+(\\.[0-9]+)?/"]
    lark += ["DATED: STRING", *(f"{terminal}: /[0-9]+/" for terminal in ("INTEGER", "POSITION", "FRAME"))]
    lark.append("%ignore /[ \\t\\r\\n]+/")
    gbnf = ["root ::= ws start"]
    gbnf += [f"{_rule(name)} ::= {_gbnf(body)}" for name, body in rules.items()]
    gbnf += [f"{_rule(terminal)} ::= ({' | '.join(map(_cases, found))}) ws" for terminal, found in names.items()]
    gbnf += [f"{_rule(terminal)} ::= [A-Za-z_] [A-Za-z0-9_]* ws" for terminal in _NEW]
    gbnf += [
        'STRING ::= ("\'" ([^\'\\x00] | "\'\'")* "\'" | ["] ([^"\\x00] | ["] ["])* ["]) ws',
        'NUMBER ::= [0-9]+ ("." [0-9]+)? ws',
        "DATED ::= STRING",
        *(f"{terminal} ::= [0-9]+ ws" for terminal in ("INTEGER", "POSITION", "FRAME")),
        "ws ::= [ \\t\\r\\n]*",
    ]
    return "\n".join(lark) + "\n", "\n".join(gbnf) + "\n"


def _rule(name: str) -> str:
    return name.replace("_", "-")


def _quoted(word: str) -> str:
    return f'"{word}"i' if word.isascii() else f'"{word}"'


def _cases(word: str) -> str:
    return " ".join(f"[{c.upper()}{c}]" if c.isalpha() and c.isascii() else f'"{c}"' for c in word)


def _items(tree: Tree) -> Iterable[Tree]:
    return tree.items if isinstance(tree, Sequence) else (tree,)


def _without_actions(tree: Tree) -> list[Tree]:
    return [item for item in _items(tree) if not (isinstance(item, Name) and _ACTION.fullmatch(item.name))]


def _lark(tree: Tree) -> str:
    if isinstance(tree, Literal):
        return f'"{tree.text}"{"i" if tree.text.isalpha() else ""}'
    if isinstance(tree, Name):
        return "" if _ACTION.fullmatch(tree.name) else tree.name
    if isinstance(tree, Choice):
        return "(" + " | ".join(map(_lark, tree.options)) + ")"
    if isinstance(tree, Repeat):
        return f"({_lark(tree.body)}){_mark(tree)}"
    return " ".join(filter(None, map(_lark, _without_actions(tree))))


def _gbnf(tree: Tree) -> str:
    if isinstance(tree, Literal):
        return f"{_cases(tree.text)} ws" if tree.text.isalpha() else f'"{tree.text}" ws'
    if isinstance(tree, Name):
        return '""' if _ACTION.fullmatch(tree.name) else _rule(tree.name)
    if isinstance(tree, Choice):
        return "(" + " | ".join(map(_gbnf, tree.options)) + ")"
    if isinstance(tree, Repeat):
        return f"({_gbnf(tree.body)}){_mark(tree)}"
    return " ".join(map(_gbnf, _without_actions(tree))) or '""'


def _mark(tree: Repeat) -> str:
    return {(0, 1): "?", (0, None): "*", (1, None): "+"}[tree.minimum, tree.maximum]
