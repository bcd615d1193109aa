"""JSON Schema and pydantic models as grammars: every keyword exact, or refused by name.

`document` finds places and where references lead, with the identifiers in `resources`; `dialects` says what `$schema`
means by the `keywords` of the drafts; `atom`, `conjunction`, `unevaluated` and `negation` resolve combinations;
`gather`, `arrays` and `objects` make plans (`plan`), and `emit` writes them into a network, with `text`, `strings`,
`numbers` and `formats` for scalars; `compiler` runs them one after the other. `explain` says what of a schema is
enforced, `clients` reads the shapes in which schemas arrive, and `strict` knows the subset that strict ones keep to.
"""

from .clients import response_format, tools
from .compiler import json_schema, pydantic
from .explain import Explanation, explain
from .refusals import Finding
from .strict import strict_subset

__all__ = [
    "Explanation",
    "Finding",
    "explain",
    "json_schema",
    "pydantic",
    "response_format",
    "strict_subset",
    "tools",
]
