"""vLLM."""

from .settings import settings
from .specification import constraint_of, register

__all__ = ["constraint_of", "register", "settings"]
