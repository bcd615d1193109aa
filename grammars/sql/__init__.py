"""SQL: grammars of dialects made for a database, with the names and types that it has."""

from .front import SqlGrammar, sql
from .schema import Column, ForeignKey, Schema, Table

__all__ = ["Column", "ForeignKey", "Schema", "SqlGrammar", "Table", "sql"]
