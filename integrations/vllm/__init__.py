"""vLLM."""

from .processor import Constrain
from .settings import settings
from .specification import constraint_of, register
from .weights import Drawn, Weights, weights

__all__ = ["Constrain", "Drawn", "Weights", "constraint_of", "register", "settings", "weights"]
