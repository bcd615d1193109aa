"""JSON Schema and pydantic models as grammars: every keyword exact, or refused by name.

`document` finds places and where references lead, with the identifiers in `resources`; `dialects` says what `$schema`
means by the `keywords` of the drafts; `atom`, `conjunction` and `negation` resolve combinations; `gather` and `objects`
make plans (`plan`), and `emit` writes them into a network, with `text`, `strings`, `numbers` and `formats` for scalars.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..budget import Budget
from ..errors import EmptyLanguage, GrammarError
from ..grammar import Grammar
from ..network import Network
from .document import Document
from .emit import Writer
from .gather import plan
from .plan import contradiction
from .text import Layout


def json_schema(
    schema: dict[str, Any] | bool | str,
    *,
    whitespace: str = "flexible",
    property_order: str = "schema",
    unknown_formats: str = "annotation",
    documents: Mapping[str, Any] | None = None,
    budget: Budget | None = None,
) -> Grammar:
    """JSON texts that satisfy a JSON Schema (drafts 4, 6, 7, 2019-09, 2020-12 by `$schema`; 2020-12 without).

    Args:
        schema: the schema, or its JSON text.
        whitespace: "flexible" (after `{ [ , :` and before `} ] , :` nothing, one space, or one newline with at most 24
            spaces or 8 tabs) or "compact" (none).
        property_order: "schema": properties in the order of the schema, then required ones it does not describe, then
            others. "any": in any order, none that the schema names twice. Optional ones may be left out.
        unknown_formats: "annotation" (they constrain nothing, as the specification has it) or "refuse".
        documents: other schemas that references and `$schema` may name, by URI (or a `referencing.Registry`); those
            without a `$schema` are read as this one is. Nothing is fetched; the metaschemas of the drafts are known.
        budget: limits; `Budget()` unless given. Its seconds hold for planning and for writing the network, each.

    The result's `ignored` lists the JSON Pointers of unknown keywords and formats.
    Raises GrammarError for what is no schema, Unsupported for what is not enforced (`.keyword`, `.pointer`),
    EmptyLanguage where nothing satisfies the schema, BudgetExceeded where it would take more than the budget.
    """
    if isinstance(schema, str):
        try:
            schema = json.loads(schema)
        except RecursionError as error:
            raise GrammarError("the schema is nested too deeply") from error
        except ValueError as error:
            raise GrammarError(f"the schema is no JSON text: {error}") from error
    if not isinstance(schema, dict | bool):
        raise GrammarError(f"a schema is an object or a boolean, not {type(schema).__name__}", pointer="")
    if property_order not in ("schema", "any"):
        raise GrammarError(f"property_order must be 'schema' or 'any', not {property_order!r}")
    if unknown_formats not in ("annotation", "refuse"):
        raise GrammarError(f"unknown_formats must be 'annotation' or 'refuse', not {unknown_formats!r}")
    layout = Layout(whitespace)
    try:
        document = Document(schema, budget, documents=documents)
        root = plan(document, unknown_formats)
    except RecursionError as error:
        raise GrammarError("the schema is nested too deeply") from error
    if not root.possible:
        raise EmptyLanguage(f"nothing satisfies the schema: {contradiction(root)}", pointer="")

    def emit(net: Network, a: int, b: int) -> None:
        Writer(net, layout, any_order=property_order == "any").add(a, root, b)

    title = schema.get("title") if isinstance(schema, dict) else None
    name = title if isinstance(title, str) and title else "JSON Schema"
    return Grammar(emit, name, schema=schema, ignored=tuple(dict.fromkeys(document.ignored)), budget=budget)


def pydantic(
    model: Any,
    *,
    whitespace: str = "flexible",
    property_order: str = "schema",
    unknown_formats: str = "annotation",
    documents: Mapping[str, Any] | None = None,
    budget: Budget | None = None,
) -> Grammar:
    """JSON texts that satisfy the schema of a pydantic model class; `.model` of the result is the class.

    The other arguments and the errors are those of `json_schema`.
    """
    describe = getattr(model, "model_json_schema", None)
    if not callable(describe) or not isinstance(model, type):
        raise GrammarError(f"pydantic() takes a model class, not {model!r:.60}")
    grammar = json_schema(
        describe(),
        whitespace=whitespace,
        property_order=property_order,
        unknown_formats=unknown_formats,
        documents=documents,
        budget=budget,
    )
    grammar.model = model
    return grammar


__all__ = ["json_schema", "pydantic"]
