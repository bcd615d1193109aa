"""Probabilities: vocabularies, masks and samplers. Imports grammars, knows no host."""

from .apply import MaskTable, apply_bitmask
from .errors import (
    CannotClose,
    DeadEnd,
    DecodingError,
    TokenRejected,
    UnsupportedTokenizer,
    VocabularyError,
    WrongVocabulary,
)
from .masker import Masker
from .vocabulary import Vocabulary

__all__ = [
    "CannotClose",
    "DeadEnd",
    "DecodingError",
    "MaskTable",
    "Masker",
    "TokenRejected",
    "UnsupportedTokenizer",
    "Vocabulary",
    "VocabularyError",
    "WrongVocabulary",
    "apply_bitmask",
]
