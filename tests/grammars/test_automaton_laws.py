"""The laws of the automaton protocol, for every implementation, against derivatives as the oracle."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable

import pytest
from bytebound.grammars import (
    DEAD,
    Automaton,
    Budget,
    BudgetExceeded,
    EmptyLanguage,
    Grammar,
    GrammarError,
    Network,
    Unsupported,
    after,
    choice,
    json_schema,
    regex,
)
from bytebound.grammars.engine import Engine
from hypothesis import given, settings
from hypothesis import strategies as st

from .. import reference as ref

ALPHABET = b"ab\xc3"


def expressions() -> st.SearchStrategy[tuple]:
    sets = st.sets(st.sampled_from(list(ALPHABET)), min_size=1).map(lambda s: ("set", frozenset(s)))
    leaves = st.one_of(st.just(ref.EPS), sets)

    def grow(inner: st.SearchStrategy[tuple]) -> st.SearchStrategy[tuple]:
        solid = inner.filter(lambda r: not ref.nullable(r))
        bounds = st.tuples(st.integers(0, 3), st.one_of(st.none(), st.integers(0, 4)))
        return st.one_of(
            st.tuples(inner, inner).map(lambda t: ref.cat(*t)),
            st.tuples(inner, inner).map(lambda t: ref.either(*t)),
            inner.map(lambda r: ("star", r)),
            st.tuples(solid, bounds).map(
                lambda t: ("rep", t[0], t[1][0], None if t[1][1] is None else t[1][0] + max(1, t[1][1]))
            ),
        )

    return st.recursive(leaves, grow, max_leaves=8)


def direct(r: tuple) -> Automaton:
    return Grammar(lambda net, a, b: ref.emit(net, a, b, r), "direct").automaton


def included(r: tuple) -> Automaton:
    """Through `Grammar` combinators, which rebuild a network from a built one."""
    empty = Grammar(lambda net, a, b: net.epsilon(a, b), "empty")
    return (empty + Grammar(lambda net, a, b: ref.emit(net, a, b, r), "included")).automaton


def pickled(r: tuple) -> Automaton:
    return pickle.loads(pickle.dumps(Grammar(lambda net, a, b: ref.emit(net, a, b, r), "pickled"))).automaton


def cramped(r: tuple) -> Automaton:
    """An engine whose arena is too small for everything, so that it has to grow."""
    program = Grammar(lambda net, a, b: ref.emit(net, a, b, r), "cramped").program
    engine = Engine(program, horizon=1)
    engine._capacities = {"states": 2, "items": 4, "stacks": 2, "work": 4}
    engine.arena = engine._allocate(None)
    engine.start = engine.run(sys.modules["bytebound.grammars.engine_kernels"].initial, program.start)
    return engine


IMPLEMENTATIONS = [direct, included, pickled, cramped]


@pytest.mark.parametrize("make", IMPLEMENTATIONS, ids=lambda f: f.__name__)
@settings(max_examples=150, deadline=None, derandomize=True)
@given(r=expressions(), x=st.lists(st.sampled_from(list(ALPHABET)), max_size=8), cut=st.integers(0, 8))
def test_laws(make: Callable[[tuple], Automaton], r: tuple, x: list[int], cut: int) -> None:
    automaton = make(r)
    assert isinstance(automaton, Automaton)
    data = bytes(x)
    state = automaton.advance(automaton.start, data)
    rest = ref.after(r, data)
    assert automaton.is_dead(state) == (rest == ref.EMPTY)
    assert automaton.is_accepting(state) == ref.nullable(rest)
    assert automaton.advance(automaton.advance(automaton.start, data[:cut]), data[cut:]) == state
    assert automaton.advance(state, b"") == state
    for byte in ALPHABET:
        assert automaton.step(state, byte) == automaton.advance(state, bytes([byte]))
    if automaton.is_dead(state):
        assert automaton.forced_bytes(state) == b""
        return
    forced = automaton.forced_bytes(state)
    for byte in forced:
        assert not ref.nullable(rest)
        alive = [b for b in range(256) if ref.derivative(rest, b) != ref.EMPTY]
        assert alive == [byte]
        rest = ref.derivative(rest, byte)
    assert ref.nullable(rest) or sum(ref.derivative(rest, b) != ref.EMPTY for b in ALPHABET) > 1


@settings(max_examples=150, deadline=None, derandomize=True)
@given(r=expressions(), x=st.lists(st.sampled_from(list(ALPHABET)), max_size=5))
def test_distance_is_the_shortest_completion(r: tuple, x: list[int]) -> None:
    automaton = direct(r)
    state = automaton.advance(automaton.start, bytes(x))
    if automaton.is_dead(state):
        with pytest.raises(GrammarError, match="dead state"):
            automaton.distance(state)
        return
    level, seen, length = {ref.after(r, bytes(x))}, set(), 0
    while not any(ref.nullable(e) for e in level):
        seen |= level
        level = {ref.derivative(e, b) for e in level for b in ALPHABET} - {ref.EMPTY} - seen
        length += 1
    assert automaton.distance(state) == length


@settings(max_examples=100, deadline=None, derandomize=True)
@given(r=expressions(), x=st.lists(st.sampled_from(list(ALPHABET)), max_size=6), seed=st.integers(0, 3))
def test_aliases_agree_up_to_the_horizon(r: tuple, x: list[int], seed: int) -> None:
    program = (
        Grammar(lambda net, a, b: ref.emit(net, a, b, ref.cat(("rep", r, seed, 9), r)), "x").program
        if not (ref.nullable(r))
        else Grammar(lambda net, a, b: ref.emit(net, a, b, r), "x").program
    )
    engine = Engine(program, horizon=2)
    state = engine.advance(engine.start, bytes(x))
    if engine.is_dead(state):
        return
    twin = engine.alias(state)
    for first in ALPHABET:
        for second in ALPHABET:
            word = bytes([first, second])
            for end in range(3):
                p, q = engine.advance(state, word[:end]), engine.advance(twin, word[:end])
                assert (engine.is_dead(p), engine.is_accepting(p)) == (engine.is_dead(q), engine.is_accepting(q))


def test_recursion_nests_as_deep_as_memory_allows() -> None:
    network = Network()
    value = network.rule()
    inside = network.literal(value.start, b"[")
    after = network.node()
    network.call(inside, value, after)
    network.epsilon(inside, after)
    network.literal(after, b"]", value.end)
    network.call(network.main.start, value, network.main.end)
    engine = Engine(network.build())
    for depth in (1, 2, 1000):
        assert engine.is_accepting(engine.advance(engine.start, b"[" * depth + b"]" * depth))
        assert not engine.is_accepting(engine.advance(engine.start, b"[" * depth + b"]" * (depth - 1)))
    assert engine.advance(engine.start, b"[]]") == DEAD
    assert engine.forced_bytes(engine.start) == b"["


def test_large_counts_do_not_copy_the_graph() -> None:
    def emit(net: Network, a: int, b: int) -> None:
        rule = net.rule()
        net.edge(rule.start, 97, 122, rule.end)
        net.repeat(a, rule, b, 3, 65536)

    grammar = Grammar(emit, "letters")
    assert grammar.program.nodes < 10
    assert not grammar.matches(b"ab") and grammar.matches(b"a" * 65536) and not grammar.matches(b"a" * 65537)


def test_combinators() -> None:
    letters, digits = regex("[a-z]{2,4}"), regex(r"\d+")
    assert [(letters | digits).matches(x) for x in ("ab", "12", "ab1", "")] == [True, True, False, False]
    assert [(letters + digits).matches(x) for x in ("ab1", "ab", "1ab")] == [True, False, False]
    both = regex("[a-m]*") & regex("[h-z]*") & regex(".{1,3}")
    assert [both.matches(x) for x in ("him", "h", "", "ham", "himh")] == [True, True, False, False, False]
    with pytest.raises(EmptyLanguage):
        letters & digits
    nested = json_schema({"$defs": {"t": {"type": "array", "items": {"$ref": "#/$defs/t"}}}, "$ref": "#/$defs/t"})
    with pytest.raises(Unsupported, match="only regular languages") as caught:
        nested & nested
    assert caught.value.keyword == "&"
    options = choice(["yes", "no", "ja", "nein", "où"])
    assert [options.matches(x) for x in ("yes", "où", "n", "yesno", "")] == [True, True, False, False, False]
    assert (options & regex("n.*")).matches("nein") and not (options & regex("n.*")).matches("yes")
    assert after("{", options).matches("free {nein") and not after("{", options).matches("free {neinein")


def test_nothing_matches() -> None:
    with pytest.raises(EmptyLanguage, match="matches nothing"):
        Grammar(lambda net, a, b: None, "empty")


def test_budgets_are_errors() -> None:
    def ambiguous(net: Network, a: int, b: int) -> None:  # (a|b)* a (a|b){40}: a state per subset of 40 counts
        loop = net.node()
        net.epsilon(a, loop)
        rule = net.rule()
        net.edge(loop, 97, 98, loop)
        middle = net.node()
        net.edge(loop, 97, 97, middle)
        net.edge(rule.start, 97, 98, rule.end)
        net.repeat(middle, rule, b, 4000, 4000)

    grammar = Grammar(ambiguous, "ambiguous", budget=Budget(memory=1 << 22))
    with pytest.raises(BudgetExceeded, match="bytes of states"):
        grammar.matches(b"ab" * 3000)

    with pytest.raises(BudgetExceeded, match="more than 300 states"):
        Grammar(ambiguous, "ambiguous", budget=Budget(states=300)).matches(b"ab" * 3000)
    with pytest.raises(BudgetExceeded, match="more than 1000 nodes"):
        Grammar(lambda net, a, b: [net.node() for _ in range(2000)] and None, "nodes", budget=Budget(nodes=1000))
    with pytest.raises(BudgetExceeded, match="seconds"):
        Grammar(lambda net, a, b: [net.node() for _ in range(2000)] and None, "time", budget=Budget(seconds=0))

    def left(net: Network, a: int, b: int) -> None:
        rule = net.rule()
        middle = net.node()
        net.call(rule.start, rule, middle)
        net.edge(middle, 97, 97, rule.end)
        net.edge(rule.start, 97, 97, rule.end)
        net.call(a, rule, b)

    with pytest.raises(BudgetExceeded, match=r"ambiguous|bytes of states"):
        Grammar(left, "left recursion").matches(b"a")


def test_bad_arguments_are_named() -> None:
    grammar = Grammar(lambda net, a, b: net.literal(a, b"x", b) and None, "x")
    automaton = grammar.automaton
    with pytest.raises(GrammarError, match="12345 is not a state"):
        automaton.step(12345, 97)
    with pytest.raises(GrammarError, match="256 is not a byte"):
        automaton.step(automaton.start, 256)
    with pytest.raises(GrammarError, match="bytes or str, not int"):
        grammar.matches(5)  # type: ignore[arg-type]
    with pytest.raises(GrammarError, match="two grammars"):
        grammar | "x"  # type: ignore[operator]
    with pytest.raises(GrammarError, match="a pattern is a str, not int"):
        regex(5)  # type: ignore[arg-type]
    with pytest.raises(GrammarError, match="non-empty list of str"):
        choice("yes")
