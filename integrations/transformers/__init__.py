"""transformers: grammars in `generate`, JSON out, partial objects while they stream, weighted samples, exact bytes."""

from .bytes import byte_exact, generate_bytes
from .generating import generate_json, generate_text
from .language_model import TransformersModel
from .processor import GrammarProcessor, constrain
from .rejection import RejectionProcessor, reject
from .streaming import stream_json

__all__ = [
    "GrammarProcessor",
    "RejectionProcessor",
    "TransformersModel",
    "byte_exact",
    "constrain",
    "generate_bytes",
    "generate_json",
    "generate_text",
    "reject",
    "stream_json",
]
