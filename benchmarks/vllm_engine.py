"""What the benchmarks of vLLM share: the engine, its clock, their command line and their results.

They run in the environment that `.ci/vllm` makes, with matplotlib added to it. Import this module before vLLM: it keeps
the engine inside the process, on one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.update(VLLM_ENABLE_V1_MULTIPROCESSING="0", VLLM_CPU_KVCACHE_SPACE="1", VLLM_LOGGING_LEVEL="ERROR")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from bytebound.integrations import models
from figures import processor

MODEL = "small-bytes"


def engine(rows: int, **options: Any) -> Any:
    """A `vllm.LLM` of the small model, with at most so many rows in a step; options are those of `LLM`."""
    from vllm import LLM

    return LLM(
        str(models.model_path(MODEL)),
        enforce_eager=True,
        dtype="float32",
        block_size=32,
        max_model_len=512,
        max_num_seqs=rows,
        **options,
    )


def timed(task: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of the process that a call takes, and what it returns."""
    began = time.process_time()
    result = task()
    return time.process_time() - began, result


def parser(description: str) -> argparse.ArgumentParser:
    """The options that all of them have."""
    found = argparse.ArgumentParser(description=description)
    found.add_argument("--quick", action="store_true", help="few requests, to see that it works")
    found.add_argument("--out", type=Path, default=Path(__file__).parent / "results", help="folder of the results")
    return found


def write(name: str, title: str, text: str, figures: Any, folder: Path) -> None:
    """Write NAME.md and NAME.json, and print the former."""
    head = (
        f"# {title}\n\nvLLM {version('vllm-cpu')}, {MODEL} (4,096 tokens), one thread of {processor()}, Python "
        f"{platform.python_version()}. Written by `python benchmarks/{name}.py`.\n\n"
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    (folder / f"{name}.md").write_text(head + text, "utf-8")
    sys.stdout.write(head + text)
