"""Actions of expressions: classes of types, functions and their arguments, aggregates and windows.

An expression is read with a frame on a stack. The frame knows which classes the whole may have and which the next
operand may have; an operand is only begun where it can be made to fit, so no expression gets stuck.
"""

from __future__ import annotations

from .dialects import NUMBERS, ORDERED, Kinds
from .levels import Frame, Scope, Waiting, lookup
from .resolution import (
    AGGREGATE,
    COUNTING,
    FIRST,
    FOLDED,
    LONE,
    NO_AGGREGATE,
    NO_QUERY,
    NO_WINDOW,
    WHOLE,
    Meaning,
    Resolution,
    comparable,
    fits,
)

_LIKE, _BOUND = 1, 2
"""Arguments of frames that are no calls: a pattern, the first bound of BETWEEN; see also `rows.py`."""
_TRUTH = frozenset(("bool",))
_WHOLE = frozenset(("int",))
_INHERITED = AGGREGATE | NO_AGGREGATE | NO_WINDOW | NO_QUERY | FOLDED


def changed(scope: Scope, **values: object) -> Scope:
    """The scope with its innermost frame changed."""
    return scope._replace(frames=(*scope.frames[:-1], scope.frames[-1]._replace(**values)))  # type: ignore[arg-type]


def pushed(scope: Scope, role: str, expect: Kinds = None, flags: int = 0, **values: object) -> Scope:
    """The scope with a new frame."""
    frame = Frame(role, expect, opened(expect), flags=flags, **values)  # type: ignore[arg-type]
    return scope._replace(frames=(*scope.frames, frame))


def popped(scope: Scope) -> Scope:
    """The scope without its innermost frame."""
    return scope._replace(frames=scope.frames[:-1])


def opened(expect: Kinds) -> Kinds:
    """Classes of a first operand: whatever can be compared makes a truth value."""
    return None if expect is None or "bool" in expect else expect


def completes(frame: Frame) -> bool:
    """Whether what was read is a whole expression as the frame expects it."""
    return bool(frame.kind) and (fits(frame.kind, frame.expect) or (frame.kind in ("?", "null") and not frame.expect))


