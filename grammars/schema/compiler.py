"""From a JSON value to a grammar: reading the schema, checking the options, planning and writing the network."""

from __future__ import annotations

import json
from typing import Any

from ..budget import Budget
from ..errors import EmptyLanguage, GrammarError, Unsupported
from ..grammar import Grammar
from ..network import Network
from .document import Document
from .emit import Writer
from .gather import plan
from .plan import contradiction
from .text import Layout


def read(schema: Any) -> dict[str, Any] | bool:
    """A schema from itself or its JSON text. Raises GrammarError for what is no schema."""
    if isinstance(schema, str):
        try:
            schema = json.loads(schema)
        except RecursionError as error:
            raise GrammarError("the schema is nested too deeply") from error
        except ValueError as error:
            raise GrammarError(f"the schema is no JSON text: {error}") from error
    if not isinstance(schema, dict | bool):
        raise GrammarError(f"a schema is an object or a boolean, not {type(schema).__name__}", pointer="")
    return schema


def check_options(whitespace: str, property_order: str, unknown_formats: str) -> Layout:
    """The layout; raises GrammarError for a value that an option does not have."""
    if property_order != "schema":
        raise Unsupported(
            f"property_order must be 'schema', not {property_order!r}: no other order is enforced yet",
            keyword="property_order",
        )
    if unknown_formats not in ("annotation", "refuse"):
        raise GrammarError(f"unknown_formats must be 'annotation' or 'refuse', not {unknown_formats!r}")
    return Layout(whitespace)


def compile_document(document: Document, layout: Layout, unknown_formats: str, budget: Budget | None) -> Grammar:
    """The grammar of a document. Raises what `json_schema` raises."""
    schema = document.root.schema
    try:
        root = plan(document, unknown_formats)
    except RecursionError as error:
        raise GrammarError("the schema is nested too deeply") from error
    if not root.possible:
        raise EmptyLanguage(f"nothing satisfies the schema: {contradiction(root)}", pointer="")

    def emit(net: Network, a: int, b: int) -> None:
        Writer(net, layout).add(a, root, b)

    title = schema.get("title") if isinstance(schema, dict) else None
    name = title if isinstance(title, str) and title else "JSON Schema"
    return Grammar(emit, name, schema=schema, ignored=tuple(dict.fromkeys(document.ignored)), budget=budget)
