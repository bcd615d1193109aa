"""The parser that runs rules and actions: from grammar files to what may come next.

Rules are those of the .lark files; one that has no body is an action, a function from scope to scope, or to None where
the place does not allow what follows. A configuration is a stack of what is still to be read and a scope. `options`
follows all rules up to the next terminals; the rules are such that no two ways begin with the same terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..context_free.lark_reader import open_text, read
from ..context_free.syntax import Choice, Definition, Literal, Name, Repeat, Sequence, Tree
from .levels import Scope

Action = Callable[[Scope], Scope | None]
Node = tuple[Any, ...]
_EMPTY, _POP = 0, -1


class Options:
    """What may come next: literals in lower case, terminals with their stacks and scopes, and whether it may end."""

    def __init__(self) -> None:
        self.literals: dict[str, tuple[int, Scope]] = {}
        self.terminals: dict[str, tuple[int, Scope]] = {}
        self.ends = False


class Machine:
    """Rules of a grammar text, with actions by name.

    Args:
        syntax: rules in Lark's language.
        actions: the functions of rules that are not defined; their names are in small letters.
    """

    def __init__(self, syntax: str, actions: Mapping[str, Action]) -> None:
        self.rules: dict[str, Tree] = {}
        for statement in read(open_text(syntax)):
            assert isinstance(statement, Definition)
            self.rules[statement.name] = statement.body
        self.actions = actions
        self.nodes: list[Node] = []
        self._known: dict[Node, int] = {}
        self._compiled: dict[str, int] = {}
        self._ways: dict[int, list[tuple[str, str, int]]] = {}
        self.stacks: list[tuple[int, int]] = [(-1, -1)]
        self._stack_ids: dict[tuple[int, int], int] = {}

    def start(self, rule: str) -> int:
        """The stack at the beginning."""
        return self._push(self._rule(rule), _EMPTY)

    def options(self, stack: int, scope: Scope) -> Options:
        """What may come next."""
        result = Options()
        self._expand(stack, scope, result, {})
        return result

    def settled(self, stack: int, scope: Scope) -> tuple[int, Scope] | None:
        """The same place after the actions that come before any choice, so that equal places are one; None where one
        of them does not allow what follows."""
        nodes, stacks = self.nodes, self.stacks
        while stack != _EMPTY:
            number, below = stacks[stack]
            node = nodes[number]
            kind = node[0]
            if kind == "action":
                after = self.actions[node[1]](scope)
                if after is None:
                    return None
                stack, scope = below, after
            elif kind == "sequence":
                stack = self._push(node[1], self._push(node[2], below))
            elif kind == "rule":
                stack = self._push(self._rule(node[1]), below)
            elif kind == "empty":
                stack = below
            else:
                break
        return stack, scope

    def _push(self, node: int, stack: int) -> int:
        key = (node, stack)
        known = self._stack_ids.get(key)
        if known is None:
            known = self._stack_ids[key] = len(self.stacks)
            self.stacks.append(key)
        return known

    def _expand(
        self, stack: int, scope: Scope, result: Options, done: dict[tuple[str, int], tuple[Scope, Scope | None]]
    ) -> None:
        """Follow all ways from the top of the stack to the next terminals; `done` remembers actions by the identity of
        their scopes, which it keeps."""
        ways = self._ways.get(stack)
        if ways is None:
            ways = self._ways[stack] = []
            self._find_ways(_POP, stack, ways)
        for kind, text, after in ways:
            if kind == "action":
                key = text, id(scope)
                known = done.get(key)
                if known is None:
                    known = done[key] = scope, self.actions[text](scope)
                if known[1] is not None:
                    self._expand(after, known[1], result, done)
            elif kind == "literal":
                assert text not in result.literals, f"two ways begin with {text!r}"
                result.literals[text] = (after, scope)
            elif kind == "terminal":
                assert text not in result.terminals, f"two ways begin with {text}"
                result.terminals[text] = (after, scope)
            else:
                result.ends = True

    def _find_ways(self, number: int, stack: int, ways: list[tuple[str, str, int]]) -> None:
        """Add the actions, literals and terminals that may come first, from a node or from the top of the stack, each
        with the stack behind it; "end" where that is empty."""
        while True:
            if number == _POP:
                if stack == _EMPTY:
                    ways.append(("end", "", _EMPTY))
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
                ways.append((kind, node[1], stack))
                return
            elif kind == "empty":
                number = _POP
            else:  # repeat: body, minimum, whether it may come again
                if not node[2]:
                    self._find_ways(_POP, stack, ways)
                stack = self._push(self._node(("repeat", node[1], 0, True)), stack) if node[3] else stack
                number = node[1]

    def _rule(self, name: str) -> int:
        if name not in self._compiled:
            self._compiled[name] = self._compile(self.rules[name])
        return self._compiled[name]

    def _node(self, node: Node) -> int:
        if node not in self._known:
            self._known[node] = len(self.nodes)
            self.nodes.append(node)
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
