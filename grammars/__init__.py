"""Grammars: sets of byte strings, compiled to one lazy deterministic automaton. No torch here."""

from .automaton import DEAD, Automaton
from .budget import Budget
from .errors import BudgetExceeded, ByteboundError, EmptyLanguage, GrammarError, PredicateError, Unsupported
from .front import choice, regex
from .grammar import Grammar
from .network import Network
from .predicate import Conjunction, Predicate, predicate
from .schema import Explanation, Finding, explain, json_schema, pydantic, response_format, strict_subset, tools
from .trigger import after

__all__ = [
    "DEAD",
    "Automaton",
    "Budget",
    "BudgetExceeded",
    "ByteboundError",
    "Conjunction",
    "EmptyLanguage",
    "Explanation",
    "Finding",
    "Grammar",
    "GrammarError",
    "Network",
    "Predicate",
    "PredicateError",
    "Unsupported",
    "after",
    "choice",
    "explain",
    "json_schema",
    "predicate",
    "pydantic",
    "regex",
    "response_format",
    "strict_subset",
    "tools",
]
