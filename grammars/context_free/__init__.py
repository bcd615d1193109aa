"""Context-free grammars: Lark's language and GBNF, compiled to networks."""

from .front import ebnf, lark, library

__all__ = ["ebnf", "lark", "library"]
