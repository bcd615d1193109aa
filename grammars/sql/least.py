"""How much a statement still needs: the terminals that its rules ask for at least, and what waits for FROM.

An estimate that leads the search for completions: actions may ask for more than the rules do.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..context_free.syntax import Choice, Literal, Name, Repeat, Sequence, Tree
from .dialects import Dialect
from .levels import Level, Relation, Scope, visible
from .machine import Machine

_UNKNOWN = 1 << 16
_TABLE, _SUBQUERY = 3, 12  # a comma or join, a table, an alias; beside a table, what makes it a subquery
_OVER = 3
_WINDOW = 5  # WINDOW or a comma, a name, AS, parentheses


class Least:
    """Least numbers of terminals of a machine's stacks, over relations, in a dialect."""

    def __init__(self, machine: Machine, relations: Iterable[Relation], words: Dialect) -> None:
        self.machine, self._windows, self._aggregates = machine, words.windows, words.aggregates
        calls = words.aggregates | words.windows | words.functions
        self._arguments = {name: call.minimum for name, call in calls.items()}
        self._columns = [{"*", *(name for name, _ in relation.columns)} for relation in relations]
        self._rules = dict.fromkeys(machine.rules, _UNKNOWN)
        changed = True
        while changed:
            found = {name: self._of_tree(tree) for name, tree in machine.rules.items()}
            changed, self._rules = found != self._rules, found
        self._nodes: dict[int, int] = {}
        self._stacks: dict[int, int] = {0: 0}

    def lexemes(self, stack: int, scope: Scope) -> int:
        """Lexemes that complete the statement, as a guess."""
        needed = self._of_stack(stack)
        for i, level in enumerate(scope.levels):
            last = i == len(scope.levels) - 1
            if level.phase in ("items", "from", "on"):
                bound = {table.alias for table in level.tables}
                wanted: dict[str, set[str]] = {}
                for want in level.waiting:
                    if want.alias and want.alias not in bound:
                        wanted.setdefault(want.alias, set()).add(want.name)
                tables = len(wanted)
                made = [names for names in wanted.values() if not any(names <= known for known in self._columns)]
                if made:
                    needed += _SUBQUERY * len(made)
                    if level.pending and any(names <= {n for n, _ in level.pending.columns} for names in made):
                        needed -= _SUBQUERY
                    inner = scope.levels[i + 1] if not last else None
                    if inner is not None and inner.role == "derived":
                        outputs = {out.name for out in inner.outputs}
                        needed += 2 * min(len(names - outputs) for names in made) - _SUBQUERY
                        needed -= 2 * (self._next(stack) == ("terminal", "NEW_OUTPUT"))  # one of them comes next
                names = {want.name for want in level.waiting if not want.alias}
                names = {name for name in names if not visible(level.tables, name)}
                tables += bool(names)
                if last and level.phase == "items" and scope.word:
                    tables = max(1, tables)
                needed += _TABLE * tables
                if tables and level.phase == "from" and (not level.tables or level.join):
                    needed -= self._ahead(level, names, wanted)
            if level.phase == "items" and level.expected is not None:
                needed += 2 * max(0, level.expected - len(level.outputs) - 1)
            needed += _WINDOW * len(level.windows - level.defined)
            if level.aggregated and level.bare and level.grouped is None:
                needed += _TABLE
        return needed + self._of_calls(scope) + 2 * max(0, len(scope.columns) - scope.written - 1)

    def _of_calls(self, scope: Scope) -> int:
        """What calls ask for beyond the rules: arguments, and a window."""
        needed = 0
        called = self._arguments.get(scope.word)
        if called is not None and not any(scope.word in known for known in self._columns):
            needed += 2 * called + 1 + (not called) + _OVER * (scope.word in self._windows)
        for i, frame in enumerate(scope.frames):
            missing = self._arguments.get(frame.function, 0) - frame.argument if frame.role == "call" else 0
            if missing > 0:
                within = i < len(scope.frames) - 1 or frame.function in self._aggregates
                needed += 2 * missing - (2 if within else 1)
        return needed

    @staticmethod
    def _ahead(level: Level, names: set[str], wanted: dict[str, set[str]]) -> int:
        """How many of the lexemes of a table in FROM were read, or are asked for by the rules."""
        if level.pending is None:
            return 2
        columns = {name for name, _ in level.pending.columns}
        if any(wants <= columns | {"*"} for wants in wanted.values()):
            return _TABLE - 1
        return _TABLE if names and names <= columns else 0

    def leap(self, scope: Scope) -> int:
        """What one token may add, as a guess on the safe side: all columns come again in a compound, those of a table
        in INSERT."""
        columns = max(map(len, self._columns), default=0)
        return 40 + 3 * (columns + sum(len(level.first or level.outputs) for level in scope.levels))

    def _next(self, stack: int) -> tuple[Any, ...]:
        return self.machine.nodes[self.machine.stacks[stack][0]] if stack else ()

    def _of_tree(self, tree: Tree) -> int:
        if isinstance(tree, Name):
            return self._rules[tree.name] if tree.name in self._rules else 0 if tree.name.islower() else 1
        if isinstance(tree, Sequence):
            return sum(map(self._of_tree, tree.items))
        if isinstance(tree, Choice):
            return min(map(self._of_tree, tree.options))
        if isinstance(tree, Repeat):
            return tree.minimum * self._of_tree(tree.body)
        assert isinstance(tree, Literal)
        return 1

    def _of_stack(self, stack: int) -> int:
        above = []
        while stack not in self._stacks:
            above.append(stack)
            stack = self.machine.stacks[stack][1]
        total = self._stacks[stack]
        for stack in reversed(above):
            total += self._of_node(self.machine.stacks[stack][0])
            self._stacks[stack] = total
        return total

    def _of_node(self, number: int) -> int:
        known = self._nodes.get(number)
        if known is None:
            node: tuple[Any, ...] = self.machine.nodes[number]
            kind = node[0]
            if kind in ("literal", "terminal"):
                known = 1
            elif kind == "rule":
                known = self._rules[node[1]]
            elif kind == "sequence":
                known = self._of_node(node[1]) + self._of_node(node[2])
            elif kind == "choice":
                known = min(map(self._of_node, node[1:]))
            elif kind == "repeat":
                known = node[2] * self._of_node(node[1])
            else:
                known = 0
            self._nodes[number] = known
        return known
