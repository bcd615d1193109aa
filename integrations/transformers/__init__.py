"""transformers: grammars in `generate`, JSON out, partial objects while they stream, weighted samples, exact bytes."""

from .bytes import byte_exact, generate_bytes
from .choosing import classify
from .generating import generate_json, generate_text
from .language_model import TransformersModel
from .posterior import GeneratePosteriorOutput, generate_posterior, posterior
from .posterior_bytes import BytesPosterior, posterior_bytes
from .processor import GrammarProcessor, constrain
from .rejection import RejectionProcessor, reject
from .streaming import stream_json

__all__ = [
    "BytesPosterior",
    "GeneratePosteriorOutput",
    "GrammarProcessor",
    "RejectionProcessor",
    "TransformersModel",
    "byte_exact",
    "classify",
    "constrain",
    "generate_bytes",
    "generate_json",
    "generate_posterior",
    "generate_text",
    "posterior",
    "posterior_bytes",
    "reject",
    "stream_json",
]
