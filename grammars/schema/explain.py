"""What of a schema is enforced, what is ignored and what is refused, place by place: `explain`.

Nothing is claimed that was not done: what is called enforced stands at a place that was compiled, and refusals are
those of compiling (`refusals`). The keywords are those of the vocabularies in `keywords`.
"""

from __future__ import annotations

import contextlib
import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..budget import Budget
from ..errors import GrammarError
from .atom import Atom, scalar_type
from .compiler import check_options, read
from .document import Document, Place, escape
from .formats import is_known
from .keywords import ANNOTATION, ANY, COMBINES, shown
from .refusals import Finding, search

NAMES = ("$schema", "$id", "id", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$vocabulary")
DEFINITIONS = ("$defs", "definitions")
OTHER_TYPES = "no value that is possible here has a type that it constrains"


@dataclass(frozen=True)
class Explanation:
    """What `json_schema` makes of a schema. Printed, it is a table; in notebooks too.

    Attributes:
        enforced: keywords that are enforced. With refusals: that would be, were it not for them.
        ignored: keywords that constrain nothing: annotations, unknown keywords and formats, and those that cannot
            matter where they stand.
        refused: everything that is wrong, not enforced or beyond a budget.
        unreachable: schemas that nothing refers to or that no value could ever reach; they are not compiled, and may
            hold anything.
        reachable: JSON Pointers of the schemas that are compiled.
        contradiction: why nothing satisfies the schema, or None. With refusals it is about what is left without them.
        complete: whether `refused` is all. It is not where a refusal could not be taken out to look for others; what
            is below a refused keyword is never looked at.
    """

    enforced: list[Finding]
    ignored: list[Finding]
    refused: list[Finding]
    unreachable: list[Finding]
    reachable: list[str]
    contradiction: str | None
    complete: bool

    @property
    def compiles(self) -> bool:
        """Whether `json_schema` returns a grammar for it."""
        return not self.refused and self.contradiction is None

    def _sections(self) -> Iterator[tuple[str, list[Finding]]]:
        yield "refused" if self.complete else "refused, and perhaps more", self.refused
        if self.contradiction is not None:
            yield "contradiction", [Finding("", None, self.contradiction)]
        yield "enforced", self.enforced
        yield "ignored", self.ignored
        yield "not compiled", self.unreachable

    def _summary(self) -> str:
        if self.compiles:
            return "It compiles" + (", and all of it is enforced." if not self.ignored else ".")
        return "It does not compile."

    def __str__(self) -> str:
        """A table: JSON Pointer, keyword, what there is to say."""
        lines = [self._summary()]
        for title, findings in self._sections():
            if findings:
                rows = [(f.pointer or "/", f.keyword or "", f.message) for f in findings]
                widths = [min(48, max(len(row[i]) for row in rows)) for i in (0, 1)]
                lines.append(f"{title} ({len(rows)}):")
                lines += [f"  {p:<{widths[0]}}  {k:<{widths[1]}}  {m}".rstrip() for p, k, m in rows]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = []
        for title, findings in self._sections():
            for f in findings:
                cells = (title, f.pointer or "/", f.keyword or "", f.message)
                rows.append("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>")
        head = "<tr><th></th><th>pointer</th><th>keyword</th><th></th></tr>"
        return f"<p>{self._summary()}</p><table>{head}{''.join(rows)}</table>"


def explain(
    schema: dict[str, Any] | bool | str,
    *,
    whitespace: str = "flexible",
    property_order: str = "schema",
    formats: str = "assert",
    unknown_formats: str = "annotation",
    documents: Mapping[str, Any] | None = None,
    budget: Budget | None = None,
) -> Explanation:
    """What `json_schema` with the same arguments enforces, ignores and refuses, and where.

    Raises only for options that do not exist; whatever is wrong with the schema is in the result. Takes as long as
    compiling, and once more for each refusal; no other compilation begins when the seconds of the budget are over.
    """
    layout, known = check_options(whitespace, property_order, formats, unknown_formats)
    try:
        value = read(schema)
    except GrammarError as error:
        return Explanation([], [], [Finding("", None, error.message)], [], [], None, True)
    found = search(value, layout, known, budget, documents)
    result = Explanation([], [], found.refused, [], [], found.contradiction, found.complete)
    document = found.document
    if document is None:
        return result
    skipped: list[Place] = []
    for place in _places(document, skipped):
        result.reachable.append(found.original(place.pointer))
        for name, why in _keywords(place, formats == "assert"):
            pointer = f"{place.pointer}/{escape(name)}"
            if pointer not in found.renamed:
                finding = Finding(found.original(pointer), name, why or shown(place.schema[name]))
                (result.ignored if why else result.enforced).append(finding)
    for place in skipped:
        why = "nothing that is compiled refers to it"
        result.unreachable.append(Finding(found.original(place.pointer), None, why))
    return result


def _places(document: Document, skipped: list[Place]) -> list[Place]:
    """The compiled places, those in the usual positions first; the topmost others go to `skipped`."""
    met = document.places()  # where a place was reached in several dynamic scopes, one that was compiled
    compiled: dict[Place, bool] = {}
    stack = [(document.root, False)]
    while stack:
        place, below_skipped = stack.pop()
        if not isinstance(place.schema, dict):
            continue
        found = met.get(place.pointer, place)
        if found.atom is not None:
            compiled[found] = True
        elif not below_skipped:
            skipped.append(place)
        with contextlib.suppress(GrammarError):  # what is not compiled may hold anything
            below = document.resources.subschemas(place, place.schema)
            stack += [(inner, found.atom is None) for inner in reversed(below)]
    return list(compiled | {p: True for p in met.values() if p.atom is not None})


def _keywords(place: Place, asserted: bool) -> Iterator[tuple[str, str]]:
    """The keywords of a compiled place, each with why it is ignored ("": it is enforced).

    `asserted`: whether formats are."""
    schema: dict[str, Any] = place.schema
    atom: Atom = place.atom
    table = place.dialect.keywords
    possible = atom.types
    if atom.values is not None:
        values = 0
        for value in atom.values:
            values |= scalar_type(value)
        possible &= values
    replaced = place.draft <= 7 and "$ref" in schema
    for name, value in schema.items():
        keyword = table.get(name)
        if replaced:
            yield name, "" if name == "$ref" else "it stands beside $ref, which takes its place in this draft"
        elif keyword is None:
            yield name, "unknown keyword"
        elif name in NAMES or name in DEFINITIONS:
            yield name, "it names things" if name in NAMES else "definitions count where something refers to them"
        elif (why := _without_partner(name, schema)) is not None:
            yield name, why
        elif keyword.concerns == ANNOTATION:
            yield name, "annotation"
        elif keyword.idle is not None and keyword.idle(value):
            yield name, "it asserts nothing"
        elif keyword.refused or (keyword.concerns not in (ANY, COMBINES) and not keyword.concerns & possible):
            yield name, OTHER_TYPES
        elif name == "format" and not (asserted and is_known(value, place.draft)):
            yield name, "unknown format" if asserted else "formats are annotations here"
        else:
            yield name, ""


def _without_partner(name: str, schema: dict[str, Any]) -> str | None:
    """Why a keyword that depends on another asserts nothing; "" where it does, None for all others."""
    if name in ("then", "else"):
        return "" if "if" in schema else "without if it asserts nothing"
    if name == "if":
        return "" if "then" in schema or "else" in schema else "without then or else it asserts nothing"
    if name in ("minContains", "maxContains"):
        return "" if "contains" in schema else "without contains it asserts nothing"
    if name == "additionalItems" and not isinstance(schema.get("items"), list):
        return "without an array in items it asserts nothing"
    if name in ("exclusiveMinimum", "exclusiveMaximum") and isinstance(schema[name], bool):
        bound = name.removeprefix("exclusive").lower()
        return None if bound in schema else f"without {bound} it asserts nothing"
    return None
