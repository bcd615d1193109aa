"""Sequential Monte Carlo: particles, resampling, evidence (Lipkin et al. 2025; Fearnhead and Clifford 2003)."""

from .engine import sample_posterior
from .posterior import Particle, Posterior, Step
from .potential import Potential
from .twist import Lookahead

__all__ = ["Lookahead", "Particle", "Posterior", "Potential", "Step", "sample_posterior"]
