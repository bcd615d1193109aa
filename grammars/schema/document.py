"""The schema document: dialect, places (JSON Pointers), identifiers and local references.

Implements JSON Schema core: `$schema`, `$id`/`id`, `$anchor`, `$ref` (drafts 4, 6, 7, 2019-09, 2020-12) and RFC 6901
JSON Pointers. Nothing is ever fetched: a reference that leaves the document is refused by name.
"""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import unquote, urljoin

from ..budget import Budget
from ..errors import BudgetExceeded, GrammarError, Unsupported
from .keywords import KEYWORDS, Keyword

DRAFTS = {
    "http://json-schema.org/draft-04/schema": 4,
    "http://json-schema.org/draft-06/schema": 6,
    "http://json-schema.org/draft-07/schema": 7,
    "https://json-schema.org/draft/2019-09/schema": 2019,
    "https://json-schema.org/draft/2020-12/schema": 2020,
}

# Where subschemas live: identifiers count only there.
IN_SCHEMA = ["additionalItems", "additionalProperties", "contains", "contentSchema", "else", "if", "items", "not"]
IN_SCHEMA += ["propertyNames", "then", "unevaluatedItems", "unevaluatedProperties"]
IN_LIST = ["allOf", "anyOf", "oneOf", "prefixItems", "items"]
IN_MAP = ["$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"]

MAX_POINTERS = 1 << 27  # characters of all pointers together: quadratic in the depth of a document
INVENTED = -1  # the draft of schemas that this compiler makes itself


class Place:
    """One schema in the document: its value, JSON Pointer, base URI and draft. Compared by identity.

    `within` holds the places by pointer: those of the document, or those of an invented schema and its parts.
    """

    __slots__ = ("atom", "base", "draft", "pointer", "schema", "within")

    def __init__(self, schema: Any, pointer: str, base: str, draft: int, within: dict[str, Place]) -> None:
        self.schema = schema
        self.pointer = pointer
        self.base = base
        self.draft = draft
        self.within = within
        self.atom: Any = None

    def __repr__(self) -> str:
        return f"Place({self.pointer or '/'})"


def escape(token: str) -> str:
    """A reference token of RFC 6901. Raises GrammarError for a key that is no string, which JSON does not have."""
    if not isinstance(token, str):
        raise GrammarError(f"the keys of a schema must be strings, not {token!r:.60}")
    if "~" in token or "/" in token:
        return token.replace("~", "~0").replace("/", "~1")
    return token


def join(base: str, reference: str, pointer: str) -> str:
    """The URI that a reference means (RFC 3986, section 5)."""
    try:
        return urljoin(base, reference)
    except ValueError as error:
        raise GrammarError(f"{reference!r:.80} is no URI reference: {error}", pointer=pointer) from error


def draft_of(schema: Any, pointer: str) -> int | None:
    """The draft that `$schema` names; None when there is none. Unknown dialects are refused."""
    if not isinstance(schema, dict) or "$schema" not in schema:
        return None
    uri = schema["$schema"]
    if not isinstance(uri, str):
        raise GrammarError("$schema must be a string", pointer=f"{pointer}/$schema", keyword="$schema")
    draft = DRAFTS.get(uri.removesuffix("#").replace("https://json-schema.org/draft-", "http://json-schema.org/draft-"))
    if draft is None:
        known = ", ".join(DRAFTS)
        raise Unsupported(
            f"the dialect {uri!r} is not known; known are {known}", pointer=f"{pointer}/$schema", keyword="$schema"
        )
    return draft


