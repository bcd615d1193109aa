"""The complement of a schema as a union of schemas: De Morgan's laws down to single keywords.

`not S` is the union of what violates each thing that S asserts. What a keyword of strings or numbers leaves out is a
set again; an object violates `required` by lacking the property, `properties` by having one whose value violates it,
`additionalProperties` and its like by having some property (a `Need`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import Unsupported
from .atom import Atom, Choice, Counted
from .document import Place, escape
from .keys import KeyClass, Need
from .keywords import ANY, ARRAY, BOOLEAN, NULL, NUMBER, OBJECT, STRING
from .numbers import NumberSet
from .objects import key_strings
from .strings import StringSet, check_pattern

if TYPE_CHECKING:
    from .gather import Gatherer


class Negator:
    """Makes the schemas whose union is the complement of a schema; the same ones for the same place."""

    def __init__(self, gatherer: Gatherer) -> None:
        self.gatherer = gatherer
        self._known: dict[Place, list[Place]] = {}

    def __call__(self, place: Place) -> list[Place]:
        """The complement of the schema at `place`. Raises Unsupported where it cannot be written."""
        branches = self._known.get(place)
        if branches is None:
            made = self._branches(place)
            invented = self.gatherer.document.invented
            branches = [b if isinstance(b, Place) else invented(b, place.pointer) for b in made]
            self._known[place] = branches
        return branches

    def _branches(self, place: Place) -> list[dict[str, Any] | Place]:
        if isinstance(place.schema, bool):
            return [] if place.schema else [{}]
        atom = self.gatherer.expander.atom(place)
        branches: list[dict[str, Any] | Place] = [{"not": join} for join in atom.joins]
        for choice in atom.choices:
            branches += self._no_choice(choice)
        if atom.types != ANY:
            branches.append({"!types": ANY & ~atom.types})
        if atom.values is not None:
            branches += self._other_values(atom)
        if atom.concerns & STRING:
            strings = self.gatherer.strings((atom,))
            if strings != StringSet():
                branches.append({"type": "string", "!strings": strings})
        if atom.concerns & NUMBER:
            numbers = self.gatherer.numbers((atom,), NUMBER)
            branches += [{"type": "number", "!numbers": others} for others in numbers.complement()]
        if atom.concerns & ARRAY:
            branches += self._arrays(atom)
        if atom.concerns & OBJECT:
            branches += self._objects(atom)
        for keyword in self.gatherer.expander.evaluation.asserted(place):
            branches += self._evaluated(place, keyword)
        return branches

    def _evaluated(self, place: Place, keyword: str) -> list[Place]:
        """What violates an unevaluated keyword, if all else that the schema at `place` asks for holds."""
        demands = self.gatherer.expander.evaluation.fixed(place, keyword)
        if demands is None:
            raise _no_complement(f"{place.pointer}/{keyword}")
        try:
            return [branch for demand in demands for branch in self(demand)]
        except Unsupported as cause:
            raise _no_complement(f"{place.pointer}/{keyword}") from cause

    def _no_choice(self, choice: Choice) -> list[dict[str, Any] | Place]:
        if choice.keyword == "not":
            return [choice.branches[0]]
        none: dict[str, Any] | Place = {"allOf": [{"not": branch} for branch in choice.branches]}
        if choice.keyword != "oneOf":
            return [none]
        pairs = [{"allOf": [a, b]} for i, a in enumerate(choice.branches) for b in choice.branches[i + 1 :]]
        return [none, *pairs]

    def _other_values(self, atom: Atom) -> list[dict[str, Any] | Place]:
        """All values besides the scalars of `enum` or `const`."""
        branches: list[dict[str, Any] | Place] = []
        types = ANY
        values = atom.values or {}
        if ("null", None) in values:
            types &= ~NULL
        booleans = [content for kind, content in values if kind == "boolean"]
        if booleans:
            types &= ~BOOLEAN
            branches += [{"const": other} for other in (False, True) if other not in booleans]
        strings = tuple(content for kind, content in values if kind == "string")
        if strings:
            types &= ~STRING
            branches.append({"type": "string", "!strings": StringSet(values=strings)})
        numbers = sorted(content for kind, content in values if kind == "number")
        if numbers:
            types &= ~NUMBER
            gaps = zip([None, *numbers], [*numbers, None], strict=True)
            branches += [{"type": "number", "!numbers": NumberSet(low, True, high, True)} for low, high in gaps]
        return [*branches, {"!types": types}]

    def _arrays(self, atom: Atom) -> list[dict[str, Any] | Place]:
        self._refuse(atom, ARRAY)
        schema = atom.schema
        branches: list[dict[str, Any] | Place] = []
        if schema.get("uniqueItems"):
            raise _no_complement(f"{atom.place.pointer}/uniqueItems")
        if schema.get("minItems", 0) > 0:
            branches.append({"type": "array", "maxItems": schema["minItems"] - 1})
        if "maxItems" in schema:
            branches.append({"type": "array", "minItems": schema["maxItems"] + 1})
        prefix, rest = self.gatherer.items(atom)
        for i, item in enumerate(prefix):
            if not self._is_trivial(item):
                wrong = [*[True] * i, {"not": item}]
                branches.append({"type": "array", "minItems": i + 1, "prefixItems": wrong})
        if rest is not None and rest.schema is False:
            branches.append({"type": "array", "minItems": len(prefix) + 1})
        elif rest is not None and not self._is_trivial(rest):
            branches.append(_counted(rest.pointer, len(prefix), self.gatherer.document.opposite(rest), 1, None))
        if "!counted" in schema or "contains" in schema:
            counted = schema["!counted"] if "!counted" in schema else self.gatherer.contains(atom)
            _, start, inner, fewest, most = counted
            if fewest:
                branches.append(_counted(inner.pointer, start, inner, 0, fewest - 1))
            if most is not None:
                branches.append(_counted(inner.pointer, start, inner, most + 1, None))
        return branches

    def _objects(self, atom: Atom) -> list[dict[str, Any] | Place]:
        self._refuse(atom, OBJECT)
        schema = atom.schema
        if "!some" in schema:
            raise _no_complement(schema["!some"].pointer)
        branches: list[dict[str, Any] | Place] = [{"type": "object", "!some": need} for need in self._needs(atom)]
        for name in schema.get("required", ()):
            branches.append({"type": "object", "properties": {name: False}})
        for name, below in self.gatherer.properties(atom):
            if not self._is_trivial(below):
                branches.append({"type": "object", "required": [name], "properties": {name: {"not": below}}})
        if schema.get("minProperties", 0) > 0:
            branches.append({"type": "object", "maxProperties": schema["minProperties"] - 1})
        if "maxProperties" in schema:
            branches.append({"type": "object", "minProperties": schema["maxProperties"] + 1})
        return branches

    def _needs(self, atom: Atom) -> list[Need]:
        """What some property must be to violate patternProperties, additionalProperties or propertyNames."""
        schema, place, document = atom.schema, atom.place, self.gatherer.document
        needs = []
        patterns = schema.get("patternProperties", {})
        for pattern, below in patterns.items():
            inner = document.child(place, below, "patternProperties", escape(pattern))
            if not self._is_trivial(inner):
                pointer = f"{place.pointer}/patternProperties"
                check_pattern(pattern, f"{pointer}/{escape(pattern)}", "patternProperties")
                needs.append(Need(pointer, KeyClass(pattern=pattern), document.opposite(inner)))
        if "additionalProperties" in schema:
            inner = document.child(place, schema["additionalProperties"], "additionalProperties")
            if not self._is_trivial(inner):
                for pattern in patterns:
                    check_pattern(pattern, f"{place.pointer}/patternProperties/{escape(pattern)}", "patternProperties")
                keys = KeyClass(names=frozenset(schema.get("properties", ())), others=tuple(patterns))
                needs.append(Need(inner.pointer, keys, document.opposite(inner)))
        if "propertyNames" in schema:
            inner = document.child(place, schema["propertyNames"], "propertyNames")
            if not self._is_trivial(inner):
                strings = key_strings(self.gatherer, [document.opposite(inner)])
                anything = document.invented({}, inner.pointer)
                needs.append(Need(inner.pointer, KeyClass(strings=strings), anything))
        return needs

    def _is_trivial(self, place: Place) -> bool:
        """Whether everything satisfies the schema, as far as is plain to see."""
        if isinstance(place.schema, bool):
            return place.schema
        atom = self.gatherer.expander.atom(place)
        asserted = self.gatherer.expander.evaluation.asserted(place)
        return atom.plain and not atom.joins and not atom.choices and not asserted

    @staticmethod
    def _refuse(atom: Atom, bits: int) -> None:
        for concerns, name in atom.refused:
            if concerns & bits:
                raise _no_complement(f"{atom.place.pointer}/{name}")


def _counted(pointer: str, start: int, place: Place, minimum: int, maximum: int | None) -> dict[str, Any]:
    """A schema of the arrays where so many items from `start` on satisfy the schema at `place`."""
    return {"type": "array", "!counted": Counted(pointer, start, place, minimum, maximum)}


def _no_complement(pointer: str) -> Unsupported:
    keyword = pointer.rsplit("/", 1)[-1]
    return Unsupported(
        f"the complement of {keyword!r} (under not, if, oneOf) is not enforced yet", pointer=pointer, keyword="not"
    )
