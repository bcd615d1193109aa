"""Probabilities: vocabularies, masks and samplers. Imports grammars, knows no host."""

from .apply import MaskTable, apply_bitmask
from .bytewise import ByteModel, ByteState
from .errors import (
    CannotClose,
    DeadEnd,
    DecodingError,
    NoCover,
    TokenRejected,
    TooManyCovers,
    UnsupportedTokenizer,
    VocabularyError,
    WrongVocabulary,
)
from .language_model import ContextBatch, LanguageModel, TableModel
from .masker import Masker
from .vocabulary import Vocabulary

__all__ = [
    "ByteModel",
    "ByteState",
    "CannotClose",
    "ContextBatch",
    "DeadEnd",
    "DecodingError",
    "LanguageModel",
    "MaskTable",
    "Masker",
    "NoCover",
    "TableModel",
    "TokenRejected",
    "TooManyCovers",
    "UnsupportedTokenizer",
    "Vocabulary",
    "VocabularyError",
    "WrongVocabulary",
    "apply_bitmask",
]
