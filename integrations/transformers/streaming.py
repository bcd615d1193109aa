"""Objects while they are being generated: `stream_json`."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any

import torch
from transformers import StoppingCriteria
from transformers.generation.streamers import BaseStreamer

from ...decoding import DecodingError
from .partial import PartialJson, partial_object
from .request import Request, parse


def stream_json(
    model: Any,
    tokenizer: Any,
    schema: Any,
    prompt: Any,
    *,
    max_new_tokens: int = 256,
    partial_strings: bool = True,
    **generate_kwargs: Any,
) -> Iterator[Any]:
    """The object while its text is generated: every change to what is there so far, and last the validated object.

        for person in stream_json(model, tokenizer, Person, "Ada Lovelace is"):
            print(person.name)                      # None, then "A", "Ada", ...

    Args:
        schema: a pydantic class, a JSON schema (dict or bool), or a Grammar of JSON texts.
        prompt: text, a chat or token ids.
        max_new_tokens: budget; the text is always complete within it.
        partial_strings: whether strings are shown while they grow, or when they are complete.
        generate_kwargs: for the model's `generate`; beams cannot be streamed.

    Partial objects of a pydantic class are made without validation: fields that have not arrived are None or their
    default, and `model_fields_set` names those that have; values are those of the JSON text (a date is still a str).
    For a schema they are plain values. A number is shown when it is complete.

    `generate` runs in a thread of its own. Its errors are raised here; closing the iterator, or leaving a loop over
    it, stops it after the next token. Errors of the arguments are raised at once, before anything is iterated over.
    """
    request = Request(model, tokenizer, schema, prompt, max_new_tokens, None, generate_kwargs)
    if not request.single:
        raise DecodingError("stream_json takes one prompt; run one stream for each")
    return _stream(model, request, PartialJson(strings=partial_strings))


def _stream(model: Any, request: Request, text: PartialJson) -> Iterator[Any]:
    tokens = _Tokens()
    stop = _Stop()
    criteria = [stop, *request.arguments.get("stopping_criteria", [])]
    arguments = {**request.arguments, "streamer": tokens, "stopping_criteria": criteria}

    def work() -> None:
        try:
            model.generate(**arguments)
        except BaseException as error:
            tokens.queue.put(error)
        else:
            tokens.queue.put(None)

    thread = threading.Thread(target=work, name="bytebound-stream", daemon=True)
    thread.start()
    grammar = request.grammars[0]
    annotation = None if grammar is None else grammar.model
    ids: list[int] = []
    last: Any = None
    try:
        for piece in tokens:
            ids += piece
            text.feed((request.answer(ids) or b"")[len(text.data) :])
            value = text.value()
            shown = None if value is None else partial_object(annotation, value)
            if shown is not None and shown != last:
                last = shown
                yield shown
        (answer,) = request.answers(torch.tensor([[0] * request.length + ids]))[0]
        yield parse(grammar, answer or b"")
    finally:
        stop.event.set()
        thread.join()


class _Tokens(BaseStreamer):  # type: ignore[misc]
    """Hands tokens from the thread that generates to the one that iterates."""

    def __init__(self) -> None:
        self.queue: queue.SimpleQueue[list[int] | BaseException | None] = queue.SimpleQueue()
        self._prompt = True

    def put(self, value: torch.Tensor) -> None:
        """Called by `generate` with the prompt, then with each new token or several."""
        if not self._prompt:
            self.queue.put(value.reshape(-1).tolist())
        self._prompt = False

    def end(self) -> None:
        """Called by `generate` at its end."""

    def __iter__(self) -> Iterator[list[int]]:
        while (item := self.queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item


class _Stop(StoppingCriteria):  # type: ignore[misc]
    """Ends `generate` when the event is set."""

    def __init__(self) -> None:
        self.event = threading.Event()

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
        return torch.full((input_ids.shape[0],), self.event.is_set(), dtype=torch.bool, device=input_ids.device)
