"""Context-free grammars: Lark's language, GBNF and EBNF, compiled to networks."""
