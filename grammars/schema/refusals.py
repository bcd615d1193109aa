"""Every refusal of a schema, not only the first: what is refused is taken out, and the rest compiled again.

What stands below something that was taken out is not judged. Where a refusal has no place in the schema (a budget, for
one), or taking it out leaves a schema that nothing satisfies, the search ends there and says that it is incomplete.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..budget import Budget
from ..compiled import load_kernels
from ..errors import EmptyLanguage, GrammarError
from .compiler import compile_document
from .document import Document, escape
from .resources import IN_LIST, IN_MAP, IN_SCHEMA
from .text import Layout

MAX_REFUSALS = 500
COMPLEMENTS = ("not", "if")  # below them, what is refused is often the complement
ABSENT = object()


@dataclass(frozen=True)
class Finding:
    """Something to say about a place in a schema: its JSON Pointer, the keyword (None: the whole), and what."""

    pointer: str
    keyword: str | None
    message: str


@dataclass
class Search:
    """What came out: the document without what is refused, None where even that did not compile.

    Attributes:
        document: the last one, planned in full, unless that failed.
        refused: all refusals that were found.
        contradiction: why nothing satisfies the schema (or what is left of it); None where something does.
        complete: whether there can be no more refusals.
        renamed: pointers in `document` that are others in the schema.
    """

    document: Document | None = None
    refused: list[Finding] = field(default_factory=list)
    contradiction: str | None = None
    complete: bool = True
    renamed: dict[str, str] = field(default_factory=dict)

    def original(self, pointer: str) -> str:
        """A pointer into the document as one into the schema."""
        for now, before in reversed(self.renamed.items()):
            if pointer == now or pointer.startswith(now + "/"):
                pointer = before + pointer[len(now) :]
        return pointer


def search(
    schema: Any,
    layout: Layout,
    formats: str,
    budget: Budget | None,
    documents: Mapping[str, Any] | None = None,
) -> Search:
    """Compile the schema, and again without what is refused, until it compiles. Ends within the budget's seconds."""
    load_kernels()  # before the time of the budget begins
    found = Search()
    deadline = time.monotonic() + (budget or Budget()).seconds
    while True:
        document: Document | None = None
        try:
            document = Document(schema, budget, documents=documents)
            compile_document(document, layout, formats, budget)
        except EmptyLanguage as error:
            found.document = document
            found.contradiction = error.message
            found.complete = not found.refused
            return found
        except GrammarError as error:
            found.refused.append(Finding(found.original(error.pointer or ""), error.keyword, error.message))
            schema = _without(schema, error, document, found)
            if schema is ABSENT or len(found.refused) >= MAX_REFUSALS or time.monotonic() > deadline:
                found.complete = False
                return found
        else:
            found.document = document
            return found


def _without(schema: Any, error: GrammarError, document: Document | None, found: Search) -> Any:
    """The schema without what an error is about; ABSENT where that has no place in it."""
    tokens = [token.replace("~1", "/").replace("~0", "~") for token in (error.pointer or "").split("/")[1:]]
    nodes = [schema]
    for token in tokens:
        below = _below(nodes[-1], token)
        if below is ABSENT:
            break
        nodes.append(below)
    tokens = tokens[: len(nodes) - 1]
    if not tokens:
        return ABSENT
    if error.keyword == "not" and tokens[-1] != "not":
        at = [i for i, keyword in enumerate(_keywords(tokens, nodes)) if keyword in COMPLEMENTS]
        if at:
            tokens = tokens[: at[-1] + 1]
    keyword = _keywords(tokens, nodes)[-1]
    owner = nodes[len(tokens) - 1]
    if keyword == "$ref" and isinstance(owner, dict) and document is not None:
        place = document.places().get("".join(f"/{escape(t)}" for t in tokens[:-1]))
        if place is not None and place.draft <= 7:  # its neighbours mean nothing, and still must not
            return _replaced(nodes, tokens[:-1], {})
    if keyword == "oneOf" and "anyOf" not in owner and isinstance(owner["oneOf"], list) and error.keyword == "oneOf":
        here = "".join(f"/{escape(t)}" for t in tokens[:-1])
        if type(error) is not GrammarError:  # well formed: the branches can be judged one by one
            found.renamed[f"{here}/anyOf"] = found.original(f"{here}/oneOf")
            loose = {("anyOf" if k == "oneOf" else k): v for k, v in owner.items()}
            return _replaced(nodes, tokens[:-1], loose)
    if isinstance(owner, list) or (keyword is None and tokens[-2] != "patternProperties"):
        return _replaced(nodes, tokens, True)
    return _replaced(nodes, tokens[:-1], {k: v for k, v in owner.items() if k != tokens[-1]})


def _below(node: Any, token: str) -> Any:
    if isinstance(node, dict):
        return node.get(token, ABSENT)
    if isinstance(node, list) and token.isdecimal() and len(token) < 10 and int(token) < len(node):
        return node[int(token)]
    return ABSENT


def _keywords(tokens: list[str], nodes: list[Any]) -> list[str | None]:
    """For each token the keyword that it is; None for names of properties and positions."""
    keywords: list[str | None] = []
    inner = False  # inside a map or a list of schemas
    for token, node, below in zip(tokens, nodes, nodes[1:], strict=False):
        if inner or not isinstance(node, dict):
            keywords.append(None)
            inner = False
            continue
        keywords.append(token)
        inner = token in IN_MAP or (token in IN_LIST and isinstance(below, list))
        if not inner and token not in IN_SCHEMA:
            inner = isinstance(below, dict | list)
    return keywords


def _replaced(nodes: list[Any], tokens: list[str], value: Any) -> Any:
    """The schema with another value at the tokens; what does not lead there is shared, not copied."""
    for node, token in zip(reversed(nodes[: len(tokens)]), reversed(tokens), strict=True):
        if isinstance(node, list):
            at = int(token)
            value = [*node[:at], value, *node[at + 1 :]]
        else:
            value = {k: (value if k == token else v) for k, v in node.items()}
    return value
