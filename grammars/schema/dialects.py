"""Dialects: which draft and which keywords `$schema` means, and the documents that references may reach.

Implements JSON Schema core: `$schema` and `$vocabulary` (2019-09 and 2020-12, sections 8.1 and 9). A metaschema that
the caller passed says by its vocabularies which keywords assert anything; those of other vocabularies are annotations,
as unknown keywords are. Nothing is ever fetched: documents are passed, or are metaschemas of the known drafts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urljoin

import referencing.jsonschema
from referencing import Resource

from ..errors import GrammarError, Unsupported
from .keywords import KEYWORDS, Keyword

DRAFTS = {
    "http://json-schema.org/draft-04/schema": 4,
    "http://json-schema.org/draft-06/schema": 6,
    "http://json-schema.org/draft-07/schema": 7,
    "https://json-schema.org/draft/2019-09/schema": 2019,
    "https://json-schema.org/draft/2020-12/schema": 2020,
}
# Keywords of no vocabulary: those of older drafts that go with one.
ELDERS = {"vocab/core": {"definitions"}, "vocab/applicator": {"dependencies"}}

INVENTED_DRAFT = -1  # the draft of schemas that this compiler makes itself


class Dialect(NamedTuple):
    """The draft of a schema, and its keywords."""

    draft: int
    keywords: dict[str, Keyword]


STANDARD = {draft: Dialect(draft, KEYWORDS[draft]) for draft in DRAFTS.values()}
UNDECLARED = Dialect(2020, KEYWORDS[0])  # where no `$schema` says otherwise: with the older spellings
INVENTED = Dialect(INVENTED_DRAFT, KEYWORDS[INVENTED_DRAFT])


def escape(token: str) -> str:
    """A reference token of RFC 6901. Raises GrammarError for a key that is no string, which JSON does not have."""
    if not isinstance(token, str):
        raise GrammarError(f"the keys of a schema must be strings, not {token!r:.60}")
    if "~" in token or "/" in token:
        return token.replace("~", "~0").replace("/", "~1")
    return token


class Found(NamedTuple):
    """A document: the URI that it is known by, its contents, and its dialect where it names none (None: any)."""

    uri: str
    contents: Any
    dialect: Dialect | None


class Library:
    """The documents that the caller passed, by URI or by the `$id` of their root, and the metaschemas."""

    def __init__(self, documents: Mapping[str, Any] | None) -> None:
        """`documents`: schemas (or `referencing.Resource`) by URI; a `referencing.Registry` is such a mapping."""
        if documents is not None and not isinstance(documents, Mapping):
            raise GrammarError(f"documents must be a mapping from URI to schema, not {type(documents).__name__}")
        self._passed: dict[str, Found] = {}
        self._named: dict[str, str] = {}
        self._dialects: dict[str, Dialect] = {}
        for uri, document in (documents or {}).items():
            if not isinstance(uri, str) or not uri.removesuffix("#"):
                raise GrammarError(f"documents: a URI must be a non-empty string, not {uri!r:.60}")
            self._add(uri.removesuffix("#"), document)

    def _add(self, uri: str, document: Any) -> None:
        found = Found(uri, document, None)
        if isinstance(document, Resource):
            contents = document.contents
            # A resource does not tell its specification, but equals one that was made with the same.
            drafts = [
                draft
                for name, draft in DRAFTS.items()
                if referencing.jsonschema.specification_with(name).create_resource(contents) == document
            ]
            found = Found(uri, contents, STANDARD[drafts[0]] if drafts else None)
        if not isinstance(found.contents, dict | bool):
            kind = type(found.contents).__name__
            raise GrammarError(f"documents: a schema is an object or a boolean, not {kind}", pointer=f"{uri}#")
        self._passed[uri] = found
        if isinstance(found.contents, dict):
            name = found.contents.get("$id", found.contents.get("id"))
            if isinstance(name, str):
                try:
                    self._named.setdefault(urljoin(uri, name).removesuffix("#"), uri)
                except ValueError:  # no URI: refused where the document is read
                    return

    def passed(self) -> Iterator[Found]:
        """The documents that the caller passed."""
        return iter(self._passed.values())

    def find(self, uri: str) -> Found | None:
        """The document with this URI, without an empty fragment."""
        found = self._passed.get(uri) or self._passed.get(self._named.get(uri, ""))
        if found is None and (contents := metaschema(uri)) is not None:
            found = Found(uri, contents, None)
        return found

    def dialect(self, schema: Any, pointer: str) -> Dialect | None:
        """The dialect that `$schema` names; None when there is none. Unknown dialects are refused."""
        if not isinstance(schema, dict) or "$schema" not in schema:
            return None
        uri = schema["$schema"]
        if not isinstance(uri, str):
            raise GrammarError("$schema must be a string", pointer=f"{pointer}/$schema", keyword="$schema")
        return self._named_dialect(uri.removesuffix("#"), f"{pointer}/$schema", ())

    def _named_dialect(self, uri: str, pointer: str, path: tuple[str, ...]) -> Dialect:
        draft = DRAFTS.get(uri.replace("https://json-schema.org/draft-", "http://json-schema.org/draft-"))
        if draft is not None:
            return STANDARD[draft]
        if uri in self._dialects:
            return self._dialects[uri]
        found = self._passed.get(uri) or self._passed.get(self._named.get(uri, ""))
        if found is None or not isinstance(found.contents, dict):
            known = ", ".join(DRAFTS)
            why = f"the dialect {uri!r} is not known; known are {known}, and metaschemas in `documents`"
            raise Unsupported(why, pointer=pointer, keyword="$schema")
        outer = found.contents.get("$schema")
        if not isinstance(outer, str) or outer.removesuffix("#") in (*path, uri):
            raise Unsupported(
                f"the metaschema {uri!r} names no known draft in its own $schema", pointer=pointer, keyword="$schema"
            )
        base = self._named_dialect(outer.removesuffix("#"), f"{found.uri}#/$schema", (*path, uri))
        vocabularies = found.contents.get("$vocabulary") if base.draft >= 2019 else None
        dialect = base if vocabularies is None else _with(base.draft, vocabularies, f"{found.uri}#/$vocabulary")
        self._dialects[uri] = dialect
        return dialect


def metaschema(uri: str) -> Any:
    """The metaschema of a draft, or of one of its vocabularies; None where there is none of that URI."""
    from jsonschema_specifications import REGISTRY  # here, because it reads all of them

    resource = REGISTRY.get(uri)
    return None if resource is None else resource.contents


def _with(draft: int, vocabularies: Any, pointer: str) -> Dialect:
    """The dialect of a draft with these vocabularies alone (and the core, which is never absent)."""
    if not isinstance(vocabularies, dict) or not all(isinstance(needed, bool) for needed in vocabularies.values()):
        raise GrammarError("$vocabulary must map URIs to booleans", pointer=pointer, keyword="$vocabulary")
    root = f"https://json-schema.org/draft/{'2019-09' if draft == 2019 else '2020-12'}/"
    names: set[str] = set()
    for uri, needed in {f"{root}vocab/core": True, **vocabularies}.items():
        kind = uri.removeprefix(root) if isinstance(uri, str) else ""
        described = metaschema(root + kind.replace("vocab/", "meta/")) if kind.startswith("vocab/") else None
        if described is not None:
            names.update(described["properties"], ELDERS.get(kind, ()))
        elif needed:
            raise Unsupported(
                f"the vocabulary {uri!r} is required and not known",
                pointer=f"{pointer}/{escape(uri)}",
                keyword="$vocabulary",
            )
    return Dialect(draft, {name: keyword for name, keyword in KEYWORDS[draft].items() if name in names})
