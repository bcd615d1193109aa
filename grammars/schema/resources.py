"""Schema resources and anchors: which schema a URI or an anchor names, in the document and those it refers to.

Implements JSON Schema core: `$id` (`id` in draft 4; in drafts 6 and 7 also as an anchor), `$anchor`, `$dynamicAnchor`
and `$recursiveAnchor`. A document is searched for them when a reference first needs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from ..errors import BudgetExceeded, GrammarError
from .dialects import Dialect, Found, Library, escape

if TYPE_CHECKING:
    from .document import Document, Place

# Where subschemas live: identifiers count only there.
IN_SCHEMA = ["additionalItems", "additionalProperties", "contains", "contentSchema", "else", "if", "items", "not"]
IN_SCHEMA += ["propertyNames", "then", "unevaluatedItems", "unevaluatedProperties"]
IN_LIST = ["allOf", "anyOf", "oneOf", "prefixItems", "items"]
IN_MAP = ["$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"]
DYNAMIC = {"$dynamicAnchor", "$recursiveAnchor"}
UNEVALUATED = {"unevaluatedItems", "unevaluatedProperties"}
MENTIONED = DYNAMIC | UNEVALUATED

RECURSIVE = ""  # among the names of dynamic anchors, none of which is empty: `$recursiveAnchor`


def join(base: str, reference: str, pointer: str) -> str:
    """The URI that a reference means (RFC 3986, section 5)."""
    try:
        return urljoin(base, reference)
    except ValueError as error:
        raise GrammarError(f"{reference!r:.80} is no URI reference: {error}", pointer=pointer) from error


def identifier(schema: dict[str, Any], dialect: Dialect) -> tuple[str, str]:
    """The URI reference and the anchor that `$id` names ("" for none); in older drafts a `$ref` beside it hides it."""
    name = schema.get("id" if dialect.draft == 4 else "$id")
    if not isinstance(name, str) or (dialect.draft <= 7 and "$ref" in schema):
        return "", ""
    uri, _, anchor = name.partition("#")
    return uri, anchor


def inside(library: Library, schema: dict[str, Any], pointer: str, base: str, dialect: Dialect) -> tuple[str, Dialect]:
    """Base URI and dialect inside `schema`; a resource may be of another dialect than what is around it."""
    inner = dialect
    if "$schema" in schema and ("$id" in schema or "id" in schema):
        inner = library.dialect(schema, pointer) or dialect
    uri, _ = identifier(schema, inner)
    return (join(base, uri, f"{pointer}/$id"), inner) if uri else (base, dialect)


def _mentioned(schema: Any) -> set[str]:
    """Which of the MENTIONED keywords are written anywhere in a document (in an `enum` they do no harm)."""
    found: set[str] = set()
    stack, seen = [schema], set()
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, dict):
            if not MENTIONED.isdisjoint(node):
                found |= MENTIONED & node.keys()
            node = node.values()
        stack += [below for below in node if isinstance(below, (dict, list))]
    return found


class Resources:
    """The schema resources and anchors of a document and those that it refers to; their places are in no scope."""

    def __init__(self, document: Document, dialect: Dialect) -> None:
        """`dialect`: that of the document, for other documents that name none."""
        self._document = document
        self._dialect = dialect
        self._root: Place | None = None
        self._pending: list[Place] = []
        self._loaded: dict[str, Place] = {}
        self._resources: dict[str, Place] = {}
        self._anchors: dict[tuple[str, str], Place] = {}
        self._dynamic: dict[str, dict[str, Place]] = {}
        self._searched_all = False

    def load(self, schema: Any, pointer: str, base: str, dialect: Dialect) -> Place:
        """Read a document, the first one being the one that all is about; returns the place of its root."""
        if isinstance(schema, dict | list):
            mentioned = _mentioned(schema)
            self._document.dynamic |= bool(mentioned & DYNAMIC)
            self._document.unevaluated |= bool(mentioned & UNEVALUATED)
        root = self._document.static(schema, pointer, base, dialect)
        if self._root is None:
            self._root = root
        self._resources.setdefault(root.base, root)
        self._pending.append(root)
        return root

    def find(self, uri: str) -> Place | None:
        """The resource with this URI: of what was read already, of documents that were passed, or a metaschema."""
        assert self._root is not None
        if uri == self._root.base:
            return self._root
        self._index()
        place = self._resources.get(uri) or self._loaded.get(uri)
        if place is None and (found := self._document.library.find(uri)) is not None:
            place = self._loaded[uri] = self._loaded.get(found.uri) or self._load(found)
        if place is None and not self._searched_all:
            self._searched_all = True
            for found in self._document.library.passed():
                if found.uri not in self._loaded:
                    try:
                        self._load(found)
                    except BudgetExceeded:
                        raise
                    except GrammarError:  # wrong or refused: said where something refers to it
                        continue
            self._index()
            place = self._resources.get(uri)
        return place

    def _load(self, found: Found) -> Place:
        pointer = f"{found.uri}#"
        dialect = self._document.library.dialect(found.contents, pointer) or found.dialect or self._dialect
        place = self._loaded[found.uri] = self.load(found.contents, pointer, found.uri, dialect)
        return place

    def anchor(self, base: str, name: str) -> Place | None:
        """The schema with this anchor in the resource with this base URI."""
        self._index()
        return self._anchors.get((base, name))

    def dynamic_anchors(self, base: str) -> dict[str, Place]:
        """The schemas with dynamic anchors in the resource with this base URI; its root as RECURSIVE if it is one."""
        if not self._document.dynamic:
            return {}
        self._index()
        return self._dynamic.get(base, {})

    def _index(self) -> None:
        """Find the identifiers and anchors of what was read."""
        while self._pending:
            stack = [self._pending.pop()]
            while stack:
                place = stack.pop()
                schema = place.schema
                if not isinstance(schema, dict):
                    continue
                self._document.check_time()
                self._register(place, schema)
                if place.draft <= 7 and "$ref" in schema:
                    continue
                stack.extend(self.subschemas(place, schema))

    def _register(self, place: Place, schema: dict[str, Any]) -> None:
        """Note what one schema is called."""
        base, keywords = place.base, place.dialect.keywords
        uri, anchor = identifier(schema, place.dialect)
        if uri:
            self._resources.setdefault(base, place)
        if anchor:
            self._anchors.setdefault((base, anchor), place)
        for keyword in ("$anchor", "$dynamicAnchor"):
            name = schema.get(keyword)
            if isinstance(name, str) and name and keyword in keywords:
                self._anchors.setdefault((base, name), place)
                if keyword == "$dynamicAnchor":
                    self._dynamic.setdefault(base, {}).setdefault(name, place)
        is_root = self._resources.get(base) is place
        if is_root and schema.get("$recursiveAnchor") is True and "$recursiveAnchor" in keywords:
            self._dynamic.setdefault(base, {})[RECURSIVE] = place

    def subschemas(self, place: Place, schema: dict[str, Any]) -> list[Place]:
        """The places right below a schema object, where the specification has schemas."""
        child = self._document.child
        found = []
        for keyword in IN_SCHEMA:
            if isinstance(schema.get(keyword), dict):
                found.append(child(place, schema[keyword], keyword))
        for keyword in IN_LIST:
            if isinstance(schema.get(keyword), list):
                found += [child(place, s, keyword, str(i)) for i, s in enumerate(schema[keyword])]
        for keyword in IN_MAP:
            if isinstance(schema.get(keyword), dict):
                found += [child(place, s, keyword, escape(k)) for k, s in schema[keyword].items()]
        return found
