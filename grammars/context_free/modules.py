"""Grammar texts with what they import: `%import`, `%override`, `%extend`, and the common terminals."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from ..errors import GrammarError
from . import lark_reader
from .definitions import Module
from .lark_reader import Import, Statement
from .syntax import Choice, Definition

FOLDER = Path(__file__).parent / "library"


@cache
def library_text(name: str) -> str:
    """The text of a grammar that comes with the package. Raises GrammarError for a name that there is none of."""
    names = sorted(path.stem for path in FOLDER.glob("*.lark"))
    if name not in names:
        names.remove("common")  # terminals, no grammar
        raise GrammarError(f"there is no grammar {name!r} in the library, which has {', '.join(names)}")
    return (FOLDER / f"{name}.lark").read_text(encoding="utf-8")


class Loader:
    """Reads grammar texts and those that they import, each once.

    Args:
        imports: texts by the names of their modules; `common` is there without being given.
        holes: names of the grammars that are given for holes; declared in all texts.
    """

    def __init__(self, imports: Mapping[str, str], holes: Mapping[str, object]) -> None:
        self._imports = imports
        self._holes = holes
        self._modules: dict[str, Module] = {}

    def load(self, source: str, name: str | None = None) -> Module:
        """The module of a text. Raises GrammarError where it is wrong."""
        text = lark_reader.open_text(source, name)
        module = Module(text, f"{name}." if name else "")
        if name:
            self._modules[name] = module
        changes: list[Statement] = []
        for statement in lark_reader.read(text):
            match statement:
                case Definition():
                    module.define(statement)
                case Import():
                    self._import(module, statement)
                case Statement("ignore"):
                    assert statement.body is not None
                    module.ignored.append(statement.body)
                case Statement("hole"):
                    for hole, at in statement.names:
                        if hole not in self._holes:
                            raise text.error(f"the hole {hole!r} is not given: pass holes={{{hole!r}: grammar}}", at)
                        module.holes.add(hole)
                case _:
                    changes.append(statement)
        for hole in self._holes:
            if hole not in module.definitions and hole not in module.imported:
                module.holes.add(hole)
        for statement in changes:
            self._change(module, statement)
        return module

    def _import(self, module: Module, statement: Import) -> None:
        text, source = module.text, self._imports.get(statement.module)
        if source is None and statement.module == "common":
            source = library_text("common")
        if source is None:
            given = ", ".join(["common", *self._imports])
            why = f"pass its text in imports={{{statement.module!r}: text}}; there are {given}"
            raise text.error(f"the module {statement.module!r} is not there: {why}", statement.at)
        other = self._modules.get(statement.module) or self.load(source, statement.module)
        for name, alias in statement.names:
            if name not in other.known():
                raise text.undefined(f"in module {statement.module!r}", name, other.known(), statement.at)
            if alias in module.definitions or alias in module.imported:
                raise text.error(f"{alias!r} is defined twice, once by this import", statement.at)
            module.imported[alias] = (other, name)

    def _change(self, module: Module, statement: Statement) -> None:
        """Override or extend a definition, where it was made: other rules there see the change."""
        definition = statement.definition
        assert definition is not None
        owner, name = module, definition.name
        while name in owner.imported:
            owner, name = owner.imported[name]
        old = owner.definitions.get(name)
        if old is None:
            raise module.text.undefined(f"%{statement.kind}:", definition.name, module.known(), definition.at)
        if old.parameters != definition.parameters:
            parameters = ", ".join(old.parameters) or "none"
            raise module.text.error(f"{name!r} has other parameters: {parameters}", definition.at)
        body = definition.body if statement.kind == "override" else Choice((old.body, definition.body))
        owner.define(Definition(name, old.parameters, body, definition.at), replace=True)
