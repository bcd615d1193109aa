"""Fixtures shared by all tests."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

torch.set_num_threads(1)  # on models this small, threads mostly wait for each other


def pytest_configure() -> None:
    """Drop kernels that were compiled before some source file changed: numba's cache looks at one file at a time, and
    does not see that a constant or a kernel which is used from another file has changed."""
    root = Path(__file__).resolve().parents[1]
    tops = (root / "grammars", root / "decoding")
    newest = max(path.stat().st_mtime for top in tops for path in top.rglob("*kernel*.py"))
    newest = max(newest, (root / "grammars" / "arena.py").stat().st_mtime)
    for index in (index for top in tops for index in top.rglob("*.nbi")):
        if index.stat().st_mtime < newest:
            index.unlink(missing_ok=True)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real vocabularies and schemas beside the checkout; tests that need it are skipped without it."""
    path = Path(__file__).resolve().parents[2] / "shared"
    if not path.is_dir():
        pytest.skip("needs the folder ../shared with real vocabularies and schemas, which is absent here")
    return path


@pytest.fixture(scope="session", autouse=True)
def _nothing_compiled_is_stored() -> None:
    """Tests compile what they test, and write nothing beside the vocabularies; those of the store set it up anew."""
    from bytebound.grammars import compiled

    compiled.SLOW = math.inf
