"""First use of compiled kernels: numba compiles them once per installation and loads them from its cache afterwards.

Both are done at one place and time, before anything is measured or streamed, and a compilation that takes long says
so on standard error.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

_done: set[str] = set()
_lock = threading.RLock()

MESSAGE = "bytebound: compiling kernels, once after installation (about a minute) ..."


def _announce() -> None:
    if MESSAGE not in _done:
        _done.add(MESSAGE)
        print(MESSAGE, file=sys.stderr, flush=True)


def warm_up(name: str, work: Callable[[], None]) -> None:
    """Run `work`, which calls every kernel of a module once, unless it has been run in this process."""
    if name in _done:
        return
    with _lock:
        if name in _done:
            return
        _done.add(name)
        timer = threading.Timer(2.0, _announce)
        timer.daemon = True
        timer.start()
        try:
            work()
        finally:
            timer.cancel()
