"""Grammars: sets of byte strings, compiled to one lazy deterministic automaton. No torch here."""

from .automaton import DEAD, Automaton
from .budget import Budget
from .combinators import alternation, excluding, repeat, sequence, until
from .context_free import ebnf, lark, library
from .errors import BudgetExceeded, ByteboundError, EmptyLanguage, GrammarError, PredicateError, Unsupported
from .front import choice, regex
from .grammar import Grammar
from .mixed import Mixed
from .network import Network
from .predicate import Conjunction, Predicate, predicate
from .schema import Explanation, Finding, explain, json_schema, pydantic, response_format, strict_subset, tools
from .sql import Schema, SqlGrammar, sql
from .tags import tags
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
    "Mixed",
    "Network",
    "Predicate",
    "PredicateError",
    "Schema",
    "SqlGrammar",
    "Unsupported",
    "after",
    "alternation",
    "choice",
    "ebnf",
    "excluding",
    "explain",
    "json_schema",
    "lark",
    "library",
    "predicate",
    "pydantic",
    "regex",
    "repeat",
    "response_format",
    "sequence",
    "sql",
    "strict_subset",
    "tags",
    "tools",
    "until",
]
