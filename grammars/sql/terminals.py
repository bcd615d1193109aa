"""Terminals: which names, numbers and strings may stand at a place, and what they do to the scope."""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import NamedTuple

from .calls import RANKS
from .clauses import Clauses
from .dialects import Dialect
from .levels import Relation, Scope
from .machine import Action
from .queries import relevelled
from .resolution import WHOLE
from .schema import Schema
from .traces import Traces

_NOTHING: frozenset[str] = frozenset()


class Names(NamedTuple):
    """Names that may stand at a place: known ones, words that need no quotes, and whether any other new one may."""

    quoted: frozenset[str] = _NOTHING
    words: frozenset[str] = _NOTHING
    fresh: bool = False
    excluded: frozenset[str] = _NOTHING
    """New names that may not stand here."""


class Terminals(Clauses):
    """Terminals by name: `names` of those that are names, and `take_X` for what they do."""

    def _names(self, known: Set[str], fresh: bool = False, excluded: Set[str] = _NOTHING) -> Names:
        quoted = frozenset(name for name in known if name)
        words = quoted - self.unplain
        return Names(quoted, words, fresh, self.dialect.avoided | excluded | known if fresh else _NOTHING)

    def __init__(self, dialect: Dialect, schema: Schema, forward: bool) -> None:
        super().__init__(dialect, schema, forward)
        self._functions = Traces(self._functions_here)
        self.actions: dict[str, Action] = {
            name: getattr(self, name) for name in dir(self) if name.startswith(("do_", "if_"))
        }

    def _functions_here(self, key: str, scope: Scope) -> frozenset[str]:
        """Words that begin calls, or dates."""
        functions = set()
        for word in (*self.dialect.aggregates, *self.dialect.windows, *self.dialect.functions):
            place = scope._replace(word=word, quoted=False)
            if self.if_aggregate(place) or self.if_window(place) or self.if_function(place):
                functions.add(word)
        for word in ("date", "timestamp"):
            if self.if_dated(scope._replace(word=word, quoted=False)):
                functions.add(word)
        return frozenset(functions)

    def like(self, terminal: str, scope: Scope) -> Scope:
        """A scope in which the terminal stands for the same names, the same one for many."""
        return scope._replace(word=self.alias_like(scope, scope.word)) if terminal == "COLUMN" else scope

    def names_of(self, terminal: str, scope: Scope) -> Names:
        """The names that `terminal` stands for at this place."""
        function: Callable[[Scope], Names] = getattr(self, f"names_{terminal.lower()}")
        return function(scope)

    def taken(self, terminal: str, scope: Scope, key: str, quoted: bool) -> Scope | None:
        """The scope after the terminal with this name."""
        function: Callable[..., Scope | None] = getattr(self, f"take_{terminal.lower()}")
        return function(scope, key, quoted) if terminal == "NAME" else function(scope, key)

    def names_name(self, scope: Scope) -> Names:
        frame = scope.frames[-1]
        level = scope.levels[-1]
        if frame.flags & WHOLE:
            return Names()
        ordering = level.phase == "order" and frame.role == "order" and not frame.bare
        outputs = set()
        if ordering:
            outputs = {
                out.name for out in level.first or level.outputs if out.name and self.order_output(scope, out.name)
            }
        if ordering and self.only_outputs(scope):
            return self._names(outputs)
        known = self.names(scope)
        if ordering:
            known = frozenset(name for name in known if self.order_output(scope, name) is None)
        qualifiers, fresh = self.qualifiers(scope)
        functions = self._functions.result("", scope)
        bad: set[str] = set()
        if fresh:
            bad = self.aliases_around(scope) - qualifiers
        result = self._names(known | outputs | qualifiers, fresh, bad)
        return result._replace(words=result.words | functions)

    def take_name(self, scope: Scope, key: str, quoted: bool) -> Scope:
        return scope._replace(word=key, quoted=quoted)

    def names_column(self, scope: Scope) -> Names:
        known, fresh = self.columns(scope)
        every = {name for relation in self.known(scope) for name, _ in relation.columns}
        return self._names(known, fresh, every - known)

    def take_column(self, scope: Scope, key: str) -> Scope | None:
        meaning = self.meaning(scope, scope.word, key)
        return None if meaning is None else self.refer(scope, meaning)

    def names_table(self, scope: Scope) -> Names:
        return self._names({relation.name for relation in self.known(scope) if self.may_join(scope, relation)})

    def take_table(self, scope: Scope, key: str) -> Scope:
        relation = next(relation for relation in self.known(scope) if relation.name == key)
        return relevelled(scope, pending=relation)

    def names_recursive_table(self, scope: Scope) -> Names:
        relation = scope.levels[-1].itself
        assert relation is not None
        return self._names({relation.name})

    def take_recursive_table(self, scope: Scope, key: str) -> Scope:
        return relevelled(scope, phase="from")

    def names_collation(self, scope: Scope) -> Names:
        if self.dialect.name == "postgres":
            return Names(quoted=frozenset(("C",)))
        return Names(words=frozenset(("binary", "nocase", "rtrim")))

    def take_collation(self, scope: Scope, key: str) -> Scope:
        return scope

    def names_new_alias(self, scope: Scope) -> Names:
        good, bad, fresh = self.aliases(scope)
        return self._names(good, fresh, bad)

    def take_new_alias(self, scope: Scope, key: str) -> Scope | None:
        relation = scope.levels[-1].pending
        assert relation is not None
        level = self.bound(scope, relation, key)
        if level is None:
            return None
        return scope._replace(levels=(*scope.levels[:-1], level), names=scope.names | {key})

    def names_new_output(self, scope: Scope) -> Names:
        if self.named(scope, "\0") is None:
            return Names()
        level = scope.levels[-1]
        waiting = {w.name for w in scope.levels[-2].waiting} if level.role == "derived" else set()
        own = {w.name for w in level.waiting if not w.alias and self.dialect.name == "duckdb"}
        bad = {name for name in waiting | own if self.named(scope, name) is None}
        return self._names(waiting - bad, True, bad)

    def take_new_output(self, scope: Scope, key: str) -> Scope | None:
        return self.named(scope, key)

    def names_window(self, scope: Scope) -> Names:
        level, frame = scope.levels[-1], scope.frames[-1]
        if self.dialect.name == "mysql" and frame.function in (*RANKS, "row_number"):
            return Names()  # those ask for more of the definition
        if self.dialect.name == "duckdb" and level.phase == "order":
            return Names()  # it knows none there
        fresh = level.phase == "items" and len(level.windows) < 8
        return self._names(level.windows, fresh)._replace(quoted=_NOTHING)  # SQLite knows none in quotes

    def take_window(self, scope: Scope, key: str) -> Scope:
        return relevelled(scope, windows=scope.levels[-1].windows | {key})

    def names_new_window(self, scope: Scope) -> Names:
        return Names(words=scope.levels[-1].windows - scope.levels[-1].defined)

    def take_new_window(self, scope: Scope, key: str) -> Scope:
        return relevelled(scope, defined=scope.levels[-1].defined | {key})

    def names_new_cte(self, scope: Scope) -> Names:
        taken = self.known(scope) if scope.levels[-1].recursing else scope.levels[-1].ctes
        return self._names(set(), True, {relation.name for relation in taken})

    def take_new_cte(self, scope: Scope, key: str) -> Scope:
        return relevelled(scope._replace(names=scope.names | {key}), naming=(key,))

    def names_new_cte_column(self, scope: Scope) -> Names:
        naming = scope.levels[-1].naming
        return self._names(set(), len(naming) < 30, set(naming[1:]))

    def take_new_cte_column(self, scope: Scope, key: str) -> Scope:
        return relevelled(scope._replace(names=scope.names | {key}), naming=(*scope.levels[-1].naming, key))

    def names_using_column(self, scope: Scope) -> Names:
        return self._names(self.using_columns(scope))

    def take_using_column(self, scope: Scope, key: str) -> Scope:
        return self.use(scope, key)

    def names_type(self, scope: Scope) -> Names:
        return Names(words=frozenset(self._targets(scope, scope.frames[-1].kind)))

    def take_type(self, scope: Scope, key: str) -> Scope:
        return scope._replace(word=key)

    def names_written_table(self, scope: Scope) -> Names:
        return self._names({self.dialect.key(table.name) for table in self.schema.tables if not table.is_view})

    def take_written_table(self, scope: Scope, key: str) -> Scope:
        return scope._replace(target=next(relation for relation in self.relations if relation.name == key))

    def names_insert_column(self, scope: Scope) -> Names:
        return self._names(self.writable(scope))

    def take_insert_column(self, scope: Scope, key: str) -> Scope:
        return scope._replace(columns=(*scope.columns, key))

    names_set_column, take_set_column = names_insert_column, take_insert_column

    # Numbers and strings.

    def numerals(self, terminal: str, scope: Scope) -> frozenset[str] | None:
        """The numerals that a terminal stands for, None where any whole number will do."""
        return frozenset(map(str, self.positions(scope))) if terminal == "POSITION" else None

    def number(self, terminal: str, scope: Scope, text: str) -> Scope | None:
        """The scope after a number."""
        if terminal == "POSITION":
            outputs = scope.levels[-1].first or scope.levels[-1].outputs
            return self.sorted_on(scope, [outputs[int(text) - 1].reference])
        if terminal in ("INTEGER", "FRAME"):
            return scope
        whole = text.isdigit()
        if scope.frames[-1].flags & WHOLE and not (whole and len(text) <= 9):
            return None
        return self.literal(scope, "int" if whole else "number")

    def string(self, terminal: str, scope: Scope) -> Scope | None:
        """The scope after a string, or after the string of a date."""
        if scope.word == "escape":
            return scope._replace(word="")
        return self.literal(scope._replace(word=""), scope.word if terminal == "DATED" else "text")


NAMES = frozenset(
    name.removeprefix("names_").upper() for name in dir(Terminals) if name.startswith("names_") and name != "names_of"
)
NUMBERS = frozenset(("NUMBER", "INTEGER", "FRAME", "POSITION"))
STRINGS = frozenset(("STRING", "DATED"))
__all__ = ["NAMES", "NUMBERS", "STRINGS", "Names", "Relation", "Terminals"]
