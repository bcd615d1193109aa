"""Exact probabilities of bytes from models of tokens (Phan et al. 2024; Hayase et al. 2025)."""

from .byte_model import ByteModel
from .infilling import fill_in_middle
from .picture import probability_picture
from .state import ByteState
from .steering import SteeredText, Steering, steer

__all__ = ["ByteModel", "ByteState", "SteeredText", "Steering", "fill_in_middle", "probability_picture", "steer"]
