r"""The format `regex`: patterns of ECMA-262 (22.2.1) under the flag `u`, as far as they are surely valid.

That a pattern is valid is not regular: groups nest, names differ, references count groups. Left out here are:
- groups more than four deep; lookarounds more than one deep in groups, or with more than one group deep in them;
- named groups, but for one at the beginning (perhaps after `^`) with a name of ASCII letters; flags in groups;
- back-references; \p{..} of anything but a general category by its short name; \u{..} of more than five digits;
- ranges in classes whose order does not show early: between digits all are taken; between letters, and between
  escapes of two or four digits, those from one part of the alphabet or of the numbers to a later part; from space or
  ! to any of ASCII, from U+4E00 and within Cyrillic;
- {n,m} where m has as many digits as n, two or more, and does not begin with a larger one; n of five digits.
"""

from __future__ import annotations

from ..characters import LAST, Ranges, union
from ..regular import CharacterAutomaton

# Open groups, outermost first: g a group, a a lookaround (which no quantifier may follow).
STACKS = ("", "g", "gg", "ggg", "gggg", "a", "ag", "ga")

PUSH_GROUP, PUSH_LOOK, POP = "g", "a", "pop"  # moves that change the stack
INSIDE = "inside"  # the character is the first one in a group
SYNTAX = frozenset("^$\\.*+?()[]{}|/")
DIGITS, HEX = frozenset("0123456789"), frozenset("0123456789abcdefABCDEF")
LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
CATEGORIES = {"L": "lmotuC", "M": "nce", "N": "dlo", "P": "cdseifo", "S": "mcko", "Z": "slp", "C": "cfson"}

# Where an escape or a quantifier goes back to
TERM, ATOM, LAZY, NUL = "term", "atom", "lazy", "nul"  # nothing to repeat; after an atom; after a quantifier; after \0
ITEM, SINGLE, NUL_ITEM = "item", "single", "nul item"  # in a class: anew; after what begins no range; after \0

# What begins a range in a class, in parts that tell the order: a range leads to a later part, or to the last character.
PARTS = ("a", "bcdef", "ghijklm", "nopqrstuvwxyz")
ESCAPE_PARTS = ("0", "123", "4567", "89abcdef")
FROM_CJK, CJK, FROM_CYRILLIC, CYRILLIC, OTHER = "\u4e00", "\u4e01", "\u0410", "\u0431", "\u0080"
_BEYOND: tuple[tuple[str, Ranges], ...] = (
    (FROM_CJK, ((0x4E00, 0x4E00),)),
    (CJK, ((0x4E01, 0x9FFF),)),
    (FROM_CYRILLIC, ((0x410, 0x410), (0x430, 0x430))),
    (CYRILLIC, ((0x431, 0x45F),)),
    (OTHER, ((0x80, 0x40F), (0x411, 0x42F), (0x460, 0x4DFF), (0xA000, LAST))),
)


def _part(c: str) -> str | None:
    """What a range that begins with the character remembers of it; None where no range may begin."""
    if c in DIGITS or c in (FROM_CJK, FROM_CYRILLIC):
        return c
    if c in " !":
        return "!"
    for part in PARTS:
        if c in LETTERS and c.lower() in part:
            return part[0] if c.islower() else part[0].upper()
    return None


def _ends_range(low: str, c: str) -> bool:
    """Whether a range from the part `low` may end in the character."""
    if low in DIGITS:
        return c in DIGITS and c >= low
    if low == "!":
        return "!" < c <= "~" and c != "\\"
    if low in (FROM_CJK, FROM_CYRILLIC):
        return c in {FROM_CJK: (FROM_CJK, CJK), FROM_CYRILLIC: (CYRILLIC,)}[low]
    if c not in LETTERS or c.islower() != low.islower():
        return False
    return c in "zZ" or low in "aA" or c.lower() > next(p for p in PARTS if p[0] == low.lower())[-1]


def _escape_part(c: str) -> int:
    return next(i for i, part in enumerate(ESCAPE_PARTS) if c.lower() in part)


State = tuple[object, ...]
Move = State | str | None


