"""The server: vLLM's own (`vllm.entrypoints`, 0.32), with the options that put our masks and our processor into it.

python -m bytebound.integrations.vllm --model MODEL [--constraints MODULE] [--weights] [options of vLLM]

--constraints MODULE   register the constraints in a Python module, for requests that say {"named": ...}
--weights              responses to weighted requests that ask for logprobs show the log weight of each draw there, and
                       posteriors are answered (it sets vLLM's logprobs mode to processed_logits, for all requests)
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from ...decoding import DecodingError
from . import checking, counts, particles
from .settings import settings
from .specification import VARIABLE, load


def arguments(given: Sequence[str], *, on_cpu: bool) -> list[str]:
    """vLLM's arguments for ours. Sets the environment variable that names the module of constraints.

    Raises DecodingError for options that ours would contradict.
    """
    rest: list[str] = []
    weights, module = False, None
    words = iter(given)
    for word in words:
        name, _, value = word.partition("=")
        if name == "--weights":
            weights = True
        elif name == "--constraints":
            module = value or next(words, None)
            if not module:
                raise DecodingError("--constraints needs the name of a Python module")
        else:
            rest.append(word)
    names = {word.partition("=")[0] for word in rest}
    for name in ("--scheduler-cls", "--structured-outputs-config.backend", "--structured-outputs-config"):
        if name in names:
            raise DecodingError(f"{name} is set by bytebound: start vLLM's own server to choose another")
    if "--api-server-count" in names:
        raise DecodingError("bytebound checks requests in one API server: leave out --api-server-count")
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        raise DecodingError("PROMETHEUS_MULTIPROC_DIR is for several API servers, and hides our metrics: unset it")
    speculation = any(name.startswith("--speculative-config") for name in names)
    asynchronous = "--async-scheduling" in names or ("--no-async-scheduling" not in names and not on_cpu)
    ours = settings(asynchronous=asynchronous, speculation=speculation)
    rest += ["--scheduler-cls", ours["scheduler_cls"]]
    rest += ["--structured-outputs-config.backend", ours["structured_outputs_config"]["backend"]]
    for processor in ours.get("logits_processors", ()):
        rest += ["--logits-processors", processor]
    if not names & {"--async-scheduling", "--no-async-scheduling"}:
        rest.append("--async-scheduling" if asynchronous else "--no-async-scheduling")
    if weights:
        if speculation:
            raise DecodingError("vLLM takes no logits processors with speculative decoding, so there are no weights")
        rest += ["--logprobs-mode", "processed_logits"]
    if module is not None:
        os.environ[VARIABLE] = module
        load(module)
    return rest


def main(given: Sequence[str] | None = None) -> None:
    """Serve until stopped. given: the arguments; those of the command line by default."""
    words = sys.argv[1:] if given is None else list(given)
    if not words or "--help" in words or "-h" in words:
        print(__doc__)
        if not words:
            return
    from vllm.entrypoints.launchers.api_server.entry import main as serve
    from vllm.platforms import current_platform

    try:
        sys.argv = [sys.argv[0], *arguments(words, on_cpu=current_platform.is_cpu())]
    except (DecodingError, ImportError) as error:
        sys.exit(f"bytebound: {error}")
    counts.serve()
    checking.install()
    particles.install()
    serve()
