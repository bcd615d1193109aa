"""Sequential Monte Carlo: particles, resampling, evidence (Lipkin et al. 2025; Fearnhead and Clifford 2003)."""
