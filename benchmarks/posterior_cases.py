"""The cases of `posterior.py`: prompts and constraints that both libraries read, near to the model and far from it."""

from __future__ import annotations

from typing import Any, NamedTuple


class Case(NamedTuple):
    """What is sampled: continuations of `prompt` by the shipped model `small-bytes` that satisfy `constraint`."""

    kind: str
    """"regex", "json" (a JSON Schema, properties in any order) or "cfg" (a Lark grammar)."""
    divergence: str
    """"low" where the model by itself nearly satisfies the constraint, else "high"; the evidence says how nearly."""
    prompt: str
    constraint: Any
    max_tokens: int
    """Budget of a text, EOS not counted."""

    @property
    def key(self) -> str:
        return f"{self.kind}-{self.divergence}"

    @property
    def name(self) -> str:
        return f"{KINDS[self.kind]}, {self.divergence}"


KINDS = {"regex": "regex", "json": "JSON Schema", "cfg": "CFG"}

PERSON = (
    "Describe a person as JSON with name and age: Maria Keller is 34 years old, lives in Lisbon and reads mail at "
    "maria@example.com.\n"
)


def _schema(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object", "properties": properties, "required": list(properties), "additionalProperties": False
    }  # fmt: skip


SELECT = r"""
start: " SELECT " columns " FROM " table join* where? group? order? ";"
columns: "*" | column (", " column)*
column: NAME | NAME "." NAME | FUNCTION "(" column ")" | "COUNT(*)" | "DISTINCT " column
table: NAME
join: " JOIN " NAME " ON " column " = " column
where: " WHERE " condition
condition: test | condition " AND " test
test: column OPERATOR value | "(" condition ")"
value: NUMBER | "'" TEXT "'"
group: " GROUP BY " column
order: " ORDER BY " column DIRECTION? limit?
limit: " LIMIT " NUMBER
NAME: /[a-z_]+/
FUNCTION: "COUNT" | "AVG" | "SUM" | "MIN" | "MAX"
OPERATOR: " = " | " > " | " < " | " >= " | " <= "
DIRECTION: " DESC" | " ASC"
NUMBER: /[0-9]+/
TEXT: /[A-Za-z0-9 %.-]+/
"""

NESTED = r"""
start: " " list "."
list: item | list ", " item
item: WORD | "(" list ")"
WORD: /[a-z]+/
"""

CASES = [
    Case("regex", "low", "The weather in Lisbon", r" [a-z]+( [a-z]+)*\.", 30),
    Case("regex", "high", "The weather in Lisbon", r" [a-z]{2,4}( [a-z]{2,4})*\.", 30),
    Case("json", "low", PERSON, _schema(name={"type": "string"}, age={"type": "integer"}), 40),
    Case(
        "json", "high", PERSON,
        _schema(name={"enum": ["Maria Keller", "Ada Nowak", "Li Wei"]}, age={"type": "integer"}), 40,
    ),
    Case("cfg", "low", "Question: How many orders are there from Lisbon in 2023?\nSQL:", SELECT, 40),
    Case("cfg", "high", "Question: What do owls eat?\nAnswer:", NESTED, 20),
]  # fmt: skip
