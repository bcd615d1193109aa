"""Rules put in place of their names where they are small or used once, so that their automata share beginnings."""

from __future__ import annotations

from .analysis import Clock, called, components
from .symbols import Alt, Call, Counted, Expr, Rep, Rules, Seq, size, symbols

_SMALL = 12
_LARGEST = 400  # of a rule, after others were put in


def inlined(rules: Rules, start: str, clock: Clock) -> Rules:
    """The same language with fewer rules."""
    targets = {name: called(expression) for name, expression in rules.items()}
    uses: dict[str, int] = {}
    counted = set()
    for expression in rules.values():
        for symbol in symbols(expression):
            if isinstance(symbol, Call):
                uses[symbol.name] = uses.get(symbol.name, 0) + 1
            elif isinstance(symbol, Counted):
                counted.add(symbol.name)
    result: Rules = {}
    gone: Rules = {}
    for component in components(targets):  # what is called comes first
        clock.check()
        for name in component:
            expression = rules[name]
            parts = {other: gone[other] for other in targets[name] if other in gone}
            if parts:
                replaced = _replaced(expression, parts)
                if size(replaced) <= max(_LARGEST, size(expression)):
                    expression = replaced
            result[name] = expression
        (*others, name) = component
        if others or name in targets[name] or name == start or name in counted:
            continue
        if size(result[name]) <= _SMALL or (uses.get(name) == 1 and size(result[name]) <= _LARGEST):
            gone[name] = result[name]
    return result


def _replaced(expression: Expr, parts: Rules) -> Expr:
    match expression:
        case Seq(items):
            return Seq(tuple(_replaced(item, parts) for item in items))
        case Alt(options):
            return Alt(tuple(_replaced(option, parts) for option in options))
        case Rep(body, minimum, maximum):
            return Rep(_replaced(body, parts), minimum, maximum)
        case Call(name):
            return parts.get(name, expression)
    return expression
