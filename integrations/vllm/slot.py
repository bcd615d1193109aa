"""What vLLM's structured-output slot holds, as a constraint; and the check of it when a request arrives.

The forms of the slot (`structured_outputs`, and `response_format`, which vLLM turns into one) are `json`,
`json_object`, `regex`, `choice` and `grammar`; a grammar is in GBNF where it has `::=`, otherwise in Lark's language.
`json` and `grammar` also take `{"bytebound": SPECIFICATION}` (an object, or its JSON text), see `specification`; there
`"max_tokens": 50` beside the constraint closes the text within that many tokens.

vLLM has no registry of backends (vllm#50966): its front end knows the names of its own, and refuses by their rules. We
take the place of the one that depends on a library of its own, `lm-format-enforcer`: the scheduler puts our backend
into the engine, and `install` puts our check into the place of that one's check, so that requests which cannot be
compiled get HTTP 400 with our message. Without `install` (the stock server with our scheduler) the engine still serves
`json`, `json_object`, `choice`, and the regular expressions that lm-format-enforcer reads.
"""

from __future__ import annotations

import json
from typing import Any

from ... import grammars
from ...grammars import ByteboundError, GrammarError, Unsupported
from ...grammars.predicate import Judge
from ...grammars.scoped import Scoped
from .rest import Rest, rest_of
from .specification import constraint_of, is_bnf, parsed

BACKEND = "lm-format-enforcer"
"""The name under which vLLM's configuration knows our backend."""
EXTENSION = "bytebound"

_installed: list[bool] = []


def grammar_of(kind: str, value: Any) -> grammars.Grammar | Scoped | Rest:
    """The grammar of one form of the slot: `kind` is the name of the form, `value` what it holds or the JSON of it.

    Raises GrammarError and its kin; Unsupported for `structural_tag` and for constraints without masks.
    """
    specification = _specification(kind, value)
    if isinstance(specification, str):
        specification = parsed(specification)
    if isinstance(specification, dict) and list(specification) == ["rest"]:
        return rest_of(specification["rest"])
    most = None
    if isinstance(specification, dict) and "max_tokens" in specification:
        most = specification["max_tokens"]
        if not isinstance(most, int) or isinstance(most, bool) or most < 1:
            raise GrammarError("max_tokens is the number of tokens within which the text must be complete, from 1 on")
        specification = {name: part for name, part in specification.items() if name != "max_tokens"}
    constraint = constraint_of(specification)
    if isinstance(constraint, Judge) and not isinstance(constraint, Scoped):
        constraint.refuse_mask()
    if not isinstance(constraint, grammars.Grammar | Scoped):
        raise Unsupported(f"{constraint!r} has no mask: ask for it in extra_args, for sampling by rejection")
    return constraint if most is None else Rest(constraint, b"", most)


def check(parameters: Any) -> None:
    """Compile what a request's SamplingParams hold in the slot. Raises ValueError with a message for its sender.

    A value of `json` becomes its JSON text, which is how it can travel to the engine whatever numbers it has.
    """
    slot = parameters.structured_outputs
    if slot is None:
        return
    for option in ("disable_any_whitespace", "disable_additional_properties", "whitespace_pattern"):
        if getattr(slot, option):
            raise ValueError(
                f'{option} is not supported by bytebound: use {{"bytebound": {{"json_schema": ..., "whitespace": '
                '"compact"}}, or additionalProperties in the schema'
            )
    for kind in ("json", "json_object", "regex", "choice", "grammar", "structural_tag"):
        value = getattr(slot, kind)
        if value is not None:
            try:
                grammar_of(kind, value)
                for text in value if isinstance(value, list) else [value]:
                    if isinstance(text, str):
                        text.encode()
            except ByteboundError as error:
                raise ValueError(f"{kind}: {error}") from None
            except UnicodeEncodeError:
                raise ValueError(f"{kind}: a text has a surrogate, half of a character") from None
    if slot.json is not None and not isinstance(slot.json, str):
        slot.json = json.dumps(slot.json)


def install() -> None:
    """Let this process check requests with `check`, in place of lm-format-enforcer's own check (vLLM 0.32)."""
    from vllm.exceptions import VLLMValidationError
    from vllm.v1.structured_output import backend_lm_format_enforcer as place

    def validate(parameters: Any) -> None:
        try:
            check(parameters)
        except ValueError as error:
            raise VLLMValidationError(str(error)) from None

    place.validate_structured_output_request_lm_format_enforcer = validate
    _installed.append(True)


def installed() -> bool:
    """Whether `install` was called in this process."""
    return bool(_installed)


def _specification(kind: str, value: Any) -> Any:
    if kind in ("json", "grammar"):
        inner = value
        if isinstance(value, str) and value.lstrip()[:1] == "{":
            inner = parsed(value)
        if isinstance(inner, dict) and EXTENSION in inner:
            if len(inner) > 1:
                raise GrammarError(f"{EXTENSION!r} stands alone: put options into its specification")
            return inner[EXTENSION]
    if kind == "json":
        return {"json_schema": value}
    if kind == "json_object":
        return {"json_object": True}
    if kind == "grammar":
        return {"ebnf" if is_bnf(value) else "lark": value}
    if kind == "choice":
        return {"choice": parsed(value) if isinstance(value, str) else value}
    if kind == "regex":
        return {"regex": value}
    raise Unsupported(f"{kind} is not supported", keyword=kind)