class Expressions(Resolution):
    """The actions; `do_x` changes the scope, `if_x` leaves it; None where the place does not allow what follows."""

    def operand(self, scope: Scope, kind: str, reference: tuple[str, str] | None = None, exact: bool = False) -> Scope:
        """An operand was read."""
        frame = scope.frames[-1]
        bare = not frame.kind and not frame.left and not frame.boolean and not frame.bare
        return changed(
            scope,
            kind=kind,
            reference=reference if bare else None,
            bare=True,
            flags=frame.flags & ~(FIRST | COUNTING),
            exact=exact and bare,
        )

    def inherited(self, scope: Scope) -> int:
        """Flags that an expression within one takes over."""
        return scope.frames[-1].flags & _INHERITED

    def may_go_on(self, scope: Scope) -> bool:
        """Whether an operator may follow the operand."""
        frame = scope.frames[-1]
        return not frame.flags & (LONE | WHOLE) and frame.kind not in ("?", "star", "null", "opaque")

    def if_literal(self, scope: Scope) -> Scope | None:
        return None if scope.frames[-1].flags & (FIRST | LONE) else scope

    def if_condition(self, scope: Scope) -> Scope | None:
        return scope if fits("bool", scope.frames[-1].expect) else None

    def do_not(self, scope: Scope) -> Scope:
        return changed(scope, boolean=True, allow=None, bare=True)

    def if_boolean(self, scope: Scope) -> Scope | None:
        kind = scope.frames[-1].kind
        return scope if kind in ("bool", "any") and self.may_go_on(scope) else None

    def do_boolean(self, scope: Scope) -> Scope:
        return changed(scope, boolean=True, allow=None, kind="", left="", bare=True, reference=None, function="")

    def do_factor_done(self, scope: Scope) -> Scope | None:
        frame = scope.frames[-1]
        return None if frame.boolean and frame.kind not in ("bool", "any") else scope

    def _chain(self, scope: Scope, kinds: frozenset[str], allow: Kinds, result: str = "") -> Scope | None:
        frame = scope.frames[-1]
        if not self.may_go_on(scope) or not fits(frame.kind, kinds):
            return None
        if frame.flags & FOLDED and allow in (NUMBERS, _WHOLE):
            return None  # a division by zero or an overflow would be an error of the statement
        limit = frame.allow if frame.left else None
        if frame.kind == "any":
            allow = None
        wider = fits("number", frame.expect) or fits("bool", frame.expect) or frame.boolean or limit is not None
        if allow == NUMBERS and not wider:
            if result:
                return None
            allow = _WHOLE
        function = (result or frame.kind) if self.dialect.typed else ""
        return changed(scope, kind="", allow=allow, bare=True, reference=None, function=function)

    def if_arithmetic(self, scope: Scope) -> Scope | None:
        return self._chain(scope, NUMBERS, NUMBERS) and scope

    def do_arithmetic(self, scope: Scope) -> Scope | None:
        return self._chain(scope, NUMBERS, NUMBERS)

    def do_divide(self, scope: Scope) -> Scope | None:
        return self._chain(scope, NUMBERS, NUMBERS, "number")

    def if_modulo(self, scope: Scope) -> Scope | None:
        return self.do_modulo(scope) and scope

    def do_modulo(self, scope: Scope) -> Scope | None:
        return self._chain(scope, _WHOLE, _WHOLE)

    def if_concatenation(self, scope: Scope) -> Scope | None:
        return None if self.dialect.name == "mysql" else self.do_concatenation(scope) and scope

    def do_concatenation(self, scope: Scope) -> Scope | None:
        text = frozenset(("text",))
        return self._chain(scope, text, text)

    def _tail(self, scope: Scope, kinds: Kinds) -> Scope | None:
        frame = scope.frames[-1]
        suits = frame.boolean or fits("bool", frame.expect)
        return scope if suits and self.may_go_on(scope) and fits(frame.kind, kinds) else None

    def if_compare(self, scope: Scope) -> Scope | None:
        return self._tail(scope, None)

    def if_test(self, scope: Scope) -> Scope | None:
        return self._tail(scope, None)

    def if_ordered(self, scope: Scope) -> Scope | None:
        return self._tail(scope, ORDERED)

    def if_text(self, scope: Scope) -> Scope | None:
        return self._tail(scope, frozenset(("text",)))

    def if_collate(self, scope: Scope) -> Scope | None:
        frame = scope.frames[-1]
        if self.dialect.name == "postgres":
            if frame.argument == _BOUND:
                return None  # its grammar has none between BETWEEN and AND
            return scope if frame.kind == "text" and (self.may_go_on(scope) or self.is_column(scope)) else None
        return scope if self.dialect.name == "sqlite" and frame.kind == "any" and not frame.flags & WHOLE else None

    def is_column(self, scope: Scope) -> bool:
        """Whether a name in ORDER BY that means a column of the result means the same one of a table."""
        level, frame = scope.levels[-1], scope.frames[-1]
        if level.phase != "order" or frame.role != "order" or frame.reference is None or self.only_outputs(scope):
            return False
        return lookup(level.tables, "", frame.reference[1]) == ["text"]

    def do_like(self, scope: Scope) -> Scope:
        return changed(scope, argument=_LIKE)

    def if_escape(self, scope: Scope) -> Scope | None:
        return scope if scope.frames[-1].argument == _LIKE else None

    def do_escape(self, scope: Scope) -> Scope:
        return scope._replace(word="escape")

    def do_compare(self, scope: Scope) -> Scope:
        kind = scope.frames[-1].kind
        return changed(scope, left=kind, allow=comparable(kind), kind="", bare=True, reference=None, function="")

    def do_again(self, scope: Scope) -> Scope:
        return changed(scope, allow=comparable(scope.frames[-1].left), kind="", function="", argument=0)

    def do_bound(self, scope: Scope) -> Scope:
        return changed(scope, argument=_BOUND)

    def do_test(self, scope: Scope) -> Scope:
        truth = "bool" if self.dialect.typed else "any"
        return changed(scope, kind=truth, left="", allow=None, bare=True, reference=None, function="", argument=0)

    def combined(self, scope: Scope, kind: str) -> str:
        """Class of a chain after its next operand."""
        before = scope.frames[-1].function
        return "number" if before == "number" and kind == "int" else kind

    def literal(self, scope: Scope, kind: str) -> Scope | None:
        """A literal of this class."""
        kind = kind if self.dialect.typed else "any"
        if not fits(kind, scope.frames[-1].allow) or scope.frames[-1].flags & LONE:
            return None
        return self.operand(scope, self.combined(scope, kind), exact=kind in ("int", "text", "date"))

    def if_number(self, scope: Scope) -> Scope | None:
        allow = scope.frames[-1].allow
        return scope if allow is None or allow & NUMBERS else None

    def do_negative(self, scope: Scope) -> Scope:
        allow = scope.frames[-1].allow
        if not self.dialect.typed:
            return changed(scope, bare=True)
        return changed(scope, allow=NUMBERS if allow is None else allow & NUMBERS, bare=True)

    def if_null(self, scope: Scope) -> Scope | None:
        frame = scope.frames[-1]
        return scope if not self.dialect.typed or (frame.role == "else" and not frame.bare) else None

    def do_null(self, scope: Scope) -> Scope:
        return self.operand(scope, "null" if self.dialect.typed else "any")

    def if_truth(self, scope: Scope) -> Scope | None:
        return self.literal(scope, "bool") and scope

    def do_truth(self, scope: Scope) -> Scope | None:
        return self.literal(scope, "bool")

    # Names: columns, aliases, functions.

    def refer(self, scope: Scope, meaning: Meaning) -> Scope:
        """A column reference was read."""
        i, frame = meaning.level, scope.frames[-1]
        level = scope.levels[i]
        if meaning.waiting is not None:
            level = level._replace(waiting=level.waiting | {meaning.waiting})
        if meaning.waiting is not None or i == len(scope.levels) - 1:
            if frame.flags & AGGREGATE:
                level = level._replace(inner=level.inner | {meaning.reference})
            elif level.phase in ("items", "having", "window", "order") and self.dialect.typed:
                level = level._replace(bare=level.bare | {meaning.reference})
        levels = (*scope.levels[:i], level, *scope.levels[i + 1 :])
        scope = scope._replace(levels=levels, word="", quoted=False)
        return self.operand(scope, self.combined(scope, meaning.kind), meaning.reference)

    def do_column(self, scope: Scope) -> Scope | None:
        output = self.order_output(scope, scope.word)
        if output is not None and not scope.frames[-1].bare:
            references = [out.reference for out in scope.levels[-1].outputs if out.name == scope.word]
            same = next((r for r in references if r and r[1] == scope.word), None)
            scope = self.sorted_on(scope, references[:1])
            return changed(self.operand(scope._replace(word=""), output, same), flags=LONE) if output else None
        if scope.levels[-1].phase == "order" and scope.frames[-1].role == "order" and self.only_outputs(scope):
            return None
        if output is not None:
            return None
        meaning = None if self.is_keyword(scope) else self.meaning(scope, "", scope.word)
        return None if meaning is None else self.refer(scope, meaning)

    def is_keyword(self, scope: Scope) -> bool:
        """Whether the word that was read names nothing but a function."""
        if scope.quoted or scope.word not in self.dialect.reserved | self.dialect.avoided:
            return False
        return scope.word not in self.stored or scope.word in self.unplain

    def if_qualifier(self, scope: Scope) -> Scope | None:
        if scope.levels[-1].phase == "order" and scope.frames[-1].role == "order" and self.only_outputs(scope):
            return None
        if self.is_keyword(scope):
            return None
        return (
            scope
            if self.has_names(scope, scope.word) or self.columns(scope)[1] or self.if_qualified_star(scope)
            else None
        )

    def columns(self, scope: Scope) -> tuple[frozenset[str], bool]:
        """Columns that may follow the alias that was read, and whether any other name may."""
        fresh = self.forwards(scope) and scope.levels[-1].phase == "items"
        alias = scope.word
        return self.names(scope, alias), fresh and self.meaning(scope, alias, "\0") is not None

    def if_qualified_star(self, scope: Scope) -> Scope | None:
        level, frame = scope.levels[-1], scope.frames[-1]
        if frame.role != "item" or frame.bare or level.phase != "items" or level.expected is not None:
            return None
        if any(not alias for alias, _ in level.distinct_on):
            return None  # two columns of the result could have the name there
        if self.dialect.name == "mysql" and level.role in ("derived", "cte"):
            return None  # names of columns must differ there
        if self.dialect.typed and (level.aggregated or (level.distinct and self.has_opaque)):
            return None
        return scope if self.satisfiable(scope, level, level.waiting | {Waiting(scope.word, "*", None, True)}) else None

    def do_qualified_star(self, scope: Scope) -> Scope:
        level = scope.levels[-1]
        level = level._replace(waiting=level.waiting | {Waiting(scope.word, "*", None, True)})
        reference = (scope.word, "*")
        scope = scope._replace(levels=(*scope.levels[:-1], level), word="")
        return changed(self.operand(scope, "star"), reference=reference)

    def if_dated(self, scope: Scope) -> Scope | None:
        suits = self.dialect.typed and scope.word in ("date", "timestamp") and not scope.quoted
        return self.if_literal(scope) and self.literal(scope, scope.word) and scope if suits else None
