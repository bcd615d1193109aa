"""A parser of SQL that knows by which productions it came to a token, for walks that go everywhere (`sql_walker.py`).

A production is an alternative or an optional part of a rule. The parser also knows how few tokens the syntax asks for
behind a place, so that walks can head for their end.
"""

from __future__ import annotations

from typing import Any

from bytebound.grammars.context_free.syntax import Choice, Literal, Name, Repeat, Sequence, Tree
from bytebound.grammars.sql.machine import _EMPTY, Action, Machine


class TracingMachine(Machine):
    """A parser that knows by which productions it came to a token."""

    def __init__(self, machine: Machine, syntax: str, actions: dict[str, Action]) -> None:
        self.actions = actions
        self.labels: dict[int, str] = {}
        """Productions: what they are called, by node."""
        self._trails: dict[tuple[int, Any], dict[str, frozenset[int]]] = {}
        self._inside = ""
        self._costs: dict[int, int] = {}
        super().__init__(syntax, machine._first)
        self.shortest = _shortest(self.rules)

    def trails(self, stack: int, scope: Any) -> dict[str, frozenset[int]]:
        """Productions that lead to a token, by token."""
        known = self._trails.get((stack, scope))
        if known is None:
            known = self._trails[stack, scope] = {}
            self._follow(stack, scope, frozenset(), known)
        return known

    def cost(self, stack: int) -> int:
        """Number of tokens without which the syntax cannot end behind this stack."""
        path = []
        while stack != _EMPTY and stack not in self._costs:
            path.append(stack)
            stack = self.stacks[stack][1]
        total = self._costs.get(stack, 0)
        for stack in reversed(path):
            total += self._least(self.stacks[stack][0])
            self._costs[stack] = total
        return total

    def _least(self, number: int) -> int:
        node = self.nodes[number]
        if node[0] in ("literal", "terminal"):
            return 1
        if node[0] == "rule":
            return self.shortest[node[1]]
        if node[0] == "sequence":
            return sum(map(self._least, node[1:]))
        if node[0] == "choice":
            return min(map(self._least, node[1:]))
        return self._least(node[1]) if node[0] == "repeat" and node[2] else 0

    def _follow(self, stack: int, scope: Any, trail: frozenset[int], trails: dict[str, frozenset[int]]) -> None:
        while scope is not None:
            if stack == _EMPTY:
                return
            number, stack = self.stacks[stack]
            node = self.nodes[number]
            if number in self.labels:
                trail |= {number}
            if node[0] in ("literal", "terminal"):
                trails[node[1]] = trail
                return
            if node[0] == "action":
                scope = self.actions[node[1]](scope)
            elif node[0] == "rule":
                stack = self._push(self._rule(node[1]), stack)
            elif node[0] == "sequence":
                stack = self._push(node[1], self._push(node[2], stack))
            elif node[0] == "empty":
                continue
            elif node[0] == "choice":
                for item in node[1:]:
                    self._follow(self._push(item, stack), scope, trail, trails)
                return
            else:
                if not node[2]:
                    self._follow(stack, scope, trail, trails)
                again = self._push(self._node(("repeat", node[1], 0, True)), stack) if node[3] else stack
                stack = self._push(node[1], again)

    def _rule(self, name: str) -> int:
        outside, self._inside = self._inside, name
        number = super()._rule(name)
        self._inside = outside
        return number

    def _node(self, node: tuple[Any, ...]) -> int:
        if node[0] == "repeat":
            return super()._node(node)
        self.nodes.append(node)  # one for each place in the rules, so that they can be told apart
        return len(self.nodes) - 1

    def _compile(self, tree: Tree) -> int:
        number = super()._compile(tree)
        if isinstance(tree, Choice):
            for option, node in zip(tree.options, self.nodes[number][1:], strict=True):
                self.labels[node] = f"{self._inside}: {_words(option)}"
        elif isinstance(tree, Repeat):
            self.labels[self.nodes[number][1]] = f"{self._inside}: [{_words(tree.body)}]"
        return number


def _words(tree: Tree) -> str:
    """The tokens and rules of a production."""
    if isinstance(tree, Literal):
        return tree.text
    if isinstance(tree, Name):
        return "" if tree.name.startswith(("do_", "if_")) else tree.name
    if isinstance(tree, Sequence):
        return " ".join(filter(None, map(_words, tree.items)))
    if isinstance(tree, Choice):
        return "(" + " | ".join(map(_words, tree.options)) + ")"
    return f"[{_words(tree.body)}]"  # type: ignore[union-attr]


def _shortest(rules: dict[str, Tree]) -> dict[str, int]:
    """The least number of tokens of each rule."""
    far = 10**6
    least = dict.fromkeys(rules, far)

    def of(tree: Tree) -> int:
        if isinstance(tree, Literal):
            return 1
        if isinstance(tree, Name):
            return least.get(tree.name, 0 if tree.name.islower() else 1)
        if isinstance(tree, Sequence):
            return min(far, sum(map(of, tree.items)))
        if isinstance(tree, Choice):
            return min(map(of, tree.options))
        return of(tree.body) if tree.minimum else 0  # type: ignore[union-attr]

    changed = True
    while changed:
        new = {name: of(tree) for name, tree in rules.items()}
        changed, least = new != least, new
    return least
