"""SQL: grammars of dialects made for a database, with the names and types that it has."""
