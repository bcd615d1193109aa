"""Results of functions of scopes, remembered by what they read: queries that differ elsewhere share them.

A function is run once on a scope that notes which of its parts are read (memoisation by tracing, as in adaptive
functional programming, Acar et al., POPL 2002). The parts and their values make a path in a tree of questions, at whose
end the result stands, and any scope that answers alike has the same result. A function that is remembered may ask for
results of another: what that reads is then read by both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from .levels import Scope

_Result = TypeVar("_Result")
_REMEMBERED = 1 << 16
_SCOPE, _LEVELS, _FRAMES = range(3)
Path = tuple[int, int, str]
"""Whether the part stands in the scope itself, in a level or in a frame; in which one; its name."""


class _Traced:
    """A scope, level or frame that notes which of its fields are read: once each, then they are attributes."""

    def __init__(self, base: Any, log: dict[Path, Any], group: int, index: int, changes: dict[str, Any]) -> None:
        self.__dict__.update(changes)
        self._base, self._log, self._group, self._index, self._changes = base, log, group, index, changes

    def __getattr__(self, name: str) -> Any:
        value = self._log[self._group, self._index, name] = self.__dict__[name] = getattr(self._base, name)
        return value

    def _replace(self, **changes: Any) -> _Traced:
        return _Traced(self._base, self._log, self._group, self._index, {**self._changes, **changes})


def _traced(scope: Scope, log: dict[Path, Any]) -> Any:
    levels = tuple([_Traced(level, log, _LEVELS, i, {}) for i, level in enumerate(scope.levels)])
    frames = tuple([_Traced(frame, log, _FRAMES, i, {}) for i, frame in enumerate(scope.frames)])
    return _Traced(scope, log, _SCOPE, 0, {"levels": levels, "frames": frames})


def _read(scope: Scope, path: Path) -> Any:
    group, index, name = path
    within = scope if group == _SCOPE else (scope.levels if group == _LEVELS else scope.frames)[index]
    return getattr(within, name)


class _Question:
    """A part of a scope, and what follows from its values."""

    __slots__ = ("path", "ways")

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ways: dict[Any, Any] = {}


class Traces(Generic[_Result]):
    """Results of one function by its key and by what it reads of the scope; they must hold no scope.

    Args:
        function: what is remembered; of the scope it may ask for fields, and for others by `_replace`.
    """

    def __init__(self, function: Callable[[Any, Scope], _Result]) -> None:
        self._function = function
        self._known: dict[tuple[Any, int, int], Any] = {}
        self._count = 0

    def result(self, key: Any, scope: Scope) -> _Result:
        """What the function returns."""
        root = key, len(scope.levels), len(scope.frames)
        found = self._known.get(root)
        while type(found) is _Question:
            found = found.ways.get(_read(scope, found.path))
        result: _Result = self._found_out(root, scope) if found is None else found[0]
        return result

    def _found_out(self, root: tuple[Any, int, int], scope: Scope) -> _Result:
        """The result, worked out and remembered."""
        log: dict[Path, Any] = {}
        result = self._function(root[0], _traced(scope, log))
        if self._count > _REMEMBERED:
            self._known.clear()
            self._count = 0
        self._count += 1
        ways: dict[Any, Any] = self._known
        way: Any = root
        while type(ways.get(way)) is _Question:  # what others asked before is asked first
            question = ways[way]
            ways, way = question.ways, _read(scope, question.path)
            log.pop(question.path, None)
        for path, value in log.items():
            question = ways[way] = _Question(path)
            ways, way = question.ways, value
        ways[way] = (result,)
        return result
