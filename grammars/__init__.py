"""Grammars: sets of byte strings, compiled to one lazy deterministic automaton. No torch here."""

from .automaton import DEAD, Automaton
from .budget import Budget
from .errors import BudgetExceeded, ByteboundError, EmptyLanguage, GrammarError, Unsupported
from .front import choice, regex
from .grammar import Grammar
from .network import Network
from .schema import Explanation, explain, json_schema, pydantic
from .trigger import after

__all__ = [
    "DEAD",
    "Automaton",
    "Budget",
    "BudgetExceeded",
    "ByteboundError",
    "EmptyLanguage",
    "Explanation",
    "Grammar",
    "GrammarError",
    "Network",
    "Unsupported",
    "after",
    "choice",
    "explain",
    "json_schema",
    "pydantic",
    "regex",
]
