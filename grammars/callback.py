"""Calls of a user's predicate: plain, batched or async ones, with every failure as one error of ours.

Coroutines run on one event loop in a thread of its own. So they work with and without a running loop (as in a
notebook), and clients that they keep open between calls stay on the loop that they were made on.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import inspect
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import numpy as np

from .errors import PredicateError


class Callback:
    """A user's function from texts to booleans, called on many texts at once.

    Args:
        function: takes one text and returns a bool, or with `batched` a list of them and returns as many bools (a list
            or an array). A coroutine function is awaited: for all texts concurrently, or once for a batch.
        batched: see above.
        text: it takes str, not bytes.
        name: what error messages call it.
    """

    def __init__(self, function: Callable[..., Any], *, batched: bool, text: bool, name: str) -> None:
        self._function = function
        self._batched = batched
        self._text = text
        self._name = name
        self._async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
            getattr(function, "__call__", None)  # noqa: B004  an object with an async __call__
        )

    def __call__(self, texts: Sequence[bytes]) -> list[bool]:
        """The answers for `texts` (whole characters where the function takes str).

        Raises PredicateError where the function raises, or answers with something else than one bool for each text.
        """
        arguments: list[bytes] | list[str] = [data.decode() for data in texts] if self._text else list(texts)
        if not arguments:
            return []
        if self._async:
            if self._batched:
                return run(self._whole_batch_async(arguments))
            return run(self._together(arguments))
        if self._batched:
            try:
                answers = self._function(arguments)
            except Exception as error:
                raise self._failed(arguments) from error
            return self._all_bools(answers, arguments)
        result = []
        for argument in arguments:
            try:
                answer = self._function(argument)
            except Exception as error:
                raise self._failed([argument]) from error
            result.append(self._bool(answer, argument))
        return result

    async def _whole_batch_async(self, arguments: list[Any]) -> list[bool]:
        try:
            answers = await self._function(arguments)
        except Exception as error:
            raise self._failed(arguments) from error
        return self._all_bools(answers, arguments)

    async def _together(self, arguments: list[Any]) -> list[bool]:
        async def one(argument: Any) -> bool:
            try:
                answer = await self._function(argument)
            except Exception as error:
                raise self._failed([argument]) from error
            return self._bool(answer, argument)

        tasks = [asyncio.ensure_future(one(argument)) for argument in arguments]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:  # after a failure the others are not wanted any more
                task.cancel()

    def _bool(self, answer: Any, argument: Any) -> bool:
        if answer is True or answer is False:
            return answer
        values = _as_bools(answer)
        if values is None or values.shape != ():
            raise self._wrong(
                f"{_shown(answer)}, which is no bool: wrap it in bool(...) if its truth is meant", [argument]
            )
        return bool(values)

    def _all_bools(self, answers: Any, arguments: list[Any]) -> list[bool]:
        values = _as_bools(answers)
        if values is None:
            raise self._wrong(f"{_shown(answers)}: a batched predicate returns a list or an array of bools", arguments)
        if values.shape != (len(arguments),):
            raise self._wrong(f"bools of shape {values.shape}, not one for each of {len(arguments)} texts", arguments)
        return values.tolist()  # type: ignore[no-any-return]

    def _failed(self, arguments: list[Any]) -> PredicateError:
        return PredicateError(f"{self._name} raised an exception {_place(arguments)}", data=_bytes(arguments[0]))

    def _wrong(self, what: str, arguments: list[Any]) -> PredicateError:
        return PredicateError(f"{self._name} answered with {what} {_place(arguments)}", data=_bytes(arguments[0]))


def _as_bools(answer: Any) -> np.ndarray[Any, np.dtype[np.bool_]] | None:
    """The answer as an array of bools, None where it is something else."""
    if inspect.iscoroutine(answer):
        answer.close()  # it would warn that it was never awaited
        return None
    try:
        values = np.asarray(answer)
    except Exception:  # whatever an object of any library raises: it is no array of bools
        return None
    return values if values.dtype == np.bool_ else None


def _shown(answer: Any) -> str:
    if inspect.iscoroutine(answer):
        return "a coroutine (pass the `async def` function itself to have it awaited)"
    shown = repr(answer)
    return shown if len(shown) <= 60 else shown[:57] + "..."


def _place(arguments: list[Any]) -> str:
    shown = repr(arguments[0])
    shown = shown if len(shown) <= 120 else f"{shown[:40]}...{shown[-77:]}"
    return f"(at {shown})" if len(arguments) == 1 else f"(in a batch of {len(arguments)} texts, the first {shown})"


def _bytes(argument: Any) -> bytes:
    return argument.encode() if isinstance(argument, str) else bytes(argument)


_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_thread: threading.Thread | None = None


def run(coroutine: Coroutine[Any, Any, list[bool]]) -> list[bool]:
    """Run a coroutine on our loop and wait for it. Raises PredicateError when called from a coroutine on that loop,
    which would wait for itself."""
    if threading.current_thread() is _thread:
        coroutine.close()
        raise PredicateError("an async predicate waits for an async predicate: await the inner function directly")
    future = asyncio.run_coroutine_threadsafe(coroutine, _running_loop())
    try:
        return future.result()
    except concurrent.futures.CancelledError as error:
        raise PredicateError("a coroutine of a predicate was cancelled") from error
    finally:
        future.cancel()  # where the wait was interrupted; of no effect on a future that is done


def _running_loop() -> asyncio.AbstractEventLoop:
    global _loop, _thread
    with _lock:
        if _loop is None or _thread is None or not _thread.is_alive():  # never made, or lost by a fork
            _loop = asyncio.new_event_loop()
            _thread = threading.Thread(target=_loop.run_forever, name="bytebound predicates", daemon=True)
            _thread.start()
        return _loop


@atexit.register
def _close() -> None:
    if _loop is not None and _thread is not None and _thread.is_alive():
        _loop.call_soon_threadsafe(_loop.stop)
        _thread.join(1.0)
        if not _thread.is_alive():
            _loop.close()
