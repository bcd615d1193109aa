"""Exact probabilities of bytes from models of tokens (Phan et al. 2024; Hayase et al. 2025)."""

from .byte_model import ByteModel
from .state import ByteState

__all__ = ["ByteModel", "ByteState"]
