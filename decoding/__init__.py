"""Probabilities: vocabularies, masks and samplers."""
