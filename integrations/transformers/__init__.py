"""transformers: grammars in `generate`, validated JSON out, partial objects while they stream, weighted samples."""

from .generating import generate_json, generate_text
from .language_model import TransformersModel
from .processor import GrammarProcessor, constrain
from .rejection import RejectionProcessor, reject
from .streaming import stream_json

__all__ = [
    "GrammarProcessor",
    "RejectionProcessor",
    "TransformersModel",
    "constrain",
    "generate_json",
    "generate_text",
    "reject",
    "stream_json",
]
