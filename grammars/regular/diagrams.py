"""Reduced ordered binary decision diagrams (Bryant 1986): Boolean functions as integers, equal exactly when the same.

0 is false, 1 is true; every other function has a variable (the smaller number is tested first) and two branches.
"""

from __future__ import annotations

from collections.abc import Callable

FALSE, TRUE = 0, 1
_NO_VARIABLE = 1 << 60


class WorkLimit(Exception):
    """More functions or operations than the limit."""


class Diagrams:
    """A store of Boolean functions; `max_work` bounds operations and the size of the store."""

    def __init__(self, max_work: int) -> None:
        self.variable = [_NO_VARIABLE, _NO_VARIABLE]
        self.low = [0, 1]
        self.high = [0, 1]
        self._unique: dict[tuple[int, int, int], int] = {}
        self._chosen: dict[tuple[int, int, int], int] = {}
        self._budget = max_work

    def spend(self, work: int) -> None:
        """Count work done; raises WorkLimit when the budget is gone."""
        self._budget -= work
        if self._budget < 0:
            raise WorkLimit

    def variable_function(self, variable: int) -> int:
        """The function that is the variable itself."""
        return self._node(variable, FALSE, TRUE)

    def _node(self, variable: int, low: int, high: int) -> int:
        if low == high:
            return low
        key = (variable, low, high)
        node = self._unique.get(key)
        if node is None:
            node = self._unique[key] = len(self.variable)
            self.variable.append(variable)
            self.low.append(low)
            self.high.append(high)
        return node

    def choose(self, test: int, then: int, otherwise: int) -> int:
        """if test then `then` else `otherwise`; every operation comes down to this one."""
        if test == TRUE or then == otherwise:
            return then
        if test == FALSE:
            return otherwise
        if then == TRUE and otherwise == FALSE:
            return test
        key = (test, then, otherwise)
        result = self._chosen.get(key)
        if result is None:
            self.spend(1)
            v = min(self.variable[test], self.variable[then], self.variable[otherwise])
            branches = []
            for side in (self.low, self.high):
                t, a, b = (side[f] if self.variable[f] == v else f for f in key)
                branches.append(self.choose(t, a, b))
            result = self._chosen[key] = self._node(v, *branches)
        return result

    def either(self, a: int, b: int) -> int:
        """a or b."""
        return self.choose(a, TRUE, b)

    def both(self, a: int, b: int) -> int:
        """a and b."""
        return self.choose(a, b, FALSE)

    def negation(self, a: int) -> int:
        """not a."""
        return self.choose(a, FALSE, TRUE)

    def substitute(self, function: int, value: Callable[[int], int], memo: dict[int, int]) -> int:
        """The function with every variable v replaced by the function `value(v)`; `memo` belongs to one `value`."""
        if function <= TRUE:
            return function
        result = memo.get(function)
        if result is None:
            self.spend(1)
            low = self.substitute(self.low[function], value, memo)
            high = self.substitute(self.high[function], value, memo)
            result = memo[function] = self.choose(value(self.variable[function]), high, low)
        return result

    def holds(self, function: int, true_variable: int) -> bool:
        """Value of the function where this one variable is true and all others are false."""
        while function > TRUE:
            side = self.high if self.variable[function] == true_variable else self.low
            function = side[function]
        return function == TRUE
