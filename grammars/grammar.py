"""`Grammar`: a set of byte strings, compiled. What every front end (regex, JSON Schema, ...) returns."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from .budget import Budget
from .engine import Engine
from .errors import GrammarError
from .network import Network
from .program import Program

Emit = Callable[[Network, int, int], None]


def _build(emit: Emit, budget: Budget | None) -> Program:
    from .compiled import load_kernels

    load_kernels()  # before the clock of the budget starts
    network = Network(budget)
    emit(network, network.main.start, network.main.end)
    return network.build()


class Grammar:
    """A compiled grammar. Immutable: share it between threads, pickle it, use it with any vocabulary.

    Args:
        emit: adds the language to a network, between two of its nodes; or a program that such a network gave.
        name: what error messages and `repr` call it.
        schema: the JSON schema it was made from, if any.
        model: the pydantic class it was made from, if any.
        ignored: JSON Pointers of keywords of the schema that constrain nothing (annotations and unknown ones).
        budget: limits of its compilation and of its automaton.

    Raises EmptyLanguage when no byte string matches, and what `emit` raises.
    """

    def __init__(
        self,
        emit: Emit | Program,
        name: str,
        *,
        schema: Any = None,
        model: Any = None,
        ignored: tuple[str, ...] = (),
        budget: Budget | None = None,
    ) -> None:
        self.program: Program = emit if isinstance(emit, Program) else _build(emit, budget)
        self.name = name
        self.schema = schema
        self.model = model
        self.ignored = ignored
        self.budget = budget or Budget()
        self._automaton: Engine | None = None
        self._lock = threading.Lock()

    @property
    def automaton(self) -> Engine:
        """The automaton, made on first use and shared by all users of this grammar."""
        if self._automaton is None:
            with self._lock:
                if self._automaton is None:
                    self._automaton = Engine(self.program, budget=self.budget)
        return self._automaton

    def matches(self, data: bytes | str) -> bool:
        """Whether the whole of `data` (text is taken as UTF-8) is in the language."""
        if isinstance(data, str):
            data = data.encode("utf-8", "surrogatepass")
        if not isinstance(data, bytes | bytearray | memoryview):
            raise GrammarError(f"matches() takes bytes or str, not {type(data).__name__}")
        automaton = self.automaton
        return automaton.is_accepting(automaton.advance(automaton.start, bytes(data)))

    def emit(self, network: Network, a: int, b: int) -> None:
        """Add this grammar to `network` between the nodes a and b."""
        key = ("grammar", id(self.program))
        if key not in network.memo:  # the program is kept beside the rule, so that its id stays taken
            network.memo[key] = (network.include(self.program), self.program)
        network.call(a, network.memo[key][0], b)

    def __or__(self, other: Grammar) -> Grammar:
        """Strings of either."""

        def emit(network: Network, a: int, b: int) -> None:
            self.emit(network, a, b)
            other.emit(network, a, b)

        return self._combine(other, "|", emit)

    def __add__(self, other: Grammar) -> Grammar:
        """A string of this, then one of the other."""

        def emit(network: Network, a: int, b: int) -> None:
            middle = network.node()
            self.emit(network, a, middle)
            other.emit(network, middle, b)

        return self._combine(other, "+", emit)

    def __and__(self, other: Grammar) -> Grammar:
        """Strings of both. Both must be regular with automata of moderate size; else Unsupported (for sampling,
        a `Conjunction` of any two will do)."""
        from .product import intersection

        return self._combine(other, "&", lambda network, a, b: intersection(self, other)(network, a, b))

    def __invert__(self) -> Grammar:
        """Texts that are not in this language, which must be regular and of moderate size; else Unsupported."""
        from .combinators import complement

        return complement(self)

    def _combine(self, other: Grammar, operator: str, emit: Emit) -> Grammar:
        from .predicate import Judge

        if isinstance(other, Judge):
            return NotImplemented  # its own operator is asked
        if not isinstance(other, Grammar):
            raise GrammarError(f"{operator} takes two grammars, not {type(other).__name__}")
        return Grammar(emit, f"({self.name} {operator} {other.name})")

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_automaton", "_lock")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._automaton = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        name = self.name if len(self.name) <= 60 else self.name[:57] + "..."
        return f"<Grammar {name}, {self.program.nodes} nodes>"
