"""What rules are by themselves: nullable, productive, reachable, recursive (Hopcroft and Ullman 1979, chapter 4)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

from ..budget import Budget
from ..errors import BudgetExceeded
from .symbols import Alt, Call, Counted, Expr, Rep, Rules, Seq, Symbol, symbols


class Clock:
    """The time that compiling a grammar may take."""

    def __init__(self, budget: Budget) -> None:
        self._seconds = budget.seconds
        self._end = time.monotonic() + budget.seconds

    def check(self) -> None:
        """Raises BudgetExceeded when the time is over."""
        if time.monotonic() > self._end:
            raise BudgetExceeded(
                f"compiling the grammar took more than {self._seconds:g} seconds; give a larger Budget(seconds=)"
            )


def called(expression: Expr) -> list[str]:
    """Names of the rules in an expression, each once."""
    return list(dict.fromkeys(s.name for s in symbols(expression) if isinstance(s, Call | Counted)))


def closed_under(rules: Rules, holds: Callable[[Symbol], bool], clock: Clock) -> set[str]:
    """The least set of rules whose expression has a property, given that of its symbols.

    A sequence has it when all items have, a choice when some option has, a repetition when its body has or no round is
    needed. `holds` tells of symbols that are no calls.
    """
    found: set[str] = set()

    def test(expression: Expr) -> bool:
        match expression:
            case Seq(items):
                return all(map(test, items))
            case Alt(options):
                return any(map(test, options))
            case Rep(body, minimum):
                return not minimum or test(body)
            case Call(name):
                return name in found
            case Counted(name, minimum):
                return not minimum or name in found
        return holds(expression)

    users: dict[str, list[str]] = {name: [] for name in rules}
    for name, expression in rules.items():
        for other in called(expression):
            users[other].append(name)
    waiting = dict.fromkeys(rules)
    while waiting:
        clock.check()
        name = next(iter(waiting))
        del waiting[name]
        if name not in found and test(rules[name]):
            found.add(name)
            waiting |= dict.fromkeys(user for user in users[name] if user not in found)
    return found


def reachable(start: str, targets: Mapping[str, Iterable[str]]) -> set[str]:
    """What can be reached from the start, itself included."""
    found = {start}
    queue = [start]
    for name in queue:
        for other in targets[name]:
            if other not in found:
                found.add(other)
                queue.append(other)
    return found


def components(targets: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Strongly connected components, each after those that it leads to (Tarjan 1972, without recursion)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    done: set[str] = set()
    pending: list[str] = []
    result: list[list[str]] = []
    for root in targets:
        if root in index:
            continue
        index[root] = low[root] = len(index)
        pending.append(root)
        path = [(root, iter(targets[root]))]
        while path:
            name, rest = path[-1]
            for other in rest:
                if other not in index:
                    index[other] = low[other] = len(index)
                    pending.append(other)
                    path.append((other, iter(targets[other])))
                    break
                if other not in done:
                    low[name] = min(low[name], index[other])
            else:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[name])
                if low[name] == index[name]:
                    first = len(pending) - 1
                    while pending[first] != name:
                        first -= 1
                    component = pending[first:]
                    del pending[first:]
                    done.update(component)
                    result.append(component)
    return result
