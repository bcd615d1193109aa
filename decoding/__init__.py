"""Probabilities: vocabularies, masks and samplers. Imports grammars, knows no host."""

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
    "Masker",
    "TokenRejected",
    "UnsupportedTokenizer",
    "Vocabulary",
    "VocabularyError",
    "WrongVocabulary",
]
