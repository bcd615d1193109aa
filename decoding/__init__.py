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
from .language_model import ContextBatch, LanguageModel, TableModel
from .masker import Masker
from .sampling.tester import Tester
from .sampling.testers import tester
from .vocabulary import Vocabulary

__all__ = [
    "CannotClose",
    "ContextBatch",
    "DeadEnd",
    "DecodingError",
    "LanguageModel",
    "MaskTable",
    "Masker",
    "TableModel",
    "Tester",
    "TokenRejected",
    "UnsupportedTokenizer",
    "Vocabulary",
    "VocabularyError",
    "WrongVocabulary",
    "apply_bitmask",
    "tester",
]
