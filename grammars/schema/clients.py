"""Schemas in the shapes in which clients of language models send them: response formats and tools.

Sources: the request bodies of OpenAI's Chat Completions and Responses APIs (`response_format`, `text.format`, `tools`,
`tool_choice`) and of Anthropic's Messages API (`tools`, `tool_choice`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ..compiled import kept
from ..errors import GrammarError, Unsupported
from ..grammar import Grammar
from ..network import Network, Rule
from .compiler import json_schema, pydantic
from .keywords import shown
from .strict import strict_subset
from .text import CLOSE_BRACE, CLOSE_BRACKET, COLON, COMMA, OPEN_BRACE, OPEN_BRACKET, Layout, add_literal

NOTHING = {"type": "object", "properties": {}, "additionalProperties": False}


class Tool(NamedTuple):
    """A tool as clients describe it: its name, the schema of its arguments, where that stands, whether it is strict."""

    name: str
    parameters: Any
    pointer: str
    strict: bool


def response_format(value: Any, **options: Any) -> Grammar | None:
    """The grammar that a response format asks for; None where it asks for free text.

    Args:
        value: `{"type": "json_schema", "json_schema": {"schema": ..., "strict": ...}}`, the flat form of it with
            `schema` and `strict` beside `type`, `{"type": "json_object"}`, `{"type": "text"}`, a pydantic class, or
            None, which is text.
        options: those of `json_schema`.

    With `"strict": true` the schema must be in the subset that OpenAI's API accepts (`strict_subset`), because the
    client would be told so there too. Without, all of JSON Schema that `json_schema` takes. Raises what `json_schema`
    raises, with pointers into `value`, and GrammarError for another shape.
    """
    if value is None:
        return None
    if isinstance(value, type):
        return pydantic(value, **options)
    if not isinstance(value, dict):
        raise GrammarError(f"a response format is an object or a pydantic class, not {shown(value)}")
    kind = value.get("type")
    if kind == "text":
        return None
    if kind == "json_object":
        return json_schema({"type": "object"}, **options)
    if kind != "json_schema":
        known = "'json_schema', 'json_object' or 'text'"
        raise GrammarError(f"the type of a response format is {known}, not {shown(kind)}", pointer="/type")
    pointer, inner = ("/json_schema", value["json_schema"]) if "json_schema" in value else ("", value)
    if not isinstance(inner, dict) or "schema" not in inner:
        raise GrammarError("a response format of type 'json_schema' needs a schema", pointer=f"{pointer}/schema")
    return _compile(inner["schema"], inner["schema"], _strict(inner, pointer), f"{pointer}/schema", options)


def tools(
    tools: Iterable[Any],
    tool_choice: Any = "auto",
    *,
    parallel: bool = False,
    name_key: str = "name",
    arguments_key: str = "arguments",
    **options: Any,
) -> Grammar | None:
    """Calls of tools as JSON: `{"name": <one of the names>, "arguments": {...}}`, name first; None for no tools.

    Args:
        tools: functions as OpenAI's APIs have them (`{"type": "function", "function": {"name", "parameters",
            "strict"}}`, or these three without the envelope), as Anthropic's has them (`{"name", "input_schema"}`), or
            pydantic classes.
        tool_choice: which of them: "auto" or "required" (or "any"): any of them; an object that names one, or
            `allowed_tools`, several; "none": the result is None. Whether there is a call at all is up to the host:
            `after(trigger, tools(...))` leaves the text free until one begins.
        parallel: an array of calls instead of one; it may be empty if the choice is "auto".
        name_key, arguments_key: the two keys.
        options: those of `json_schema`.

    Arguments are objects: where parameters have no `type`, it is added, and without parameters there are no arguments.
    With `"strict": true` they must be in OpenAI's strict subset (`strict_subset`); in Anthropic's shape that word
    promises what holds here anyway. Tools of other types are refused by name. Raises what `json_schema` raises, with
    pointers into the list, and GrammarError for other shapes.
    """
    known: dict[str, Tool] = {}
    for i, one in enumerate(tools):
        tool = _read(one, f"/{i}")
        if tool.name in known:
            raise GrammarError(f"two tools have the name {tool.name!r:.80}", pointer=f"/{i}")
        known[tool.name] = tool
    if not isinstance(name_key, str) or not isinstance(arguments_key, str) or name_key == arguments_key:
        raise GrammarError("name_key and arguments_key must be two different strings")
    mode, names = _choice(tool_choice, parallel)
    if mode == "none":
        return None
    for name in names if names is not None else ():
        if not isinstance(name, str) or name not in known:
            raise GrammarError(f"tool_choice asks for {shown(name)}, which no tool is called", keyword="tool_choice")
    chosen = [tool for tool in known.values() if names is None or tool.name in names]
    if not chosen:
        raise GrammarError("there is no tool to choose from")
    calls = tuple((tool.name, _arguments(tool, options)) for tool in chosen)
    layout = Layout(options.get("whitespace", "flexible"), options.get("property_order", "schema"))
    budget = options.get("budget")

    def emit(net: Network, a: int, b: int) -> None:
        call = _call(net, layout, calls, name_key, arguments_key)
        if parallel:
            _array(net, layout, a, call, b, empty=mode == "auto")
        else:
            net.call(a, call, b)

    def make() -> Grammar:
        return Grammar(emit, f"calls of {', '.join(name for name, _ in calls)}", budget=budget)

    key = ("tools", calls, parallel, mode, name_key, arguments_key, layout.flexible, budget)
    return kept.get(key, make) if options.get("cache", True) else make()


def _strict(owner: dict[str, Any], pointer: str) -> bool:
    strict = owner.get("strict")
    if strict is not None and not isinstance(strict, bool):
        raise GrammarError(f"strict is true or false, not {shown(strict)}", pointer=f"{pointer}/strict")
    return bool(strict)


def _compile(written: Any, schema: Any, strict: bool, pointer: str, options: dict[str, Any]) -> Grammar:
    """The grammar of `schema`; what the client wrote is checked to be strict, and errors point into the request."""
    if strict and (violations := strict_subset(written)):
        first = violations[0]
        more = f", and {len(violations) - 1} more" if len(violations) > 1 else ""
        raise GrammarError(
            f"outside of the strict subset: {first.message}{more}",
            pointer=pointer + first.pointer,
            keyword=first.keyword,
        )
    try:
        return json_schema(schema, **options)
    except GrammarError as error:
        if error.pointer is None:
            raise
        raise type(error)(error.message, pointer=pointer + error.pointer, keyword=error.keyword) from error


def _read(tool: Any, pointer: str) -> Tool:
    """A tool from any of its shapes."""
    if isinstance(tool, type) and callable(describe := getattr(tool, "model_json_schema", None)):
        return Tool(tool.__name__, describe(), pointer, False)
    if not isinstance(tool, dict):
        raise GrammarError(f"a tool is an object or a pydantic class, not {shown(tool)}", pointer=pointer)
    kind = tool.get("type", "function")
    if "input_schema" in tool and kind in ("function", "custom"):
        found = Tool(tool.get("name", ""), tool["input_schema"], f"{pointer}/input_schema", False)
    elif kind != "function":
        why = f"tools of the type {shown(kind)} are no functions"
        raise Unsupported(why, pointer=f"{pointer}/type", keyword="type")
    else:
        inner = tool
        if "function" in tool:
            inner, pointer = tool["function"], f"{pointer}/function"
        if not isinstance(inner, dict):
            raise GrammarError(f"a function is an object, not {shown(inner)}", pointer=pointer)
        found = Tool(inner.get("name", ""), inner.get("parameters"), f"{pointer}/parameters", _strict(inner, pointer))
    if not isinstance(found.name, str) or not found.name or any("\ud800" <= c <= "\udfff" for c in found.name):
        above = found.pointer.rpartition("/")[0]
        raise GrammarError("a tool needs a name (text, and not empty)", pointer=f"{above}/name")
    return found


def _arguments(tool: Tool, options: dict[str, Any]) -> Grammar:
    schema = NOTHING if tool.parameters is None else tool.parameters
    written = schema
    if not isinstance(schema, dict):
        raise GrammarError(f"the schema of arguments is an object, not {shown(schema)}", pointer=tool.pointer)
    if "$ref" not in schema:
        kind = schema.get("type", "object")
        if kind != "object":
            what = f"arguments are an object: type must be 'object', not {shown(kind)}"
            raise GrammarError(what, pointer=f"{tool.pointer}/type", keyword="type")
        schema = {**schema, "type": "object"}
    return _compile(written, schema, tool.strict and tool.parameters is not None, tool.pointer, options)


def _choice(choice: Any, parallel: bool) -> tuple[str, list[Any] | None]:
    """What tool_choice asks for: "auto", "required" or "none", and the names (None: all)."""
    kind = choice.get("type") if isinstance(choice, dict) else choice
    if isinstance(choice, dict):
        if parallel and choice.get("disable_parallel_tool_use"):
            raise GrammarError("tool_choice excludes parallel calls, and parallel=True asks for them")
        if kind in ("function", "tool"):
            return "required", [_named(choice)]
        if kind == "allowed_tools":
            allowed = choice.get("allowed_tools", choice)
            if isinstance(allowed, dict) and isinstance(allowed.get("tools"), list):
                mode, _ = _choice(allowed.get("mode", "auto"), parallel)
                return mode, [_named(one) for one in allowed["tools"]]
    if isinstance(kind, str) and kind in ("auto", "required", "any", "none"):
        return "required" if kind == "any" else kind, None
    known = "'auto', 'required', 'none' or an object that names a tool"
    raise GrammarError(f"tool_choice is {known}, not {shown(choice)}", keyword="tool_choice")


def _named(reference: Any) -> Any:
    inner = reference.get("function", reference) if isinstance(reference, dict) else None
    return inner.get("name") if isinstance(inner, dict) else None


def _call(net: Network, layout: Layout, calls: tuple[tuple[str, Grammar], ...], name_key: str, key: str) -> Rule:
    """Rule of one call of any of the tools: what they have in common is written once."""
    rule = net.rule()
    opened, written, value, closing = net.node(), net.node(), net.node(), net.node()
    layout.mark(net, rule.start, OPEN_BRACE, opened)
    add_literal(net, opened, name_key, written)
    layout.mark(net, written, COLON, value, before=True)
    net.edge(closing, CLOSE_BRACE, CLOSE_BRACE, rule.end)
    for name, arguments in calls:
        named, following, keyed, begun, done = (net.node() for _ in range(5))
        add_literal(net, value, name, named)
        layout.mark(net, layout.gap(net, named), COMMA, following)
        add_literal(net, following, key, keyed)
        layout.mark(net, keyed, COLON, begun, before=True)
        arguments.emit(net, begun, done)
        net.epsilon(layout.gap(net, done), closing)
    return rule


def _array(net: Network, layout: Layout, a: int, item: Rule, b: int, *, empty: bool) -> None:
    """An array of items."""
    opened, done, again, closing = (net.node() for _ in range(4))
    layout.mark(net, a, OPEN_BRACKET, opened)
    if empty:
        net.epsilon(opened, closing)
    net.call(opened, item, done)
    behind = layout.gap(net, done)
    net.epsilon(behind, closing)
    layout.mark(net, behind, COMMA, again)
    net.call(again, item, done)
    net.edge(closing, CLOSE_BRACKET, CLOSE_BRACKET, b)
