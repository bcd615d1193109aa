"""Predicates: plain, batched, async and text ones, their errors, and conjunctions with grammars."""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import pickle
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from bytebound import grammars
from bytebound.grammars import Conjunction, GrammarError, PredicateError, Unsupported, predicate


def no_b(data: bytes) -> bool:
    return b"b" not in data


def test_a_prefix_function_judges_the_whole_text_too() -> None:
    g = predicate(no_b)
    assert g.matches(b"") and g.matches("aca") and not g.matches(b"ab")


def test_a_function_of_complete_texts_alone() -> None:
    g = predicate(complete=lambda data: data == b"ab")
    assert g.matches("ab") and not g.matches("a")
    assert g.prefix is None


def test_both_functions_must_agree_to_an_end() -> None:
    g = predicate(no_b, complete=lambda data: len(data) == 2)
    assert g.matches("aa") and not g.matches("a") and not g.matches("ab")


FORMS: dict[str, Any] = {}


def form(function: Any) -> Any:
    FORMS[function.__name__] = function
    return function


@form
def plain(text: str) -> bool:
    return "é" in text


@form
def numpy_bool(text: str) -> np.bool_:
    return np.bool_("é" in text)


@form
async def coroutine(text: str) -> bool:
    await asyncio.sleep(0)
    return "é" in text


class CallableObject:
    async def __call__(self, text: str) -> bool:
        return "é" in text


FORMS["object"] = CallableObject()
BATCHED = {
    "list": lambda texts: ["é" in text for text in texts],
    "array": lambda texts: np.array(["é" in text for text in texts]),
    "objects": lambda texts: [np.bool_("é" in text) for text in texts],
}


async def batched_coroutine(texts: list[str]) -> list[bool]:
    await asyncio.sleep(0)
    return ["é" in text for text in texts]


BATCHED["coroutine of batches"] = batched_coroutine
TEXTS = ["é".encode(), b"e", "né".encode(), b""]


@pytest.mark.parametrize("name", sorted(FORMS) + sorted(BATCHED))
def test_every_form_of_function(name: str) -> None:
    g = predicate(FORMS.get(name) or BATCHED[name], text=True, batched=name in BATCHED)
    assert g.prefix is not None
    assert g.prefix(TEXTS) == [True, False, True, False]
    assert g.prefix([]) == []
    assert g.matches("né") is True and g.matches(b"n\xc3") is False

    async def in_a_running_loop() -> list[bool]:
        assert g.prefix is not None
        return g.prefix(TEXTS)

    assert asyncio.run(in_a_running_loop()) == [True, False, True, False]


def test_coroutines_are_awaited_concurrently() -> None:
    """Each waits until all have come, which they never would one after the other."""
    come: list[str] = []
    all_here = asyncio.Event()

    async def meet(text: str) -> bool:
        come.append(text)
        if len(come) == 3:
            all_here.set()
        await asyncio.wait_for(all_here.wait(), 30)
        return True

    g = predicate(meet, text=True)
    assert g.prefix is not None and g.prefix([b"a", b"b", b"c"]) == [True] * 3


def test_coroutines_keep_their_loop_and_see_the_context_of_the_caller() -> None:
    user = contextvars.ContextVar("user", default="nobody")
    seen: set[tuple[int, str]] = set()

    async def judge(data: bytes) -> bool:
        seen.add((id(asyncio.get_running_loop()), user.get()))
        return True

    user.set("somebody")
    g = predicate(judge)
    for text in ("a", "b"):
        assert g.matches(text)
    asyncio.run(asyncio.to_thread(g.matches, "c"))
    assert len(seen) == 1 and seen.pop()[1] == "somebody"


