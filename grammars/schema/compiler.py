"""From a schema to its grammar: `json_schema` and `pydantic`, and the steps from a JSON value to a compiled network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..budget import Budget
from ..compiled import canonical, compiled, kept, load_kernels
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
    formats: str = "assert",
    unknown_formats: str = "annotation",
    documents: Mapping[str, Any] | None = None,
    budget: Budget | None = None,
    cache: bool = True,
) -> Grammar:
    """JSON texts that satisfy a JSON Schema (drafts 4, 6, 7, 2019-09, 2020-12 by `$schema`; 2020-12 without).

    Args:
        schema: the schema, or its JSON text.
        whitespace: "flexible" (after `{ [ , :` and before `} ] , :` nothing, one space, or one newline with at most 40
            spaces or 10 tabs) or "compact" (none).
        property_order: "schema": properties in the order of the schema, then required ones it does not describe, then
            others. "any": in any order, none that the schema names twice. Optional ones may be left out.
        formats: "assert" (the formats of the specification are enforced) or "annotation" (no format constrains).
        unknown_formats: "annotation" (they constrain nothing, as the specification has it) or "refuse".
        documents: other schemas that references and `$schema` may name, by URI (or a `referencing.Registry`); those
            without a `$schema` are read as this one is. Nothing is fetched; the metaschemas of the drafts are known.
        budget: limits; `Budget()` unless given. Its seconds hold for planning and for writing the network, each.
        cache: return the same grammar for the same schema and options while it is remembered, and keep on disk what
            takes long to compile (see `bytebound.grammars.cache`). False, or with `documents`: compile anew, and leave
            no trace.

    The result's `ignored` lists the JSON Pointers of unknown keywords and formats; `explain` says more.
    Raises GrammarError for what is no schema, Unsupported for what is not enforced (`.keyword`, `.pointer`),
    EmptyLanguage where nothing satisfies the schema, BudgetExceeded where it would take more than the budget.
    """
    value = read(schema)
    layout, known = check_options(whitespace, property_order, formats, unknown_formats)

    def make(value: Any) -> Grammar:
        load_kernels()  # before the time of the budget begins
        return compile_document(Document(value, budget, documents=documents), layout, known, budget)

    text = canonical(value) if cache and documents is None else None
    if text is None:
        return make(value)
    options = {"whitespace": whitespace, "property_order": property_order, "formats": known}
    return compiled(text, options, make, budget)


def pydantic(
    model: Any,
    *,
    whitespace: str = "flexible",
    property_order: str = "schema",
    formats: str = "assert",
    unknown_formats: str = "annotation",
    documents: Mapping[str, Any] | None = None,
    budget: Budget | None = None,
    cache: bool = True,
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
        formats=formats,
        unknown_formats=unknown_formats,
        documents=documents,
        budget=budget,
        cache=cache,
    )

    def make() -> Grammar:  # of its own, because classes with equal schemas share the other one
        return Grammar(
            grammar.program, grammar.name, schema=grammar.schema, model=model, ignored=grammar.ignored, budget=budget
        )

    return kept.get((model, grammar), make) if cache else make()


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


def check_options(whitespace: str, property_order: str, formats: str, unknown_formats: str) -> tuple[Layout, str]:
    """The layout, and what formats do: "none" of them asserts, or unknown ones are an "annotation" or what to "refuse".

    Raises GrammarError for a value that an option does not have."""
    if formats not in ("assert", "annotation"):
        raise GrammarError(f"formats must be 'assert' or 'annotation', not {formats!r}")
    if unknown_formats not in ("annotation", "refuse"):
        raise GrammarError(f"unknown_formats must be 'annotation' or 'refuse', not {unknown_formats!r}")
    return Layout(whitespace, property_order), unknown_formats if formats == "assert" else "none"


def compile_document(document: Document, layout: Layout, formats: str, budget: Budget | None) -> Grammar:
    """The grammar of a document; `formats` as `check_options` has it. Raises what `json_schema` raises."""
    schema = document.root.schema
    try:
        root = plan(document, formats)
    except RecursionError as error:
        raise GrammarError("the schema is nested too deeply") from error
    if not root.possible:
        raise EmptyLanguage(f"nothing satisfies the schema: {contradiction(root)}", pointer="")

    def emit(net: Network, a: int, b: int) -> None:
        Writer(net, layout).add(a, root, b)

    title = schema.get("title") if isinstance(schema, dict) else None
    name = title if isinstance(title, str) and title else "JSON Schema"
    return Grammar(emit, name, schema=schema, ignored=tuple(dict.fromkeys(document.ignored)), budget=budget)
