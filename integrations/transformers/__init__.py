"""transformers: grammars in `generate`, validated JSON out, partial objects while they stream."""

from .generating import generate_json, generate_text
from .language_model import TransformersModel
from .processor import GrammarProcessor, constrain
from .streaming import stream_json

__all__ = ["GrammarProcessor", "TransformersModel", "constrain", "generate_json", "generate_text", "stream_json"]