def test_threads_share_the_loop() -> None:
    g = predicate(coroutine, text=True)
    answers: list[bool] = []
    threads = [threading.Thread(target=lambda: answers.append(g.matches("é"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 8


def test_a_coroutine_that_waits_for_a_predicate_is_an_error_not_a_hang() -> None:
    inner = predicate(coroutine, text=True)

    async def outer(data: bytes) -> bool:
        return inner.matches(data)

    with pytest.raises(PredicateError) as caught:
        predicate(outer).matches("é")
    assert "await the inner function directly" in str(caught.value.__cause__)


def test_the_interpreter_ends_after_a_coroutine_ran() -> None:
    code = """
import asyncio
from bytebound import grammars
async def judge(data): return True
assert grammars.predicate(judge).matches("a")
"""
    done = subprocess.run([sys.executable, "-X", "dev", "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def continuations() -> list[bytes]:
    """What may finish a character: enough tails to complete every unfinished one."""
    tails = [b"", b"\x80", b"\xbf", b"\x90\x80", b"\x80\x80", b"\xa0\x80", b"\xbf\xbf"]
    return [*tails, *(t + b"\x80" for t in tails if len(t) == 2)]


def test_text_waits_for_whole_characters_and_refuses_other_bytes() -> None:
    """Against all strings of awkward bytes: allowed exactly where some continuation makes them UTF-8."""
    g = predicate(lambda text: True, text=True)
    awkward = [0x41, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xE0, 0xED, 0xEF, 0xF0, 0xF4, 0xF5, 0xFF]
    tails = continuations()
    refused = waiting = 0
    for length in range(4):
        for letters in itertools.product(awkward, repeat=length):
            data = bytes(letters)
            view = g.view(data, whole=False)
            assert (view is not None) == any(decodes(data + tail) for tail in tails), data
            whole = g.view(data, whole=True)
            assert whole == (data if decodes(data) else None)
            if view is None:
                refused += 1
            else:
                assert data.startswith(view) and decodes(view) and len(data) - len(view) <= 3
                waiting += view != data
    assert refused > 100 and waiting > 20


def decodes(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_surrogates_in_text_are_refused() -> None:
    assert not predicate(lambda text: True, text=True).matches("\ud800")
    assert predicate(lambda data: data == b"\xed\xa0\x80").matches("\ud800")


def raises(data: Any) -> bool:
    raise KeyError("no such thing")


async def raises_later(data: Any) -> bool:
    await asyncio.sleep(0)
    raise KeyError("no such thing")


@pytest.mark.parametrize(("function", "batched"), [(raises, False), (raises_later, False), (raises, True)])
def test_exceptions_are_chained_and_say_where(function: Callable[..., Any], batched: bool) -> None:
    with pytest.raises(PredicateError, match=r"raised an exception \(at b'xy'\)") as caught:
        predicate(function, batched=batched).matches("xy")
    assert isinstance(caught.value.__cause__, KeyError) and caught.value.data == b"xy"


@pytest.mark.parametrize("function", [raises, raises_later])
def test_a_failing_batch_names_its_first_text(function: Callable[..., Any]) -> None:
    g = predicate(function, batched=True, text=True)
    assert g.prefix is not None
    with pytest.raises(PredicateError, match=r"in a batch of 2 texts, the first 'é'") as caught:
        g.prefix(["é".encode(), b"b"])
    assert caught.value.data == "é".encode()


def test_one_failing_coroutine_of_many() -> None:
    cancelled: list[bytes] = []

    async def judge(data: bytes) -> bool:
        if data == b"bad":
            raise ValueError(data)
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            cancelled.append(data)
            raise
        return True

    g = predicate(judge)
    assert g.prefix is not None
    with pytest.raises(PredicateError, match="b'bad'"):
        g.prefix([b"a", b"bad", b"b"])
    predicate(coroutine, text=True).matches("a")  # a round of the loop in which they end
    assert sorted(cancelled) == [b"a", b"b"]


def test_a_cancelled_coroutine_is_an_error() -> None:
    async def judge(data: bytes) -> bool:
        raise asyncio.CancelledError

    with pytest.raises(PredicateError, match="cancelled"):
        predicate(judge).matches("a")


class Odd:
    """Something that numpy cannot read."""

    def __array__(self, *args: Any, **options: Any) -> Any:
        raise RuntimeError("no array")


async def forgotten(data: bytes) -> bool:
    return True


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda data: None, "answered with None, which is no bool"),
        (lambda data: 1, "answered with 1, which is no bool"),
        (lambda data: re.match(b"x", data), r"answered with <re.Match .*wrap it in bool"),
        (lambda data: [True], r"answered with \[True\], which is no bool"),
        (lambda data: forgotten(data), "answered with a coroutine .*`async def` function itself"),
        (lambda data: Odd(), "answered with <.*Odd"),
    ],
)
def test_answers_that_are_no_bool(answer: Callable[..., Any], message: str) -> None:
    with pytest.raises(PredicateError, match=message) as caught:
        predicate(answer, name="mine").matches("xy")
    assert str(caught.value).startswith("mine answered") and str(caught.value).endswith("(at b'xy')")


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (lambda texts: [True], r"bools of shape \(1,\), not one for each of 2 texts"),
        (lambda texts: [True] * 3, r"bools of shape \(3,\), not one for each of 2 texts"),
        (lambda texts: True, r"bools of shape \(\), not one for each of 2 texts"),
        (lambda texts: [0.5, 1.0], "answered with .*a list or an array of bools"),
        (lambda texts: [True, None], "answered with .*a list or an array of bools"),
        (lambda texts: [True, [False]], "answered with .*a list or an array of bools"),
        (lambda texts: (True for _ in texts), "answered with <generator"),
        (lambda texts: None, "answered with None"),
    ],
)
def test_answers_of_a_batch_that_do_not_fit(answers: Callable[..., Any], message: str) -> None:
    g = predicate(answers, batched=True)
    assert g.prefix is not None
    with pytest.raises(PredicateError, match=message):
        g.prefix([b"a", b"b"])


def test_arguments_that_make_no_predicate() -> None:
    with pytest.raises(GrammarError, match="needs a function of prefixes"):
        predicate()
    with pytest.raises(GrammarError, match="takes functions, not str"):
        predicate("x+")  # type: ignore[arg-type]
    for cost in (-1.0, float("nan"), float("inf"), "1"):
        with pytest.raises(GrammarError, match="cost is a number"):
            predicate(no_b, cost=cost)  # type: ignore[arg-type]
    with pytest.raises(GrammarError, match="bytes or str, not int"):
        predicate(no_b).matches(3)  # type: ignore[arg-type]


def test_conjunctions_are_flat_and_ask_in_order_of_cost() -> None:
    asked: list[str] = []

    def asking(name: str, answer: bool = True) -> Callable[[bytes], bool]:
        def function(data: bytes) -> bool:
            asked.append(name)
            return answer

        return function

    word = grammars.regex("[a-c]+")
    costly, cheap, last = (predicate(asking(n), cost=c, name=n) for n, c in (("x", 9), ("y", 1), ("z", 9)))
    g = (costly & word) & (cheap & last)
    assert isinstance(g, Conjunction) and g.parts == (costly, word, cheap, last)
    assert g.matches("abc") and asked == ["y", "x", "z"]
    asked.clear()
    assert not g.matches("d") and asked == []
    assert not (g & predicate(asking("no", False), cost=2)).matches("a") and asked == ["y", "no"]
    assert (word & costly).parts == (word, costly)
    assert repr(word & cheap) == f"<Conjunction of {word!r}, <Predicate y>>"


def test_two_grammars_still_intersect_and_a_conjunction_takes_those_that_cannot() -> None:
    assert isinstance(grammars.regex("a*") & grammars.regex("(aa)*"), grammars.Grammar)
    nested = {"$ref": "#/$defs/n", "$defs": {"n": {"type": "array", "items": {"$ref": "#/$defs/n"}}}}
    trees, short = grammars.json_schema(nested, whitespace="compact"), grammars.regex(r"[^,]{2,20000}")
    with pytest.raises(Unsupported, match=r"grammars\.Conjunction\(a, b\) runs the automata"):
        trees & short
    g = Conjunction(trees, short)
    assert g.matches("[[[]]]") and not g.matches("[[],[]]") and not g.matches("[[")


@pytest.mark.parametrize("operation", ["|", "+"])
def test_only_and_joins_predicates(operation: str) -> None:
    word, mine = grammars.regex("a"), predicate(no_b)
    for left, right in ((word, mine), (mine, word), (mine, mine), (word & mine, word), (word, word & mine)):
        with pytest.raises(Unsupported, match=r"no_b.*can only be joined with &") as caught:
            left | right if operation == "|" else left + right
        assert caught.value.keyword == operation


def test_operands_of_other_kinds_are_errors() -> None:
    word, mine = grammars.regex("a"), predicate(no_b)
    for attempt in (lambda: word & 3, lambda: mine & 3, lambda: word | "a", lambda: Conjunction(word, None)):
        with pytest.raises(GrammarError, match=r"not (int|str|NoneType)"):
            attempt()  # type: ignore[no-untyped-call]
    with pytest.raises(GrammarError, match="at least one"):
        Conjunction()


def test_names_and_pickles() -> None:
    g = predicate(no_b)
    assert repr(g) == "<Predicate no_b>" and g.name == "predicate no_b"
    assert repr(predicate(CallableObject())) == "<Predicate CallableObject>"
    assert predicate(complete=no_b, name="short").name == "short"
    twin = pickle.loads(pickle.dumps(grammars.regex("a+") & predicate(len_is_two)))
    assert twin.matches("aa") and not twin.matches("a")


def len_is_two(data: bytes) -> bool:
    return len(data) == 2
