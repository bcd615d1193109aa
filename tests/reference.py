"""A slow and simple reference for the engine: regular expressions over bytes by Brzozowski derivatives.

Nothing here is shared with the library. Expressions are nested tuples:
("empty",), ("eps",), ("set", frozenset of bytes), ("cat", a, b), ("or", a, b), ("star", a), ("rep", a, m, n or None).
"""

from __future__ import annotations

from typing import Any

Expression = tuple[Any, ...]
EMPTY: Expression = ("empty",)
EPS: Expression = ("eps",)


def cat(a: Expression, b: Expression) -> Expression:
    if EMPTY in (a, b):
        return EMPTY
    if a == EPS:
        return b
    return a if b == EPS else ("cat", a, b)


def either(a: Expression, b: Expression) -> Expression:
    if a in (EMPTY, b):
        return b
    return a if b == EMPTY else ("or", a, b)


def literal(data: bytes) -> Expression:
    result = EPS
    for byte in reversed(data):
        result = cat(("set", frozenset([byte])), result)
    return result


def nullable(r: Expression) -> bool:
    kind = r[0]
    if kind in ("eps", "star"):
        return True
    if kind == "cat":
        return nullable(r[1]) and nullable(r[2])
    if kind == "or":
        return nullable(r[1]) or nullable(r[2])
    return kind == "rep" and (r[2] == 0 or nullable(r[1]))


def derivative(r: Expression, byte: int) -> Expression:
    kind = r[0]
    if kind == "set":
        return EPS if byte in r[1] else EMPTY
    if kind == "cat":
        first = cat(derivative(r[1], byte), r[2])
        return either(first, derivative(r[2], byte)) if nullable(r[1]) else first
    if kind == "or":
        return either(derivative(r[1], byte), derivative(r[2], byte))
    if kind == "star":
        return cat(derivative(r[1], byte), r)
    if kind == "rep":
        _, body, low, high = r
        if high == 0:
            return EMPTY
        rest = ("rep", body, max(0, low - 1), None if high is None else high - 1)
        return cat(derivative(body, byte), EPS if rest[3] == 0 else rest)
    return EMPTY


def after(r: Expression, data: bytes) -> Expression:
    """What may follow `data`; EMPTY exactly when no completion exists (sets and bodies are never empty here)."""
    for byte in data:
        r = derivative(r, byte)
    return r


def emit(net: Any, a: int, b: int, r: Expression) -> None:
    """Add the expression to a network of the library."""
    kind = r[0]
    if kind == "eps":
        net.epsilon(a, b)
    elif kind == "set":
        for byte in r[1]:
            net.edge(a, byte, byte, b)
    elif kind == "cat":
        middle = net.node()
        emit(net, a, middle, r[1])
        emit(net, middle, b, r[2])
    elif kind == "or":
        emit(net, a, b, r[1])
        emit(net, a, b, r[2])
    elif kind == "star":
        loop = net.node()
        net.epsilon(a, loop)
        net.epsilon(loop, b)
        emit(net, loop, loop, r[1])
    elif kind == "rep":
        rule = net.rule()
        emit(net, rule.start, rule.end, r[1])
        net.repeat(a, rule, b, r[2], r[3])