def _step(state: State, c: str) -> Move:
    """Where one character leads from a place within a group: a place, a move of the stack, or nowhere."""
    match state:
        case ("start" | "start ^" as place,):
            if c == "(":
                return ("start (",)
            return ("start ^",) if c == "^" and place == "start" else _term(TERM, c)
        case ("term" | "atom" | "lazy" | "nul" as place,):
            return _term(str(place), c)
        case ("(" | "start (" as place,):
            if c == "?":
                return ("?",) if place == "(" else ("start ?",)
            return INSIDE
        case ("?" | "start ?" as place,):
            if c == "<":
                return ("<",) if place == "?" else ("start <",)
            return PUSH_GROUP if c == ":" else PUSH_LOOK if c in "=!" else None
        case ("<",):
            return PUSH_LOOK if c in "=!" else None
        case ("start <",):
            return PUSH_LOOK if c in "=!" else ("name",) if c in LETTERS else None
        case ("name",):
            return PUSH_GROUP if c == ">" else state if c in LETTERS or c in DIGITS or c in "_$" else None
        case ("\\", bool() as in_class):
            return _escaped(c, in_class)
        case ("control", str() as back):
            return (back,) if c in LETTERS else None
        case ("hex", int() as left, str() as back):
            return None if c not in HEX else (back,) if left == 1 else ("hex", left - 1, back)
        case ("u", str() as back):
            return ("code", 5, back) if c == "{" else ("hex", 3, back) if c in HEX else None
        case ("code", int() as left, str() as back):
            if c == "}":
                return (back,) if left < 5 else None
            return ("code", left - 1, back) if c in HEX and left else None
        case ("p", str() as back):
            return ("category", back) if c == "{" else None
        case ("category", str() as back):
            return ("second", CATEGORIES[c], back) if c in CATEGORIES else None
        case ("second", str() as letters, str() as back):
            return (back,) if c == "}" else ("}", back) if c in letters else None
        case ("}", str() as back):
            return (back,) if c == "}" else None
        case ("[" | "item" | "single" | "nul item" | "from" | "-" | "low" | "low -" | "low \\" | "low u", *_):
            return _class(state, c)
    return _quantifier(state, c)


def _term(place: str, c: str) -> Move:
    if c in "*+?":
        return (LAZY,) if place in (ATOM, NUL) else (TERM,) if place == LAZY and c == "?" else None
    if c == "{":
        return ("{",) if place in (ATOM, NUL) else None
    if c in DIGITS and place == NUL:
        return None
    moves: dict[str, Move] = {"(": ("(",), ")": POP, "[": ("[",), "\\": ("\\", False), "]": None, "}": None}
    moves |= {"^": (TERM,), "$": (TERM,), "|": (TERM,)}
    return moves.get(c, (ATOM,))


def _escaped(c: str, in_class: bool) -> Move:
    after = SINGLE if in_class else ATOM
    if c in SYNTAX or c in "dDwWsSfnrtv" or (in_class and c in "b-"):
        return (after,)
    if c in "bB":
        return None if in_class else (TERM,)
    if c == "0":
        return (NUL_ITEM if in_class else NUL,)
    if c == "c":
        return ("control", after)
    if c == "x":
        return ("low", "x") if in_class else ("hex", 2, after)
    if c == "u":
        return ("low", "u") if in_class else ("u", after)
    return ("p", after) if c in "pP" else None


