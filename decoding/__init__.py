"""Probabilities: vocabularies, masks and samplers. Imports grammars, knows no host."""

from .apply import MaskTable, apply_bitmask
from .bytewise import ByteModel, ByteState, SteeredText, Steering, fill_in_middle, probability_picture, steer
from .choices import ChoiceProbabilities, choice_probabilities, choice_probabilities_batch
from .errors import (
    CannotClose,
    DeadEnd,
    DecodingError,
    InvalidArgument,
    NoCover,
    TokenRejected,
    TooManyCovers,
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
from .smc import Lookahead, Particle, Posterior, Potential, sample_posterior
from .vocabulary import Vocabulary

__all__ = [
    "Awrs",
    "ByteModel",
    "ByteState",
    "CannotClose",
    "Children",
    "ChoiceProbabilities",
    "ContextBatch",
    "DeadEnd",
    "DecodingError",
    "Draws",
    "GeometricAwrs",
    "HeadTail",
    "InvalidArgument",
    "LanguageModel",
    "Lookahead",
    "MaskTable",
    "Masked",
    "Masker",
    "NoCover",
    "Particle",
    "Posterior",
    "Potential",
    "RecursiveAwrs",
    "Rejection",
    "SteeredText",
    "Steering",
    "StepSampler",
    "TableModel",
    "Tester",
    "TokenRejected",
    "TooManyCovers",
    "UnsupportedTokenizer",
    "Vocabulary",
    "VocabularyError",
    "WrongVocabulary",
    "apply_bitmask",
    "choice_probabilities",
    "choice_probabilities_batch",
    "fill_in_middle",
    "probability_picture",
    "sample_posterior",
    "steer",
    "step_sampler",
    "tester",
]
