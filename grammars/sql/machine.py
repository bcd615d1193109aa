"""The parser that runs rules and actions: from grammar files to what may come next.

Rules are those of the .lark files; one that has no body is an action, a function from scope to scope, or to None where
the place does not allow what follows. A configuration is a stack of what is still to be read and a scope. `ways`
are the first steps from a stack: a terminal, or an action and the stack behind it. Of each it is known, actions aside,
with which bytes what comes may begin, so that ways are followed for those that are asked about. The rules are such that
no two ways begin with the same terminal.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

from ..context_free.lark_reader import open_text, read
from ..context_free.syntax import Choice, Definition, Literal, Name, Repeat, Sequence, Tree
from ..scoped import END, byte_set
from .levels import Scope

Action = Callable[[Scope], Scope | None]
Node = tuple[Any, ...]
Way = tuple[int, str, str, int]
"""First bytes (a set, with END), what comes first ("action", "keyword", "symbol", "terminal" or "end"), its text, and
the stack behind it."""
_EMPTY, _POP = 0, -1


class Machine:
    """Rules of a grammar text, with actions by name; threads and databases may share it.

    Args:
        syntax: rules in Lark's language; those that are not defined, in small letters, are actions.
        first: the bytes (a set) with which a terminal may begin.
    """

    def __init__(self, syntax: str, first: Callable[[str], int]) -> None:
        self.rules: dict[str, Tree] = {}
        for statement in read(open_text(syntax)):
            assert isinstance(statement, Definition)
            self.rules[statement.name] = statement.body
        self._lock = threading.RLock()
        self.nodes: list[Node] = []
        self._known: dict[Node, int] = {}
        self._compiled: dict[str, int] = {}
        self._first = first
        self._nodes_first: dict[int, tuple[int, bool]] = {}
        self._ways: dict[int, tuple[Way, ...]] = {}
        self._settled: dict[int, tuple[tuple[str, ...], int]] = {}
        self.stacks: list[tuple[int, int]] = [(-1, -1)]
        self._stacks_first = [END]
        self._stack_ids: dict[tuple[int, int], int] = {}

    def start(self, rule: str) -> int:
        """The stack at the beginning."""
        return self._push(self._rule(rule), _EMPTY)

    def ways(self, stack: int) -> tuple[Way, ...]:
        """The first steps from a stack; "end" where it may be left empty."""
        known = self._ways.get(stack)
        if known is None:
            ways: list[Way] = []
            self._find_ways(_POP, stack, ways)
            known = self._ways[stack] = tuple(ways)
        return known

    def first(self, stack: int) -> int:
        """Bytes (a set, with END) with which what may come can begin, as far as the rules without actions say."""
        return self._stacks_first[stack]

    def settled(self, stack: int) -> tuple[tuple[str, ...], int]:
        """The actions that come before any choice, and the stack behind them: equal places have the same ones."""
        known = self._settled.get(stack)
        if known is None:
            actions: list[str] = []
            below = stack
            while below != _EMPTY:
                number, behind = self.stacks[below]
                node = self.nodes[number]
                kind = node[0]
                if kind == "action":
                    actions.append(node[1])
                    below = behind
                elif kind == "sequence":
                    below = self._push(node[1], self._push(node[2], behind))
                elif kind == "rule":
                    below = self._push(self._rule(node[1]), behind)
                elif kind == "empty":
                    below = behind
                else:
                    break
            known = self._settled[stack] = tuple(actions), below
        return known

    def _push(self, node: int, stack: int) -> int:
        key = (node, stack)
        known = self._stack_ids.get(key)
        if known is None:
            found, empty = self._first_of(node)
            with self._lock:
                known = self._stack_ids.get(key)
                if known is None:
                    self._stacks_first.append(found | self._stacks_first[stack] if empty else found)
                    self.stacks.append(key)
                    known = self._stack_ids[key] = len(self.stacks) - 1
        return known

    def _find_ways(self, number: int, stack: int, ways: list[Way]) -> None:
        """Add the actions, literals and terminals that may come first, from a node or from the top of the stack."""
        while True:
            if number == _POP:
                if stack == _EMPTY:
                    ways.append((END, "end", "", _EMPTY))
                    return
                number, stack = self.stacks[stack]
            node = self.nodes[number]
            kind = node[0]
            if kind == "sequence":
                number = node[1]
                stack = self._push(node[2], stack)
            elif kind == "rule":
                number = self._rule(node[1])
            elif kind == "choice":
                for item in node[1:]:
                    self._find_ways(item, stack, ways)
                return
            elif kind in ("action", "literal", "terminal"):
                first = self._stacks_first[stack] if kind == "action" else self._first_of(number)[0]
                if kind == "literal":
                    kind = "keyword" if node[1].isalpha() else "symbol"
                ways.append((first, kind, node[1], stack))
                return
            elif kind == "empty":
                number = _POP
            else:  # repeat: body, minimum, whether it may come again
                if not node[2]:
                    self._find_ways(_POP, stack, ways)
                stack = self._push(self._node(("repeat", node[1], 0, True)), stack) if node[3] else stack
                number = node[1]

    def _first_of(self, number: int) -> tuple[int, bool]:
        """First bytes of what a node stands for, and whether it may be empty."""
        known = self._nodes_first.get(number)
        if known is None:
            node = self.nodes[number]
            kind = node[0]
            if kind == "literal":
                known = byte_set(node[1][:1].encode() + node[1][:1].upper().encode()), False
            elif kind == "terminal":
                known = self._first(node[1]), False
            elif kind == "rule":
                known = self._first_of(self._rule(node[1]))
            elif kind == "sequence":
                known = self._first_of(node[1])
                if known[1]:
                    behind = self._first_of(node[2])
                    known = known[0] | behind[0], behind[1]
            elif kind == "choice":
                parts = [self._first_of(item) for item in node[1:]]
                known = functools.reduce(int.__or__, (part[0] for part in parts)), any(part[1] for part in parts)
            elif kind == "repeat":
                found, empty = self._first_of(node[1])
                known = found, empty or not node[2]
            else:
                known = 0, True
            self._nodes_first[number] = known
        return known

    def _rule(self, name: str) -> int:
        if name not in self._compiled:
            self._compiled[name] = self._compile(self.rules[name])
        return self._compiled[name]

    def _node(self, node: Node) -> int:
        with self._lock:
            if node not in self._known:
                self.nodes.append(node)
                self._known[node] = len(self.nodes) - 1
            return self._known[node]

    def _compile(self, tree: Tree) -> int:
        if isinstance(tree, Literal):
            return self._node(("literal", tree.text.lower()))
        if isinstance(tree, Name):
            if tree.name in self.rules:
                return self._node(("rule", tree.name))
            return self._node(("action" if tree.name.islower() else "terminal", tree.name))
        if isinstance(tree, Sequence):
            following = self._node(("empty",))
            for i, item in enumerate(reversed(tree.items)):
                number = self._compile(item)
                following = self._node(("sequence", number, following)) if i else number
            return following
        if isinstance(tree, Choice):
            return self._node(("choice", *map(self._compile, tree.options)))
        assert isinstance(tree, Repeat) and tree.minimum <= 1
        return self._node(("repeat", self._compile(tree.body), tree.minimum, tree.maximum is None))
