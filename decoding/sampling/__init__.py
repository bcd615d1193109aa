"""Step samplers: one token and a properly weighted weight from a distribution and a constraint (Lipkin et al. 2025)."""
