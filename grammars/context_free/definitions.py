"""From syntax trees to rules over symbols: names, templates, terminals, imports, ignored text.

A terminal becomes one regular expression, as in Lark; a rule an expression over symbols (`symbols.py`). Instances of
templates are rules of their own, one for each list of arguments.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ..errors import BudgetExceeded
from . import syntax
from .symbols import EPSILON, Alt, Call, Chars, Expr, Hole, Rep, Rules, Seq, Symbol, Terminal
from .terminals import character_class, checked, committed, grouped, terminal
from .text import Text

MAX_RULES = 20_000
_MAX_PATTERN = 100_000  # characters


@dataclass
class Module:
    """Names of one grammar text.

    Attributes:
        text: for errors.
        prefix: what names of its rules begin with in the whole grammar; "" in the grammar itself.
        definitions: by name.
        imported: names that stand for those of other modules.
        holes: names of holes.
        ignored: trees of what may stand between terminals.
    """

    text: Text
    prefix: str = ""
    definitions: dict[str, syntax.Definition] = field(default_factory=dict)
    imported: dict[str, tuple[Module, str]] = field(default_factory=dict)
    holes: set[str] = field(default_factory=set)
    ignored: list[syntax.Tree] = field(default_factory=list)

    def define(self, definition: syntax.Definition, replace: bool = False) -> None:
        """Add a definition. Raises GrammarError where the name is taken already."""
        name = definition.name
        if not replace and (name in self.definitions or name in self.imported):
            other = self.definitions.get(name)
            where = f", first in line {self.text.source.count(chr(10), 0, other.at) + 1}" if other else " by an import"
            raise self.text.error(f"{name!r} is defined twice{where}", definition.at)
        self.definitions[name] = definition

    def known(self) -> list[str]:
        """All names that mean something."""
        return [*self.definitions, *self.imported, *self.holes]


Environment = dict[str, Expr]


class Resolver:
    """Makes rules of the definitions of modules, as far as they are used.

    Args:
        lark: whether names with a capital are terminals, as in Lark.
        longest: whether all that is read is to be terminals, which `literals` then tells of.

    Attributes:
        rules: made so far.
        literals: terminals that are strings in quotes, or choices among them, as patterns.
        used: names of rules that are used.
    """

    def __init__(self, *, lark: bool, longest: bool = False) -> None:
        self.rules: Rules = {}
        self.literals: set[str] = set()
        self._lark = lark
        self._longest = longest
        self._waiting: list[tuple[str, Module, syntax.Definition, Environment]] = []
        self._instances: dict[tuple[str, tuple[Expr, ...]], str] = {}
        self._patterns: dict[tuple[str, str], str] = {}
        self._active: list[tuple[str, str]] = []
        self._between: Expr = EPSILON
        self.used: set[str] = set()

    def ignore(self, module: Module) -> Expr:
        """Say that what the module ignores may follow any terminal; returns it."""
        patterns = [self._pattern(tree, module) for tree in module.ignored]
        if patterns:
            either = "|".join(f"(?:{committed(pattern)})" for pattern in dict.fromkeys(patterns))
            self._between = Rep(Terminal(f"(?:{either})+"), 0, 1)
        return self._between

    def reserve(self, module: Module) -> None:
        """Count the terminals of a module that are strings in quotes among the literals, used or not."""
        for name, definition in module.definitions.items():
            if name.strip("_")[:1].isupper():
                pattern = self._named(name, module, definition.at)
                if _is_literal(definition.body, module):
                    self.literals.add(pattern)

    def rule(self, module: Module, name: str, at: int, arguments: tuple[Expr, ...] = ()) -> Expr:
        """What a name of a rule stands for; the rule is made by `finish`."""
        while name in module.imported:
            module, name = module.imported[name]
        if name in module.holes:
            return self._read(Hole(name))
        definition = module.definitions.get(name)
        if definition is None:
            kind = "rule" if not self._lark or name.strip("_")[:1].islower() else "terminal"
            raise module.text.undefined(kind, name, module.known(), at)
        if len(arguments) != len(definition.parameters):
            takes = f"takes {len(definition.parameters)} arguments, not {len(arguments)}"
            raise module.text.error(f"{name!r} {takes}", at)
        full = module.prefix + name
        self.used.add(full)
        key = (full, arguments)
        if key not in self._instances:
            made = full if not arguments else f"{full}{{{len(self._instances)}}}"
            self._instances[key] = made
            self._check_number()
            environment = dict(zip(definition.parameters, arguments, strict=True))
            self._waiting.append((made, module, definition, environment))
        return Call(self._instances[key])

    def finish(self) -> None:
        """Make all rules that were asked for, and those that they use."""
        while self._waiting:
            name, module, definition, environment = self._waiting.pop()
            self.rules[name] = self._expression(definition.body, module, environment)

    def _check_number(self) -> None:
        if len(self._instances) > MAX_RULES:
            raise BudgetExceeded(f"the grammar has more than {MAX_RULES} rules, instances of templates included")

    def _read(self, symbol: Expr) -> Expr:
        """What is read, and behind it what is ignored."""
        return symbol if self._between == EPSILON else Seq((symbol, self._between))

    def _expression(self, tree: syntax.Tree, module: Module, environment: Environment) -> Expr:
        match tree:
            case syntax.Sequence(items):
                return Seq(tuple(self._expression(item, module, environment) for item in items))
            case syntax.Choice(options):
                return Alt(tuple(self._expression(option, module, environment) for option in options))
            case syntax.Repeat(body, minimum, maximum):
                return Rep(self._expression(body, module, environment), minimum, maximum)
            case syntax.Name(name, arguments, at):
                if name in environment:
                    if arguments:
                        raise module.text.error(f"the parameter {name!r} takes no arguments", at)
                    return environment[name]
                if not (self._lark and name.strip("_")[:1].isupper()):
                    parts = tuple(self._argument(a, module, environment) for a in arguments)
                    return self.rule(module, name, at, parts)
                if (hole := self._hole(module, name)) is not None:
                    return hole
            case syntax.Literal(text, False) if not self._longest:
                return self._read(Seq(tuple(Chars(((ord(c), ord(c)),)) for c in text)))
            case syntax.Characters(ranges) if not self._longest:
                return self._read(Chars(ranges))
        pattern = self._pattern(tree, module)
        if not self._longest:
            return self._read(terminal(pattern))
        symbol = Terminal(committed(pattern))
        if _is_literal(tree, module):
            self.literals.add(symbol.pattern)
        return self._read(symbol)

    def _hole(self, module: Module, name: str) -> Expr | None:
        while name in module.imported:
            module, name = module.imported[name]
        return self._read(Hole(name)) if name in module.holes else None

    def _argument(self, tree: syntax.Tree, module: Module, environment: Environment) -> Expr:
        """An argument of a template; a rule of its own unless it is one symbol, so that expressions stay small."""
        expression = self._expression(tree, module, environment)
        if isinstance(expression, Symbol):
            return expression
        key = ("an argument", (expression,))
        if key not in self._instances:
            self._instances[key] = f"an argument{{{len(self._instances)}}}"
            self._check_number()
            self.rules[self._instances[key]] = expression
        return Call(self._instances[key])

    # terminals

    def _pattern(self, tree: syntax.Tree, module: Module) -> str:
        """The regular expression of a terminal."""
        match tree:
            case syntax.Literal(text, ignore_case):
                pattern = re.escape(text)
                return f"(?i:{pattern})" if ignore_case else pattern
            case syntax.Pattern(source, flags, at):
                return checked(source, flags, at, module.text)
            case syntax.Characters(ranges):
                return character_class(ranges)
            case syntax.Sequence(items):
                return self._limited("".join(grouped(self._pattern(item, module)) for item in items))
            case syntax.Choice(options):
                return self._limited(f"(?:{'|'.join(self._pattern(option, module) for option in options)})")
            case syntax.Repeat(body, minimum, maximum):
                bounds = f"{{{minimum},{'' if maximum is None else maximum}}}"
                return self._limited(f"(?:{self._pattern(body, module)}){bounds}")
            case syntax.Name(name, _, at):
                return self._named(name, module, at)
        raise AssertionError(tree)

    def _limited(self, pattern: str) -> str:
        if len(pattern) > _MAX_PATTERN:
            raise BudgetExceeded(f"a terminal takes more than {_MAX_PATTERN} characters, written as one expression")
        return pattern

    def _named(self, name: str, module: Module, at: int) -> str:
        text = module.text
        while name in module.imported:
            module, name = module.imported[name]
        if name in module.holes:
            raise text.error(f"the hole {name!r} stands in a terminal, which holds terminals only", at)
        if name.strip("_")[:1].islower():
            raise text.error(f"the rule {name!r} stands in a terminal, which holds terminals only", at)
        definition = module.definitions.get(name)
        if definition is None:
            raise text.undefined("terminal", name, module.known(), at)
        if definition.parameters:
            raise text.error(f"the template {name!r} stands in a terminal, or is a terminal", at)
        if self._longest and definition.priority:
            why = "with lexing='longest' the longest terminal is taken, whatever its priority"
            raise module.text.unsupported("priority", f"the priority of {name!r}: {why}", definition.at)
        key = (module.prefix, name)
        if key in self._active:
            raise text.error(f"the terminal {name!r} refers to itself; make it a rule", at)
        if key not in self._patterns:
            self._active.append(key)
            self._patterns[key] = self._pattern(definition.body, module)
            self._active.pop()
        return self._patterns[key]


def _is_literal(tree: syntax.Tree, module: Module) -> bool:
    """Whether a terminal is one of several strings in quotes, perhaps by way of names; it refers to no other."""
    if isinstance(tree, syntax.Choice):
        return all(_is_literal(option, module) for option in tree.options)
    if isinstance(tree, syntax.Name):
        name = tree.name
        while name in module.imported:
            module, name = module.imported[name]
        definition = module.definitions.get(name)
        return definition is not None and _is_literal(definition.body, module)
    return isinstance(tree, syntax.Literal)
