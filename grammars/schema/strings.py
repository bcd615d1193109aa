"""Sets of strings given by patterns, formats, values and lengths, decided exactly and added to a network.

Patterns and formats are regular, so a set is a product of automata over code points; lengths alone are counted loops.
Automata are made once in a process and kept by their content.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from math import inf

from ..errors import BudgetExceeded, GrammarError
from ..network import Network, Rule
from ..regular import CharacterAutomaton, parse
from . import formats
from .spelling import add_json_characters
from .text import add_literal, add_one_of, bounded_string, character_of, free_key, free_string

MAX_STATES = 20_000
COUNTED_FROM = 200  # states of a pattern from which its long repetitions are counted, not written out


@dataclass(frozen=True)
class StringSet:
    """Strings that match every pattern (search) and format, within length bounds in characters, among `values`.

    None of the `excluded` sets holds any of them.
    """

    patterns: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    minimum: int = 0
    maximum: int | None = None
    values: tuple[str, ...] | None = None
    excluded: tuple[StringSet, ...] = ()

    @property
    def is_free(self) -> bool:
        """Whether only lengths restrict it."""
        return not self.patterns and not self.formats and self.values is None and not self.excluded

    @property
    def forbidden(self) -> frozenset[str] | None:
        """The strings outside the set, where nothing but a list of them restricts it; else None."""
        if self != StringSet(excluded=self.excluded) or any(others.values is None for others in self.excluded):
            return None
        return frozenset(text for others in self.excluded for text in members(others))

    @property
    def is_empty(self) -> bool:
        """Whether no string is in the set."""
        if self.maximum is not None and self.minimum > self.maximum:
            return True
        if self.values is not None:
            return not members(self)
        if self.is_free or self.forbidden is not None:
            return False
        if self.minimum or self.maximum is not None:
            machine = automaton(replace(self, minimum=0, maximum=None))
            if machine.is_empty():
                return True
            shortest = machine.shortest()
            if self.minimum <= shortest and (self.maximum is None or shortest <= self.maximum):
                return False
        return automaton(self).is_empty()

    def __contains__(self, text: str) -> bool:
        return bool(self.among((text,)))

    def among(self, texts: Iterable[str]) -> tuple[str, ...]:
        """Those of the given strings that are in the set, in the order given."""
        found = list(texts)
        if self.minimum or self.maximum is not None:
            most = inf if self.maximum is None else self.maximum
            found = [text for text in found if self.minimum <= len(text) <= most]
        if self.values is not None:
            values = frozenset(self.values)
            found = [text for text in found if text in values]
        for strings in self.excluded:
            others = frozenset(strings.among(found))
            found = [text for text in found if text not in others]
        for machine in [_pattern(p) for p in self.patterns] + [formats.automaton(f) for f in self.formats]:
            found = [text for text in found if machine.matches(text)]
        return tuple(found)


def check_pattern(pattern: str, pointer: str, keyword: str) -> None:
    """Raise our error for a pattern that is broken or not regular, with its place in the schema."""
    try:
        _pattern(pattern)
    except GrammarError as error:
        raise type(error)(f"{keyword} {pattern!r:.80}: {error.message}", pointer=pointer, keyword=keyword) from error


def pattern_matches(pattern: str, text: str) -> bool:
    """Whether the pattern is found in the text."""
    return _pattern(pattern).matches(text)


@lru_cache(maxsize=4096)
def _pattern(pattern: str) -> CharacterAutomaton:
    return parse(pattern, dialect="ecma").automaton(search=True, max_states=MAX_STATES)


@lru_cache(maxsize=4096)
def members(strings: StringSet) -> tuple[str, ...]:
    """The strings of a set that is given by its values."""
    assert strings.values is not None
    return strings.among(strings.values)


@lru_cache(maxsize=4096)
def automaton(strings: StringSet) -> CharacterAutomaton:
    """The set as an automaton over code points. Raises BudgetExceeded when it needs too many states."""
    if strings.values is not None:
        return CharacterAutomaton.from_strings(list(members(strings)))
    result = CharacterAutomaton.everything()
    for machine in [_pattern(p) for p in strings.patterns] + [formats.automaton(f) for f in strings.formats]:
        result = machine if result.states == 1 and _is_everything(result) else result.intersect(machine)
    for others in strings.excluded:
        result = result.difference(automaton(others))
    maximum = strings.maximum
    if maximum is not None and not result.is_empty() and (result.longest() or inf) <= maximum:
        maximum = None  # no string is longer
    try:
        if result.states * max(strings.minimum, maximum or 0) > 10 * MAX_STATES:
            raise BudgetExceeded("too many states")
        return result.length_between(strings.minimum, maximum)
    except BudgetExceeded as error:
        there = (strings.patterns, strings.formats, strings.minimum, strings.maximum is not None)
        names = [n for n, given in zip(("pattern", "format", "minLength", "maxLength"), there, strict=True) if given]
        raise BudgetExceeded(f"{' and '.join(names)} together need too large an automaton") from error


def add_strings(net: Network, a: int, strings: StringSet, b: int) -> None:
    """Add the strings of the set, quotes included, between the nodes a and b."""
    if strings.values is not None:
        values = members(strings)
        if len(values) == 1:
            add_literal(net, a, values[0], b)
        elif values:
            add_one_of(net, a, values, b)
        return
    if not strings.is_free and _add_run(net, a, strings, b):
        return
    net.call(a, _rule(net, strings), b)


def _rule(net: Network, strings: StringSet) -> Rule:
    if strings.is_free:
        if not strings.minimum and strings.maximum is None:
            return free_string(net)
        return bounded_string(net, strings.minimum, strings.maximum)
    if strings.forbidden is not None:
        return free_key(net, strings.forbidden)
    key = ("strings", strings)
    rule: Rule | None = net.memo.get(key)
    if rule is None:
        machine = automaton(strings)
        if _is_everything(machine):
            return free_string(net)
        rule = net.memo[key] = net.rule()
        before, after = net.node(), net.node()
        net.edge(rule.start, 0x22, 0x22, before)
        if machine.states > COUNTED_FROM and strings == StringSet(patterns=strings.patterns[:1]):
            parse(strings.patterns[0], dialect="ecma").emit(net, before, after, add_json_characters, search=True)
        else:
            machine.emit(net, before, after, add_json_characters)
        net.edge(after, 0x22, 0x22, rule.end)
    return rule


def _add_run(net: Network, a: int, strings: StringSet, b: int) -> bool:
    """Add strings of any characters of one set, with bounds of their number, as a counted loop; False for others."""
    if strings.excluded or strings.values is not None or (not strings.minimum and strings.maximum is None):
        return False
    machine = automaton(StringSet(strings.patterns, strings.formats))
    if machine.states > 2 or machine.is_empty() or not machine.accepting[-1]:
        return False
    last = machine.states - 1
    steps = {(s, t): ranges for s, t, ranges in machine.edges}
    if len(set(steps.values())) != 1 or set(steps) != {(0, last), (last, last)}:
        return False
    minimum = max(strings.minimum, last)
    if strings.maximum is not None and minimum > strings.maximum:
        return False
    (ranges,) = set(steps.values())
    before, after = net.node(), net.node()
    net.edge(a, 0x22, 0x22, before)
    net.repeat(before, character_of(net, ranges), after, minimum, strings.maximum)
    net.edge(after, 0x22, 0x22, b)
    return True


def _is_everything(machine: CharacterAutomaton) -> bool:
    return machine.states == 1 and bool(machine.accepting[0]) and bool((machine.table == 0).all())
