"""Tests in the real engine of vLLM, on a CPU: `.ci/vllm` makes the environment for them. Without vLLM all are skipped.

Engines are small (a few blocks of cache, short steps), so that preemption and chunked prefill happen all the time.
"""

from __future__ import annotations

import gc
import os
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ.update(VLLM_ENABLE_V1_MULTIPROCESSING="0", VLLM_CPU_KVCACHE_SPACE="1", HF_HUB_OFFLINE="1")
os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from vllm import LLM
except ImportError:
    collect_ignore_glob = ["test_*.py"]
    MISSING = True
else:
    MISSING = False

DATABASE = "CREATE TABLE city (name TEXT, people INTEGER); CREATE TABLE shop (owner TEXT, city TEXT)"
CONSTRAINTS = f"""
import sqlite3
from bytebound import grammars
database = sqlite3.connect(":memory:")
database.executescript({DATABASE!r})
shop = grammars.sql(database)
orders = grammars.regex("SELECT (id|name) FROM orders;")
brief = grammars.predicate(lambda data: len(data) < 6, name="brief")
"""


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say that the folder is skipped."""
    if MISSING:
        terminalreporter.write_line("SKIPPED tests/vllm: vLLM is not installed here (.ci/vllm makes an environment)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """vLLM and its dependencies warn about themselves; what needs several ranks waits until it is asked for."""
    for item in items:
        if item.get_closest_marker("parallel") and "parallel" not in config.option.markexpr:
            item.add_marker(pytest.mark.skip("needs a core for each rank: run with -m parallel"))
        if "vllm" in item.path.parts:
            item.add_marker(pytest.mark.filterwarnings("ignore"))


@pytest.fixture(scope="module")
def engine() -> Iterator[Callable[..., Any]]:
    """Makes one `vllm.LLM` of a model that ships, for the module; keyword arguments are the engine's."""
    from bytebound.integrations import models
    from vllm.distributed.parallel_state import cleanup_dist_env_and_memory

    made: list[Any] = []

    def make(name: str = "small-bytes", **arguments: Any) -> Any:
        usual = {
            "enforce_eager": True,
            "dtype": "float32",
            "block_size": 32,
            "max_model_len": 512,
            "max_num_seqs": 16,
            "max_num_batched_tokens": 512,
            "disable_log_stats": True,
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made.append(LLM(str(models.model_path(name)), **{**usual, **arguments}))
        return made[-1]

    yield make
    for llm in made:
        llm.llm_engine.engine_core.shutdown()
    made.clear()
    gc.collect()
    cleanup_dist_env_and_memory()


@pytest.fixture(scope="session")
def evidence() -> Callable[[list[str], str], float]:
    """The probability that small-bytes goes on from a prompt with one of some words and EOS, by enumeration."""
    import numpy as np
    from bytebound import decoding, grammars
    from bytebound.integrations import models
    from bytebound.integrations.transformers import TransformersModel

    model, tokenizer = models.load("small-bytes")
    host, vocabulary = TransformersModel(model), decoding.Vocabulary.from_tokenizer(tokenizer)

    def exact(words: list[str], prompt: str) -> float:
        masker = decoding.Masker(grammars.choice(words), vocabulary)
        ids, total = tokenizer(prompt)["input_ids"], 0.0
        paths: list[tuple[int, list[int], float]] = [(masker.start, [], 0.0)]
        while paths:  # all ways to spell the words
            state, tokens, log = paths.pop()
            row = host.next_logprobs([ids + tokens])[0].double()
            for token in masker.allowed(state).tolist():
                after = masker.accept(state, token)
                if after == masker.finished:
                    total += float(np.exp(log + float(row[token])))
                else:
                    paths.append((after, [*tokens, token], log + float(row[token])))
        return total

    return exact


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """Starts our server with small-bytes, with constraints that are registered, and gives an openai client for it;
    arguments are options of the command."""
    import openai
    from bytebound.integrations import models

    servers: list[subprocess.Popen[bytes]] = []

    def make(*options: str) -> Any:
        folder: Path = tmp_path_factory.mktemp("server")
        (folder / "served_constraints.py").write_text(CONSTRAINTS)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}
        environment.pop("VLLM_ENABLE_V1_MULTIPROCESSING", None)
        command = [sys.executable, "-m", "bytebound.integrations.vllm", "--model"]
        command += [str(models.model_path("small-bytes")), "--served-model-name=small", "--host=127.0.0.1"]
        command += ["--constraints=served_constraints", "--dtype=float32", "--enforce-eager", "--block-size=32"]
        command += ["--max-model-len=512", "--max-num-seqs=16", "--port", str(port), *options]
        command += ["--chat-template", "{% for message in messages %}{{ message.content }}{% endfor %}"]
        with (folder / "log").open("w") as log:
            server = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=folder)
        servers.append(server)
        end = time.monotonic() + 240
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5)
                break
            except OSError:
                if server.poll() is not None or time.monotonic() > end:
                    pytest.fail((folder / "log").read_text()[-3000:])
                time.sleep(0.5)
        return openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none", max_retries=0, timeout=60)

    yield make
    for server in servers:
        server.terminate()
    for server in servers:
        server.wait(30)


@pytest.fixture(scope="session")
def client(serve: Callable[..., Any]) -> Any:
    """A client of one server, whose cache is too small for the requests that it gets."""
    return serve("--weights", "--num-gpu-blocks-override=24")


@pytest.fixture(scope="session")
def shop() -> sqlite3.Connection:
    """The database of which the server's constraint `shop` is made."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(DATABASE)
    return connection
