"""Random statements for `sql_walks.py`: walks of a scope automaton that go where walks were rarely before.

A production is an alternative or an optional part of a rule, or a function or type of the dialect. Each token is drawn
with a weight that falls with the number of visits to the productions that lead to it. After a number of tokens the walk
heads for the end: it takes the token behind which the syntax asks for the fewest further ones.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from bytebound.grammars.scoped import ANYTHING
from bytebound.grammars.sql.scope import BETWEEN, ScopeAutomaton
from sql_tracing import TracingMachine

LONGEST = 400
"""Tokens after which a walk is given up."""
_STRINGS = ("", "a", "Paris", "x y", "it''s", "é", "%a_", "2020-02-11", "-- no comment", "1")
_DATES = ("2020-02-11", "1999-12-28", "0001-01-01", "9999-10-20")
_NUMBERS = ("0", "1", "2", "20", "007", "999999999")
_NEW = ("t1", "T2", "x", "total", "n", "_a", "a1b2")


class Walker:
    """Walks of grammars of one dialect; `visits` counts productions by label, over all its grammars."""

    def __init__(self, rng: random.Random, words: list[str]) -> None:
        self.rng, self.words = rng, words
        self.visits: Counter[str] = Counter()
        self.possible: set[str] = set()

    def trace(self, grammar: Any, syntax: str) -> ScopeAutomaton:
        """An automaton of the grammar to walk on."""
        old = grammar.automaton
        machine = TracingMachine(old.machine, syntax, old.rules.actions)
        automaton = ScopeAutomaton(machine, old.rules, "start", whitespace=old.whitespace)
        for name in machine.rules:
            machine._rule(name)
        dialect = old.rules.dialect
        self.calls = {*dialect.functions, *dialect.aggregates, *dialect.windows}
        self.possible |= set(machine.labels.values()) | {f"{word}()" for word in self.calls}
        self.possible |= {f"cast as {word}" for word in dialect.types}
        return automaton

    def walk(self, automaton: ScopeAutomaton, length: int) -> str | None:
        """A statement that heads for its end after `length` tokens; None where it went on and on.

        Raises AssertionError in a dead end.
        """
        text, state, called = "", automaton.start, ""
        for n in range(LONGEST):
            hurried = n > length
            configuration = _behind(automaton, state)
            place = automaton._place(configuration)
            place.look(ANYTHING)
            if place.ends and (hurried or self.rng.random() < 0.1):
                return text
            options = self._options(automaton, configuration, place, hurried)
            while options:
                i = self._drawn(options, hurried)
                trail, token, production, _ = options.pop(i)
                data, following = self._appended(automaton, state, text, token)
                if data is not None:
                    break
            else:
                assert place.ends, f"dead end: {text}"
                return text
            if called and token == "(":
                self.visits[f"{called}()"] += 1
            called = production if production in self.calls else ""
            if production.startswith("cast as "):
                self.visits[production] += 1
            self.visits.update(trail)
            text, state = text + data, following
        return None

    def _options(self, automaton: Any, configuration: int, place: Any, hurried: bool) -> list[tuple[Any, ...]]:
        """Productions, token, name of a function or type, and cost of what may come next."""
        machine = automaton.machine
        trails = machine.trails(*automaton._configurations[configuration])
        found = []

        def add(key: str, token: str, target: tuple[int, Any], production: str = "", more: int = 0) -> None:
            labels = [machine.labels[number] for number in trails[key]]
            found.append((labels, token, production, machine.cost(target[0]) + more))

        for text, target in (*place.keywords.items(), *place.symbols.items()):
            more = -9 if hurried and text in ("as", ",") and _missing(target[1]) else 0
            add(text, text.upper() if self.rng.random() < 0.5 else text, target, more=more)
        mark = automaton.rules.dialect.quote
        for terminal, names, target in place.names:
            words = sorted(names.words)
            if terminal == "TYPE":
                word = min(words, key=lambda word: (self.visits[f"cast as {word}"], self.rng.random()))
                add(terminal, word, target, f"cast as {word}")
                continue
            calls = [word for word in words if word in self.calls] if terminal == "NAME" else []
            others = [word for word in words if word not in calls]
            if calls:
                rare = min(calls, key=lambda word: (self.visits[f"{word}()"] * self.rng.random(), self.rng.random()))
                add(terminal, rare, target, rare, 9)
            wanted = self._wanted(terminal, automaton.rules, target[1])
            for word in self.rng.sample(others, min(len(others), 2)) + sorted(wanted & set(others)):
                add(terminal, _cased(word, self.rng), target, more=0 if word in wanted else 1)
            quoted = [name for name in sorted(names.quoted) if name not in names.words or self.rng.random() < 0.2]
            for name in self.rng.sample(quoted, min(len(quoted), 1)) + sorted(wanted & set(quoted)):
                add(terminal, mark + name.replace(mark, 2 * mark) + mark, target, more=0 if name in wanted else 1)
            if names.fresh and (terminal not in ("NAME", "COLUMN") or self.rng.random() < 0.1 or not names.words):
                new = self.rng.choice(_NEW) if self.rng.random() < 0.6 else self.rng.choice(self.words)
                for word in (new, f"n{self.rng.randrange(10**6)}"):
                    add(terminal, word, target, more=3)
        if place.number:
            terminal, target = place.number
            numbers = sorted(place.numerals) if place.numerals else list(_NUMBERS)
            numbers += ["3.5", "0.0"] if place.decimal else []
            add(terminal, self.rng.choice(numbers), target)
        if place.string:
            terminal, target = place.string
            quote = "'"
            if place.is_dated:
                word = target[1].word
                content = self.rng.choice(_DATES) + (" 10:20:30" if word == "timestamp" else "")
                content = self.rng.choice("!^~") if word == "escape" else content
            else:
                content = self.rng.choice(_STRINGS)
                quote = '"' if place.double and self.rng.random() < 0.3 and content.isalpha() else "'"
            add(terminal, quote + content + quote, target)
        return found

    @staticmethod
    def _wanted(terminal: str, rules: Any, scope: Any) -> set[str]:
        """Names that meet references which wait for FROM."""
        waiting = scope.levels[-1].waiting if scope.levels else ()
        if terminal == "TABLE":
            names, aliases = {w.name for w in waiting}, {w.alias for w in waiting}
            return {r.name for r in rules.known(scope) if r.name in aliases or any(n in names for n, _ in r.columns)}
        if terminal == "NEW_ALIAS":
            return {w.alias for w in waiting}
        if terminal == "NEW_OUTPUT" and len(scope.levels) > 1:
            return _missing(scope)
        return set()

    def _drawn(self, options: list[tuple[Any, ...]], hurried: bool) -> int:
        if self.rng.random() < 0.3:
            rare = [min((self.visits[label] for label in o[0]), default=99) for o in options]
            if min(rare) < 20:
                return rare.index(min(rare))
        if hurried and self.rng.random() < 0.95:
            return min(range(len(options)), key=lambda i: (options[i][3], self.rng.random()))
        weights = [1 / (1 + min((self.visits[label] for label in o[0]), default=0)) ** 0.5 + 1e-3 for o in options]
        return self.rng.choices(range(len(options)), weights)[0]

    def _appended(self, automaton: Any, state: int, text: str, token: str) -> tuple[str | None, int]:
        """The token with white space before it, and the state behind, where the token can end there."""
        gap = self.rng.choice(("", " ", " ", " ", "\n", "  ", "\t"))
        gaps = [gap, " ", ""]
        if text and (text[-1] == token[0] or (_is_word(text[-1]) and _is_word(token[0]))):
            gaps = [gap or " ", " "]  # without white space they would be one token
        for data in (gap + token for gap in gaps):
            following = automaton.advance(state, data.encode())
            if following >= 0 and _behind(automaton, following) is not None:
                return data, following
        return None, -1


def _behind(automaton: Any, state: int) -> Any:
    """The configuration behind the token that was read last; None where it cannot end."""
    configuration, mode, text, extra = automaton._states[state]
    return configuration if mode == BETWEEN else automaton._end(configuration, mode, text, extra)


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _missing(scope: Any) -> set[str]:
    """Columns that the query around a derived table wants of some alias, and that it does not have yet."""
    if len(scope.levels) < 2 or scope.levels[-1].role != "derived" or scope.levels[-1].phase != "items":
        return set()
    level, outer = scope.levels[-1], scope.levels[-2]
    if len(level.outputs) > 6:
        return set()
    aliases = {bound.alias for bound in outer.tables}
    found = {out.name for out in level.outputs}
    unbound = sorted((w.alias, w.name) for w in outer.waiting if w.alias and w.alias not in aliases and w.name != "*")
    return {name for alias, name in unbound if alias == unbound[0][0]} - found


def _cased(word: str, rng: random.Random) -> str:
    return rng.choice((word, word, word.upper(), word.title() if word.isascii() else word))
