"""Objects from JSON text that is still being written."""

from __future__ import annotations

import types
import typing
from typing import Any

import pydantic
from pydantic_core import from_json


class PartialJson:
    """JSON text that arrives in pieces, and the value of what has arrived.

    Args:
        strings: whether a string that is not closed yet counts, as far as it goes.
    """

    def __init__(self, *, strings: bool = True) -> None:
        self.data = bytearray()
        self._mode: Any = "trailing-strings" if strings else True
        self._in_string = False
        self._escaped = False

    def feed(self, piece: bytes) -> None:
        """Take more of the text; a piece may end inside a character."""
        self.data += piece
        for byte in piece:
            if self._escaped:
                self._escaped = False
            elif byte == 0x22:
                self._in_string = not self._in_string
            elif byte == 0x5C:
                self._escaped = self._in_string

    def value(self) -> Any:
        """The value so far: members and items that are not complete yet are absent; None where nothing is there.

        A number at the very end may go on, and is left out until it is followed by something.
        """
        data = bytes(self.data)
        if not self._in_string:
            data = data.rstrip(b"0123456789+-.eE") if data[-1:] in b"0123456789+-.eE" else data
        try:
            return from_json(data, allow_partial=self._mode)
        except ValueError:  # nothing has begun, or only a literal or a string that does not count yet
            return None


def partial_object(annotation: Any, value: Any) -> Any:
    """`value`, plain JSON that may lack members, with pydantic models made of the objects that are to be models.

    The models are made with `model_construct`: nothing is validated or converted, fields that have not arrived are
    None (or their default), and `model_fields_set` names those that have.
    """
    annotation = _bare(annotation)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return partial_object(_member(arguments, value), value)
    if _is_model(annotation) and issubclass(annotation, pydantic.RootModel):
        return annotation.model_construct(partial_object(annotation.model_fields["root"].annotation, value))
    if isinstance(value, list):
        if origin is tuple and Ellipsis not in arguments:
            return [partial_object(a, v) for a, v in zip(arguments, value, strict=False)] + value[len(arguments) :]
        return [partial_object(arguments[0], item) for item in value] if arguments else value
    if not _is_model(annotation):
        if isinstance(value, dict) and len(arguments) == 2:
            return {key: partial_object(arguments[1], item) for key, item in value.items()}
        return value
    return _construct(annotation, value) if isinstance(value, dict) else value


def _construct(model: Any, value: dict[str, Any]) -> Any:
    rest = dict(value)
    arrived: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        key = next((k for k in _keys(name, field) if k in rest), None)
        if key is not None:
            arrived[name] = partial_object(field.annotation, rest.pop(key))
        elif field.is_required():
            fields[name] = None
    extra = rest if model.model_config.get("extra") == "allow" else {}
    return model.model_construct({*arrived, *extra}, **fields, **arrived, **extra)


def _keys(name: str, field: Any) -> list[str]:
    """Member names from which a field is read."""
    alias = field.validation_alias or field.alias
    choices = getattr(alias, "choices", [alias])
    return [choice for choice in choices if isinstance(choice, str)] + [name]


def _bare(annotation: Any) -> Any:
    """Without `Annotated` and without names of type aliases."""
    while True:
        if typing.get_origin(annotation) is typing.Annotated:
            annotation = typing.get_args(annotation)[0]
        elif hasattr(annotation, "__value__"):
            annotation = annotation.__value__
        else:
            return annotation


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel)


def _member(members: tuple[Any, ...], value: Any) -> Any:
    """The first member of a union that `value` may grow into, as far as one can tell."""
    for member in map(_bare, members):
        origin = typing.get_origin(member) or member
        if isinstance(value, list) and origin in (list, tuple, set, frozenset):
            return member
        if isinstance(value, dict) and (origin is dict or (_is_model(member) and _fits(member, value))):
            return member
    return Any


def _fits(model: Any, value: dict[str, Any]) -> bool:
    known: dict[str, Any] = {k: field for name, field in model.model_fields.items() for k in _keys(name, field)}
    if model.model_config.get("extra") != "allow" and not value.keys() <= known.keys():
        return False
    for key in value.keys() & known.keys():
        annotation = _bare(known[key].annotation)
        if typing.get_origin(annotation) is typing.Literal and value[key] not in typing.get_args(annotation):
            return False
    return True
