"""Fixtures shared by all tests."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

torch.set_num_threads(1)  # on models this small, threads mostly wait for each other


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real vocabularies and schemas beside the checkout; tests that need it are skipped without it."""
    path = Path(__file__).resolve().parents[2] / "shared"
    if not path.is_dir():
        pytest.skip("needs the folder ../shared with real vocabularies and schemas, which is absent here")
    return path
