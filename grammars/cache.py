"""Where compiled things are kept between processes, and how they are written there.

The folder is `platformdirs.user_cache_dir("bytebound")`; the environment variable `BYTEBOUND_CACHE_DIR` names another
one, and an empty value turns the disk cache off. Everything kept is derived: deleting the folder costs time only, so a
folder that cannot be made or written is no error.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

import platformdirs


def cache_folder(kind: str) -> Path | None:
    """The folder for cached things of one kind, such as `"vocabularies"`, made if need be; None where that fails."""
    root = os.environ.get("BYTEBOUND_CACHE_DIR", platformdirs.user_cache_dir("bytebound", appauthor=False))
    if not root:
        return None
    folder = Path(root) / kind
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder


def write_atomically(path: Path, write: Callable[[IO[bytes]], object]) -> bool:
    """Fill a file by `write(stream)` so that readers see the old content or the new one, never a part.

    Returns False, and leaves no trace, where the folder cannot be written or the disk is full.
    """
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    except OSError:
        return False
    try:
        with os.fdopen(descriptor, "wb") as stream:
            write(stream)
        os.replace(name, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(name)
        return False
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    return True