def _class(state: State, c: str) -> Move:
    """Within brackets. `from`: after what may begin a range; `-`: after that and a hyphen; `low`: so with escapes."""
    match state:
        case ("[" | "item" | "single" | "nul item" | "from", *low):
            if c == "]":
                return (ATOM,)
            if c == "\\":
                return ("\\", True)
            if c == "^" and state == ("[",):
                return (ITEM,)
            if c == "-" and state not in (("[",), (ITEM,)):
                return ("-", *low)
            if c in DIGITS and state == (NUL_ITEM,):
                return None
            part = _part(c)
            return (SINGLE,) if part is None else ("from", part)
        case ("-", *low):
            if c == "]":
                return (ATOM,)
            return (ITEM,) if low and _ends_range(str(low[0]), c) else None
        case ("low", "x" | "u" as kind):  # the first digit of an escape that may begin a range
            if kind == "u" and c == "{":
                return ("code", 5, SINGLE)
            if c not in HEX:
                return None
            index, more = _escape_part(c), 3 if kind == "u" else 1
            return ("hex", more, SINGLE) if index == 3 else ("low", kind, index, more)
        case ("low", str() as kind, int() as part, int() as left) if left:
            return ("low", kind, part, left - 1) if c in HEX else None
        case ("low", str() as kind, int() as part, _):
            return ("low -", kind, part) if c == "-" else _class((SINGLE,), c)
        case ("low -", str() as kind, int() as part):
            return (ATOM,) if c == "]" else ("low \\", kind, part) if c == "\\" else None
        case ("low \\", str() as kind, int() as part):
            return ("low u", kind, part) if c == kind else None
        case ("low u", str() as kind, int() as part):
            later = c in HEX and _escape_part(c) > part
            return ("hex", 3 if kind == "u" else 1, ITEM) if later else None
    return None


def _quantifier(state: State, c: str) -> Move:
    """Within braces: `n` and `,` know the digits of n and the first of them, `m` how many digits have to follow."""
    match state:
        case ("{",):
            return ("n", 1, c) if c in DIGITS else None
        case ("n", int() as digits, str() as first):
            if c in "},":
                return (LAZY,) if c == "}" else (",", digits, first)
            if c not in DIGITS or first == "0" or digits == 4:
                return None
            return ("n", digits + 1, first if digits == 1 else "")
        case (",", int() as digits, str() as first):
            if c == "}":
                return (LAZY,)
            if c not in DIGITS:
                return None
            enough = c >= first if digits == 1 else digits == 2 and c > first
            if c == "0":
                return ("m 0",) if enough else None
            return ("m", digits - 1 if enough else digits)
        case ("m", int() as needed):
            if c == "}":
                return None if needed else (LAZY,)
            return ("m", max(needed - 1, 0)) if c in DIGITS else None
        case ("m 0",):
            return (LAZY,) if c == "}" else None
    return None


def _places() -> tuple[list[Ranges], dict[State, list[Move]]]:
    """Classes of characters that no place tells apart, and for each place its moves by class."""
    groups = [(chr(code), ((code, code),)) for code in range(0x80)] + list(_BEYOND)
    rows: dict[State, list[Move]] = {("start",): [], (TERM,): [], (ATOM,): []}
    for state in (order := list(rows)):  # grows while it is read
        rows[state] = [_step(state, c) for c, _ in groups]
        for target in set(rows[state]):
            if isinstance(target, tuple) and target not in rows:
                rows[target] = []
                order.append(target)
    columns: dict[tuple[Move, ...], list[int]] = {}
    for i, column in enumerate(zip(*rows.values(), strict=True)):
        columns.setdefault(column, []).append(i)
    classes = [union(*(groups[i][1] for i in members)) for members in columns.values()]
    return classes, {state: [row[members[0]] for members in columns.values()] for state, row in rows.items()}


def ecma_regex() -> CharacterAutomaton:
    """Valid patterns: a copy of the places for each stack of open groups."""
    classes, places = _places()
    numbers = {place: i for i, place in enumerate(places)}
    shift = {stack: i * len(places) for i, stack in enumerate(STACKS)}

    def target(stack: str, move: Move, first: Move) -> int:
        """The state after a move; `first` is the move of the same character at the beginning of a term."""
        if move is None:
            return -1
        if isinstance(move, tuple):
            return shift[stack] + numbers[move]
        if move == POP:
            return shift[stack[:-1]] + numbers[ATOM if stack[-1] == "g" else TERM,] if stack else -1
        inner = stack + (PUSH_GROUP if move == INSIDE else move)
        if inner not in shift:
            return -1
        return target(inner, first, None) if move == INSIDE else shift[inner] + numbers[TERM,]

    terms = places[TERM,]
    rows = [[target(s, m, t) for m, t in zip(row, terms, strict=True)] for s in STACKS for row in places.values()]
    ends = {("start",), ("start ^",), (TERM,), (ATOM,), (LAZY,), (NUL,)}
    return CharacterAutomaton.from_rows(tuple(classes), rows, [not s and p in ends for s in STACKS for p in places])
