"""The schema document: places (JSON Pointers) and where references lead, also to other documents.

Implements JSON Schema core: `$ref` (drafts 4, 6, 7, 2019-09, 2020-12), `$dynamicRef` (2020-12, section 8.2.3.2),
`$recursiveRef` (2019-09, section 8.2.4.2) and RFC 6901 JSON Pointers. Identifiers and anchors are found by `resources`.

Of the dynamic scope, which is the sequence of schema resources that were entered, only the outermost resource with each
dynamic anchor matters. There are finitely many such scopes, and a place is a schema in one of them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from ..budget import Budget
from ..errors import BudgetExceeded, GrammarError, Unsupported
from .dialects import INVENTED, UNDECLARED, Dialect, Library, escape
from .resources import RECURSIVE, Resources, inside, join

MAX_POINTERS = 1 << 27  # characters of all pointers together: quadratic in the depth of a document
MAX_ANCHORS = 1 << 20  # dynamic anchors of all dynamic scopes together


_NO_ANCHORS: dict[str, Place] = {}


class Scope:
    """A dynamic scope: the schema that each dynamic anchor means in it, and the places seen in it, by pointer.

    Invented schemas have one of their own, that their parts share.
    """

    __slots__ = ("anchors", "places")

    def __init__(self, anchors: dict[str, Place] | None = None) -> None:
        self.anchors = _NO_ANCHORS if anchors is None else anchors
        self.places: dict[str, Place] = {}


class Place:
    """One schema in a document: its value, JSON Pointer, base URI, dialect and dynamic scope. Compared by identity.

    The pointer of a place in another document is `uri#/pointer`.
    """

    __slots__ = ("atom", "base", "dialect", "pointer", "schema", "scope")

    def __init__(self, schema: Any, pointer: str, base: str, dialect: Dialect, scope: Scope) -> None:
        self.schema = schema
        self.pointer = pointer
        self.base = base
        self.dialect = dialect
        self.scope = scope
        self.atom: Any = None

    @property
    def draft(self) -> int:
        """The number or year of the draft; that of invented schemas is below zero."""
        return self.dialect.draft

    def __repr__(self) -> str:
        return f"Place({self.pointer or '/'})"


class Document:
    """A schema document, those that it refers to, and the places in them.

    Attributes:
        root: place of the whole schema.
        ignored: pointers of keywords that assert nothing here: unknown keywords and unknown formats.
        dynamic: whether a document in reach has dynamic anchors; without them all places are in one scope.
        unevaluated: whether a document in reach has an unevaluated keyword.
    """

    def __init__(
        self, schema: Any, budget: Budget | None = None, *, documents: Mapping[str, Any] | None = None
    ) -> None:
        self._seconds = (budget or Budget()).seconds
        self._deadline = time.monotonic() + self._seconds
        self._pointers = 0
        self._anchors = 0
        self.ignored: list[str] = []
        self.dynamic = False
        self.unevaluated = False
        self._static = Scope()  # places as the documents have them, whatever refers to them
        self._outermost = Scope()
        self._scopes: dict[frozenset[tuple[str, Place]], Scope] = {frozenset(): self._outermost}
        self._entered: dict[tuple[Scope, str], Scope] = {}
        self._opposites: dict[Place, Place] = {}
        self.library = Library(documents)
        dialect = self.library.dialect(schema, "") or UNDECLARED
        self.resources = Resources(self, dialect)
        self.root = self._enter(self.resources.load(schema, "", "", dialect), self._static)

    def check_time(self) -> None:
        """Raise BudgetExceeded when the time of the budget is over."""
        if time.monotonic() > self._deadline:
            raise BudgetExceeded(f"planning took more than {self._seconds:g} seconds; give a larger Budget(seconds=)")

    def child(self, parent: Place, schema: Any, *tokens: str) -> Place:
        """The place of `schema`, found under `parent` at `tokens` (escaped); invented schemas may hold places."""
        if isinstance(schema, Place):
            return schema
        pointer = f"{parent.pointer}/{'/'.join(tokens)}"
        place = parent.scope.places.get(pointer)
        return place or self._intern(schema, pointer, parent.base, parent.dialect, parent.scope)

    def static(self, schema: Any, pointer: str, base: str, dialect: Dialect) -> Place:
        """The place of a schema outside of any dynamic scope, in a resource of the given base URI."""
        return self._static.places.get(pointer) or self._intern(schema, pointer, base, dialect, self._static)

    def places(self) -> dict[str, Place]:
        """The places met so far, by pointer; those that were compiled have an atom, and come first in other scopes."""
        met: dict[str, Place] = dict(self._static.places)
        for scope in self._scopes.values():
            met |= {pointer: p for pointer, p in scope.places.items() if p.atom is not None or pointer not in met}
        return met

    def invented(self, schema: Any, pointer: str) -> Place:
        """A place for a schema that stands for something else, such as one value of an `enum`."""
        return self._place(schema, pointer, "", INVENTED, Scope())

    def opposite(self, place: Place) -> Place:
        """The place of `not` what is at `place`; always the same one."""
        found = self._opposites.get(place)
        if found is None:
            found = self._opposites[place] = self.invented({"not": place}, place.pointer)
        return found

    def _intern(self, schema: Any, pointer: str, base: str, dialect: Dialect, scope: Scope) -> Place:
        if isinstance(schema, dict) and ("$id" in schema or "id" in schema):
            outer = base, dialect
            base, dialect = inside(self.library, schema, pointer, base, dialect)
            if self.dynamic and base != outer[0] and scope is not self._static:
                place = scope.places[pointer] = self._enter(self.static(schema, pointer, *outer), scope)
                return place
        place = scope.places[pointer] = self._place(schema, pointer, base, dialect, scope)
        return place

    def _place(self, schema: Any, pointer: str, base: str, dialect: Dialect, scope: Scope) -> Place:
        self._pointers += len(pointer)
        if self._pointers > MAX_POINTERS:
            raise BudgetExceeded("the schema is nested too deeply", pointer=f"{pointer[:80]}...")
        return Place(schema, pointer, base, dialect, scope)

    def _enter(self, target: Place, scope: Scope) -> Place:
        """The place of a schema, given outside of any scope, as reached from a dynamic scope."""
        if not self.dynamic:
            return target
        if scope is self._static:
            scope = self._outermost
        key = (scope, target.base)
        inner = self._entered.get(key)
        if inner is None:
            inner = self._entered[key] = self._extended(scope, target.base)
        place = inner.places.get(target.pointer)
        if place is None:
            place = self._place(target.schema, target.pointer, target.base, target.dialect, inner)
            inner.places[target.pointer] = place
        return place

    def _extended(self, scope: Scope, base: str) -> Scope:
        """The scope inside the resource `base`: what was entered first counts."""
        added = {n: p for n, p in self.resources.dynamic_anchors(base).items() if n not in scope.anchors}
        if not added:
            return scope
        anchors = {**scope.anchors, **added}
        key = frozenset(anchors.items())
        if key not in self._scopes:
            self._anchors += len(anchors)
            if self._anchors > MAX_ANCHORS:
                raise BudgetExceeded("the dynamic scopes of the schema are too many", keyword="$dynamicAnchor")
            self._scopes[key] = Scope(anchors)
        return self._scopes[key]

    def resolve(self, place: Place, reference: str) -> Place:
        """The place that `$ref: reference` in `place` means. Raises Unsupported for documents that are not there."""
        return self._enter(self._target(place, reference, "$ref"), place.scope)

    def resolve_dynamic(self, place: Place, reference: str) -> Place:
        """The place that `$dynamicRef: reference` in `place` means.

        As `$ref`, but where that leads to a dynamic anchor, the outermost one of that name in the dynamic scope.
        """
        target = self._target(place, reference, "$dynamicRef")
        name = unquote(reference.partition("#")[2])
        if name and self.resources.dynamic_anchors(target.base).get(name) is target:
            target = place.scope.anchors.get(name, target)
        return self._enter(target, place.scope)

    def resolve_recursive(self, place: Place) -> Place:
        """The place that `$recursiveRef` in `place` means: its resource, or the outermost one, by recursive anchors."""
        target = self._target(place, "#", "$recursiveRef")
        if RECURSIVE in self.resources.dynamic_anchors(target.base):
            target = place.scope.anchors.get(RECURSIVE, target)
        return self._enter(target, place.scope)

    def _target(self, place: Place, reference: str, keyword: str) -> Place:
        """The schema that a reference means, outside of any dynamic scope."""
        pointer = f"{place.pointer}/{keyword}"
        base, _, fragment = reference.partition("#")
        base = join(place.base, base, pointer) if base else place.base
        resource = self.resources.find(base)
        if resource is None:
            raise Unsupported(
                f"{keyword} to {reference!r}: no document {base!r}; pass it in `documents`, nothing is fetched",
                pointer=pointer,
                keyword=keyword,
            )
        fragment = unquote(fragment)
        if fragment and not fragment.startswith("/"):
            target = self.resources.anchor(resource.base, fragment)
            if target is None:
                where = f"in {base!r}" if base else "in the document"
                raise GrammarError(f"{keyword}: no anchor {fragment!r} {where}", pointer=pointer, keyword=keyword)
            return target
        node = resource.schema
        path, base, dialect = resource.pointer, resource.base, resource.dialect
        tokens = fragment.split("/")[1:]
        for count, token in enumerate(tokens):
            token = token.replace("~1", "/").replace("~0", "~")
            if isinstance(node, dict) and token in node:
                node = node[token]
            elif isinstance(node, list) and token.isdecimal() and len(token) < 10 and int(token) < len(node):
                node = node[int(token)]
            else:
                raise GrammarError(f"{keyword}: nothing at {reference!r}", pointer=pointer, keyword=keyword)
            path = f"{path}/{escape(token)}"
            if isinstance(node, dict) and count + 1 < len(tokens):
                base, dialect = inside(self.library, node, path, base, dialect)
        return self.static(node, path, base, dialect)


__all__ = ["Document", "Place", "Scope", "escape"]
