"""An engine in a process of its own, asked for one schema at a time by `masks.py`.

That bounds what a hanging compilation can do, and tells the engine's memory. `Worker` is the inside, which compiles
and walks over texts; `Remote` is the outside, which waits and gives up. Linux, for /proc.
"""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import os
import statistics
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from engines import ENGINES, NullMatcher, Refused, Rows
from instances import Case, Text, load_tokenizer

WALK_SECONDS = 60.0
IDLE = 20  # a process may wait that many times its CPU time limit before it counts as hanging
WARM_UP = {"type": "object", "properties": {"name": {"type": "string"}, "size": {"type": "integer"}}}

clock = time.thread_time_ns
process_clock = time.process_time_ns


def resident() -> int:
    """Resident memory of this process in bytes (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Worker:
    """The inside of an engine's process."""

    def __init__(self, name: str, tokenizer: Any) -> None:
        self.words = (len(tokenizer) + 31) // 32
        self.eos = tokenizer.eos_token_id
        importlib.import_module(ENGINES[name].module)  # importing, torch included, is no part of loading a vocabulary
        self.base = resident()
        began = process_clock()
        self.engine = ENGINES[name](tokenizer)
        self.load = process_clock() - began
        self.peak = resident() - self.base
        began = process_clock()
        warm = self.engine.compile(WARM_UP)
        rows = np.zeros((1, self.words), np.uint32)
        tokens = tokenizer('{"name": "warm", "size": 1}', add_special_tokens=False)["input_ids"]
        self.walk(warm, rows, [Text(tokens, True)])
        self.warm_up = process_clock() - began
        nothing = self.walk_null(tokens * 100)
        self.overhead = int(np.median(nothing))

    def ready(self) -> dict[str, Any]:
        return {"load_ns": self.load, "first_use_ns": self.warm_up, "overhead_ns": self.overhead}

    def case(self, case: Case) -> Iterator[tuple[str, Any]]:
        """Compile, then walk twice over the texts: ("compiled", ns) or ("refused", why), then ("walked", figures)."""
        gc.collect()
        began = process_clock()
        try:
            compiled = self.engine.compile(case.schema)
        except Refused as error:
            yield "refused", str(error)
            return
        took = process_clock() - began
        yield "compiled", took
        rows = np.zeros((1, self.words), np.uint32)
        first = self.walk(compiled, rows, case.texts)
        self.peak = max(self.peak, resident() - self.base)
        again = self.walk(compiled, rows, case.texts)
        yield "walked", {"first": first, "again": again, "peak": self.peak}

    def walk(self, compiled: Any, rows: Rows, texts: list[Text]) -> dict[str, Any]:
        """Follow each text as long as its tokens are allowed: ns of every mask and accept, and where each text ended.

        `accepts` has one entry per mask, -1 where no token was accepted after it; `ends` has one per text: (accepted,
        index of the token that was not allowed or the number of tokens, error).
        """
        fills: list[int] = []
        accepts: list[int] = []
        starts: list[int] = []
        ends: list[tuple[bool, int, str]] = []
        row = rows[0]
        for text in texts:
            began = clock()
            matcher = self.engine.matcher(compiled, rows, 0)
            starts.append(clock() - began)
            accepted, error, i = False, "", 0
            try:
                for i, token in enumerate([*text.tokens, self.eos]):
                    t0 = clock()
                    matcher.fill()
                    t1 = clock()
                    fills.append(t1 - t0)
                    if not row[token >> 5] >> (token & 31) & 1:
                        break
                    if i == len(text.tokens):
                        accepted = True
                        break
                    t0 = clock()
                    taken = matcher.accept(token)
                    t1 = clock()
                    accepts.append(t1 - t0)
                    if not taken:
                        error = "the mask allowed a token that the engine then rejected"
                        break
            except Exception as raised:  # whatever an engine raises ends this text, not the run
                error = f"{type(raised).__name__}: {raised}"
            ends.append((accepted, i, error))
            accepts.extend([-1] * (len(fills) - len(accepts)))
        return {
            "starts": np.array(starts),
            "fills": np.array(fills),
            "accepts": np.array(accepts),
            "ends": ends,
        }

    def walk_null(self, tokens: list[int]) -> list[int]:
        matcher = NullMatcher()
        spent = []
        for _ in tokens:
            t0 = clock()
            matcher.fill()
            t1 = clock()
            spent.append(t1 - t0)
        return spent

    def batch(self, jobs: list[tuple[Any, list[int]]]) -> float:
        """Milliseconds to write the masks of many texts, each at a place seen before, into one buffer (median)."""
        rows = np.zeros((len(jobs), self.words), np.uint32)
        matchers = []
        for i, (schema, tokens) in enumerate(jobs):
            matcher = self.engine.matcher(self.engine.compile(schema), rows, i)
            for token in tokens:
                matcher.fill()
                matcher.accept(token)
            matcher.fill()
            matchers.append(matcher)
        spent = []
        for _ in range(30):
            began = process_clock()
            for matcher in matchers:
                matcher.fill()
            spent.append(process_clock() - began)
        return statistics.median(spent) / 1e6


def serve(name: str, tokenizer_name: str, connection: Connection) -> None:
    """Main function of an engine's process."""
    gc.disable()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # peers warn once per schema
    worker = Worker(name, load_tokenizer(tokenizer_name))
    connection.send(("ready", worker.ready()))
    while True:
        kind, argument = connection.recv()
        if kind == "case":
            for message in worker.case(argument):
                connection.send(message)
        elif kind == "batch":
            connection.send(("batch", worker.batch(argument)))
        else:
            return


def processor_seconds(pid: int) -> float:
    """CPU time that a process has used (Linux), so that a busy machine does not shorten its time limits."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Remote:
    """An engine's process, seen from outside; it is ended and started anew where it takes too long."""

    def __init__(self, name: str, tokenizer_name: str) -> None:
        self.name, self.tokenizer_name = name, tokenizer_name
        self.start()

    def start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, inner = context.Pipe()
        self.process = context.Process(target=serve, args=(self.name, self.tokenizer_name, inner), daemon=True)
        self.process.start()
        inner.close()
        _, self.ready = self.connection.recv()

    def stop(self) -> None:
        if self.process.is_alive():
            self.process.kill()
        self.process.join()
        self.connection.close()

    def answer(self, seconds: float) -> tuple[str, Any]:
        """The next message; or ("timeout", None) after that much CPU time, or ("crashed", None): the process is then a
        new one."""
        assert self.process.pid is not None
        failure = "timeout"
        try:
            limit = processor_seconds(self.process.pid) + seconds
            latest = time.monotonic() + IDLE * seconds
            while processor_seconds(self.process.pid) < limit and time.monotonic() < latest:
                if self.connection.poll(0.5):
                    message: tuple[str, Any] = self.connection.recv()
                    return message
        except (EOFError, OSError):
            failure = "crashed"
        self.stop()
        self.start()
        return failure, None

    def case(self, case: Case) -> dict[str, Any]:
        """What became of a schema: its status, and its figures where it was compiled."""
        self.connection.send(("case", case))
        kind, value = self.answer(ENGINES[self.name].seconds)
        if kind != "compiled":
            return {"status": kind, "why": value}
        status, figures = self.answer(WALK_SECONDS)
        if status != "walked":
            return {"status": f"{status} in a walk", "why": None}
        return {"status": "compiled", "compile": value, **figures}

    def batch(self, jobs: list[tuple[Any, list[int]]]) -> float | None:
        self.connection.send(("batch", jobs))
        kind, value = self.answer(20 * WALK_SECONDS)
        return value if kind == "batch" else None
