"""Actions of what encloses expressions: arguments of calls, windows, CASE, CAST, parentheses."""

from __future__ import annotations

from .dialects import NUMBERS, Kinds, kinds_of
from .expressions import changed, completes, popped, pushed
from .functions import Functions
from .levels import Scope
from .resolution import (
    COUNTING,
    FIRST,
    FOLDED,
    MAX_DEPTH,
    MAX_FRAMES,
    NO_AGGREGATE,
    NO_QUERY,
    NO_WINDOW,
    WHOLE,
    comparable,
    fits,
)

EXACT = ("integer", "text", "date")
"""Types that are the only ones of their class where all of a class must be one type."""


RANKS = ("rank", "dense_rank", "percent_rank", "cume_dist", "ntile", "lag", "lead")


class Calls(Functions):
    """The actions, as in `Expressions`."""

    def _argument_kinds(self, scope: Scope) -> Kinds:
        frame = scope.frames[-1]
        function = self.called(scope)
        code = function.code(frame.argument)
        if not self.dialect.typed:
            return None
        if code == "s":
            whole = function.result == "same" and frame.kind == "int" and not fits("number", frame.allow)
            return frozenset(("int",)) if whole else comparable(frame.kind)
        kinds = kinds_of(code)
        if function.result == "same" and frame.argument == 0 and frame.allow is not None:
            kinds = frame.allow if kinds is None else kinds & frame.allow
        return kinds

    def do_argument(self, scope: Scope) -> Scope | None:
        frame = scope.frames[-1]
        function = self.called(scope)
        if function.maximum == 0:
            return None
        flags = self.inherited(scope) | (COUNTING if frame.function == "count" else 0)
        flags |= WHOLE if function.code(frame.argument) in ("l", "q") else 0
        if (
            function.code(frame.argument) == "a"
            and frame.function in self.dialect.windows
            and self.dialect.name == "postgres"
        ):
            flags |= FIRST  # a string alone has no class there, and these functions ask for one
        return pushed(scope, "argument", self._argument_kinds(scope), flags)

    def do_argument_done(self, scope: Scope) -> Scope | None:
        frame = scope.frames[-1]
        if not completes(frame):
            return None
        scope = popped(scope)
        call = scope.frames[-1]
        kind = frame.kind if call.argument == 0 else call.kind
        if self.called(scope).code(call.argument) == "s" and (kind, frame.kind) == ("int", "number"):
            kind = "number"
        return changed(scope, argument=call.argument + 1, kind=kind)

    def do_more_arguments(self, scope: Scope) -> Scope | None:
        frame = scope.frames[-1]
        maximum = self.called(scope).maximum
        if frame.boolean or (maximum >= 0 and frame.argument >= maximum) or frame.argument >= 8:
            return None
        return scope

    def do_call_done(self, scope: Scope) -> Scope | None:
        frame = scope.frames[-1]
        return scope if frame.argument >= self.called(scope).minimum else None

    def _result(self, scope: Scope) -> Scope:
        frame = scope.frames[-1]
        result = self.called(scope).result
        kind = (frame.kind if result == "same" else result) if self.dialect.typed else "any"
        scope = popped(scope)
        return self.operand(scope, self.combined(scope, kind))

    def do_function_done(self, scope: Scope) -> Scope:
        return self._result(scope)

    def if_filter(self, scope: Scope) -> Scope | None:
        return scope if self.dialect.name != "mysql" else None

    def do_filter(self, scope: Scope) -> Scope:
        return pushed(scope, "filter", self.truth, self.inherited(scope))

    def do_filter_done(self, scope: Scope) -> Scope | None:
        return popped(scope) if completes(scope.frames[-1]) else None

    def if_over(self, scope: Scope) -> Scope | None:
        level, call = scope.levels[-1], scope.frames[-1]
        outer = scope.frames[-2]
        if call.boolean or outer.flags & NO_WINDOW or level.phase not in ("items", "order"):
            return None
        if call.function in ("group_concat", "median", "string_agg", "std"):
            return None
        return scope if all(self.may_be_bare(level, reference) for reference in level.inner) else None

    def do_over(self, scope: Scope) -> Scope:
        level = scope.levels[-1]
        if self.dialect.typed:
            level = level._replace(bare=level.bare | level.inner)
        level = level._replace(inner=frozenset())
        flags = NO_AGGREGATE | NO_WINDOW | NO_QUERY
        frame = scope.frames[-1]._replace(flags=flags)
        return scope._replace(levels=(*scope.levels[:-1], level), frames=(*scope.frames[:-1], frame))

    def do_over_order(self, scope: Scope) -> Scope:
        return changed(scope, boolean=True)  # of a call with OVER: whether its window is ordered

    def if_frame(self, scope: Scope) -> Scope | None:
        function = scope.frames[-1].function
        return None if self.dialect.name == "mysql" and function in (*RANKS, "row_number") else scope

    def if_groups(self, scope: Scope) -> Scope | None:
        return None if self.dialect.name == "mysql" else scope

    def do_over_end(self, scope: Scope) -> Scope | None:
        frame = scope.frames[-1]
        # MariaDB insists on it
        return None if self.dialect.name == "mysql" and frame.function in RANKS and not frame.boolean else scope

    def if_windows(self, scope: Scope) -> Scope | None:
        level = scope.levels[-1]
        return scope if level.windows > level.defined else None

    def do_named_window(self, scope: Scope) -> Scope:
        level = scope.levels[-1]._replace(phase="window")
        return pushed(scope._replace(levels=(*scope.levels[:-1], level)), "over")

    def do_named_window_done(self, scope: Scope) -> Scope:
        level = scope.levels[-1]._replace(phase="where")
        return popped(scope._replace(levels=(*scope.levels[:-1], level)))

    def do_windows_done(self, scope: Scope) -> Scope | None:
        level = scope.levels[-1]
        return scope if level.windows == level.defined else None

    def do_over_done(self, scope: Scope) -> Scope:
        return self._result(scope)

    def do_plain_aggregate(self, scope: Scope) -> Scope:
        level = scope.levels[-1]._replace(aggregated=True, inner=frozenset())
        return self._result(scope._replace(levels=(*scope.levels[:-1], level)))

    def do_window_item(self, scope: Scope) -> Scope:
        return pushed(scope, "window", None, NO_AGGREGATE | NO_WINDOW | NO_QUERY)

    def do_window_item_done(self, scope: Scope) -> Scope | None:
        return popped(scope) if completes(scope.frames[-1]) else None

    # CASE: a frame of its own keeps the class of the results.

    def do_case(self, scope: Scope) -> Scope | None:
        if self.if_function_like(scope) is None:
            return None
        frame = scope.frames[-1]
        return pushed(scope, "case", frame.allow, self.inherited(scope))

    def if_function_like(self, scope: Scope) -> Scope | None:
        """Whether something that encloses expressions may begin here."""
        frame = scope.frames[-1]
        if frame.flags & WHOLE:
            return None
        if self.if_literal(scope._replace(frames=(*scope.frames[:-1], frame._replace(flags=frame.flags & ~FIRST)))):
            ordering = scope.levels[-1].phase == "order" and frame.role == "order" and self.only_outputs(scope)
            return scope if len(scope.frames) < MAX_FRAMES and not ordering else None
        return None

    def do_when(self, scope: Scope) -> Scope:
        return pushed(scope, "when", self.truth, self.inherited(scope))

    def do_when_done(self, scope: Scope) -> Scope | None:
        return popped(scope) if completes(scope.frames[-1]) else None

    def _branch(self, scope: Scope, role: str) -> Scope:
        frame = scope.frames[-1]
        expect = frame.expect
        if frame.kind:
            same = comparable(frame.kind)
            expect = same if expect is None else expect if same is None else same & expect
        return pushed(scope, role, expect, self.inherited(scope))

    def do_then(self, scope: Scope) -> Scope:
        return self._branch(scope, "then")

    def do_else(self, scope: Scope) -> Scope:
        return self._branch(scope, "else")

    def do_then_done(self, scope: Scope) -> Scope | None:
        branch = scope.frames[-1]
        if not completes(branch) and branch.kind != "null":
            return None
        scope = popped(scope)
        before = scope.frames[-1].kind
        kind = before if branch.kind == "null" or (before == "number" and branch.kind == "int") else branch.kind
        return changed(scope, kind=kind)

    def do_case_done(self, scope: Scope) -> Scope:
        kind = scope.frames[-1].kind
        scope = popped(scope)
        return self.operand(scope, self.combined(scope, kind))

    # CAST: what may be cast depends on what the cast may be.

    def _targets(self, scope: Scope, kind: str | None) -> set[str]:
        """Types that the operand may be cast to; `kind` None: from some class."""
        allow = scope.frames[-1].allow if kind is None else scope.frames[-2].allow
        found = set()
        exact = self.is_exact_arm(scope)
        for word, target in self.dialect.types.items():
            if exact and word not in EXACT:
                continue
            if kind == "number" and target == "int" and scope.frames[-1].flags & FOLDED:
                continue  # it could be out of range
            if not self.dialect.typed or (fits(target, allow) and (kind is None or self._casts(kind, target))):
                found.add(word)
        return found

    @staticmethod
    def _casts(kind: str, target: str) -> bool:
        numeric = ("int", "number")
        return kind == target or target == "text" or (kind in numeric and target in numeric)

    def if_cast(self, scope: Scope) -> Scope | None:
        return self.if_function_like(scope) if self._targets(scope, None) else None

    def do_cast_word(self, scope: Scope) -> Scope:
        return scope._replace(word="cast")

    def do_cast(self, scope: Scope) -> Scope:
        scope = scope._replace(word="")
        allow = scope.frames[-1].allow
        expect: Kinds = None
        if self.dialect.typed and allow is not None and "text" not in allow:
            numbers = NUMBERS if "number" in allow or not scope.frames[-1].flags & FOLDED else frozenset(("int",))
            expect = allow | numbers if allow & NUMBERS else allow
        return pushed(scope, "cast", expect, self.inherited(scope))

    def do_cast_expression(self, scope: Scope) -> Scope | None:
        frame = scope.frames[-1]
        return scope if completes(frame) and frame.kind != "?" and self._targets(scope, frame.kind) else None

    def do_cast_done(self, scope: Scope) -> Scope:
        kind = self.dialect.types[scope.word] if self.dialect.typed else "any"
        exact = scope.word in EXACT
        scope = popped(scope)._replace(word="")
        return self.operand(scope, self.combined(scope, kind), exact=exact)

    def may_nest(self, scope: Scope) -> bool:
        """Whether a subquery may begin here."""
        frame = scope.frames[-1]
        return len(scope.levels) < MAX_DEPTH and not frame.flags & NO_QUERY and not self.is_exact_arm(scope)

    def if_paren(self, scope: Scope) -> Scope | None:
        return self.if_function_like(scope) if self.if_literal(scope) or self.may_nest(scope) else None

    def do_paren(self, scope: Scope) -> Scope:
        return pushed(scope, "paren", scope.frames[-1].allow, self.inherited(scope))

    def do_paren_done(self, scope: Scope) -> Scope | None:
        frame = scope.frames[-1]
        if not completes(frame) or frame.kind in ("?", "star"):
            return None
        scope = popped(scope)
        return self.operand(scope, self.combined(scope, frame.kind), exact=frame.exact)

    @property
    def truth(self) -> Kinds:
        """Classes of a condition."""
        return frozenset(("bool",)) if self.dialect.typed else None