class Document:
    """A schema document and the places in it.

    Attributes:
        root: place of the whole schema.
        declared: whether the document names its dialect; otherwise older spellings are understood as well.
        ignored: pointers of keywords that assert nothing here: unknown keywords and unknown formats.
    """

    def __init__(self, schema: Any, budget: Budget | None = None) -> None:
        self._seconds = (budget or Budget()).seconds
        self._deadline = time.monotonic() + self._seconds
        self._pointers = 0
        draft = draft_of(schema, "")
        self.declared = draft is not None
        self.ignored: list[str] = []
        self._places: dict[str, Place] = {}
        self._resources: dict[str, Place] | None = None
        self._anchors: dict[tuple[str, str], Place] = {}
        self._opposites: dict[Place, Place] = {}
        self.root = self._intern(schema, "", "", draft or 2020, self._places)

    def check_time(self) -> None:
        """Raise BudgetExceeded when the time of the budget is over."""
        if time.monotonic() > self._deadline:
            raise BudgetExceeded(f"planning took more than {self._seconds:g} seconds; give a larger Budget(seconds=)")

    def child(self, parent: Place, schema: Any, *tokens: str) -> Place:
        """The place of `schema`, found under `parent` at `tokens` (escaped); invented schemas may hold places."""
        if isinstance(schema, Place):
            return schema
        pointer = f"{parent.pointer}/{'/'.join(tokens)}"
        place = parent.within.get(pointer)
        return place or self._intern(schema, pointer, parent.base, parent.draft, parent.within)

    def keywords(self, place: Place) -> dict[str, Keyword]:
        """The keywords that mean something at a place."""
        return KEYWORDS[0 if place.draft == 2020 and not self.declared else place.draft]

    def places(self) -> dict[str, Place]:
        """The places met so far, by pointer; those that were compiled have an atom."""
        return self._places

    def invented(self, schema: Any, pointer: str) -> Place:
        """A place for a schema that stands for something else, such as one value of an `enum`."""
        return self._place(schema, pointer, "", INVENTED, {})

    def opposite(self, place: Place) -> Place:
        """The place of `not` what is at `place`; always the same one."""
        found = self._opposites.get(place)
        if found is None:
            found = self._opposites[place] = self.invented({"not": place}, place.pointer)
        return found

    def _intern(self, schema: Any, pointer: str, base: str, draft: int, within: dict[str, Place]) -> Place:
        if isinstance(schema, dict):
            base, draft = self._scope(schema, pointer, base, draft)
        place = within[pointer] = self._place(schema, pointer, base, draft, within)
        return place

    def _place(self, schema: Any, pointer: str, base: str, draft: int, within: dict[str, Place]) -> Place:
        self._pointers += len(pointer)
        if self._pointers > MAX_POINTERS:
            raise BudgetExceeded("the schema is nested too deeply", pointer=f"{pointer[:80]}...")
        return Place(schema, pointer, base, draft, within)

    def _scope(self, schema: dict[str, Any], pointer: str, base: str, draft: int) -> tuple[str, int]:
        """Base URI and draft inside `schema`."""
        name = schema.get("id" if draft == 4 else "$id")
        if not isinstance(name, str) or name.startswith("#") or (draft <= 7 and "$ref" in schema):
            return base, draft
        if pointer:
            draft = draft_of(schema, pointer) or draft
        return join(base, name, f"{pointer}/$id").removesuffix("#"), draft

    def resolve(self, place: Place, reference: str) -> Place:
        """The place that `$ref: reference` in `place` means. Raises Unsupported for what is not in the document."""
        pointer = f"{place.pointer}/$ref"
        base, _, fragment = reference.partition("#")
        base = join(place.base, base, pointer) if base else place.base
        resource = self.root if base == self.root.base else self._index().get(base)
        if resource is None:
            raise Unsupported(
                f"$ref to {reference!r} leaves the document; only references inside it are followed",
                pointer=pointer,
                keyword="$ref",
            )
        fragment = unquote(fragment)
        if fragment and not fragment.startswith("/"):
            self._index()
            target = self._anchors.get((base, fragment))
            if target is None:
                raise GrammarError(f"$ref: no anchor {fragment!r} in the document", pointer=pointer, keyword="$ref")
            return target
        node = resource.schema
        path, base, draft = resource.pointer, resource.base, resource.draft
        tokens = fragment.split("/")[1:]
        for count, token in enumerate(tokens):
            token = token.replace("~1", "/").replace("~0", "~")
            if isinstance(node, dict) and token in node:
                node = node[token]
            elif isinstance(node, list) and token.isdecimal() and len(token) < 10 and int(token) < len(node):
                node = node[int(token)]
            else:
                raise GrammarError(f"$ref: nothing at {reference!r}", pointer=pointer, keyword="$ref")
            path = f"{path}/{escape(token)}"
            if isinstance(node, dict) and count + 1 < len(tokens):
                base, draft = self._scope(node, path, base, draft)
        return self._places.get(path) or self._intern(node, path, base, draft, self._places)

    def _index(self) -> dict[str, Place]:
        """Identified resources by URI; fills the anchors as well."""
        if self._resources is None:
            self._resources = {self.root.base: self.root}
            stack = [self.root]
            while stack:
                place = stack.pop()
                schema = place.schema
                if not isinstance(schema, dict):
                    continue
                self._register(place, schema, self._resources)
                if place.draft <= 7 and "$ref" in schema:
                    continue
                stack.extend(self.subschemas(place, schema))
        return self._resources

    def _register(self, place: Place, schema: dict[str, Any], resources: dict[str, Place]) -> None:
        name = schema.get("id" if place.draft == 4 else "$id")
        if isinstance(name, str) and not (place.draft <= 7 and "$ref" in schema):
            if name.startswith("#"):
                self._anchors.setdefault((place.base, name[1:]), place)
            else:
                resources.setdefault(place.base, place)
        for keyword in ("$anchor", "$dynamicAnchor"):
            anchor = schema.get(keyword)
            if isinstance(anchor, str) and place.draft >= 2019:
                self._anchors.setdefault((place.base, anchor), place)

    def subschemas(self, place: Place, schema: dict[str, Any]) -> list[Place]:
        """The places right below a schema object, where the specification has schemas."""
        found = []
        for keyword in IN_SCHEMA:
            if isinstance(schema.get(keyword), dict):
                found.append(self.child(place, schema[keyword], keyword))
        for keyword in IN_LIST:
            if isinstance(schema.get(keyword), list):
                found += [self.child(place, s, keyword, str(i)) for i, s in enumerate(schema[keyword])]
        for keyword in IN_MAP:
            if isinstance(schema.get(keyword), dict):
                found += [self.child(place, s, keyword, escape(k)) for k, s in schema[keyword].items()]
        return found
