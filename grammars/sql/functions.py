"""Actions at the beginning of calls: which functions, aggregates and windows may stand at a place."""

from __future__ import annotations

from .dialects import Function, kinds_of
from .expressions import Expressions, changed
from .levels import Frame, Scope
from .resolution import AGGREGATE, LONE, MAX_FRAMES, NO_AGGREGATE, NO_QUERY, NO_WINDOW, fits


class Functions(Expressions):
    """The actions, as in `Expressions`."""

    def _callable(self, scope: Scope, functions: dict[str, Function]) -> Function | None:
        frame = scope.frames[-1]
        function = functions.get(scope.word)
        if function is None or scope.quoted or frame.flags & LONE or len(scope.frames) >= MAX_FRAMES:
            return None
        if scope.levels[-1].phase == "order" and frame.role == "order" and self.only_outputs(scope):
            return None
        if not self.dialect.typed or frame.allow is None:
            return function
        if function.result != "same":
            return function if fits(function.result, frame.allow) else None
        first = kinds_of(function.code(0))
        return function if first is None or first & frame.allow else None

    def if_aggregate(self, scope: Scope) -> Scope | None:
        level, frame = scope.levels[-1], scope.frames[-1]
        if frame.flags & NO_AGGREGATE or self._callable(scope, self.dialect.aggregates) is None:
            return None
        if level.phase not in ("items", "having", "order") or level.itself:
            return None
        if level.phase == "order" and not level.aggregated and level.grouped is None:
            return None
        starred = self.dialect.typed and any(out.kind in ("*", "star") for out in level.outputs)
        return None if starred else scope

    def if_window(self, scope: Scope) -> Scope | None:
        level, frame = scope.levels[-1], scope.frames[-1]
        if frame.flags & NO_WINDOW or level.phase not in ("items", "order") or level.itself:
            return None
        if len(scope.frames) >= MAX_FRAMES - 3:
            return None  # an argument may have to be a call
        return scope if self._callable(scope, self.dialect.windows) else None

    def if_function(self, scope: Scope) -> Scope | None:
        return scope if self._callable(scope, self.dialect.functions) else None

    def called(self, scope: Scope) -> Function:
        """The function whose arguments are being read."""
        name = scope.frames[-1].function
        for functions in (self.dialect.aggregates, self.dialect.windows, self.dialect.functions):
            if name in functions:
                return functions[name]
        raise AssertionError(name)

    def _call(self, scope: Scope, flags: int) -> Scope:
        outer = scope.frames[-1]
        frame = Frame("call", allow=outer.allow, flags=self.inherited(scope) | flags, function=scope.word)
        return scope._replace(frames=(*scope.frames, frame), word="")

    def do_aggregate(self, scope: Scope) -> Scope:
        level = scope.levels[-1]._replace(inner=frozenset())
        scope = self._call(scope, AGGREGATE | NO_AGGREGATE | NO_WINDOW | NO_QUERY)
        return scope._replace(levels=(*scope.levels[:-1], level))

    def do_window(self, scope: Scope) -> Scope:
        return self._call(scope, NO_AGGREGATE | NO_WINDOW | NO_QUERY)

    def do_function(self, scope: Scope) -> Scope:
        return self._call(scope, 0)

    def if_count(self, scope: Scope) -> Scope | None:
        return scope if scope.frames[-1].function == "count" else None

    def if_single(self, scope: Scope) -> Scope | None:
        return scope if self.called(scope).minimum == 1 and scope.frames[-1].function != "std" else None

    def do_counted(self, scope: Scope) -> Scope:
        return changed(scope, argument=1)

    def do_distinct_argument(self, scope: Scope) -> Scope:
        return changed(scope, boolean=True)  # of a call: whether DISTINCT stands before its only argument
