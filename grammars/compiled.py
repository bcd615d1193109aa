"""Compiled grammars that are kept: in this process, and on disk for others.

What is asked for again, by the same text and options, is the same `Grammar` with the states it has made so far. What
took long to compile is written to the folder `grammars` of the cache (`cache.py`), as arrays that execute nothing when
they are read; a file that is damaged, foreign or of another version is compiled and written anew.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import functools
import hashlib
import importlib.metadata
import json
import os
import sys
import threading
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .budget import Budget
from .cache import cache_folder, write_atomically
from .grammar import Grammar
from .network import Network, Rule
from .program import Program
from .regular.minimize_kernels import use_kernels
from .warmup import warm_up

FORMAT = 1  # of the files; the sources are part of the key anyway
SLOW = 0.02  # seconds of compilation from which on a grammar is worth a file
MAX_BYTES = 256 << 20  # of all files together
MAX_KEPT, MAX_KEPT_BYTES = 64, 256 << 20  # of the grammars in memory, with their automata


class Kept:
    """A bounded number of grammars by key; those unused for the longest time are dropped first.

    A grammar whose automaton nears its budget is replaced by a copy with a fresh one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._grammars: OrderedDict[Hashable, Grammar] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Grammar]) -> Grammar:
        """The grammar of a key; threads that ask at the same time get the same one."""
        with self._lock:
            grammar = self._grammars.get(key)
            if grammar is not None:
                if _is_worn(grammar):
                    grammar = self._grammars[key] = copy.copy(grammar)
                self._grammars.move_to_end(key)
                return grammar
        made = make()  # without the lock: others need not wait for this one
        with self._lock:
            grammar = self._grammars.setdefault(key, made)
            total = sum(map(_size, self._grammars.values()))
            while len(self._grammars) > 1 and (len(self._grammars) > MAX_KEPT or total > MAX_KEPT_BYTES):
                total -= _size(self._grammars.popitem(last=False)[1])
            return grammar

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._grammars.clear()


kept = Kept()


def canonical(value: Any) -> str | None:
    """JSON text of a value with its keys in order; None for what does not survive as JSON (other types, NaN)."""
    try:
        text = json.dumps(value, allow_nan=False, separators=(",", ":"))
        return text if json.loads(text) == value else None
    except (TypeError, ValueError, RecursionError):
        return None


def compiled(
    text: str, options: Mapping[str, Hashable], make: Callable[[Any], Grammar], budget: Budget | None
) -> Grammar:
    """`make(value)` for the canonical text of a value, or what it made before for the same text and options.

    The result holds a copy of the value, which no caller can change.
    """
    limits = dataclasses.astuple(budget or Budget())
    digest = hashlib.sha256(f"{sorted(options.items())}\n{limits}\n{text}".encode()).hexdigest()
    return kept.get(digest, lambda: _load_or_make(digest, json.loads(text), make, budget))


def _size(grammar: Grammar) -> int:
    automaton = grammar._automaton
    arrays = sum(v.nbytes for v in vars(grammar.program).values() if isinstance(v, np.ndarray))
    return arrays + (0 if automaton is None else int(automaton.arena.nbytes))


def _is_worn(grammar: Grammar) -> bool:
    """Whether its automaton has used half of its budget: who asks now gets a fresh one, and its users keep theirs."""
    automaton, budget = grammar._automaton, grammar.budget
    if automaton is None:
        return False
    return 2 * automaton.states > budget.states or 2 * int(automaton.arena.nbytes) > budget.memory


def _load_or_make(digest: str, value: Any, make: Callable[[Any], Grammar], budget: Budget | None) -> Grammar:
    folder = cache_folder("grammars")
    path = None if folder is None else folder / f"{digest[:32]}-{_environment()}.npz"
    if path is not None and (found := load(path, digest)) is not None:
        program, name, ignored = found
        return Grammar(program, name, schema=value, ignored=ignored, budget=budget)
    load_kernels()
    begun = time.perf_counter()
    grammar = make(value)
    if path is not None and time.perf_counter() - begun >= SLOW:
        save(path, digest, grammar)
    return grammar


def load_kernels() -> None:
    """Load all that is used to compile a grammar, once in the process: it is no part of compiling the first one."""
    warm_up("network", _use_kernels)


def _use_kernels() -> None:
    network = Network()
    network.call(network.main.start, network.piece(_fill), network.main.end)
    network.build()
    use_kernels()


def _fill(network: Network, rule: Rule) -> None:
    network.literal(rule.start, b"a", rule.end)


@functools.cache
def _environment() -> str:
    """Hash of what a compiled grammar depends on besides its key: sources, and Unicode as Python and regex have it."""
    state = hashlib.sha256(repr((FORMAT, sys.version_info[:3], sys.byteorder, unicodedata.unidata_version)).encode())
    for package in ("bytebound", "regex", "numpy"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            state.update(f"{package} {importlib.metadata.version(package)}\n".encode())
    root = Path(__file__).parent
    for path in sorted(root.rglob("*.py")):
        state.update(f"{path.relative_to(root).as_posix()}\n".encode())
        state.update(path.read_bytes())
    return state.hexdigest()[:16]


def save(path: Path, digest: str, grammar: Grammar) -> bool:
    """Write a compiled grammar, and delete the oldest files where there is too much; False where it cannot be done."""
    program = grammar.program
    names = [field.name for field in dataclasses.fields(Program)]
    about = json.dumps({"digest": digest, "name": grammar.name, "ignored": grammar.ignored}).encode()
    arrays: dict[str, Any] = {name: np.asarray(getattr(program, name), np.int32) for name in names}
    arrays["about"] = np.frombuffer(about, np.uint8)
    done = write_atomically(path, lambda stream: np.savez(stream, **arrays))
    if done:
        prune(path.parent)
    return done


def load(path: Path, digest: str) -> tuple[Program, str, tuple[str, ...]] | None:
    """The program, name and ignored pointers that `save` wrote; None where there is no such file or it is not right,
    by the checksums of its parts."""
    names = [field.name for field in dataclasses.fields(Program)]
    try:
        # Opened here, because np.load leaves its file open where the content is no zip file.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            about = json.loads(stored["about"].tobytes())
            arrays = {name: stored[name] for name in names}
        if about["digest"] != digest:
            return None
        start, end = int(arrays.pop("start")), int(arrays.pop("end"))
        program, name, ignored = Program(start, end, **arrays), about["name"], about["ignored"]
    except Exception:  # what a damaged file raises depends on where the damage is
        return None
    if not isinstance(name, str) or not isinstance(ignored, list) or not all(isinstance(p, str) for p in ignored):
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # the age of a file counts from its last use
    return program, name, tuple(ignored)


def prune(folder: Path) -> None:
    """Delete the files that were unused for the longest time, until the rest is within MAX_BYTES."""
    files = []
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            with contextlib.suppress(OSError):  # deleted by another process
                status = path.stat()
                files.append((status.st_mtime_ns, status.st_size, path))
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= MAX_BYTES:
            return
        with contextlib.suppress(OSError):
            path.unlink()
        total -= size
