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
from .sampling import (
    Awrs,
    Children,
    Draws,
    GeometricAwrs,
    HeadTail,
    Masked,
    RecursiveAwrs,
    Rejection,
    StepSampler,
    Tester,
    step_sampler,
)
from .sampling.testers import tester
from .vocabulary import Vocabulary

__all__ = [
    "Awrs",
    "CannotClose",
    "Children",
    "ContextBatch",
    "DeadEnd",
    "DecodingError",
    "Draws",
    "GeometricAwrs",
    "HeadTail",
    "LanguageModel",
    "MaskTable",
    "Masked",
    "Masker",
    "RecursiveAwrs",
    "Rejection",
    "StepSampler",
    "TableModel",
    "Tester",
    "TokenRejected",
    "UnsupportedTokenizer",
    "Vocabulary",
    "VocabularyError",
    "WrongVocabulary",
    "apply_bitmask",
    "step_sampler",
    "tester",
]
