"""vLLM."""

from .language_model import VllmModel
from .posterior import posterior
from .processor import Constrain
from .settings import settings
from .specification import constraint_of, register
from .weights import Drawn, Weights, weights

__all__ = [
    "Constrain",
    "Drawn",
    "VllmModel",
    "Weights",
    "constraint_of",
    "posterior",
    "register",
    "settings",
    "weights",
]
