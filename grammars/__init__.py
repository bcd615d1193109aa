"""Grammars: sets of byte strings, compiled to one lazy deterministic automaton. No torch here."""

from .errors import BudgetExceeded, ByteboundError, EmptyLanguage, GrammarError, Unsupported

__all__ = ["BudgetExceeded", "ByteboundError", "EmptyLanguage", "GrammarError", "Unsupported"]
