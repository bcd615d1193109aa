"""Step samplers: one token and a properly weighted weight from a distribution and a constraint (Lipkin et al. 2025)."""

from .draws import Children, Draws, StepSampler, together
from .head_tail import HeadTail
from .lookup import step_sampler
from .masked import Masked
from .rejection import Awrs, GeometricAwrs, RecursiveAwrs, Rejection
from .tester import Tester

__all__ = [
    "Awrs",
    "Children",
    "Draws",
    "GeometricAwrs",
    "HeadTail",
    "Masked",
    "RecursiveAwrs",
    "Rejection",
    "StepSampler",
    "Tester",
    "step_sampler",
    "together",
]
