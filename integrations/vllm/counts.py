"""Counts of what bytebound does in vLLM: masks, evaluations of constraints, resamplings.

Each process counts for itself. In a server the counts of all of them stand in files of one folder, which the
environment variable names, and `Collector` adds them up where Prometheus asks (`/metrics`).
"""

from __future__ import annotations

import atexit
import mmap
import os
import shutil
import tempfile
import threading
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

VARIABLE = "BYTEBOUND_COUNTS"
"""Environment variable with the folder."""
NAMES = {
    "masks": "Masks written.",
    "mask_seconds": "Time to write masks.",
    "compilations": "Grammars prepared for requests.",
    "compile_seconds": "Time to prepare them, beside the engine's steps.",
    "constraint_evaluations": "Evaluations of constraints by samplers with weights; a mask counts as its price.",
    "resamplings": "Resamplings of particles.",
}
"""What is counted, and what it means."""

_PLACES = {name: place for place, name in enumerate(NAMES)}
_lock = threading.Lock()
_cells: list[Any] = []  # float64 by place: an array, or the memory of a file


def add(name: str, amount: float = 1.0) -> None:
    """Count something."""
    with _lock:
        if not _cells:
            _cells.append(_open())
        _cells[0][_PLACES[name]] += amount


def metrics() -> dict[str, float]:
    """What this process has counted since it began: `masks`, `mask_seconds`, `compilations`, `compile_seconds`,
    `constraint_evaluations` and `resamplings`; times in seconds."""
    with _lock:
        return dict(zip(NAMES, _cells[0] if _cells else [0.0] * len(NAMES), strict=True))


class Collector:
    """The sums over all processes of a server, for `prometheus_client`: `bytebound:masks_total` and so on."""

    def collect(self) -> Iterator[Any]:
        """One counter for each of `NAMES`."""
        from prometheus_client.core import CounterMetricFamily

        totals = [0.0] * len(NAMES)
        for path in Path(os.environ[VARIABLE]).iterdir():
            totals = [total + cell for total, cell in zip(totals, array("d", path.read_bytes()), strict=True)]
        for (name, meaning), total in zip(NAMES.items(), totals, strict=True):
            yield CounterMetricFamily(f"bytebound:{name}", meaning, value=total)


def serve() -> None:
    """Let this process and those that it starts count together, and show the sums in its registry of Prometheus."""
    from prometheus_client import REGISTRY

    folder = os.environ[VARIABLE] = tempfile.mkdtemp(prefix="bytebound-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    REGISTRY.register(Collector())


def _open() -> Any:
    folder = os.environ.get(VARIABLE)
    if folder is None:
        return array("d", [0.0] * len(NAMES))
    with (Path(folder) / f"{os.getpid()}").open("w+b") as file:
        file.write(bytes(8 * len(NAMES)))
        file.flush()
        return memoryview(mmap.mmap(file.fileno(), 8 * len(NAMES))).cast("d")
