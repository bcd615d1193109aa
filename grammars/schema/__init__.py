"""JSON Schema and pydantic models as grammars: every keyword exact, or refused by name.

`document` finds places and references, `keywords` knows the drafts; `atom`, `conjunction` and `negation` resolve
combinations; `gather` and `objects` make plans (`plan`), and `emit` writes them into a network, with `text`, `strings`,
`numbers` and `formats` for the scalars; `compiler` runs them one after the other. `explain` says what of a schema is
enforced, `clients` reads the shapes in which schemas arrive, and `strict` knows the subset that strict ones keep to.
"""

from __future__ import annotations

from typing import Any

from ..budget import Budget
from ..compiled import canonical, compiled, kept
from ..errors import GrammarError
from ..grammar import Grammar
from .compiler import check_options, compile_document, read
from .document import Document
from .explain import Explanation, explain


def json_schema(
    schema: dict[str, Any] | bool | str,
    *,
    whitespace: str = "flexible",
    property_order: str = "schema",
    unknown_formats: str = "annotation",
    budget: Budget | None = None,
    cache: bool = True,
) -> Grammar:
    """JSON texts that satisfy a JSON Schema (drafts 4, 6, 7, 2019-09, 2020-12 by `$schema`; 2020-12 without).

    Args:
        schema: the schema, or its JSON text.
        whitespace: "flexible" (after `{ [ , :` and before `} ] , :` nothing, one space, or one newline with at most 24
            spaces or 8 tabs) or "compact" (none).
        property_order: "schema": properties in the order of the schema, then required ones it does not describe, then
            others. Optional ones may be left out.
        unknown_formats: "annotation" (they constrain nothing, as the specification has it) or "refuse".
        budget: limits; `Budget()` unless given. Its seconds hold for planning and for writing the network, each.
        cache: return the same grammar for the same schema and options while it is remembered, and keep on disk what
            takes long to compile (see `bytebound.grammars.cache`). False: compile anew, and leave no trace.

    The result's `ignored` lists the JSON Pointers of unknown keywords and formats; `explain` says more.
    Raises GrammarError for what is no schema, Unsupported for what is not enforced (`.keyword`, `.pointer`),
    EmptyLanguage where nothing satisfies the schema, BudgetExceeded where it would take more than the budget.
    """
    value = read(schema)
    layout = check_options(whitespace, property_order, unknown_formats)

    def make(value: Any) -> Grammar:
        return compile_document(Document(value, budget), layout, unknown_formats, budget)

    text = canonical(value) if cache else None
    if text is None:
        return make(value)
    options = {"whitespace": whitespace, "property_order": property_order, "unknown_formats": unknown_formats}
    return compiled(text, options, make, budget)


def pydantic(
    model: Any,
    *,
    whitespace: str = "flexible",
    property_order: str = "schema",
    unknown_formats: str = "annotation",
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
        unknown_formats=unknown_formats,
        budget=budget,
        cache=cache,
    )

    def make() -> Grammar:  # of its own, because classes with equal schemas share the other one
        return Grammar(
            grammar.program, grammar.name, schema=grammar.schema, model=model, ignored=grammar.ignored, budget=budget
        )

    return kept.get((model, grammar), make) if cache else make()


__all__ = ["Explanation", "explain", "json_schema", "pydantic"]
