"""Two small causal language models that ship with the package, so that examples and tests need no download.

    from bytebound.integrations import models
    model, tokenizer = models.load("small-bytes")

`small-bytes` has a byte-level BPE vocabulary of 4,096 tokens, `small-pieces` a SentencePiece-style one of 2,048 with
byte fallback.  Both are Llama models in transformers format with a context of 512 tokens; the README.md beside each
says what they were trained on and how well they do.  `benchmarks/train_models.py` makes them.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...grammars.errors import ByteboundError

if TYPE_CHECKING:
    import torch

__all__ = ["ModelNotFound", "load", "model_path", "names"]


class ModelNotFound(ByteboundError, LookupError):
    """No model of that name ships with the package."""


def names() -> tuple[str, ...]:
    """The names of the models that ship, sorted."""
    return tuple(sorted(entry.name for entry in _folder().iterdir() if (entry / "config.json").is_file()))


def model_path(name: str) -> Path:
    """The folder of a model, in the format that `from_pretrained` of transformers reads.

    Raises:
        ModelNotFound: no such model; the message lists the names there are.
    """
    known = names()
    if name not in known:
        raise ModelNotFound(f"no model named {name!r} ships with bytebound; there are {', '.join(map(repr, known))}")
    return _folder() / name


def load(name: str, *, dtype: torch.dtype | None = None, device: str | torch.device = "cpu") -> tuple[Any, Any]:
    """Load a model and its tokenizer from the package, quietly and without network access.

    Args:
        name: one of `names()`.
        dtype: type of the weights in memory; None is float32 (they are stored in float16).
        device: where the model goes.

    Returns:
        A `LlamaForCausalLM` in evaluation mode and its `PreTrainedTokenizerFast`.

    Raises:
        ModelNotFound: no such model.
    """
    path = model_path(name)
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
        model = AutoModelForCausalLM.from_pretrained(path, local_files_only=True, dtype=dtype or torch.float32)
    finally:
        if bars:
            logging.enable_progress_bar()
    return model.to(device).eval(), tokenizer


def _folder() -> Path:
    return Path(str(resources.files(__name__)))
